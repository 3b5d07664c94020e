//! Looking on while a script executes: `script_trace`, and `exec_msg_threshold` with the actions that took longest.
//!
//! Neither costs more than a test of a pointer when it is off. The engine has no clock: whoever runs it on a real one
//! lends it a stopwatch.

use script::RouteKind;
use script::ops::{Op, OpId};
use script::program::CallId;

use super::evaluate;
use super::execute::Hands;
use super::frame::Run;
use super::log;
use super::value::ValueRef;

/// The actions that a warning names.
const SLOWEST_SHOWN: usize = 5;

/// What `script_trace` was asked for, until the top route ends.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) level: i8,
    pub(crate) text: Vec<u8>,
    /// The text is a format string, to be evaluated for each line.
    pub(crate) is_format: bool,
    pub(crate) tag: Vec<u8>,
}

/// Times the actions of a run.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    /// Microseconds, from anywhere.
    pub(crate) read: fn() -> u64,
    /// The longest of the run in hand, longest first.
    slowest: [(OpId, u64); SLOWEST_SHOWN],
}

impl Stopwatch {
    pub(crate) fn new(read: fn() -> u64) -> Stopwatch {
        Stopwatch {
            read,
            slowest: [(OpId(0), 0); SLOWEST_SHOWN],
        }
    }

    /// A run begins or goes on; the time.
    pub(super) fn begin(&mut self) -> u64 {
        self.slowest = [(OpId(0), 0); SLOWEST_SHOWN];
        (self.read)()
    }

    pub(super) fn took(&mut self, at: OpId, us: u64) {
        let Some(last) = self.slowest.last_mut().filter(|last| last.1 < us) else {
            return;
        };
        *last = (at, us);
        self.slowest.sort_by_key(|(_, us)| std::cmp::Reverse(*us));
    }
}

/// A line for the action that comes, if it is one.
pub(super) fn trace(run: &mut Run, op: Op, hands: &mut Hands<'_>) {
    let Some(trace) = run.state.trace.take() else {
        return;
    };
    if trace.level <= hands.core.log_level {
        write_trace(&trace, run, op, hands);
    }
    run.state.trace = Some(trace);
}

fn write_trace(trace: &Trace, run: &mut Run, op: Op, hands: &mut Hands<'_>) {
    let linked = hands.linked;
    let program = &*linked.program;
    let call = |id| {
        linked
            .catalog
            .function(program.call(id).function)
            .name
            .as_ref()
    };
    let Some(action) = action(op, call) else {
        return;
    };
    let mut text = Vec::new();
    if trace.is_format {
        evaluate_apart(run, &trace.text, hands, &mut text);
    } else {
        text.extend_from_slice(&trace.text);
    }
    let at = program.position(run.state.at);
    let route = run.state.frames.last().map(|frame| frame.route);
    let route = route.map(|id| &program.routes[usize::from(id.0)]);
    hands.outbox.log(trace.level, |out| {
        use std::io::Write;
        // Writing into memory does not fail.
        let _ = write!(out, "[Script Trace][{}:{}]", program.file(at), at.line);
        if let Some(route) = route {
            let _ = write!(out, "[{}", route.kind.word());
            if !route.name.is_empty() {
                let _ = write!(out, ":{}", String::from_utf8_lossy(&route.name));
            }
            out.push(b']');
        }
        if !trace.tag.is_empty() {
            let _ = write!(out, "[{}]", String::from_utf8_lossy(&trace.tag));
        }
        let _ = write!(out, "[{action}]");
        if !text.is_empty() {
            out.extend_from_slice(b" -> (");
            out.extend_from_slice(&text);
            out.push(b')');
        }
    });
}

/// Evaluates a text between two operations: the one that comes may be in the middle of waiting, and a line waits for
/// nothing.
fn evaluate_apart(run: &mut Run, text: &[u8], hands: &mut Hands<'_>, out: &mut Vec<u8>) {
    let (wait, step) = (std::mem::take(&mut run.state.wait), run.state.step);
    if let Err(ticket) = evaluate::text(run, text, hands, out) {
        hands.core.machine.parked.free(ticket);
    }
    run.state.wait = wait;
    run.state.step = step;
}

/// What an operator would call the operation; `None` for what only prepares.
fn action<'p>(op: Op, call: impl Fn(CallId) -> &'p str) -> Option<&'p str> {
    Some(match op {
        Op::Call(id) => call(id),
        Op::Async(_) => "async",
        Op::Launch(_) => "launch",
        Op::Route { .. } | Op::RouteByName { .. } => "route",
        Op::Return { .. } => "return",
        Op::Exit => "exit",
        Op::Drop => "drop",
        Op::Store { .. } => "assign",
        Op::Log { .. } => "log",
        Op::LogGuard { .. } => "xlog",
        Op::JumpIf { .. } => "condition",
        Op::Case { .. } => "case",
        Op::LoopGuard { .. } => "while",
        Op::ForStep { .. } => "for",
        Op::AssertFailed(_) => "assert",
        _ => return None,
    })
}

/// A run took its time: a warning with the slowest actions, and an event.
pub(super) fn judge(run: Option<&Run>, top: RouteKind, took_us: u64, hands: &mut Hands<'_>) {
    let limit_us = u64::from(hands.linked.settings.threshold_us);
    let Some(watch) = hands.core.machine.stopwatch.take() else {
        return;
    };
    if took_us > limit_us {
        let program = &hands.linked.program;
        let call_id = run.map_or(&b""[..], |run| run.scene.message.call_id());
        if log::WARNING <= hands.core.log_level {
            hands.outbox.log(log::WARNING, |out| {
                use std::io::Write;
                let _ = write!(
                    out,
                    "exec_msg_threshold exceeded: the script took {took_us} us, more than {limit_us}"
                );
                if !call_id.is_empty() {
                    out.extend_from_slice(b", Call-ID ");
                    out.extend_from_slice(call_id);
                }
                out.extend_from_slice(b"; slowest actions:");
                for (at, us) in watch.slowest.iter().filter(|(_, us)| *us > 0) {
                    let position = program.position(*at);
                    let file = program.file(position);
                    let _ = write!(out, " {file}:{} {us} us", position.line);
                }
            });
        }
        let time = i32::try_from(took_us).unwrap_or(i32::MAX);
        let params = [
            (&b"source"[..], ValueRef::from("msg processing")),
            (b"time", ValueRef::from(time)),
            (b"extra", ValueRef::from(call_id)),
        ];
        // An event route that is slow itself would raise for ever.
        if top != RouteKind::Event {
            hands
                .core
                .raise_event(program, b"E_CORE_THRESHOLD", &params);
        }
    }
    hands.core.machine.stopwatch = Some(watch);
}
