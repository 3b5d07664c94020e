//! The challenging side: whom it lets through, and whom it does not.

use expect_test::{Expect, expect};

use super::*;

fn guard(settings: &mut Settings) {
    settings.guard = Some(Guard {
        realm: "example.com".to_owned(),
        user: "alice".to_owned(),
        password: "secret".to_owned(),
        proxy: false,
        algorithm: "SHA-256".to_owned(),
        qop: "auth-int".to_owned(),
    });
}

fn with_password(password: &'static str) -> impl FnOnce(&mut Settings) {
    move |settings| {
        settings.credentials = Some(Login {
            user: String::new(),
            password: password.to_owned(),
        });
    }
}

fn check(wire: &mut Wire, until_ms: u64, expected: Expect) {
    expected.assert_eq(&wire.run(until_ms));
}

#[test]
fn every_request_of_a_call_is_challenged_and_answered() {
    let plan = CallPlan {
        hold: None,
        ..CallPlan::default()
    };
    let mut wire = Wire::new()
        .phone("alice", 1, with_password("secret"))
        .phone("bob", 2, guard)
        .at(0, 0, call(BOB, plan))
        .at(1_000, 0, to_its_call(Command::Update))
        .at(2_000, 0, to_its_call(Command::Reinvite))
        .at(3_000, 1, to_its_call(Command::Update))
        .at(4_000, 0, to_its_call(Command::HangUp));
    check(
        &mut wire,
        5_000,
        expect![[r#"
        0      alice > bob  INVITE sip:bob@10.0.0.2
        0      alice: Calling
        10     bob > alice  401 Unauthorized
        20     alice > bob  ACK sip:bob@10.0.0.2
        20     alice > bob  INVITE sip:bob@10.0.0.2
        30     bob > alice  180 Ringing
        30     bob > alice  200 OK
        30     bob: Incoming
        40     alice: Provisional(180)
        40     alice > bob  ACK sip:bob@10.0.0.2:5060
        40     alice: Answered
        50     bob: Acknowledged
        1000   alice > bob  UPDATE sip:bob@10.0.0.2:5060
        1010   bob > alice  401 Unauthorized
        1020   alice > bob  UPDATE sip:bob@10.0.0.2:5060
        1030   bob > alice  200 OK
        1040   alice: Updated(200)
        2000   alice > bob  INVITE sip:bob@10.0.0.2:5060
        2010   bob > alice  401 Unauthorized
        2020   alice > bob  ACK sip:bob@10.0.0.2:5060
        2020   alice > bob  INVITE sip:bob@10.0.0.2:5060
        2030   bob > alice  200 OK
        2040   alice > bob  ACK sip:bob@10.0.0.2:5060
        2040   alice: Reinvited(200)
        3000   bob > alice  UPDATE sip:alice@10.0.0.1:5060
        3010   alice > bob  200 OK
        3020   bob: Updated(200)
        4000   alice > bob  BYE sip:bob@10.0.0.2:5060
        4010   bob > alice  401 Unauthorized
        4020   alice > bob  BYE sip:bob@10.0.0.2:5060
        4030   bob > alice  200 OK
        4030   bob: Ended { by_us: false, answer: 0 }
        4040   alice: Ended { by_us: true, answer: 40000 }
    "#]],
    );
}

#[test]
fn a_wrong_password_is_forbidden() {
    let mut wire = Wire::new()
        .phone("alice", 1, with_password("guessed"))
        .phone("bob", 2, guard)
        .at(0, 0, call(BOB, hold(1000)));
    check(
        &mut wire,
        2_000,
        expect![[r#"
        0      alice > bob  INVITE sip:bob@10.0.0.2
        0      alice: Calling
        10     bob > alice  401 Unauthorized
        20     alice > bob  ACK sip:bob@10.0.0.2
        20     alice > bob  INVITE sip:bob@10.0.0.2
        30     bob > alice  403 Forbidden
        40     alice > bob  ACK sip:bob@10.0.0.2
        40     alice: Failed(Rejected(403))
    "#]],
    );
}

#[test]
fn an_answer_under_the_same_cseq_or_under_one_too_high_is_stale() {
    let mut wire = Wire::new().phone("bob", 2, guard);
    let invite = |cseq: u32, more: &str| {
        format!(
            "INVITE sip:bob@10.0.0.2 SIP/2.0
Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKx{cseq}{}
From: <sip:alice@example.com>;tag=a1
To: <sip:bob@example.com>
Call-ID: guarded
CSeq: {cseq} INVITE
Max-Forwards: 70
{more}Content-Length: 0

",
            more.len()
        )
    };
    let challenged = wire.tell(0, "10.0.0.1:5060", &invite(5, ""));
    let challenge = challenged[0]
        .lines()
        .find_map(|line| line.strip_prefix("WWW-Authenticate: "))
        .unwrap();
    let challenge = parser::Challenge::parse(challenge.as_bytes()).unwrap();
    let proof = digest_proof();
    let mut answer = Vec::from(b"Authorization: ");
    assert!(super::super::digest::write_credentials(
        &challenge,
        &proof,
        &mut answer
    ));
    let answer = String::from_utf8(answer).unwrap() + "\n";
    for (cseq, status, stale) in [(5, "401", true), (7, "401", true), (6, "180", false)] {
        let said = wire.tell(0, "10.0.0.1:5060", &invite(cseq, &answer));
        assert!(
            said[0].starts_with(&format!("SIP/2.0 {status}")),
            "{cseq}: {said:?}"
        );
        assert_eq!(said[0].contains("stale=true"), stale, "{cseq}: {said:?}");
    }
}

fn digest_proof() -> super::super::digest::Proof<'static> {
    super::super::digest::Proof {
        user: b"alice",
        password: b"secret",
        method: b"INVITE",
        uri: b"sip:bob@10.0.0.2",
        body: b"",
        cnonce: b"0a4f113b",
        count: 1,
    }
}
