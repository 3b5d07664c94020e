//! What may stand between two `|`: times, durations, frequencies, lists. RFC 2445 §4.3.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Weekday};

use super::{Malformed, malformed};

/// Seconds of a duration: ten thousand years. Added to the last year that can be written, it is still a date.
const DURATION_S_MAX: i64 = 10_000 * 366 * 86_400;

/// A time as it is written: on the clock of its zone, or, with `Z`, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    pub(super) at: NaiveDateTime,
    pub(super) is_utc: bool,
    /// Only a date was written.
    pub(super) is_date: bool,
}

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// A day of the week, or the nth of a month or year; negative counts from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Day {
    pub(super) nth: Option<i32>,
    pub(super) weekday: Weekday,
}

/// `YYYYMMDD[THHMMSS[Z]]`.
pub(super) fn time(text: &str) -> Result<Time, Malformed> {
    let wrong = || Malformed(format!("`{text}` is no time: YYYYMMDDTHHMMSS"));
    let (text, is_utc) = match text.strip_suffix(['Z', 'z']) {
        Some(text) => (text, true),
        None => (text, false),
    };
    let (date, clock) = text
        .split_once(['T', 't'])
        .map_or((text, None), |(date, clock)| (date, Some(clock)));
    let date = NaiveDate::from_ymd_opt(
        digits(date, 0, 4).ok_or_else(wrong)? as i32,
        digits(date, 4, 2).ok_or_else(wrong)?,
        digits(date, 6, 2).ok_or_else(wrong)?,
    )
    .filter(|_| date.len() == 8)
    .ok_or_else(wrong)?;
    let at = match clock {
        None => date.and_time(NaiveTime::MIN),
        Some(clock) => {
            // RFC 2445 §4.3.12: 60 is a leap second, which this clock does not know.
            let second = digits(clock, 4, 2).ok_or_else(wrong)?;
            let second = if second == 60 { 59 } else { second };
            let (hour, minute) = (
                digits(clock, 0, 2).ok_or_else(wrong)?,
                digits(clock, 2, 2).ok_or_else(wrong)?,
            );
            let clock = NaiveTime::from_hms_opt(hour, minute, second).filter(|_| clock.len() == 6);
            date.and_time(clock.ok_or_else(wrong)?)
        }
    };
    let is_date = clock.is_none();
    Ok(Time {
        at,
        is_utc,
        is_date,
    })
}

fn digits(text: &str, at: usize, count: usize) -> Option<u32> {
    let part = text.get(at..at + count)?;
    part.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| part.parse().ok())?
}

/// `P1DT8H30M`, in any case; `8H` as well, which OpenSIPS takes.
pub(super) fn duration(text: &str) -> Result<TimeDelta, Malformed> {
    let wrong = || Malformed(format!("`{text}` is no duration: P1D, PT8H30M, P2W"));
    let rest = text.strip_prefix('+').unwrap_or(text);
    let rest = rest.strip_prefix(['P', 'p']).unwrap_or(rest);
    let (mut seconds, mut number, mut is_any) = (0i64, None::<i64>, false);
    for letter in rest.chars() {
        let unit = match (letter.to_ascii_uppercase(), number) {
            ('0'..='9', _) => {
                let digit = i64::from(letter as u8 - b'0');
                let value = number.unwrap_or(0) * 10 + digit;
                number = Some(value).filter(|value| *value <= 100_000_000);
                number.ok_or_else(wrong)?;
                continue;
            }
            ('T', None) => continue,
            ('W', Some(_)) => 604_800,
            ('D', Some(_)) => 86_400,
            ('H', Some(_)) => 3_600,
            ('M', Some(_)) => 60,
            ('S', Some(_)) => 1,
            _ => return Err(wrong()),
        };
        seconds += number.take().unwrap_or(0) * unit;
        if seconds > DURATION_S_MAX {
            return malformed(format!("`{text}` is longer than ten thousand years"));
        }
        is_any = true;
    }
    match number {
        None if is_any => Ok(TimeDelta::seconds(seconds)),
        _ => Err(wrong()),
    }
}

/// `DAILY`, `WEEKLY`, `MONTHLY`, `YEARLY`.
pub(super) fn frequency(text: &str) -> Result<Frequency, Malformed> {
    use Frequency::*;
    let known = [
        ("DAILY", Daily),
        ("WEEKLY", Weekly),
        ("MONTHLY", Monthly),
        ("YEARLY", Yearly),
    ];
    match known
        .iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name))
    {
        Some((_, frequency)) => Ok(*frequency),
        None => malformed(format!(
            "`{text}` is no frequency: DAILY, WEEKLY, MONTHLY, YEARLY"
        )),
    }
}

/// A number from 1.
pub(super) fn interval(text: &str) -> Result<i64, Malformed> {
    match text.parse() {
        Ok(number @ 1..=10_000) => Ok(number),
        _ => malformed(format!("`{text}` is no interval: 1 to 10000")),
    }
}

/// `MO,TU,-1FR`.
pub(super) fn days(text: &str) -> Result<Vec<Day>, Malformed> {
    text.split(',').map(str::trim).map(day).collect()
}

fn day(text: &str) -> Result<Day, Malformed> {
    let wrong = || Malformed(format!("`{text}` is no day: MO to SU, 1MO, -1FR"));
    let at = text
        .len()
        .checked_sub(2)
        .filter(|at| text.is_char_boundary(*at))
        .ok_or_else(wrong)?;
    let (nth, name) = text.split_at(at);
    let names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let place = names
        .iter()
        .position(|one| one.eq_ignore_ascii_case(name))
        .ok_or_else(wrong)?;
    let weekday = Weekday::try_from(place as u8).map_err(|_| wrong())?;
    let nth = match nth {
        "" => None,
        nth => Some(
            nth.parse()
                .ok()
                .filter(|nth: &i32| *nth != 0 && nth.abs() <= 53)
                .ok_or_else(wrong)?,
        ),
    };
    Ok(Day { nth, weekday })
}

/// `1,15,-1` or `10-20`, each from 1 to `max` or from -`max` to -1.
pub(super) fn numbers(text: &str, max: i32) -> Result<Vec<i32>, Malformed> {
    let mut list = Vec::new();
    for part in text.split(',').map(str::trim) {
        let one = |text: &str| {
            text.trim()
                .parse()
                .ok()
                .filter(|n: &i32| *n != 0 && n.abs() <= max)
        };
        // The first letter may be the sign.
        let range = part
            .char_indices()
            .skip(1)
            .find(|(_, letter)| *letter == '-');
        let (from, to) = match range {
            Some((at, _)) => (one(&part[..at]), one(&part[at + 1..])),
            None => (one(part), one(part)),
        };
        match (from, to) {
            (Some(from), Some(to)) if from <= to => list.extend((from..=to).filter(|n| *n != 0)),
            _ => return malformed(format!("`{part}` is not between 1 and {max}")),
        }
    }
    Ok(list)
}
