//! Replacing the script while calls are in flight.

use crate::harness::World;
use expect_test::expect;

const FIRST: &str = r#"
    loadmodule "sl"
    loadmodule "tm"
    loadmodule "cfgutils"
    loadmodule "textops"
    modparam("cfgutils", "shvset", "count=i:5")
    route {
        if ($rU == "sleeper") {
            sleep(2);
            subst_user("/e/A/g");
            route(answer);
            exit;
        }
        t_on_failure("again");
        $du = "sip:10.0.0.9";
        t_relay();
    }
    route[answer] { sl_send_reply(200, "First $rU"); }
    failure_route[again] { xlog("first fails"); }
    timer_route[slow, 10] { xlog("slow 1"); }
    timer_route[gone, 3] { xlog("gone"); }
"#;

const SECOND: &str = r#"
    loadmodule "textops"
    loadmodule "tm"
    loadmodule "sl"
    loadmodule "cfgutils"
    modparam("cfgutils", "shvset", "count=i:77")
    route {
        xlog("a place of its own");
        subst_user("/e/B/g");
        $shv(count) = $shv(count) + 1;
        sl_send_reply(200, "Second $rU $shv(count)");
    }
    failure_route[again] { xlog("second fails"); }
    timer_route[slow, 10] { xlog("slow 2"); }
    timer_route[fast, 4] { xlog("fast"); }
"#;

#[test]
fn what_waits_goes_on_with_its_own_script_and_what_begins_takes_the_new_one() {
    let mut world = World::new(FIRST);
    world.udp(2, "OPTIONS sip:sleeper@192.0.2.1\nCall-ID: s");
    world.reload(SECOND);
    world.udp(2, "OPTIONS sip:ever@192.0.2.1\nCall-ID: x");
    world.wait(2100);
    expect![[r#"
        answer "OK"
        answer "OK"
        log 2: a place of its own
        > udp:10.0.0.2:5060
            SIP/2.0 200 Second BvBr 6
        > udp:10.0.0.2:5060
            SIP/2.0 200 First slAApAr
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_hook_is_what_its_name_means_when_it_is_due() {
    let mut world = World::new(FIRST);
    world.udp(2, "MESSAGE sip:bob@192.0.2.1\nCall-ID: m");
    let sent = world.last_request();
    world.reload(SECOND).take();
    world.respond(9, &sent, "503 No");
    expect![[r#"
        log 2: second fails
        > udp:10.0.0.2:5060
            SIP/2.0 500 Server Internal Error
    "#]]
    .assert_eq(&world.take());
    // Without such a route the hook is off.
    world.reload(FIRST);
    world.udp(2, "MESSAGE sip:bob@192.0.2.1\nCall-ID: n");
    let sent = world.last_request();
    world.reload("loadmodule \"tm\"\nroute { exit; }").take();
    world.respond(9, &sent, "503 No");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 500 Server Internal Error
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_timer_route_keeps_its_time_over_reloads() {
    let mut world = World::new(FIRST);
    world.wait(2000);
    world.reload(SECOND).wait(2500).reload(SECOND).wait(6000);
    expect![[r#"
        answer "OK"
        answer "OK"
        answer "OK"
        answer "OK"
        log 2: fast
        log 2: slow 2
        log 2: fast
    "#]]
    .assert_eq(&world.take());
    assert_eq!(world.counts(0).timers, 0);
}

#[test]
fn a_module_that_does_not_run_is_refused_and_the_old_script_stays() {
    let mut world = World::of_shards(FIRST, 2);
    world.reload(&format!("loadmodule \"maxfwd\"\n{SECOND}"));
    world
        .udp(2, "OPTIONS sip:sleeper@192.0.2.1\nCall-ID: s")
        .wait(2100);
    expect![[r#"
        answer 500 parse error in test.cfg:1:12-13: module `maxfwd` is not loaded in the running server; a module is added by a restart
        1 error

        answer 500 parse error in test.cfg:1:12-13: module `maxfwd` is not loaded in the running server; a module is added by a restart
        1 error

        answer 500 nothing is prepared
        answer 500 nothing is prepared
        > udp:10.0.0.2:5060
            SIP/2.0 200 First slAApAr
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn reloads_leave_nothing_behind() {
    let mut world = World::new(FIRST);
    world.udp(2, "OPTIONS sip:sleeper@192.0.2.1\nCall-ID: s");
    for _ in 0..100 {
        world.reload(SECOND).reload(FIRST);
    }
    world.wait(40_000);
    assert!(world.counts(0).is_calm(), "{:?}", world.counts(0));
}
