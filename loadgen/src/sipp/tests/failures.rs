//! How calls fail, and how they are left.

use expect_test::expect;

use super::super::builtin;
use super::{Play, play, request, response};

#[test]
fn a_rejection_nobody_waits_for_is_acknowledged() {
    play(
        &Play {
            scenario: builtin::scenario("uac").unwrap(),
            timeline: "
                 0 start
                10 peer 486 Busy Here
                10 show
               510 peer again
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
                10 < SIP/2.0 486 Busy Here
                10 > ACK sip:service@10.0.0.2:5060 SIP/2.0
                   ACK sip:service@10.0.0.2:5060 SIP/2.0
                   Via: SIP/2.0/UDP 10.0.0.1:5071;branch=z9hG4bK-7-1-0
                   From: "caller" <sip:caller@10.0.0.1:5071>;tag=7-c-1
                   To: <sip:service@10.0.0.2:5060>;tag=peer
                   Call-ID: 1-7@10.0.0.1
                   CSeq: 1 ACK
                   Max-Forwards: 70
                   Content-Length: 0

               510 < SIP/2.0 486 Busy Here
               510 > ACK sip:service@10.0.0.2:5060 SIP/2.0 (again)
            1 started, 0 succeeded, 1 sent to leave
            1 failed: Unexpected at step 4
        "#]],
    );
}

#[test]
fn a_call_that_the_peer_hangs_up_too_early_has_failed_and_he_is_answered() {
    play(
        &Play {
            scenario: builtin::scenario("uac").unwrap(),
            set: Some(&|settings| settings.pause = 500_000),
            timeline: "
                 0 start
                10 peer 200 OK
               100 peer BYE
               900 wait
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
                10 < SIP/2.0 200 OK
                10 > ACK sip:service@10.0.0.2:5060 SIP/2.0
               100 < BYE sip:us@10.0.0.1 SIP/2.0
               100 > SIP/2.0 200 OK
            1 started, 0 succeeded, 1 answered beside
            1 failed: Unexpected at step 6
            timer invite 10007 us
        "#]],
    );
}

#[test]
fn a_call_whose_answer_is_not_liked_is_hung_up() {
    let scenario = [
        request("INVITE", "retrans=\"500\""),
        "<recv response=\"180\" optional=\"true\"/><recv response=\"200\"/>".to_owned(),
        request("ACK", ""),
        "<recv request=\"INFO\" timeout=\"1000\"><action>\
         <ereg regexp=\"fine\" search_in=\"body\" check_it=\"true\" assign_to=\"1\"/></action></recv>\
         <Reference variables=\"1\"/>"
            .to_owned(),
    ];
    let scenario = scenario.concat();
    play(
        &Play {
            scenario: &scenario,
            timeline: "
                 0 start
                10 peer 200 OK
               100 peer INFO
               |
               | awful
               100 show
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
                10 < SIP/2.0 200 OK
                10 > ACK sip:service@10.0.0.2:5060 SIP/2.0
               100 < INFO sip:us@10.0.0.1 SIP/2.0
               100 > BYE sip:service@10.0.0.2:5060 SIP/2.0
                   BYE sip:service@10.0.0.2:5060 SIP/2.0
                   Via: SIP/2.0/UDP 10.0.0.1:5071;branch=z9hG4bK-7-1-3b
                   From: <sip:us@10.0.0.1>;tag=1
                   To: <sip:service@10.0.0.2>;tag=peer
                   Call-ID: 1-7@10.0.0.1
                   CSeq: 2 BYE
                   Max-Forwards: 70
                   Content-Length: 0

            1 started, 0 succeeded, 1 sent to leave
            1 failed: NotFound at step 4
        "#]],
    );
    // Nothing comes in time: the same.
    play(
        &Play {
            scenario: &scenario,
            timeline: "0 start\n 10 peer 200 OK\n 3000 wait",
            ..Play::default()
        },
        expect![[r#"
                 0 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
                10 < SIP/2.0 200 OK
                10 > ACK sip:service@10.0.0.2:5060 SIP/2.0
              1010 > BYE sip:service@10.0.0.2:5060 SIP/2.0
            1 started, 0 succeeded, 1 sent to leave
            1 failed: Timeout at step 4
        "#]],
    );
}

#[test]
fn a_call_that_still_rings_is_cancelled_and_what_comes_of_it_acknowledged() {
    let scenario = [
        request("INVITE", "retrans=\"500\""),
        "<recv response=\"180\" optional=\"true\"/><recv response=\"200\" timeout=\"3000\"/>"
            .to_owned(),
        request("ACK", ""),
    ];
    play(
        &Play {
            scenario: &scenario.concat(),
            timeline: "
                 0 start
                10 peer 180 Ringing
              3010 peer 200 OK to CANCEL
              3020 peer 487 Request Terminated to INVITE
              3030 show
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
                10 < SIP/2.0 180 Ringing
              3000 > CANCEL sip:service@10.0.0.2:5060 SIP/2.0
              3010 < SIP/2.0 200 OK
              3020 < SIP/2.0 487 Request Terminated
              3020 > ACK sip:service@10.0.0.2:5060 SIP/2.0
                   ACK sip:service@10.0.0.2:5060 SIP/2.0
                   Via: SIP/2.0/UDP 10.0.0.1:5071;branch=z9hG4bK-7-1-0
                   From: <sip:us@10.0.0.1>;tag=1
                   To: <sip:service@10.0.0.2>;tag=peer
                   Call-ID: 1-7@10.0.0.1
                   CSeq: 1 ACK
                   Max-Forwards: 70
                   Content-Length: 0

            1 started, 0 succeeded, 2 late, 2 sent to leave
            1 failed: Timeout at step 2
        "#]],
    );
}

#[test]
fn with_nd_a_failed_call_says_nothing_more() {
    play(
        &Play {
            scenario: builtin::scenario("uac").unwrap(),
            set: Some(&|settings| settings.tidies = false),
            timeline: "
                 0 start
                10 peer 486 Busy Here
                20 start
                30 peer 180 Ringing
                40 peer BYE
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
                10 < SIP/2.0 486 Busy Here
                20 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
                30 < SIP/2.0 180 Ringing
                40 < BYE sip:us@10.0.0.1 SIP/2.0
            2 started, 0 succeeded
            2 failed: Unexpected at step 4
        "#]],
    );
}

#[test]
fn an_unexpected_cancel_ends_the_call_of_the_answering_side() {
    play(
        &Play {
            scenario: &format!(
                "<recv request=\"INVITE\"/>{}<recv request=\"ACK\"/>",
                response("180 Ringing", "")
            ),
            timeline: "
                 0 peer INVITE
                50 peer CANCEL
                60 peer again
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 < INVITE sip:us@10.0.0.1 SIP/2.0
                 0 > SIP/2.0 180 Ringing
                50 < CANCEL sip:us@10.0.0.1 SIP/2.0
                50 > SIP/2.0 200 OK
                50 > SIP/2.0 487 Request Terminated
                60 < CANCEL sip:us@10.0.0.1 SIP/2.0
            1 started, 0 succeeded, 2 answered beside
            1 failed: Unexpected at step 2
        "#]],
    );
}

#[test]
fn what_begins_no_call_is_counted_and_with_aa_answered() {
    let timeline = "
         0 peer OPTIONS
        10 peer REGISTER
        20 raw
        | no SIP at all
        30 raw
        |
    ";
    let scenario = builtin::scenario("uas").unwrap();
    play(
        &Play {
            scenario,
            timeline,
            ..Play::default()
        },
        expect![[r#"
                 0 < OPTIONS sip:us@10.0.0.1 SIP/2.0
                10 < REGISTER sip:us@10.0.0.1 SIP/2.0
                20 < no SIP at all
                30 < 
            0 started, 0 succeeded, 2 of no call, 1 malformed
        "#]],
    );
    play(
        &Play {
            scenario,
            timeline,
            set: Some(&|settings| settings.answers = true),
            ..Play::default()
        },
        expect![[r#"
                 0 < OPTIONS sip:us@10.0.0.1 SIP/2.0
                 0 > SIP/2.0 200 OK
                10 < REGISTER sip:us@10.0.0.1 SIP/2.0
                20 < no SIP at all
                30 < 
            0 started, 0 succeeded, 2 of no call, 1 malformed, 1 answered beside
        "#]],
    );
}

#[test]
fn a_loop_that_never_waits_ends() {
    let scenario = format!(
        "<label id=\"again\"/><nop next=\"again\"/>{}",
        request("OPTIONS", "")
    );
    play(
        &Play {
            scenario: &scenario,
            timeline: "0 start",
            ..Play::default()
        },
        expect![[r#"
            1 started, 0 succeeded
            1 failed: Endless at step 0
        "#]],
    );
}

#[test]
fn what_is_open_at_the_end_is_lost_where_it_stands() {
    play(
        &Play {
            scenario: builtin::scenario("uac").unwrap(),
            set: Some(&|settings| settings.pause = 5_000_000),
            timeline: "
                 0 start
                 0 start
                 1 peer 200 OK
                10 wait
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
                 0 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
                 1 < SIP/2.0 200 OK
                 1 > ACK sip:service@10.0.0.2:5060 SIP/2.0
            2 started, 0 succeeded
            1 failed: Open at step 4
            1 failed: Open at step 6
            timer invite 1000 us
        "#]],
    );
}
