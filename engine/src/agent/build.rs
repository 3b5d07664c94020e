//! Building a request: RFC 3261 §8.1.1.

use parser::{Frame, Message, NameAddr, RequestWriter};

use super::OwnRequest;
use crate::core::Core;
use crate::owner::OwnerHash;

/// A Via only so that the request is whole while a script looks at it; the real one takes its place.
const BLANK_VIA: &[u8] = b"SIP/2.0/UDP 0.0.0.0;branch=z9hG4bK-none";

/// Makes the message. `None`: what was asked for is no SIP request.
pub(super) fn build(core: &mut Core, request: &OwnRequest<'_>) -> Option<Message> {
    let mut text = std::mem::take(&mut core.agents.text);
    text.clear();
    write(core, request, &mut text);
    let message = Message::parse(Frame::copy_of(&text));
    core.agents.text = text;
    let mut message = message.ok()?;
    message.check().ok()?;
    Some(message)
}

fn write(core: &mut Core, request: &OwnRequest<'_>, out: &mut Vec<u8>) {
    let chance = core.random.next_u64();
    let tag = core.random.next_u64().to_be_bytes();
    let mut writer = RequestWriter::new(out, request.method, request.request_uri);
    writer
        .header("Via", &[BLANK_VIA])
        .number("Max-Forwards", 70);
    name_addr(&mut writer, "From", request.from, Some(&tag));
    name_addr(
        &mut writer,
        "To",
        if request.to.is_empty() {
            request.request_uri
        } else {
            request.to
        },
        None,
    );
    if request.call_id.is_empty() {
        let local = core.owner.mint_call_id(own_hash(core, chance), chance);
        let host = core
            .sockets
            .iter()
            .next()
            .map_or("localhost", |socket| socket.host.as_str());
        writer.header("Call-ID", &[&local, b"@", host.as_bytes()]);
    } else {
        writer.header("Call-ID", &[request.call_id]);
    }
    let mut digits = [0; 10];
    writer.header(
        "CSeq",
        &[
            number(request.cseq.max(1), &mut digits),
            b" ",
            request.method,
        ],
    );
    writer.lines(&core.proxy.settings.user_agent_header);
    writer.lines(request.headers);
    writer.finish(request.content_type, request.body);
}

/// A URI becomes a name-addr, with what stands before it as its display name; a From gets a tag when it has none.
fn name_addr(writer: &mut RequestWriter<'_>, name: &str, value: &[u8], tag: Option<&[u8; 8]>) {
    let is_whole = value.contains(&b'<');
    let (display, value) = match value.iter().rposition(u8::is_ascii_whitespace) {
        Some(at) if !is_whole => (value[..at].trim_ascii(), &value[at + 1..]),
        _ => (&b""[..], value),
    };
    let quote: &[u8] = if display.starts_with(b"\"") {
        b""
    } else {
        b"\""
    };
    let name_part = match display {
        b"" => Vec::new(),
        display => [quote, display, quote, b" "].concat(),
    };
    let (open, close): (&[u8], &[u8]) = if is_whole { (b"", b"") } else { (b"<", b">") };
    let has_tag = is_whole && NameAddr::parse(value).is_ok_and(|value| value.tag().is_some());
    match tag.filter(|_| !has_tag) {
        Some(tag) => writer.header(name, &[&name_part, open, value, close, b";tag=", &hex(tag)]),
        None => writer.header(name, &[&name_part, open, value, close]),
    };
}

/// A hash that belongs to this shard: what comes back finds its way to us.
fn own_hash(core: &Core, chance: u64) -> OwnerHash {
    let shards = u64::from(core.owner.shards().max(1));
    let width = (1u64 << 32) / shards;
    // The shard of a hash is hash * shards / 2^32; the first of ours, rounded up, and somewhere behind it.
    let first = (u64::from(core.shard.0) << 32).div_ceil(shards);
    OwnerHash((first + chance % width.saturating_sub(1).max(1)) as u32)
}

fn number(number: u32, digits: &mut [u8; 10]) -> &[u8] {
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return &digits[at..];
        }
    }
}

fn hex(bytes: &[u8; 8]) -> [u8; 16] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|at| DIGITS[usize::from(bytes[at / 2] >> (4 * (1 - at % 2)) & 15)])
}
