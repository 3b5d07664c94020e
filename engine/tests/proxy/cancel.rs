//! CANCEL: RFC 3261 §9.2, §16.10.

use expect_test::expect;
use parser::HeaderName;

use crate::harness::{check, check_showing};

const RELAY: &str = "route { if ($rm == \"CANCEL\" && !known()) { reply(481, \"No call\"); exit; } relay(\"pass-reason-hdr\"); }";

#[test]
fn a_cancel_waits_for_the_first_provisional_response() {
    check(
        RELAY,
        "
        0 alice INVITE
        10 alice CANCEL
        20 bob 180
        30 bob 200 CANCEL
        40 bob 487 INVITE
        50 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < alice  CANCEL sip:bob@10.0.0.20
            10      > alice  200 canceling
            20      < bob    180 Ringing
            20      > bob    CANCEL sip:bob@10.0.0.20
            20      > alice  180 Ringing
            30      < bob    200 OK
            40      < bob    487 Request Terminated
            40      > bob    ACK sip:bob@10.0.0.20
            40      > alice  487 Request Terminated
            50      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_cancel_of_nothing_is_what_the_script_says() {
    check(
        RELAY,
        "
        0 alice INVITE
        10 bob 486
        15 alice ACK
        40000 alice CANCEL
        50000 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    486 Busy Here
            10      > bob    ACK sip:bob@10.0.0.20
            10      > alice  486 Busy Here
            15      < alice  ACK sip:bob@10.0.0.20
            40000   < alice  CANCEL sip:bob@10.0.0.20
            40000   > alice  481 No call
        "#]],
    );
}

#[test]
fn a_cancel_after_the_answer_changes_nothing() {
    check(
        RELAY,
        "
        0 alice INVITE
        10 bob 200
        20 alice CANCEL
        30 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    200 OK
            10      > alice  200 OK
            20      < alice  CANCEL sip:bob@10.0.0.20
            20      > alice  200 canceling
            30      < alice  ACK sip:bob@10.0.0.20
            30      > bob    ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_phone_that_answers_faster_than_it_is_cancelled_wins() {
    check(
        RELAY,
        "
        0 alice INVITE
        10 bob 180
        20 alice CANCEL
        21 bob 200 INVITE
        25 bob 481 CANCEL
        30 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    180 Ringing
            10      > alice  180 Ringing
            20      < alice  CANCEL sip:bob@10.0.0.20
            20      > alice  200 canceling
            20      > bob    CANCEL sip:bob@10.0.0.20
            21      < bob    200 OK
            21      > alice  200 OK
            25      < bob    481 Call/Transaction Does Not Exist
            30      < alice  ACK sip:bob@10.0.0.20:5060
            30      > bob    ACK sip:bob@10.0.0.20:5060
        "#]],
    );
}

#[test]
fn a_phone_that_never_ends_its_invite_is_487_in_the_end() {
    check(
        RELAY,
        "
        0 alice INVITE
        10 bob 180
        20 alice CANCEL
        30 bob 200 CANCEL
        32100 alice ACK
        33000 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    180 Ringing
            10      > alice  180 Ringing
            20      < alice  CANCEL sip:bob@10.0.0.20
            20      > alice  200 canceling
            20      > bob    CANCEL sip:bob@10.0.0.20
            30      < bob    200 OK
            32020   > alice  487 Request Terminated
            32100   < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn the_reason_goes_with_it() {
    check_showing(
        &[HeaderName::Reason, HeaderName::To, HeaderName::CSeq],
        RELAY,
        "
        0 alice INVITE
        10 bob 180
        20 alice CANCEL +Reason:SIP;cause=200;text='elsewhere'
        30 bob 200 CANCEL
        31 bob 487 INVITE
        40 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
                      To: <sip:bob@example.com>
                      CSeq: 1 INVITE
            0       > bob    INVITE sip:bob@10.0.0.20
                      To: <sip:bob@example.com>
                      CSeq: 1 INVITE
            10      < bob    180 Ringing
            10      > alice  180 Ringing
                      To: <sip:bob@example.com>;tag=t-bob
                      CSeq: 1 INVITE
            20      < alice  CANCEL sip:bob@10.0.0.20
            20      > alice  200 canceling
                      To: <sip:bob@example.com>;tag=*
                      CSeq: 1 CANCEL
            20      > bob    CANCEL sip:bob@10.0.0.20
                      To: <sip:bob@example.com>
                      CSeq: 1 CANCEL
                      Reason: SIP;cause=200;text="elsewhere"
            30      < bob    200 OK
            31      < bob    487 Request Terminated
            31      > bob    ACK sip:bob@10.0.0.20
                      To: <sip:bob@example.com>;tag=t-bob
                      CSeq: 1 ACK
            31      > alice  487 Request Terminated
                      To: <sip:bob@example.com>;tag=t-bob
                      CSeq: 1 INVITE
            40      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_cancel_while_the_script_waits_is_kept_for_it() {
    check(
        "route { if (known()) { relay(); exit; } sleep(); if (cancelled()) { say(\"cancelled\"); } relay(); }",
        "
        0 alice INVITE
        300 alice CANCEL
        400 wake
        450 alice ACK
        500 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            200     > alice  100 Trying
            300     < alice  CANCEL sip:bob@10.0.0.20
            300     > alice  200 canceling
            400     - cancelled
            400     > alice  487 Request Terminated
            450     < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_script_may_wait_before_it_relays_and_retransmissions_do_not_disturb() {
    check(
        "route { if (known()) { relay(); exit; } sleep(); relay(); }",
        "
        0 alice INVITE
        100 alice INVITE
        300 wake
        310 bob 486
        320 alice ACK
        500 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            100     < alice  INVITE sip:bob@10.0.0.20
            100     > alice  100 Trying
            200     > alice  100 Trying
            300     > bob    INVITE sip:bob@10.0.0.20
            310     < bob    486 Busy Here
            310     > bob    ACK sip:bob@10.0.0.20
            310     > alice  486 Busy Here
            320     < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_cancel_may_wait_as_well() {
    check(
        "route { if ($rm == \"CANCEL\") { sleep(); } relay(); }",
        "
        0 alice INVITE
        10 bob 180
        20 alice CANCEL
        25 alice CANCEL
        30 wake
        40 alice CANCEL
        50 bob 200 CANCEL
        51 bob 487 INVITE
        60 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    180 Ringing
            10      > alice  180 Ringing
            20      < alice  CANCEL sip:bob@10.0.0.20
            25      < alice  CANCEL sip:bob@10.0.0.20
            30      > alice  200 canceling
            30      > bob    CANCEL sip:bob@10.0.0.20
            40      < alice  CANCEL sip:bob@10.0.0.20
            40      > alice  200 canceling
            50      < bob    200 OK
            51      < bob    487 Request Terminated
            51      > bob    ACK sip:bob@10.0.0.20
            51      > alice  487 Request Terminated
            60      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_cancel_before_anything_was_sent_because_a_name_is_looked_up() {
    check(
        "route { relay(); }",
        "
        0 alice INVITE sip:bob@pbx.example.net:5060
        10 alice CANCEL
        20 dns pbx.example.net A 10.0.0.20
        30 dns pbx.example.net AAAA
        40 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@pbx.example.net:5060
            0       ? pbx.example.net 1
            0       ? pbx.example.net 28
            10      < alice  CANCEL sip:bob@pbx.example.net:5060
            10      > alice  200 canceling
            30      > alice  487 Request Terminated
            40      < alice  ACK sip:bob@pbx.example.net:5060
        "#]],
    );
}

#[test]
fn a_relay_after_the_caller_has_given_up_answers_him_whatever_the_script_says_then() {
    check(
        "route { if (known()) { relay(); exit; } sleep(); if (!relay()) { reply_error(); } }",
        "
        0 alice INVITE
        300 alice CANCEL
        400 wake
        450 alice ACK
        500 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            200     > alice  100 Trying
            300     < alice  CANCEL sip:bob@10.0.0.20
            300     > alice  200 canceling
            400     > alice  487 Request Terminated
            450     < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn what_comes_while_the_script_still_works_on_the_request_waits_for_its_end() {
    check(
        "route { if (known()) { relay(); exit; } relay(); sleep(); say(\"done\"); }",
        "
        0 alice INVITE
        10 bob 180
        20 alice CANCEL
        30 bob 200 CANCEL
        40 bob 487 INVITE
        50 wake
        60 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    180 Ringing
            20      < alice  CANCEL sip:bob@10.0.0.20
            20      > alice  200 canceling
            20      > bob    CANCEL sip:bob@10.0.0.20
            30      < bob    200 OK
            40      < bob    487 Request Terminated
            40      > bob    ACK sip:bob@10.0.0.20
            50      - done
            50      > alice  180 Ringing
            50      > alice  487 Request Terminated
            60      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_cancel_meets_a_failure_route_that_waits_with_nothing_under_way() {
    check(
        "route { if (known()) { relay(); exit; } on_failure(\"f\"); relay(); } failure_route[f] { sleep(); to(\"sip:carol@10.0.0.30\"); relay(); }",
        "
        0 alice INVITE
        10 bob 486
        20 alice CANCEL
        30 wake
        40 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    486 Busy Here
            10      > bob    ACK sip:bob@10.0.0.20
            20      < alice  CANCEL sip:bob@10.0.0.20
            20      > alice  200 canceling
            30      > alice  487 Request Terminated
            40      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}
