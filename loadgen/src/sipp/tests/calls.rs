//! Whole calls on a clock of ours.

use expect_test::expect;

use super::super::builtin;
use super::{Play, play, request, response};

#[test]
fn a_call_from_invite_to_bye() {
    play(
        &Play {
            scenario: builtin::scenario("uac").unwrap(),
            set: Some(&|settings| settings.pause = 2_000_000),
            timeline: "
                   0 start
                  10 peer 100 Trying
                  20 peer 180 Ringing
                  25 peer 180 Ringing
                  | X-Other: yes
                 300 peer 200 OK
                 300 show
                2400 peer 200 OK
                2400 show
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
                10 < SIP/2.0 100 Trying
                20 < SIP/2.0 180 Ringing
                25 < SIP/2.0 180 Ringing
               300 < SIP/2.0 200 OK
               300 > ACK sip:service@10.0.0.2:5060 SIP/2.0
                   ACK sip:service@10.0.0.2:5060 SIP/2.0
                   Via: SIP/2.0/UDP 10.0.0.1:5071;branch=z9hG4bK-7-1-5
                   Max-Forwards: 70
                   From: "caller" <sip:caller@10.0.0.1:5071>;tag=7-c-1
                   To: <sip:service@10.0.0.2:5060>;tag=peer
                   Call-ID: 1-7@10.0.0.1
                   CSeq: 1 ACK
                   Content-Length: 0

              2300 > BYE sip:service@10.0.0.2:5060 SIP/2.0
              2400 < SIP/2.0 200 OK
                   BYE sip:service@10.0.0.2:5060 SIP/2.0
                   Via: SIP/2.0/UDP 10.0.0.1:5071;branch=z9hG4bK-7-1-7
                   Max-Forwards: 70
                   From: "caller" <sip:caller@10.0.0.1:5071>;tag=7-c-1
                   To: <sip:service@10.0.0.2:5060>;tag=peer
                   Call-ID: 1-7@10.0.0.1
                   CSeq: 2 BYE
                   Content-Length: 0

            1 started, 1 succeeded
            timer invite 300031 us
            timer bye 100031 us
        "#]],
    );
}

#[test]
fn answers_a_call_and_what_is_repeated_of_it() {
    play(
        &Play {
            scenario: builtin::scenario("uas").unwrap(),
            timeline: "
                   0 peer INVITE
                   | Record-Route: <sip:a;lr>
                   | Record-Route: <sip:b;lr>
                   0 show
                 300 peer again
                1000 wait
                1100 peer ACK
                2000 peer BYE
                2500 peer again
                9000 peer again
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 < INVITE sip:us@10.0.0.1 SIP/2.0
                 0 > SIP/2.0 180 Ringing
                 0 > SIP/2.0 200 OK
                   SIP/2.0 200 OK
                   Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKp101
                   Record-Route: <sip:a;lr>
                   Record-Route: <sip:b;lr>
                   From: <sip:peer@10.0.0.2>;tag=peer
                   To: <sip:us@10.0.0.1>;tag=7-s-1
                   Call-ID: peers@10.0.0.2
                   CSeq: 101 INVITE
                   Contact: <sip:10.0.0.1:5070;transport=UDP>
                   Content-Type: application/sdp
                   Content-Length: 90

                   v=0
                   o=callee 1 1 IN IP4 10.0.0.1
                   s=-
                   c=IN IP4 10.0.0.1
                   t=0 0
                   m=audio 6000 RTP/AVP 8
               300 < INVITE sip:us@10.0.0.1 SIP/2.0
               300 > SIP/2.0 200 OK (again)
               500 > SIP/2.0 200 OK (again)
              1100 < ACK sip:us@10.0.0.1 SIP/2.0
              2000 < BYE sip:us@10.0.0.1 SIP/2.0
              2000 > SIP/2.0 200 OK
              2500 < BYE sip:us@10.0.0.1 SIP/2.0
              2500 > SIP/2.0 200 OK (again)
              9000 < BYE sip:us@10.0.0.1 SIP/2.0
            1 started, 1 succeeded, 1 of no call
            timer 1 1100799 us
        "#]],
    );
}

#[test]
fn repeats_an_invite_until_it_is_given_up() {
    play(
        &Play {
            scenario: builtin::scenario("uac").unwrap(),
            timeline: "0 start\n 60000 wait",
            ..Play::default()
        },
        expect![[r#"
                 0 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
               500 > INVITE sip:service@10.0.0.2:5060 SIP/2.0 (again)
              1500 > INVITE sip:service@10.0.0.2:5060 SIP/2.0 (again)
              3500 > INVITE sip:service@10.0.0.2:5060 SIP/2.0 (again)
              7500 > INVITE sip:service@10.0.0.2:5060 SIP/2.0 (again)
             15500 > INVITE sip:service@10.0.0.2:5060 SIP/2.0 (again)
            1 started, 0 succeeded
            1 failed: Retransmissions at step 0
        "#]],
    );
}

#[test]
fn a_bye_is_repeated_no_later_than_every_four_seconds() {
    play(
        &Play {
            scenario: &format!(
                "{}<recv response=\"200\"/>",
                request("BYE", "retrans=\"500\"")
            ),
            timeline: "0 start\n 60000 wait",
            ..Play::default()
        },
        expect![[r#"
                 0 > BYE sip:service@10.0.0.2:5060 SIP/2.0
               500 > BYE sip:service@10.0.0.2:5060 SIP/2.0 (again)
              1500 > BYE sip:service@10.0.0.2:5060 SIP/2.0 (again)
              3500 > BYE sip:service@10.0.0.2:5060 SIP/2.0 (again)
              7500 > BYE sip:service@10.0.0.2:5060 SIP/2.0 (again)
             11500 > BYE sip:service@10.0.0.2:5060 SIP/2.0 (again)
             15500 > BYE sip:service@10.0.0.2:5060 SIP/2.0 (again)
             19500 > BYE sip:service@10.0.0.2:5060 SIP/2.0 (again)
             23500 > BYE sip:service@10.0.0.2:5060 SIP/2.0 (again)
             27500 > BYE sip:service@10.0.0.2:5060 SIP/2.0 (again)
             31500 > BYE sip:service@10.0.0.2:5060 SIP/2.0 (again)
            1 started, 0 succeeded
            1 failed: Retransmissions at step 0
        "#]],
    );
}

#[test]
fn a_lost_ack_is_sent_again_when_the_200_comes_again_even_behind_the_bye() {
    play(
        &Play {
            scenario: builtin::scenario("uac").unwrap(),
            timeline: "
                  0 start
                 10 peer 200 OK
                510 peer again
                600 peer 200 OK to BYE
                700 peer 200 OK to INVITE
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
                10 < SIP/2.0 200 OK
                10 > ACK sip:service@10.0.0.2:5060 SIP/2.0
                10 > BYE sip:service@10.0.0.2:5060 SIP/2.0
               510 > BYE sip:service@10.0.0.2:5060 SIP/2.0 (again)
               510 < SIP/2.0 200 OK
               510 > ACK sip:service@10.0.0.2:5060 SIP/2.0 (again)
               600 < SIP/2.0 200 OK
               700 < SIP/2.0 200 OK
               700 > ACK sip:service@10.0.0.2:5060 SIP/2.0 (again)
            1 started, 1 succeeded
            timer invite 10007 us
            timer bye 590335 us
        "#]],
    );
}

#[test]
fn nothing_is_repeated_with_nr() {
    play(
        &Play {
            scenario: builtin::scenario("uac").unwrap(),
            set: Some(&|settings| settings.repeats = false),
            timeline: "0 start\n 40000 wait",
            ..Play::default()
        },
        expect![[r#"
                 0 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
            1 started, 0 succeeded
            1 failed: Open at step 4
        "#]],
    );
}

#[test]
fn the_final_response_to_the_invite_may_come_behind_that_to_the_cancel() {
    let scenario = [
        request("INVITE", "retrans=\"500\""),
        "<recv response=\"180\"/>".to_owned(),
        request("CANCEL", "retrans=\"500\""),
        "<recv response=\"200\"/><recv response=\"487\"/>".to_owned(),
        request("ACK", ""),
    ];
    play(
        &Play {
            scenario: &scenario.concat(),
            timeline: "
                 0 start
                10 peer 180 Ringing
                20 peer 200 OK to CANCEL
                30 peer 487 Request Terminated to INVITE
                60 peer again
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
                10 < SIP/2.0 180 Ringing
                10 > CANCEL sip:service@10.0.0.2:5060 SIP/2.0
                20 < SIP/2.0 200 OK
                30 < SIP/2.0 487 Request Terminated
                30 > ACK sip:service@10.0.0.2:5060 SIP/2.0
                60 < SIP/2.0 487 Request Terminated
                60 > ACK sip:service@10.0.0.2:5060 SIP/2.0 (again)
            1 started, 1 succeeded
        "#]],
    );
}

#[test]
fn a_message_that_comes_in_a_pause_waits_for_its_end() {
    let scenario = [
        request("INVITE", "retrans=\"500\""),
        "<pause milliseconds=\"1000\"/><recv response=\"180\" optional=\"true\"/><recv response=\"200\"/>".to_owned(),
        request("ACK", ""),
    ];
    play(
        &Play {
            scenario: &scenario.concat(),
            timeline: "
                 0 start
                10 peer 180 Ringing
                20 peer 200 OK
                30 peer again
              2000 wait
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
                10 < SIP/2.0 180 Ringing
                20 < SIP/2.0 200 OK
                30 < SIP/2.0 200 OK
              1000 > ACK sip:service@10.0.0.2:5060 SIP/2.0
            1 started, 1 succeeded
        "#]],
    );
}

#[test]
fn what_is_optional_at_any_time_ends_a_pause() {
    let scenario = [
        request("INVITE", "retrans=\"500\""),
        "<recv response=\"200\"/>".to_owned(),
        request("ACK", ""),
        "<recv request=\"BYE\" optional=\"global\" next=\"hung up\"/><pause milliseconds=\"60000\"/>".to_owned(),
        request("BYE", "retrans=\"500\""),
        "<recv response=\"200\" next=\"end\"/><label id=\"hung up\"/>".to_owned(),
        response("200 OK", ""),
        "<label id=\"end\"/>".to_owned(),
    ];
    play(
        &Play {
            scenario: &scenario.concat(),
            timeline: "
                 0 start
                10 peer 200 OK
               500 peer BYE
               500 show
               900 peer again
            ",
            ..Play::default()
        },
        expect![[r#"
                 0 > INVITE sip:service@10.0.0.2:5060 SIP/2.0
                10 < SIP/2.0 200 OK
                10 > ACK sip:service@10.0.0.2:5060 SIP/2.0
               500 < BYE sip:us@10.0.0.1 SIP/2.0
               500 > SIP/2.0 200 OK
                   SIP/2.0 200 OK
                   Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKp101
                   From: <sip:peer@10.0.0.2>;tag=peer
                   To: <sip:us@10.0.0.1>;tag=us
                   Call-ID: 1-7@10.0.0.1
                   CSeq: 101 BYE
                   Content-Length: 0

               900 < BYE sip:us@10.0.0.1 SIP/2.0
               900 > SIP/2.0 200 OK (again)
            1 started, 1 succeeded
        "#]],
    );
}
