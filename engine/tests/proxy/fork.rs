//! Forking and the choice of the best response: RFC 3261 §16.6, §16.7.

use expect_test::expect;

use parser::HeaderName;

use crate::harness::{check, check_showing};

const RELAY: &str = "route { if ($rm == \"ACK\") { loose_route(); relay(); exit; } relay(); }";

/// Rings three at once.
const FORK: &str = "route {
    if (known()) { relay(); exit; }
    if ($rm == \"ACK\") { relay(); exit; }
    to(\"sip:bob@10.0.0.20\"); also(\"sip:carol@10.0.0.30\"); also(\"sip:dave@10.0.0.40\");
    relay();
}";

/// One after the other, by q.
const SERIAL: &str = "route {
    if (known()) { relay(); exit; }
    to(\"sip:bob@10.0.0.20\"); also(\"sip:carol@10.0.0.30\", 500); also(\"sip:dave@10.0.0.40\", 500);
    serialize(); next_group();
    on_failure(\"more\");
    relay();
}
failure_route[more] {
    say(\"failed\");
    if (cancelled()) { exit; }
    if (next_group()) { on_failure(\"more\"); relay(); }
}";

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
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    100 Trying
            20      < bob    180 Ringing
            20      > alice  180 Ringing
            30      < bob    183 Session Progress
            30      > alice  183 Session Progress
            40      < bob    200 OK
            40      > alice  200 OK
            50      < alice  ACK sip:bob@10.0.0.20:5060
            50      > bob    ACK sip:bob@10.0.0.20:5060
        "#]],
    );
}

#[test]
fn the_first_2xx_stops_the_others_and_every_2xx_goes_back() {
    check(
        FORK,
        "
        0 alice INVITE
        10 bob 180
        11 carol 180
        12 dave 100
        20 carol 200
        21 bob 487 INVITE
        22 dave 200
        30 alice ACK
        40 dave 200 CANCEL
        41 bob 200 CANCEL
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            0       > carol  INVITE sip:carol@10.0.0.30
            0       > dave   INVITE sip:dave@10.0.0.40
            10      < bob    180 Ringing
            10      > alice  180 Ringing
            11      < carol  180 Ringing
            11      > alice  180 Ringing
            12      < dave   100 Trying
            20      < carol  200 OK
            20      > alice  200 OK
            20      > bob    CANCEL sip:bob@10.0.0.20
            20      > dave   CANCEL sip:dave@10.0.0.40
            21      < bob    487 Request Terminated
            21      > bob    ACK sip:bob@10.0.0.20
            22      < dave   200 OK
            22      > alice  200 OK
            30      < alice  ACK sip:dave@10.0.0.40:5060
            30      > dave   ACK sip:dave@10.0.0.40:5060
            40      < dave   200 OK
            41      < bob    200 OK
        "#]],
    );
}

#[test]
fn the_best_of_several_failures_goes_back() {
    check(
        FORK,
        "
        0 alice INVITE
        10 bob 503
        20 carol 404
        30 dave 486
        40 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            0       > carol  INVITE sip:carol@10.0.0.30
            0       > dave   INVITE sip:dave@10.0.0.40
            10      < bob    503 Service Unavailable
            10      > bob    ACK sip:bob@10.0.0.20
            20      < carol  404 Not Found
            20      > carol  ACK sip:carol@10.0.0.30
            30      < dave   486 Busy Here
            30      > dave   ACK sip:dave@10.0.0.40
            30      > alice  404 Not Found
            40      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_6xx_decides_but_waits_for_those_it_stops() {
    check(
        FORK,
        "
        0 alice INVITE
        10 bob 180
        11 carol 180
        20 dave 603
        30 bob 200 CANCEL
        31 bob 487 INVITE
        32 carol 200 CANCEL
        33 carol 487 INVITE
        40 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            0       > carol  INVITE sip:carol@10.0.0.30
            0       > dave   INVITE sip:dave@10.0.0.40
            10      < bob    180 Ringing
            10      > alice  180 Ringing
            11      < carol  180 Ringing
            11      > alice  180 Ringing
            20      < dave   603 Decline
            20      > dave   ACK sip:dave@10.0.0.40
            20      > bob    CANCEL sip:bob@10.0.0.20
            20      > carol  CANCEL sip:carol@10.0.0.30
            30      < bob    200 OK
            31      < bob    487 Request Terminated
            31      > bob    ACK sip:bob@10.0.0.20
            32      < carol  200 OK
            33      < carol  487 Request Terminated
            33      > carol  ACK sip:carol@10.0.0.30
            33      > alice  603 Decline
            40      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_2xx_beats_a_6xx_that_came_before() {
    check(
        FORK,
        "
        0 alice INVITE
        11 carol 180
        20 dave 603
        21 bob 486
        33 carol 200
        40 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            0       > carol  INVITE sip:carol@10.0.0.30
            0       > dave   INVITE sip:dave@10.0.0.40
            11      < carol  180 Ringing
            11      > alice  180 Ringing
            20      < dave   603 Decline
            20      > dave   ACK sip:dave@10.0.0.40
            20      > carol  CANCEL sip:carol@10.0.0.30
            21      < bob    486 Busy Here
            21      > bob    ACK sip:bob@10.0.0.20
            33      < carol  200 OK
            33      > alice  200 OK
            40      < alice  ACK sip:carol@10.0.0.30:5060
            40      > carol  ACK sip:carol@10.0.0.30:5060
        "#]],
    );
}

#[test]
fn a_lone_503_is_no_reason_to_avoid_us() {
    check(
        RELAY,
        "
        0 alice INVITE
        10 bob 503
        20 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    503 Service Unavailable
            10      > bob    ACK sip:bob@10.0.0.20
            10      > alice  500 Server Internal Error
            20      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn nobody_answers_in_time() {
    check(
        FORK,
        "
        0 alice INVITE
        5 bob 180
        31000 end
        32000 alice ACK
        121000 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            0       > carol  INVITE sip:carol@10.0.0.30
            0       > dave   INVITE sip:dave@10.0.0.40
            5       < bob    180 Ringing
            5       > alice  180 Ringing
            500     > carol  INVITE sip:carol@10.0.0.30
            500     > dave   INVITE sip:dave@10.0.0.40
            1500    > carol  INVITE sip:carol@10.0.0.30
            1500    > dave   INVITE sip:dave@10.0.0.40
            3500    > carol  INVITE sip:carol@10.0.0.30
            3500    > dave   INVITE sip:dave@10.0.0.40
            7500    > carol  INVITE sip:carol@10.0.0.30
            7500    > dave   INVITE sip:dave@10.0.0.40
            15500   > carol  INVITE sip:carol@10.0.0.30
            15500   > dave   INVITE sip:dave@10.0.0.40
            32000   < alice  ACK sip:bob@10.0.0.20
            32000   > bob    ACK sip:bob@10.0.0.20
            120005  > bob    CANCEL sip:bob@10.0.0.20
            120005  > alice  408 Request Timeout
            120505  > bob    CANCEL sip:bob@10.0.0.20
            120505  > alice  408 Request Timeout
        "#]],
    );
}

#[test]
fn timer_c_stops_a_phone_that_rings_for_ever() {
    check(
        "route { timeouts(3000, 5000); relay(); }",
        "
        0 alice INVITE
        10 bob 180
        5100 bob 200 CANCEL
        5110 bob 487 INVITE
        5200 alice ACK
        5300 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    180 Ringing
            10      > alice  180 Ringing
            5010    > bob    CANCEL sip:bob@10.0.0.20
            5010    > alice  408 Request Timeout
            5100    < bob    200 OK
            5110    < bob    487 Request Terminated
            5110    > bob    ACK sip:bob@10.0.0.20
            5200    < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn serial_forking_goes_down_the_groups() {
    check(
        SERIAL,
        "
        0 alice INVITE
        10 bob 486
        20 carol 480
        30 dave 486
        40 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    486 Busy Here
            10      > bob    ACK sip:bob@10.0.0.20
            10      - failed
            10      > carol  INVITE sip:carol@10.0.0.30
            10      > dave   INVITE sip:dave@10.0.0.40
            20      < carol  480 Temporarily Unavailable
            20      > carol  ACK sip:carol@10.0.0.30
            30      < dave   486 Busy Here
            30      > dave   ACK sip:dave@10.0.0.40
            30      - failed
            30      > alice  480 Temporarily Unavailable
            40      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_cancelled_call_is_not_forked_on() {
    check(
        SERIAL,
        "
        0 alice INVITE
        10 bob 180
        20 alice CANCEL
        30 bob 200 CANCEL
        31 bob 487 INVITE
        40 alice ACK
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
            30      < bob    200 OK
            31      < bob    487 Request Terminated
            31      > bob    ACK sip:bob@10.0.0.20
            31      - failed
            31      > alice  487 Request Terminated
            40      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_failure_route_may_answer_itself() {
    check(
        "route { on_failure(\"f\"); relay(); } failure_route[f] { reply(480, \"Later\"); }",
        "
        0 alice INVITE
        10 bob 486
        20 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    486 Busy Here
            10      > bob    ACK sip:bob@10.0.0.20
            10      > alice  480 Later
            20      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_failure_route_that_does_nothing_lets_the_best_response_pass() {
    check(
        "route { on_failure(\"f\"); relay(); } failure_route[f] { say(\"hm\"); }",
        "
        0 alice INVITE
        10 bob 486
        20 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    486 Busy Here
            10      > bob    ACK sip:bob@10.0.0.20
            10      - hm
            10      > alice  486 Busy Here
            20      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_branch_route_sees_and_changes_only_its_branch() {
    check(
        "route { to(\"sip:bob@10.0.0.20\"); also(\"sip:carol@10.0.0.30\"); also(\"sip:dave@10.0.0.40\"); on_branch(\"b\"); on_failure(\"f\"); relay(); }
        branch_route[b] {
            say(\"$ru\");
            if ($ru =~ \"carol\") drop();
            if ($ru =~ \"dave\") { to(\"sip:dave2@10.0.0.40\"); header(\"X-Branch: yes\"); }
        }
        failure_route[f] { say(\"again $ru\"); }",
        "
        0 alice INVITE
        10 bob 486
        20 dave 486
        30 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       - sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            0       - sip:carol@10.0.0.30
            0       - sip:dave@10.0.0.40
            0       > dave   INVITE sip:dave2@10.0.0.40
            10      < bob    486 Busy Here
            10      > bob    ACK sip:bob@10.0.0.20
            20      < dave   486 Busy Here
            20      > dave   ACK sip:dave2@10.0.0.40
            20      - again sip:bob@10.0.0.20
            20      > alice  486 Busy Here
            30      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn other_requests_get_one_final_response_and_no_provisional_one() {
    check(
        FORK,
        "
        0 alice MESSAGE sip:bob@10.0.0.20
        10 bob 183
        20 bob 200
        30 carol 200
        40 dave 404
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > bob    MESSAGE sip:bob@10.0.0.20
            0       > carol  MESSAGE sip:carol@10.0.0.30
            0       > dave   MESSAGE sip:dave@10.0.0.40
            10      < bob    183 Session Progress
            20      < bob    200 OK
            20      > alice  200 OK
            30      < carol  200 OK
            40      < dave   404 Not Found
        "#]],
    );
}

#[test]
fn nobody_says_408_to_other_requests() {
    check(
        RELAY,
        "
        0 alice MESSAGE sip:bob@10.0.0.20
        31000 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > bob    MESSAGE sip:bob@10.0.0.20
            500     > bob    MESSAGE sip:bob@10.0.0.20
            1500    > bob    MESSAGE sip:bob@10.0.0.20
            3500    > bob    MESSAGE sip:bob@10.0.0.20
            7500    > bob    MESSAGE sip:bob@10.0.0.20
            11500   > bob    MESSAGE sip:bob@10.0.0.20
            15500   > bob    MESSAGE sip:bob@10.0.0.20
            19500   > bob    MESSAGE sip:bob@10.0.0.20
            23500   > bob    MESSAGE sip:bob@10.0.0.20
            27500   > bob    MESSAGE sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn all_challenges_go_back_together() {
    check_showing(
        &[HeaderName::WwwAuthenticate, HeaderName::ProxyAuthenticate],
        FORK,
        "
        0 alice INVITE
        10 bob 401 +WWW-Authenticate:Digest_realm='b',nonce='1'
        20 carol 407 +Proxy-Authenticate:Digest_realm='c',nonce='2'
        30 dave 404
        40 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            0       > carol  INVITE sip:carol@10.0.0.30
            0       > dave   INVITE sip:dave@10.0.0.40
            10      < bob    401 Unauthorized
            10      > bob    ACK sip:bob@10.0.0.20
            20      < carol  407 Proxy Authentication Required
            20      > carol  ACK sip:carol@10.0.0.30
            30      < dave   404 Not Found
            30      > dave   ACK sip:dave@10.0.0.40
            30      > alice  401 Unauthorized
                      WWW-Authenticate: Digest realm="b",nonce="1"
                      Proxy-Authenticate: Digest realm="c",nonce="2"
            40      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn nobody_else_is_tried_after_a_6xx() {
    check(
        SERIAL,
        "
        0 alice INVITE
        10 bob 603
        20 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    603 Decline
            10      > bob    ACK sip:bob@10.0.0.20
            10      - failed
            10      > alice  603 Decline
            20      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_503_passes_where_the_operator_wants_it() {
    check(
        &format!("disable_503_translation=yes\n{RELAY}"),
        "
        0 alice INVITE
        10 bob 503
        20 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    503 Service Unavailable
            10      > bob    ACK sip:bob@10.0.0.20
            10      > alice  503 Service Unavailable
            20      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_failure_route_that_arms_itself_and_cannot_relay_runs_once() {
    check(
        "route { on_failure(\"f\"); relay(); } failure_route[f] { say(\"failed\"); on_failure(\"f\"); to(\"sip:x@10.0.0.40;transport=tls\"); relay(\"no-auto-477\"); }",
        "
        0 alice INVITE
        10 bob 486
        20 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    486 Busy Here
            10      > bob    ACK sip:bob@10.0.0.20
            10      - failed
            10      > alice  486 Busy Here
            20      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn two_relays_of_one_script_are_branches_of_one_request() {
    check(
        "route { if ($rm == \"ACK\") { relay(); exit; } relay(); to(\"sip:carol@10.0.0.30\"); relay(); }",
        "
        0 alice INVITE
        10 bob 180
        20 carol 486
        30 bob 401
        40 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            0       > carol  INVITE sip:carol@10.0.0.30
            10      < bob    180 Ringing
            10      > alice  180 Ringing
            20      < carol  486 Busy Here
            20      > carol  ACK sip:carol@10.0.0.30
            30      < bob    401 Unauthorized
            30      > bob    ACK sip:bob@10.0.0.20
            30      > alice  401 Unauthorized
            40      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_script_that_answers_after_relaying_stops_its_branches() {
    check(
        "route { relay(); reply(480, \"Changed my mind\"); }",
        "
        0 alice INVITE
        10 bob 180
        20 bob 200 CANCEL
        30 bob 487 INVITE
        40 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            0       > alice  480 Changed my mind
            10      < bob    180 Ringing
            10      > bob    CANCEL sip:bob@10.0.0.20
            20      < bob    200 OK
            30      < bob    487 Request Terminated
            30      > bob    ACK sip:bob@10.0.0.20
            40      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}
