use expect_test::{Expect, expect};

use super::*;
use crate::transaction::invite_client::{Event, InviteClient};

fn check_with(reliability: Reliability, tm: &TmSettings, timeline: &str, expected: Expect) {
    let mut machine = InviteClient::new();
    let ladder = ladder(reliability, tm, timeline, |event, timing, actions| {
        let event = match event {
            "INVITE" => Event::Request,
            "timer A" => Event::TimerA,
            "timer B" => Event::TimerB,
            "timer C" => Event::TimerC,
            "timer D" => Event::TimerD,
            "timer M" => Event::TimerM,
            "timer Cancelled" => Event::TimerCancelled,
            "cancel" => Event::Cancel,
            "transport error" => Event::TransportError,
            "100" => Event::Provisional(100),
            "180" => Event::Provisional(180),
            "183" => Event::Provisional(183),
            "200" => Event::Success,
            "486" => Event::Failure,
            other => panic!("no event {other}"),
        };
        machine.on_event(event, timing, actions);
        format!("{:?}", machine.state())
    });
    expected.assert_eq(&ladder);
}

fn check(reliability: Reliability, timeline: &str, expected: Expect) {
    check_with(reliability, &TmSettings::default(), timeline, expected);
}

use Reliability::{Reliable, Unreliable};

#[test]
fn retransmits_ever_more_slowly_until_nobody_has_answered() {
    check(
        Unreliable,
        "
            0 INVITE
          500 timer A
         1500 timer A
         3500 timer A
         7500 timer A
        15500 timer A
        30000 timer B
        ",
        expect![[r#"
                 0  Calling     keep and send, set A at 500, set B at 30000
               500  Calling     send again, set A at 1500
              1500  Calling     send again, set A at 3500
              3500  Calling     send again, set A at 7500
              7500  Calling     send again, set A at 15500
             15500  Calling     send again, set A at 31500
             30000  Terminated  tell timeout
        "#]],
    );
}

#[test]
fn leaves_retransmission_to_a_reliable_transport() {
    check(
        Reliable,
        "
            0 INVITE
        30000 timer B
        ",
        expect![[r#"
                 0  Calling     keep and send, set B at 30000
             30000  Terminated  tell timeout
        "#]],
    );
}

#[test]
fn a_provisional_response_stops_retransmission_and_begins_timer_c() {
    check(
        Unreliable,
        "
             0 INVITE
           200 100
           500 timer A
          2000 180
         62000 180
        182000 timer C
        ",
        expect![[r#"
                 0  Calling     keep and send, set A at 500, set B at 30000
               200  Proceeding  tell response, stop retransmitting, set C at 120200
               500  Proceeding
              2000  Proceeding  tell response, set C at 122000
             62000  Proceeding  tell response, set C at 182000
            182000  Proceeding  tell timeout, set Cancelled at 214000
        "#]],
    );
}

#[test]
fn without_restart_only_the_first_provisional_response_and_the_first_ringing_begin_timer_c() {
    let tm = TmSettings {
        restart_fr_on_each_reply: false,
        ..TmSettings::default()
    };
    check_with(
        Unreliable,
        &tm,
        "
             0 INVITE
           200 100
          1000 100
          2000 180
          3000 183
          4000 180
        122000 timer C
        ",
        expect![[r#"
                 0  Calling     keep and send, set A at 500, set B at 30000
               200  Proceeding  tell response, stop retransmitting, set C at 120200
              1000  Proceeding  tell response
              2000  Proceeding  tell response, set C at 122000
              3000  Proceeding  tell response
              4000  Proceeding  tell response
            122000  Proceeding  tell timeout, set Cancelled at 154000
        "#]],
    );
}

#[test]
fn stays_after_a_2xx_for_those_of_other_forks() {
    check(
        Unreliable,
        "
            0 INVITE
          100 200
          150 200
          200 180
          300 486
        32100 timer M
        ",
        expect![[r#"
                 0  Calling     keep and send, set A at 500, set B at 30000
               100  Accepted    tell response, stop retransmitting, forget, set M at 32100
               150  Accepted    tell response
               200  Accepted
               300  Accepted
             32100  Terminated
        "#]],
    );
}

#[test]
fn acknowledges_a_failure_and_each_of_its_repetitions() {
    check(
        Unreliable,
        "
            0 INVITE
          100 100
          200 486
          700 486
          800 200
        32200 timer D
        ",
        expect![[r#"
                 0  Calling     keep and send, set A at 500, set B at 30000
               100  Proceeding  tell response, stop retransmitting, set C at 120100
               200  Completed   send ACK, tell response, stop retransmitting, set D at 32200
               700  Completed   send again
               800  Completed
             32200  Terminated
        "#]],
    );
}

#[test]
fn a_failure_over_a_reliable_transport_ends_it_at_once() {
    check(
        Reliable,
        "
            0 INVITE
          200 486
        ",
        expect![[r#"
                 0  Calling     keep and send, set B at 30000
               200  Terminated  send ACK, tell response, stop retransmitting
        "#]],
    );
}

#[test]
fn wt_timer_takes_the_place_of_timers_d_and_m() {
    let tm = TmSettings {
        wt_ms: Some(5_000),
        ..TmSettings::default()
    };
    check_with(
        Unreliable,
        &tm,
        "
            0 INVITE
          200 486
         5200 timer D
        ",
        expect![[r#"
                 0  Calling     keep and send, set A at 500, set B at 30000
               200  Completed   send ACK, tell response, stop retransmitting, set D at 5200
              5200  Terminated
        "#]],
    );
}

#[test]
fn after_cancel_it_waits_64_t1_and_no_provisional_response_prolongs_that() {
    check(
        Unreliable,
        "
            0 INVITE
          100 180
         1000 cancel
         1100 180
        33000 timer Cancelled
        ",
        expect![[r#"
                 0  Calling     keep and send, set A at 500, set B at 30000
               100  Proceeding  tell response, stop retransmitting, set C at 120100
              1000  Proceeding  set Cancelled at 33000
              1100  Proceeding  tell response
             33000  Terminated  tell timeout
        "#]],
    );
}

#[test]
fn a_cancelled_invite_ends_with_its_487() {
    check(
        Unreliable,
        "
            0 INVITE
          100 180
         1000 cancel
         1200 486
        33200 timer D
        ",
        expect![[r#"
                 0  Calling     keep and send, set A at 500, set B at 30000
               100  Proceeding  tell response, stop retransmitting, set C at 120100
              1000  Proceeding  set Cancelled at 33000
              1200  Completed   send ACK, tell response, stop retransmitting, set D at 33200
             33200  Terminated
        "#]],
    );
}

#[test]
fn a_transport_error_matters_only_while_nobody_has_answered() {
    check(
        Reliable,
        "
            0 INVITE
            5 transport error
        ",
        expect![[r#"
                 0  Calling     keep and send, set B at 30000
                 5  Terminated  tell transport error
        "#]],
    );
    check(
        Reliable,
        "
            0 INVITE
          100 180
          105 transport error
        ",
        expect![[r#"
                 0  Calling     keep and send, set B at 30000
               100  Proceeding  tell response, stop retransmitting, set C at 120100
               105  Proceeding
        "#]],
    );
    check(
        Unreliable,
        "
            0 INVITE
          100 486
          105 transport error
        ",
        expect![[r#"
                 0  Calling     keep and send, set A at 500, set B at 30000
               100  Completed   send ACK, tell response, stop retransmitting, set D at 32100
               105  Terminated
        "#]],
    );
}
