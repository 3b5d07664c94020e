//! Reply routes and watchers.

use expect_test::expect;

use parser::HeaderName;

use crate::harness::{check, check_showing};

#[test]
fn the_branchs_route_runs_before_the_transactions() {
    check(
        "route { on_reply(\"t\"); on_branch(\"b\"); relay(); } branch_route[b] { on_reply(\"r\"); } onreply_route[t] { say(\"transaction $rs\"); } onreply_route[r] { say(\"branch $rs\"); }",
        "
        0 alice INVITE
        10 bob 180
        20 bob 486
        30 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    180 Ringing
            10      - branch 180
            10      - transaction 180
            10      > alice  180 Ringing
            20      < bob    486 Busy Here
            20      > bob    ACK sip:bob@10.0.0.20
            20      - branch 486
            20      - transaction 486
            20      > alice  486 Busy Here
            30      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn what_is_dropped_is_only_provisional() {
    check(
        "route { on_reply(\"r\"); relay(); } onreply_route[r] { say(\"$rs\"); drop(); }",
        "
        0 alice INVITE
        10 bob 180
        20 bob 200
        30 alice ACK sip:bob@10.0.0.20
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    180 Ringing
            10      - 180
            20      < bob    200 OK
            20      - 200
            20      > alice  200 OK
            30      < alice  ACK sip:bob@10.0.0.20
            30      > bob    ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn what_a_reply_route_adds_goes_back() {
    check_showing(
        &[HeaderName::Server],
        "route { on_reply(\"r\"); relay(); } onreply_route[r] { header(\"Server: tandem\"); }",
        "
        0 alice INVITE
        10 bob 183
        20 bob 486
        30 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    183 Session Progress
            10      > alice  183 Session Progress
                      Server: tandem
            20      < bob    486 Busy Here
            20      > bob    ACK sip:bob@10.0.0.20
            20      > alice  486 Busy Here
                      Server: tandem
            30      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_reply_route_may_wait_and_what_comes_meanwhile_waits_behind_it() {
    check(
        "route { on_reply(\"r\"); relay(); } onreply_route[r] { say(\"begins $rs\"); sleep(); say(\"ends $rs\"); }",
        "
        0 alice INVITE
        10 bob 180
        20 bob 486
        30 wake
        40 wake
        50 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    180 Ringing
            10      - begins 180
            20      < bob    486 Busy Here
            20      > bob    ACK sip:bob@10.0.0.20
            30      - ends 180
            30      > alice  180 Ringing
            30      - begins 486
            40      - ends 486
            40      > alice  486 Busy Here
            50      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_failure_route_may_wait_and_a_cancel_meanwhile_ends_it() {
    check(
        "route { if (known()) { relay(); exit; } on_failure(\"f\"); relay(); } failure_route[f] { sleep(); if (cancelled()) exit; to(\"sip:carol@10.0.0.30\"); relay(); }",
        "
        0 alice INVITE
        10 bob 486
        20 alice CANCEL
        30 wake
        50 alice ACK
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
            30      > alice  486 Busy Here
            50      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_branch_route_may_wait() {
    check(
        "route { on_branch(\"b\"); also(\"sip:carol@10.0.0.30\"); relay(); } branch_route[b] { sleep(); }",
        "
        0 alice INVITE
        10 wake
        15 bob 180
        20 wake
        30 bob 486
        40 carol 486
        50 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            10      > alice  100 Trying
            10      > bob    INVITE sip:bob@10.0.0.20
            15      < bob    180 Ringing
            20      > carol  INVITE sip:carol@10.0.0.30
            20      > alice  180 Ringing
            30      < bob    486 Busy Here
            30      > bob    ACK sip:bob@10.0.0.20
            40      < carol  486 Busy Here
            40      > carol  ACK sip:carol@10.0.0.30
            40      > alice  486 Busy Here
            50      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn watchers_hear_everything_and_the_end_last() {
    check(
        "route { if ($rm == \"ACK\") { relay(); exit; } watch(); relay(); }",
        "
        0 alice INVITE
        10 bob 180
        20 bob 200
        30 alice ACK sip:bob@10.0.0.20
        70000 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            0       - event Relayed
            10      < bob    180 Ringing
            10      > alice  180 Ringing
            10      - event ResponseReceived { branch: 0, code: 180 }
            10      - event ReplySent { code: 180, local: false, branch: Some(0) }
            20      < bob    200 OK
            20      > alice  200 OK
            20      - event ResponseReceived { branch: 0, code: 200 }
            20      - event ReplySent { code: 200, local: false, branch: Some(0) }
            30      < alice  ACK sip:bob@10.0.0.20
            30      > bob    ACK sip:bob@10.0.0.20
            30      - event AckReceived
            32020   - event Ended
        "#]],
    );
}

#[test]
fn watchers_hear_of_a_missed_call() {
    check(
        "route { watch(); on_failure(\"f\"); relay(); } failure_route[f] { to(\"sip:carol@10.0.0.30\"); relay(); }",
        "
        0 alice INVITE
        10 bob 486
        20 carol 404
        30 alice ACK
        70000 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            0       - event Relayed
            10      < bob    486 Busy Here
            10      > bob    ACK sip:bob@10.0.0.20
            10      - event ResponseReceived { branch: 0, code: 486 }
            10      - event Failed { code: 486 }
            10      > carol  INVITE sip:carol@10.0.0.30
            10      - event Relayed
            20      < carol  404 Not Found
            20      > carol  ACK sip:carol@10.0.0.30
            20      > alice  404 Not Found
            20      - event ResponseReceived { branch: 1, code: 404 }
            20      - event Failed { code: 404 }
            20      - event ReplySent { code: 404, local: false, branch: Some(1) }
            30      < alice  ACK sip:bob@10.0.0.20
            32020   - event Ended
        "#]],
    );
}

#[test]
fn any_reply_route_sees_all_first() {
    check_showing(
        &[HeaderName::Server],
        "route { on_reply(\"r\"); relay(); } onreply_route { say(\"any $rs\"); header(\"Server: any\"); } onreply_route[r] { say(\"armed $rs\"); }",
        "
        0 alice INVITE
        10 bob 180
        20 bob 486
        30 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    180 Ringing
            10      - any 180
            10      - armed 180
            10      > alice  180 Ringing
                      Server: any
            20      < bob    486 Busy Here
            20      - any 486
            20      > bob    ACK sip:bob@10.0.0.20
            20      - armed 486
            20      > alice  486 Busy Here
                      Server: any
            30      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn watchers_hear_once_of_a_failure_and_of_an_answer() {
    check(
        "route { if ($rm == \"ACK\") { relay(); exit; } watch(); on_failure(\"f\"); relay(); } failure_route[f] { say(\"nothing to try\"); }",
        "
        0 alice INVITE
        10 bob 486
        20 alice ACK
        40000 alice INVITE call=c2
        40010 bob 200
        40020 bob 200
        40030 alice ACK
        80000 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            0       - event Relayed
            10      < bob    486 Busy Here
            10      > bob    ACK sip:bob@10.0.0.20
            10      - event ResponseReceived { branch: 0, code: 486 }
            10      - event Failed { code: 486 }
            10      - nothing to try
            10      > alice  486 Busy Here
            10      - event ReplySent { code: 486, local: false, branch: Some(0) }
            20      < alice  ACK sip:bob@10.0.0.20
            32010   - event Ended
            40000   < alice  INVITE sip:bob@10.0.0.20
            40000   > alice  100 Trying
            40000   > bob    INVITE sip:bob@10.0.0.20
            40000   - event Relayed
            40010   < bob    200 OK
            40010   > alice  200 OK
            40010   - event ResponseReceived { branch: 0, code: 200 }
            40010   - event ReplySent { code: 200, local: false, branch: Some(0) }
            40020   < bob    200 OK
            40020   > alice  200 OK
            40020   - event ResponseReceived { branch: 0, code: 200 }
            40030   < alice  ACK sip:bob@10.0.0.20:5060
            40030   > bob    ACK sip:bob@10.0.0.20:5060
            40030   - event AckReceived
            72010   - event Ended
        "#]],
    );
}
