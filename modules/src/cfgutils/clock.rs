//! Local time: `$ctime`, `check_time_rec`, and which zone is the system's.

use chrono::{DateTime, Datelike, Timelike};
use chrono_tz::{OffsetComponents, Tz};
use engine::module::{Args, Context, VarArgs, Verdict};
use engine::run::Reading;

use super::CfgUtils;
use crate::recurrence::Recurrence;

/// By `TZ`, as C knows it, or by the name that Debian keeps in a file. UTC if neither is a zone of the IANA data base.
pub(super) fn system_zone(cx: &mut Context<'_>) -> Tz {
    let named = |text: &str| text.trim().trim_start_matches(':').parse().ok();
    if let Ok(name) = std::env::var("TZ") {
        return named(&name).unwrap_or(Tz::UTC);
    }
    let file = cx.read_file("/etc/timezone").ok();
    file.and_then(|bytes| named(std::str::from_utf8(&bytes).ok()?))
        .unwrap_or(Tz::UTC)
}

/// A literal is read at load.
pub(super) fn check_recurrence(text: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(text).map_err(|_| "not UTF-8".to_owned())?;
    Recurrence::parse(text).map(drop).map_err(|wrong| wrong.0)
}

impl CfgUtils {
    /// A field of the local time, as OpenSIPS counts them: months, days of the year and, from Sunday, of the week
    /// begin with 1, years are whole.
    pub(super) fn broken_down_time(
        &mut self,
        cx: &mut Context<'_>,
        args: VarArgs<'_>,
        _: &mut Vec<u8>,
    ) -> Reading {
        let Some(now) = DateTime::from_timestamp(cx.now.unix_s() as i64, 0) else {
            return Reading::Null;
        };
        let now = now.with_timezone(&self.zone);
        Reading::Int(match args.name() {
            b"sec" => now.second() as i32,
            b"min" => now.minute() as i32,
            b"hour" => now.hour() as i32,
            b"mday" => now.day() as i32,
            b"mon" => now.month() as i32,
            b"year" => now.year(),
            b"wday" => now.weekday().number_from_sunday() as i32,
            b"yday" => now.ordinal() as i32,
            b"isdst" => i32::from(!now.offset().dst_offset().is_zero()),
            _ => return Reading::Null,
        })
    }

    /// 1: it holds now, or at the given second. -1: it does not. -2: it cannot be read.
    pub(super) fn check_time_rec(&mut self, cx: &mut Context<'_>, args: Args<'_>) -> Verdict {
        let unix_s = args.maybe_int(1).map_or(cx.now.unix_s() as i64, i64::from);
        let read = || Recurrence::parse(std::str::from_utf8(args.str(0)).unwrap_or_default());
        let made;
        let recurrence = if args.is_literal(0) {
            args.prepared(read)
        } else {
            made = read();
            Some(&made)
        };
        match recurrence {
            Some(Ok(recurrence)) => Verdict::of(recurrence.matches(unix_s, self.zone)),
            Some(Err(wrong)) => {
                cx.log_error(format_args!("check_time_rec: {wrong}"));
                Verdict::Return(-2)
            }
            None => Verdict::Return(-3),
        }
    }
}
