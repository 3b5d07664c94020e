//! A peer of a test: composes requests, answers by its rules, keeps what its calls need.
//!
//! Not a phone: it never repeats anything by itself, and it sends what the test says even where that is wrong. What it
//! does by itself is what keeps a test short: the ACK to a final response, 200 to BYE, 200 and 487 to CANCEL.

use std::collections::BTreeMap;

use super::plan::{HeaderEdit, PeerPlan, Rule, RuleKind, Send};
use super::sip::{Sip, is_name, param, uri_of};

/// An INVITE whose first reply is later than this gets 100 first (RFC 3261 §17.2.1).
const TRYING_US: u64 = 200_000;

/// One of them.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) plan: PeerPlan,
    /// What it sent last, with the transport and place it went to.
    pub(super) last: Option<(Vec<u8>, Way)>,
    pub(super) sends_ack: bool,
    domain: String,
    rules: Vec<(Rule, usize)>,
    calls: Vec<Call>,
    /// Requests that it got: by branch, method and number; what it answered last.
    answered: BTreeMap<(String, String, u32), Incoming>,
    made: u32,
    branches: u32,
    registers: u32,
}

/// How a message of a peer goes: what the world makes of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) transport: Option<engine::Transport>,
    pub(super) to: Option<std::net::SocketAddr>,
}

/// What a peer wants to send: now, or later.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) after_us: u64,
    pub(super) sip: Sip,
    /// Which request it answers; none for an ACK.
    pub(super) answers: Option<(String, String, u32)>,
}

#[derive(Debug, Default)]
struct Incoming {
    /// A final reply was sent, or CANCEL came.
    is_over: bool,
    last: Option<Sip>,
    request: Sip,
}

/// A dialog, or an INVITE on its way to one.
#[derive(Debug)]
struct Call {
    label: Option<String>,
    call_id: String,
    /// From of our requests, with our tag.
    local: String,
    /// To of our requests.
    remote: String,
    target: String,
    routes: Vec<String>,
    cseq: u32,
    /// The INVITE that we sent last, for its CANCEL and ACK.
    invite: Option<Sip>,
    way: Way,
    is_confirmed: bool,
}

impl Peer {
    pub(super) fn new(plan: PeerPlan, domain: &str) -> Peer {
        Peer {
            domain: plan.domain.clone().unwrap_or_else(|| domain.to_owned()),
            plan,
            last: None,
            sends_ack: true,
            rules: Vec::new(),
            calls: Vec::new(),
            answered: BTreeMap::new(),
            made: 0,
            branches: 0,
            registers: 0,
        }
    }

    /// From now on it answers so. A rule for a method replaces that method's, one for all replaces all.
    pub(super) fn obey(&mut self, rule: Rule) {
        match &rule.method {
            None => self.rules.clear(),
            Some(method) => self
                .rules
                .retain(|(other, _)| other.method.as_ref() != Some(method)),
        }
        self.rules.push((rule, 0));
    }

    pub(super) fn is_silent(&self) -> bool {
        self.rules
            .iter()
            .any(|(rule, _)| rule.method.is_none() && matches!(rule.kind, RuleKind::Silent))
    }

    pub(super) fn is_unreachable(&self) -> bool {
        self.rules
            .iter()
            .any(|(rule, _)| rule.method.is_none() && matches!(rule.kind, RuleKind::Unreachable))
    }

    fn contact(&self, transport: engine::Transport) -> String {
        let PeerPlan { user, address, .. } = &self.plan;
        match transport {
            engine::Transport::Udp => format!("<sip:{user}@{address}>"),
            other => format!("<sip:{user}@{address};transport={}>", other.as_str()),
        }
    }

    fn via(&mut self, transport: engine::Transport) -> String {
        self.branches += 1;
        let (name, number) = (&self.plan.name, self.branches);
        format!(
            "SIP/2.0/{} {};branch=z9hG4bK-{name}-{number}",
            transport.as_via(),
            self.plan.address
        )
    }

    /// The request of a step. The error says why there is none.
    pub(super) fn compose(&mut self, send: &Send) -> Result<(Sip, Way), String> {
        let way = Way {
            transport: send.transport,
            to: send.to,
        };
        let transport = send.transport.unwrap_or(self.plan.transport);
        let (mut sip, way) = match (&send.uri, send.method.as_str()) {
            (Some(uri), _) => (self.begin(send, uri, transport), way),
            (None, "CANCEL") => self.cancel(send)?,
            (None, _) => self.within(send, way, transport)?,
        };
        edit(&mut sip, &send.headers, None);
        if send.sdp {
            sip.remove("Content-Type");
            sip.add("Content-Type", "application/sdp");
            sip.body = description(&self.plan);
        }
        if let Some(body) = &send.body {
            sip.body.clone_from(body);
            if sip.get("Content-Type").is_none() {
                sip.add("Content-Type", "text/plain");
            }
        }
        self.remember(send, &sip, way);
        Ok((sip, way))
    }

    /// A request outside dialogs.
    fn begin(&mut self, send: &Send, uri: &str, transport: engine::Transport) -> Sip {
        let is_register = send.method == "REGISTER";
        let name = self.plan.name.clone();
        let (call_id, cseq, tag) = if is_register {
            self.registers += 1;
            (format!("{name}-reg"), self.registers, format!("{name}-reg"))
        } else {
            self.made += 1;
            (
                format!("{name}-{}", self.made),
                1,
                format!("{name}-{}", self.made),
            )
        };
        let own = format!("<sip:{}@{}>", self.plan.user, self.domain);
        let to = if is_register {
            own.clone()
        } else {
            format!("<{}>", uri.split(';').next().unwrap_or(uri))
        };
        let mut sip = Sip {
            start: format!("{} {uri} SIP/2.0", send.method),
            ..Sip::default()
        };
        sip.add("Via", self.via(transport));
        sip.add("Max-Forwards", "70");
        sip.add("From", format!("{own};tag={tag}"));
        sip.add("To", to);
        sip.add("Call-ID", call_id);
        sip.add("CSeq", format!("{cseq} {}", send.method));
        if matches!(
            send.method.as_str(),
            "INVITE" | "REGISTER" | "SUBSCRIBE" | "UPDATE" | "REFER" | "NOTIFY"
        ) {
            sip.add("Contact", self.contact(transport));
        }
        sip
    }

    fn call_of(
        &mut self,
        send: &Send,
        is_wanted: impl Fn(&Call) -> bool,
    ) -> Result<&mut Call, String> {
        let label = send.call.as_deref();
        let found = self.calls.iter_mut().rev().find(|call| match label {
            Some(label) => call.label.as_deref() == Some(label),
            None => is_wanted(call),
        });
        found.ok_or_else(|| match label {
            Some(label) => format!("{} has no call labelled `{label}`", self.plan.name),
            None => format!("{} has no call to send {} in", self.plan.name, send.method),
        })
    }

    /// CANCEL is the INVITE's twin (RFC 3261 §9.1): its Via, Request-URI and Route.
    fn cancel(&mut self, send: &Send) -> Result<(Sip, Way), String> {
        let call = self.call_of(send, |call| call.invite.is_some())?;
        let invite = call.invite.clone().unwrap_or_default();
        Ok((follow(&invite, "CANCEL", None), call.way))
    }

    /// A request in a dialog.
    fn within(
        &mut self,
        send: &Send,
        way: Way,
        transport: engine::Transport,
    ) -> Result<(Sip, Way), String> {
        let via = self.via(transport);
        let contact = self.contact(transport);
        let call = self.call_of(send, |_| true)?;
        let way = if way == Way::default() { call.way } else { way };
        if !matches!(send.method.as_str(), "ACK" | "PRACK") || call.cseq == 0 {
            call.cseq += 1;
        }
        let mut sip = Sip {
            start: format!("{} {} SIP/2.0", send.method, call.target),
            ..Sip::default()
        };
        sip.add("Via", via);
        for route in &call.routes {
            sip.add("Route", route.clone());
        }
        sip.add("Max-Forwards", "70");
        sip.add("From", call.local.clone());
        sip.add("To", call.remote.clone());
        sip.add("Call-ID", call.call_id.clone());
        sip.add("CSeq", format!("{} {}", call.cseq, send.method));
        if matches!(
            send.method.as_str(),
            "INVITE" | "UPDATE" | "REFER" | "NOTIFY"
        ) {
            sip.add("Contact", contact);
        }
        Ok((sip, way))
    }

    /// Keeps what the rest of a call needs.
    fn remember(&mut self, send: &Send, sip: &Sip, way: Way) {
        if send.method != "INVITE" {
            return;
        }
        let call_id = sip.get("Call-ID").unwrap_or_default().to_owned();
        if let Some(call) = self.calls.iter_mut().find(|call| call.call_id == call_id) {
            call.invite = Some(sip.clone());
            call.way = way;
            return;
        }
        self.calls.push(Call {
            label: send.call.clone(),
            call_id,
            local: sip.get("From").unwrap_or_default().to_owned(),
            remote: sip.get("To").unwrap_or_default().to_owned(),
            target: send.uri.clone().unwrap_or_default(),
            routes: Vec::new(),
            cseq: sip.cseq().0,
            invite: Some(sip.clone()),
            way,
            is_confirmed: false,
        });
    }

    /// A response came. The ACK that it asks for, with its way.
    pub(super) fn on_response(&mut self, response: &Sip) -> Option<(Sip, Way)> {
        let code = response.code()?;
        let (number, method) = response.cseq();
        if method != "INVITE" {
            return None;
        }
        let call_id = response.get("Call-ID")?.to_owned();
        let transport = self.plan.transport;
        let via = self.via(transport);
        let call = self.calls.iter_mut().find(|call| call.call_id == call_id)?;
        let invite = call
            .invite
            .clone()
            .filter(|invite| invite.cseq().0 == number)?;
        match code {
            101..=199 => {
                if !call.is_confirmed
                    && response
                        .get("To")
                        .is_some_and(|to| param(to, "tag").is_some())
                {
                    learn(call, response);
                }
                None
            }
            200..=299 => {
                if !call.is_confirmed {
                    learn(call, response);
                    call.is_confirmed = true;
                }
                let mut ack = follow(&invite, "ACK", response.get("To"));
                let target = response.get("Contact").map_or(call.target.as_str(), uri_of);
                ack.start = format!("ACK {target} SIP/2.0");
                ack.remove("Via");
                ack.remove("Route");
                ack.fields.insert(0, ("Via".to_owned(), via));
                let routes = call.routes.iter().enumerate();
                for (at, route) in routes {
                    ack.fields
                        .insert(1 + at, ("Route".to_owned(), route.clone()));
                }
                let way = call.way;
                self.sends_ack.then_some((ack, way))
            }
            300.. => {
                let way = call.way;
                let ack = follow(&invite, "ACK", response.get("To"));
                self.sends_ack.then_some((ack, way))
            }
            _ => None,
        }
    }

    /// A request came. What is answered, and when.
    pub(super) fn on_request(&mut self, request: &Sip, transport: engine::Transport) -> Vec<Reply> {
        let Some(method) = request.method().map(str::to_owned) else {
            return Vec::new();
        };
        let key = (request.branch(), method.clone(), request.cseq().0);
        if let Some(known) = self.answered.get(&key) {
            let again = known.last.clone().map(|sip| Reply {
                after_us: 0,
                sip,
                answers: None,
            });
            return again.into_iter().collect();
        }
        match method.as_str() {
            "ACK" => return Vec::new(),
            "CANCEL" => return self.on_cancel(request),
            _ => {}
        }
        let in_dialog = request
            .get("To")
            .is_some_and(|to| param(to, "tag").is_some());
        if method == "INVITE" {
            self.accept(request, in_dialog);
        }
        self.answered.insert(
            key.clone(),
            Incoming {
                request: request.clone(),
                ..Incoming::default()
            },
        );
        let (list, headers, body) = self.replies(&method, in_dialog);
        let mut replies = Vec::new();
        let is_late = list
            .first()
            .is_some_and(|first| first.after_us > TRYING_US && first.code > 100);
        if method == "INVITE" && is_late {
            replies.push((100, "Trying".to_owned(), 0));
        }
        replies.extend(
            list.into_iter()
                .map(|one| (one.code, one.reason, one.after_us)),
        );
        let make = |(code, reason, after_us)| {
            let mut sip = self.reply(request, code, reason, transport);
            if code >= 200 {
                if let Some(body) = &body {
                    sip.body.clone_from(body);
                } else if code < 300 && request.get("Content-Type") == Some("application/sdp") {
                    sip.body = description(&self.plan);
                    sip.add("Content-Type", "application/sdp");
                }
            }
            edit(&mut sip, &headers, Some(code));
            if sip.body.is_empty() && sip.get("Content-Type") == Some("application/sdp") {
                sip.body = description(&self.plan);
            }
            Reply {
                after_us,
                sip,
                answers: Some(key.clone()),
            }
        };
        replies.into_iter().map(make).collect()
    }

    fn replies(
        &mut self,
        method: &str,
        in_dialog: bool,
    ) -> (Vec<super::plan::ReplyPlan>, Vec<HeaderEdit>, Option<String>) {
        let is_again = method == "INVITE" && in_dialog;
        let named = if is_again { "re-INVITE" } else { method };
        // What is said of a peer in general is said of requests that begin something.
        let found = self
            .rules
            .iter()
            .rposition(|(rule, _)| match rule.method.as_deref() {
                Some(of) => of == named,
                None => !in_dialog,
            });
        let Some((rule, turn)) = found.and_then(|at| self.rules.get_mut(at)) else {
            let plain = super::plan::ReplyPlan {
                code: 200,
                reason: "OK".to_owned(),
                after_us: 0,
            };
            return (vec![plain], Vec::new(), None);
        };
        let RuleKind::Replies(lists) = &rule.kind else {
            return (Vec::new(), Vec::new(), None);
        };
        let list = lists[(*turn).min(lists.len() - 1)].clone();
        *turn += 1;
        (list, rule.headers.clone(), rule.body.clone())
    }

    /// 200 to the CANCEL, and 487 to its INVITE if that is still open.
    fn on_cancel(&mut self, request: &Sip) -> Vec<Reply> {
        let name = self.plan.name.clone();
        let mut replies = Vec::new();
        let key = (request.branch(), "INVITE".to_owned(), request.cseq().0);
        let code = match self.answered.get_mut(&key) {
            Some(open) if !open.is_over => {
                open.is_over = true;
                let invite = open.request.clone();
                let sip = copy(
                    &invite,
                    487,
                    "Request Terminated",
                    &format!("{name}-{}", suffix(&invite)),
                );
                open.last = Some(sip.clone());
                replies.push(Reply {
                    after_us: 0,
                    sip,
                    answers: None,
                });
                200
            }
            Some(_) => 200,
            None => 481,
        };
        let sip = copy(
            request,
            code,
            super::sip::reason_of(code),
            &format!("{name}-{}", suffix(request)),
        );
        replies.insert(
            0,
            Reply {
                after_us: 0,
                sip,
                answers: None,
            },
        );
        replies
    }

    /// Whether a scheduled reply is still due; notes that it was sent.
    pub(super) fn due(&mut self, key: &(String, String, u32), sip: &Sip) -> bool {
        let Some(open) = self.answered.get_mut(key) else {
            return true;
        };
        if open.is_over {
            return false;
        }
        open.is_over = sip.code().is_some_and(|code| code >= 200);
        open.last = Some(sip.clone());
        true
    }

    /// The called side of a call: what its requests need is what the INVITE says.
    fn accept(&mut self, request: &Sip, in_dialog: bool) {
        let call_id = request.get("Call-ID").unwrap_or_default().to_owned();
        let target = request.get("Contact").map_or("", uri_of).to_owned();
        if let Some(call) = self
            .calls
            .iter_mut()
            .find(|call| call.call_id == call_id && in_dialog)
        {
            call.target = target;
            return;
        }
        let to = request.get("To").unwrap_or_default();
        let call = Call {
            label: None,
            call_id: call_id.clone(),
            local: format!("{to};tag={}-{}", self.plan.name, suffix(request)),
            remote: request.get("From").unwrap_or_default().to_owned(),
            target,
            routes: request.list("Record-Route"),
            cseq: 0,
            invite: None,
            way: Way::default(),
            is_confirmed: true,
        };
        self.calls
            .retain(|call| call.call_id != call_id || call.invite.is_some());
        self.calls.push(call);
    }

    fn reply(&self, request: &Sip, code: u16, reason: String, transport: engine::Transport) -> Sip {
        let mut sip = copy(
            request,
            code,
            &reason,
            &format!("{}-{}", self.plan.name, suffix(request)),
        );
        let makes_dialog = matches!(
            request.method(),
            Some("INVITE" | "SUBSCRIBE" | "REFER" | "UPDATE")
        );
        if (101..300).contains(&code) && makes_dialog {
            sip.add("Contact", self.contact(transport));
        }
        sip
    }
}

/// Tells the tags of a peer's dialogs apart and stays the same for all requests of one.
fn suffix(request: &Sip) -> String {
    request
        .get("Call-ID")
        .unwrap_or_default()
        .split('@')
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// What the first response with a tag says of the dialog.
fn learn(call: &mut Call, response: &Sip) {
    response
        .get("To")
        .unwrap_or_default()
        .clone_into(&mut call.remote);
    if let Some(contact) = response.get("Contact") {
        uri_of(contact).clone_into(&mut call.target);
    }
    call.routes = response.list("Record-Route");
    call.routes.reverse();
}

/// ACK or CANCEL of an INVITE: the fields that are the same in both.
fn follow(invite: &Sip, method: &str, to: Option<&str>) -> Sip {
    let uri = invite.start.split(' ').nth(1).unwrap_or_default();
    let mut sip = Sip {
        start: format!("{method} {uri} SIP/2.0"),
        ..Sip::default()
    };
    for (name, value) in &invite.fields {
        let is_kept = ["Via", "Route", "Max-Forwards", "From", "Call-ID"]
            .iter()
            .any(|kept| is_name(name, kept));
        if is_kept {
            sip.add(name, value.clone());
        } else if is_name(name, "To") {
            sip.add(name, to.unwrap_or(value));
        } else if is_name(name, "CSeq") {
            sip.add(name, format!("{} {method}", invite.cseq().0));
        }
    }
    sip
}

/// A reply with what every reply copies (RFC 3261 §8.2.6.2), and the Record-Route that dialogs need.
fn copy(request: &Sip, code: u16, reason: &str, tag: &str) -> Sip {
    let mut sip = Sip {
        start: format!("SIP/2.0 {code} {reason}"),
        ..Sip::default()
    };
    for (name, value) in &request.fields {
        let is_kept = ["Via", "From", "Call-ID", "CSeq"]
            .iter()
            .any(|kept| is_name(name, kept))
            || (is_name(name, "Record-Route") && (101..300).contains(&code));
        if is_name(name, "To") {
            let is_tagged = code == 100 || param(value, "tag").is_some();
            sip.add(
                name,
                if is_tagged {
                    value.clone()
                } else {
                    format!("{value};tag={tag}")
                },
            );
        } else if is_kept {
            sip.add(name, value.clone());
        }
    }
    sip
}

/// Applies what a test says of header fields. The first edit of a name replaces, further ones add.
fn edit(sip: &mut Sip, edits: &[HeaderEdit], code: Option<u16>) {
    let is_for = |edit: &HeaderEdit| match (edit.code, code) {
        (Some(wanted), Some(code)) => wanted == code,
        (None, Some(code)) => code >= 200,
        (_, None) => true,
    };
    let mut replaced: Vec<&str> = Vec::new();
    for one in edits.iter().filter(|one| is_for(one)) {
        let place = sip
            .fields
            .iter()
            .position(|(name, _)| is_name(name, &one.name));
        let mut value = one.value.clone();
        let is_tagged = is_name(&one.name, "From") || (is_name(&one.name, "To") && code.is_some());
        if let Some(new) = value
            .as_mut()
            .filter(|new| is_tagged && param(new, "tag").is_none())
            && let Some(tag) = sip.get(&one.name).and_then(|old| param(old, "tag"))
        {
            *new += &format!(";tag={tag}");
        }
        let is_first = !replaced.iter().any(|name| is_name(name, &one.name));
        if is_first {
            sip.remove(&one.name);
            replaced.push(&one.name);
        }
        let Some(value) = value else { continue };
        match place.filter(|_| is_first) {
            Some(place) => sip.fields.insert(place, (one.name.clone(), value)),
            None => sip.add(&one.name, value),
        }
    }
}

/// A session description with one audio stream.
fn description(peer: &PeerPlan) -> String {
    let (name, ip) = (&peer.user, peer.address.ip());
    let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
    format!(
        "v=0\r\no={name} 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
    )
}
