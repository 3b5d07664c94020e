//! From the Contacts of a REGISTER to bindings: RFC 3261 §10.3, the checks of steps 6 and 7.
//!
//! What becomes of the bindings is `usrloc::update`'s work, on the shard that owns the address.

use parser::uri::unescape;
use parser::{HeaderName, Message, Method, NameAddr, Uri};

use super::flags::{PathMode, SaveFlags};
use crate::usrloc::CONTACTS_MAX;
use crate::usrloc::binding::Binding;

/// What the parameters of the module say about contacts.
#[derive(Clone, Debug)]
pub(super) struct ContactRules {
    /// Granted when nothing was asked for, in seconds.
    pub(super) expires_default: u32,
    /// Less than this is refused; zero is "anything".
    pub(super) expires_min: u32,
    /// More than this is cut; zero is "anything".
    pub(super) expires_max: u32,
    /// The q of a contact that has none, in thousandths.
    pub(super) q_default: Option<u16>,
    /// Longest contact URI.
    pub(super) contact_max: usize,
}

/// What of the REGISTER is the same for all its contacts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Common<'a> {
    /// Seconds since the epoch.
    pub(super) now: u32,
    /// The URI of where it came from, when contacts are not reachable.
    pub(super) received: &'a [u8],
    /// What the script attached.
    pub(super) attr: &'a [u8],
    /// The branch flags set.
    pub(super) branch_flags: u32,
    /// The receiving socket, plus one.
    pub(super) socket: u16,
    /// The connection to keep.
    pub(super) connection: u64,
    /// Seconds added to each granted expiry, so that refreshes do not come in waves.
    pub(super) deviation: i32,
}

/// What the contacts ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// No Contact: only to be told.
    Fetch,
    /// `Contact: *`.
    RemoveAll,
    /// Bindings were written.
    Change,
}

/// What is wrong with a REGISTER, each with its response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// `*` beside other contacts, or without `Expires: 0`.
    Star,
    /// A Contact that cannot be read.
    Contact,
    /// A Contact longer than allowed.
    ContactTooLong,
    /// Less than this many seconds was asked for.
    TooBrief(u32),
    /// A Path, and a phone that does not know what that is.
    PathUnsupported,
    /// The address is none.
    Aor,
    /// The address is too long.
    AorTooLong,
    /// A later REGISTER of this Call-ID was here before.
    Cseq,
    /// Too many contacts.
    TooMany,
    /// The shard that owns the address did not answer in time.
    Unavailable,
}

impl Fault {
    /// The status code, and what `P-Registrar-Error` says.
    pub(super) fn response(self) -> (u16, &'static str) {
        match self {
            Fault::Star => (400, "Invalid use of * contact"),
            Fault::Contact => (400, "Contact cannot be read"),
            Fault::ContactTooLong => (400, "Contact URI is too long"),
            Fault::TooBrief(_) => (423, "Interval Too Brief"),
            Fault::PathUnsupported => (420, "No support for found Path indicated"),
            Fault::Aor => (400, "Could not parse AOR"),
            Fault::AorTooLong => (400, "Address of record is too long"),
            Fault::Cseq => (400, "Invalid CSeq number"),
            Fault::TooMany => (503, "Too many registered contacts"),
            Fault::Unavailable => (503, "User location is not available"),
        }
    }
}

/// Writes a binding a contact to `out`. One that shall be removed ends at `common.now`.
pub(super) fn read(
    message: &Message,
    rules: &ContactRules,
    flags: &SaveFlags<'_>,
    common: &Common<'_>,
    out: &mut Vec<u8>,
) -> Result<Wanted, Fault> {
    let path = Path::of(message, flags)?;
    let allowed = match message.header(HeaderName::Allow) {
        Some(_) => message
            .list(HeaderName::Allow)
            .fold(0, |bits, element| bits | method_bit(element.raw)),
        None => u32::MAX,
    };
    let received = match path.received.as_slice() {
        b"" => common.received,
        received => received,
    };
    let template = Binding {
        call_id: message.call_id(),
        user_agent: message
            .header(HeaderName::UserAgent)
            .map_or(b"", |header| header.value),
        received,
        attr: common.attr,
        cseq: message.cseq().number,
        modified: common.now,
        branch_flags: common.branch_flags,
        socket: common.socket,
        connection: common.connection,
        ..Binding::default()
    };
    let mut count = 0;
    let mut stars = 0;
    let mut path_text = Vec::new();
    path.write(message, &mut path_text);
    for element in message.contacts() {
        count += 1;
        if count > CONTACTS_MAX {
            return Err(Fault::TooMany);
        }
        let contact = &element.value;
        if contact.is_star() {
            stars += 1;
            continue;
        }
        if contact.addr_spec.len() > rules.contact_max {
            return Err(Fault::ContactTooLong);
        }
        if Uri::parse(contact.addr_spec).is_err() {
            return Err(Fault::Contact);
        }
        let granted = grant(contact, message, rules, flags, common.deviation)?;
        Binding {
            contact: contact.addr_spec,
            path: &path_text,
            instance: contact.params.get(b"+sip.instance").unwrap_or_default(),
            expires: common.now.saturating_add(granted),
            q: contact.q().or(rules.q_default),
            methods: methods(contact).unwrap_or(allowed),
            reg_id: contact
                .params
                .get(b"reg-id")
                .and_then(number)
                .map_or(0, |id| id.saturating_add(1)),
            ..template
        }
        .write(out);
    }
    match (stars, count) {
        (0, 0) => Ok(Wanted::Fetch),
        (0, _) => Ok(Wanted::Change),
        // RFC 3261 §10.2.2: `*` stands alone and with an Expires of zero.
        (1, 1) if message.expires() == Some(0) => Ok(Wanted::RemoveAll),
        _ => Err(Fault::Star),
    }
}

/// The seconds that a contact gets. RFC 3261 §10.3: its own `expires`, then the header's, then ours.
fn grant(
    contact: &NameAddr<'_>,
    message: &Message,
    rules: &ContactRules,
    flags: &SaveFlags<'_>,
    deviation: i32,
) -> Result<u32, Fault> {
    let wanted = contact
        .expires()
        .or_else(|| message.expires())
        .unwrap_or(rules.expires_default);
    let least = flags.expires_min.unwrap_or(rules.expires_min);
    let most = flags.expires_max.unwrap_or(rules.expires_max);
    if wanted == 0 {
        return Ok(0);
    }
    // An hour and more is never too brief, whatever the parameter says.
    if wanted < least && wanted < 3600 {
        return Err(Fault::TooBrief(least));
    }
    let granted = wanted.saturating_add_signed(deviation).max(1);
    Ok(if most > 0 { granted.min(most) } else { granted })
}

/// The Path of a REGISTER, as far as it is stored.
#[derive(Default)]
struct Path {
    stored: bool,
    /// Where the edge saw the phone, its escapes decoded.
    received: Vec<u8>,
}

impl Path {
    fn of(message: &Message, flags: &SaveFlags<'_>) -> Result<Path, Fault> {
        let Some(first) = message.paths().next() else {
            return Ok(Path::default());
        };
        match flags.path {
            PathMode::Ignored => return Ok(Path::default()),
            PathMode::Strict if !supports_path(message) => return Err(Fault::PathUnsupported),
            PathMode::Off | PathMode::Lazy | PathMode::Strict => {}
        }
        let mut path = Path {
            stored: true,
            received: Vec::new(),
        };
        if let Ok(uri) = Uri::parse(first.value.addr_spec)
            && flags.path_received
        {
            unescape(
                uri.params.get(b"received").unwrap_or_default(),
                &mut path.received,
            );
            // Whoever wrote the Path wrote the escapes: what is no URI would break the answer's lines.
            if Uri::parse(&path.received).is_err() {
                path.received.clear();
            }
        }
        Ok(path)
    }

    fn write(&self, message: &Message, out: &mut Vec<u8>) {
        if !self.stored {
            return;
        }
        for element in message.paths() {
            if !out.is_empty() {
                out.push(b',');
            }
            out.extend_from_slice(element.raw);
        }
    }
}

/// Whether the phone says that it knows Path (RFC 3327 §5.1).
pub(super) fn supports_path(message: &Message) -> bool {
    message
        .list(HeaderName::Supported)
        .any(|element| element.raw.eq_ignore_ascii_case(b"path"))
}

/// The methods of the contact's own `methods` parameter: `methods="INVITE,BYE"`.
fn methods(contact: &NameAddr<'_>) -> Option<u32> {
    let list = contact.params.get(b"methods")?;
    Some(
        list.split(|byte| *byte == b',')
            .fold(0, |bits, method| bits | method_bit(method.trim_ascii())),
    )
}

/// The bit of a method; all that are not registered share one.
pub(super) fn method_bit(method: &[u8]) -> u32 {
    1 << match Method::of(method) {
        Method::Invite => 0,
        Method::Cancel => 1,
        Method::Ack => 2,
        Method::Bye => 3,
        Method::Info => 4,
        Method::Options => 5,
        Method::Update => 6,
        Method::Register => 7,
        Method::Message => 8,
        Method::Subscribe => 9,
        Method::Notify => 10,
        Method::Prack => 11,
        Method::Refer => 12,
        Method::Publish => 13,
        Method::Other(_) => 31,
    }
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
