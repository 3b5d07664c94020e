//! `acc`: one line for each event.

use crate::harness::World;
use expect_test::expect;

const SCRIPT: &str = r#"
    loadmodule "sl"
    loadmodule "signaling"
    loadmodule "sipmsgops"
    loadmodule "tm"
    loadmodule "rr"
    loadmodule "acc"
    modparam("acc", "extra_fields", "log: src->source; note")
    route {
        $acc_extra(src) = $si;
        if ($rU == "plain")
            do_accounting("log");
        if ($rU == "missed")
            do_accounting("log", "missed");
        if ($rU == "failed")
            do_accounting("log", "missed|failed");
        if ($rU == "dropped") {
            do_accounting("log", "failed");
            drop_accounting();
        }
        if ($rU == "now") {
            $acc_extra(note) = "by hand";
            acc_log_request("480 Not now");
            sl_send_reply(480, "Not now");
            exit;
        }
        if ($rU == "retried") {
            do_accounting("log", "missed");
            t_on_failure("retry");
        }
        t_relay();
    }
    failure_route[retry] {
        if ($T_branch_idx == 0 && $rU == "retried") {
            $ru = "sip:again@10.0.0.4";
            t_on_failure("give_up");
            t_relay();
        }
    }
    failure_route[give_up] {
        xlog("L_DBG", "nothing more to try");
    }
"#;

fn lines(users: &[&str], status: &str) -> String {
    let mut world = World::new(SCRIPT);
    for user in users {
        world.udp(2, &format!("INVITE sip:{user}@10.0.0.3\nCall-ID: {user}"));
        let invite = world.last_request();
        if !status.is_empty() {
            world.respond(3, &invite, status);
        }
    }
    world
        .take()
        .lines()
        .filter(|line| line.starts_with("log"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn success_is_accounted_for_all_that_are_armed() {
    expect![[r#"
        log 2: ACC: transaction answered: timestamp=1700000000;method=INVITE;from_tag=a1;to_tag=a3;call_id=plain;code=200;reason=OK;source=10.0.0.2;note=
        log 2: ACC: transaction answered: timestamp=1700000000;method=INVITE;from_tag=a1;to_tag=a3;call_id=missed;code=200;reason=OK;source=10.0.0.2;note=
        log 2: ACC: transaction answered: timestamp=1700000000;method=INVITE;from_tag=a1;to_tag=a3;call_id=failed;code=200;reason=OK;source=10.0.0.2;note=
    "#]].assert_eq(&lines(
        &["plain", "missed", "failed", "dropped", "other"],
        "200 OK",
    ));
}

#[test]
fn failure_is_missed_or_failed_as_asked() {
    expect![[r#"
        log 2: ACC: call missed: timestamp=1700000000;method=INVITE;from_tag=a1;to_tag=a3;call_id=missed;code=486;reason=Busy Here;source=10.0.0.2;note=
        log 2: ACC: call missed: timestamp=1700000000;method=INVITE;from_tag=a1;to_tag=a3;call_id=failed;code=486;reason=Busy Here;source=10.0.0.2;note=
        log 2: ACC: transaction answered: timestamp=1700000000;method=INVITE;from_tag=a1;to_tag=a3;call_id=failed;code=486;reason=Busy Here;source=10.0.0.2;note=
    "#]].assert_eq(&lines(
        &["plain", "missed", "failed", "dropped", "other"],
        "486 Busy Here",
    ));
}

#[test]
fn a_record_by_hand_is_written_at_once() {
    expect![[r#"
        log 2: ACC: request accounted: timestamp=1700000000;method=INVITE;from_tag=a1;to_tag=;call_id=now;code=480;reason=Not now;source=10.0.0.2;note=by hand
    "#]].assert_eq(&lines(&["now"], ""));
}

#[test]
fn a_missed_call_is_one_line_for_each_round_of_branches() {
    let mut world = World::new(SCRIPT);
    world.udp(2, "INVITE sip:retried@10.0.0.3");
    let first = world.last_request();
    world.respond(3, &first, "480 Not Here");
    let second = world.last_request();
    world.respond(4, &second, "486 Busy Here");
    let told: String = world
        .take()
        .lines()
        .filter(|line| line.starts_with("log") || line.contains("SIP/2.0 4"))
        .map(|line| format!("{line}\n"))
        .collect();
    expect![[r#"
        log 2: ACC: call missed: timestamp=1700000000;method=INVITE;from_tag=a1;to_tag=a3;call_id=call-1;code=480;reason=Not Here;source=10.0.0.2;note=
        log 2: ACC: call missed: timestamp=1700000000;method=INVITE;from_tag=a1;to_tag=a4;call_id=call-1;code=486;reason=Busy Here;source=10.0.0.2;note=
            SIP/2.0 486 Busy Here
    "#]].assert_eq(&told);
}
