//! What is not forwarded: RFC 3261 §16.3, RFC 5393.

use expect_test::expect;
use parser::HeaderName;

use crate::harness::{check, check_showing};

const RELAY: &str = "route { relay(); }";

#[test]
fn a_request_with_no_hops_left_is_483() {
    check(
        RELAY,
        "
        0 alice INVITE hops=0
        10 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  483 Too Many Hops
            10      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn hops_are_counted_down_and_added_where_they_are_missing() {
    check_showing(
        &[HeaderName::MaxForwards],
        RELAY,
        "
        0 alice MESSAGE hops=5
        10 bob 200
        20 alice MESSAGE cseq=2 nohops
        30 bob 200
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > bob    MESSAGE sip:bob@10.0.0.20
                      Max-Forwards: 4
            10      < bob    200 OK
            10      > alice  200 OK
            20      < alice  MESSAGE sip:bob@10.0.0.20
            20      > bob    MESSAGE sip:bob@10.0.0.20
                      Max-Forwards: 70
            30      < bob    200 OK
            30      > alice  200 OK
        "#]],
    );
}

#[test]
fn an_option_that_no_proxy_knows_is_420() {
    check_showing(
        &[HeaderName::Unsupported],
        RELAY,
        "
        0 alice INVITE +Proxy-Require:wonder,_sense
        10 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       - request answered 420: it has a Proxy-Require, from udp:10.0.0.10:5060: "INVITE sip:bob@10.0.0.20 SIP/2.0"
            0       > alice  420 Bad Extension
                      Unsupported: wonder, sense
            10      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn more_branches_than_the_breadth_allows_are_440() {
    check(
        "route { also(\"sip:carol@10.0.0.30\"); relay(); }",
        "
        0 alice MESSAGE +Max-Breadth:1
        10 alice MESSAGE cseq=2 +Max-Breadth:9
        20 bob 200
        30 carol 200
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > alice  440 Max-Breadth Exceeded
            10      < alice  MESSAGE sip:bob@10.0.0.20
            10      > bob    MESSAGE sip:bob@10.0.0.20
            10      > carol  MESSAGE sip:carol@10.0.0.30
            20      < bob    200 OK
            20      > alice  200 OK
            30      < carol  200 OK
        "#]],
    );
}

#[test]
fn a_request_in_its_own_dust_is_482() {
    check(
        RELAY,
        "
        0 alice MESSAGE sip:loop@10.0.0.1
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:loop@10.0.0.1
            0       > 10.0.0.1:5060 MESSAGE sip:loop@10.0.0.1
            0       > 10.0.0.1:5060 482 Loop Detected
            0       > alice  482 Loop Detected
        "#]],
    );
}

#[test]
fn a_request_forwarded_to_ourselves_is_482() {
    check(
        "route { forward(); }",
        "
        0 alice MESSAGE sip:loop@10.0.0.1
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:loop@10.0.0.1
            0       > 10.0.0.1:5060 MESSAGE sip:loop@10.0.0.1
            0       > 10.0.0.1:5060 482 Loop Detected
            0       > alice  482 Loop Detected
        "#]],
    );
}

#[test]
fn an_ack_that_leads_to_ourselves_goes_round_once() {
    check(
        RELAY,
        "
        0 alice ACK sip:loop@10.0.0.1
        100 end
        ",
        expect![[r#"
            0       < alice  ACK sip:loop@10.0.0.1
            0       > 10.0.0.1:5060 ACK sip:loop@10.0.0.1
        "#]],
    );
}

#[test]
fn a_request_that_comes_back_changed_is_no_loop() {
    check(
        "route { if ($rU == \"first\") { to(\"sip:second@10.0.0.1\"); } else { to(\"sip:bob@10.0.0.20\"); } forward(); }",
        "
        0 alice ACK sip:first@10.0.0.1
        100 end
        ",
        expect![[r#"
            0       < alice  ACK sip:first@10.0.0.1
            0       > 10.0.0.1:5060 ACK sip:second@10.0.0.1
            0       > bob    ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn replies_are_signed_as_the_operator_says() {
    for (globals, expected) in [
        (
            "",
            expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > alice  486 Busy
                      Server: Tandem/0.1.0
        "#]],
        ),
        (
            "server_header=\"Server: us\"\n",
            expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > alice  486 Busy
                      Server: us
        "#]],
        ),
        (
            "server_signature=no\n",
            expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > alice  486 Busy
        "#]],
        ),
    ] {
        let script = format!("{globals}route {{ reply(486, \"Busy\"); }}");
        check_showing(&[HeaderName::Server], &script, "0 alice MESSAGE", expected);
    }
}

#[test]
fn sip_warning_says_in_each_reply_what_it_is_about() {
    check_showing(
        &[HeaderName::Warning, HeaderName::Unsupported],
        r#"sip_warning=yes
        route {
            if ($rU == "stateful") { newtran(); to("sip:carol@10.0.0.30"); reply(404, "Nobody"); exit; }
            reply(486, "Busy");
        }"#,
        "
        0 alice MESSAGE
        10 alice MESSAGE sip:stateful@10.0.0.1 call=c2
        20 alice MESSAGE call=c3 +Proxy-Require:wonder
        30 alice MESSAGE sip:a\"\\\"b@10.0.0.1 call=c4
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > alice  486 Busy
                      Warning: 392 10.0.0.1:5060 "Noisy feedback tells:  pid=0 req_src_ip=10.0.0.10 req_src_port=5060 in_uri=sip:bob@10.0.0.20 out_uri=sip:bob@10.0.0.20 via_cnt==1"
            10      < alice  MESSAGE sip:stateful@10.0.0.1
            10      > alice  404 Nobody
                      Warning: 392 10.0.0.1:5060 "Noisy feedback tells:  pid=0 req_src_ip=10.0.0.10 req_src_port=5060 in_uri=sip:stateful@10.0.0.1 out_uri=sip:carol@10.0.0.30 via_cnt==1"
            20      < alice  MESSAGE sip:bob@10.0.0.20
            20      - request answered 420: it has a Proxy-Require, from udp:10.0.0.10:5060: "MESSAGE sip:bob@10.0.0.20 SIP/2.0"
            20      > alice  420 Bad Extension
                      Unsupported: wonder
                      Warning: 392 10.0.0.1:5060 "Noisy feedback tells:  pid=0 req_src_ip=10.0.0.10 req_src_port=5060 in_uri=sip:bob@10.0.0.20 out_uri=sip:bob@10.0.0.20 via_cnt==1"
            30      < alice  MESSAGE sip:a"\"b@10.0.0.1
            30      - malformed request answered 400: expected `@` at byte 13, from udp:10.0.0.10:5060: "MESSAGE sip:a\"\\\"b@10.0.0.1 SIP/2.0"
            30      > alice  400 Bad Request (expected `@` at byte 13)
                      Warning: 392 10.0.0.1:5060 "Noisy feedback tells:  pid=0 req_src_ip=10.0.0.10 req_src_port=5060 in_uri=sip:a\"\\\"b@10.0.0.1 out_uri=sip:a\"\\\"b@10.0.0.1 via_cnt==1"
        "#]],
    );
}
