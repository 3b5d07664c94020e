//! Forking and the choice of the best response: RFC 3261 §16.6, §16.7.

use expect_test::expect;

use crate::harness::check;

const RELAY: &str = "route { if ($rm == \"ACK\") { loose_route(); relay(); exit; } relay(); }";

#[test]
fn one_target_is_relayed_and_answers_go_back_in_order() {
    check(
        RELAY,
        "
          0 alice INVITE
         10 bob 100
         20 bob 180
         30 bob 183
         40 bob 200
         50 alice ACK
        100 end
        ",
        expect![[r#"
                 0  < alice  INVITE sip:bob@10.0.0.20
                 0  > bob    INVITE sip:bob@10.0.0.20
                 0  > alice  100 Trying
                10  < bob    100 Trying
                20  < bob    180 Ringing
                20  > alice  180 Ringing
                30  < bob    183 Session Progress
                30  > alice  183 Session Progress
                40  < bob    200 OK
                40  > alice  200 OK
                50  < alice  ACK sip:bob@10.0.0.20:5060
                50  > bob    ACK sip:bob@10.0.0.20:5060
        "#]],
    );
}
