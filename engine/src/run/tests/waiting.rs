//! Runs that wait: they park, and go on with the same operation.

use expect_test::expect;
use script::RouteKind;

use super::{Bench, INVITE};
use crate::input::Answer;
use crate::module::{
    Args, Context, Exports, Kind, Module, Registry, Routes, Shape, VarArgs, Verdict,
};
use crate::outbox::Query;
use crate::run::{Ended, Reading, resume};

/// Functions and variables that wait.
struct Slow;

impl Module for Slow {
    const NAME: &'static str = "slow";

    fn new() -> Self {
        Slow
    }

    fn exports(exports: &mut Exports<Self>) {
        exports.async_function(
            "slow",
            &[Kind::Str, Kind::Output.optional()],
            Routes::ALL,
            Self::slow,
        );
        exports.async_function("quick", &[], Routes::ALL, |_, _, _| Verdict::OK);
        exports.function("slow_twice", &[], Routes::ALL, Self::twice);
        exports.function("hasty", &[], Routes::ALL, |_, cx, _| {
            // Asks for a ticket and does not wait after all.
            Verdict::of(cx.wait_ticket().is_some())
        });
        exports.function("insatiable", &[], Routes::ALL, |_, cx, _| {
            cx.query(Query::Sleep, 500)
        });
        exports.variable("slow", Shape::NAMED, Self::read);
    }
}

fn answered(answer: &Answer) -> i32 {
    match answer {
        Answer::Slept => 1,
        Answer::TimedOut => -2,
        _ => -1,
    }
}

impl Slow {
    fn slow(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        match cx.answer().map(answered) {
            None => cx.query(Query::Sleep, 500),
            Some(value) => {
                args.set(1, args.str(0));
                Verdict::Return(value)
            }
        }
    }

    fn twice(&mut self, cx: &mut Context<'_>, _: Args<'_>) -> Verdict {
        if cx.answer().is_some() {
            cx.run.step += 1;
        }
        match cx.run.step {
            0 | 1 => cx.query(Query::Sleep, 500),
            _ => Verdict::Return(2),
        }
    }

    fn read(&mut self, cx: &mut Context<'_>, args: VarArgs<'_>, out: &mut Vec<u8>) -> Reading {
        if cx.answer().is_none() {
            return match cx.query(Query::Sleep, 500) {
                Verdict::Wait(ticket) => Reading::Wait(ticket),
                _ => Reading::Null,
            };
        }
        Reading::text(args.name(), out)
    }
}

/// `async` asks for a module of this name.
struct Tm;

impl Module for Tm {
    const NAME: &'static str = "tm";

    fn new() -> Self {
        Tm
    }

    fn exports(_: &mut Exports<Self>) {}
}

fn bench(script: &str) -> Bench {
    let mut registry = Registry::new();
    registry.add::<Slow>().add::<Tm>();
    Bench::new(
        &format!("loadmodule \"slow.so\" loadmodule \"tm.so\"\n{script}"),
        &registry,
    )
    .unwrap_or_else(|errors| panic!("{errors}"))
}

/// Runs an ACK, which makes no transaction when it parks, and answers whatever it waits for.
fn run(script: &str, answers: &[Answer]) -> String {
    let mut bench = bench(script);
    let ack = INVITE.replace("INVITE", "ACK");
    let mut ended = bench.run(RouteKind::Request, &ack);
    let mut text = bench.listing(&ended);
    for answer in answers {
        let Ended::Waits(ticket) = ended else { break };
        let answer = match answer {
            Answer::Slept => Answer::Slept,
            _ => Answer::TimedOut,
        };
        let Bench {
            core,
            modules,
            outbox,
            ..
        } = &mut bench;
        ended = resume(ticket, answer, core, modules, outbox).expect("the ticket is in time");
        text.push_str(&bench.listing(&ended));
    }
    assert!(
        matches!(ended, Ended::Finished(..)),
        "it waits longer than it is answered:\n{text}"
    );
    assert_eq!(bench.core.machine.parked.len(), 0);
    text
}

#[test]
fn a_call_waits_and_goes_on_with_the_same_arguments() {
    let text = run(
        r#"
        route {
            $var(x) = "kept";
            route(sub, "param");
            xlog("$rc $var(x) $var(out)");
            slow("again"); xlog("$rc");
        }
        route[sub] { slow("$param(1) $rU", $var(out)); return($rc); }
        "#,
        &[Answer::Slept, Answer::TimedOut],
    );
    expect![[r#"
        query Sleep
        -- waits
        1 kept param bob
        query Sleep
        -- waits
        -2
    "#]]
    .assert_eq(&text);
}

#[test]
fn several_variables_of_one_text_wait_one_after_the_other() {
    let text = run(
        r#"
        route {
            xlog("$slow(a) and $slow(b)");
            if ($slow(c) == $slow(d)) xlog("never"); else xlog("differ");
        }
        "#,
        &[Answer::Slept, Answer::Slept, Answer::Slept, Answer::Slept],
    );
    expect![[r#"
        query Sleep
        -- waits
        query Sleep
        -- waits
        a and b
        query Sleep
        -- waits
        query Sleep
        -- waits
        differ
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_call_may_wait_several_times() {
    let text = run(
        "route { slow_twice(); xlog(\"$rc\"); hasty(); xlog(\"$rc\"); }",
        &[Answer::Slept, Answer::Slept],
    );
    expect![[r#"
        query Sleep
        -- waits
        query Sleep
        -- waits
        2
        1
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_waiting_run_keeps_its_vars_and_others_do_not_see_later_ones() {
    let mut bench = bench(
        r#"route { $var(x) = $var(x) + 1; slow("x"); $var(x) = $var(x) + 10; xlog("$var(x)"); }"#,
    );
    let ack = INVITE.replace("INVITE", "ACK");
    let mut waiting = Vec::new();
    for _ in 0..2 {
        let Ended::Waits(ticket) = bench.run(RouteKind::Request, &ack) else {
            panic!("it waits")
        };
        waiting.push(ticket);
    }
    bench.outbox.clear();
    let mut text = String::new();
    for ticket in waiting.clone() {
        let Bench {
            core,
            modules,
            outbox,
            ..
        } = &mut bench;
        let ended = resume(ticket, Answer::Slept, core, modules, outbox).expect("in time");
        text.push_str(&bench.listing(&ended));
        let Ended::Finished(run, _) = ended else {
            panic!("it is over")
        };
        let scene = bench.core.machine.end(run);
        bench.core.machine.give_scene(scene);
    }
    for ticket in waiting {
        let Bench {
            core,
            modules,
            outbox,
            ..
        } = &mut bench;
        let late = resume(ticket, Answer::Slept, core, modules, outbox);
        text.push_str(if late.is_none() {
            "late\n"
        } else {
            "not late\n"
        });
    }
    expect![[r#"
        11
        12
        late
        late
    "#]]
    .assert_eq(&text);
}

#[test]
fn what_never_has_enough_fails_and_what_comes_after_it_may_wait_again() {
    let answers: Vec<Answer> = std::iter::repeat_with(|| Answer::Slept)
        .take(2 * usize::from(crate::limits::OPERATION_WAITS_MAX) + 1)
        .collect();
    let text = run(
        r#"route { insatiable(); xlog("$rc"); slow("x"); xlog("$rc"); insatiable(); xlog("$rc"); }"#,
        &answers,
    );
    let said: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with("query") && !line.starts_with("--"))
        .collect();
    assert_eq!(said, ["-1", "1", "-1"]);
    assert_eq!(text.matches("query").count(), answers.len());
}

#[test]
fn a_run_whose_loops_wait_in_each_round_ends() {
    let bound = usize::from(crate::limits::RUN_WAITS_MAX);
    let answers: Vec<Answer> = std::iter::repeat_with(|| Answer::Slept)
        .take(bound + 1)
        .collect();
    let text = run(
        r#"
        route {
            while ($var(i) < 60) {
                $var(j) = 0;
                while ($var(j) < 60) { slow("x"); $var(rc) = $rc; $var(j) += 1; }
                $var(i) += 1;
            }
            xlog("$var(rc)");
        }
        "#,
        &answers,
    );
    assert_eq!(text.matches("query").count(), bound);
    assert_eq!(text.lines().last(), Some("-1"));
}

#[test]
fn a_run_that_nobody_answers_goes_on_at_its_deadline() {
    let mut bench = bench(r#"route { slow("x"); xlog("$rc"); }"#);
    let ack = INVITE.replace("INVITE", "ACK");
    let Ended::Waits(_) = bench.run(RouteKind::Request, &ack) else {
        panic!("it waits")
    };
    bench.outbox.clear();
    let now_ms = bench.core.now.mono_ms();
    assert!(
        bench.core.wheel.pop(now_ms + 500).is_none(),
        "the world is still asked to answer"
    );
    let fired = bench
        .core
        .wheel
        .pop(now_ms + 700)
        .expect("the deadline is over");
    let Bench {
        core,
        modules,
        outbox,
        ..
    } = &mut bench;
    let ended =
        crate::run::on_deadline(fired.slot, core, modules, outbox).expect("a run waits there");
    expect![[r#"
        -2
    "#]]
    .assert_eq(&bench.listing(&ended));
}

#[test]
fn async_goes_on_in_another_route_without_what_was_called_before() {
    let text = run(
        r#"
        route { route(sub, "param"); xlog("never"); }
        route[sub] { $avp(a) = "kept"; async(slow("x", $avp(out)), after); xlog("never"); }
        route[after] { xlog("$rc $avp(a) $avp(out) $param(1) $(route[*])"); }
        "#,
        &[Answer::Slept],
    );
    expect![[r#"
        query Sleep
        -- waits
        1 kept x <null> route[after]
    "#]]
    .assert_eq(&text);
}

#[test]
fn launch_goes_on_at_once_and_its_route_runs_apart() {
    let mut bench = bench(
        r#"
        route { launch(slow("x", $avp(out)), after, "of $rU"); xlog("$rc at once"); }
        route[after] { xlog("$rc $param(1) $avp(out) [$ru] [$ci]"); }
        "#,
    );
    let ended = bench.run(RouteKind::Request, INVITE);
    let mut text = bench.listing(&ended);
    let Bench {
        core,
        modules,
        outbox,
        ..
    } = &mut bench;
    let ticket = core.machine.parked.at(0).expect("the launched run waits");
    let ended = resume(ticket, Answer::Slept, core, modules, outbox).expect("in time");
    text.push_str(&bench.listing(&ended));
    expect![[r#"
        query Sleep
        1 at once
        1 of bob x [<null>] [<null>]
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_call_fails_when_too_many_runs_wait() {
    let mut bench = bench(r#"route { slow("x"); xlog("$rc"); }"#);
    bench.core.limits.parked_runs = 1;
    let ack = INVITE.replace("INVITE", "ACK");
    let first = bench.run(RouteKind::Request, &ack);
    let mut text = bench.listing(&first);
    let second = bench.run(RouteKind::Request, &ack);
    text.push_str(&bench.listing(&second));
    expect![[r#"
        query Sleep
        -- waits
        -1
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_request_of_our_own_waits_without_a_transaction_of_a_server() {
    let mut bench = bench(
        r#"
        route { exit; }
        local_route { $var(x) = "kept"; async(slow("x", $avp(out)), after); xlog("never"); }
        route[after] { xlog("$rc $avp(out) $var(x) $route"); drop; }
        "#,
    );
    let ended = bench.run(RouteKind::Local, INVITE);
    let mut text = bench.listing(&ended);
    assert_eq!(bench.core.servers.len(), 0);
    let Bench {
        core,
        modules,
        outbox,
        ..
    } = &mut bench;
    let ticket = core.machine.parked.at(0).expect("it waits");
    let ended = resume(ticket, Answer::Slept, core, modules, outbox).expect("in time");
    text.push_str(&bench.listing(&ended));
    expect![[r#"
        query Sleep
        -- waits
        1 x kept route[after]
        -- Drop
    "#]]
    .assert_eq(&text);
}

#[test]
fn an_async_that_never_waits_and_starts_itself_ends() {
    let text = run(
        r#"
        route { async(quick(), again); }
        route[again] { async(quick(), again); }
        "#,
        &[],
    );
    expect![[r#"
        error: too much work without waiting, ending the run test.cfg:4
        -- Exit
    "#]]
    .assert_eq(&text);
}

#[test]
fn a_line_of_a_trace_waits_for_nothing() {
    let text = run(
        r#"route { script_trace(1, "$rU $slow(a)"); slow("x", $var(out)); xlog("$rc $var(out)"); }"#,
        &[Answer::Slept],
    );
    expect![[r#"
        query Sleep
        warning: [Script Trace][test.cfg:2][route][slow] -> (bob )
        query Sleep
        -- waits
        query Sleep
        warning: [Script Trace][test.cfg:2][route][slow] -> (bob )
        query Sleep
        warning: [Script Trace][test.cfg:2][route][xlog] -> (bob )
        1 x
    "#]]
    .assert_eq(&text);
}
