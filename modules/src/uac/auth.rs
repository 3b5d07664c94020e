//! The answer to a challenge: RFC 3261 §22.2 and §22.3, in the place of the caller.
//!
//! What was answered before and is challenged again is refused, unless only its nonce was stale; so a wrong password makes
//! no loop. What other proxies on the way asked before is answered once more: they see another request.

use engine::module::Context;
use engine::proxy::{Branch, RecordRoute};
use parser::{HeaderName, Method};

use crate::uac_auth::{Algorithms, Asked, Question, UacAuth, read};

/// Challenges of one response that are looked at.
const CHALLENGES_MAX: usize = 16;

/// How often in a row one may say that only the nonce was stale.
const STALE_MAX: usize = 3;

/// A challenge or an answer: whether it is of a proxy, and the value of its header.
type Line = (bool, Vec<u8>);

/// What has to be known of the branch that was challenged.
struct Challenged {
    challenges: Vec<Line>,
    /// What that branch had answered already.
    answered: Vec<Line>,
    /// How many attempts in a row answered something.
    attempts: usize,
    uri: Vec<u8>,
}

/// Answers the challenge of the winning response with the next relay. False: there is none, or it cannot be answered.
pub(super) fn answer(cx: &mut Context<'_>, allowed: Algorithms) -> bool {
    let Some(challenged) = challenged(cx) else {
        return false;
    };
    let mut lines = Vec::new();
    let is_answered = cx.with_module::<UacAuth, _>(|auth, cx| {
        answers(auth, cx, &challenged, allowed, &mut lines).is_some()
    });
    match is_answered {
        Some(true) => {}
        Some(false) => return false,
        None => {
            cx.log_error(format_args!(
                "uac_auth() has no credentials: load module uac_auth"
            ));
            return false;
        }
    }
    if !cx.raise_cseq(1) {
        return false;
    }
    let begins_dialog = matches!(cx.message.method(), Method::Invite | Method::Subscribe)
        && cx.message.to_tag().is_none();
    if begins_dialog && cx.scene.proxy.record_route == RecordRoute::None {
        const WARNING: i8 = 1;
        cx.log(WARNING, |out| {
            out.extend_from_slice(
                b"uac_auth: without record_route() later requests of this dialog pass us by, with a CSeq that is one too low",
            );
        });
    }
    cx.scene.proxy.rewrite.credentials = lines;
    true
}

fn challenged(cx: &Context<'_>) -> Option<Challenged> {
    let context = cx.transaction()?;
    let branch = context.winning()?;
    if !matches!(branch.code, 401 | 407) || branch.local {
        return None;
    }
    let response = &branch.response.as_ref()?.message;
    let mut challenges = Vec::new();
    for (name, is_proxy) in [
        (HeaderName::ProxyAuthenticate, true),
        (HeaderName::WwwAuthenticate, false),
    ] {
        let values = response.headers_named(name).map(|field| field.value);
        challenges.extend(values.map(|value| (is_proxy, value.to_vec())));
    }
    challenges.truncate(CHALLENGES_MAX);
    let uri = match branch.uri.as_slice() {
        [] => cx.message.request_uri(),
        uri => uri,
    };
    let at = context.best.unwrap_or_default();
    let before = &context.branches()[..=usize::from(at)];
    let answers = |branch: &&Branch| !branch.rewrite.credentials.is_empty();
    Some(Challenged {
        challenges,
        answered: lines_of(&branch.rewrite.credentials),
        attempts: before.iter().rev().take_while(answers).count(),
        uri: uri.to_vec(),
    })
}

/// Header lines of ours, taken apart.
fn lines_of(lines: &[u8]) -> Vec<Line> {
    let lines = lines.split(|&byte| byte == b'\n');
    lines
        .filter_map(|line| {
            let line = line.trim_ascii();
            let at = line.iter().position(|&byte| byte == b':')?;
            let is_proxy = line.starts_with(b"Proxy-");
            Some((is_proxy, line[at + 1..].trim_ascii().to_vec()))
        })
        .collect()
}

fn answers(
    auth: &UacAuth,
    cx: &mut Context<'_>,
    challenged: &Challenged,
    allowed: Algorithms,
    out: &mut Vec<u8>,
) -> Option<()> {
    // The strongest of each realm; of equals the first, as RFC 8760 §2.4 orders them.
    let mut chosen: Vec<(bool, Question<'_>)> = Vec::new();
    for (is_proxy, value) in &challenged.challenges {
        let question = read(value).and_then(|challenge| Question::of(&challenge, allowed));
        let Some(question) = question.filter(|one| auth.knows(cx, one.realm)) else {
            continue;
        };
        match chosen
            .iter_mut()
            .find(|(kind, other)| kind == is_proxy && other.realm == question.realm)
        {
            Some((_, other)) if question.algorithm > other.algorithm => *other = question,
            Some(_) => {}
            None => chosen.push((*is_proxy, question)),
        }
    }
    if chosen.is_empty() {
        return None;
    }
    let mut body = Vec::new();
    cx.draft.write(cx.message, &mut body);
    let head = memmem(&body, b"\r\n\r\n").map_or(body.len(), |at| at + 4);
    let asked = Asked {
        method: cx.message.method().as_bytes(),
        uri: &challenged.uri,
        body: &body[head..],
    };
    let mut write = |cx: &mut Context<'_>, is_proxy: bool, question: &Question<'_>, used| {
        let name: &[u8] = if is_proxy {
            b"Proxy-Authorization: "
        } else {
            b"Authorization: "
        };
        out.extend_from_slice(name);
        auth.answer(cx, question, &asked, used, out)?;
        out.extend_from_slice(b"\r\n");
        Some(())
    };
    for (is_proxy, value) in &challenged.answered {
        let Some(credentials) = read(value) else {
            continue;
        };
        let Some(before) = Question::of(&credentials, Algorithms::ALL) else {
            continue;
        };
        let again = chosen
            .iter()
            .find(|(kind, question)| kind == is_proxy && question.realm == before.realm);
        match again {
            // Who was answered and asks again does not take the answer.
            Some((_, question)) if !question.stale || challenged.attempts > STALE_MAX => {
                return None;
            }
            Some(_) => {}
            None => {
                let count = credentials
                    .get(b"nc")
                    .and_then(|nc| u32::from_str_radix(std::str::from_utf8(nc).ok()?, 16).ok())
                    .unwrap_or(0)
                    .saturating_add(1);
                write(cx, *is_proxy, &before, (credentials.get(b"cnonce"), count))?;
            }
        }
    }
    for (is_proxy, question) in &chosen {
        write(cx, *is_proxy, question, (None, 1))?;
    }
    Some(())
}

fn memmem(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len()).position(|part| part == needle)
}
