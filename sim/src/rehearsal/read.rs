//! A `.test` file read: the head, the steps, the place of what is expected.
//!
//! One statement a line; indented lines belong to the statement above them. What stands in the head and what a
//! step is says its first word; the name of a peer begins what that peer does.

use std::path::Path;

use engine::Transport;

use super::fault::Fault;
use super::limits::{PEERS_MAX, SERVERS_MAX, SHARDS_MAX, WAIT_US_MAX};
use super::plan::{Act, ListenPlan, PeerPlan, Plan, ServerPlan, Show, Step};
use super::says;
use super::words::{Statement, Word, Words, address_of};

/// 2026-01-01T12:00:00Z: noon, so that scripts that look at the clock find a working day (a Thursday).
const EPOCH_S: u64 = 1_767_268_800;
const DELAY_US: u64 = 10_000;
/// L_INFO.
const LOG_LEVEL: i8 = 3;
/// The line between the test and what is expected.
const LINE: &str = "---";

/// The words that begin a line of the head or a step; no peer is called so.
const HEAD: [&str; 10] = [
    "server", "script", "shards", "listen", "domain", "define", "watch", "peer", "dns", "network",
];
const STEPS: [&str; 7] = ["wait", "calm", "mi", "lose", "shard", "show", "file"];

/// Reads a test file. `folder` is where the files are that it names.
pub(super) fn read(file: &str, text: &str, folder: &Path) -> Result<Plan, Fault> {
    let mut plan = Plan {
        file: file.to_owned(),
        servers: vec![ServerPlan {
            name: "tandem".to_owned(),
            shards: 1,
            ..ServerPlan::default()
        }],
        delay_us: DELAY_US,
        epoch_us: EPOCH_S * 1_000_000,
        log_level: LOG_LEVEL,
        ..Plan::default()
    };
    let (above, expected_at) = split(text);
    plan.expected_at = expected_at;
    let mut names_a_server = false;
    for statement in statements(file, above)? {
        one(&mut plan, &statement, &mut names_a_server, folder)?;
    }
    for server in &plan.servers {
        if server.script.is_empty() {
            return Err(Fault::of_file(
                file,
                format!("no script for `{}`", server.name),
                "write `script FILE` in the first lines; the file is looked for beside the test",
            ));
        }
    }
    Ok(plan)
}

/// What is above the line, and where what is below it begins.
fn split(text: &str) -> (&str, Option<usize>) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_end() == LINE {
            return (&text[..start], Some(start + line.len()));
        }
        start += line.len();
    }
    (text, None)
}

fn statements<'a>(file: &'a str, text: &'a str) -> Result<Vec<Statement<'a>>, Fault> {
    let mut statements: Vec<Statement<'a>> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if !line.starts_with([' ', '\t']) {
            statements.push(Statement {
                file,
                number,
                line,
                below: Vec::new(),
            });
            continue;
        }
        match statements.last_mut() {
            Some(statement) => statement.below.push((number, line)),
            None => {
                let stray = Statement {
                    file,
                    number,
                    line,
                    below: vec![(number, line)],
                };
                return Err(stray.fault_below(
                    (number, line),
                    "an indented line, and nothing above that it belongs to",
                    "write it at the beginning of the line",
                ));
            }
        }
    }
    Ok(statements)
}

fn one(
    plan: &mut Plan,
    statement: &Statement<'_>,
    names_a_server: &mut bool,
    folder: &Path,
) -> Result<(), Fault> {
    let mut words = statement.words();
    let Some(first) = words.next() else {
        return Ok(());
    };
    let is_head = HEAD.contains(&first.text) || matches!(first.text, "time" | "log");
    if is_head {
        if !plan.steps.is_empty() {
            let reason = format!("`{}` belongs to the head", first.text);
            return Err(words.fault(first, reason, "write it above the first step"));
        }
        statement.nothing_below()?;
        return head(plan, first, &mut words, names_a_server);
    }
    if !matches!(first.text, "file" | "mi") && STEPS.contains(&first.text) {
        statement.nothing_below()?;
    }
    let act = match first.text {
        "file" => {
            let (path, bytes) = file(statement, &mut words, folder)?;
            // Above the first step it is what the scripts start with.
            if plan.steps.is_empty() {
                plan.files.push((path, bytes));
                return Ok(());
            }
            Act::File(path, bytes)
        }
        "wait" => {
            let time = words.time()?;
            if time > WAIT_US_MAX {
                let reason = "no test waits longer than a week";
                return Err(words.fault(first, reason, "7 times 24h at most"));
            }
            words.end("a wait is one time: `wait 5s`")?;
            Act::Wait(time)
        }
        "calm" => {
            words.end("`calm` stands alone")?;
            Act::Calm
        }
        "mi" => command(plan, statement, &mut words)?,
        "lose" => lose(plan, &mut words)?,
        "shard" => {
            const HINT: &str = "`shard 1`, or `shard any` for the one the kernel would choose";
            let act = if words.take("any") {
                Act::Shard(None)
            } else {
                let word = words.peek();
                let shard: u16 = words.number("number of a shard", HINT)?;
                let most = plan.servers.iter().map(|server| server.shards).max();
                if let Some(word) = word.filter(|_| shard >= most.unwrap_or(1)) {
                    let reason = format!("there is no shard {shard}: they are counted from 0");
                    return Err(words.fault(word, reason, "`shards N` in the head makes more"));
                }
                Act::Shard(Some(shard))
            };
            words.end(HINT)?;
            act
        }
        "show" => Act::Show(show(&mut words)?),
        name => match plan.peers.iter().position(|peer| peer.name == name) {
            Some(peer) => says::read(plan, peer, statement, &mut words, folder)?,
            None => return Err(stranger(plan, first, &words)),
        },
    };
    plan.steps.push(Step {
        at: statement.at(),
        text: statement.line.trim_end().to_owned(),
        act,
    });
    Ok(())
}

/// A first word that means nothing: a peer that is not declared, or a step that does not exist.
fn stranger(plan: &Plan, first: Word<'_>, words: &Words<'_>) -> Fault {
    let name = first.text;
    let is_peer = matches!(
        words.peek().map(|word| word.text),
        Some(">" | "answers" | "rejects" | "silent" | "unreachable" | "sends")
    );
    if is_peer {
        let known: Vec<_> = plan.peers.iter().map(|peer| peer.name.as_str()).collect();
        let hint = match nearest(name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "declare it in the head: peer {name} 10.0.0.{}",
                plan.peers.len() + 1
            ),
        };
        return words.fault(first, format!("no peer is called `{name}`"), hint);
    }
    let known: Vec<&str> = HEAD
        .into_iter()
        .chain(STEPS)
        .chain(["time", "log"])
        .collect();
    let hint = match nearest(name, &known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "a step is `PEER > METHOD URI`, `PEER answers ...`, or one of {}",
            STEPS.join(", ")
        ),
    };
    words.fault(
        first,
        format!("`{name}` is neither a step nor a peer"),
        hint,
    )
}

/// The known word that differs in two letters at most.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let distance = |a: &str, b: &str| {
        let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(32).collect(), b.chars().collect());
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.iter().enumerate() {
            let mut before = row[0];
            row[0] = i + 1;
            for (j, y) in b.iter().enumerate() {
                let here = row[j + 1];
                row[j + 1] = (before + usize::from(x != y)).min(here + 1).min(row[j] + 1);
                before = here;
            }
        }
        row[b.len()]
    };
    let best = known.iter().map(|one| (distance(word, one), *one)).min()?;
    (best.0 <= 2 && best.0 < word.chars().count()).then_some(best.1)
}

fn head(
    plan: &mut Plan,
    first: Word<'_>,
    words: &mut Words<'_>,
    names_a_server: &mut bool,
) -> Result<(), Fault> {
    let last = plan.servers.len() - 1;
    match first.text {
        "server" => {
            let name = words
                .want("the name of the server", "`server edge`")?
                .text
                .to_owned();
            if plan.servers.len() >= SERVERS_MAX {
                let reason = format!("more than {SERVERS_MAX} servers");
                return Err(words.fault(first, reason, ""));
            }
            if *names_a_server || !plan.servers[last].script.is_empty() {
                plan.servers.push(ServerPlan {
                    shards: 1,
                    ..ServerPlan::default()
                });
            }
            *names_a_server = true;
            plan.servers.last_mut().expect("never empty").name = name;
            words.end("its script, sockets and names follow on lines of their own")
        }
        "script" => {
            let word = words.want("the script", "`script FILE`, beside the test file")?;
            if !plan.servers[last].script.is_empty() {
                let hint = "a second server begins with `server NAME`";
                return Err(words.fault(word, "this server has a script already", hint));
            }
            plan.servers[last].script_at = words.place(word);
            plan.servers[last].script = word.text.to_owned();
            words.end("one script: others are included by it")
        }
        "shards" => {
            const HINT: &str = "`shards 2`";
            let shards: u16 = words.number("number of shards", HINT)?;
            if !(1..=SHARDS_MAX).contains(&shards) {
                let reason = format!("shards are 1 to {SHARDS_MAX}");
                return Err(words.fault(first, reason, HINT));
            }
            plan.servers[last].shards = shards;
            words.end(HINT)
        }
        "listen" => listen(&mut plan.servers[last], words),
        "domain" => {
            const HINT: &str = "`domain example.com`";
            let mut name = Some(words.want("a name", HINT)?);
            while let Some(word) = name {
                plan.servers[last].domains.push(word.text.to_owned());
                name = words.next();
            }
            Ok(())
        }
        "define" => {
            let word = words.want("NAME=VALUE", "`define GATEWAY=10.0.0.9`, as `-o`")?;
            let (name, value) = word.text.split_once('=').unwrap_or((word.text, ""));
            let define = (name.to_owned(), value.to_owned());
            plan.servers[last].defines.push(define);
            words.end("no blanks in a value")
        }
        "watch" => {
            let mut word = Some(words.want("a variable", "`watch $var(x) $avp(y) $ru`")?);
            while let Some(one) = word {
                if !one.text.starts_with('$') {
                    let hint = "`watch $var(x)`: as in the script, without blanks";
                    let reason = format!("`{}` is no variable", one.text);
                    return Err(words.fault(one, reason, hint));
                }
                let at = words.place(one);
                plan.servers[last].watched.push((one.text.to_owned(), at));
                word = words.next();
            }
            Ok(())
        }
        "peer" => peer(plan, words),
        "dns" => {
            let word = words.peek();
            let line = words.rest().to_owned();
            let mut zone = crate::dns::Zone::default();
            if let Err(reason) = zone.add(&line) {
                let hint = "`dns gw.example.com 60 A 10.0.0.9`: name, seconds, type, data";
                return Err(match word {
                    Some(word) => words.fault(word, reason, hint),
                    None => words.fault_at_end(reason, hint),
                });
            }
            plan.zone.push(line);
            Ok(())
        }
        "network" => {
            plan.delay_us = words.time()?;
            words.end("`network 20ms`: how long a message travels")
        }
        "log" => {
            const HINT: &str = "`log debug`, info, notice, warning, error, critical, alert or none";
            let word = words.want("a level", HINT)?;
            plan.log_level = level(word.text)
                .ok_or_else(|| words.fault(word, format!("`{}` is no level", word.text), HINT))?;
            words.end(HINT)
        }
        _ => {
            const HINT: &str = "`time 2026-03-01 09:30:00`, in UTC";
            let word = words.peek();
            let text = words.rest();
            let fault = || match word {
                Some(word) => words.fault(word, format!("`{text}` is no time"), HINT),
                None => words.fault_at_end("the time is missing", HINT),
            };
            plan.epoch_us = unix_us(text).ok_or_else(fault)?;
            Ok(())
        }
    }
}

fn listen(server: &mut ServerPlan, words: &mut Words<'_>) -> Result<(), Fault> {
    const HINT: &str =
        "`listen udp:10.0.0.100:5060 tcp:10.0.0.100:5060`, with `as NAME` behind one";
    let mut word = Some(words.want("a socket", HINT)?);
    while let Some(one) = word {
        let fault = || words.fault(one, format!("`{}` is no socket", one.text), HINT);
        let (transport, rest) = one.text.split_once(':').ok_or_else(fault)?;
        let transport = Transport::parse(transport.as_bytes()).ok_or_else(fault)?;
        if !matches!(transport, Transport::Udp | Transport::Tcp) {
            let reason = format!("`{}` is not simulated", transport.as_str());
            return Err(words.fault(one, reason, "udp and tcp are"));
        }
        let address = address_of(rest, transport.default_port()).ok_or_else(fault)?;
        let name = match words.take("as") {
            true => Some(words.want("the name of the socket", HINT)?.text.to_owned()),
            false => None,
        };
        server.listen.push(ListenPlan {
            transport,
            address,
            name,
        });
        word = words.next();
    }
    Ok(())
}

fn peer(plan: &mut Plan, words: &mut Words<'_>) -> Result<(), Fault> {
    const HINT: &str = "`peer bob 10.0.0.2:5062 tcp user 4930 domain example.com through edge`, all but name and address as needed";
    let name = words.want("the name of the peer", HINT)?;
    let is_word = HEAD.contains(&name.text)
        || STEPS.contains(&name.text)
        || matches!(name.text, "time" | "log");
    let is_taken = plan.peers.iter().any(|peer| peer.name == name.text)
        || plan.servers.iter().any(|server| server.name == name.text);
    if is_word || is_taken {
        let reason = format!("`{}` is taken", name.text);
        return Err(words.fault(name, reason, "choose another name"));
    }
    if plan.peers.len() >= PEERS_MAX {
        return Err(words.fault(name, format!("more than {PEERS_MAX} peers"), ""));
    }
    let address = words.address()?;
    let mut peer = PeerPlan {
        name: name.text.to_owned(),
        user: name.text.to_owned(),
        domain: None,
        address,
        transport: Transport::Udp,
        server: 0,
    };
    while let Some(word) = words.next() {
        match word.text {
            "udp" => peer.transport = Transport::Udp,
            "tcp" => peer.transport = Transport::Tcp,
            "user" => peer.user = words.want("the user", HINT)?.text.to_owned(),
            "domain" => peer.domain = Some(words.want("the domain", HINT)?.text.to_owned()),
            "through" => {
                let word = words.want("the server", HINT)?;
                peer.server = server_of(plan, word, words)?;
            }
            other => {
                return Err(words.fault(word, format!("`{other}` says nothing of a peer"), HINT));
            }
        }
    }
    plan.peers.push(peer);
    Ok(())
}

fn server_of(plan: &Plan, word: Word<'_>, words: &Words<'_>) -> Result<usize, Fault> {
    let found = plan
        .servers
        .iter()
        .position(|server| server.name == word.text);
    found.ok_or_else(|| {
        let reason = format!("no server is called `{}`", word.text);
        words.fault(word, reason, "declare it above with `server NAME`")
    })
}

/// `mi [to SERVER] NAME [VALUE | NAME=VALUE]...`
fn command(plan: &Plan, statement: &Statement<'_>, words: &mut Words<'_>) -> Result<Act, Fault> {
    const HINT: &str = "`mi NAME`, with values or name=value behind it; `mi to SERVER NAME`";
    const BELOW: &str = "below it `name=value`, blanks and `\\r\\n` included";
    let server = match words.take("to") {
        true => {
            let word = words.want("the server", HINT)?;
            server_of(plan, word, words)?
        }
        false => 0,
    };
    let name = words.want("a command", HINT)?.text.to_owned();
    let mut parameters = Vec::new();
    while let Some(word) = words.next() {
        parameters.push(match word.text.split_once('=') {
            Some((name, value)) => (Some(name.to_owned()), value.to_owned()),
            None => (None, word.text.to_owned()),
        });
    }
    for line in &statement.below {
        let Some((name, value)) = line.1.trim().split_once('=') else {
            return Err(statement.fault_below(*line, "a parameter has a name and a value", BELOW));
        };
        let value = value.replace("\\r", "\r").replace("\\n", "\n");
        parameters.push((Some(name.to_owned()), value));
    }
    Ok(Act::Command {
        server,
        name,
        parameters,
    })
}

/// `file PATH OTHER`: the path that a script names is this file beside the test; with lines below, it is those.
fn file(
    statement: &Statement<'_>,
    words: &mut Words<'_>,
    folder: &Path,
) -> Result<(String, Vec<u8>), Fault> {
    const HINT: &str =
        "`file /etc/list.txt lists/list.txt`, or its lines indented below, each behind `| `";
    let path = words
        .want("the path that the script names", HINT)?
        .text
        .to_owned();
    if let Some(word) = words.next() {
        statement.nothing_below()?;
        let bytes = std::fs::read(folder.join(word.text))
            .map_err(|error| words.fault(word, format!("{}: {error}", word.text), HINT))?;
        return Ok((path, bytes));
    }
    let mut text = String::new();
    for line in &statement.below {
        let Some(rest) = line.1.trim_start().strip_prefix('|') else {
            return Err(statement.fault_below(*line, "a line of a file", HINT));
        };
        text.push_str(rest.strip_prefix(' ').unwrap_or(rest));
        text.push('\n');
    }
    Ok((path, text.into_bytes()))
}

/// `lose [N] FROM > TO WHAT`
fn lose(plan: &Plan, words: &mut Words<'_>) -> Result<Act, Fault> {
    const HINT: &str =
        "`lose 2 tandem > bob INVITE`: how many, from, to, how the line in the ladder begins";
    let mut count = 1;
    if let Some(word) = words.peek()
        && let Ok(number) = word.text.parse::<u32>()
    {
        count = number;
        words.next();
    }
    let who = |words: &mut Words<'_>| {
        let word = words.want("who", HINT)?;
        let is_known = plan.peers.iter().any(|peer| peer.name == word.text)
            || plan.servers.iter().any(|server| {
                server.name == word.text
                    || server
                        .listen
                        .iter()
                        .any(|socket| socket.name.as_deref() == Some(word.text))
            });
        match is_known {
            true => Ok(word.text.to_owned()),
            false => Err(words.fault(word, format!("nobody is called `{}`", word.text), HINT)),
        }
    };
    let from = who(words)?;
    if !words.take(">") {
        return Err(words.fault_at_end("`>` is missing", HINT));
    }
    let to = who(words)?;
    let what = words.rest().to_owned();
    if what.is_empty() {
        return Err(words.fault_at_end("which message?", HINT));
    }
    Ok(Act::Lose {
        count,
        from,
        to,
        what,
    })
}

fn show(words: &mut Words<'_>) -> Result<Show, Fault> {
    const HINT: &str = "`show all`, `show Via Contact body`, or `show nothing`";
    let first = words.want("what", HINT)?;
    match first.text {
        "all" => words.end(HINT).map(|()| Show::All),
        "nothing" => words.end(HINT).map(|()| Show::Nothing),
        field => {
            let mut fields = vec![field.to_owned()];
            while let Some(word) = words.next() {
                fields.push(word.text.to_owned());
            }
            Ok(Show::Fields(fields))
        }
    }
}

fn level(word: &str) -> Option<i8> {
    Some(match word {
        "debug" => 4,
        "info" => 3,
        "notice" => 2,
        "warning" => 1,
        "error" => -1,
        "critical" => -2,
        "alert" => -3,
        "none" => -4,
        _ => return None,
    })
}

/// `2026-03-01 09:30:00` in UTC, in microseconds since 1970.
fn unix_us(text: &str) -> Option<u64> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let mut date = date.splitn(3, '-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time
        .trim_end_matches('Z')
        .splitn(3, ':')
        .map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (
        time.next()??,
        time.next()??,
        time.next().unwrap_or(Some(0))?,
    );
    let is_sound = (1971..3000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !is_sound {
        return None;
    }
    // The year begins in March, so that the leap day is its last.
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_counted_from_1970() {
        assert_eq!(unix_us("2026-01-01 12:00:00"), Some(EPOCH_S * 1_000_000));
        assert_eq!(unix_us("2024-02-29 00:00"), Some(1_709_164_800_000_000));
        assert_eq!(unix_us("2024-13-01 00:00"), None);
    }
}
