use expect_test::{Expect, expect};

use super::*;
use crate::transaction::client::{Client, Event};

fn check(reliability: Reliability, timeline: &str, expected: Expect) {
    let mut machine = Client::new();
    let ladder = ladder(
        reliability,
        &TmSettings::default(),
        timeline,
        |event, timing, actions| {
            let event = match event {
                "BYE" => Event::Request,
                "timer E" => Event::TimerE,
                "timer F" => Event::TimerF,
                "timer K" => Event::TimerK,
                "transport error" => Event::TransportError,
                "100" => Event::Provisional,
                "200" => Event::Final,
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
fn retransmits_ever_more_slowly_but_never_slower_than_t2() {
    check(
        Unreliable,
        "
            0 BYE
          500 timer E
         1500 timer E
         3500 timer E
         7500 timer E
        11500 timer E
        30000 timer F
        ",
        expect![[r#"
                 0  Trying      keep and send, set E at 500, set F at 30000
               500  Trying      send again, set E at 1500
              1500  Trying      send again, set E at 3500
              3500  Trying      send again, set E at 7500
              7500  Trying      send again, set E at 11500
             11500  Trying      send again, set E at 15500
             30000  Terminated  tell timeout
        "#]],
    );
}

#[test]
fn goes_on_retransmitting_every_t2_after_a_provisional_response() {
    check(
        Unreliable,
        "
            0 BYE
          100 100
          500 timer E
         4500 timer E
         4600 200
        ",
        expect![[r#"
                 0  Trying      keep and send, set E at 500, set F at 30000
               100  Proceeding  tell response
               500  Proceeding  send again, set E at 4500
              4500  Proceeding  send again, set E at 8500
              4600  Completed   tell response, stop retransmitting, forget, set K at 9600
        "#]],
    );
}

#[test]
fn absorbs_repeated_responses_until_timer_k() {
    check(
        Unreliable,
        "
            0 BYE
          100 200
          600 200
         5100 timer K
        ",
        expect![[r#"
                 0  Trying      keep and send, set E at 500, set F at 30000
               100  Completed   tell response, stop retransmitting, forget, set K at 5100
               600  Completed
              5100  Terminated
        "#]],
    );
}

#[test]
fn ends_with_the_final_response_on_a_reliable_transport() {
    check(
        Reliable,
        "
            0 BYE
          100 200
        ",
        expect![[r#"
                 0  Trying      keep and send, set F at 30000
               100  Terminated  tell response, stop retransmitting
        "#]],
    );
}

#[test]
fn a_timeout_counts_from_the_request_whatever_came_meanwhile() {
    check(
        Reliable,
        "
            0 BYE
        20000 100
        30000 timer F
        ",
        expect![[r#"
                 0  Trying      keep and send, set F at 30000
             20000  Proceeding  tell response
             30000  Terminated  tell timeout
        "#]],
    );
}

#[test]
fn a_transport_error_ends_it_unless_the_response_is_there() {
    check(
        Unreliable,
        "
            0 BYE
            5 transport error
        ",
        expect![[r#"
                 0  Trying      keep and send, set E at 500, set F at 30000
                 5  Terminated  tell transport error
        "#]],
    );
    check(
        Unreliable,
        "
            0 BYE
          100 200
          105 transport error
        ",
        expect![[r#"
                 0  Trying      keep and send, set E at 500, set F at 30000
               100  Completed   tell response, stop retransmitting, forget, set K at 5100
               105  Completed
        "#]],
    );
}
