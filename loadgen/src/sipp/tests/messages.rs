//! Messages as text.

use super::super::message::{Start, View, elements, tag_of, uri_of};

const MESSAGE: &[u8] = b"INVITE sip:a b@c SIP/2.0\r\nv: one\r\n folded\r\ni : id@x\r\nVia: two\r\nCSEQ:  7   INVITE\r\n\
                         f: <sip:x;tag=no>;x;TAG=yes\r\n\r\nbody\r\nVia: three\r\n";

#[test]
fn reads_what_is_odd() {
    let view = View::read(MESSAGE).unwrap();
    assert_eq!(
        view.start,
        Start::Request {
            method: b"INVITE",
            uri: b"sip:a b@c"
        }
    );
    assert_eq!(
        (view.call_id, view.cseq, view.cseq_method),
        (&b"id@x"[..], &b"7"[..], &b"INVITE"[..])
    );
    let vias: Vec<_> = view.lines(b"Via").collect();
    assert_eq!(vias, [&b"v: one\r\n folded"[..], b"Via: two"]);
    assert_eq!(view.peer_tag(), Some(&b"yes"[..]));
    assert_eq!(view.body(), b"body\r\nVia: three\r\n");
}

#[test]
fn refuses_what_is_no_message() {
    for text in [
        &b""[..],
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nCall-ID: x\r\nCSeq: 1 GET\r\n\r\n",
        b"SIP/2.0 2",
        b"SIP/2.0 abc\r\nCall-ID: x\r\nCSeq: 1 A\r\n\r\n",
        b"OPTIONS sip:x SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n",
        b"OPTIONS sip:x SIP/2.0\r\nCall-ID: x\r\nCSeq: 1\r\n\r\n",
    ] {
        assert!(
            View::read(text).is_none(),
            "{:?}",
            String::from_utf8_lossy(text)
        );
    }
}

#[test]
fn a_message_that_ends_anywhere_is_read_or_refused() {
    for end in 0..MESSAGE.len() {
        if let Some(view) = View::read(&MESSAGE[..end]) {
            let _ = (view.body(), view.lines(b"Via").count(), view.peer_tag());
        }
    }
}

#[test]
fn takes_lists_and_addresses_apart() {
    let list: Vec<_> = elements(b"\"a, \\\"b\" <sip:x,y>, sip:z ,, <sip:w>").collect();
    assert_eq!(list, [&b"\"a, \\\"b\" <sip:x,y>"[..], b"sip:z", b"<sip:w>"]);
    assert_eq!(uri_of(b"\"n\" <sip:a;b>;c"), b"sip:a;b");
    assert_eq!(uri_of(b"sip:a;b"), b"sip:a");
    assert_eq!(tag_of(b"sip:a;x;tag=1"), Some(&b"1"[..]));
    assert_eq!(tag_of(b"<sip:a;tag=1>"), None);
}
