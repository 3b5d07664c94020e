//! Who answers after we gave him up answers the call all the same: RFC 6026 §7, RFC 3261 §16.7 step 10.

use expect_test::expect;

use crate::harness::check;

#[test]
fn ends_the_search_of_the_failure_route() {
    check(
        "route { on_failure(\"f\"); relay(); } failure_route[f] { to(\"sip:carol@10.0.0.30\"); relay(); }",
        "
        0 alice INVITE
        32100 carol 180
        32200 bob 200
        32210 alice ACK sip:bob@10.0.0.20
        32220 carol 603
        33000 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            500     > bob    INVITE sip:bob@10.0.0.20
            1500    > bob    INVITE sip:bob@10.0.0.20
            3500    > bob    INVITE sip:bob@10.0.0.20
            7500    > bob    INVITE sip:bob@10.0.0.20
            15500   > bob    INVITE sip:bob@10.0.0.20
            30000   > carol  INVITE sip:carol@10.0.0.30
            30500   > carol  INVITE sip:carol@10.0.0.30
            31500   > carol  INVITE sip:carol@10.0.0.30
            32100   < carol  180 Ringing
            32100   > alice  180 Ringing
            32200   < bob    200 OK
            32200   > alice  200 OK
            32200   > carol  CANCEL sip:carol@10.0.0.30
            32210   < alice  ACK sip:bob@10.0.0.20
            32210   > bob    ACK sip:bob@10.0.0.20
            32220   < carol  603 Decline
            32220   > carol  ACK sip:carol@10.0.0.30
            32700   > carol  CANCEL sip:carol@10.0.0.30
        "#]],
    );
}

#[test]
fn ends_the_attempt_at_the_next_address() {
    check(
        "route { relay(); }",
        "
        0 alice INVITE sip:bob@pbx.example.net:5060
        1 dns pbx.example.net A 10.0.0.20 10.0.0.30
        2 dns pbx.example.net AAAA
        32100 carol 180
        32200 bob 200
        32210 carol 487
        33000 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@pbx.example.net:5060
            0       ? pbx.example.net 1
            0       ? pbx.example.net 28
            2       > alice  100 Trying
            2       > bob    INVITE sip:bob@pbx.example.net:5060
            502     > bob    INVITE sip:bob@pbx.example.net:5060
            1502    > bob    INVITE sip:bob@pbx.example.net:5060
            3502    > bob    INVITE sip:bob@pbx.example.net:5060
            7502    > bob    INVITE sip:bob@pbx.example.net:5060
            15502   > bob    INVITE sip:bob@pbx.example.net:5060
            30002   > carol  INVITE sip:bob@pbx.example.net:5060
            30502   > carol  INVITE sip:bob@pbx.example.net:5060
            31502   > carol  INVITE sip:bob@pbx.example.net:5060
            32100   < carol  180 Ringing
            32100   > alice  180 Ringing
            32200   < bob    200 OK
            32200   > carol  CANCEL sip:bob@pbx.example.net:5060
            32200   > alice  200 OK
            32210   < carol  487 Request Terminated
            32210   > carol  ACK sip:bob@pbx.example.net:5060
            32700   > carol  CANCEL sip:bob@pbx.example.net:5060
        "#]],
    );
}

#[test]
fn is_not_outrun_by_the_end_of_a_failure_route_that_waited() {
    check(
        "route { on_failure(\"f\"); relay(); } failure_route[f] { sleep(); say(\"nobody else\"); }",
        "
        0 alice INVITE
        32100 bob 200
        32200 wake
        33000 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            500     > bob    INVITE sip:bob@10.0.0.20
            1500    > bob    INVITE sip:bob@10.0.0.20
            3500    > bob    INVITE sip:bob@10.0.0.20
            7500    > bob    INVITE sip:bob@10.0.0.20
            15500   > bob    INVITE sip:bob@10.0.0.20
            32100   < bob    200 OK
            32200   - nobody else
            32200   > alice  200 OK
        "#]],
    );
}

#[test]
fn goes_back_even_after_another_final_response() {
    check(
        "route { relay(); }",
        "
        0 alice INVITE
        33000 bob 200
        34000 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            500     > bob    INVITE sip:bob@10.0.0.20
            1500    > bob    INVITE sip:bob@10.0.0.20
            3500    > bob    INVITE sip:bob@10.0.0.20
            7500    > bob    INVITE sip:bob@10.0.0.20
            15500   > bob    INVITE sip:bob@10.0.0.20
            30000   > alice  408 Request Timeout
            30500   > alice  408 Request Timeout
            31500   > alice  408 Request Timeout
            33000   < bob    200 OK
            33000   > alice  200 OK
            33500   > alice  408 Request Timeout
        "#]],
    );
}

#[test]
fn leaves_the_attempt_at_the_next_address_to_a_caller_who_wants_no_cancel() {
    check(
        "route { relay(\"allow-no-cancel\"); }",
        "
        0 alice INVITE sip:bob@pbx.example.net:5060 +Request-Disposition:no-cancel
        1 dns pbx.example.net A 10.0.0.20 10.0.0.30
        2 dns pbx.example.net AAAA
        32100 carol 180
        32200 bob 200
        32210 carol 486
        33000 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@pbx.example.net:5060
            0       ? pbx.example.net 1
            0       ? pbx.example.net 28
            2       > alice  100 Trying
            2       > bob    INVITE sip:bob@pbx.example.net:5060
            502     > bob    INVITE sip:bob@pbx.example.net:5060
            1502    > bob    INVITE sip:bob@pbx.example.net:5060
            3502    > bob    INVITE sip:bob@pbx.example.net:5060
            7502    > bob    INVITE sip:bob@pbx.example.net:5060
            15502   > bob    INVITE sip:bob@pbx.example.net:5060
            30002   > carol  INVITE sip:bob@pbx.example.net:5060
            30502   > carol  INVITE sip:bob@pbx.example.net:5060
            31502   > carol  INVITE sip:bob@pbx.example.net:5060
            32100   < carol  180 Ringing
            32100   > alice  180 Ringing
            32200   < bob    200 OK
            32200   > alice  200 OK
            32210   < carol  486 Busy Here
            32210   > carol  ACK sip:bob@pbx.example.net:5060
        "#]],
    );
}
