//! Mix files: what they say, and what is refused in them.

use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::super::mix;
use super::command_line::plan;
use crate::source::Source;

fn refused(text: &str, expected: Expect) {
    let mut plan = plan("call 127.0.0.1").unwrap();
    let source = Source {
        name: "day.toml",
        text,
    };
    let error = mix::read(&source, &mut plan).unwrap_err();
    expected.assert_eq(&format!("{error}\n"));
}

#[test]
fn a_day_of_an_office() {
    let path = std::env::temp_dir().join(format!("loadgen-{}-day.toml", std::process::id()));
    std::fs::write(
        &path,
        "
        rate = 1_000          # of the parts that have a share
        duration = \"60s\"
        arrivals = 'poisson'
        reject-share = \"5%\"
        no-answer-share = 0.1

        [[part]]
        scenario = \"call\"
        share = 3
        hold = \"lognormal:3m:0.8\"
        patience = \"20s\"
        cancel = \"2s-8s\"
        cancel-share = 0.07

        [[part]]
        name = \"mail\"
        scenario = \"message\"
        body = \"news # not a comment\"
        begin = \"10s\"
        ramp = \"20s\"

        [[part]]
        scenario = \"register\"
        rate = 50
        refresh = true
        expires = 60
        ",
    )
    .unwrap();
    let plan = plan(&format!(
        "mix {} 127.0.0.1 --duration 30s --users 7",
        path.display()
    ));
    std::fs::remove_file(path).unwrap();
    let plan = plan.unwrap();
    let mut said = String::new();
    for part in plan.parts() {
        let shape = part.shape(&plan);
        writeln!(
            said,
            "{}: {:?}, {}/s, from {} s for {} s, ramp {} s, cancel {:?}, body {:?}, refresh {}",
            part.name,
            part.scenario,
            plan.rate_of(&part),
            part.begin / 1_000_000,
            shape.duration / 1_000_000,
            shape.ramp / 1_000_000,
            part.choice.cancel_share,
            part.body,
            part.refresh,
        )
        .unwrap();
    }
    writeln!(
        said,
        "{:?}, {} users, expected {}",
        plan.odds,
        plan.users,
        plan.expected()
    )
    .unwrap();
    expect![[r#"
        call: Call, 750/s, from 0 s for 30 s, ramp 0 s, cancel Chance(70000), body "hello", refresh false
        mail: Message, 250/s, from 10 s for 20 s, ramp 20 s, cancel Chance(1000000), body "news # not a comment", refresh false
        register: Register, 50/s, from 0 s for 30 s, ramp 0 s, cancel Chance(1000000), body "hello", refresh true
        Odds { reject: Chance(50000), status: 486, ring_on: Chance(100000), hang_up: Chance(1000000) }, 7 users, expected 26500
    "#]]
    .assert_eq(&said);
}

#[test]
fn unknown_keys_are_refused_where_they_stand() {
    refused(
        "rate = 5\n\n[[part]]\nscenario = \"call\"\n  holdd = \"3s\"\n",
        expect![[r#"
            day.toml:5:3: there is no `holdd` here; there are scenario, name, share, rate, begin, duration, ramp, burst, arrivals, to, hold, cancel, cancel-share, patience, reinvite, reinvite-share
                5 |   holdd = "3s"
                  |   ^^^^^
        "#]],
    );
    refused(
        "raet = 5\n",
        expect![[r#"
            day.toml:1:1: there is no `raet` here; there are rate, duration, arrivals, ramp, burst, seed, users, callee, domain, ring, reject, reject-share, no-answer-share, callee-hangs-up, callee-hangs-up-share, trying, sdp, accept
                1 | raet = 5
                  | ^^^^
        "#]],
    );
    refused(
        "[[part]]\nscenario = \"options\"\nhold = \"3s\"\n",
        expect![[r#"
            day.toml:3:1: there is no `hold` here; there are scenario, name, share, rate, begin, duration, ramp, burst, arrivals, to
                3 | hold = "3s"
                  | ^^^^
        "#]],
    );
}

#[test]
fn values_are_refused_where_they_stand() {
    refused(
        "rate = -5\n",
        expect![[r#"
            day.toml:1:8: `rate` is a number above 0
                1 | rate = -5
                  |        ^^
        "#]],
    );
    refused(
        "[[part]]\nscenario = \"dance\"\n",
        expect![[r#"
            day.toml:2:12: a part's scenario is call, register, message or options
                2 | scenario = "dance"
                  |            ^^^^^^^
        "#]],
    );
    refused(
        "rate = fast\n",
        expect![[r#"
            day.toml:1:8: expected a number, true, false, or a text in quotes
                1 | rate = fast
                  |        ^^^^
        "#]],
    );
    refused(
        "domain = \"example.com\n",
        expect![[r#"
            day.toml:1:10: this quote is never closed
                1 | domain = "example.com
                  |          ^
        "#]],
    );
    refused(
        "[[part]]\nscenario = \"call\"\nrate = 5\nshare = 2\n",
        expect![[r#"
            day.toml:4:1: a part has a `rate` of its own or a `share` of the run's, not both
                4 | share = 2
                  | ^^^^^
        "#]],
    );
    refused(
        "[[part]]\nscenario = \"call\"\ncancel-share = 0.5\n",
        expect![[r#"
            day.toml:1:1: `cancel-share` is the share of calls that `cancel` gives up: after how long?
                1 | [[part]]
                  | ^^^^^^^^
        "#]],
    );
}

#[test]
fn what_makes_no_mix_is_refused() {
    refused(
        "[part]\nscenario = \"call\"\n",
        expect![[r#"
            day.toml:1:1: there is only `[[part]]` here
                1 | [part]
                  | ^^^^^^
        "#]],
    );
    refused(
        "[[part]]\nname = \"x\"\n",
        expect![[r#"
            day.toml:1:1: a part needs its `scenario`
                1 | [[part]]
                  | ^^^^^^^^
        "#]],
    );
    refused(
        "rate = 5\nrate = 6\n",
        expect![[r#"
            day.toml:2:1: `rate` is said twice
                2 | rate = 6
                  | ^^^^
        "#]],
    );
    refused(
        "rate = 5\n",
        expect![[r#"
            day.toml:2:1: a mix needs a `[[part]]`
                2 | 
                  | ^
        "#]],
    );
}
