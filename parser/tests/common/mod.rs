//! What the golden tests share: a message as a listing.

use std::fmt::Write;

use parser::{Frame, Message, Rejected, Uri};

/// What became of these bytes: `accept`, a status code with its reason, or silence with its reason.
pub(crate) fn verdict(bytes: &[u8]) -> String {
    let fault = match Message::parse(Frame::copy_of(bytes)) {
        Err(Rejected { fault, .. }) => fault,
        Ok(mut message) => match message.check() {
            Ok(()) => {
                kept_as_read(&message);
                return "accept".into();
            }
            Err(fault) => fault,
        },
    };
    match fault.status() {
        Some(status) => format!("{status}  {fault}"),
        None => format!("drop  {fault}"),
    }
}

/// What `check` kept of the core headers is what is read of the bytes.
fn kept_as_read(message: &Message) {
    let fresh = Message::parse(Frame::copy_of(message.bytes())).expect("what parsed parses again");
    assert_eq!(message.top_via_element(), fresh.top_via_element());
    assert_eq!((message.from(), message.to()), (fresh.from(), fresh.to()));
    assert_eq!(
        (message.from_tag(), message.to_tag()),
        (fresh.from_tag(), fresh.to_tag())
    );
    assert_eq!(message.has_second_via(), fresh.vias().nth(1).is_some());
    let (peek, indexed) = (
        parser::Peek::read(message.bytes()),
        parser::Peek::from(message),
    );
    assert_eq!(
        (indexed.call_id, indexed.is_response, indexed.route),
        (peek.call_id, peek.is_response, peek.route)
    );
    assert_eq!(indexed.branch, peek.branch.filter(|_| peek.is_response));
}

/// Everything that is read from a message, a line each.
#[allow(dead_code, reason = "each test file is a crate of its own")]
pub(crate) fn listing(bytes: &[u8]) -> String {
    let mut out = format!("verdict        {}\n", verdict(bytes));
    let message = match Message::parse(Frame::copy_of(bytes)) {
        Ok(message) => message,
        Err(rejected) => rejected.message,
    };
    let mut add = |name: &str, value: String| {
        let _ = writeln!(out, "{}", format!("{name:14} {value}").trim_end());
    };
    match message.status() {
        Some(status) => add("response", format!("{status} {}", text(message.reason()))),
        None => add(
            "request",
            format!("{} {}", message.method(), text(message.request_uri())),
        ),
    }
    if message.is_request() {
        add("", describe_uri(message.request_uri()));
    }
    for via in message.vias() {
        let v = via.value;
        add(
            "via",
            format!(
                "{:?} {:?} port {:?}",
                v.transport,
                v.host
                    .ip()
                    .map_or_else(|| text(v.sent_by), |ip| ip.to_string()),
                v.port
            ),
        );
        add(
            "",
            format!(
                "branch {} received {:?} rport {:?} params {:?}",
                text(v.branch()),
                v.received(),
                v.rport(),
                text(v.params.raw())
            ),
        );
    }
    for (name, address) in [("from", message.from()), ("to", message.to())] {
        let mut display = Vec::new();
        address.write_display_text(&mut display);
        add(
            name,
            format!(
                "{:?} {} tag {:?}",
                text(&display),
                describe_uri(address.addr_spec),
                address.tag().map(text)
            ),
        );
    }
    add("call_id", text(message.call_id()));
    add(
        "cseq",
        format!("{} {}", message.cseq().number, message.cseq().method),
    );
    add("max_forwards", format!("{:?}", message.max_forwards()));
    add("expires", format!("{:?}", message.expires()));
    for (name, list) in [
        ("contact", message.contacts().collect::<Vec<_>>()),
        ("route", message.routes().collect()),
        ("record_route", message.record_routes().collect()),
    ] {
        for element in list {
            add(
                name,
                format!(
                    "{} params {:?}",
                    describe_uri(element.value.addr_spec),
                    text(element.value.params.raw())
                ),
            );
        }
    }
    let names: Vec<String> = message
        .headers()
        .map(|field| text(field.raw_name))
        .collect();
    add("headers", names.join(" "));
    add(
        "body",
        format!(
            "{} bytes, {:?}",
            message.body().len(),
            message.content_type().map(text)
        ),
    );
    out
}

fn describe_uri(bytes: &[u8]) -> String {
    match Uri::parse(bytes) {
        Err(fault) => format!("{} ({fault})", text(bytes)),
        Ok(uri) if uri.is_sip() => format!(
            "{} user {:?} host {:?} port {:?} params {:?}",
            text(uri.scheme.as_bytes()),
            uri.user.map(text),
            text(uri.host_text),
            uri.port,
            text(uri.params.raw())
        ),
        Ok(uri) => format!("{} {:?}", text(uri.scheme.as_bytes()), text(uri.rest)),
    }
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
