//! A compiled program as text, for the tests that read it.

use std::fmt::Write as _;

use super::program::{Kind, Optional, Part, Program, Step, Template};

pub(crate) fn listing(program: &Program) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{:?} \"{}\"", program.role, program.name);
    for (place, step) in program.steps.iter().enumerate() {
        let _ = writeln!(out, "{place:>2} {}{}", head(step), common(program, step));
        for action in &step.actions {
            let shown = named(program, &format!("{action:?}"));
            let _ = writeln!(out, "     {shown}");
        }
        if let Kind::Send(send) = &step.kind {
            for line in text(program, &send.template).split_inclusive("\r\n") {
                let _ = writeln!(out, "     | {}", line.trim_end());
            }
        }
    }
    for variable in &program.variables {
        let _ = writeln!(
            out,
            "${} {:?} {}",
            variable.name, variable.scope, variable.slot
        );
    }
    for (timer, bounds) in &program.response_bounds {
        let _ = writeln!(
            out,
            "responses of timer {} by {bounds:?} ms",
            program.timers[*timer]
        );
    }
    if !program.length_bounds.is_empty() {
        let _ = writeln!(out, "lengths by {:?} ms", program.length_bounds);
    }
    out
}

/// Variables by name.
fn named(program: &Program, text: &str) -> String {
    let mut text = text.to_owned();
    for (place, variable) in program.variables.iter().enumerate() {
        text = text.replace(
            &format!("Variable({place})"),
            &format!("${}", variable.name),
        );
    }
    text
}

fn head(step: &Step) -> String {
    match &step.kind {
        Kind::Send(send) => {
            let retrans = send.retrans.map(|t1| format!(" again after {t1} ms"));
            format!("send {}{}", send.shown, retrans.unwrap_or_default())
        }
        Kind::Recv(recv) => {
            let mut line = format!("recv {}", recv.expect.shown());
            match recv.optional {
                Optional::No => {}
                Optional::Yes => line += " optional",
                Optional::Global => line += " at any time",
            }
            if let Some((time, step)) = recv.chain_timeout {
                let _ = write!(line, " within {time} ms (step {step})");
            }
            if let Some(to) = recv.on_timeout {
                let _ = write!(line, " else {to}");
            }
            for (kept, what) in [
                (recv.keeps_routes, " keeps routes"),
                (recv.keeps_challenge, " keeps challenge"),
                (recv.keeps_message, " keeps message"),
            ] {
                line += if kept { what } else { "" };
            }
            line
        }
        Kind::Pause(pause) => format!("pause {pause:?}"),
        Kind::Nop => "nop".to_owned(),
        Kind::TimeWait(time) => format!("over, stays {time} ms"),
    }
}

fn common(program: &Program, step: &Step) -> String {
    let mut line = String::new();
    if let Some((id, wanted)) = step.when {
        let name = &program.variables[usize::from(id)].name;
        let _ = write!(line, " {} ${name}", if wanted { "if" } else { "unless" });
    }
    if let Some(timer) = step.start_timer {
        let _ = write!(line, " starts {}", program.timers[usize::from(timer)]);
    }
    if let Some(timer) = step.stop_timer {
        let _ = write!(line, " stops {}", program.timers[usize::from(timer)]);
    }
    if let Some(counter) = step.counter {
        let _ = write!(line, " counts {}", program.counters[usize::from(counter)]);
    }
    if step.lost > 0.0 {
        let _ = write!(line, " loses {} %", step.lost * 100.0);
    }
    if let Some(next) = step.next {
        let _ = write!(line, " -> {}", next.step);
        if let Some(id) = next.test {
            let _ = write!(line, " if ${}", program.variables[usize::from(id)].name);
        }
        if next.chance < 1.0 {
            let _ = write!(line, " by chance {}", next.chance);
        }
    }
    line
}

fn text(program: &Program, template: &Template) -> String {
    let mut out = String::new();
    for part in &template.parts {
        match part {
            Part::Text(text) => out += &String::from_utf8_lossy(text),
            Part::Slot(slot) => {
                let shown = format!("{:?}", slot.keyword);
                let shown = match &slot.keyword {
                    super::program::Keyword::Variable(id) => {
                        format!("${}", program.variables[usize::from(*id)].name)
                    }
                    super::program::Keyword::LastHeader(name) => {
                        format!("Last {}", String::from_utf8_lossy(name))
                    }
                    super::program::Keyword::Authentication(login) => format!(
                        "Authentication {} {}",
                        text(program, &login.user),
                        text(program, &login.password)
                    ),
                    _ => shown,
                };
                let _ = write!(out, "{{{shown}}}");
            }
            Part::Body => {}
        }
    }
    out
}
