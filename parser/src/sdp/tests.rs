use super::*;
use crate::Draft;
use expect_test::{Expect, expect};

const OFFER: &str = "\
v=0
o=alice 2890844526 2890844526 IN IP4 host.example
s=-
c=IN IP4 192.0.2.1
t=0 0
a=group:BUNDLE 1
m=audio 49170/2 RTP/AVP 0 8 97
c=IN IP6 2001:db8::1
a=rtpmap:97 iLBC/8000
a=fmtp:97 mode=30
a=sendonly
m=video 51372 RTP/AVP 31
a=rtpmap:31 H261/90000
";

fn offer() -> String {
    OFFER.replace('\n', "\r\n")
}

fn check(edit: impl Fn(&Sdp<'_>, &mut Draft), expected: Expect) {
    let text = offer();
    let sdp = Sdp::parse(text.as_bytes(), 0).unwrap();
    let mut draft = Draft::new();
    edit(&sdp, &mut draft);
    let mut out = Vec::new();
    draft.write_text(text.as_bytes(), &mut out);
    Sdp::parse(&out, 0).expect("what is written reads");
    let written = String::from_utf8(out).unwrap();
    let mut listing = String::new();
    for line in OFFER
        .lines()
        .filter(|line| !written.lines().any(|other| other == *line))
    {
        listing += &format!("-{line}\n");
    }
    for line in written
        .lines()
        .filter(|line| !OFFER.lines().any(|other| other == *line))
    {
        listing += &format!("+{line}\n");
    }
    expected.assert_eq(&listing);
}

#[test]
fn reads_sessions_and_streams() {
    let text = offer();
    let sdp = Sdp::parse(text.as_bytes(), 1_000).unwrap();
    assert_eq!(
        sdp.connection().map(|connection| connection.address),
        Some(&b"192.0.2.1"[..])
    );
    assert_eq!(sdp.origin_address(), Some(&b"host.example"[..]));
    assert_eq!(sdp.attributes().count(), 1);
    let streams: Vec<_> = sdp.media().collect();
    assert_eq!(streams.len(), 2);
    let audio = streams[0];
    assert_eq!(
        (audio.kind, audio.port, audio.port_count),
        (&b"audio"[..], 49_170, 2)
    );
    assert_eq!(
        (audio.protocol, audio.formats),
        (&b"RTP/AVP"[..], &b"0 8 97"[..])
    );
    assert_eq!(audio.attribute(b"sendonly"), Some(&b""[..]));
    assert_eq!(audio.codec_name(b"97"), Some(&b"iLBC"[..]));
    assert_eq!(audio.codec_name(b"8"), Some(&b"PCMA"[..]));
    assert_eq!(audio.codec_name(b"98"), None);
    assert_eq!(
        sdp.connection_of(&audio)
            .map(|connection| connection.family),
        Some(&b"IP6"[..])
    );
    assert_eq!(
        sdp.connection_of(&streams[1])
            .map(|connection| connection.address),
        Some(&b"192.0.2.1"[..])
    );
    let body = |span: Span| Span {
        start: span.start - 1_000,
        end: span.end - 1_000,
    };
    assert_eq!(body(audio.port_span).of(text.as_bytes()), b"49170");
    assert_eq!(body(audio.formats_span).of(text.as_bytes()), b"0 8 97");
    assert!(
        body(streams[1].span)
            .of(text.as_bytes())
            .starts_with(b"m=video")
    );
    assert_eq!(usize::from(body(streams[1].span).end), text.len());
}

#[test]
fn replaces_addresses_everywhere() {
    check(
        |sdp, draft| {
            sdp.replace_connections("10.0.0.9".parse().unwrap(), draft);
            sdp.replace_origin_address("2001:db8::7".parse().unwrap(), draft);
        },
        expect![[r#"
            -o=alice 2890844526 2890844526 IN IP4 host.example
            -c=IN IP4 192.0.2.1
            -c=IN IP6 2001:db8::1
            +o=alice 2890844526 2890844526 IN IP6 2001:db8::7
            +c=IN IP4 10.0.0.9
            +c=IN IP4 10.0.0.9
        "#]],
    );
}

#[test]
fn replaces_ports_and_formats() {
    check(
        |sdp, draft| {
            sdp.media()
                .for_each(|media| media.replace_port(4_000, draft));
        },
        expect![[r#"
            -m=audio 49170/2 RTP/AVP 0 8 97
            -m=video 51372 RTP/AVP 31
            +m=audio 4000/2 RTP/AVP 0 8 97
            +m=video 4000 RTP/AVP 31
        "#]],
    );
    check(
        |sdp, draft| {
            let results: Vec<bool> = sdp
                .media()
                .map(|media| media.remove_formats(draft, |format| matches!(format, b"97" | b"31")))
                .collect();
            assert_eq!(results, [true, false]);
        },
        expect![[r#"
            -m=audio 49170/2 RTP/AVP 0 8 97
            -a=rtpmap:97 iLBC/8000
            -a=fmtp:97 mode=30
            +m=audio 49170/2 RTP/AVP 0 8
        "#]],
    );
    check(
        |sdp, draft| {
            sdp.media()
                .for_each(|media| media.prefer_formats(draft, |format| format == b"8"))
        },
        expect![[r#"
            -m=audio 49170/2 RTP/AVP 0 8 97
            +m=audio 49170/2 RTP/AVP 8 0 97
        "#]],
    );
}

#[test]
fn deletes_streams() {
    check(
        |sdp, draft| sdp.delete_streams(draft, |media| media.kind == b"audio"),
        expect![[r#"
            -m=audio 49170/2 RTP/AVP 0 8 97
            -c=IN IP6 2001:db8::1
            -a=rtpmap:97 iLBC/8000
            -a=fmtp:97 mode=30
            -a=sendonly
        "#]],
    );
}

#[test]
fn replaces_the_address_of_every_connection_of_a_stream() {
    let text = "v=0\r\nm=audio 1/2 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\nc=IN IP4 192.0.2.2\r\n";
    let mut draft = Draft::new();
    Sdp::parse(text.as_bytes(), 0)
        .unwrap()
        .replace_connections("10.0.0.9".parse().unwrap(), &mut draft);
    let mut out = Vec::new();
    draft.write_text(text.as_bytes(), &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "v=0\r\nm=audio 1/2 RTP/AVP 0\r\nc=IN IP4 10.0.0.9\r\nc=IN IP4 10.0.0.9\r\n"
    );
}

#[test]
fn a_description_beyond_its_bounds_is_too_large() {
    let fault = |formats: usize, lines: usize| {
        let formats = vec!["0"; formats].join(" ");
        let text = format!(
            "v=0\r\nm=audio 1 RTP/AVP {formats}\r\n{}",
            "a=\r\n".repeat(lines - 2)
        );
        Sdp::parse(text.as_bytes(), 0)
            .map(drop)
            .map_err(|fault| fault.kind)
    };
    assert_eq!(fault(FORMATS_MAX, SDP_LINES_MAX), Ok(()));
    assert_eq!(fault(FORMATS_MAX + 1, 2), Err(FaultKind::TooLarge));
    assert_eq!(fault(1, SDP_LINES_MAX + 1), Err(FaultKind::TooLarge));
}

#[test]
fn a_format_is_asked_about_once() {
    let formats: Vec<_> = (0..FORMATS_MAX).map(|format| format.to_string()).collect();
    let lines = "a=fmtp:0 x\r\n".repeat(SDP_LINES_MAX - 2);
    let text = format!("v=0\r\nm=audio 1 RTP/AVP {}\r\n{lines}", formats.join(" "));
    let sdp = Sdp::parse(text.as_bytes(), 0).unwrap();
    let asked = std::cell::Cell::new(0);
    let mut draft = Draft::new();
    let removed = sdp
        .media()
        .next()
        .unwrap()
        .remove_formats(&mut draft, |format| {
            asked.set(asked.get() + 1);
            format.len() < 2
        });
    assert!(removed);
    assert_eq!(asked.get(), FORMATS_MAX);
}

#[test]
fn refuses_what_is_no_description() {
    let fault = |text: &str| Sdp::parse(text.as_bytes(), 0).unwrap_err().to_string();
    expect!["expected a line `v=` at byte 0"].assert_eq(&fault(""));
    expect!["expected a line `v=` at byte 0"].assert_eq(&fault("v=1\r\n"));
    expect!["expected a line `a=` at byte 5"].assert_eq(&fault("v=0\r\nhello\r\n"));
    expect!["expected a port at byte 13"].assert_eq(&fault("v=0\r\nm=audio x RTP/AVP 0\r\n"));
    expect!["expected a token at byte 22"].assert_eq(&fault("v=0\r\nm=audio 1 RTP/AVP\r\n"));
}

#[test]
fn accepts_bare_line_feeds_and_blank_lines_at_the_end() {
    let sdp = Sdp::parse(b"v=0\nm=audio 1 RTP/AVP 0\n\r\n", 0).unwrap();
    assert_eq!(sdp.media().count(), 1);
}

#[test]
fn codecs_are_read_once_and_found_by_payload_type() {
    let text = b"v=0\r\nm=audio 4000 RTP/AVP 96 0 00 9 127 telephone\r\n\
        a=rtpmap:96 opus/48000/2\r\na=rtpmap:96 later/1\r\na=rtpmap:00 wrong/1\r\na=rtpmap:128 high/1\r\n\
        a=rtpmap:telephone event/1\r\na=rtpmap:9\r\na=rtpmap:127 bare\r\n";
    let sdp = Sdp::parse(text, 0).unwrap();
    let audio = sdp.media().next().unwrap();
    let codecs = audio.codecs();
    let told: Vec<String> = audio
        .format_list()
        .map(|format| {
            let name = codecs.name(format).unwrap_or(b"-");
            format!(
                "{} {} {}",
                format.escape_ascii(),
                name.escape_ascii(),
                codecs.clock(format).escape_ascii()
            )
        })
        .collect();
    expect![[r#"
        [
            "96 opus 48000",
            "0 PCMU 8000",
            "00 - 8000",
            "9 G722 8000",
            "127 bare 8000",
            "telephone - 8000",
        ]
    "#]]
    .assert_debug_eq(&told);
}
