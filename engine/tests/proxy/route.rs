//! Record-Route, loose and strict routing, Via and rport.

use expect_test::expect;
use parser::HeaderName;

use crate::harness::{check, check_showing};

const ROUTED: &str = "route {
    if ($rm != \"ACK\" && known()) { relay(); exit; }
    if (loose_route()) { relay(); exit; }
    record_route(); rr_param(\";nat=yes\");
    if ($ru =~ \"erin\") { leave_by(\"udp:10.1.0.1:5060\"); }
    relay();
}";

#[test]
fn one_record_route_where_nothing_changes() {
    check_showing(
        &[HeaderName::RecordRoute, HeaderName::Route],
        ROUTED,
        "
        0 alice INVITE
        10 bob 200
        20 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
                      Record-Route: <sip:10.0.0.1:5060;lr;ftag=f-alice;own=*;nat=yes>
            10      < bob    200 OK
            10      > alice  200 OK
                      Record-Route: <sip:10.0.0.1:5060;lr;ftag=f-alice;own=*;nat=yes>
            20      < alice  ACK sip:bob@10.0.0.20:5060
            20      > bob    ACK sip:bob@10.0.0.20:5060
        "#]],
    );
}

#[test]
fn two_where_the_request_changes_networks_and_both_come_off_again() {
    check_showing(
        &[HeaderName::RecordRoute, HeaderName::Route, HeaderName::Via],
        ROUTED,
        "
        0 alice INVITE sip:erin@10.1.0.50
        10 erin 200
        20 alice ACK
        30 erin BYE sip:alice@10.0.0.10 cseq=9 tag=f-alice +Route:<sip:10.1.0.1:5060;lr;r2=on;ftag=f-alice> +Route:<sip:10.0.0.1:5060;lr;r2=on;ftag=f-alice>
        40 alice 200
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:erin@10.1.0.50
            0       > alice  100 Trying
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-c1-INVITE-1
            0       > erin   INVITE sip:erin@10.1.0.50
                      Via: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bK*.*
                      Record-Route: <sip:10.1.0.1:5060;lr;r2=on;ftag=f-alice;own=*;nat=yes>
                      Record-Route: <sip:10.0.0.1:5060;lr;r2=on;ftag=f-alice;own=*;nat=yes>
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-c1-INVITE-1
            10      < erin   200 OK
            10      > alice  200 OK
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-c1-INVITE-1
                      Record-Route: <sip:10.1.0.1:5060;lr;r2=on;ftag=f-alice;own=*;nat=yes>
                      Record-Route: <sip:10.0.0.1:5060;lr;r2=on;ftag=f-alice;own=*;nat=yes>
            20      < alice  ACK sip:erin@10.1.0.50:5060
            20      > erin   ACK sip:erin@10.1.0.50:5060
                      Via: SIP/2.0/UDP 10.1.0.1:5060;branch=z9hG4bK*s*.*
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-ack
            30      < erin   BYE sip:alice@10.0.0.10
            30      > alice  BYE sip:alice@10.0.0.10
                      Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK*.*
                      Via: SIP/2.0/UDP 10.1.0.50:5060;branch=z9hG4bK-erin-c1-BYE-9
            40      < alice  200 OK
            40      > erin   200 OK
                      Via: SIP/2.0/UDP 10.1.0.50:5060;branch=z9hG4bK-erin-c1-BYE-9
        "#]],
    );
}

#[test]
fn two_where_it_changes_transport_or_family() {
    check_showing(
        &[HeaderName::RecordRoute, HeaderName::Via],
        ROUTED,
        "
        0 alice INVITE sip:bob@10.0.0.20;transport=tcp
        10 bob 486
        20 alice ACK
        30 alice INVITE sip:six@[2001:db8::6] call=c2
        40 six 486
        50 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20;transport=tcp
            0       > alice  100 Trying
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-c1-INVITE-1
            0       > bob   tcp INVITE sip:bob@10.0.0.20;transport=tcp
                      Via: SIP/2.0/TCP 10.0.0.1:5060;branch=z9hG4bK*.*
                      Record-Route: <sip:10.0.0.1:5060;transport=tcp;lr;r2=on;ftag=f-alice;own=*;nat=yes>
                      Record-Route: <sip:10.0.0.1:5060;lr;r2=on;ftag=f-alice;own=*;nat=yes>
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-c1-INVITE-1
            10      < bob    486 Busy Here
            10      > bob   tcp ACK sip:bob@10.0.0.20;transport=tcp
                      Via: SIP/2.0/TCP 10.0.0.1:5060;branch=z9hG4bK*.*
            10      > alice  486 Busy Here
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-c1-INVITE-1
                      Record-Route: <sip:10.0.0.1:5060;transport=tcp;lr;r2=on;ftag=f-alice;own=*;nat=yes>
                      Record-Route: <sip:10.0.0.1:5060;lr;r2=on;ftag=f-alice;own=*;nat=yes>
            20      < alice  ACK sip:bob@10.0.0.20;transport=tcp
            30      < alice  INVITE sip:six@[2001:db8::6]
            30      > alice  100 Trying
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-c2-INVITE-1
            30      > six    INVITE sip:six@[2001:db8::6]
                      Via: SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK*.*
                      Record-Route: <sip:[2001:db8::1]:5060;lr;r2=on;ftag=f-alice;own=*;nat=yes>
                      Record-Route: <sip:10.0.0.1:5060;lr;r2=on;ftag=f-alice;own=*;nat=yes>
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-c2-INVITE-1
            40      < six    486 Busy Here
            40      > six    ACK sip:six@[2001:db8::6]
                      Via: SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK*.*
            40      > alice  486 Busy Here
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-c2-INVITE-1
                      Record-Route: <sip:[2001:db8::1]:5060;lr;r2=on;ftag=f-alice;own=*;nat=yes>
                      Record-Route: <sip:10.0.0.1:5060;lr;r2=on;ftag=f-alice;own=*;nat=yes>
            50      < alice  ACK sip:six@[2001:db8::6]
        "#]],
    );
}

#[test]
fn a_route_of_somebody_else_is_the_next_hop() {
    check_showing(
        &[HeaderName::Route],
        ROUTED,
        "
        0 alice BYE sip:bob@10.0.0.20 tag=t +Route:<sip:10.0.0.1;lr>,<sip:10.0.0.30;lr>
        10 carol 200
        100 end
        ",
        expect![[r#"
            0       < alice  BYE sip:bob@10.0.0.20
            0       > carol  BYE sip:bob@10.0.0.20
                      Route: <sip:10.0.0.30;lr>
            10      < carol  200 OK
            10      > alice  200 OK
        "#]],
    );
}

#[test]
fn a_strict_router_behind_us_gets_the_request_uri() {
    check_showing(
        &[HeaderName::Route],
        ROUTED,
        "
        0 alice BYE sip:bob@10.0.0.20 tag=t +Route:<sip:10.0.0.1;lr> +Route:<sip:10.0.0.30>
        10 carol 200
        100 end
        ",
        expect![[r#"
            0       < alice  BYE sip:bob@10.0.0.20
            0       > carol  BYE sip:10.0.0.30
                      Route: <sip:bob@10.0.0.20>
            10      < carol  200 OK
            10      > alice  200 OK
        "#]],
    );
}

#[test]
fn received_and_rport_say_where_a_request_came_from() {
    check_showing(
        &[HeaderName::Via],
        "route { if ($ua == \"old\") { force_rport(); } relay(); }",
        "
        0 alice MESSAGE via=192.168.0.9:5070
        10 bob 200
        20 alice MESSAGE cseq=2 via=192.168.0.9:5070;rport
        30 bob 200
        40 alice MESSAGE cseq=3 via=192.168.0.9:5070 +User-Agent:old
        50 bob 200
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > bob    MESSAGE sip:bob@10.0.0.20
                      Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK*.*
                      Via: SIP/2.0/UDP 192.168.0.9:5070;branch=z9hG4bK-alice-c1-MESSAGE-1;received=10.0.0.10
            10      < bob    200 OK
            10      > 10.0.0.10:5070 200 OK
                      Via: SIP/2.0/UDP 192.168.0.9:5070;branch=z9hG4bK-alice-c1-MESSAGE-1;received=10.0.0.10
            20      < alice  MESSAGE sip:bob@10.0.0.20
            20      > bob    MESSAGE sip:bob@10.0.0.20
                      Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK*.*
                      Via: SIP/2.0/UDP 192.168.0.9:5070;branch=z9hG4bK-alice-c1-MESSAGE-2;received=10.0.0.10;rport=5060
            30      < bob    200 OK
            30      > alice  200 OK
                      Via: SIP/2.0/UDP 192.168.0.9:5070;branch=z9hG4bK-alice-c1-MESSAGE-2;received=10.0.0.10;rport=5060
            40      < alice  MESSAGE sip:bob@10.0.0.20
            40      > bob    MESSAGE sip:bob@10.0.0.20
                      Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK*.*
                      Via: SIP/2.0/UDP 192.168.0.9:5070;branch=z9hG4bK-alice-c1-MESSAGE-3;received=10.0.0.10;rport=5060
            50      < bob    200 OK
            50      > alice  200 OK
                      Via: SIP/2.0/UDP 192.168.0.9:5070;branch=z9hG4bK-alice-c1-MESSAGE-3;received=10.0.0.10;rport=5060
        "#]],
    );
}

#[test]
fn replies_of_ours_say_the_port_that_a_script_insists_on() {
    check_showing(
        &[HeaderName::Via],
        "route { force_rport(); if ($rm == \"INVITE\") newtran(); reply(404, \"Not here\"); }",
        "
        0 alice MESSAGE via=10.0.0.10:5070
        10 alice INVITE via=192.168.0.9:5070
        20 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > alice  404 Not here
                      Via: SIP/2.0/UDP 10.0.0.10:5070;branch=z9hG4bK-alice-c1-MESSAGE-1;received=10.0.0.10;rport=5060
            10      < alice  INVITE sip:bob@10.0.0.20
            10      > alice  100 Trying
                      Via: SIP/2.0/UDP 192.168.0.9:5070;branch=z9hG4bK-alice-c1-INVITE-1;received=10.0.0.10
            10      > alice  404 Not here
                      Via: SIP/2.0/UDP 192.168.0.9:5070;branch=z9hG4bK-alice-c1-INVITE-1;received=10.0.0.10;rport=5060
            20      < alice  ACK sip:bob@10.0.0.20
        "#]],
    );
}

#[test]
fn a_path_of_the_target_becomes_route_and_next_hop() {
    check_showing(
        &[HeaderName::Route],
        "route { to(\"sip:bob@192.168.0.5\"); path(\"<sip:10.0.0.30;lr>,<sip:10.0.0.40;lr>\"); relay(); }",
        "
        0 alice MESSAGE
        10 carol 200
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > carol  MESSAGE sip:bob@192.168.0.5
                      Route: <sip:10.0.0.30;lr>,<sip:10.0.0.40;lr>
            10      < carol  200 OK
            10      > alice  200 OK
        "#]],
    );
}

#[test]
fn a_fixed_destination_leaves_the_request_uri_alone() {
    check_showing(
        &[HeaderName::Route],
        "route { relay(\"\", \"udp:10.0.0.30:5060\"); }",
        "
        0 alice MESSAGE
        10 carol 200
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > carol  MESSAGE sip:bob@10.0.0.20
            10      < carol  200 OK
            10      > alice  200 OK
        "#]],
    );
}

#[test]
fn a_strict_router_before_us_has_put_the_target_behind_the_routes() {
    check_showing(
        &[HeaderName::Route],
        ROUTED,
        "
        0 alice INVITE
        10 bob 200
        20 alice BYE sip:our-route cseq=2 tag=t-bob +Route:<sip:bob@10.0.0.20>
        30 bob 200
        40 alice BYE sip:our-route cseq=3 tag=t-bob +Route:<sip:10.0.0.30;lr>,<sip:bob@10.0.0.20>
        50 carol 200
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob    INVITE sip:bob@10.0.0.20
            10      < bob    200 OK
            10      > alice  200 OK
            20      < alice  BYE sip:10.0.0.1:5060;lr;ftag=f-alice;own=85d0c80cea0e7e62;nat=yes
            20      > bob    BYE sip:bob@10.0.0.20
            30      < bob    200 OK
            30      > alice  200 OK
            40      < alice  BYE sip:10.0.0.1:5060;lr;ftag=f-alice;own=85d0c80cea0e7e62;nat=yes
            40      > carol  BYE sip:bob@10.0.0.20
                      Route: <sip:10.0.0.30;lr>
            50      < carol  200 OK
            50      > alice  200 OK
        "#]],
    );
}

#[test]
fn a_request_too_long_for_udp_goes_by_tcp_and_by_udp_where_nobody_listens() {
    check_showing(
        &[HeaderName::RecordRoute],
        "route { if ($rm == \"ACK\") { relay(); exit; } udp_up_to(1300); record_route(); relay(); }",
        "
        0 alice INVITE body=1200
        10 bob 486
        20 alice ACK
        30 alice INVITE call=c2 body=1200
        40 fails bob
        50 bob 486
        60 alice ACK
        70 alice INVITE sip:bob@10.0.0.20;transport=udp call=c3 body=1200
        80 bob 486
        90 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > bob   tcp INVITE sip:bob@10.0.0.20
                      Record-Route: <sip:10.0.0.1:5060;transport=tcp;lr;r2=on;ftag=f-alice;own=*>
                      Record-Route: <sip:10.0.0.1:5060;lr;r2=on;ftag=f-alice;own=*>
            10      < bob    486 Busy Here
            10      > bob   tcp ACK sip:bob@10.0.0.20
            10      > alice  486 Busy Here
                      Record-Route: <sip:10.0.0.1:5060;transport=tcp;lr;r2=on;ftag=f-alice;own=*>
                      Record-Route: <sip:10.0.0.1:5060;lr;r2=on;ftag=f-alice;own=*>
            20      < alice  ACK sip:bob@10.0.0.20
            30      < alice  INVITE sip:bob@10.0.0.20
            30      > alice  100 Trying
            30      > bob   tcp INVITE sip:bob@10.0.0.20
                      Record-Route: <sip:10.0.0.1:5060;transport=tcp;lr;r2=on;ftag=f-alice;own=*>
                      Record-Route: <sip:10.0.0.1:5060;lr;r2=on;ftag=f-alice;own=*>
            40      > bob    INVITE sip:bob@10.0.0.20
                      Record-Route: <sip:10.0.0.1:5060;lr;ftag=f-alice;own=*>
            50      < bob    486 Busy Here
            50      > bob    ACK sip:bob@10.0.0.20
            50      > alice  486 Busy Here
                      Record-Route: <sip:10.0.0.1:5060;lr;ftag=f-alice;own=*>
            60      < alice  ACK sip:bob@10.0.0.20
            70      < alice  INVITE sip:bob@10.0.0.20;transport=udp
            70      > alice  100 Trying
            70      > bob    INVITE sip:bob@10.0.0.20;transport=udp
                      Record-Route: <sip:10.0.0.1:5060;lr;ftag=f-alice;own=*>
            80      < bob    486 Busy Here
            80      > bob    ACK sip:bob@10.0.0.20;transport=udp
            80      > alice  486 Busy Here
                      Record-Route: <sip:10.0.0.1:5060;lr;ftag=f-alice;own=*>
            90      < alice  ACK sip:bob@10.0.0.20;transport=udp
        "#]],
    );
}

#[test]
fn a_phone_on_tcp_is_answered_on_its_connection_and_reached_by_it() {
    check_showing(
        &[HeaderName::RecordRoute, HeaderName::Via],
        ROUTED,
        "
        0 alice INVITE tcp
        10 bob 200
        20 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice tcp 100 Trying
                      Via: SIP/2.0/TCP 10.0.0.10:5060;branch=z9hG4bK-alice-c1-INVITE-1
            0       > bob    INVITE sip:bob@10.0.0.20
                      Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK*.*
                      Record-Route: <sip:10.0.0.1:5060;lr;r2=on;ftag=f-alice;own=*;nat=yes>
                      Record-Route: <sip:10.0.0.1:5060;transport=tcp;lr;r2=on;ftag=f-alice;own=*;nat=yes>
                      Via: SIP/2.0/TCP 10.0.0.10:5060;branch=z9hG4bK-alice-c1-INVITE-1
            10      < bob    200 OK
            10      > alice tcp 200 OK
                      Via: SIP/2.0/TCP 10.0.0.10:5060;branch=z9hG4bK-alice-c1-INVITE-1
                      Record-Route: <sip:10.0.0.1:5060;lr;r2=on;ftag=f-alice;own=*;nat=yes>
                      Record-Route: <sip:10.0.0.1:5060;transport=tcp;lr;r2=on;ftag=f-alice;own=*;nat=yes>
            20      < alice  ACK sip:bob@10.0.0.20:5060
            20      > bob    ACK sip:bob@10.0.0.20:5060
                      Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK*s*.*
                      Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-ack
        "#]],
    );
}

#[test]
fn the_ack_to_a_2xx_follows_its_route_set_and_one_to_ours_ends_here() {
    check_showing(
        &[HeaderName::Route],
        "route {
            if ($rm == \"ACK\" && known()) { say(\"ours\"); relay(); exit; }
            if (loose_route()) { relay(); exit; }
            if ($ru =~ \"echo\") { newtran(); reply(200, \"OK\"); exit; }
            record_route();
            next(\"sip:10.0.0.30\");
            relay();
        }",
        "
        0 alice INVITE
        10 carol 200
        20 alice ACK sip:bob@10.0.0.20 tag=t-carol +Route:<sip:10.0.0.1;lr>,<sip:10.0.0.30;lr>
        30 alice INVITE sip:echo@10.0.0.1 call=c2
        40 alice ACK
        100 end
        ",
        expect![[r#"
            0       < alice  INVITE sip:bob@10.0.0.20
            0       > alice  100 Trying
            0       > carol  INVITE sip:bob@10.0.0.20
            10      < carol  200 OK
            10      > alice  200 OK
            20      < alice  ACK sip:bob@10.0.0.20
            20      > carol  ACK sip:bob@10.0.0.20
                      Route: <sip:10.0.0.30;lr>
            30      < alice  INVITE sip:echo@10.0.0.1
            30      > alice  100 Trying
            30      > alice  200 OK
            40      < alice  ACK sip:echo@10.0.0.1
            40      - ours
        "#]],
    );
}

#[test]
fn an_outbound_proxy_that_is_only_us_is_taken_off_and_routes_nothing() {
    check_showing(
        &[HeaderName::Route],
        "route { if (loose_route()) { say(\"routed\"); } relay(); }",
        "
        0 alice MESSAGE +Route:<sip:10.0.0.1;lr>
        10 bob 200
        20 alice MESSAGE cseq=2 +Route:<sip:10.0.0.1;lr>,<sip:10.0.0.30;lr>
        30 carol 200
        40 alice MESSAGE cseq=3 tag=t +Route:<sip:10.0.0.1;lr>
        50 bob 200
        100 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > bob    MESSAGE sip:bob@10.0.0.20
            10      < bob    200 OK
            10      > alice  200 OK
            20      < alice  MESSAGE sip:bob@10.0.0.20
            20      - routed
            20      > carol  MESSAGE sip:bob@10.0.0.20
                      Route: <sip:10.0.0.30;lr>
            30      < carol  200 OK
            30      > alice  200 OK
            40      < alice  MESSAGE sip:bob@10.0.0.20
            40      - routed
            40      > bob    MESSAGE sip:bob@10.0.0.20
            50      < bob    200 OK
            50      > alice  200 OK
        "#]],
    );
}

#[test]
fn a_tag_that_is_no_token_does_not_get_into_our_record_route() {
    check_showing(
        &[HeaderName::RecordRoute],
        "route { record_route(); relay(); }",
        "
        0 alice MESSAGE from_tag='a>,<sip:evil;lr'
        10 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:bob@10.0.0.20
            0       > bob    MESSAGE sip:bob@10.0.0.20
                      Record-Route: <sip:10.0.0.1:5060;lr;own=*>
        "#]],
    );
}

#[test]
fn a_request_uri_of_two_lines_is_refused() {
    check_showing(
        &[HeaderName::Subject],
        r#"route {
            next("sip:10.0.0.20");
            if (!to("sip:bob@10.0.0.20 SIP/2.0\r\nSubject: evil\r\nX: ")) { say("refused"); }
            relay();
        }"#,
        "
        0 alice MESSAGE sip:carol@example.com
        10 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:carol@example.com
            0       - refused
            0       > bob    MESSAGE sip:carol@example.com
        "#]],
    );
}

#[test]
fn a_branch_flag_keeps_a_request_from_opening_a_connection_and_a_message_flag_its_replies() {
    check(
        r#"tcp_no_new_conn_bflag = NATED
        tcp_no_new_conn_rplflag = CALLER_NATED
        route {
            if ($rU == "behind") { setbflag("NATED"); }
            if ($fU == "alice") { setflag("CALLER_NATED"); }
            newtran();
            if ($rU == "nobody") { reply(404, "Nobody"); exit; }
            to("sip:bob@10.0.0.20;transport=tcp"); relay();
        }"#,
        "
        0 alice MESSAGE sip:behind@example.com tcp
        10 fails bob
        20 fails alice
        30 fails alice
        100 alice MESSAGE sip:open@example.com tcp call=c2
        110 bob 200 tcp
        120 fails alice
        200 alice MESSAGE sip:nobody@example.com tcp call=c3
        210 fails alice
        300 carol MESSAGE sip:nobody@example.com tcp call=c4
        310 fails carol
        400 end
        ",
        expect![[r#"
            0       < alice  MESSAGE sip:behind@example.com
            0       > bob   tcp, if it is connected, MESSAGE sip:bob@10.0.0.20;transport=tcp
            10      > alice tcp 500 Server Internal Error
            20      > alice tcp, if it is connected, 500 Server Internal Error
            100     < alice  MESSAGE sip:open@example.com
            100     > bob   tcp MESSAGE sip:bob@10.0.0.20;transport=tcp
            110     < bob    200 OK
            110     > alice tcp 200 OK
            120     > alice tcp, if it is connected, 200 OK
            200     < alice  MESSAGE sip:nobody@example.com
            200     > alice tcp 404 Nobody
            210     > alice tcp, if it is connected, 404 Nobody
            300     < carol  MESSAGE sip:nobody@example.com
            300     > carol tcp 404 Nobody
            310     > carol tcp 404 Nobody
        "#]],
    );
}
