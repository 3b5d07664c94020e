//! `cfgutils`: pauses, shared variables.

use crate::harness::{World, complaints};
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
        log -1: 2023-11-14 22 3 318
        log -1: <null>
        log -1: a path
        answer "OK"
        answer {"Probability":70}
        answer 400 not between 0 and 100 percent
    "#]]
    .assert_eq(&world.take());
}

const LOCKS: &str = r#"
    loadmodule "sl"
    loadmodule "cfgutils"
    modparam("cfgutils", "lock_pool_size", 4)
    route {
        if ($rU == "static") {
            get_static_lock("zone");
            sleep(1);
            release_static_lock("zone");
        } else if ($rU == "dynamic") {
            get_dynamic_lock($hdr(X-Key));
            sleep(1);
            release_dynamic_lock($hdr(X-Key));
        } else if ($rU == "twice") {
            get_dynamic_lock("a");
            get_dynamic_lock("a");
            release_dynamic_lock("a");
            sleep(1);
            release_dynamic_lock("a");
        } else if ($rU == "forgotten") {
            get_static_lock("zone");
            sleep(1);
        } else if ($rU == "long") {
            get_static_lock("zone");
            sleep(50);
            sleep(50);
        } else if ($rU == "free") {
            release_static_lock("zone");
        }
        if (strings_share_lock("a", "a"))
            sl_send_reply(200, "$rU $ci");
    }
"#;

#[test]
fn a_lock_is_had_by_one_run_after_the_other_in_the_order_of_asking() {
    for shards in [1, 3] {
        let mut world = World::of_shards(LOCKS, shards);
        for number in 0..4 {
            world.udp(
                2,
                &format!("OPTIONS sip:static@192.0.2.1\nCall-ID: c{number}"),
            );
        }
        // Whoever has nothing to do with the lock goes on, and nothing happens to a lock that one does not have.
        world.udp(2, "OPTIONS sip:free@192.0.2.1\nCall-ID: f");
        expect![[r#"
            > udp:10.0.0.2:5060
                SIP/2.0 200 free f
        "#]]
        .assert_eq(&world.take());
        world.wait(1100);
        expect![[r#"
            > udp:10.0.0.2:5060
                SIP/2.0 200 static c0
        "#]]
        .assert_eq(&world.take());
        world.wait(3100);
        expect![[r#"
            > udp:10.0.0.2:5060
                SIP/2.0 200 static c1
            > udp:10.0.0.2:5060
                SIP/2.0 200 static c2
            > udp:10.0.0.2:5060
                SIP/2.0 200 static c3
        "#]]
        .assert_eq(&world.take());
    }
}

#[test]
fn a_lock_asked_for_twice_is_given_back_twice() {
    let mut world = World::of_shards(LOCKS, 2);
    world.udp(2, "OPTIONS sip:twice@192.0.2.1\nCall-ID: t");
    world.udp(2, "OPTIONS sip:dynamic@192.0.2.1\nCall-ID: d\nX-Key: a");
    world.wait(1100);
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 200 twice t
    "#]]
    .assert_eq(&world.take());
    world.wait(1100);
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 200 dynamic d
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_lock_that_a_run_forgets_is_released_with_a_warning() {
    let mut world = World::of_shards(LOCKS, 3);
    world.udp(2, "OPTIONS sip:forgotten@192.0.2.1\nCall-ID: f");
    world.udp(2, "OPTIONS sip:static@192.0.2.1\nCall-ID: s");
    world.wait(2200);
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 200 forgotten f
        log 1: a run ended without releasing the lock zone: released
        > udp:10.0.0.2:5060
            SIP/2.0 200 static s
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn who_waits_a_minute_for_a_lock_goes_on_without_it() {
    for shards in [1, 3] {
        let mut world = World::of_shards(LOCKS, shards);
        world.udp(2, "INVITE sip:long@192.0.2.1\nCall-ID: l");
        world.udp(2, "INVITE sip:static@192.0.2.1\nCall-ID: s");
        world.wait(62_000);
        let text = world.take();
        assert!(
            text.contains("log -1: the lock zone did not become free in time"),
            "{text}"
        );
        assert!(text.contains("200 static s"), "{text}");
        assert!(!text.contains("200 long l"), "{text}");
        // It is not granted to one who has gone, and it is free in the end.
        world.wait(60_000);
        world.take();
        world.udp(2, "OPTIONS sip:static@192.0.2.1\nCall-ID: t");
        world.wait(1100);
        assert!(world.take().contains("200 static t"));
    }
}

#[test]
fn two_strings_share_a_lock_of_a_pool_of_one() {
    let script = r#"
        loadmodule "sl"
        loadmodule "cfgutils"
        modparam("cfgutils", "lock_pool_size", 1)
        route {
            if (strings_share_lock("a", "b"))
                sl_send_reply(200, "shared");
        }
    "#;
    expect![[r#"
        > udp:10.0.0.2:5060
            SIP/2.0 200 shared
    "#]]
    .assert_eq(&World::new(script).udp(2, "OPTIONS sip:x@192.0.2.1").take());
    expect![[r#"
        parse error in test.cfg:4:48-49: parameter `lock_pool_size` of module cfgutils: 3 is no power of two up to 1048576
        1 error
    "#]]
    .assert_eq(&complaints(&script.replace("size\", 1", "size\", 3")));
}

#[test]
fn functions_over_all_values_of_a_variable() {
    let mut world = World::new(
        r#"
        loadmodule "sl"
        loadmodule "cfgutils"
        modparam("cfgutils", "varset", "init=i:7")
        modparam("cfgutils", "varset", "gw=s:sip:11.11.11.11;transport=tcp")
        route {
            $avp(x) = "a"; $avp(x) = 2; $avp(x) = "c";
            set_count($avp(x), $var(avps));
            set_count($hdr(X-A), $var(headers));
            set_count($avp(none), $var(none));
            set_count($rU, $var(user));
            $var(empty) = shuffle_avps($avp(none));
            shuffle_avps($avp(x));
            set_count($avp(x), $var(after));
            $avp(w) = 5; $avp(w) = 0; $avp(w) = -3; $avp(w) = "text";
            $var(index) = set_select_weight($avp(w));
            $avp(zero) = 0;
            $var(nothing) = set_select_weight($avp(zero));
            $var(same) = 0;
            if ($(avp(x)[0]) == "a" || $(avp(x)[1]) == "a" || $(avp(x)[2]) == "a")
                $var(same) = 1;
            xlog("$var(init) $var(gw)\n");
            xlog("$var(avps) $var(headers) $var(none) $var(user) $var(empty) $var(after) $var(index) $var(nothing) $var(same)\n");
        }
        "#,
    );
    world.udp(2, "OPTIONS sip:x@192.0.2.1\nX-A: 1\nX-A: 2");
    expect![[r#"
        log 2: 7 sip:11.11.11.11;transport=tcp
        log 2: 3 2 0 1 -1 3 3 -1 1
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn local_time_is_that_of_the_systems_zone() {
    let script = r#"
        loadmodule "cfgutils"
        route {
            xlog("$ctime(sec) $ctime(min) $ctime(hour) $ctime(mday) $ctime(mon) $ctime(year) $ctime(wday) $ctime(yday) $ctime(isdst) $ctime(x)\n");
            $var(rec) = "20231115T000000||1H";
            $var(bad) = "2023";
            xlog("$(var(rec){s.len})\n");
            if (check_time_rec($var(rec))) xlog("now\n");
            if (!check_time_rec("20231115T000000||1H", 1700003000)) xlog("not then\n");
            check_time_rec($var(bad));
            xlog("$rc\n");
        }
    "#;
    let files = engine::files::InMemory::default().with("/etc/timezone", "Europe/Bucharest\n");
    let mut world = World::with_files(script, 1, files);
    world.udp(2, "OPTIONS sip:x@192.0.2.1");
    expect![[r#"
        log 2: 20 13 0 15 11 2023 4 319 0 <null>
        log 2: 19
        log 2: now
        log 2: not then
        log -1: check_time_rec: `2023` is no time: YYYYMMDDTHHMMSS test.cfg:10
        log 2: -2
    "#]]
    .assert_eq(&world.take());
    expect![[r#"
        parse error in test.cfg:2:24-32: parameter 1 of `check_time_rec`: `2023` is no time: YYYYMMDDTHHMMSS
        1 error
    "#]].assert_eq(&complaints(
        "loadmodule \"cfgutils\"\nroute { check_time_rec(\"2023|x\"); }",
    ));
}

#[test]
fn a_file_is_compared_with_what_it_was() {
    let script = "loadmodule \"cfgutils\"\nmodparam(\"cfgutils\", \"hash_file\", \"/etc/tandem.cfg\")\nroute { exit; }";
    let files = engine::files::InMemory::default().with("/etc/tandem.cfg", "route {}\n");
    let mut world = World::with_files(script, 1, files);
    world.command("get_config_hash", &[]);
    world.command("check_config_hash", &[]);
    world.files.put("/etc/tandem.cfg", "route { exit; }\n");
    world.command("cfgutils:check_config_hash", &[]);
    expect![[r#"
        answer "020fbcc3b96f1cd020227c8fd471ac56"
        answer "The actual config file hash is identical to the stored one."
        answer 400 The actual config file hash is not identical to the stored one.
    "#]]
    .assert_eq(&world.take());
    let mut without = World::new("loadmodule \"cfgutils\"\nroute { exit; }");
    without.command("get_config_hash", &[]);
    expect![[r#"
        answer 404 No file for hashing has been configured
    "#]]
    .assert_eq(&without.take());
    expect![[r#"
        parse error in test.cfg:1:12-13: module `cfgutils`: cannot read `/etc/tandem.cfg`: no such file
        1 error
    "#]].assert_eq(&complaints(script));
}

#[test]
fn memory_is_told_by_how_full_the_tables_are() {
    let mut world = World::new("loadmodule \"cfgutils\"\nroute { shm_status(); pkg_status(); }");
    world.udp(2, "OPTIONS sip:x@192.0.2.1");
    expect![[r#"
        log 2: shm_status: shard 0: 0 server transactions, 0 client transactions, 0 response contexts, 0 parked runs, 0 timers
        log 2: pkg_status: shard 0: 0 server transactions, 0 client transactions, 0 response contexts, 0 parked runs, 0 timers
    "#]].assert_eq(&world.take());
}
