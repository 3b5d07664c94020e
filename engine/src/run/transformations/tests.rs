//! A table for each class: value, transformation, result.

use super::{Input, Outcome, table};
use crate::run::value::{Digits, ValueRef};

/// `s.substr(0,3)` of a text; NULL is `None`.
fn apply(name: &str, value: &str, params: &[ValueRef<'_>]) -> Option<String> {
    let (class, name) = name.split_once('.').expect("class.name");
    let row = table()
        .find(|row| row.class == class && row.name == name)
        .expect("it is in the table");
    let mut out = Vec::new();
    let input = Input {
        text: value.as_bytes(),
        int: None,
    };
    match (row.apply)(input, params, &mut out) {
        Outcome::Null => None,
        Outcome::Int(n) => Some(String::from_utf8_lossy(Digits::default().of(n)).into_owned()),
        Outcome::Part(range) => Some(value[range].to_owned()),
        Outcome::Evaluate | Outcome::Resolve(_) => panic!("the machine does that"),
        Outcome::Written => Some(String::from_utf8_lossy(&out).into_owned()),
    }
}

#[track_caller]
fn gives(name: &str, value: &str, params: &[ValueRef<'_>], expected: &str) {
    assert_eq!(
        apply(name, value, params).as_deref(),
        Some(expected),
        "{value:?} {{{name}}} {params:?}"
    );
}

#[track_caller]
fn null(name: &str, value: &str, params: &[ValueRef<'_>]) {
    assert_eq!(
        apply(name, value, params),
        None,
        "{value:?} {{{name}}} {params:?}"
    );
}

fn n(n: i32) -> ValueRef<'static> {
    ValueRef::Int(n)
}

fn s(text: &str) -> ValueRef<'_> {
    ValueRef::Str(text.as_bytes())
}

#[test]
fn texts() {
    gives("s.len", "abc", &[], "3");
    gives("s.int", "42abc", &[], "42");
    gives("s.int", "-7", &[], "-7");
    gives("s.int", "abc", &[], "0");
    gives("s.tolower", "AbC1", &[], "abc1");
    gives("s.toupper", "AbC1", &[], "ABC1");
    gives("s.reverse", "abc", &[], "cba");
    gives("s.trim", " \ta b\r\n", &[], "a b");
    gives("s.triml", " a ", &[], "a ");
    gives("s.trimr", " a ", &[], " a");
    gives("s.trim", "  ", &[], "");
    gives("s.width", "abc", &[n(5)], "abc  ");
    gives("s.width", "abc", &[n(2)], "ab");
    gives("s.fill.left", "abc", &[s("0"), n(5)], "00abc");
    gives("s.fill.right", "abc", &[s("xy"), n(6)], "abcxyx");
    gives("s.fill.left", "abc", &[s("0"), n(2)], "abc");
    gives("s.xor", "ab", &[s("\u{3}")], "ba");
    null("s.xor", "ab", &[s("")]);
}

#[test]
fn parts_of_texts() {
    gives("s.substr", "abcdef", &[n(1), n(3)], "bcd");
    gives("s.substr", "abcdef", &[n(2), n(0)], "cdef");
    gives("s.substr", "abcdef", &[n(-2), n(0)], "ef");
    gives("s.substr", "abcdef", &[n(1), n(-2)], "bcd");
    gives("s.substr", "abcdef", &[n(4), n(9)], "ef"); // more than there is: what there is
    null("s.substr", "abcdef", &[n(6), n(1)]);
    null("s.substr", "abcdef", &[n(-7), n(1)]);
    null("s.substr", "abcdef", &[n(3), n(-4)]);
    gives("s.select", "a,b,,d", &[n(1), s(",")], "b");
    gives("s.select", "a,b,,d", &[n(2), s(",")], "");
    gives("s.select", "a,b,,d", &[n(-1), s(",")], "d");
    gives("s.select", "a,b,,d", &[n(9), s(",")], "");
    gives("s.index", "strings string", &[s("string")], "0");
    gives("s.index", "strings string", &[s("string"), n(1)], "8");
    gives("s.index", "strings string", &[s("string"), n(-6)], "8");
    null("s.index", "strings", &[s("x")]);
    gives("s.rindex", "strings string", &[s("string")], "8");
    gives("s.rindex", "strings string", &[s("string"), n(7)], "0");
    null("s.rindex", "strings", &[s("x")]);
}

#[test]
fn digests_and_encodings() {
    gives("s.md5", "abc", &[], "900150983cd24fb0d6963f7d28e17f72"); // RFC 1321 §A.5
    gives(
        "s.sha1",
        "abc",
        &[],
        "a9993e364706816aba3e25717850c26c9cd0d89d",
    ); // RFC 3174 §7.3
    gives(
        "s.sha256",
        "abc",
        &[],
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ); // FIPS 180-2
    gives(
        "s.sha224",
        "abc",
        &[],
        "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
    ); // RFC 3874 §3.1
    assert_eq!(apply("s.sha384", "abc", &[]).unwrap().len(), 96);
    assert_eq!(apply("s.sha512", "abc", &[]).unwrap().len(), 128);
    let what = "what do ya want for nothing?";
    gives(
        "s.sha1_hmac",
        what,
        &[s("Jefe")],
        "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
    ); // RFC 2202 §3
    // RFC 4231 §4.3
    gives(
        "s.sha256_hmac",
        what,
        &[s("Jefe")],
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    );
    gives("s.crc32", "123456789", &[], "3421780262");
    gives("s.encode.hexa", "aZ", &[], "615a");
    gives("s.decode.hexa", "615A", &[], "aZ");
    null("s.decode.hexa", "615", &[]);
    gives("s.hex2dec", "ff", &[], "255");
    gives("s.hex2dec", "ffffffff", &[], "4294967295");
    null("s.hex2dec", "xyz", &[]);
    gives("s.dec2hex", "255", &[], "ff");
    gives("s.b64encode", "hello", &[], "aGVsbG8=");
    gives("s.b64decode", "aGVsbG8=", &[], "hello");
    null("s.b64decode", "a", &[]);
    gives(
        "s.date2unix",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        &[],
        "784111777",
    ); // RFC 7231 §7.1.1.1
    null("s.date2unix", "yesterday", &[]);
}

#[test]
fn escapes() {
    gives("s.escape.common", r#"a'b"c\d"#, &[], r#"a\'b\"c\\d"#);
    gives("s.unescape.common", r#"a\'b\"c\\d\x"#, &[], r#"a'b"c\d\x"#);
    gives("s.escape.user", "bob smith@home", &[], "bob%20smith%40home");
    gives(
        "s.unescape.user",
        "bob%20smith%40home",
        &[],
        "bob smith@home",
    );
    null("s.unescape.user", "bob%2", &[]);
    null("s.unescape.user", "bob%00", &[]);
    gives("s.escape.param", "a;b=c", &[], "a%3bb%3dc");
    gives("s.unescape.param", "a%3bb%3Dc", &[], "a;b=c");
}

#[test]
fn uris() {
    let uri = "sip:bob:pw@example.com:5070;transport=tcp;lr;x=y?Subject=hi";
    gives("uri.user", uri, &[], "bob");
    gives("uri.host", uri, &[], "example.com");
    gives("uri.domain", uri, &[], "example.com");
    gives("uri.passwd", uri, &[], "pw");
    gives("uri.port", uri, &[], "5070");
    gives("uri.params", uri, &[], "transport=tcp;lr;x=y");
    gives("uri.param", uri, &[s("x")], "y");
    gives("uri.param", uri, &[s("none")], "");
    gives("uri.headers", uri, &[], "Subject=hi");
    gives("uri.transport", uri, &[], "tcp");
    gives("uri.lr", uri, &[], "");
    gives("uri.schema", uri, &[], "sip");
    gives("uri.schema", "tel:+123", &[], "tel");
    gives("uri.user", "sip:example.com", &[], "");
    gives("uri.port", "sip:example.com", &[], "");
    null("uri.user", "not a uri", &[]);
}

#[test]
fn vias() {
    let via = "SIP/2.0/UDP [2001:db8::1]:5061;branch=z9hG4bK87;received=10.0.0.1;rport=99";
    gives("via.name", via, &[], "SIP");
    gives("via.version", via, &[], "2.0");
    gives("via.transport", via, &[], "UDP");
    gives("via.host", via, &[], "[2001:db8::1]");
    gives("via.port", via, &[], "5061");
    gives("via.branch", via, &[], "z9hG4bK87");
    gives("via.received", via, &[], "10.0.0.1");
    gives("via.rport", via, &[], "99");
    gives("via.param", via, &[s("rport")], "99");
    gives("via.params", "SIP/2.0/TCP a.example.com;x=1", &[], "x=1");
    gives(
        "via.domain",
        "SIP/2.0/TCP a.example.com;x=1",
        &[],
        "a.example.com",
    );
    gives("via.port", "SIP/2.0/TCP a.example.com;x=1", &[], "");
    null("via.host", "nothing", &[]);
}

#[test]
fn parameter_lists() {
    let list = "a=1;b=\"2;3\"; c ;d=4";
    gives("param.value", list, &[s("a")], "1");
    gives("param.value", list, &[s("B")], "2;3");
    gives("param.value", list, &[s("none")], "");
    gives("param.exist", list, &[s("c")], "1");
    gives("param.exist", list, &[s("x")], "0");
    gives("param.valueat", list, &[n(1)], "2;3");
    gives("param.valueat", list, &[n(-1)], "4");
    gives("param.name", list, &[n(2)], "c");
    gives("param.count", list, &[], "4");
    null("param.name", list, &[n(9)]);
}

#[test]
fn name_addrs() {
    let one = "\"Bob, B\" <sip:bob@example.com;x=1>;tag=5;q=0.3";
    gives("nameaddr.name", one, &[], "\"Bob, B\"");
    gives("nameaddr.uri", one, &[], "sip:bob@example.com;x=1");
    gives("nameaddr.param", one, &[s("tag")], "5");
    gives("nameaddr.params", one, &[], "tag=5;q=0.3");
    let list = format!("{one}, <sip:carol@example.com>;tag=6");
    gives("nameaddr.uri", &list, &[n(1)], "sip:carol@example.com");
    gives("nameaddr.uri", &list, &[n(-2)], "sip:bob@example.com;x=1");
    gives("nameaddr.param", &list, &[s("tag"), n(1)], "6");
    gives("nameaddr.len", &list, &[n(1)], "29");
    null("nameaddr.uri", &list, &[n(2)]);
}

#[test]
fn addresses() {
    gives("ip.isip", "10.0.0.1", &[], "1");
    gives("ip.isip", "[::1]", &[], "1");
    gives("ip.isip", "example.com", &[], "0");
    gives("ip.isip4", "::1", &[], "0");
    gives("ip.isip6", "::1", &[], "1");
    gives("ip.isprivate", "192.168.1.1", &[], "1");
    gives("ip.isprivate", "8.8.8.8", &[], "0");
    gives("ip.matches", "10.1.2.3", &[s("10.0.0.0/8")], "1");
    gives("ip.matches", "11.1.2.3", &[s("10.0.0.0/8")], "0");
    gives("ip.matches", "2001:db8::5", &[s("2001:db8::/32")], "1");
    null("ip.matches", "10.1.2.3", &[s("10.0.0.0/33")]);
    gives("ip.ntop", "\u{1}\u{2}\u{3}\u{4}", &[], "1.2.3.4");
    gives("ip.pton", "1.2.3.4", &[], "\u{1}\u{2}\u{3}\u{4}");
    gives("ip.family", "\u{1}\u{2}\u{3}\u{4}", &[], "INET");
    null("ip.family", "12345", &[]);
}

#[test]
fn comma_separated_values() {
    gives("csv.count", "a,\"b,c\",d", &[], "3");
    gives("csv.value", "a,\"b,c\",d", &[n(1)], "b,c");
    gives("csv.value", "a,\"b\"\"c\",d", &[n(1)], "b\"c");
    gives("csv.value", "a,b", &[n(-1)], "b");
    null("csv.value", "a,b", &[n(2)]);
}

#[test]
fn session_descriptions() {
    let sdp =
        "v=0\r\nc=IN IP4 1.2.3.4\r\nm=audio 1 RTP/AVP 0\r\na=x\r\nm=video 2 RTP/AVP 31\r\na=y\r\n";
    gives("sdp.line", sdp, &[s("c")], "c=IN IP4 1.2.3.4");
    gives("sdp.line", sdp, &[s("a="), n(1)], "a=y");
    null("sdp.line", sdp, &[s("z")]);
    gives(
        "sdp.stream",
        sdp,
        &[s("video")],
        "m=video 2 RTP/AVP 31\r\na=y\r\n",
    );
    gives("sdp.stream", sdp, &[n(0)], "m=audio 1 RTP/AVP 0\r\na=x\r\n");
    gives(
        "sdp.stream-delete",
        sdp,
        &[s("audio")],
        "v=0\r\nc=IN IP4 1.2.3.4\r\nm=video 2 RTP/AVP 31\r\na=y\r\n",
    );
}

#[test]
fn a_body_of_nothing_but_streams_is_read_once() {
    let body = "m=x\n".repeat(15_000);
    super::sdp::LOOKED_AT.set(0);
    gives("sdp.stream", &body, &[n(-1)], "m=x\n");
    null("sdp.stream", &body, &[s("audio")]);
    // Three walks, each looking for the end of every stream as well. A walk from the top for each stream looks at
    // thousands of times as much.
    let looked_at = super::sdp::LOOKED_AT.get();
    assert!(looked_at <= 8 * body.len(), "{looked_at}");
}
