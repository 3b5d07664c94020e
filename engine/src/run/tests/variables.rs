//! Variables of the core.

use super::{INVITE, REPLY, check_body, check_message};
use expect_test::expect;
use script::RouteKind;

#[test]
fn request_line() {
    check_body(
        r#"
        xlog("$ru | $rU | $rd | $rp | $rP | $ru_q");
        xlog("$ou | $oU | $od | $op | $oP");
        xlog("$ruri $ruri.user $ruri.domain $ouri");
        $rU = "carol";
        xlog("$ru");
        $rd = "other.example.com"; $rp = 5090;
        xlog("$ru");
        $rU = NULL;
        xlog("$ru $rU");
        $rp = NULL;
        xlog("$ru $rp");
        $ru = "sips:dave@secure.example.com";
        xlog("$ru $rP $ou");
        $ru = NULL;
        xlog("rc $rc");
        $ru_q = 500; xlog("$ru_q"); $ru_q = "0.5"; xlog("rc $rc");
        "#,
        expect![[r#"
            sip:bob:secret@example.com:5070;transport=tcp;line=7?Subject=hi | bob | example.com | 5070 | tcp | -1
            sip:bob:secret@example.com:5070;transport=tcp;line=7?Subject=hi | bob | example.com | 5070 | tcp
            sip:bob:secret@example.com:5070;transport=tcp;line=7?Subject=hi bob example.com sip:bob:secret@example.com:5070;transport=tcp;line=7?Subject=hi
            sip:carol@example.com:5070;transport=tcp;line=7?Subject=hi
            sip:carol@other.example.com:5090;transport=tcp;line=7?Subject=hi
            sip:other.example.com:5090;transport=tcp;line=7?Subject=hi <null>
            sip:other.example.com;transport=tcp;line=7?Subject=hi 5060
            sips:dave@secure.example.com tls sip:bob:secret@example.com:5070;transport=tcp;line=7?Subject=hi
            warning: assignment failed test.cfg:16
            rc -1
            500
            warning: assignment failed test.cfg:18
            rc -1
            branch 0: sips:dave@secure.example.com q 500
        "#]],
    );
}

#[test]
fn next_hop() {
    check_body(
        r#"
        xlog("$du $dd $dp $dP");
        $du = "sip:10.1.1.1:5066;transport=tls";
        xlog("$du $dd $dp $dP $duri");
        $dd = "10.2.2.2"; $dp = 5099;
        xlog("$du");
        $du = NULL;
        xlog("$du");
        $dd = "10.3.3.3";
        xlog("$du");
        xlog("$ds");
        "#,
        expect![[r#"
            <null> <null> <null> <null>
            sip:10.1.1.1:5066;transport=tls 10.1.1.1 5066 tls sip:10.1.1.1:5066;transport=tls
            sip:10.2.2.2:5099;transport=tls
            <null>
            sip:10.3.3.3
            <sip:bob:secret@example.com:5070;transport=tcp;line=7?Subject=hi>
            branch 0: via sip:10.3.3.3
        "#]],
    );
}

#[test]
fn from_to_and_their_like() {
    check_body(
        r#"
        xlog("$fu $fU $fd $fn $ft");
        xlog("$tu $tU $td $tn $tt");
        xlog("$from $from.user $from.domain $to $to.user $to.domain");
        xlog("$ai $pu $re $rt $di");
        "#,
        expect![[r#"
            sip:alice@atlanta.example.com alice atlanta.example.com "Alice A" 1928301774
            sip:bob@example.com bob example.com <null> <null>
            sip:alice@atlanta.example.com alice atlanta.example.com sip:bob@example.com bob example.com
            <null> <null> <null> <null> <null>
        "#]],
    );
}

#[test]
fn the_message_as_a_whole() {
    check_body(
        r#"
        xlog("$ci $cs $rm $cl $ml $ua $cT $msg.type $msg.is_request");
        xlog("$hdr(x-custom) $(hdr(X-Custom)[1]) $(hdr(X-Custom)[-1]) $(hdr(X-Custom)[*]) $(hdr(X-Custom)[2])");
        xlog("$hdrcnt(X-Custom) $hdrcnt(v) $hdr_name $(hdr_name[1]) $hdr(i)");
        xlog("$ct | $(ct[1]) | $(ct[*])");
        xlog("$ct.fields(uri) $ct.fields(name) $ct.fields(q) $ct.fields(expires) $(ct.fields(uri)[1]) $(ct.fields(q)[1])");
        xlog("$(rb{s.len}) $(rb(application/sdp){s.len}) $rb(text/plain) $(mb{s.len})");
        xlog("$rs $rr");
        "#,
        expect![[r#"
            a84b4c76e66710@10.0.0.1 314159 INVITE 138 936 phone/1.0 application/sdp request 1
            one two two one, two <null>
            2 2 Via Via a84b4c76e66710@10.0.0.1
            "Alice" <sip:alice@10.0.0.1:5060;ob>;q=0.7;expires=60 | <sip:alice@10.0.0.2> | "Alice" <sip:alice@10.0.0.1:5060;ob>;q=0.7;expires=60, <sip:alice@10.0.0.2>
            sip:alice@10.0.0.1:5060;ob "Alice" 0.7 60 sip:alice@10.0.0.2 <null>
            138 138 <null> 936
            <null> <null>
        "#]],
    );
}

#[test]
fn all_that_a_step_of_a_description_fits() {
    check_body(
        r#"
        xlog("$(sdp.line(m=)[*]) | $(sdp.line(m=)[1]) | $(sdp.line(a=)[*])");
        xlog("$(sdp.line(m=/RTP)[*]) | $(sdp.line(m=[1]/3)[*]) | $(sdp.stream(video)[*]{s.trim})");
        xlog("$(sdp.session(m=)[*]) | $(sdp.line(k=)[*]) | $(sdp.line(a/b/c)[*])");
        # A step that has its own index is one, and not one for ever.
        xlog("$(sdp.line(m=[1])[*]) | $(sdp.line(m=[7])[*])");
        "#,
        expect![[r#"
            m=audio 4000 RTP/AVP 0 8, m=video 4002 RTP/AVP 31 | m=video 4002 RTP/AVP 31 | a=rtpmap:0 PCMU/8000
            RTP/AVP | 31 | m=video 4002 RTP/AVP 31
            <null> | <null> | <null>
            m=video 4002 RTP/AVP 31 | <null>
        "#]],
    );
}

#[test]
fn replies() {
    check_message(
        r#"
        route { exit; }
        onreply_route { xlog("$rs $rr $rm $ru $rU $cs $tt $msg.type $si"); $rU = "x"; xlog("rc $rc"); }
        "#,
        RouteKind::Reply,
        REPLY,
        expect![[r#"
            180 Ringing INVITE <null> <null> 314159 8321234356 reply 10.0.0.1
            warning: assignment failed test.cfg:3
            rc -1
        "#]],
    );
}

#[test]
fn source_and_sockets() {
    check_body(
        r#"
        xlog("$si $sp $src_ip $socket_in $socket_in(ip) $socket_in(port) $socket_in(proto) $socket_in(af) $socket_in(tag)");
        xlog("$socket_out $socket_out(forced)");
        $socket_out = "tcp:10.0.0.9:5080";
        xlog("$socket_out $socket_out(port) $socket_out(forced)");
        $socket_out = "udp:1.2.3.4:5060";
        xlog("rc $rc $socket_out");
        $socket_out = NULL;
        xlog("$socket_out(forced)");
        "#,
        expect![[r#"
            10.0.0.1 5062 10.0.0.1 udp:10.0.0.9:5060 10.0.0.9 5060 udp INET <null>
            udp:10.0.0.9:5060 <null>
            tcp:10.0.0.9:5080 5080 tcp:10.0.0.9:5080
            warning: assignment failed test.cfg:7
            rc -1 tcp:10.0.0.9:5080
            <null>
        "#]],
    );
}

#[test]
fn time_is_an_argument() {
    check_body(
        r#"
        xlog("$Ts $Tsm $TS $Tf $time(%Y-%m-%d %H:%M:%S)");
        "#,
        expect![[r#"
            1700000000 250000 1699999990 Tue Nov 14 22:13:20 2023 2023-11-14 22:13:20
        "#]],
    );
}

#[test]
fn flags_by_name() {
    check_body(
        r#"
        setflag("A"); setflag("B"); resetflag("A"); setbflag("NAT");
        xlog("[$mf] [$bf] $msg.flag(B) $msg.flag(A)");
        $msg.flag(A) = 1; $msg.flag(B) = 0;
        xlog("[$mf]");
        "#,
        expect![[r#"
            [B] [NAT] 1 0
            [A]
            branch 0: flags 1
        "#]],
    );
}

#[test]
fn flags_have_the_numbers_of_the_script_and_none_at_run_time() {
    check_body(
        r#"
        $var(name) = "LATE";
        $msg.flag($var(name)) = 1;
        xlog("[$mf]");
        $branch = "sip:one@example.com";
        $branch(flags) = "THIRD NAT";
        setbflag("FIRST");
        $(branch.flag(NAT)[0]) = 1;
        xlog("[$(branch(flags)[0])]");
        "#,
        expect![[r#"
            warning: assignment failed test.cfg:4
            []
            [THIRD NAT]
            branch 0: flags 101
            branch 1: sip:one@example.com flags 110
        "#]],
    );
}

#[test]
fn branches() {
    check_body(
        r#"
        $msg.branch = "sip:one@example.com";
        $(msg.branch.duri[1]) = "sip:10.1.1.1";
        $(msg.branch.q[1]) = 700;
        $(msg.branch.flag(NAT)[1]) = 1;
        $branch = "sip:two@example.com";
        xlog("$msg.branch.last_idx $msg.branch $(msg.branch.uri[0]) $(msg.branch.uri[1]) $(msg.branch.uri[-1])");
        xlog("$(msg.branch.flags[1]) $(msg.branch.q[1]) $(branch(uri)[0]) $(branch(duri)[0]) $(branch.flag(NAT)[0])");
        $(msg.branch.uri[7]) = "sip:nobody@example.com";
        xlog("rc $rc");
        "#,
        expect![[r#"
            2 sip:two@example.com sip:bob:secret@example.com:5070;transport=tcp;line=7?Subject=hi sip:one@example.com sip:two@example.com
            NAT 700 sip:one@example.com sip:10.1.1.1 0
            warning: assignment failed test.cfg:10
            rc -1
            branch 1: sip:one@example.com via sip:10.1.1.1 q 700 flags 1
            branch 2: sip:two@example.com
        "#]],
    );
}

#[test]
fn credentials() {
    check_body(
        r#"
        xlog("$au $ad $aU $ar $adu $an $Au $auth.alg $auth.qop $auth.nc $auth.cnonce $auth.opaque $auth.resp $auth.nonce");
        "#,
        expect![[r#"
            alice example.com alice@example.com example.com sip:bob@example.com 84a4cc6f alice@example.com MD5 auth 00000001 0a4f113b 5ccc 7587245234b3434cc3412213e5f113a5 84a4cc6f
        "#]],
    );
}

#[test]
fn the_script_about_itself() {
    check_message(
        "route { xlog(\"$cfg_line $cfg_file $route $route.name $route.type $pp $argv(x) $err.class\"); route(sub); }\nroute[sub] {\n  xlog(\"$cfg_line $route $route.name $(route[0]) $C(bg)x$C(xx)\"); }",
        RouteKind::Request,
        INVITE,
        expect![[r#"
            1 test.cfg route  route 0 <null> <null>
            3 route[sub] sub route [0;34;42mx[0;39;49m
        "#]],
    );
}

#[test]
fn what_is_not_built_is_a_load_error_that_names_it() {
    check_body(
        r#"xlog("$proxy_protocol(af)");"#,
        expect![[r#"
            parse error in test.cfg:2:7-26: unknown variable `$proxy_protocol`
                1 | route {
                2 | xlog("$proxy_protocol(af)");
                  |       ^~~~~~~~~~~~~~~~~~~ OpenSIPS has it in core; Tandem does not offer it yet
                3 | }
                4 |
            1 error
        "#]],
    );
    check_body(
        r#"cache_store("x", "y", "z");"#,
        expect![[r#"
            parse error in test.cfg:2:1-12: `cache_store` is a function of the core that Tandem does not offer yet
                1 | route {
                2 | cache_store("x", "y", "z");
                  | ^~~~~~~~~~~
                3 | }
                4 |
            1 error
        "#]],
    );
    check_body(
        r#"xlog("$(ru{s.nosuch})");"#,
        expect![[r#"
            parse error in test.cfg:2:11-21: unknown transformation `s.nosuch`
                1 | route {
                2 | xlog("$(ru{s.nosuch})");
                  |           ^~~~~~~~~~
                3 | }
                4 |
            1 error
        "#]],
    );
}
