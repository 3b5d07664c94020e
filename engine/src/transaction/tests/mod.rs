//! One timeline per behaviour of a figure: events in, states and actions out.

mod client;
mod invite_client;
mod invite_server;
mod server;
mod tables;

use std::fmt::Write as _;

use super::TmSettings;
use super::machine::{Action, Actions, Reliability, Timing};

/// Plays a timeline of lines `ms event` and writes the ladder `ms State  actions`.
fn ladder(
    reliability: Reliability,
    tm: &TmSettings,
    timeline: &str,
    mut step: impl FnMut(&str, &Timing<'_>, &mut Actions) -> String,
) -> String {
    let mut lines = Vec::new();
    for line in timeline
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (at, event) = line.split_once(' ').expect("a line is `ms event`");
        let at: u32 = at.parse().expect("a line begins with milliseconds");
        let timing = Timing {
            tm,
            reliability,
            fr_ms: tm.fr_ms,
            fr_inv_ms: tm.fr_inv_ms,
        };
        let mut actions = Actions::none();
        let state = step(event.trim(), &timing, &mut actions);
        let said: Vec<String> = actions
            .as_slice()
            .iter()
            .map(|&action| say(action, at))
            .collect();
        lines.push((at, format!("{state:<10}  {}", said.join(", "))));
    }
    // As wide as the last time, so that no column of blanks stands before all lines.
    let width = lines.last().map_or(0, |(at, _)| at.to_string().len());
    let mut ladder = String::new();
    for (at, line) in lines {
        writeln!(ladder, "{at:>width$}  {}", line.trim_end()).expect("a string takes everything");
    }
    ladder
}

fn say(action: Action, now: u32) -> String {
    match action {
        Action::SendKept => "send again".to_owned(),
        Action::KeepAndSend => "keep and send".to_owned(),
        Action::SendOnly => "send".to_owned(),
        Action::Acknowledge => "send ACK".to_owned(),
        Action::TellResponse => "tell response".to_owned(),
        Action::TellTimeout => "tell timeout".to_owned(),
        Action::TellTransportError => "tell transport error".to_owned(),
        Action::Forget => "forget".to_owned(),
        Action::Set(timer, ms) => format!("set {timer:?} at {}", now + ms),
        Action::StopRetransmitting => "stop retransmitting".to_owned(),
    }
}
