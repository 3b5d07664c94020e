//! `cfgutils`: chance, pauses, locks, shared variables, clocks, the script's fingerprint.
//!
//! Shared variables and the probability of `rand_event` are copied: every shard has its own, a
//! write is told to all others, and the last writer wins everywhere. Locks are owned by their key.

mod clock;
mod fingerprint;
mod locks;
mod sets;
mod shared;

use chrono_tz::Tz;
use engine::input::Letter;
use engine::module::{
    Args, Context, Exports, Kind, Module, ParamValue, Routes, Shape, VarArgs, Verdict,
};
use engine::run::{Reading, RunId, ValueRef};

use fingerprint::Fingerprint;
use locks::Locks;
use shared::{Shared, Value};

/// The module.
#[derive(Debug, Default)]
pub(crate) struct CfgUtils {
    shared: Shared,
    locks: Locks,
    fingerprint: Fingerprint,
    /// The system's, by `TZ` or `/etc/timezone`.
    zone: Tz,
    /// `$var`s to begin with.
    variables: Vec<(String, Value)>,
    initial_probability: i32,
    probability: i32,
}

impl Module for CfgUtils {
    const NAME: &'static str = "cfgutils";

    fn new() -> Self {
        CfgUtils {
            shared: Shared::default(),
            locks: Locks::default(),
            fingerprint: Fingerprint::default(),
            zone: Tz::UTC,
            variables: Vec::new(),
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
        exports.param_list("varset", Kind::Str, |cfgutils, value| {
            cfgutils.variables.push(shared::assignment(value.text())?);
            Ok(())
        });
        exports.param("lock_pool_size", Kind::Int, Self::set_pool);
        exports.param("hash_file", Kind::Str, |cfgutils, value| {
            cfgutils.fingerprint.path = value.text().to_owned();
            Ok(())
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

        let key = Kind::Str.literal();
        exports.function("get_static_lock", &[key], anywhere, |cfgutils, cx, args| {
            let lock = locks::static_lock(args.str(0));
            cfgutils.acquire(cx, &lock, args.str(0))
        });
        exports.function(
            "release_static_lock",
            &[key],
            anywhere,
            |cfgutils, cx, args| {
                let lock = locks::static_lock(args.str(0));
                cfgutils.release(cx, &lock)
            },
        );
        exports.function(
            "get_dynamic_lock",
            &[Kind::Str],
            anywhere,
            |cfgutils, cx, args| {
                let lock = cfgutils.locks.dynamic_lock(args.str(0));
                cfgutils.acquire(cx, &lock, args.str(0))
            },
        );
        exports.function(
            "release_dynamic_lock",
            &[Kind::Str],
            anywhere,
            |cfgutils, cx, args| {
                let lock = cfgutils.locks.dynamic_lock(args.str(0));
                cfgutils.release(cx, &lock)
            },
        );
        exports.function(
            "strings_share_lock",
            &[Kind::Str, Kind::Str],
            anywhere,
            |cfgutils, _, args| {
                Verdict::of(cfgutils.locks.place(args.str(0)) == cfgutils.locks.place(args.str(1)))
            },
        );
        exports.function(
            "set_count",
            &[Kind::Variable, Kind::Output],
            anywhere,
            Self::count,
        );
        exports.function(
            "set_select_weight",
            &[Kind::Variable],
            anywhere,
            Self::select_weight,
        );
        exports.function(
            "shuffle_avps",
            &[Kind::Variable],
            Routes::ALL,
            Self::shuffle,
        );
        exports.function(
            "check_time_rec",
            &[
                Kind::Str.check(clock::check_recurrence),
                Kind::Int.optional(),
            ],
            Routes::ALL,
            Self::check_time_rec,
        );
        exports.function("abort", &[], anywhere, |_, _, _| std::process::abort());
        exports.function("pkg_status", &[], anywhere, |_, cx, _| {
            tell_tables(cx, "pkg_status")
        });
        exports.function("shm_status", &[], anywhere, |_, cx, _| {
            tell_tables(cx, "shm_status")
        });

        exports.variable("RANDOM", Shape::PLAIN, |_, cx, _, _| {
            Reading::Int((cx.core.random.next_u64() >> 33) as i32)
        });
        exports.variable("env", Shape::NAMED, environment);
        exports.variable("ctime", Shape::NAMED, Self::broken_down_time);
        exports.set_variable("shv", Shape::NAMED, Self::read_shared, Self::write_shared);
        shared::export_commands(exports);
        fingerprint::export_commands(exports);
        exports.difference(
            "`sleep` and `usleep` hold the run, not the shard; more than an hour is -1. `$shv` is copied to all shards, the last writer \
             wins: `$shv(n) = $shv(n) + 1` on two shards at once may count one, as it may in OpenSIPS without a lock.",
        );
        exports.difference(
            "Who waits for a lock parks; the others go on. A lock that a run still holds when it ends is released with \
             a warning (OpenSIPS leaves it taken), so it cannot be taken in one route and given back in another. Asking \
             twice is allowed. After a minute of waiting the function fails; a thousand wait for one lock.",
        );
        exports.difference(
            "`check_time_rec` refuses a malformed literal at load, and otherwise returns -2. The system's time zone \
             is that of `TZ` or `/etc/timezone`, else UTC. `&` binds closer than `/`. With a frequency, times are those \
             of the zone's clock; without a duration an occurrence is a day if days are picked, else the whole week, \
             month or year; a `dtend` further away than one occurrence reaches ends the whole, its time of day each one.",
        );
        exports.difference(
            "`set_select_weight` gives the index from 0 as documented: the first value ends the script, for a call \
             that returns 0 does. `pkg_status` and `shm_status` log how full the shard's tables are.",
        );
    }

    fn start(&mut self, cx: &mut Context<'_>) -> Result<(), String> {
        self.probability = self.initial_probability;
        self.zone = clock::system_zone(cx);
        for (name, value) in &self.variables {
            let value = match value {
                Value::Int(number) => ValueRef::Int(*number),
                Value::Text(text) => ValueRef::Str(text),
            };
            if !cx.set_var(name.as_bytes(), value) {
                return Err(format!("there is no room for `$var({name})`"));
            }
        }
        self.fingerprint.take(cx)
    }

    fn on_run_ended(&mut self, cx: &mut Context<'_>, run: RunId) {
        self.release_all(cx, run);
    }

    fn on_letter(&mut self, cx: &mut Context<'_>, letter: &Letter) {
        match letter.payload.split_first() {
            Some((b'v', change)) => self.shared.hear(change),
            Some((b'p', [percent])) => self.probability = i32::from(*percent),
            Some((b'l', _)) => self.hear_lock(cx, letter),
            Some((b'u', _)) => self.hear_unlock(cx, letter),
            _ => {}
        }
    }
}

/// The longest that a script sleeps: an hour. No transaction waits for longer.
const SLEEP_MS_MAX: u32 = 3_600_000;

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
    if ms > SLEEP_MS_MAX {
        cx.log_error(format_args!("sleep: {amount} s are more than an hour"));
        return Verdict::FAIL;
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

/// What takes memory here.
fn tell_tables(cx: &mut Context<'_>, who: &str) -> Verdict {
    const NOTICE: i8 = 2;
    let core = &cx.core;
    let line = format!(
        "{who}: shard {}: {} server transactions, {} client transactions, {} response contexts, {} parked runs, {} timers\n",
        core.shard.0,
        core.servers.len(),
        core.clients.len(),
        core.contexts.len(),
        core.machine.parked.len(),
        core.wheel.len(),
    );
    cx.log(NOTICE, |out| out.extend_from_slice(line.as_bytes()));
    Verdict::OK
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

    fn set_pool(&mut self, value: ParamValue<'_>) -> Result<(), String> {
        match value.int() {
            size @ 1..=locks::POOL_MAX if (size as u32).is_power_of_two() => {
                self.locks.pool = size as u32;
                Ok(())
            }
            other => Err(format!(
                "{other} is no power of two up to {}",
                locks::POOL_MAX
            )),
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
        match i32::try_from(difference) {
            Ok(number) => args.set(5, number),
            // Some 35 minutes: it does not fit.
            Err(_) if args.has(5) => return Verdict::FAIL,
            Err(_) => {}
        }
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
