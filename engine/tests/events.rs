//! Events and errors: what `event_route` and `error_route` see, and when.

mod support;

use expect_test::expect;
use support::{World, is, request};

fn world(routes: &str) -> World {
    World::new(&format!("loadmodule \"tm.so\"\n{routes}"))
}

fn options() -> String {
    request("OPTIONS", "sip:example.com", "o-1", "1", "")
}

#[test]
fn an_event_route_runs_after_the_run_that_raised_it_about_no_message() {
    let mut world = world(
        r#"
        route {
            $avp(names) = "third"; $avp(values) = "three";
            $avp(names) = "first"; $avp(values) = "one";
            $avp(names) = "second"; $avp(values) = 2;
            $var(x) = "of the request";
            raise_event("E_TEST", $avp(names), $avp(values));
            raise_event("E_TEST", $avp(values));
            raise_event("E_TEST");
            raise_event("E_NOBODY", $avp(values));
            xlog("raised $rc");
            send_reply(200, "Fine");
        }
        event_route[E_TEST] {
            $var(named) = "thi" + "rd";
            xlog("$route: [$param(1)] [$param(2)] [$param(3)]; [$param(first)] [$param(second)] [$param(none)] [$param($var(named))]; [$ru] [$avp(values)] $var(x)");
            route(sub, "given");
        }
        route[sub] { xlog("sub: $param(1)"); if ($param(second) == 2) xlog("a number"); }
        "#,
    );
    world.send("alice", &options());
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  OPTIONS sip:example.com
            0     tandem > alice  200 (OPTIONS)
            log   raised 1
            log   event_route[E_TEST]: [2] [one] [three]; [one] [2] [<null>] [three]; [<null>] [<null>] of the request
            log   sub: given
            log   a number
            log   event_route[E_TEST]: [2] [one] [three]; [<null>] [<null>] [<null>] [<null>]; [<null>] [<null>] of the request
            log   sub: given
            log   event_route[E_TEST]: [<null>] [<null>] [<null>]; [<null>] [<null>] [<null>] [<null>]; [<null>] [<null>] of the request
            log   sub: given
        "#]],
    );
    assert_eq!(
        world.command("events_list", &[]),
        r#"{"Events":[{"name":"E_TEST","id":0},{"name":"E_NOBODY","id":1}]}"#
    );
}

#[test]
fn an_event_route_may_wait_and_management_may_raise() {
    let mut world = world(
        r#"
        route { exit; }
        event_route[E_ASKED] { pause(100); xlog("$param(1) and $param(2)"); }
        "#,
    );
    assert_eq!(
        world.command("evi:list", &[]),
        r#"{"Events":[{"name":"E_ASKED","id":0}]}"#
    );
    world.command("raise_event", &["E_ASKED", "this", "that"]);
    world.command("evi:raise", &["E_ASKED"]);
    assert!(world.command("raise_event", &[]).starts_with("-32602"));
    world.wait(100);
    is(
        &mut world,
        expect![[r#"
        log   this and that
        log   <null> and <null>
    "#]],
    );
    world.is_calm();
}

#[test]
fn an_event_that_raises_itself_lets_others_in() {
    let mut world = world(
        r#"
        route { send_reply(200, "Still here"); raise_event("E_AGAIN"); }
        event_route[E_AGAIN] { $var(n) = $var(n) + 1; if ($var(n) < 1000) raise_event("E_AGAIN"); }
        timer_route[look, 1] { xlog("$var(n)"); }
        "#,
    );
    world.send("alice", &options());
    world.send(
        "alice",
        &request("OPTIONS", "sip:example.com", "o-2", "2", ""),
    );
    world.wait(1_000);
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  OPTIONS sip:example.com
        0     tandem > alice  200 (OPTIONS)
        0     alice > tandem  OPTIONS sip:example.com
        0     tandem > alice  200 (OPTIONS)
        log   1001
    "#]],
    );
}

#[test]
fn a_startup_route_runs_once_in_an_installation() {
    let script = r#"
        route { exit; }
        startup_route { xlog("started"); }
        timer_route[often, 1] { xlog("tick"); }
    "#;
    let mut world = World::with(script, 3, engine::limits::Limits::default());
    world.wait(1_000);
    is(
        &mut world,
        expect![[r#"
        log   started
        log   tick
    "#]],
    );
}

/// A clock that goes on by a millisecond each time it is read.
fn slow_clock() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static READ: AtomicU64 = AtomicU64::new(1);
    READ.fetch_add(1_000, Ordering::Relaxed)
}

#[test]
fn what_takes_longer_than_the_threshold_is_a_warning_and_an_event() {
    let routes = |threshold: u32| {
        format!(
            r#"
            exec_msg_threshold = {threshold}
            route {{
                $var(x) = 1;
                send_reply(200, "Fine");
            }}
            event_route[E_CORE_THRESHOLD] {{ xlog("$param(source): $param(time) us, $param(extra)"); }}
            "#
        )
    };
    for threshold in [0, 3_000, 1_000_000] {
        let mut world = world(&routes(threshold));
        world.engines[0].set_stopwatch(slow_clock);
        world.send("alice", &options());
        let lines: Vec<_> = world
            .records
            .iter()
            .map(|line| {
                line.replace(char::is_numeric, "#")
                    .replace("##", "#")
                    .replace("##", "#")
                    .replace("##", "#")
            })
            .collect();
        if threshold == 3_000 {
            expect![[r#"
                exec_msg_threshold exceeded: the script took # us, more than #, Call-ID o-#; slowest actions: test.cfg:# # us test.cfg:# # us test.cfg:# # us test.cfg:# # us
                msg processing: # us, o-#
                exec_msg_threshold exceeded: the script took # us, more than #, Call-ID #; slowest actions: test.cfg:# # us test.cfg:# # us test.cfg:# # us test.cfg:# # us test.cfg:# # us"#]].assert_eq(&lines.join("\n"));
        } else {
            assert_eq!(lines, Vec::<String>::new());
        }
    }
}

#[test]
fn a_script_trace_shows_each_action_until_the_top_route_ends() {
    let mut world = world(
        r#"
        route {
            $var(x) = 1;
            script_trace(1, "$rm of $fU", "me");
            if ($rm == "OPTIONS" && $var(x) > 0) { route(sub, 1); }
            script_trace();
            send_reply(200, "Fine");
        }
        route[sub] {
            xlog("hidden by its level\n");
            for ($var(i) in $(avp(none)[*])) { exit; }
            return(1);
        }
        "#,
    );
    for branch in ["1", "2"] {
        world.send(
            "alice",
            &request("OPTIONS", "sip:example.com", branch, branch, ""),
        );
    }
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  OPTIONS sip:example.com
        0     tandem > alice  200 (OPTIONS)
        0     alice > tandem  OPTIONS sip:example.com
        0     tandem > alice  200 (OPTIONS)
        log   [Script Trace][test.cfg:7][route][me][condition] -> (OPTIONS of alice)
        log   [Script Trace][test.cfg:7][route][me][condition] -> (OPTIONS of alice)
        log   [Script Trace][test.cfg:7][route][me][route] -> (OPTIONS of alice)
        log   [Script Trace][test.cfg:12][route:sub][me][xlog] -> (OPTIONS of alice)
        log   hidden by its level
        log   [Script Trace][test.cfg:13][route:sub][me][for] -> (OPTIONS of alice)
        log   [Script Trace][test.cfg:14][route:sub][me][return] -> (OPTIONS of alice)
        log   [Script Trace][test.cfg:8][route][me][script_trace] -> (OPTIONS of alice)
        log   [Script Trace][test.cfg:7][route][me][condition] -> (OPTIONS of alice)
        log   [Script Trace][test.cfg:7][route][me][condition] -> (OPTIONS of alice)
        log   [Script Trace][test.cfg:7][route][me][route] -> (OPTIONS of alice)
        log   [Script Trace][test.cfg:12][route:sub][me][xlog] -> (OPTIONS of alice)
        log   hidden by its level
        log   [Script Trace][test.cfg:13][route:sub][me][for] -> (OPTIONS of alice)
        log   [Script Trace][test.cfg:14][route:sub][me][return] -> (OPTIONS of alice)
        log   [Script Trace][test.cfg:8][route][me][script_trace] -> (OPTIONS of alice)
    "#]],
    );
}

#[test]
fn an_xlog_longer_than_its_buffer_fails() {
    let mut world = world(
        r#"
        xlog_buf_size = 10
        pv_print_buf_size = 20
        route {
            xlog("0123456789"); xlog("$rc");
            xlog("01234567890"); xlog("$rc");
            pv_printf($var(x), "$rm.$rm.$rm.$rm.$rm"); xlog("$rc");
            pv_printf($var(x), "$rm.$rm.$rm.$rm.$rm.$rm"); xlog("$rc");
        }
        "#,
    );
    world.send("alice", &request("ACK", "sip:example.com", "a", "1", ""));
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  ACK sip:example.com
        log   0123456789
        log   1
        log   the text is longer than xlog_buf_size test.cfg:8
        log   -1
        log   1
        log   -1
    "#]],
    );
}

const ERROR_ROUTE: &str = r#"
    route { xlog("main"); }
    error_route {
        xlog("$err.class $err.level $err.rcode $err.rreason: $err.info; $rm $ru [$ci] [$fu] [$tu] [$cs] [$ct] [$ft] [$hdr(Via)] [$si]");
        if (t_newtran()) xlog("never a transaction");
        if (t_relay()) xlog("never sent on");
        send_reply(400, "Bad, says the script");
    }
"#;

#[test]
fn the_error_route_answers_malformed_requests_whose_first_line_is_one() {
    let mut world = world(ERROR_ROUTE);
    let good = options();
    world.send(
        "alice",
        &good.replace("CSeq: 1 OPTIONS", "CSeq: one OPTIONS"),
    );
    world.send("alice", &good.replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"));
    world.send("alice", &good.replace("Call-ID", "Call-Ada"));
    world.send(
        "alice",
        &good.replace("From: <sip:alice@example.com>", "From: <sip:alice"),
    );
    world.send(
        "alice",
        &good.replace("Content-Length: 0", "Content-Length: 77"),
    );
    world.send("alice", &good.replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"));
    world.send("alice", "Hello?\r\n\r\n");
    world.send("alice", "SIP/2.0 200 OK\r\nVia: nothing\r\n\r\n");
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  OPTIONS sip:example.com
        0     tandem > alice  400 ()
        0     alice > tandem  OPTIONS sip:example.com
        0     tandem > alice  400 (INVITE)
        0     alice > tandem  OPTIONS sip:example.com
        0     tandem > alice  400 (OPTIONS)
        0     alice > tandem  OPTIONS sip:example.com
        0     tandem > alice  400 (OPTIONS)
        0     alice > tandem  OPTIONS sip:example.com
        0     tandem > alice  400 (OPTIONS)
        0     alice > tandem  OPTIONS sip:example.com SIP/7.0
        0     tandem > alice  505 (OPTIONS)
        0     alice > tandem  Hello?
        0     alice > tandem  200 OK
        log   malformed request left to the error_route: expected a number at byte 170 in CSeq, from udp:10.0.0.2:5060: "OPTIONS sip:example.com SIP/2.0"
        log   1 3 400 Bad Request: expected a number at byte 170 in CSeq; OPTIONS sip:example.com [o-1] [sip:alice@example.com] [sip:bob@example.com] [0] [<sip:alice@10.0.0.2>] [alice] [SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1;rport] [10.0.0.2]
        log   malformed request left to the error_route: CSeq names another method than the start line at byte 172 in CSeq, from udp:10.0.0.2:5060: "OPTIONS sip:example.com SIP/2.0"
        log   1 3 400 Bad Request: CSeq names another method than the start line at byte 172 in CSeq; OPTIONS sip:example.com [o-1] [sip:alice@example.com] [sip:bob@example.com] [1] [<sip:alice@10.0.0.2>] [alice] [SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1;rport] [10.0.0.2]
        log   malformed request left to the error_route: no Call-ID header at byte 250, from udp:10.0.0.2:5060: "OPTIONS sip:example.com SIP/2.0"
        log   1 3 400 Bad Request: no Call-ID header at byte 250; OPTIONS sip:example.com [<null>] [sip:alice@example.com] [sip:bob@example.com] [1] [<sip:alice@10.0.0.2>] [alice] [SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1;rport] [10.0.0.2]
        log   malformed request left to the error_route: expected `>` at byte 108 in From, from udp:10.0.0.2:5060: "OPTIONS sip:example.com SIP/2.0"
        log   1 3 400 Bad Request: expected `>` at byte 108 in From; OPTIONS sip:example.com [o-1] [<null>] [sip:bob@example.com] [1] [<sip:alice@10.0.0.2>] [<null>] [SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1;rport] [10.0.0.2]
        log   malformed request left to the error_route: the body ends before Content-Length at byte 246 in Content-Length, from udp:10.0.0.2:5060: "OPTIONS sip:example.com SIP/2.0"
        log   1 3 400 Bad Request: the body ends before Content-Length at byte 246 in Content-Length; OPTIONS sip:example.com [o-1] [sip:alice@example.com] [sip:bob@example.com] [1] [<sip:alice@10.0.0.2>] [alice] [SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1;rport] [10.0.0.2]
        log   malformed request answered 505: another version than SIP/2.0 at byte 24, from udp:10.0.0.2:5060: "OPTIONS sip:example.com SIP/7.0"
        log   malformed message dropped: not SIP at byte 0, from udp:10.0.0.2:5060: "Hello?"
        log   malformed message dropped: no From header at byte 30, from udp:10.0.0.2:5060: "SIP/2.0 200 OK"
    "#]],
    );
    world.is_calm();
}

#[test]
fn every_variable_of_a_malformed_request_can_be_read() {
    // All mandatory headers are missing or broken, one after the other and together.
    let mut world = world(
        r#"
        route { exit; }
        error_route {
            $var(all) = "$ai $adu $ar $au $ad $an $aU $ci $cl $cs $ct $cT $dd $di $dp $dP $du $fd $fn $ft $fu $fU $mb $mf $mi $ml $od $op $oP $ou $oU $pn $pp $pd $pU $pu $rb $rd $re $rm $rp $rP $rr $rs $rt $ru $rU $ru_q $si $sp $td $tn $tt $tu $tU $ua $hdr(Via) $(hdr(From)[*]) $(ct[0]) $(ct.fields(uri))";
            xlog("read");
            pause(10);
        }
        "#,
    );
    let whole = options();
    let lines: Vec<&str> = whole.trim_end().lines().collect();
    for skipped in 1..lines.len() {
        let some: Vec<&str> = lines
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != skipped)
            .map(|(_, line)| *line)
            .collect();
        world.send("alice", &format!("{}\r\n\r\n", some.join("\r\n")));
        let broken: Vec<String> = lines
            .iter()
            .enumerate()
            .map(|(at, line)| match line.split_once(':') {
                Some((name, _)) if at == skipped => format!("{name}: <@@;;=,\""),
                _ => (*line).to_owned(),
            })
            .collect();
        world.send("alice", &format!("{}\r\n\r\n", broken.join("\r\n")));
    }
    world.send("alice", "OPTIONS sip:x SIP/2.0\r\n\r\n");
    world.wait(1_000);
    let read = world.records.iter().filter(|line| *line == "read").count();
    assert!(read >= 10, "{read}");
    assert!(!world.ladder().contains("quarantine"));
    world.is_calm();
}

#[test]
fn what_answers_a_malformed_request_repeats_what_came() {
    // RFC 3261 §8.2.6.2: Via, From, Call-ID and CSeq are those of the request, even if they are no good: by them its
    // client knows what is answered. RFC 4475 §3.3.1: where one is missing, a 400 goes out without it.
    let mut world = world(ERROR_ROUTE);
    let good = options();
    let broken = [
        good.replace("CSeq: 1 OPTIONS", "CSeq: one OPTIONS"),
        good.replace("Call-ID: o-1", "Call-ID: o 1"),
        good.replace("Call-ID: o-1\r\n", "")
            .replace("CSeq: 1 OPTIONS\r\n", ""),
    ];
    let mut texts = String::new();
    for text in broken {
        world.send("alice", &text);
        texts.push_str(&world.last("alice", "400").replace('\r', ""));
    }
    expect![[r#"
        SIP/2.0 400 Bad, says the script
        Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1;received=10.0.0.2;rport=5060
        From: <sip:alice@example.com>;tag=alice
        To: <sip:bob@example.com>;tag=e031a69a40c6932b
        Call-ID: o-1
        CSeq: one OPTIONS
        Server: Tandem/0.1.0
        Content-Length: 0

        SIP/2.0 400 Bad, says the script
        Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1;received=10.0.0.2;rport=5060
        From: <sip:alice@example.com>;tag=alice
        To: <sip:bob@example.com>;tag=c18b2ae25bab1354
        Call-ID: o 1
        CSeq: 1 OPTIONS
        Server: Tandem/0.1.0
        Content-Length: 0

        SIP/2.0 400 Bad, says the script
        Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1;received=10.0.0.2;rport=5060
        From: <sip:alice@example.com>;tag=alice
        To: <sip:bob@example.com>;tag=e49c14facab450c4
        Server: Tandem/0.1.0
        Content-Length: 0

    "#]]
    .assert_eq(&texts);
}

#[test]
fn what_has_no_via_cannot_be_answered() {
    // RFC 3261 §18.2.2: the Via says where to.
    let mut world = world(ERROR_ROUTE);
    let via = "Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1;rport\r\n";
    world.send("alice", &options().replace(via, ""));
    world.send("alice", &options().replace(via, "Via: nothing\r\n"));
    is(
        &mut world,
        expect![[r#"
            0     alice > tandem  OPTIONS sip:example.com
            0     alice > tandem  OPTIONS sip:example.com
            log   malformed request left to the error_route: no Via header at byte 200, from udp:10.0.0.2:5060: "OPTIONS sip:example.com SIP/2.0"
            log   1 3 400 Bad Request: no Via header at byte 200; OPTIONS sip:example.com [o-1] [sip:alice@example.com] [sip:bob@example.com] [1] [<sip:alice@10.0.0.2>] [alice] [<null>] [10.0.0.2]
            log   malformed request left to the error_route: expected `/` at byte 45 in Via, from udp:10.0.0.2:5060: "OPTIONS sip:example.com SIP/2.0"
            log   1 3 400 Bad Request: expected `/` at byte 45 in Via; OPTIONS sip:example.com [o-1] [sip:alice@example.com] [sip:bob@example.com] [1] [<sip:alice@10.0.0.2>] [alice] [nothing] [10.0.0.2]
        "#]],
    );
}

#[test]
fn an_assertion_runs_the_error_route_in_the_place_of_what_executes() {
    let mut world = world(
        r#"
        enable_asserts = yes
        route { if ($rm == "OPTIONS") route(sub); to("sip:bob@10.0.0.3"); on_reply("seen"); t_relay(); }
        route[sub] { assert($rU != NULL, "there is a user"); xlog("never"); }
        onreply_route[seen] { assert($rm == "none", "in a reply"); xlog("never"); }
        error_route {
            xlog("$route $err.class $err.level $err.rcode $err.rreason: $err.info");
            assert($rm == "none", "never nested");
            xlog("never");
        }
        "#,
    );
    world.send("alice", &options());
    world.send(
        "alice",
        &request("INVITE", "sip:bob@example.com", "call-1", "1", ""),
    );
    world.answer("bob", "INVITE", 180);
    is(
        &mut world,
        expect![[r#"
        0     alice > tandem  OPTIONS sip:example.com
        0     alice > tandem  INVITE sip:bob@example.com
        0     tandem > alice  100 (INVITE)
        0     tandem > bob  INVITE sip:bob@10.0.0.3
        0     bob > tandem  180 Ringing
        0     tandem > alice  180 (INVITE)
        log   there is a user
        log   error_route 4 1 500 server error: assertion failed
        log   never nested
        log   in a reply
    "#]],
    );
}
