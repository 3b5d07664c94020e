//! Lines for the log: what scripts write, and what the machine has to say about them.

use script::ops::LogLevel;

use super::execute::Hands;
use super::frame::Run;
use super::value::Value;

pub(super) const CRITICAL: i8 = -2;
const ERROR: i8 = -1;
pub(super) const WARNING: i8 = 1;

/// A line of a script.
pub(super) fn write(hands: &mut Hands<'_>, level: i8, text: &[u8]) {
    // Scripts end their lines themselves, and so does the log.
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    hands.outbox.log(level, |out| out.extend_from_slice(text));
}

/// Whether an `xlog` of this level is shown.
pub(super) fn is_shown(run: &Run, level: LogLevel, hands: &Hands<'_>) -> bool {
    let settings = &hands.linked.settings;
    let limit = hands.core.machine.xlog_level.unwrap_or(settings.xlog_level);
    let level = match level {
        LogLevel::Fixed(level) => level,
        LogLevel::Default => settings.xlog_print_level,
        LogLevel::OnStack => on_stack(run.inner.stack.last().copied(), settings.xlog_print_level),
    };
    level <= limit
}

/// Pops the text, and the level below it if it is there.
pub(super) fn xlog(run: &mut Run, level: LogLevel, hands: &mut Hands<'_>) {
    let text = run.inner.stack.pop().unwrap_or_default();
    let default = hands.linked.settings.xlog_print_level;
    let level = match level {
        LogLevel::Fixed(level) => level,
        LogLevel::Default => default,
        LogLevel::OnStack => on_stack(run.inner.stack.pop(), default),
    };
    run.state.rc = match text {
        Value::Text(stretch) if stretch.len as usize > hands.linked.settings.xlog_max => {
            error(run, hands, "the text is longer than xlog_buf_size");
            -1
        }
        Value::Text(stretch) => {
            write(hands, level, &run.inner.text[stretch.range()]);
            1
        }
        _ => {
            error(run, hands, "cannot print the text");
            -1
        }
    };
}

fn on_stack(value: Option<Value>, default: i8) -> i8 {
    value
        .and_then(Value::int)
        .map_or(default, |n| n.clamp(-3, 4) as i8)
}

/// Something in the script went wrong; it goes on.
pub(super) fn warn(run: &Run, hands: &mut Hands<'_>, what: &str) {
    say(run, hands, WARNING, what);
}

/// Something in the script went wrong that the operator has to look at; it goes on.
pub(super) fn error(run: &Run, hands: &mut Hands<'_>, what: &str) {
    say(run, hands, ERROR, what);
}

fn say(run: &Run, hands: &mut Hands<'_>, level: i8, what: &str) {
    if level > hands.core.log_level {
        return;
    }
    let program = &hands.linked.program;
    let at = program.position(run.state.at);
    hands.outbox.log(level, |out| {
        use std::io::Write;
        let _ = write!(out, "{what} {}:{}", program.file(at), at.line);
    });
}
