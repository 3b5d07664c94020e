//! Management of `tm`, in both namings.

use expect_test::expect;

use super::world;
use crate::harness::World;

const SCRIPT: &str = r#"
    route {
        if ($rm == "ACK" || $rm == "CANCEL") { t_relay(); exit; }
        t_newtran();
        t_wait_for_new_branches();
        xlog("transaction $T_id\n");
    }
    local_route {
        if ($rU == "nobody") drop();
        append_hf("X-Local: $rm\r\n");
    }
"#;

const HEADERS: &str = "From: <sip:tandem@example.com>\r\nTo: <sip:bob@example.com>\r\nContact: <sip:tandem@192.0.2.1>\r\n\
                       Content-Type: text/plain\r\nCall-ID: ours\r\nCSeq: 7 INVITE\r\n";

#[test]
fn t_uac_dlg_answers_with_the_final_response_and_a_2xx_to_an_invite_is_acknowledged_each_time() {
    let mut world = world(SCRIPT).show(&["From", "To", "CSeq", "Call-ID", "Content-Type"]);
    world.command(
        "t_uac_dlg",
        &[
            ("method", "INVITE"),
            ("ruri", "sip:bob@example.com"),
            ("headers", HEADERS),
            ("next_hop", "sip:10.0.0.3"),
            ("socket", "udp:192.0.2.1:5060"),
            ("body", "hello"),
        ],
    );
    let invite = world.last_request();
    world.respond(3, &invite, "180 Ringing");
    let routed = invite.replace(
        "To:",
        "Contact: <sip:bob@10.0.0.5>\r\nRecord-Route: <sip:10.0.0.4;lr>, <sip:10.0.0.3;lr>\r\nTo:",
    );
    for _ in 0..2 {
        world.respond_with(3, &routed, "200 OK", &["Contact:", "Record-Route:"]);
    }
    expect![[r#"
        > udp:10.0.0.3:5060
            INVITE sip:bob@example.com SIP/2.0
            From: <sip:tandem@example.com>;tag=*
            To: <sip:bob@example.com>
            Call-ID: ours
            CSeq: 7 INVITE
            User-Agent: Tandem/0.1.0
            Contact: <sip:tandem@192.0.2.1>
            Content-Type: text/plain
            X-Local: INVITE
            | hello
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.5 SIP/2.0
            Route: <sip:10.0.0.3;lr>
            Route: <sip:10.0.0.4;lr>
            From: <sip:tandem@example.com>;tag=*
            To: <sip:bob@example.com>;tag=a3
            Call-ID: ours
            CSeq: 7 ACK
        answer {"Status":"200 OK","Message":"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa20aad9cc0000000000013aab7f3f\r\nFrom: <sip:tandem@example.com>;tag=e099ec6cd7363ca5\r\nContact: <sip:bob@10.0.0.5>\r\nRecord-Route: <sip:10.0.0.4;lr>, <sip:10.0.0.3;lr>\r\nTo: <sip:bob@example.com>;tag=a3\r\nCall-ID: ours\r\nCSeq: 7 INVITE\r\nContact: <sip:tandem@192.0.2.1>\r\nContent-Length: 0\r\n\r\n"}
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.5 SIP/2.0
            Route: <sip:10.0.0.3;lr>
            Route: <sip:10.0.0.4;lr>
            From: <sip:tandem@example.com>;tag=*
            To: <sip:bob@example.com>;tag=a3
            Call-ID: ours
            CSeq: 7 ACK
    "#]].assert_eq(&world.take());
}

#[test]
fn what_nobody_answers_ends_the_command_and_not_the_request() {
    let mut world = world(SCRIPT);
    let ask = |world: &mut World, headers: &str| {
        world.command(
            "tm:uac_dlg",
            &[
                ("method", "MESSAGE"),
                ("ruri", "sip:bob@10.0.0.3"),
                ("headers", headers),
            ],
        );
        world.take()
    };
    expect![[r#"
        > udp:10.0.0.3:5060
            MESSAGE sip:bob@10.0.0.3 SIP/2.0
            User-Agent: Tandem/0.1.0
            Contact: <sip:tandem@192.0.2.1>
            X-Local: MESSAGE
    "#]]
    .assert_eq(&ask(&mut world, HEADERS));
    world.wait(5_000);
    expect![[r#"
        > udp:10.0.0.3:5060
            MESSAGE sip:bob@10.0.0.3 SIP/2.0
            User-Agent: Tandem/0.1.0
            Contact: <sip:tandem@192.0.2.1>
            X-Local: MESSAGE
        > udp:10.0.0.3:5060
            MESSAGE sip:bob@10.0.0.3 SIP/2.0
            User-Agent: Tandem/0.1.0
            Contact: <sip:tandem@192.0.2.1>
            X-Local: MESSAGE
        > udp:10.0.0.3:5060
            MESSAGE sip:bob@10.0.0.3 SIP/2.0
            User-Agent: Tandem/0.1.0
            Contact: <sip:tandem@192.0.2.1>
            X-Local: MESSAGE
        answer 408 no final response yet; the request goes on
    "#]]
    .assert_eq(&world.take());
    world.respond(3, &world.last_request_to(3), "200 OK");
    world.take();
    expect![[r#"
        answer 400 `headers` want a From and a To
    "#]]
    .assert_eq(&ask(&mut world, "From: <sip:a@example.com>"));
}

#[test]
fn what_the_local_route_drops_was_not_sent() {
    let mut world = world(SCRIPT);
    world.command(
        "t_uac_dlg",
        &[
            ("method", "MESSAGE"),
            ("ruri", "sip:nobody@10.0.0.3"),
            ("headers", HEADERS),
        ],
    );
    expect![[r#"
        answer {"Status":"477 Send failed","Message":""}
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn t_uac_cancel_stops_an_invite_of_ours() {
    let mut world = world(SCRIPT);
    world.command(
        "t_uac_dlg",
        &[
            ("method", "INVITE"),
            ("ruri", "sip:bob@10.0.0.3"),
            ("headers", HEADERS),
        ],
    );
    let invite = world.last_request();
    world.respond(3, &invite, "180 Ringing");
    world.take();
    world.command("t_uac_cancel", &[("callid", "ours"), ("cseq", "7 INVITE")]);
    world.respond(3, &invite, "487 Terminated");
    expect![[r#"
        > udp:10.0.0.3:5060
            CANCEL sip:bob@10.0.0.3 SIP/2.0
        answer "OK"
        > udp:10.0.0.3:5060
            ACK sip:bob@10.0.0.3 SIP/2.0
        answer {"Status":"487 Terminated","Message":"SIP/2.0 487 Terminated\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa20aad9cc0000000000013aab7f3f\r\nFrom: <sip:tandem@example.com>;tag=e099ec6cd7363ca5\r\nTo: <sip:bob@example.com>;tag=a3\r\nCall-ID: ours\r\nCSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n"}
    "#]].assert_eq(&world.take());
    world.command("tm:uac_cancel", &[("callid", "ours"), ("cseq", "7 INVITE")]);
    expect![[r#"
        answer 404 Not Found
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn t_reply_answers_a_transaction_by_its_name() {
    let mut world = world(SCRIPT).show(&["To"]);
    world.udp(2, "INVITE sip:bob@example.com");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 100 Trying
            To: <sip:bob@example.com>
        log 2: transaction 0.0.1
    "#]]
    .assert_eq(&world.take());
    world.command(
        "t_reply",
        &[
            ("code", "183"),
            ("reason", "Progress"),
            ("trans_id", "0.0.1"),
            ("to_tag", "abcde"),
            ("new_headers", "X-Early: yes\r\n"),
            ("body", "v=0"),
        ],
    );
    // What a provisional reply says, it says alone.
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 183 Progress
            To: <sip:bob@example.com>;tag=abcde
            X-Early: yes
            | v=0
        answer "OK"
    "#]]
    .assert_eq(&world.take());
    let reply = |world: &mut World, id: &str| {
        world.command(
            "t_reply",
            &[
                ("code", "403"),
                ("reason", "Not today"),
                ("trans_id", id),
                ("to_tag", "abcde"),
                ("new_headers", "X-By: operator\r\n"),
            ],
        );
        world.take()
    };
    expect![[r#"
        answer 404 Not Found
    "#]]
    .assert_eq(&reply(&mut world, "0.0.9"));
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 403 Not today
            To: <sip:bob@example.com>;tag=abcde
            X-By: operator
        answer "OK"
    "#]]
    .assert_eq(&reply(&mut world, "0.0.1"));
    world.command("tm:hash", &[]);
    expect![[r#"
        answer {"Shards":[{"shard":0,"requests":1,"server transactions":1,"client transactions":0}]}
    "#]]
    .assert_eq(&world.take());
}
