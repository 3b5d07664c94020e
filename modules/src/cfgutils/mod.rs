//! `cfgutils`: chance, pauses, shared variables, clocks.
//!
//! Shared variables and the probability of `rand_event` are copied: every shard has its own, a
//! write is told to all others, and the last writer wins everywhere.

mod shared;

use chrono::{DateTime, Datelike, Timelike, Utc};
use engine::input::Letter;
use engine::module::{
    Args, Context, Exports, Kind, Module, ParamValue, Routes, Shape, VarArgs, Verdict,
};
use engine::run::Reading;

use shared::Shared;

/// The module.
#[derive(Debug, Default)]
pub(crate) struct CfgUtils {
    shared: Shared,
    initial_probability: i32,
    probability: i32,
}

impl Module for CfgUtils {
    const NAME: &'static str = "cfgutils";

    fn new() -> Self {
        CfgUtils {
            shared: Shared::default(),
            initial_probability: 10,
            probability: 10,
        }
    }

    fn exports(exports: &mut Exports<Self>) {
        let anywhere = Routes::REQUEST
            | Routes::FAILURE
            | Routes::REPLY
            | Routes::BRANCH
            | Routes::LOCAL
            | Routes::STARTUP
            | Routes::TIMER
            | Routes::EVENT;
        exports.param(
            "initial_probability",
            Kind::Int,
            Self::set_initial_probability,
        );
        exports.param_list("shvset", Kind::Str, |cfgutils, value| {
            cfgutils.shared.preset(value.text())
        });
        // The table grows with its variables and never needs a size.
        exports.param("shv_hash_size", Kind::Int, |_, _| Ok(()));

        exports.async_function("sleep", &[Kind::Int], anywhere, |_, cx, args| {
            pause(cx, args.int(0), 1000)
        });
        exports.async_function("usleep", &[Kind::Int], anywhere, |_, cx, args| {
            pause(cx, args.int(0), 0)
        });
        exports.function(
            "rand_event",
            &[Kind::Int.optional()],
            anywhere,
            Self::rand_event,
        );
        exports.function("rand_set_prob", &[Kind::Int], anywhere, Self::rand_set_prob);
        exports.function("rand_get_prob", &[], anywhere, |cfgutils, _, _| {
            Verdict::Return(cfgutils.probability)
        });
        exports.function("rand_reset_prob", &[], anywhere, |cfgutils, cx, _| {
            let initial = cfgutils.initial_probability;
            cfgutils.change_probability(cx, initial)
        });
        exports.function(
            "get_accurate_time",
            &[Kind::Output, Kind::Output, Kind::Output.optional()],
            anywhere,
            Self::accurate_time,
        );
        exports.function(
            "ts_usec_delta",
            &[
                Kind::Int,
                Kind::Int,
                Kind::Int,
                Kind::Int,
                Kind::Output.optional(),
                Kind::Output.optional(),
            ],
            anywhere,
            Self::time_difference,
        );

        exports.variable("RANDOM", Shape::PLAIN, |_, cx, _, _| {
            Reading::Int((cx.core.random.next_u64() >> 33) as i32)
        });
        exports.variable("env", Shape::NAMED, environment);
        exports.variable("ctime", Shape::NAMED, broken_down_time);
        exports.set_variable("shv", Shape::NAMED, Self::read_shared, Self::write_shared);
        shared::export_commands(exports);
        exports.difference(
            "`sleep` and `usleep` hold the run, not the shard. `$shv` is copied to all shards, the last writer \
             wins. `$ctime` is in UTC.",
        );
        exports.difference(
            "Locks, time recurrences and functions over all values of a variable are not offered yet.",
        );
    }

    fn start(&mut self, _: &mut Context<'_>) -> Result<(), String> {
        self.probability = self.initial_probability;
        Ok(())
    }

    fn on_letter(&mut self, _: &mut Context<'_>, letter: &Letter) {
        match letter.payload.split_first() {
            Some((b'v', change)) => self.shared.hear(change),
            Some((b'p', [percent])) => self.probability = i32::from(*percent),
            _ => {}
        }
    }
}

/// The run waits; the shard does not. Microseconds are rounded up to the timer's millisecond.
fn pause(cx: &mut Context<'_>, amount: i32, milliseconds: u32) -> Verdict {
    if cx.answer().is_some() {
        return Verdict::OK;
    }
    let Ok(amount) = u32::try_from(amount) else {
        return Verdict::FAIL;
    };
    let ms = if milliseconds > 0 {
        amount.saturating_mul(milliseconds)
    } else {
        amount.div_ceil(1000)
    };
    if ms == 0 {
        return Verdict::OK;
    }
    // Nobody is asked: the run goes on when its deadline has come.
    match cx.wait_ticket() {
        Some(ticket) => {
            cx.wait_at_most(ms);
            Verdict::Wait(ticket)
        }
        None => Verdict::FAIL,
    }
}

/// A field of the time, as C counts them: months from 0, years from 1900, days of the week from Sunday.
/// In UTC, as all texts of time are: an engine knows no place.
fn broken_down_time(
    _: &mut CfgUtils,
    cx: &mut Context<'_>,
    args: VarArgs<'_>,
    _: &mut Vec<u8>,
) -> Reading {
    let Some(now) = DateTime::<Utc>::from_timestamp(cx.now.unix_s() as i64, 0) else {
        return Reading::Null;
    };
    Reading::Int(match args.name() {
        b"sec" => now.second() as i32,
        b"min" => now.minute() as i32,
        b"hour" => now.hour() as i32,
        b"mday" => now.day() as i32,
        b"mon" => now.month0() as i32,
        b"year" => now.year() - 1900,
        b"wday" => now.weekday().num_days_from_sunday() as i32,
        b"yday" => now.ordinal0() as i32,
        b"isdst" => 0,
        _ => return Reading::Null,
    })
}

/// The environment is the process's and does not change while it runs.
fn environment(
    _: &mut CfgUtils,
    _: &mut Context<'_>,
    args: VarArgs<'_>,
    out: &mut Vec<u8>,
) -> Reading {
    let value = std::str::from_utf8(args.name())
        .ok()
        .and_then(std::env::var_os);
    Reading::maybe(value.as_ref().map(|value| value.as_encoded_bytes()), out)
}

impl CfgUtils {
    fn set_initial_probability(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        match value.int() {
            percent @ 0..=100 => {
                self.initial_probability = percent;
                Ok(())
            }
            other => Err(format!("{other} is not between 0 and 100 percent")),
        }
    }

    fn rand_event(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let percent = args.maybe_int(0).unwrap_or(self.probability);
        Verdict::of((cx.core.random.next_u64() % 100) < percent.clamp(0, 100) as u64)
    }

    fn rand_set_prob(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        match args.int(0) {
            percent @ 0..=100 => self.change_probability(cx, percent),
            _ => Verdict::FAIL,
        }
    }

    fn change_probability(&mut self, cx: &mut Context<'_>, percent: i32) -> Verdict {
        self.probability = percent;
        tell_all(cx, &[b'p', percent as u8]);
        Verdict::OK
    }

    fn accurate_time(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let (seconds, micros) = (cx.now.unix_s(), cx.now.unix_us % 1_000_000);
        args.set(0, seconds as i32);
        args.set(1, micros as i32);
        if args.has(2) {
            args.set(2, format!("{seconds}.{micros:06}").as_str());
        }
        Verdict::OK
    }

    /// From the second time to the first, in microseconds: as text, and as a number.
    fn time_difference(&mut self, _: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let time = |at: usize| i64::from(args.int(at)) * 1_000_000 + i64::from(args.int(at + 1));
        let difference = (time(0) - time(2)).abs();
        args.set(4, difference.to_string().as_str());
        args.set(5, i32::try_from(difference).unwrap_or(i32::MAX));
        Verdict::OK
    }
}

/// Tells every other shard.
fn tell_all(cx: &mut Context<'_>, payload: &[u8]) {
    let me = cx.shard();
    for shard in (0..cx.core.owner.shards())
        .map(engine::ShardId)
        .filter(|shard| *shard != me)
    {
        cx.tell(shard, payload);
    }
}

#[cfg(test)]
mod tests;
