//! Rewriting: what a request says of its dialog changes on its way out, and is put back on the way in.
//!
//! A raised CSeq (the answer to a challenge is a request of its own, RFC 3261 §22.2), another From, another To. Who sent
//! the request must not notice: its responses carry what it wrote. Later requests of the dialog get the same change:
//! what it is stands in our Record-Route, sealed, so that it needs no memory and no peer can make one up (`seal`). A
//! CSeq that is raised inside a dialog comes too late for the route set (§12.2); the owner of the call remembers it
//! (`shifts`).
//!
//! Owned by the Call-ID. Which requests are rewritten is for a module to say; credentials for the next relay go the same way.

mod seal;
mod shifts;

use std::io::Write as _;

use parser::{Draft, HeaderName, Message, Method, Params, Span};
use script::RouteKind;

use crate::core::Core;
use crate::limits::{CSEQ_MAX, PARTY_BYTES_MAX};
use crate::module::Context;
use seal::Sealer;
use shifts::Shifts;

/// The parameter of our Record-Route that says by how much the caller's CSeq was raised.
const CSEQ_PARAM: &[u8] = b"ucs";

/// What of a request is rewritten. Keeps its memory when cleared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// By how much its CSeq is raised.
    pub cseq: u32,
    /// By how much the CSeq in its RAck is raised: that of an INVITE which left before it.
    rack: u32,
    /// Display name and URI of From; empty leaves it alone.
    pub from: Vec<u8>,
    /// Display name and URI of To; empty leaves it alone.
    pub to: Vec<u8>,
    /// Authorization and Proxy-Authorization lines, each with its CRLF, for the next relay only: they answer a
    /// challenge of those who got the last one.
    pub credentials: Vec<u8>,
}

/// From or To.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// Who sent the request.
    From,
    /// Whom it is for.
    To,
}

/// What becomes of a replaced From or To (`uac:restore_mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restore {
    /// Nothing puts it back.
    None,
    /// Responses are put right, later requests when the script asks for it.
    Manual,
    /// Responses and later requests are put right.
    #[default]
    Auto,
}

/// Settings of rewriting, and what it remembers.
#[derive(Debug)]
pub struct Rewriting {
    /// What becomes of a replaced From or To.
    pub restore: Restore,
    /// The parameter of our Record-Route for From.
    pub from_param: Vec<u8>,
    /// The parameter of our Record-Route for To.
    pub to_param: Vec<u8>,
    /// Whether a script may answer challenges: then it is known which numbers left last.
    pub answers_challenges: bool,
    sealer: Sealer,
    shifts: Shifts,
}

impl Default for Rewriting {
    fn default() -> Self {
        Rewriting {
            restore: Restore::default(),
            from_param: Vec::from(b"vsf"),
            to_param: Vec::from(b"vst"),
            answers_challenges: false,
            sealer: Sealer::of(&[]),
            shifts: Shifts::default(),
        }
    }
}

impl Rewriting {
    /// Seals with this secret from now on. Servers that shall understand each other share it.
    pub fn set_secret(&mut self, secret: &[u8]) {
        self.sealer = Sealer::of(secret);
    }
}

impl Rewrite {
    /// Whether the request leaves as it is, credentials apart.
    pub fn is_plain(&self) -> bool {
        self.cseq == 0 && self.rack == 0 && self.from.is_empty() && self.to.is_empty()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.cseq = 0;
        self.rack = 0;
        self.from.clear();
        self.to.clear();
        self.credentials.clear();
    }

    /// Becomes a copy of `other`.
    pub(super) fn copy_from(&mut self, other: &Rewrite) {
        self.cseq = other.cseq;
        self.rack = other.rack;
        self.from.clone_from(&other.from);
        self.to.clone_from(&other.to);
        self.credentials.clone_from(&other.credentials);
    }

    fn party_mut(&mut self, party: Party) -> &mut Vec<u8> {
        match party {
            Party::From => &mut self.from,
            Party::To => &mut self.to,
        }
    }
}

impl Party {
    fn header(self) -> HeaderName {
        match self {
            Party::From => HeaderName::From,
            Party::To => HeaderName::To,
        }
    }

    /// Where display name and URI stand: the header's value without its parameters.
    fn span(self, message: &Message) -> Option<Span> {
        let field = message.header(self.header())?;
        let address = match self {
            Party::From => message.from(),
            Party::To => message.to(),
        };
        let params = address.params.raw();
        let end = match params {
            [] => field.value_span.end,
            params => message.span_of(params)?.start,
        };
        let start = field.value_span.start;
        let text = Span { start, end }.of(message.bytes()).trim_ascii_end();
        Some(Span::new(start.into(), usize::from(start) + text.len()))
    }

    /// Display name and URI as they were received.
    pub fn of(self, message: &Message) -> &[u8] {
        self.span(message)
            .map_or(&[], |span| span.of(message.bytes()))
    }
}

/// Writes the change into the draft of a request.
pub(super) fn apply(message: &Message, draft: &mut Draft, rewrite: &Rewrite, line: &mut Vec<u8>) {
    if !rewrite.credentials.is_empty() {
        draft.append_header(&rewrite.credentials);
    }
    if rewrite.is_plain() {
        return;
    }
    for (party, text) in [(Party::From, &rewrite.from), (Party::To, &rewrite.to)] {
        if let Some(span) = party.span(message).filter(|_| !text.is_empty()) {
            draft.replace(span, text);
        }
    }
    let mut raise = |span: Option<Span>, by: u32| {
        if by > 0
            && let Some((span, number)) = span.and_then(|span| Some((span, number(message, span)?)))
        {
            line.clear();
            // Writing into memory does not fail.
            let _ = write!(line, "{}", number.saturating_add(by));
            draft.replace(span, line);
        }
    };
    raise(cseq_span(message), rewrite.cseq);
    if message.method() == Method::Prack {
        // RFC 3262 §7.2: it names the INVITE as whoever is asked knows it.
        raise(rack_span(message), rewrite.rack);
    }
}

/// Puts into a response what the request said that it answers.
pub(super) fn put_back(
    core: &Core,
    request: &Message,
    rewrite: &Rewrite,
    response: &Message,
    draft: &mut Draft,
) {
    if rewrite.is_plain() {
        return;
    }
    if rewrite.cseq > 0
        && let (Some(span), Some(own)) = (cseq_span(response), cseq_span(request))
    {
        draft.replace(span, own.of(request.bytes()));
    }
    if core.proxy.rewriting.restore == Restore::None {
        return;
    }
    for (party, text) in [(Party::From, &rewrite.from), (Party::To, &rewrite.to)] {
        if let Some(span) = party.span(response).filter(|_| !text.is_empty()) {
            draft.replace(span, party.of(request));
        }
    }
}

/// The parameters of our Record-Route that say how a request was rewritten; nothing allocated while it was not. A
/// dialog keeps the route set that it began with, so only what begins one tells.
pub(super) fn route_params(core: &Core, message: &Message, rewrite: &Rewrite) -> Vec<u8> {
    let mut out = Vec::new();
    if rewrite.is_plain() || message.to_tag().is_some() {
        return out;
    }
    let rewriting = &core.proxy.rewriting;
    let bound = [message.call_id(), message.from_tag().unwrap_or_default()];
    if rewrite.cseq > 0 {
        out.push(b';');
        out.extend_from_slice(CSEQ_PARAM);
        out.push(b'=');
        rewriting.sealer.write_number(bound, rewrite.cseq, &mut out);
    }
    if rewriting.restore == Restore::None {
        return out;
    }
    for (party, name, text) in [
        (Party::From, &rewriting.from_param, &rewrite.from),
        (Party::To, &rewriting.to_param, &rewrite.to),
    ] {
        if text.is_empty() {
            continue;
        }
        let mut plain = Vec::with_capacity(text.len() + 64);
        let own = party.of(message);
        let Ok(len) = u8::try_from(own.len()) else {
            continue;
        };
        plain.push(len);
        plain.extend_from_slice(own);
        plain.extend_from_slice(text);
        out.push(b';');
        out.extend_from_slice(name);
        out.push(b'=');
        rewriting.sealer.write_text(bound, name, &plain, &mut out);
    }
    out
}

/// What a Route of ours says a request inside a dialog must look like to the other side.
fn stored(core: &Core, message: &Message, params: Params<'_>) -> Rewrite {
    let rewriting = &core.proxy.rewriting;
    let call_id = message.call_id();
    let ours = message.from_tag().unwrap_or_default();
    let theirs = message.to_tag().unwrap_or_default();
    let mut rewrite = Rewrite::default();
    // Sealed with the tag of whoever began the dialog: it opens with the sender's tag or the receiver's, and so
    // says which way this request goes.
    if let Some(text) = params.get(CSEQ_PARAM) {
        rewrite.cseq = rewriting
            .sealer
            .read_number([call_id, ours], text)
            .unwrap_or(0);
    }
    for (party, name) in [
        (Party::From, &rewriting.from_param),
        (Party::To, &rewriting.to_param),
    ] {
        let Some(text) = params.get(name) else {
            continue;
        };
        let open = |tag| rewriting.sealer.read_text([call_id, tag], name, text);
        let (plain, is_downstream) = match open(ours) {
            Some(plain) => (plain, true),
            None => match open(theirs) {
                Some(plain) => (plain, false),
                None => continue,
            },
        };
        let Some((own, replaced)) = plain
            .split_first()
            .and_then(|(&len, rest)| rest.split_at_checked(len.into()))
        else {
            continue;
        };
        match (party, is_downstream) {
            (party, true) => *rewrite.party_mut(party) = replaced.to_vec(),
            (Party::From, false) => rewrite.to = own.to_vec(),
            (Party::To, false) => rewrite.from = own.to_vec(),
        }
    }
    rewrite
}

/// A Route of ours was taken off a request: takes over what it says.
pub(super) fn follow(core: &Core, message: &Message, params: Params<'_>, rewrite: &mut Rewrite) {
    let is_told = [
        CSEQ_PARAM,
        &core.proxy.rewriting.from_param,
        &core.proxy.rewriting.to_param,
    ]
    .into_iter()
    .any(|name| params.has(name));
    if !is_told || message.to_tag().is_none() {
        return;
    }
    let stored = stored(core, message, params);
    rewrite.cseq = stored.cseq;
    rewrite.rack = stored.cseq;
    if core.proxy.rewriting.restore == Restore::Auto {
        rewrite.from = stored.from;
        rewrite.to = stored.to;
    }
}

/// Adds what was raised inside the dialog of a request.
pub(super) fn remember(core: &mut Core, message: &Message, rewrite: &mut Rewrite) {
    let rewriting = &core.proxy.rewriting;
    let is_asked = rewriting.answers_challenges || !rewriting.shifts.is_empty();
    if is_asked && message.to_tag().is_some() {
        let key = dialog_key(core, message);
        let now_ms = core.now.mono_ms();
        let own = message.cseq().number;
        let invite = rack_span(message).and_then(|span| number(message, span));
        let shifts = &mut core.proxy.rewriting.shifts;
        let (more, of_invite) = shifts.leaving(key, own, invite.unwrap_or(own), now_ms);
        rewrite.cseq = rewrite.cseq.saturating_add(more);
        rewrite.rack = rewrite.rack.saturating_add(of_invite);
        if core.proxy.rewriting.answers_challenges {
            let sent = own.saturating_add(rewrite.cseq);
            core.proxy.rewriting.shifts.left(key, own, sent, now_ms);
        }
    }
}

/// One direction of a dialog.
fn dialog_key(core: &Core, message: &Message) -> u64 {
    super::identity::direction(core.proxy.key, message)
}

impl Context<'_> {
    /// Raises the CSeq of the request in hand, and of what its sender sends in its dialog from now on; responses carry
    /// the sender's own. False: it is an ACK or CANCEL, which carry the CSeq of their INVITE, or the number would be past 2^31.
    pub fn raise_cseq(&mut self, by: u32) -> bool {
        if matches!(self.message.method(), Method::Ack | Method::Cancel) {
            return false;
        }
        let rewrite = &mut self.scene.proxy.rewrite;
        let own = self.message.cseq().number;
        let sent = u64::from(own) + u64::from(rewrite.cseq);
        // Room for what may have left since: nobody has so many requests under way.
        if sent + u64::from(by) > u64::from(CSEQ_MAX) {
            return false;
        }
        if self.message.to_tag().is_none() {
            rewrite.cseq += by;
            return true;
        }
        let key = dialog_key(self.core, self.message);
        let now_ms = self.core.now.mono_ms();
        let shifts = &mut self.core.proxy.rewriting.shifts;
        if self.run.kind == RouteKind::Failure {
            rewrite.cseq += shifts.again(key, own, sent as u32, by, now_ms);
        } else {
            rewrite.cseq += by;
            shifts.add(key, own, by, now_ms);
        }
        true
    }

    /// Puts another display name and URI into From or To; `text` is what stands there before the parameters. False: it is too
    /// long to be kept.
    pub fn replace_party(&mut self, party: Party, text: &[u8]) -> bool {
        let fits = |text: &[u8]| text.len() <= PARTY_BYTES_MAX;
        if !fits(text) || !fits(party.of(self.message)) {
            return false;
        }
        let field = self.scene.proxy.rewrite.party_mut(party);
        field.clear();
        field.extend_from_slice(text);
        true
    }

    /// Puts From or To right: in a request inside a dialog to what the other side knows, in one that begins a dialog to what was
    /// received. False: it was not replaced.
    pub fn restore_party(&mut self, party: Party) -> bool {
        let params = Params::parse(&self.scene.proxy.route_params).unwrap_or_default();
        let mut stored = match self.message.to_tag() {
            Some(_) => stored(self.core, self.message, params),
            None => Rewrite::default(),
        };
        let field = self.scene.proxy.rewrite.party_mut(party);
        let was_replaced = !field.is_empty();
        field.clear();
        field.append(stored.party_mut(party));
        was_replaced || !field.is_empty()
    }
}

/// Where the number of the CSeq stands.
fn cseq_span(message: &Message) -> Option<Span> {
    let field = message.header(HeaderName::CSeq)?;
    digits(message, field.value_span.start)
}

/// Where the CSeq number of a RAck stands: its second.
fn rack_span(message: &Message) -> Option<Span> {
    let field = message.header(HeaderName::RAck)?;
    let first = digits(message, field.value_span.start)?;
    let blanks = field
        .value
        .get(first.len()..)?
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
        .count();
    digits(message, first.end.saturating_add(blanks as u16))
}

fn digits(message: &Message, start: u16) -> Option<Span> {
    let rest = message.bytes().get(usize::from(start)..)?;
    let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (len > 0).then(|| Span::new(start.into(), usize::from(start) + len))
}

fn number(message: &Message, span: Span) -> Option<u32> {
    std::str::from_utf8(span.of(message.bytes()))
        .ok()?
        .parse()
        .ok()
}
