//! What a peer does, read: `alice > INVITE sip:bob@example.com`, `bob answers with 180, 200 after 3s`.

use std::path::Path;

use engine::Transport;

use super::fault::Fault;
use super::plan::{Act, HeaderEdit, Plan, ReplyPlan, Rule, RuleKind, Send};
use super::words::{Statement, Word, Words};

const HINT: &str = "`> METHOD URI`, `answers with 200`, `rejects with 486`, `silent`, `unreachable`, `sends no ACK`";
/// Methods with a meaning inside a dialog.
const IN_DIALOG: &str = "write a Request-URI, or `call NAME` for a call of that label";

/// Reads the rest of the line and the lines below it.
pub(super) fn read(
    plan: &Plan,
    peer: usize,
    statement: &Statement<'_>,
    words: &mut Words<'_>,
    folder: &Path,
) -> Result<Act, Fault> {
    let verb = words.want("what it does", HINT)?;
    match verb.text {
        ">" => sends(peer, statement, words, folder),
        "answers" | "rejects" => answers(peer, verb, statement, words),
        "silent" | "unreachable" => {
            statement.nothing_below()?;
            words.end("it stands alone")?;
            let kind = match verb.text {
                "silent" => RuleKind::Silent,
                _ => RuleKind::Unreachable,
            };
            Ok(Act::Rule(peer, rule(kind)))
        }
        "sends" => {
            statement.nothing_below()?;
            let is_no = words.take("no");
            let is_ack = words.take("ACK");
            words.end("`sends no ACK`, `sends ACK`")?;
            match is_ack {
                true => Ok(Act::Acks(peer, !is_no)),
                false => Err(words.fault(verb, "it sends what?", "`sends no ACK`, `sends ACK`")),
            }
        }
        other => {
            let name = &plan.peers[peer].name;
            let reason = format!("`{other}` is nothing that a peer does");
            Err(words.fault(
                verb,
                reason,
                format!("`{name} {}", HINT.trim_start_matches('`')),
            ))
        }
    }
}

fn rule(kind: RuleKind) -> Rule {
    Rule {
        method: None,
        kind,
        headers: Vec::new(),
        body: None,
    }
}

fn sends(
    peer: usize,
    statement: &Statement<'_>,
    words: &mut Words<'_>,
    folder: &Path,
) -> Result<Act, Fault> {
    const WHAT: &str =
        "`> INVITE sip:bob@example.com`, `> BYE`, `> file message.sip`, `> raw`, `> again`";
    let method = words.want("what is sent", WHAT)?;
    match method.text {
        "again" => {
            statement.nothing_below()?;
            words.end("`again` stands alone")?;
            return Ok(Act::Again(peer));
        }
        "file" => {
            statement.nothing_below()?;
            let word = words.want("the file", WHAT)?;
            let path = folder.join(word.text);
            let text = std::fs::read(&path).map_err(|error| {
                let reason = format!("{}: {error}", path.display());
                words.fault(
                    word,
                    reason,
                    "a message in a file, looked for beside the test",
                )
            })?;
            let (transport, to) = way(words)?;
            return Ok(Act::Raw {
                peer,
                bytes: with_line_ends(&text),
                transport,
                to,
            });
        }
        "raw" => {
            let (transport, to) = way(words)?;
            let mut text = Vec::new();
            for line in &statement.below {
                let Some(rest) = line.1.trim_start().strip_prefix('|') else {
                    let hint = "each line of the message behind `| `";
                    return Err(statement.fault_below(*line, "a raw message", hint));
                };
                text.extend_from_slice(rest.strip_prefix(' ').unwrap_or(rest).as_bytes());
                text.extend_from_slice(b"\r\n");
            }
            return Ok(Act::Raw {
                peer,
                bytes: text,
                transport,
                to,
            });
        }
        other
            if !other
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.!%*+`'~".contains(&byte)) =>
        {
            return Err(words.fault(method, format!("`{other}` is no method"), WHAT));
        }
        _ => {}
    }
    let mut send = Send {
        peer,
        method: method.text.to_owned(),
        uri: None,
        call: None,
        transport: None,
        to: None,
        sdp: false,
        headers: Vec::new(),
        body: None,
    };
    if words.peek().is_some_and(|word| word.text.contains(':')) {
        send.uri = words.next().map(|word| word.text.to_owned());
    }
    while let Some(word) = words.next() {
        match word.text {
            "by" => send.transport = Some(transport(words)?),
            "to" => send.to = Some(words.address()?),
            "sdp" => send.sdp = true,
            "call" => {
                send.call = Some(
                    words
                        .want("the label of the call", IN_DIALOG)?
                        .text
                        .to_owned(),
                )
            }
            other => {
                let reason = format!("`{other}` says nothing of a request");
                return Err(words.fault(
                    word,
                    reason,
                    "`by tcp`, `to 10.0.0.100:5070`, `sdp`, `call NAME`",
                ));
            }
        }
    }
    let is_outside = matches!(send.method.as_str(), "REGISTER" | "SUBSCRIBE" | "PUBLISH");
    if send.uri.is_none() && is_outside {
        let reason = format!("{} wants a Request-URI", send.method);
        return Err(words.fault(
            method,
            reason,
            format!("`> {} sip:example.com`", send.method),
        ));
    }
    (send.headers, send.body) = below(statement, false)?;
    Ok(Act::Send(send))
}

fn way(words: &mut Words<'_>) -> Result<(Option<Transport>, Option<std::net::SocketAddr>), Fault> {
    let (mut by, mut to) = (None, None);
    while let Some(word) = words.next() {
        match word.text {
            "by" => by = Some(transport(words)?),
            "to" => to = Some(words.address()?),
            other => {
                let reason = format!("`{other}` says nothing of a message");
                return Err(words.fault(word, reason, "`by tcp`, `to 10.0.0.100:5070`"));
            }
        }
    }
    Ok((by, to))
}

fn transport(words: &mut Words<'_>) -> Result<Transport, Fault> {
    let word = words.want("the transport", "`by udp`, `by tcp`")?;
    match word.text {
        "udp" => Ok(Transport::Udp),
        "tcp" => Ok(Transport::Tcp),
        other => Err(words.fault(
            word,
            format!("`{other}` is not simulated"),
            "`by udp`, `by tcp`",
        )),
    }
}

/// `answers [METHOD] [with] 180 Ringing after 1s, 200 OK after 3s [then [with] 200]...`
fn answers(
    peer: usize,
    verb: Word<'_>,
    statement: &Statement<'_>,
    words: &mut Words<'_>,
) -> Result<Act, Fault> {
    const HINT: &str = "`answers [METHOD] with 180 after 1s, 200 OK after 3s`; `then with 503` for the next request";
    let mut method = None;
    if let Some(word) = words.peek()
        && word.text != "with"
        && word
            .text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphabetic())
    {
        method = Some(word.text.to_owned());
        words.next();
    }
    let mut lists = vec![Vec::new()];
    words.take("with");
    while words.peek().is_some() {
        if words.take("then") {
            words.take("with");
            lists.push(Vec::new());
            continue;
        }
        let reply = reply(words, HINT)?;
        lists.last_mut().expect("never empty").push(reply);
    }
    if lists == [Vec::new()] {
        let code = if verb.text == "rejects" { 486 } else { 200 };
        lists[0].push(reply_of(code, "", 0));
    }
    if lists.iter().any(Vec::is_empty) {
        return Err(words.fault_at_end("which replies?", HINT));
    }
    let (headers, body) = below(statement, true)?;
    Ok(Act::Rule(
        peer,
        Rule {
            method,
            kind: RuleKind::Replies(lists),
            headers,
            body,
        },
    ))
}

fn reply(words: &mut Words<'_>, hint: &str) -> Result<ReplyPlan, Fault> {
    let word = words.want("a status code", hint)?;
    let mut ends = word.text.ends_with(',');
    let code = word.text.trim_end_matches(',');
    let code: u16 = code
        .parse()
        .ok()
        .filter(|code| (100..700).contains(code))
        .ok_or_else(|| words.fault(word, format!("`{code}` is no status code"), hint))?;
    let mut reason = String::new();
    let mut after_us = 0;
    while let Some(word) = words.peek().filter(|word| !ends && word.text != "then") {
        ends = word.text.ends_with(',');
        words.next();
        if word.text == "after" {
            let time = words.peek();
            after_us = words.time()?;
            ends = time.is_some_and(|time| time.text.ends_with(','));
        } else {
            reason += if reason.is_empty() { "" } else { " " };
            reason += word.text.trim_end_matches(',');
        }
    }
    Ok(reply_of(code, &reason, after_us))
}

fn reply_of(code: u16, reason: &str, after_us: u64) -> ReplyPlan {
    let reason = match reason {
        "" => super::sip::reason_of(code),
        reason => reason,
    };
    ReplyPlan {
        code,
        reason: reason.to_owned(),
        after_us,
    }
}

/// Header fields and body: `Name: value`, `-Name` leaves it out, `| ` begins a line of the body. Before a field of
/// a reply may stand the code it is for.
fn below(
    statement: &Statement<'_>,
    is_reply: bool,
) -> Result<(Vec<HeaderEdit>, Option<String>), Fault> {
    let mut headers = Vec::new();
    let mut body: Option<String> = None;
    for &line in &statement.below {
        let text = line.1.trim();
        if let Some(rest) = text.strip_prefix('|') {
            let body = body.get_or_insert_default();
            body.push_str(rest.strip_prefix(' ').unwrap_or(rest));
            body.push_str("\r\n");
            continue;
        }
        let (code, field) = match text.split_once(' ') {
            Some((code, rest)) if is_reply && code.len() == 3 && code.parse::<u16>().is_ok() => {
                (code.parse().ok(), rest.trim())
            }
            _ => (None, text),
        };
        if let Some(name) = field.strip_prefix('-') {
            headers.push(HeaderEdit {
                code,
                name: name.trim().to_owned(),
                value: None,
            });
            continue;
        }
        let Some((name, value)) = field.split_once(':').filter(|(name, _)| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic())
        }) else {
            let hint = "`Name: value`, `-Name` to leave one out, `| text` for the body";
            return Err(statement.fault_below(line, "no header field", hint));
        };
        headers.push(HeaderEdit {
            code,
            name: name.to_owned(),
            value: Some(value.trim().to_owned()),
        });
    }
    Ok((headers, body))
}

/// Line feeds become the line ends of SIP; what has them already stays.
fn with_line_ends(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 64);
    for &byte in text {
        if byte == b'\n' && out.last() != Some(&b'\r') {
            out.push(b'\r');
        }
        out.push(byte);
    }
    out
}
