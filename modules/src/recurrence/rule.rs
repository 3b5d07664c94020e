//! One recurrence: RFC 2445 §4.3.10, with what OpenSIPS makes of fields that are left out.
//!
//! A recurring rule is asked the other way round than a calendar asks it: not "when does it happen", but "did an
//! occurrence begin on one of the last days that is not over yet". So a question costs as many days as an occurrence
//! lasts.

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::fields::{self, Day, Frequency, Time};
use super::{Malformed, malformed};

/// The longest that an occurrence of a recurring rule lasts.
const OCCURRENCE_DAYS_MAX: i64 = 3660;

const DAY: TimeDelta = TimeDelta::days(1);

/// One recurrence.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    zone: Option<Tz>,
    /// 1970 if it was left out.
    start: Time,
    length: Length,
    repeat: Option<Repeat>,
}

/// How long it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// Not said.
    Open,
    Until(Time),
    Lasting(TimeDelta),
}

/// When it happens again.
#[derive(Clone, Debug)]
struct Repeat {
    frequency: Frequency,
    interval: i64,
    until: Option<Time>,
    days: Vec<Day>,
    month_days: Vec<i32>,
    year_days: Vec<i32>,
    weeks: Vec<i32>,
    months: Vec<i32>,
}

impl Rule {
    pub(super) fn parse(text: &str) -> Result<Rule, Malformed> {
        if text.is_empty() {
            return malformed("a recurrence is missing");
        }
        let mut list = text.split('|').map(str::trim).peekable();
        let zone = match list.peek() {
            Some(first) if first.starts_with(|letter: char| letter.is_ascii_alphabetic()) => {
                let zone: Result<Tz, _> = first.parse();
                let Ok(zone) = zone else {
                    return malformed(format!("`{first}` is no time zone of the IANA data base"));
                };
                list.next();
                Some(zone)
            }
            _ => None,
        };
        let mut next = || list.next().filter(|field| !field.is_empty());
        let start = match next() {
            Some(text) => fields::time(text)?,
            None => Time {
                at: DateTime::UNIX_EPOCH.naive_utc(),
                is_utc: false,
                is_date: false,
            },
        };
        let (end, duration) = (next(), next());
        // A duration beside an end is not needed, but must be one.
        let duration = duration.map(fields::duration).transpose()?;
        let length = match (end, duration) {
            (Some(end), _) => Length::Until(fields::time(end)?),
            (None, Some(duration)) => Length::Lasting(duration),
            (None, None) => Length::Open,
        };
        let repeat = match next() {
            // Nothing after the frequency is looked at without one.
            None => None,
            Some(frequency) => {
                let repeat = Repeat {
                    frequency: fields::frequency(frequency)?,
                    until: next().map(fields::time).transpose()?,
                    interval: next().map_or(Ok(1), fields::interval)?,
                    days: next().map_or(Ok(Vec::new()), fields::days)?,
                    month_days: next().map_or(Ok(Vec::new()), |text| fields::numbers(text, 31))?,
                    year_days: next().map_or(Ok(Vec::new()), |text| fields::numbers(text, 366))?,
                    weeks: next().map_or(Ok(Vec::new()), |text| fields::numbers(text, 53))?,
                    months: next().map_or(Ok(Vec::new()), |text| fields::numbers(text, 12))?,
                };
                if next().is_some() {
                    return malformed(format!("`{text}` has too many fields"));
                }
                Some(repeat)
            }
        };
        let rule = Rule {
            zone,
            start,
            length,
            repeat,
        };
        rule.check()?;
        Ok(rule)
    }

    fn check(&self) -> Result<(), Malformed> {
        let is_long =
            |length: TimeDelta| self.repeat.is_some() && length.num_days() > OCCURRENCE_DAYS_MAX;
        match self.length {
            Length::Until(end) if end.at < self.start.at && end.is_utc == self.start.is_utc => {
                malformed("it ends before it starts")
            }
            Length::Lasting(length) if is_long(length) => malformed(format!(
                "an occurrence lasts at most {OCCURRENCE_DAYS_MAX} days"
            )),
            _ => Ok(()),
        }
    }

    /// Whether it holds at this moment.
    pub(super) fn matches(&self, unix_s: i64, zone: Tz) -> bool {
        let zone = self.zone.unwrap_or(zone);
        let Some(now) = DateTime::from_timestamp(unix_s, 0) else {
            return false;
        };
        match &self.repeat {
            None => self.is_within(now, zone),
            Some(repeat) => self.recurs(repeat, now, zone),
        }
    }

    /// Without a frequency: from its start to its end, or for ever.
    fn is_within(&self, now: DateTime<Utc>, zone: Tz) -> bool {
        let start = instant(self.start, zone);
        now >= start
            && match self.length {
                Length::Open => true,
                Length::Until(end) => now < instant(end, zone),
                Length::Lasting(length) => now < start + length,
            }
    }

    /// On the clock of the zone: an occurrence from 8 to 18 does so on the days when clocks are changed as well.
    fn recurs(&self, repeat: &Repeat, now: DateTime<Utc>, zone: Tz) -> bool {
        let now = now.with_timezone(&zone).naive_local();
        let start = on_clock(self.start, zone);
        if now < start {
            return false;
        }
        let until = repeat.until.map_or(NaiveDateTime::MAX, |until| {
            let at = on_clock(until, zone);
            if until.is_date {
                at + DAY - TimeDelta::seconds(1)
            } else {
                at
            }
        });
        let length = match self.length {
            // The week, month or year itself.
            Length::Open if !repeat.picks_days() => {
                return now <= until && repeat.holds_on(now.date(), start.date(), false);
            }
            Length::Open => DAY,
            Length::Lasting(length) => length,
            Length::Until(end) => {
                let end = on_clock(end, zone);
                let length = end - start;
                if length <= repeat.span() {
                    length
                } else if now >= end {
                    return false;
                } else {
                    // The end is that of the whole, and its time of day the end of each day.
                    let of_day = end.time() - start.time();
                    if of_day > TimeDelta::zero() {
                        of_day
                    } else {
                        of_day + DAY
                    }
                }
            }
        };
        let days = length.num_days().clamp(0, OCCURRENCE_DAYS_MAX) as u64 + 1;
        (0..=days).any(|back| {
            let Some(date) = now.date().checked_sub_days(Days::new(back)) else {
                return false;
            };
            let begin = date.and_time(start.time());
            begin >= start
                && begin <= until
                && begin <= now
                && now < begin + length
                && repeat.holds_on(date, start.date(), true)
        })
    }
}

impl Repeat {
    fn picks_days(&self) -> bool {
        self.frequency == Frequency::Daily
            || !(self.days.is_empty() && self.month_days.is_empty() && self.year_days.is_empty())
    }

    /// What one occurrence can fill before it meets the next.
    fn span(&self) -> TimeDelta {
        match self.frequency {
            _ if self.picks_days() => DAY,
            Frequency::Daily => DAY,
            Frequency::Weekly => TimeDelta::days(7),
            Frequency::Monthly => TimeDelta::days(31),
            Frequency::Yearly => TimeDelta::days(366),
        }
    }

    /// Whether an occurrence begins on this day, given the day of the first. Without `picks`, whether the day is in a
    /// week, month or year that counts.
    fn holds_on(&self, date: NaiveDate, first: NaiveDate, picks: bool) -> bool {
        self.is_in_turn(date, first)
            && self.is_filtered(date)
            && (!picks || self.is_picked(date, first))
    }

    /// The interval: every second week, counted from the first's, weeks from Monday.
    fn is_in_turn(&self, date: NaiveDate, first: NaiveDate) -> bool {
        let monday = |date: NaiveDate| {
            i64::from(date.num_days_from_ce()) - i64::from(date.weekday().num_days_from_monday())
        };
        let months = |date: NaiveDate| i64::from(date.year()) * 12 + i64::from(date.month0());
        let passed = match self.frequency {
            Frequency::Daily => {
                i64::from(date.num_days_from_ce()) - i64::from(first.num_days_from_ce())
            }
            Frequency::Weekly => (monday(date) - monday(first)) / 7,
            Frequency::Monthly => months(date) - months(first),
            Frequency::Yearly => i64::from(date.year()) - i64::from(first.year()),
        };
        passed.rem_euclid(self.interval) == 0
    }

    /// The lists that are given.
    fn is_filtered(&self, date: NaiveDate) -> bool {
        let of_month = days_of_month(date) as i32;
        let of_year = if date.leap_year() { 366 } else { 365 };
        let weeks = NaiveDate::from_ymd_opt(date.iso_week().year(), 12, 28)
            .map_or(52, |date| date.iso_week().week());
        has(&self.months, date.month() as i32, 12)
            && has(&self.weeks, date.iso_week().week() as i32, weeks as i32)
            && has(&self.year_days, date.ordinal() as i32, of_year)
            && has(&self.month_days, date.day() as i32, of_month)
            && (self.days.is_empty() || self.days.iter().any(|day| self.is_day(*day, date)))
    }

    fn is_day(&self, day: Day, date: NaiveDate) -> bool {
        if day.weekday != date.weekday() {
            return false;
        }
        let Some(nth) = day.nth else { return true };
        // RFC 2445: the number counts within the month, or within the year if no month is named. Elsewhere it has no
        // meaning and only the day counts.
        let (place, last) = match self.frequency {
            Frequency::Daily | Frequency::Weekly => return true,
            Frequency::Yearly if self.months.is_empty() => {
                (date.ordinal0(), if date.leap_year() { 365 } else { 364 })
            }
            Frequency::Monthly | Frequency::Yearly => (date.day0(), days_of_month(date) - 1),
        };
        match u32::try_from(nth) {
            Ok(nth) => place / 7 + 1 == nth,
            Err(_) => (last - place) / 7 + 1 == nth.unsigned_abs(),
        }
    }

    /// What no list says is as on the first day.
    fn is_picked(&self, date: NaiveDate, first: NaiveDate) -> bool {
        if !(self.days.is_empty() && self.month_days.is_empty() && self.year_days.is_empty()) {
            return true;
        }
        match self.frequency {
            Frequency::Daily => true,
            Frequency::Weekly => date.weekday() == first.weekday(),
            Frequency::Monthly => date.day() == first.day(),
            Frequency::Yearly if !self.weeks.is_empty() => date.weekday() == first.weekday(),
            Frequency::Yearly => {
                date.day() == first.day()
                    && (!self.months.is_empty() || date.month() == first.month())
            }
        }
    }
}

/// An empty list holds everything; negative numbers count from the end.
fn has(list: &[i32], number: i32, last: i32) -> bool {
    list.is_empty()
        || list
            .iter()
            .any(|&one| one == number || (one < 0 && last + 1 + one == number))
}

fn days_of_month(date: NaiveDate) -> u32 {
    u32::from(date.num_days_in_month())
}

/// On the clock of the zone.
fn on_clock(time: Time, zone: Tz) -> NaiveDateTime {
    if time.is_utc {
        zone.from_utc_datetime(&time.at).naive_local()
    } else {
        time.at
    }
}

/// The moment. Of a time that a clock shows twice, the first; one that is left out is that of the clock before it was
/// put forward.
fn instant(time: Time, zone: Tz) -> DateTime<Utc> {
    if time.is_utc {
        return time.at.and_utc();
    }
    match zone.from_local_datetime(&time.at).earliest() {
        Some(moment) => moment.with_timezone(&Utc),
        None => {
            let before = time.at - TimeDelta::hours(3);
            match zone.from_local_datetime(&before).earliest() {
                Some(moment) => moment.with_timezone(&Utc) + TimeDelta::hours(3),
                None => time.at.and_utc(),
            }
        }
    }
}
