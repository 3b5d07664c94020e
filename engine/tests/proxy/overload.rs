//! Full tables: 503 and when to come again, and nothing else twice.

use engine::limits::Limits;
use expect_test::expect;

use crate::harness::check_bounded;

const RELAY: &str = "route { if (!relay()) { say(\"not relayed\"); reply(500, \"Sorry\"); } }";

#[test]
fn no_place_for_a_context_is_503_once() {
    check_bounded(
        Limits {
            contexts: 1,
            ..Limits::default()
        },
        RELAY,
        "
        0 alice INVITE
        10 alice INVITE call=c2
        20 bob 486
        30 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < alice  INVITE sip:bob@10.0.0.20
            10      > alice  503 Service Unavailable
                      Retry-After: 10
            10      - request answered 503: no place for another transaction, from udp:10.0.0.10:5060: "INVITE sip:bob@10.0.0.20 SIP/2.0"
            10      - not relayed
            20      < bob    486 Busy Here
            20      > bob    ACK sip:bob@10.0.0.20
            20      > alice  486 Busy Here
            30      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn no_place_for_a_server_transaction_is_503_once() {
    check_bounded(
        Limits {
            server_transactions: 1,
            ..Limits::default()
        },
        RELAY,
        "
        0 alice INVITE
        10 alice MESSAGE call=c2
        20 bob 486
        30 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < alice  MESSAGE sip:bob@10.0.0.20
            10      - request answered 503: no place for another transaction, from udp:10.0.0.10:5060: "MESSAGE sip:bob@10.0.0.20 SIP/2.0"
            10      > alice  503 Service Unavailable
                      Retry-After: 10
            20      < bob    486 Busy Here
            20      > bob    ACK sip:bob@10.0.0.20
            20      > alice  486 Busy Here
            30      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn no_place_for_a_client_transaction_fails_the_branch() {
    check_bounded(
        Limits {
            client_transactions: 1,
            ..Limits::default()
        },
        "route { also(\"sip:carol@10.0.0.30\"); relay(); }",
        "
        0 alice INVITE
        20 bob 180
        30 bob 200
        40 alice ACK sip:bob@10.0.0.20
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            20      < bob    180 Ringing
            20      > alice  180 Ringing
            30      < bob    200 OK
            30      > alice  200 OK
            40      < alice  ACK sip:bob@10.0.0.20
            40      > bob    ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn no_place_for_a_waiting_run_lets_the_branch_wait_itself() {
    check_bounded(
        Limits {
            parked_runs: 0,
            ..Limits::default()
        },
        RELAY,
        "
        0 alice INVITE sip:bob@pbx.example.net:5060
        1 dns pbx.example.net A 10.0.0.20
        2 dns pbx.example.net AAAA
        20 bob 486
        40 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@pbx.example.net:5060
            0       ? pbx.example.net 1
            0       ? pbx.example.net 28
            0       > alice  100 Trying
            2       > bob    INVITE sip:bob@pbx.example.net:5060
            20      < bob    486 Busy Here
            20      > bob    ACK sip:bob@pbx.example.net:5060
            20      > alice  486 Busy Here
            40      < alice  ACK sip:bob@pbx.example.net:5060
        "#]],
    );
}
