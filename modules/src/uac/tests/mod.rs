//! `uac`: what the other side sees, and what the caller does not.

use crate::harness::{World, complaints};
use expect_test::expect;

fn script(more: &str) -> String {
    r#"
    loadmodule "sl"
    loadmodule "signaling"
    loadmodule "sipmsgops"
    loadmodule "tm"
    loadmodule "rr"
    loadmodule "uac"
    loadmodule "uac_auth"
    modparam("uac_auth", "credential", "trunk:provider.example:secret")
    modparam("uac_auth", "credential", "edge:edge.example:other:secret")
    modparam("uac_auth", "auth_username_avp", "$avp(user)")
    modparam("uac_auth", "auth_realm_avp", "$avp(realm)")
    modparam("uac_auth", "auth_password_avp", "$avp(password)")
    MORE
    route {
        t_on_failure("challenged");
        if (has_totag()) {
            if (!loose_route()) {
                send_reply(404, "Not here");
                exit;
            }
            t_relay();
            exit;
        }
        record_route();
        route(first);
        t_relay();
    }
    failure_route[challenged] {
        if (t_check_status("40[17]")) {
            $avp(rc) = 0;
            if (uac_auth()) {
                t_on_failure("challenged");
                t_relay();
            } else
                xlog("L_ERR", "not answered: $rc\n");
        }
    }
    "#
    .replace("MORE", more)
}

const NOTHING: &str = "route[first] { return; }";

const CHALLENGE: &str = "Proxy-Authenticate: Digest realm=\"provider.example\", nonce=\"n1\", qop=\"auth\", algorithm=MD5";

/// The lines of a message that matter here.
fn shown(message: &str) -> String {
    let is_shown = |line: &&str| {
        !line.contains(':')
            || [
                "From:",
                "To:",
                "CSeq:",
                "RAck:",
                "Authorization:",
                "Proxy-Authorization:",
            ]
            .iter()
            .any(|name| line.starts_with(name))
            || line.contains("SIP/2.0") && !line.starts_with("Via")
    };
    let cnonce = regex::Regex::new("cnonce=\"[0-9a-f]{16}\"|response=\"[0-9a-f]+\"").unwrap();
    let lines: Vec<_> = message.lines().filter(is_shown).collect();
    let text = lines.join("\n").trim_end().to_owned() + "\n";
    cnonce
        .replace_all(&text, |found: &regex::Captures<'_>| {
            let name = found[0].split('=').next().unwrap_or_default();
            format!("{name}=*")
        })
        .into_owned()
}

/// The Record-Route that a request got.
fn route(request: &str) -> String {
    let line = request
        .lines()
        .find_map(|line| line.strip_prefix("Record-Route: "));
    line.unwrap().to_owned()
}

fn challenged(world: &mut World, from: u8, challenge: &str) -> String {
    let request = world.last_request();
    let code = if challenge.starts_with("WWW") {
        401
    } else {
        407
    };
    world.respond(from, &request, &format!("{code} Prove it\n{challenge}"));
    world.last_request()
}

#[test]
fn a_challenge_is_answered_and_the_caller_hears_nothing_of_it() {
    let mut world = World::new(&script(NOTHING)).show(&["CSeq"]);
    world.udp(2, "INVITE sip:bob@10.0.0.3\nCSeq: 7 INVITE");
    world.take();
    let answered = challenged(&mut world, 3, CHALLENGE);
    expect![[r#"
        INVITE sip:bob@10.0.0.3 SIP/2.0
        CSeq: 8 INVITE
        From: <sip:alice@example.com>;tag=a1
        To: <sip:bob@example.com>
        Proxy-Authorization: Digest username="trunk", realm="provider.example", nonce="n1", uri="sip:bob@10.0.0.3", response=*, algorithm=MD5, qop=auth, nc=00000001, cnonce=*
    "#]]
    .assert_eq(&shown(&answered));
    world.take();
    world.respond(3, &answered, "200 OK");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
            Record-Route: <sip:192.0.2.1:5060;lr;ftag=a1;own=*;ucs=1.9456d78e5e3d18d2>
            CSeq: 7 INVITE
    "#]]
    .assert_eq(&world.take());
}

/// A call that was challenged and answered; the Record-Route of both sides.
fn established(world: &mut World) -> String {
    world.udp(2, "INVITE sip:bob@10.0.0.3\nCSeq: 7 INVITE");
    let answered = challenged(world, 3, CHALLENGE);
    world.respond(3, &answered, "200 OK");
    world.take();
    route(&answered)
}

const CALLER: &str = "From: <sip:alice@example.com>;tag=a1\nTo: <sip:bob@example.com>;tag=a3";
const CALLEE: &str = "From: <sip:bob@example.com>;tag=a3\nTo: <sip:alice@example.com>;tag=a1";

#[test]
fn later_requests_are_shifted_one_way_only() {
    let mut world = World::new(&script(NOTHING)).show(&["CSeq", "RAck"]);
    let route = established(&mut world);
    world.udp(
        2,
        &format!("ACK sip:bob@10.0.0.3\n{CALLER}\nCSeq: 7 ACK\nRoute: {route}"),
    );
    world.udp(
        2,
        &format!(
            "PRACK sip:bob@10.0.0.3\n{CALLER}\nCSeq: 8 PRACK\nRAck: 5  7 INVITE\nRoute: {route}"
        ),
    );
    world.udp(
        2,
        &format!("BYE sip:bob@10.0.0.3\n{CALLER}\nCSeq: 9 BYE\nRoute: {route}"),
    );
    let bye = world.last_request();
    world.respond(3, &bye, "200 OK");
    world.udp(
        3,
        &format!("BYE sip:alice@10.0.0.2\n{CALLEE}\nCSeq: 4 BYE\nRoute: {route}"),
    );
    let bye = world.last_request();
    world.respond(2, &bye, "200 OK");
    expect![[r#"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
            CSeq: 8 ACK
        > udp:10.0.0.3:5060
            PRACK sip:bob@10.0.0.3 SIP/2.0
            CSeq: 9 PRACK
            RAck: 5  8 INVITE
        > udp:10.0.0.3:5060
            BYE sip:bob@10.0.0.3 SIP/2.0
            CSeq: 10 BYE
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
            CSeq: 9 BYE
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
            CSeq: 9 BYE
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_challenge_inside_the_dialog_shifts_everything_behind_it() {
    let mut world = World::of_shards(&script(NOTHING), 2).show(&["CSeq"]);
    let route = established(&mut world);
    world.udp(
        2,
        &format!("INVITE sip:bob@10.0.0.3\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKsecond\n{CALLER}\nCSeq: 8 INVITE\nRoute: {route}"),
    );
    assert!(shown(&world.last_request()).contains("CSeq: 9 INVITE"));
    let answered = challenged(&mut world, 3, CHALLENGE);
    assert!(
        shown(&answered).contains("CSeq: 10 INVITE\nProxy-Authorization: "),
        "{answered}"
    );
    world.respond(3, &answered, "200 OK");
    world.take();
    world.receiver = 1;
    world.udp(
        2,
        &format!("ACK sip:bob@10.0.0.3\n{CALLER}\nCSeq: 8 ACK\nRoute: {route}"),
    );
    world.udp(
        2,
        &format!("BYE sip:bob@10.0.0.3\n{CALLER}\nCSeq: 9 BYE\nRoute: {route}"),
    );
    let answered = challenged(&mut world, 3, CHALLENGE);
    world.respond(3, &answered, "200 OK");
    expect![[r#"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
            CSeq: 10 ACK
        > udp:10.0.0.3:5060
            BYE sip:bob@10.0.0.3 SIP/2.0
            CSeq: 11 BYE
        > udp:10.0.0.3:5060
            BYE sip:bob@10.0.0.3 SIP/2.0
            CSeq: 12 BYE
            Proxy-Authorization: Digest
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
            CSeq: 9 BYE
    "#]]
    .assert_eq(
        &regex::Regex::new("Digest username.*")
            .unwrap()
            .replace_all(&world.take(), "Digest"),
    );
}

#[test]
fn what_is_challenged_before_the_ack_leaves_the_number_of_the_invite_alone() {
    let mut world = World::of_shards(&script(NOTHING), 2).show(&["CSeq", "RAck"]);
    world.udp(2, "INVITE sip:bob@10.0.0.3\nCSeq: 1 INVITE");
    let invite = challenged(&mut world, 3, CHALLENGE);
    let route = route(&invite);
    world.respond(3, &invite, "183 Session Progress");
    world.take();
    world.receiver = 1;
    let send = |world: &mut World, method: &str, cseq: u32, more: &str| {
        world.udp(
            2,
            &format!(
                "{method} sip:bob@10.0.0.3\nVia: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK{method}{cseq}\n{CALLER}\nCSeq: {cseq} {method}\n{more}Route: {route}"
            ),
        );
    };
    send(&mut world, "PRACK", 2, "RAck: 5 1 INVITE\n");
    let prack = challenged(&mut world, 3, CHALLENGE);
    world.respond(3, &prack, "200 OK");
    send(&mut world, "UPDATE", 3, "");
    let update = challenged(&mut world, 3, CHALLENGE);
    world.respond(3, &update, "200 OK");
    send(&mut world, "PRACK", 4, "RAck: 6 1 INVITE\n");
    let prack = world.last_request();
    world.respond(3, &prack, "200 OK");
    world.respond(3, &invite, "200 OK");
    send(&mut world, "ACK", 1, "");
    // The callee has not heard it and repeats its 200.
    send(&mut world, "BYE", 5, "");
    send(&mut world, "ACK", 1, "");
    expect![[r#"
        > udp:10.0.0.3:5060
            PRACK sip:bob@10.0.0.3 SIP/2.0
            CSeq: 3 PRACK
            RAck: 5 2 INVITE
        > udp:10.0.0.3:5060
            PRACK sip:bob@10.0.0.3 SIP/2.0
            CSeq: 4 PRACK
            RAck: 5 2 INVITE
            Proxy-Authorization: Digest
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
            CSeq: 2 PRACK
        > udp:10.0.0.3:5060
            UPDATE sip:bob@10.0.0.3 SIP/2.0
            CSeq: 5 UPDATE
        > udp:10.0.0.3:5060
            UPDATE sip:bob@10.0.0.3 SIP/2.0
            CSeq: 6 UPDATE
            Proxy-Authorization: Digest
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
            CSeq: 3 UPDATE
        > udp:10.0.0.3:5060
            PRACK sip:bob@10.0.0.3 SIP/2.0
            CSeq: 7 PRACK
            RAck: 6 2 INVITE
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
            CSeq: 4 PRACK
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
            Record-Route: <sip:192.0.2.1:5060;lr;ftag=a1;own=*;ucs=1.9456d78e5e3d18d2>
            CSeq: 1 INVITE
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
            CSeq: 2 ACK
        > udp:10.0.0.3:5060
            BYE sip:bob@10.0.0.3 SIP/2.0
            CSeq: 8 BYE
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
            CSeq: 2 ACK
    "#]]
    .assert_eq(
        &regex::Regex::new("Digest username.*")
            .unwrap()
            .replace_all(&world.take(), "Digest"),
    );
}

#[test]
fn a_shift_that_we_did_not_write_is_none() {
    let mut world = World::new(&script(NOTHING)).show(&["CSeq"]);
    let route = established(&mut world).replace(";ucs=1.", ";ucs=2.");
    world.udp(
        2,
        &format!("BYE sip:bob@10.0.0.3\n{CALLER}\nCSeq: 9 BYE\nRoute: {route}"),
    );
    assert!(shown(&world.last_request()).contains("CSeq: 9 BYE"));
}

#[test]
fn a_wrong_password_is_refused_once_and_a_stale_nonce_is_not() {
    let mut world = World::new(&script(NOTHING)).show(&["CSeq"]);
    world.udp(2, "INVITE sip:bob@10.0.0.3\nCSeq: 7 INVITE");
    challenged(&mut world, 3, CHALLENGE);
    let stale = CHALLENGE.replace("n1", "n2") + ", stale=TRUE";
    let again = challenged(&mut world, 3, &stale);
    assert!(
        again.contains("CSeq: 9 INVITE") && again.contains("nonce=\"n2\""),
        "{again}"
    );
    assert_eq!(again.matches("Proxy-Authorization").count(), 1);
    world.take();
    challenged(&mut world, 3, CHALLENGE);
    expect![[r#"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
            CSeq: 9 ACK
        log -1: not answered: -1
        > udp:10.0.0.2:5060
            SIP/2.0 407 Prove it
            Proxy-Authenticate: Digest realm="provider.example", nonce="n1", qop="auth", algorithm=MD5
            Record-Route: <sip:192.0.2.1:5060;lr;ftag=a1;own=*;ucs=2.3fe1e46b584fd7bf>
            CSeq: 7 INVITE
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn who_says_stale_for_ever_is_left_alone() {
    let mut world = World::new(&script(NOTHING));
    world.udp(2, "INVITE sip:bob@10.0.0.3\nCSeq: 1 INVITE");
    let stale = CHALLENGE.to_owned() + ", stale=true";
    let mut last = String::new();
    for _ in 0..8 {
        last = challenged(&mut world, 3, &stale);
    }
    assert!(last.contains("CSeq: 5 ACK"), "{last}");
}

#[test]
fn every_realm_with_credentials_is_answered_by_its_strongest_algorithm() {
    let mut world = World::new(&script(NOTHING));
    world.udp(2, "INVITE sip:bob@10.0.0.3\nCSeq: 1 INVITE");
    let answered = challenged(
        &mut world,
        3,
        "WWW-Authenticate: Digest realm=\"provider.example\", nonce=\"w1\", algorithm=MD5, opaque=\"o\"
         WWW-Authenticate: Digest realm=\"provider.example\", nonce=\"w2\", algorithm=SHA-256, qop=\"auth,auth-int\", opaque=\"o\"
         WWW-Authenticate: Digest realm=\"provider.example\", nonce=\"w3\", algorithm=NEW-512
         WWW-Authenticate: Digest realm=\"unknown.example\", nonce=\"w4\"
         Proxy-Authenticate: Digest realm=\"edge.example\", nonce=\"p1\", qop=\"auth-int\"",
    );
    expect![[r#"
        INVITE sip:bob@10.0.0.3 SIP/2.0
        CSeq: 2 INVITE
        From: <sip:alice@example.com>;tag=a1
        To: <sip:bob@example.com>
        Proxy-Authorization: Digest username="edge", realm="edge.example", nonce="p1", uri="sip:bob@10.0.0.3", response=*, qop=auth-int, nc=00000001, cnonce=*
        Authorization: Digest username="trunk", realm="provider.example", nonce="w2", uri="sip:bob@10.0.0.3", response=*, algorithm=SHA-256, opaque="o", qop=auth, nc=00000001, cnonce=*
    "#]]
    .assert_eq(&shown(&answered));
}

#[test]
fn a_second_realm_on_the_way_gets_its_answer_beside_the_first() {
    let mut world = World::new(&script(NOTHING));
    world.udp(2, "INVITE sip:bob@10.0.0.3\nCSeq: 1 INVITE");
    challenged(
        &mut world,
        3,
        "Proxy-Authenticate: Digest realm=\"edge.example\", nonce=\"p1\", qop=\"auth\"",
    );
    let answered = challenged(
        &mut world,
        3,
        "WWW-Authenticate: Digest realm=\"provider.example\", nonce=\"w1\"",
    );
    expect![[r#"
        INVITE sip:bob@10.0.0.3 SIP/2.0
        CSeq: 3 INVITE
        From: <sip:alice@example.com>;tag=a1
        To: <sip:bob@example.com>
        Proxy-Authorization: Digest username="edge", realm="edge.example", nonce="p1", uri="sip:bob@10.0.0.3", response=*, qop=auth, nc=00000002, cnonce=*
        Authorization: Digest username="trunk", realm="provider.example", nonce="w1", uri="sip:bob@10.0.0.3", response=*
    "#]]
    .assert_eq(&shown(&answered));
}

#[test]
fn attributes_of_the_request_come_before_the_list() {
    let own = r#"route[first] { $avp(user) = "me"; $avp(realm) = "provider.example"; $avp(password) = "x"; }"#;
    let mut world = World::new(&script(own));
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    let answered = challenged(&mut world, 3, CHALLENGE);
    assert!(answered.contains("username=\"me\""), "{answered}");
}

#[test]
fn credentials_are_for_those_who_asked() {
    let script = script(NOTHING).replace(
        "xlog(\"L_ERR\", \"not answered: $rc\\n\");",
        "{ $ru = \"sip:bob@10.0.0.9\"; t_relay(); }",
    );
    let mut world = World::new(&script).show(&["CSeq"]);
    world.udp(2, "INVITE sip:bob@10.0.0.3\nCSeq: 1 INVITE");
    challenged(&mut world, 3, CHALLENGE);
    let elsewhere = challenged(&mut world, 3, CHALLENGE);
    assert!(
        elsewhere.starts_with("INVITE sip:bob@10.0.0.9"),
        "{elsewhere}"
    );
    assert!(!elsewhere.contains("Authorization"), "{elsewhere}");
    assert!(elsewhere.contains("CSeq: 2 INVITE"), "{elsewhere}");
}

#[test]
fn the_branch_that_was_challenged_is_the_one_that_gets_the_answer() {
    let fork = r#"route[first] { $branch = "sip:bob@10.0.0.4"; }"#;
    let mut world = World::new(&script(fork));
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    let second = world.last_request();
    world.respond(4, &second, &format!("407 Prove it\n{CHALLENGE}"));
    world.wait(31_000);
    let answered = world.last_request();
    assert!(
        answered.starts_with("INVITE sip:bob@10.0.0.4")
            && answered.contains("uri=\"sip:bob@10.0.0.4\""),
        "{answered}"
    );
}

#[test]
fn what_a_branch_route_adds_is_added_once_to_the_answer_of_one_of_several() {
    let fork = r#"
        route[first] { $branch = "sip:bob@10.0.0.4"; t_on_branch("prefix"); }
        branch_route[prefix] { $rU = "00" + $rU; }
    "#;
    let mut world = World::new(&script(fork));
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    let second = world.last_request();
    world.respond(4, &second, &format!("407 Prove it\n{CHALLENGE}"));
    world.wait(31_000);
    let answered = world.last_request();
    assert!(
        answered.starts_with("INVITE sip:00bob@10.0.0.4 ")
            && answered.contains("uri=\"sip:00bob@10.0.0.4\""),
        "{answered}"
    );
}

const REPLACED: &str = r#"route[first] {
    uac_replace_from("Nobody", "sip:anonymous@anonymous.invalid");
    uac_replace_to(, "sip:sales@example.com");
}"#;

#[test]
fn from_and_to_are_replaced_and_put_back_in_both_directions() {
    let mut world = World::new(&script(REPLACED)).show(&["From", "To"]);
    world.udp(
        2,
        "INVITE sip:bob@10.0.0.3\nFrom: \"Alice\" <sip:alice@example.com>;tag=a1",
    );
    let invite = world.last_request();
    let route = route(&invite);
    assert!(!route.contains("alice"), "{route}");
    world.respond(3, &invite, "200 OK");
    let caller = "From: \"Alice\" <sip:alice@example.com>;tag=a1\nTo: <sip:bob@example.com>;tag=a3";
    world.udp(
        2,
        &format!("INFO sip:bob@10.0.0.3\n{caller}\nCSeq: 2 INFO\nRoute: {route}"),
    );
    let info = world.last_request();
    world.respond(3, &info, "200 OK");
    let callee = "From: <sip:sales@example.com>;tag=a3\nTo: \"Nobody\" <sip:anonymous@anonymous.invalid>;tag=a1";
    world.udp(
        3,
        &format!("BYE sip:alice@10.0.0.2\n{callee}\nCSeq: 4 BYE\nRoute: {route}"),
    );
    let bye = world.last_request();
    world.respond(2, &bye, "200 OK");
    let sealed = regex::Regex::new("vs([ft])=[A-Za-z0-9_-]+").unwrap();
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 100 Trying
            From: "Alice" <sip:alice@example.com>;tag=a1
            To: <sip:bob@example.com>
        > udp:10.0.0.3:5060
            INVITE sip:bob@10.0.0.3 SIP/2.0
            Record-Route: <sip:192.0.2.1:5060;lr;ftag=a1;own=*;vsf=*;vst=*>
            From: "Nobody" <sip:anonymous@anonymous.invalid>;tag=a1
            To: <sip:sales@example.com>
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
            Record-Route: <sip:192.0.2.1:5060;lr;ftag=a1;own=*;vsf=*;vst=*>
            From: "Alice" <sip:alice@example.com>;tag=a1
            To: <sip:bob@example.com>;tag=a3
        > udp:10.0.0.3:5060
            INFO sip:bob@10.0.0.3 SIP/2.0
            From: "Nobody" <sip:anonymous@anonymous.invalid>;tag=a1
            To: <sip:sales@example.com>;tag=a3
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
            From: "Alice" <sip:alice@example.com>;tag=a1
            To: <sip:bob@example.com>;tag=a3
        > udp:10.0.0.2:5060
            BYE sip:alice@10.0.0.2 SIP/2.0
            From: <sip:bob@example.com>;tag=a3
            To: "Alice" <sip:alice@example.com>;tag=a1
        > udp:10.0.0.3:5060
            SIP/2.0 200 OK
            From: <sip:sales@example.com>;tag=a3
            To: "Nobody" <sip:anonymous@anonymous.invalid>;tag=a1
    "#]]
    .assert_eq(&sealed.replace_all(&world.take(), "vs$1=*"));
}

#[test]
fn restored_by_hand_only_when_asked() {
    let more = REPLACED.to_owned() + "modparam(\"uac\", \"restore_mode\", \"manual\")";
    let by_hand = script(&more).replace(
        "t_relay();\n            exit;",
        "if (is_method(\"INFO\")) { uac_restore_from(); uac_restore_to(); }\n t_relay(); exit;",
    );
    let mut world = World::new(&by_hand);
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    let route = route(&world.last_request());
    world.udp(
        2,
        &format!("INFO sip:bob@10.0.0.3\n{CALLER}\nCSeq: 2 INFO\nRoute: {route}"),
    );
    let info = shown(&world.last_request());
    world.udp(
        2,
        &format!("BYE sip:bob@10.0.0.3\n{CALLER}\nCSeq: 3 BYE\nRoute: {route}"),
    );
    let bye = shown(&world.last_request());
    expect![[r#"
        INFO sip:bob@10.0.0.3 SIP/2.0
        From: "Nobody" <sip:anonymous@anonymous.invalid>;tag=a1
        To: <sip:sales@example.com>;tag=a3
        CSeq: 2 INFO
        BYE sip:bob@10.0.0.3 SIP/2.0
        From: <sip:alice@example.com>;tag=a1
        To: <sip:bob@example.com>;tag=a3
        CSeq: 3 BYE
    "#]]
    .assert_eq(&(info + &bye));
}

#[test]
fn without_restoring_nothing_is_told_and_nothing_put_back() {
    let more = REPLACED.to_owned() + "modparam(\"uac\", \"restore_mode\", \"none\")";
    let mut world = World::new(&script(&more)).show(&["From", "To"]);
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    let invite = world.last_request();
    world.take();
    world.respond(3, &invite, "200 OK");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
            Record-Route: <sip:192.0.2.1:5060;lr;ftag=a1;own=*>
            From: "Nobody" <sip:anonymous@anonymous.invalid>;tag=a1
            To: <sip:sales@example.com>;tag=a3
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn two_servers_with_one_password_understand_each_other() {
    let more = REPLACED.to_owned() + "modparam(\"uac\", \"restore_passwd\", \"shared\")";
    let mut first = World::new(&script(&more));
    first.udp(2, "INVITE sip:bob@10.0.0.3");
    let route = route(&first.last_request());
    let mut strangers = World::new(&script(REPLACED));
    for (world, is_known) in [
        (&mut World::new(&script(&more)), true),
        (&mut strangers, false),
    ] {
        world.udp(
            2,
            &format!("BYE sip:bob@10.0.0.3\n{CALLER}\nCSeq: 3 BYE\nRoute: {route}"),
        );
        assert_eq!(world.last_request().contains("From: \"Nobody\""), is_known);
    }
}

#[test]
fn a_raised_cseq_stays_raised_and_an_ack_has_that_of_its_invite() {
    let more = r#"route[first] { uac_inc_cseq(5); if (!uac_inc_cseq(0)) xlog("L_ERR", "not by nothing\n"); }"#;
    let mut world = World::new(&script(more)).show(&["CSeq"]);
    world.udp(2, "INVITE sip:bob@10.0.0.3");
    let invite = world.last_request();
    let route = route(&invite);
    world.respond(3, &invite, "200 OK");
    world.udp(
        2,
        &format!("ACK sip:bob@10.0.0.3\n{CALLER}\nCSeq: 1 ACK\nRoute: {route}"),
    );
    let sealed = regex::Regex::new("ucs=5.[0-9a-f]{16}").unwrap();
    expect![[r#"
        log -1: not by nothing
        > udp:10.0.0.2:5060
            SIP/2.0 100 Trying
            CSeq: 1 INVITE
        > udp:10.0.0.3:5060
            INVITE sip:bob@10.0.0.3 SIP/2.0
            Record-Route: <sip:192.0.2.1:5060;lr;ftag=a1;own=*;ucs=5.*>
            CSeq: 6 INVITE
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
            Record-Route: <sip:192.0.2.1:5060;lr;ftag=a1;own=*;ucs=5.*>
            CSeq: 1 INVITE
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
            CSeq: 6 ACK
    "#]]
    .assert_eq(&sealed.replace_all(&world.take(), "ucs=5.*"));
}

#[test]
fn what_cannot_be_is_said_at_load() {
    let with = |line: &str| complaints(&script(&(NOTHING.to_owned() + line)));
    let no_rr = script(NOTHING).replace("loadmodule \"rr\"", "");
    let no_rr = no_rr
        .replace("record_route();", "")
        .replace("!loose_route()", "0");
    let all = with("modparam(\"uac\", \"force_dialog\", 1)")
        + &with("modparam(\"uac\", \"restore_mode\", \"sometimes\")")
        + &with("modparam(\"uac\", \"rr_from_store_param\", \"lr\")")
        + &with("modparam(\"uac_auth\", \"credential\", \"user:realm\")")
        + &with("route[x] { uac_auth(\"MD5,ROT13\"); }")
        + &complaints(&no_rr);
    expect![[r#"
        parse error in test.cfg:14:61-62: parameter `force_dialog` of module uac: there are no dialogs to force yet: what is replaced is kept in Record-Route
        1 error
        parse error in test.cfg:14:61-72: parameter `restore_mode` of module uac: `sometimes` is none of none, manual, auto
        1 error
        parse error in test.cfg:14:68-72: parameter `rr_from_store_param` of module uac: `lr` cannot be a parameter of Record-Route
        1 error
        parse error in test.cfg:14:64-76: parameter `credential` of module uac_auth: not user:realm:password
        1 error
        parse error in test.cfg:14:49-60: parameter 1 of `uac_auth`: `ROT13` is no digest algorithm
        1 error
        parse error in test.cfg:7:16-17: module `uac`: restore_mode needs Record-Route: load module rr, or set restore_mode to none
        1 error
    "#]].assert_eq(&all);
}
