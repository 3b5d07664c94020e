//! `statistics`: what shards count is one number.

use crate::harness::{World, complaints};
use expect_test::expect;

const SCRIPT: &str = r#"
    loadmodule "sl"
    loadmodule "registrar"
    loadmodule "usrloc"
    loadmodule "signaling"
    loadmodule "statistics"
    modparam("statistics", "variable", "kept/no_reset")
    modparam("statistics", "stat_groups", "method, packet")
    modparam("statistics", "stat_series_profile", "asr: algorithm=percentage window=60")
    modparam("statistics", "stat_series_profile", "pdd: algorithm=average group=packet")
    route {
        if ($rU == "count") {
            update_stat("method:$rm", 2);
            update_stat("calls", 1);
            update_stat("kept", 1);
            update_stat_series("asr", "all", 1);
            update_stat_series("pdd", "ms", 30);
        } else if ($rU == "down") {
            update_stat("calls", -2);
            update_stat_series("asr", "all", -1);
            update_stat_series("pdd", "ms", 10);
        } else if ($rU == "read") {
            xlog("$stat(method:OPTIONS) $stat(calls) $stat(dynamic:calls) $stat(kept) $stat(asr:all) $stat(packet:ms)\n");
            xlog("$stat(rcv_requests) $stat(core:rcv_requests) $stat(registrar:default_expire) $stat(max_contacts) $stat(nothing) $stat(method:calls)\n");
        } else if ($rU == "reset") {
            reset_stat("kept");
            xlog("$rc\n");
            $stat(method:OPTIONS) = 0;
            reset_stat("calls");
            xlog("$rc\n");
            reset_stat("registrar:max_contacts");
            xlog("$rc\n");
        } else if ($rU == "list") {
            update_stat("packet:late", 1);
            stat_iter_init("packet", "i");
            stat_iter_init("method", "j");
            while (stat_iter_next($var(name), $var(value), "i")) {
                if (stat_iter_next($var(other), $var(more), "j"))
                    xlog("$var(other)=$var(more)\n");
                xlog("$var(name)=$var(value)\n");
            }
            if (!stat_iter_next($var(name), $var(value), "never"))
                xlog("no iterator\n");
        } else if ($rU == "wrong") {
            if (!update_stat("other:x", 1) && !update_stat_series("none", "x", 1))
                xlog("refused\n");
        }
    }
"#;

fn count(world: &mut World) {
    for number in 0..5 {
        world.udp(
            2,
            &format!("OPTIONS sip:count@192.0.2.1\nCall-ID: c{number}"),
        );
    }
    world.udp(2, "OPTIONS sip:down@192.0.2.1\nCall-ID: d");
}

#[test]
fn what_one_shard_counts_every_shard_reads_in_the_sum() {
    for shards in [1, 3] {
        let mut world = World::of_shards(SCRIPT, shards);
        count(&mut world);
        world.udp(2, "OPTIONS sip:read@192.0.2.1\nCall-ID: r");
        expect![[r#"
            log 2: 10 3 3 5 83 26
            log 2: 7 7 3600 0 <null> <null>
        "#]]
        .assert_eq(&world.take());
    }
}

#[test]
fn a_question_that_gets_lost_holds_a_run_up_for_a_second() {
    let mut world = World::of_shards(
        r#"
        loadmodule "statistics"
        route {
            update_stat("calls", 1);
            xlog("$stat(calls) of one shard\n");
            if (stat_iter_init("dynamic", "i"))
                xlog("never\n");
            xlog("end\n");
        }
        "#,
        2,
    );
    world.loses_letters = true;
    world.udp(2, "OPTIONS sip:192.0.2.1");
    world.wait(900);
    expect![""].assert_eq(&world.take());
    world.wait(200);
    expect![[r#"
        log 2: 1 of one shard
    "#]]
    .assert_eq(&world.take());
    world.wait(1100);
    expect![[r#"
        log 2: end
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn a_reset_reaches_every_shard_and_never_what_is_kept() {
    for shards in [1, 3] {
        let mut world = World::of_shards(SCRIPT, shards);
        count(&mut world);
        world.udp(2, "OPTIONS sip:reset@192.0.2.1\nCall-ID: x");
        world.udp(2, "OPTIONS sip:read@192.0.2.1\nCall-ID: r");
        expect![[r#"
            log 2: -1
            log 2: 1
            log 2: -1
            log 2: 0 0 0 5 83 26
            log 2: 8 8 3600 0 <null> <null>
        "#]]
        .assert_eq(&world.take());
    }
}

#[test]
fn the_statistics_of_a_group_come_one_after_the_other() {
    for shards in [1, 3] {
        let mut world = World::of_shards(SCRIPT, shards);
        count(&mut world);
        world.udp(2, "OPTIONS sip:list@192.0.2.1\nCall-ID: l");
        expect![[r#"
            log 2: OPTIONS=10
            log 2: late=1
            log 2: ms=26
            log 2: no iterator
        "#]]
        .assert_eq(&world.take());
    }
}

#[test]
fn a_series_forgets_and_management_sees_it_once() {
    let mut world = World::of_shards(SCRIPT, 2);
    count(&mut world);
    world.wait(1100);
    world.command("get_statistics", &[("statistics", "asr:")]);
    world.command("get_statistics", &[("statistics", "dynamic:")]);
    world.wait(61_000);
    world.command("statistics:get", &[("statistics", "asr:all")]);
    expect![[r#"
        answer 404 Statistics Not Found
        answer {"asr:all":83}
        answer {"dynamic:kept":3,"dynamic:calls":1}
        answer {"dynamic:kept":2,"dynamic:calls":2}
        answer 404 Statistics Not Found
        answer {"asr:all":0}
    "#]]
    .assert_eq(&world.take());
}

#[test]
fn groups_and_profiles_that_nobody_declared_are_refused() {
    let mut world = World::new(SCRIPT);
    world.udp(2, "OPTIONS sip:wrong@192.0.2.1");
    expect![[r#"
        log -1: update_stat: the group `other` stands in no stat_groups test.cfg:45
        log -1: update_stat_series: no such profile, or no name test.cfg:45
        log 2: refused
    "#]]
    .assert_eq(&world.take());
    let wrong = |param: &str, value: &str| {
        complaints(&format!(
            "loadmodule \"statistics\"\nmodparam(\"statistics\", \"{param}\", \"{value}\")\nroute {{ exit; }}"
        ))
    };
    let text = wrong("variable", "a/reset")
        + &wrong("variable", "g:a")
        + &wrong("stat_series_profile", "a: slots=x");
    expect![[r#"
        parse error in test.cfg:2:36-45: parameter `variable` of module statistics: `reset` is not `no_reset`
        1 error
        parse error in test.cfg:1:12-13: module `statistics`: the group `g` stands in no stat_groups
        1 error
        parse error in test.cfg:2:47-59: parameter `stat_series_profile` of module statistics: `slots=x` is not between 1 and 86400
        1 error
    "#]].assert_eq(&text);
}
