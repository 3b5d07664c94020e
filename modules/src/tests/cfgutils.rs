//! `cfgutils`: pauses, shared variables.

use crate::harness::World;
use expect_test::expect;

const SCRIPT: &str = r#"
    loadmodule "sl"
    loadmodule "cfgutils"
    modparam("cfgutils", "shvset", "count=i:5")
    modparam("cfgutils", "shvset", "name=s:tandem")
    route {
        if ($rU == "sleep") {
            usleep(1500);
            sleep(1);
            sl_send_reply(200, "Awake");
            exit;
        }
        if ($rU == "never" && rand_event(0))
            exit;
        if ($rU == "always" && !rand_event(100))
            exit;
        $shv(count) = $shv(count) + 1;
        sl_send_reply(200, "$shv(name) $shv(count) $shv(new)");
    }
"#;

#[test]
fn a_pause_holds_only_its_own_run() {
    let mut world = World::new(SCRIPT);
    world.udp(2, "OPTIONS sip:sleep@192.0.2.1\nCall-ID: s");
    world.udp(2, "OPTIONS sip:x@192.0.2.1\nCall-ID: x");
    world.wait(900);
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 200 tandem 6 0
    "#]]
    .assert_eq(&world.take());
    world.wait(200);
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 200 Awake
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn what_one_shard_writes_all_shards_read() {
    let mut world = World::of_shards(SCRIPT, 3);
    for number in 0..8 {
        world.udp(2, &format!("OPTIONS sip:x@192.0.2.1\nCall-ID: c{number}"));
    }
    world.command("shv_get", &[("name", "count")]);
    world.udp(2, "OPTIONS sip:never@192.0.2.1\nCall-ID: n");
    world.udp(2, "OPTIONS sip:always@192.0.2.1\nCall-ID: a");
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 200 tandem 6 0
        > udp:10.0.0.2:5060
            SIP/2.0 200 tandem 7 0
        > udp:10.0.0.2:5060
            SIP/2.0 200 tandem 8 0
        > udp:10.0.0.2:5060
            SIP/2.0 200 tandem 9 0
        > udp:10.0.0.2:5060
            SIP/2.0 200 tandem 10 0
        > udp:10.0.0.2:5060
            SIP/2.0 200 tandem 11 0
        > udp:10.0.0.2:5060
            SIP/2.0 200 tandem 12 0
        > udp:10.0.0.2:5060
            SIP/2.0 200 tandem 13 0
        answer [{"name":"count","value":13}]
        answer [{"name":"count","value":13}]
        answer [{"name":"count","value":13}]
        > udp:10.0.0.2:5060
            SIP/2.0 200 tandem 14 0
        > udp:10.0.0.2:5060
            SIP/2.0 200 tandem 15 0
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn the_clock_and_the_environment_are_read() {
    let mut world = World::new(
        r#"
        loadmodule "sl"
        loadmodule "cfgutils"
        route {
            get_accurate_time($var(s), $var(us), $var(text));
            ts_usec_delta(10, 5, 9, 999999, $var(d), $var(n));
            xlog("L_ERR", "$var(s) $var(us) $var(text), $var(d) $var(n)\n");
            xlog("L_ERR", "$ctime(year)-$ctime(mon)-$ctime(mday) $ctime(hour) $ctime(wday) $ctime(yday)\n");
            xlog("L_ERR", "$env(TANDEM_HAS_NO_SUCH_NAME)\n");
            if ($env(PATH) != NULL)
                xlog("L_ERR", "a path\n");
        }
        "#,
    );
    world.udp(2, "OPTIONS sip:192.0.2.1");
    world.command("rand_set_prob", &[("prob_proc", "70")]);
    world.command("rand_get_prob", &[]);
    world.command("rand_set_prob", &[("prob_proc", "101")]);
    expect![[r#"
        log -1: 1700000000 0 1700000000.000000, 6 6
        log -1: 123-10-14 22 2 317
        log -1: <null>
        log -1: a path
        answer "OK"
        answer {"Probability":70}
        answer 400 not between 0 and 100 percent
    "#]]
    .assert_eq(&world.take());
}
