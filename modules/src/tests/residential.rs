//! The built-in script, which has the form of the stock residential one: registers, and carries a call.

use crate::harness::World;
use expect_test::expect;

const SCRIPT: &str = include_str!("../../../tandem/src/builtin.cfg");

fn registered() -> World {
    let mut world = World::new(SCRIPT);
    world.udp(
        3,
        "REGISTER sip:192.0.2.1
        Via: SIP/2.0/UDP 10.0.0.3:5060;branch=z9hG4bKr1
        To: <sip:bob@192.0.2.1>
        From: <sip:bob@192.0.2.1>;tag=a3
        Call-ID: r1
        Contact: <sip:bob@10.0.0.3>;expires=300",
    );
    world
}

fn invite(world: &mut World, call_id: &str, uri: &str) -> String {
    world.udp(
        2,
        &format!(
            "INVITE {uri}
            From: <sip:alice@192.0.2.1>;tag=a1
            To: <{uri}>
            Call-ID: {call_id}
            Contact: <sip:alice@10.0.0.2>"
        ),
    );
    world.last_request()
}

#[test]
fn a_call_is_carried_and_accounted() {
    let mut world = registered();
    let sent = invite(&mut world, "call-1", "sip:bob@192.0.2.1");
    world.respond(3, &sent, "180 Ringing");
    world.respond(3, &sent, "200 OK");
    let route = sent
        .lines()
        .find_map(|line| line.strip_prefix("Record-Route: "))
        .unwrap();
    for request in ["ACK", "BYE"] {
        let cseq = if request == "ACK" { 1 } else { 2 };
        world.udp(
            2,
            &format!(
                "{request} sip:bob@10.0.0.3
                From: <sip:alice@192.0.2.1>;tag=a1
                To: <sip:bob@192.0.2.1>;tag=a3
                Call-ID: call-1
                CSeq: {cseq} {request}
                Route: {route}"
            ),
        );
    }
    let bye = world.last_request();
    world.respond(3, &bye, "200 OK");
    expect![[r#"
        > udp:10.0.0.3:5060
            SIP/2.0 200 OK
            Contact: <sip:bob@10.0.0.3>;expires=300
            Date: Tue, 14 Nov 2023 22:13:20 GMT
        > udp:10.0.0.2:5060
            SIP/2.0 100 Trying
        > udp:10.0.0.3:5060
            INVITE sip:bob@10.0.0.3 SIP/2.0
            Record-Route: <sip:192.0.2.1:5060;lr;own=*>
            Contact: <sip:alice@10.0.0.2>
        > udp:10.0.0.2:5060
            SIP/2.0 180 Ringing
            Record-Route: <sip:192.0.2.1:5060;lr;own=*>
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
            Record-Route: <sip:192.0.2.1:5060;lr;own=*>
        log 2: ACC: transaction answered: timestamp=1700000000;method=INVITE;from_tag=a1;to_tag=a3;call_id=call-1;code=200;reason=OK
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        > udp:10.0.0.3:5060
            BYE sip:bob@10.0.0.3 SIP/2.0
        > udp:10.0.0.2:5060
            SIP/2.0 200 OK
        log 2: ACC: transaction answered: timestamp=1700000000;method=BYE;from_tag=a1;to_tag=a3;call_id=call-1;code=200;reason=OK
    "#]].assert_eq(&world.take());
}

#[test]
fn nobody_home_busy_and_strangers() {
    let mut world = registered();
    world.take();
    invite(&mut world, "nobody", "sip:carol@192.0.2.1");
    let sent = invite(&mut world, "busy", "sip:bob@192.0.2.1");
    world.respond(3, &sent, "486 Busy Here");
    world.udp(
        2,
        "INVITE sip:carol@elsewhere.example
        From: <sip:mallory@elsewhere.example>;tag=a1
        Call-ID: relay",
    );
    world.udp(
        2,
        "INVITE sip:bob@192.0.2.1\nMax-Forwards: 0\nCall-ID: hops",
    );
    world.udp(
        2,
        "BYE sip:bob@10.0.0.3\nTo: <sip:bob@192.0.2.1>;tag=a9\nCall-ID: stray",
    );
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 404 Not Found
        > udp:10.0.0.2:5060
            SIP/2.0 100 Trying
        > udp:10.0.0.3:5060
            INVITE sip:bob@10.0.0.3 SIP/2.0
            Record-Route: <sip:192.0.2.1:5060;lr;own=*>
            Contact: <sip:alice@10.0.0.2>
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        log 2: ACC: call missed: timestamp=1700000000;method=INVITE;from_tag=a1;to_tag=a3;call_id=busy;code=486;reason=Busy Here
        > udp:10.0.0.2:5060
            SIP/2.0 486 Busy Here
            Record-Route: <sip:192.0.2.1:5060;lr;own=*>
        > udp:10.0.0.2:5060
            SIP/2.0 403 Relay Forbidden
        > udp:10.0.0.2:5060
            SIP/2.0 483 Too Many Hops
        > udp:10.0.0.2:5060
            SIP/2.0 404 Not here
    "#]].assert_eq(&world.take());
}

#[test]
fn a_phone_on_tcp_is_reached_by_its_connection() {
    let mut world = World::new(SCRIPT);
    world.tcp(
        3,
        "REGISTER sip:192.0.2.1
        Via: SIP/2.0/TCP 10.0.0.3:5060;branch=z9hG4bKr1
        To: <sip:bob@192.0.2.1>
        From: <sip:bob@192.0.2.1>;tag=a3
        Call-ID: r1
        Contact: <sip:bob@172.16.0.9;transport=tcp>;expires=300",
    );
    world.take();
    invite(&mut world, "call-1", "sip:bob@192.0.2.1");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 100 Trying
        > tcp:172.16.0.9:5060 by connection 3
            INVITE sip:bob@172.16.0.9;transport=tcp SIP/2.0
            Record-Route: <sip:192.0.2.1:5060;transport=tcp;lr;r2=on;own=*>
            Record-Route: <sip:192.0.2.1:5060;lr;r2=on;own=*>
            Contact: <sip:alice@10.0.0.2>
    "#]]
    .assert_eq(&world.take());
}
