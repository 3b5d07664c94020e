//! A REGISTER in, what it asks for out; and how that is told back.

use crate::registrar::answer::{write_contacts, write_path, write_q};
use crate::registrar::contacts::{Common, ContactRules, Fault, read};
use crate::registrar::flags::SaveFlags;
use crate::usrloc::CONTACTS_MAX;
use crate::usrloc::binding::Bindings;
use expect_test::{Expect, expect};
use parser::{Frame, Message};

const NOW: u32 = 1_000_000;

fn register(headers: &str) -> Message {
    let mut text = String::from(
        "REGISTER sip:example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
         From: <sip:bob@example.com>;tag=f\r\n\
         To: <sip:bob@example.com>\r\n\
         Call-ID: c1\r\n\
         CSeq: 7 REGISTER\r\n\
         User-Agent: phone\r\n",
    );
    for line in headers
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        text += line;
        text += "\r\n";
    }
    text += "\r\n";
    Message::parse(Frame::copy_of(text.as_bytes())).unwrap()
}

fn check(flags: &str, headers: &str, expected: Expect) {
    let message = register(headers);
    let rules = ContactRules {
        expires_default: 3600,
        expires_min: 60,
        expires_max: 7200,
        q_default: None,
        contact_max: 60,
    };
    let common = Common {
        now: NOW,
        received: b"sip:198.51.100.9:4444",
        socket: 1,
        ..Common::default()
    };
    let flags = SaveFlags::parse(flags.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let mut told = match read(&message, &rules, &flags, &common, &mut bytes) {
        Ok(wanted) => format!("{wanted:?}\n"),
        Err(fault) => format!("{fault:?}: {} {}\n", fault.response().0, fault.response().1),
    };
    for binding in Bindings::new(&bytes) {
        let seconds = binding.expires - NOW;
        told += &format!(
            "{} {seconds}s methods={:x} path={} received={}\n",
            binding.contact.escape_ascii(),
            binding.methods,
            binding.path.escape_ascii(),
            binding.received.escape_ascii()
        );
    }
    let mut answer = Vec::new();
    write_contacts(Bindings::new(&bytes), None, b"received", NOW, &mut answer);
    write_path(&message, flags.path, &mut answer);
    told += &String::from_utf8(answer).unwrap().replace("\r\n", "\n");
    expected.assert_eq(&told);
}

#[test]
fn without_a_contact_it_only_asks() {
    check(
        "",
        "Expires: 60",
        expect![[r#"
        Fetch
    "#]],
    );
}

#[test]
fn the_contacts_own_expiry_counts_before_the_headers_and_the_default() {
    check(
        "",
        "
        Contact: <sip:bob@192.0.2.1>;expires=100;q=0.5, <sip:bob@192.0.2.2>
        Contact: <sip:bob@192.0.2.3>;expires=99999
        Contact: <sip:bob@192.0.2.4>;expires=0
        Expires: 200
        ",
        expect![[r#"
            Change
            sip:bob@192.0.2.1 100s methods=ffffffff path= received=sip:198.51.100.9:4444
            sip:bob@192.0.2.2 200s methods=ffffffff path= received=sip:198.51.100.9:4444
            sip:bob@192.0.2.3 7200s methods=ffffffff path= received=sip:198.51.100.9:4444
            sip:bob@192.0.2.4 0s methods=ffffffff path= received=sip:198.51.100.9:4444
            Contact: <sip:bob@192.0.2.1>;expires=100;q=0.5;received="sip:198.51.100.9:4444", <sip:bob@192.0.2.2>;expires=200;received="sip:198.51.100.9:4444", <sip:bob@192.0.2.3>;expires=7200;received="sip:198.51.100.9:4444"
        "#]],
    );
    check(
        "max-expires=30,min-expires=0",
        "Contact: sip:bob@192.0.2.1",
        expect![[r#"
        Change
        sip:bob@192.0.2.1 30s methods=ffffffff path= received=sip:198.51.100.9:4444
        Contact: <sip:bob@192.0.2.1>;expires=30;received="sip:198.51.100.9:4444"
    "#]],
    );
}

#[test]
fn too_brief_an_interval_is_refused() {
    check(
        "",
        "Contact: <sip:bob@192.0.2.1>;expires=59",
        expect![[r#"
        TooBrief(60): 423 Interval Too Brief
    "#]],
    );
    check(
        "min-expires=4000",
        "Contact: <sip:bob@192.0.2.1>;expires=3600",
        expect![[r#"
        Change
        sip:bob@192.0.2.1 3600s methods=ffffffff path= received=sip:198.51.100.9:4444
        Contact: <sip:bob@192.0.2.1>;expires=3600;received="sip:198.51.100.9:4444"
    "#]],
    );
}

#[test]
fn a_star_stands_alone_and_with_expires_zero() {
    check(
        "",
        "Contact: *\nExpires: 0",
        expect![[r#"
        RemoveAll
    "#]],
    );
    for headers in [
        "Contact: *",
        "Contact: *\nExpires: 60",
        "Contact: *\nContact: <sip:a@h>\nExpires: 0",
    ] {
        let message = register(headers);
        let mut bytes = Vec::new();
        let rules = ContactRules {
            expires_default: 3600,
            expires_min: 60,
            expires_max: 0,
            q_default: None,
            contact_max: 60,
        };
        let fault = read(
            &message,
            &rules,
            &SaveFlags::default(),
            &Common::default(),
            &mut bytes,
        )
        .unwrap_err();
        assert_eq!(
            fault.response(),
            (400, "Invalid use of * contact"),
            "{headers}"
        );
    }
}

#[test]
fn a_contact_that_is_no_uri_or_too_long_is_refused() {
    check(
        "",
        "Contact: <sip:bob@[::1>",
        expect![[r#"
        Contact: 400 Contact cannot be read
    "#]],
    );
    check(
        "",
        "Contact: <sip:bob@a-name-that-is-longer-than-the-sixty-bytes.example.com>",
        expect![[r#"
        ContactTooLong: 400 Contact URI is too long
    "#]],
    );
}

#[test]
fn methods_come_from_the_contact_or_from_allow() {
    check(
        "",
        r#"
        Contact: <sip:bob@192.0.2.1>;methods="INVITE, BYE", <sip:bob@192.0.2.2>
        Allow: MESSAGE, X-NEW
        "#,
        expect![[r#"
            Change
            sip:bob@192.0.2.1 3600s methods=9 path= received=sip:198.51.100.9:4444
            sip:bob@192.0.2.2 3600s methods=80000100 path= received=sip:198.51.100.9:4444
            Contact: <sip:bob@192.0.2.1>;expires=3600;received="sip:198.51.100.9:4444", <sip:bob@192.0.2.2>;expires=3600;received="sip:198.51.100.9:4444"
        "#]],
    );
}

#[test]
fn a_path_is_stored_and_told_as_the_flags_say() {
    let headers = "
        Contact: <sip:bob@192.0.2.1>
        Path: <sip:edge1;lr;received=sip:203.0.113.7:5060%3Btransport=tcp>
        Path: <sip:edge2;lr>
        Supported: path
    ";
    check(
        "",
        headers,
        expect![[r#"
        Change
        sip:bob@192.0.2.1 3600s methods=ffffffff path= received=sip:198.51.100.9:4444
        Contact: <sip:bob@192.0.2.1>;expires=3600;received="sip:198.51.100.9:4444"
    "#]],
    );
    check(
        "path-off",
        headers,
        expect![[r#"
        Change
        sip:bob@192.0.2.1 3600s methods=ffffffff path=<sip:edge1;lr;received=sip:203.0.113.7:5060%3Btransport=tcp>,<sip:edge2;lr> received=sip:198.51.100.9:4444
        Contact: <sip:bob@192.0.2.1>;expires=3600;received="sip:198.51.100.9:4444"
    "#]],
    );
    check(
        "path-strict,path-received",
        headers,
        expect![[r#"
        Change
        sip:bob@192.0.2.1 3600s methods=ffffffff path=<sip:edge1;lr;received=sip:203.0.113.7:5060%3Btransport=tcp>,<sip:edge2;lr> received=sip:198.51.100.9:4444
        Contact: <sip:bob@192.0.2.1>;expires=3600;received="sip:198.51.100.9:4444"
        Path: <sip:edge1;lr;received=sip:203.0.113.7:5060%3Btransport=tcp>
        Path: <sip:edge2;lr>
    "#]],
    );
    check(
        "path-strict",
        "Contact: <sip:bob@192.0.2.1>\nPath: <sip:edge1;lr>",
        expect![[r#"
        PathUnsupported: 420 No support for found Path indicated
    "#]],
    );
}

#[test]
fn q_is_written_as_short_as_it_goes() {
    for (q, expected) in [
        (1000, "1"),
        (0, "0"),
        (500, "0.5"),
        (125, "0.125"),
        (10, "0.01"),
    ] {
        let mut out = Vec::new();
        write_q(q, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn a_crowd_of_contacts_is_refused() {
    let contacts = vec!["<sip:bob@192.0.2.1>"; CONTACTS_MAX + 1].join(",");
    let message = register(&format!("Contact: {contacts}"));
    let rules = ContactRules {
        expires_default: 3600,
        expires_min: 60,
        expires_max: 7200,
        q_default: None,
        contact_max: 60,
    };
    let (flags, common) = (SaveFlags::default(), Common::default());
    let read = read(&message, &rules, &flags, &common, &mut Vec::new());
    assert_eq!(read, Err(Fault::TooMany));
}

#[test]
fn an_edge_that_hides_lines_in_its_path_is_not_believed() {
    for (received, expected) in [
        (
            "sip:203.0.113.7:5060%3Btransport%3Dtcp",
            expect![[r#"
            Change
            sip:bob@192.0.2.1 3600s methods=ffffffff path=<sip:edge1;lr;received=sip:203.0.113.7:5060%3Btransport%3Dtcp> received=sip:203.0.113.7:5060;transport=tcp
            Contact: <sip:bob@192.0.2.1>;expires=3600;received="sip:203.0.113.7:5060;transport=tcp"
        "#]],
        ),
        (
            "sip:h%3Ba=b%0d%0aX-Evil:%20yes",
            expect![[r#"
            Change
            sip:bob@192.0.2.1 3600s methods=ffffffff path=<sip:edge1;lr;received=sip:h%3Ba=b%0d%0aX-Evil:%20yes> received=sip:198.51.100.9:4444
            Contact: <sip:bob@192.0.2.1>;expires=3600;received="sip:198.51.100.9:4444"
        "#]],
        ),
        (
            "sip:a%22b@h",
            expect![[r#"
            Change
            sip:bob@192.0.2.1 3600s methods=ffffffff path=<sip:edge1;lr;received=sip:a%22b@h> received=sip:198.51.100.9:4444
            Contact: <sip:bob@192.0.2.1>;expires=3600;received="sip:198.51.100.9:4444"
        "#]],
        ),
        (
            "sip:203.0.113.7%0d%0aX-Evil:%20yes",
            expect![[r#"
            Change
            sip:bob@192.0.2.1 3600s methods=ffffffff path=<sip:edge1;lr;received=sip:203.0.113.7%0d%0aX-Evil:%20yes> received=sip:198.51.100.9:4444
            Contact: <sip:bob@192.0.2.1>;expires=3600;received="sip:198.51.100.9:4444"
        "#]],
        ),
        (
            "sip:203.0.113.7%22;evil=%22",
            expect![[r#"
            Change
            sip:bob@192.0.2.1 3600s methods=ffffffff path=<sip:edge1;lr;received=sip:203.0.113.7%22;evil=%22> received=sip:198.51.100.9:4444
            Contact: <sip:bob@192.0.2.1>;expires=3600;received="sip:198.51.100.9:4444"
        "#]],
        ),
    ] {
        check(
            "path-off,path-received",
            &format!(
                "
                Contact: <sip:bob@192.0.2.1>
                Path: <sip:edge1;lr;received={received}>
                "
            ),
            expected,
        );
    }
}
