use expect_test::{Expect, expect};

use super::*;
use crate::transaction::server::{Event, Server};

fn check(reliability: Reliability, timeline: &str, expected: Expect) {
    let mut machine = Server::new();
    let ladder = ladder(
        reliability,
        &TmSettings::default(),
        timeline,
        |event, timing, actions| {
            let event = match event {
                "begin" => Event::Begin,
                "OPTIONS" => Event::Request,
                "timer J" => Event::TimerJ,
                "timer Unanswered" => Event::TimerUnanswered,
                "transport error" => Event::TransportError,
                "respond 100" => Event::Provisional,
                "respond 200" => Event::Final,
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
fn repeats_the_final_response_until_timer_j() {
    check(
        Unreliable,
        "
            0 begin
          200 respond 200
          700 OPTIONS
        32200 timer J
        ",
        expect![[r#"
                 0  Trying      set Unanswered at 300000
               200  Completed   keep and send, set J at 32200
               700  Completed   send again
             32200  Terminated
        "#]],
    );
}

#[test]
fn absorbs_the_request_again_while_there_is_no_response() {
    check(
        Unreliable,
        "
            0 begin
          500 OPTIONS
          600 respond 100
         1500 OPTIONS
         1600 respond 200
         1700 respond 200
        ",
        expect![[r#"
                 0  Trying      set Unanswered at 300000
               500  Trying
               600  Proceeding  keep and send
              1500  Proceeding  send again
              1600  Completed   keep and send, set J at 33600
              1700  Completed
        "#]],
    );
}

#[test]
fn lingers_only_for_a_moment_on_a_reliable_transport() {
    check(
        Reliable,
        "
            0 begin
          200 respond 200
          205 transport error
        ",
        expect![[r#"
                 0  Trying      set Unanswered at 300000
               200  Completed   keep and send, set J at 1200
               205  Terminated
        "#]],
    );
}

#[test]
fn a_request_that_nobody_ever_answers_ends_at_last() {
    check(
        Unreliable,
        "
             0 begin
        300000 timer Unanswered
        ",
        expect![[r#"
                 0  Trying      set Unanswered at 300000
            300000  Terminated
        "#]],
    );
}
