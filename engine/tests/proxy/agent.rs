//! Requests of our own: RFC 3261 §8.1.

use expect_test::expect;
use parser::HeaderName;

use crate::harness::{check, check_showing};

const ASK: &str = "route { ask(\"OPTIONS\", \"$ru\"); reply(200, \"OK\"); }";

#[test]
fn a_request_of_ours_is_answered_and_its_owner_told() {
    check_showing(
        &[
            HeaderName::From,
            HeaderName::To,
            HeaderName::CSeq,
            HeaderName::MaxForwards,
        ],
        ASK,
        "
        0 alice MESSAGE
        10 bob 100
        20 bob 200
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > alice  200 OK
                      From: <sip:alice@example.com>;tag=f-alice
                      To: <sip:bob@example.com>;tag=*
                      CSeq: 1 MESSAGE
            0       > bob    OPTIONS sip:bob@10.0.0.20
                      Max-Forwards: 70
                      From: <sip:tandem@10.0.0.1>;tag=*
                      To: <sip:bob@10.0.0.20>
                      CSeq: 1 OPTIONS
            10      < bob    100 Trying
            20      < bob    200 OK
            20      - told 200 local=false OK
        "#]],
    );
}

#[test]
fn its_owner_hears_when_nobody_answers() {
    check(
        ASK,
        "
        0 alice MESSAGE
        31000 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > alice  200 OK
            0       > bob    OPTIONS sip:bob@10.0.0.20
            500     > bob    OPTIONS sip:bob@10.0.0.20
            1500    > bob    OPTIONS sip:bob@10.0.0.20
            3500    > bob    OPTIONS sip:bob@10.0.0.20
            7500    > bob    OPTIONS sip:bob@10.0.0.20
            11500   > bob    OPTIONS sip:bob@10.0.0.20
            15500   > bob    OPTIONS sip:bob@10.0.0.20
            19500   > bob    OPTIONS sip:bob@10.0.0.20
            23500   > bob    OPTIONS sip:bob@10.0.0.20
            27500   > bob    OPTIONS sip:bob@10.0.0.20
            30000   - told 408 local=true
        "#]],
    );
}

#[test]
fn a_name_is_resolved_and_the_next_address_tried() {
    check(
        ASK,
        "
        0 alice MESSAGE sip:bob@pbx.example.net:5060
        1 dns pbx.example.net A 10.0.0.20 10.0.0.30
        2 dns pbx.example.net AAAA
        10 bob 503
        20 carol 405
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@pbx.example.net:5060
            0       > alice  200 OK
            0       ? pbx.example.net 1
            0       ? pbx.example.net 28
            2       > bob    OPTIONS sip:bob@pbx.example.net:5060
            10      < bob    503 Service Unavailable
            10      > carol  OPTIONS sip:bob@pbx.example.net:5060
            20      < carol  405 Method Not Allowed
            20      - told 405 local=false Method Not Allowed
        "#]],
    );
}

#[test]
fn what_cannot_be_sent_is_503_and_what_leads_nowhere_478() {
    check(
        ASK,
        "
        0 alice MESSAGE sip:bob@10.0.0.20:5061;transport=tls
        10 alice MESSAGE sip:bob@nowhere.example.net:5060 cseq=2
        11 dns nowhere.example.net A
        12 dns nowhere.example.net AAAA
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20:5061;transport=tls
            0       > alice  200 OK
            0       - told 503 local=true
            10      < alice  MESSAGE sip:bob@nowhere.example.net:5060
            10      > alice  200 OK
            10      ? nowhere.example.net 1
            10      ? nowhere.example.net 28
            12      - told 478 local=true
        "#]],
    );
}

#[test]
fn a_local_route_sees_it_first_and_may_drop_it() {
    check_showing(
        &[HeaderName::Subject],
        "route { ask(\"OPTIONS\", \"$ru\"); reply(200, \"OK\"); } local_route { say(\"local $rm $ru\"); header(\"Subject: local\"); if ($ru =~ \"carol\") drop(); }",
        "
        0 alice MESSAGE
        10 bob 200
        20 alice MESSAGE sip:carol@10.0.0.30 cseq=2
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > alice  200 OK
            0       - local OPTIONS sip:bob@10.0.0.20
            0       > bob    OPTIONS sip:bob@10.0.0.20
                      Subject: local
            10      < bob    200 OK
            10      - told 200 local=false OK
            20      < alice  MESSAGE sip:carol@10.0.0.30
            20      > alice  200 OK
            20      - local OPTIONS sip:carol@10.0.0.30
            20      - told 477 local=true
        "#]],
    );
}

#[test]
fn whom_it_waited_for_too_long_is_cancelled() {
    check(
        "route { ask(\"INVITE\", \"$ru\"); reply(200, \"OK\"); }",
        "
        0 alice MESSAGE
        10 bob 180 INVITE
        120020 bob 200 CANCEL
        120030 bob 487 INVITE
        121000 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > alice  200 OK
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    180 Ringing
            10      - told 180 local=false Ringing
            120010  > bob    CANCEL sip:bob@10.0.0.20
            120010  - told 408 local=true
            120020  < bob    200 OK
            120030  < bob    487 Request Terminated
            120030  > bob    ACK sip:bob@10.0.0.20
        "#]],
    );
}
