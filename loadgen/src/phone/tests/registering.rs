//! Registrations and challenges, against a registrar written by hand.

use expect_test::expect;

use super::*;

fn sent_by(wire: &mut Wire, command: Command<'_>) -> String {
    let mut out = Outbox::default();
    let now = wire.now;
    wire.phones[0].handle(now, Event::Command(command), &mut out);
    out.sends
        .iter()
        .map(|send| String::from_utf8_lossy(out.bytes_of(send)).replace('\r', ""))
        .collect()
}

fn respond(request: &str, status: &str, more: &str) -> String {
    let lines = request.lines().filter(|line| {
        ["Via", "Fro", "To:", "Cal", "CSe"]
            .iter()
            .any(|name| line.starts_with(name))
    });
    let head: String = lines.map(|line| format!("{line}\n")).collect();
    format!(
        "SIP/2.0 {status}\n{}{more}Content-Length: 0\n\n",
        head.replace(
            "To: <sip:alice@example.com>",
            "To: <sip:alice@example.com>;tag=r"
        )
    )
}

const REGISTER: Command<'_> = Command::Register {
    line: 0,
    user: "",
    expires: 600,
    refresh: true,
    login: None,
    tag: 9,
};

fn alice() -> Wire {
    Wire::new().phone("alice", 1, |alice| {
        alice.proxy = Some("10.0.0.5:5060".parse().unwrap())
    })
}

#[test]
fn registers_refreshes_in_time_and_lets_go() {
    let mut wire = alice();
    let register = sent_by(&mut wire, REGISTER);
    expect![[r#"
        REGISTER sip:example.com SIP/2.0
        Via: SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bKb4cb1aca709731af
        Max-Forwards: 70
        From: <sip:alice@example.com>;tag=b4ac6b1bd16b0dd0
        To: <sip:alice@example.com>
        Call-ID: 1f85e2d8b1230246@10.0.0.1
        CSeq: 1 REGISTER
        Contact: <sip:alice@10.0.0.1:5060>
        Expires: 600
        Content-Length: 0

    "#]]
    .assert_eq(&register);
    let granted = "Contact: <sip:alice@10.0.0.77>;expires=9\nContact: <sip:alice@10.0.0.1:5060>;expires=100\n";
    wire.tell(0, "10.0.0.5:5060", &respond(&register, "200 OK", granted));
    expect![[r#"
        0      alice: Registered(100)
        90000  alice > 10.0.0.5:5060  REGISTER sip:example.com
        90500  alice > 10.0.0.5:5060  REGISTER sip:example.com (again)
        91500  alice > 10.0.0.5:5060  REGISTER sip:example.com (again)
        93500  alice > 10.0.0.5:5060  REGISTER sip:example.com (again)
        97500  alice > 10.0.0.5:5060  REGISTER sip:example.com (again)
    "#]]
    .assert_eq(&wire.run(100_000));
    let id = wire.phones[0].registrations().next().unwrap().0;
    // The refresh is still unanswered: a second REGISTER has to wait for it.
    assert_eq!(sent_by(&mut wire, Command::Unregister(id)), "");
}

#[test]
fn takes_its_binding_back() {
    let mut wire = alice();
    let register = sent_by(&mut wire, REGISTER);
    wire.tell(0, "10.0.0.5:5060", &respond(&register, "200 OK", ""));
    let id = wire.phones[0].registrations().next().unwrap().0;
    let unregister = sent_by(&mut wire, Command::Unregister(id));
    assert!(
        unregister.contains("Expires: 0\n") && unregister.contains("CSeq: 2 REGISTER"),
        "{unregister}"
    );
    wire.run(0);
    wire.tell(0, "10.0.0.5:5060", &respond(&unregister, "200 OK", ""));
    expect![[r#"
        0      alice: Unregistered
    "#]]
    .assert_eq(&wire.run(1));
    assert_eq!(wire.phones[0].registrations().count(), 0);
}

#[test]
fn asks_for_longer_when_told_that_it_was_too_brief() {
    let mut wire = alice();
    let register = sent_by(&mut wire, REGISTER);
    let sent = wire.tell(
        0,
        "10.0.0.5:5060",
        &respond(&register, "423 Interval Too Brief", "Min-Expires: 1800\n"),
    );
    assert!(sent[0].contains("Expires: 1800\n"), "{sent:?}");
}

const CHALLENGE: &str =
    "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"n1\", qop=\"auth\"\n";

#[test]
fn answers_a_challenge_with_the_next_cseq_and_a_new_branch() {
    let mut wire = alice();
    wire.phones[0].settings.credentials = Some(Login {
        user: String::new(),
        password: "secret".into(),
    });
    let register = sent_by(&mut wire, REGISTER);
    let sent = wire.tell(
        0,
        "10.0.0.5:5060",
        &respond(&register, "401 Unauthorized", CHALLENGE),
    );
    expect![[r#"
        REGISTER sip:example.com SIP/2.0
        Via: SIP/2.0/UDP 10.0.0.1:5060;rport;branch=z9hG4bKbf489dbaa4f94c4a
        Max-Forwards: 70
        From: <sip:alice@example.com>;tag=b4ac6b1bd16b0dd0
        To: <sip:alice@example.com>
        Call-ID: 1f85e2d8b1230246@10.0.0.1
        CSeq: 2 REGISTER
        Contact: <sip:alice@10.0.0.1:5060>
        Expires: 600
        Content-Length: 0
        Authorization: Digest username="alice", realm="example.com", nonce="n1", uri="sip:example.com", response="2012c62435cd3495de90850ca81962a0", qop=auth, nc=00000001, cnonce="b6d1beb1"

    "#]].assert_eq(&sent[0]);
    let refused = wire.tell(
        0,
        "10.0.0.5:5060",
        &respond(&sent[0], "401 Unauthorized", CHALLENGE),
    );
    assert!(
        refused.is_empty(),
        "the same password again would be no better"
    );
}

#[test]
fn tries_once_more_when_only_the_nonce_was_stale() {
    let mut wire = alice();
    wire.phones[0].settings.credentials = Some(Login {
        user: String::new(),
        password: "secret".into(),
    });
    let register = sent_by(&mut wire, REGISTER);
    let second = wire.tell(
        0,
        "10.0.0.5:5060",
        &respond(&register, "401 Unauthorized", CHALLENGE),
    );
    let stale = CHALLENGE.replace("n1\"", "n2\", stale=TRUE");
    let third = wire.tell(
        0,
        "10.0.0.5:5060",
        &respond(&second[0], "401 Unauthorized", &stale),
    );
    assert_eq!(third[0].matches("Authorization:").count(), 1);
    assert!(
        third[0].contains("nonce=\"n2\"") && third[0].contains("CSeq: 3 REGISTER"),
        "{third:?}"
    );
}

#[test]
fn fails_without_credentials() {
    let mut wire = alice();
    let register = sent_by(&mut wire, REGISTER);
    wire.tell(
        0,
        "10.0.0.5:5060",
        &respond(&register, "401 Unauthorized", CHALLENGE),
    );
    expect![[r#"
        0      alice: Failed(Challenged(401))
    "#]]
    .assert_eq(&wire.run(1));
    assert_eq!(wire.phones[0].records().2, 0);
}

#[test]
fn a_challenged_invite_is_acknowledged_and_sent_again_with_credentials() {
    let mut wire = alice();
    wire.phones[0].settings.credentials = Some(Login {
        user: "a".into(),
        password: "secret".into(),
    });
    let plan = CallPlan {
        hold: None,
        ..CallPlan::default()
    };
    let invite = sent_by(
        &mut wire,
        Command::Call {
            line: 0,
            user: "",
            to: BOB,
            plan,
            tag: 1,
        },
    );
    let challenge = CHALLENGE.replace("WWW-", "Proxy-");
    let sent = wire.tell(
        0,
        "10.0.0.5:5060",
        &respond(&invite, "407 Proxy Authentication Required", &challenge),
    );
    let starts: Vec<_> = sent
        .iter()
        .map(|text| text.lines().next().unwrap_or_default())
        .collect();
    assert_eq!(
        starts,
        [
            "ACK sip:bob@10.0.0.2 SIP/2.0",
            "INVITE sip:bob@10.0.0.2 SIP/2.0"
        ]
    );
    assert!(
        sent[1].contains("CSeq: 2 INVITE\n")
            && sent[1].contains("Proxy-Authorization: Digest username=\"a\"")
    );
    assert!(
        sent[1].contains("\nv=0\n"),
        "the offer goes along: {}",
        sent[1]
    );
    let answered = respond(&sent[1], "200 OK", "Contact: <sip:bob@10.0.0.2>\n")
        .replace("To: <sip:bob@10.0.0.2>", "To: <sip:bob@10.0.0.2>;tag=b");
    let ack = wire.tell(0, "10.0.0.5:5060", &answered);
    assert!(ack[0].contains("CSeq: 2 ACK\n"), "{ack:?}");
}

#[test]
fn says_what_became_of_a_request_outside_calls() {
    let mut wire = alice();
    let options = sent_by(
        &mut wire,
        Command::Request {
            line: 0,
            verb: Verb::Options,
            to: BOB,
            body: "",
            tag: 3,
        },
    );
    let message = sent_by(
        &mut wire,
        Command::Request {
            line: 0,
            verb: Verb::Message,
            to: BOB,
            body: "hello",
            tag: 4,
        },
    );
    assert!(
        message.contains("Content-Type: text/plain\nContent-Length: 5\n\nhello"),
        "{message}"
    );
    wire.tell(
        0,
        "10.0.0.5:5060",
        &respond(&options, "200 OK", "")
            .replace("To: <sip:bob@10.0.0.2>", "To: <sip:bob@10.0.0.2>;tag=b"),
    );
    expect![[r#"
        0      alice: Replied(200)
        500    alice > 10.0.0.5:5060  MESSAGE sip:bob@10.0.0.2 (again)
        1500   alice > 10.0.0.5:5060  MESSAGE sip:bob@10.0.0.2 (again)
        3500   alice > 10.0.0.5:5060  MESSAGE sip:bob@10.0.0.2 (again)
        7500   alice > 10.0.0.5:5060  MESSAGE sip:bob@10.0.0.2 (again)
        11500  alice > 10.0.0.5:5060  MESSAGE sip:bob@10.0.0.2 (again)
        15500  alice > 10.0.0.5:5060  MESSAGE sip:bob@10.0.0.2 (again)
        19500  alice > 10.0.0.5:5060  MESSAGE sip:bob@10.0.0.2 (again)
        23500  alice > 10.0.0.5:5060  MESSAGE sip:bob@10.0.0.2 (again)
        27500  alice > 10.0.0.5:5060  MESSAGE sip:bob@10.0.0.2 (again)
        31500  alice > 10.0.0.5:5060  MESSAGE sip:bob@10.0.0.2 (again)
        32000  alice: Failed(Timeout(Request))
    "#]]
    .assert_eq(&wire.run(40_000));
}

/// What stands in quotes behind `name=`.
fn quoted<'t>(text: &'t str, name: &str) -> &'t str {
    let start = text.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
    text[start..].split('"').next().unwrap()
}

#[test]
fn a_nonce_is_answered_again_with_the_next_count_until_it_is_stale() {
    use md5::{Digest, Md5};
    let mut wire = alice();
    wire.phones[0].settings.reuse_nonce = true;
    let login = Login {
        user: String::new(),
        password: "secret".to_owned(),
    };
    let first = sent_by(
        &mut wire,
        Command::Register {
            line: 0,
            user: "carol",
            expires: 100,
            refresh: true,
            login: Some(&login),
            tag: 9,
        },
    );
    assert!(!first.contains("Authorization"), "{first}");
    // The next request on the wire after this response.
    let answered = |wire: &mut Wire, request: &str, status: &str, more: &str, until: u64| {
        let (now, mut out) = (wire.now, Outbox::default());
        let bytes = respond(request, status, more).replace('\n', "\r\n");
        let received = Event::Received {
            line: 0,
            bytes: bytes.as_bytes(),
            from: "10.0.0.5:5060".parse().unwrap(),
        };
        wire.phones[0].handle(now, received, &mut out);
        wire.now = now + until;
        wire.phones[0].handle(wire.now, Event::Tick, &mut out);
        let last = out.sends.last().expect("something is sent");
        String::from_utf8_lossy(out.bytes_of(last)).replace('\r', "")
    };
    let challenge = |nonce: &str| {
        format!(
            "WWW-Authenticate: Digest realm=\"r\", nonce=\"{nonce}\", qop=\"auth\", algorithm=MD5\n"
        )
    };
    let check = |request: &str, nonce: &str, count: &str| {
        assert_eq!(quoted(request, "nonce"), nonce, "{request}");
        assert!(request.contains(&format!("nc={count},")), "{request}");
        let hash = |text: String| -> String {
            let digest = Md5::digest(text);
            digest.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let (ha1, ha2) = (
            hash("carol:r:secret".to_owned()),
            hash("REGISTER:sip:example.com".to_owned()),
        );
        let cnonce = quoted(request, "cnonce");
        let expected = hash(format!("{ha1}:{nonce}:{count}:{cnonce}:auth:{ha2}"));
        assert_eq!(quoted(request, "response"), expected);
        assert_eq!(request.matches("Authorization:").count(), 1);
    };
    let retry = answered(&mut wire, &first, "401 Unauthorized", &challenge("one"), 0);
    check(&retry, "one", "00000001");
    let refresh = answered(&mut wire, &retry, "200 OK", "", 90_000_000);
    check(&refresh, "one", "00000002");
    let again = answered(&mut wire, &refresh, "200 OK", "", 90_000_000);
    check(&again, "one", "00000003");
    let stale = challenge("two").replace("MD5", "MD5, stale=true");
    let renewed = answered(&mut wire, &again, "401 Unauthorized", &stale, 0);
    check(&renewed, "two", "00000001");
    let last = answered(&mut wire, &renewed, "200 OK", "", 90_000_000);
    check(&last, "two", "00000002");
}
