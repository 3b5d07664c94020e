use expect_test::{Expect, expect};

use super::*;
use crate::transaction::invite_server::{Event, InviteServer};

fn check(reliability: Reliability, timeline: &str, expected: Expect) {
    let mut machine = InviteServer::new();
    let ladder = ladder(
        reliability,
        &TmSettings::default(),
        timeline,
        |event, timing, actions| {
            let event = match event {
                "begin" => Event::Begin,
                "INVITE" => Event::Request,
                "ACK" => Event::Ack,
                "timer Trying" => Event::TimerTrying,
                "timer G" => Event::TimerG,
                "timer H" => Event::TimerH,
                "timer I" => Event::TimerI,
                "timer L" => Event::TimerL,
                "timer Unanswered" => Event::TimerUnanswered,
                "transport error" => Event::TransportError,
                "respond 180" => Event::Provisional,
                "respond 200" => Event::Success,
                "respond 486" => Event::Failure,
                other => panic!("no event {other}"),
            };
            machine.on_event(event, timing, actions);
            format!("{:?}", machine.state())
        },
    );
    expected.assert_eq(&ladder);
}

use Reliability::{Reliable, Unreliable};

#[test]
fn says_100_when_the_user_is_silent_for_200_ms() {
    check(
        Unreliable,
        "
            0 begin
          200 timer Trying
          500 INVITE
        ",
        expect![[r#"
                 0  Proceeding  set Trying at 200, set Unanswered at 3600000
               200  Proceeding  send again, stop retransmitting
               500  Proceeding  send again
        "#]],
    );
}

#[test]
fn says_no_100_when_the_user_was_faster() {
    check(
        Unreliable,
        "
            0 begin
           50 respond 180
          500 INVITE
        ",
        expect![[r#"
                 0  Proceeding  set Trying at 200, set Unanswered at 3600000
                50  Proceeding  keep and send, stop retransmitting, set Unanswered at 3600050
               500  Proceeding  send again
        "#]],
    );
}

#[test]
fn repeats_a_failure_until_the_ack_and_absorbs_what_comes_after_it() {
    check(
        Unreliable,
        "
            0 begin
          100 respond 486
          600 timer G
         1600 timer G
         1700 INVITE
         1800 ACK
         1900 ACK
         2000 INVITE
         6800 timer I
        ",
        expect![[r#"
                 0  Proceeding  set Trying at 200, set Unanswered at 3600000
               100  Completed   keep and send, set G at 600, set H at 32100
               600  Completed   send again, set G at 1600
              1600  Completed   send again, set G at 3600
              1700  Completed   send again
              1800  Confirmed   stop retransmitting, forget, set I at 6800
              1900  Confirmed
              2000  Confirmed
              6800  Terminated
        "#]],
    );
}

#[test]
fn gives_up_repeating_a_failure_that_nobody_acknowledges() {
    check(
        Unreliable,
        "
            0 begin
          100 respond 486
          600 timer G
         1600 timer G
         3600 timer G
         7600 timer G
        11600 timer G
        32100 timer H
        ",
        expect![[r#"
                 0  Proceeding  set Trying at 200, set Unanswered at 3600000
               100  Completed   keep and send, set G at 600, set H at 32100
               600  Completed   send again, set G at 1600
              1600  Completed   send again, set G at 3600
              3600  Completed   send again, set G at 7600
              7600  Completed   send again, set G at 11600
             11600  Completed   send again, set G at 15600
             32100  Terminated  tell timeout
        "#]],
    );
}

#[test]
fn the_ack_ends_it_on_a_reliable_transport() {
    check(
        Reliable,
        "
            0 begin
          100 respond 486
          200 ACK
        ",
        expect![[r#"
                 0  Proceeding  set Trying at 200, set Unanswered at 3600000
               100  Completed   keep and send, stop retransmitting, set H at 32100
               200  Terminated  stop retransmitting
        "#]],
    );
}

#[test]
fn stays_after_a_2xx_so_that_a_late_invite_begins_no_second_call() {
    check(
        Unreliable,
        "
            0 begin
          100 respond 200
          600 INVITE
          700 respond 200
          800 ACK
          900 respond 486
        32100 timer L
        ",
        expect![[r#"
                 0  Proceeding  set Trying at 200, set Unanswered at 3600000
               100  Accepted    send, forget, stop retransmitting, set L at 32100
               600  Accepted
               700  Accepted    send
               800  Accepted
               900  Accepted
             32100  Terminated
        "#]],
    );
}

#[test]
fn keeps_the_2xx_of_a_connection_that_may_turn_out_to_be_gone() {
    check(
        Reliable,
        "
            0 begin
          100 respond 200
          105 transport error
        ",
        expect![[r#"
                 0  Proceeding  set Trying at 200, set Unanswered at 3600000
               100  Accepted    keep and send, stop retransmitting, set L at 32100
               105  Accepted
        "#]],
    );
}

#[test]
fn a_call_that_nobody_ever_answers_ends_at_last() {
    check(
        Reliable,
        "
              0 begin
           1000 respond 180
        3601000 timer Unanswered
        ",
        expect![[r#"
                  0  Proceeding  set Trying at 200, set Unanswered at 3600000
               1000  Proceeding  keep and send, stop retransmitting, set Unanswered at 3601000
            3601000  Terminated
        "#]],
    );
}
