//! Functions of the core: script-language §10.

use super::check_body;
use expect_test::expect;

#[test]
fn the_request_uri_is_rewritten_in_parts() {
    check_body(
        r#"
        prefix("00"); xlog("$ru");
        strip(2); xlog("$ru");
        strip_tail(1); xlog("$ru");
        strip(5); xlog("rc $rc $ru");
        setuser("carol"); xlog("$ru");
        setuserpass("pw"); xlog("$ru");
        sethost("h.example.com"); xlog("$ru");
        setport("5099"); xlog("$ru");
        sethostport("i.example.com:5098"); xlog("$ru");
        seturi("sip:dave@j.example.com"); xlog("$ru");
        revert_uri(); xlog("$ru");
        "#,
        expect![[r#"
            sip:00bob:secret@example.com:5070;transport=tcp;line=7?Subject=hi
            sip:bob:secret@example.com:5070;transport=tcp;line=7?Subject=hi
            sip:bo:secret@example.com:5070;transport=tcp;line=7?Subject=hi
            rc -1 sip:bo:secret@example.com:5070;transport=tcp;line=7?Subject=hi
            sip:carol@example.com:5070;transport=tcp;line=7?Subject=hi
            sip:carol:pw@example.com:5070;transport=tcp;line=7?Subject=hi
            sip:carol:pw@h.example.com:5070;transport=tcp;line=7?Subject=hi
            sip:carol:pw@h.example.com:5099;transport=tcp;line=7?Subject=hi
            sip:carol:pw@i.example.com:5098;transport=tcp;line=7?Subject=hi
            sip:dave@j.example.com
            sip:bob:secret@example.com:5070;transport=tcp;line=7?Subject=hi
        "#]],
    );
}

#[test]
fn the_next_hop_is_set_and_taken_back() {
    check_body(
        r#"
        isdsturiset(); xlog("$rc");
        setdsturi("sip:10.1.1.1:5090"); isdsturiset(); xlog("$rc $du");
        resetdsturi(); xlog("$du");
        force_send_socket("tcp:10.0.0.9:5080"); xlog("$rc $socket_out");
        is_myself("10.0.0.9"); xlog("$rc");
        is_myself("10.0.0.9", 5080); xlog("$rc");
        is_myself("10.0.0.9", 5081); xlog("$rc");
        is_myself("example.com"); xlog("$rc");
        set_via_handling("force-rport,add-local-rport"); xlog("$rc");
        force_rport(); add_local_rport();
        "#,
        expect![[r#"
            -1
            1 sip:10.1.1.1:5090
            <null>
            1 tcp:10.0.0.9:5080
            1
            1
            -1
            -1
            1
        "#]],
    );
}

#[test]
fn branches_are_added_moved_and_gone_through() {
    check_body(
        r#"
        setbflag("NAT");
        append_msg_branch("sip:one@example.com", "0.5");
        append_msg_branch("sip:two@example.com", "0.9", "inherite");
        append_branch("sip:three@example.com");
        append_branch();
        isbflagset("NAT", 2); xlog("$rc");
        isbflagset("NAT", 1); xlog("$rc");
        swap_msg_branches(1, 2);
        remove_msg_branch(4);
        move_msg_branch();
        xlog("$ds");
        serialize_branches(1);
        xlog("$ds");
        next_branches(); xlog("$rc $ds");
        next_branches(); xlog("$rc $ds");
        next_branches(); xlog("$rc $ds");
        "#,
        expect![[r#"
            1
            -1
            <sip:three@example.com>, <sip:two@example.com>;q=0.900, <sip:one@example.com>;q=0.500
            <sip:three@example.com>
            1 <sip:three@example.com>
            1 <sip:two@example.com>;q=0.900
            2 <sip:one@example.com>;q=0.500
            branch 0: sip:one@example.com q 500
        "#]],
    );
}

#[test]
fn values_are_printed_into_variables() {
    check_body(
        r#"
        pv_printf($var(x), "user $rU of $rd"); xlog("$var(x)");
        pv_printf($avp(y), "$cs"); xlog("$avp(y)");
        get_timestamp($var(s), $var(us)); xlog("$var(s) $var(us)");
        construct_uri("sip", "bob", "example.com", "5066", "transport=tcp", $avp(u)); xlog("$avp(u)");
        construct_uri("sip", , "example.com", , , $avp(u)); xlog("$avp(u)");
        avp_print();
        "#,
        expect![[r#"
            user bob of example.com
            314159
            1700000000 250000
            sip:bob@example.com:5066;transport=tcp
            sip:example.com
            info: avp u: sip:example.com
            info: avp u: sip:bob@example.com:5066;transport=tcp
            info: avp y: 314159
        "#]],
    );
}

#[test]
fn a_literal_that_a_function_cannot_take_is_a_load_error() {
    check_body(
        r#"setport("x");"#,
        expect![[r#"
            parse error in test.cfg:2:9-12: parameter 1 of `setport`: not a port
                1 | route {
                2 | setport("x");
                  |         ^~~
                3 | }
                4 |
            1 error
        "#]],
    );
    check_body(
        r#"append_branch("sip:x@example.com", "2");"#,
        expect![[r#"
            parse error in test.cfg:2:36-39: parameter 2 of `append_branch`: q is a number from 0 to 1
                1 | route {
                2 | append_branch("sip:x@example.com", "2");
                  |                                    ^~~
                3 | }
                4 |
            1 error
        "#]],
    );
}

#[test]
fn an_argument_without_a_value_fails_the_call() {
    check_body(
        r#"
        setuser($avp(none)); xlog("$rc $ru");
        $var(t) = "text";
        strip($var(t)); xlog("$rc $ru");
        $var(n) = 5;
        setuser($var(n)); xlog("$rc $rU");
        setuser("$avp(none)"); xlog("$rc $rU");
        "#,
        expect![[r#"
            -1 sip:bob:secret@example.com:5070;transport=tcp;line=7?Subject=hi
            -1 sip:bob:secret@example.com:5070;transport=tcp;line=7?Subject=hi
            1 5
            -1 5
            branch 0: sip:5@example.com:5070;transport=tcp;line=7?Subject=hi
        "#]],
    );
}
