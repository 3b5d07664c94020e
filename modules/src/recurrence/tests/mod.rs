//! Recurrences against times: one table a field.

use chrono::{NaiveDateTime, TimeZone};
use chrono_tz::Tz;

use super::Recurrence;

/// `text` in the zone of Bucharest, at times of that zone's clock.
#[track_caller]
fn holds(text: &str, at: &[&str]) {
    check(text, at, true);
}

#[track_caller]
fn fails(text: &str, at: &[&str]) {
    check(text, at, false);
}

#[track_caller]
fn check(text: &str, at: &[&str], expected: bool) {
    let recurrence = Recurrence::parse(text).unwrap_or_else(|wrong| panic!("{text}: {wrong}"));
    for time in at {
        let local = NaiveDateTime::parse_from_str(time, "%Y-%m-%d %H:%M").unwrap();
        let moment = Tz::Europe__Bucharest
            .from_local_datetime(&local)
            .earliest()
            .unwrap();
        assert_eq!(
            recurrence.matches(moment.timestamp(), Tz::Europe__Bucharest),
            expected,
            "{text} at {time}"
        );
    }
}

#[track_caller]
fn malformed(text: &str, why: &str) {
    match Recurrence::parse(text) {
        Ok(_) => panic!("{text} is read"),
        Err(wrong) => assert_eq!(wrong.0, why, "{text}"),
    }
}

#[test]
fn without_a_frequency_it_lasts_from_start_to_end() {
    let year = "20120101T000000|20130101T000000";
    holds(year, &["2012-01-01 00:00", "2012-12-31 23:59"]);
    fails(year, &["2011-12-31 23:59", "2013-01-01 00:00"]);
    let month = "20121101T000000||p30d";
    holds(month, &["2012-11-01 00:00", "2012-11-30 23:59"]);
    fails(month, &["2012-12-01 00:00"]);
    // Neither end nor duration: for ever. No start: since 1970.
    holds("20210101T080000", &["2021-01-01 08:00", "2035-01-01 00:00"]);
    fails("20210101T080000", &["2021-01-01 07:59"]);
    holds("|20210101T000000", &["1990-05-05 10:00"]);
    // What follows an empty frequency is not looked at.
    holds("20210101T000000||||yesterday|-3|XX", &["2021-06-01 00:00"]);
}

#[test]
fn a_duration_ends_within_the_calendar() {
    holds("99991231T000000||P1D", &["9999-12-31 12:00"]);
    holds("20200101T000000||P100000D", &["2290-01-01 00:00"]);
    for text in ["P100000000W", &"99999999W".repeat(900)] {
        malformed(
            &format!("99991231T000000||{text}"),
            &format!("`{text}` is longer than ten thousand years"),
        );
    }
}

#[test]
fn a_zone_is_that_of_the_text_or_else_the_systems() {
    // 9 in New York is 16 in Bucharest.
    let office = "America/New_York|20210104T090000|20210104T170000||WEEKLY|||MO,TU,WE,TH,FR";
    holds(office, &["2021-01-05 16:00", "2021-01-05 23:59"]);
    fails(office, &["2021-01-05 15:59", "2021-01-06 00:00"]);
    // Friday evening there is Saturday here.
    holds(
        "America/New_York|20210104T200000||PT1H|WEEKLY|||FR",
        &["2021-01-09 03:30"],
    );
    holds("20210101T220000Z||1H", &["2021-01-02 00:30"]);
    holds("Etc/GMT+5|20210101T000000||1H", &["2021-01-01 07:30"]);
    malformed(
        "Europe/Atlantis|20210101T000000",
        "`Europe/Atlantis` is no time zone of the IANA data base",
    );
}

#[test]
fn daily_may_cross_midnight() {
    let night = "20200610T230000|20200611T070000||DAILY";
    holds(
        night,
        &["2020-06-10 23:00", "2020-06-11 06:59", "2021-03-03 02:00"],
    );
    fails(
        night,
        &["2020-06-10 06:00", "2020-06-11 07:00", "2021-03-03 12:00"],
    );
    // Every third day.
    let third = "20210101T080000||2H|DAILY||3";
    holds(
        third,
        &["2021-01-01 09:00", "2021-01-04 09:00", "2021-12-30 09:59"],
    );
    fails(third, &["2021-01-02 09:00", "2021-01-03 09:00"]);
    // Without a duration the day is whole.
    holds(
        "20210101T080000|||DAILY",
        &["2021-01-01 08:00", "2021-01-02 07:00"],
    );
    fails("20210101T080000|||DAILY||2", &["2021-01-02 09:00"]);
    holds("20210101T000000|||DAILY|||||||6,7", &["2021-06-15 12:00"]);
    fails("20210101T000000|||DAILY|||||||6,7", &["2021-05-31 23:59"]);
}

#[test]
fn weekly_is_the_first_days_or_the_days_named() {
    let workdays = "20210104T080000|20211231T180000||WEEKLY|||MO,TU,WE,TH,FR";
    holds(
        workdays,
        &["2021-01-04 08:00", "2021-06-15 17:59", "2021-12-31 17:59"],
    );
    fails(
        workdays,
        &[
            "2021-01-09 12:00",
            "2021-06-15 18:00",
            "2021-06-15 07:59",
            "2022-01-03 12:00",
        ],
    );
    let duration = "20210104T080000||8H|WEEKLY|||MO,TU,WE,TH,FR";
    holds(duration, &["2021-08-30 15:59", "2031-08-29 15:59"]);
    fails(duration, &["2021-08-30 07:30", "2021-08-30 16:00"]);
    // 2021-01-04 is a Monday.
    holds("20210104T080000||8H|WEEKLY", &["2021-02-01 09:00"]);
    fails("20210104T080000||8H|WEEKLY", &["2021-02-02 09:00"]);
    let second = "20210104T000000|||WEEKLY||2|TU,SU";
    holds(
        second,
        &["2021-01-05 10:00", "2021-01-10 10:00", "2021-01-19 10:00"],
    );
    fails(second, &["2021-01-12 10:00", "2021-01-17 10:00"]);
    // Without duration and days it is the whole week.
    holds(
        "20210104T000000|||WEEKLY||2",
        &["2021-01-10 23:59", "2021-01-18 00:00"],
    );
    fails("20210104T000000|||WEEKLY||2", &["2021-01-11 00:00"]);
    // A long weekend.
    let weekend = "20210101T180000||62H|WEEKLY|||FR";
    holds(
        weekend,
        &["2021-01-01 18:00", "2021-01-03 12:00", "2021-01-04 07:59"],
    );
    fails(weekend, &["2021-01-04 08:00", "2021-01-07 12:00"]);
}

#[test]
fn monthly_by_date_by_day_and_by_the_nth_day() {
    holds(
        "20210131T000000||1D|MONTHLY",
        &["2021-01-31 12:00", "2021-03-31 12:00"],
    );
    fails("20210131T000000||1D|MONTHLY", &["2021-02-28 12:00"]);
    holds(
        "20210101T000000||1D|MONTHLY||||1,15,-1",
        &["2021-02-28 01:00", "2021-04-15 01:00"],
    );
    fails(
        "20210101T000000||1D|MONTHLY||||1,15,-1",
        &["2021-02-27 01:00"],
    );
    holds(
        "20210101T000000||1D|MONTHLY||||10-20",
        &["2021-02-10 00:00", "2021-02-20 23:00"],
    );
    // The first Monday and the last Friday.
    let days = "20210101T090000||1H|MONTHLY|||1MO,-1FR";
    holds(days, &["2021-03-01 09:30", "2021-03-26 09:30"]);
    fails(days, &["2021-03-08 09:30", "2021-03-19 09:30"]);
    // Friday the 13th.
    holds("20210101T000000|||MONTHLY|||FR|13", &["2021-08-13 13:00"]);
    fails(
        "20210101T000000|||MONTHLY|||FR|13",
        &["2021-08-12 13:00", "2021-08-20 13:00"],
    );
    // Every second month, whole.
    holds("20210101T000000|||MONTHLY||2", &["2021-03-31 23:59"]);
    fails("20210101T000000|||MONTHLY||2", &["2021-04-01 00:00"]);
}

#[test]
fn yearly_by_month_week_and_day_of_the_year() {
    holds("20201225T000000||1D|YEARLY", &["2024-12-25 12:00"]);
    fails(
        "20201225T000000||1D|YEARLY",
        &["2024-12-24 12:00", "2019-12-25 12:00"],
    );
    // RFC 2445: Thanksgiving.
    holds(
        "20200101T000000||1D|YEARLY|||4TH||||11",
        &["2021-11-25 12:00"],
    );
    fails(
        "20200101T000000||1D|YEARLY|||4TH||||11",
        &["2021-11-18 12:00"],
    );
    // The 20th Monday of the year.
    holds("19970519T000000||1D|YEARLY|||20MO", &["1998-05-18 12:00"]);
    // The first and the last day of the year; leap years too.
    holds(
        "20200101T000000||1D|YEARLY|||||-1,1",
        &["2020-12-31 12:00", "2021-12-31 12:00", "2022-01-01 12:00"],
    );
    fails("20200101T000000||1D|YEARLY|||||366", &["2021-12-31 12:00"]);
    // ISO week 20, Monday as the first was.
    holds("19970512T000000||1D|YEARLY||||||20", &["1998-05-11 12:00"]);
    fails("19970512T000000||1D|YEARLY||||||20", &["1998-05-12 12:00"]);
    // A season, without a duration.
    holds(
        "|||YEARLY|||||||6,7,8",
        &["2021-06-01 00:00", "2021-08-31 23:59"],
    );
    fails(
        "|||YEARLY|||||||6,7,8",
        &["2021-05-31 23:59", "2021-09-01 00:00"],
    );
}

#[test]
fn until_bounds_the_beginnings() {
    let text = "20210101T200000||8H|DAILY|20210103T235959";
    holds(text, &["2021-01-03 21:00", "2021-01-04 03:59"]);
    fails(text, &["2021-01-04 20:30"]);
    // A date is the whole day.
    holds("20210101T200000||1H|DAILY|20210103", &["2021-01-03 20:30"]);
}

#[test]
fn a_days_hours_are_those_of_the_clock_when_clocks_change() {
    // 2021-03-28 03:00 became 04:00.
    holds(
        "20210101T080000|20210101T180000||DAILY",
        &["2021-03-28 08:00", "2021-03-28 17:59", "2021-10-31 08:00"],
    );
    fails(
        "20210101T080000|20210101T180000||DAILY",
        &["2021-03-28 18:00", "2021-03-28 07:59"],
    );
    holds("20210328T033000||1H", &["2021-03-28 04:30"]);
}

#[test]
fn expressions_join_recurrences() {
    let lunch = "20210104T080000|20211231T180000||WEEKLY|||MO,TU,WE,TH,FR
        & !20210104T120000|20211231T140000||WEEKLY|||MO,TU,WE,TH,FR";
    holds(lunch, &["2021-05-05 11:59", "2021-05-05 14:00"]);
    fails(lunch, &["2021-05-05 12:00", "2021-05-05 18:00"]);
    let holidays = "America/New_York|20210104T090000|20210104T170000||WEEKLY|||MO,TU,WE,TH,FR
        & !(Europe/Amsterdam|20210427T000000|20210428T000000 / Europe/London|20211227T000000|20211228T000000)";
    holds(holidays, &["2021-04-26 17:00"]);
    fails(holidays, &["2021-04-27 17:00", "2021-12-27 17:00"]);
    // `&` binds closer than `/`.
    let bound = "20210101T000000||1D / 20210102T000000||1D & 20210105T000000||1D";
    holds(bound, &["2021-01-01 12:00"]);
    fails(bound, &["2021-01-02 12:00", "2021-01-05 12:00"]);
    holds("!!(20210101T000000||1D)", &["2021-01-01 12:00"]);
}

#[test]
fn what_cannot_be_read_is_said() {
    malformed("", "a recurrence is missing");
    malformed(
        "19700000T000000",
        "`19700000T000000` is no time: YYYYMMDDTHHMMSS",
    );
    malformed("2021", "`2021` is no time: YYYYMMDDTHHMMSS");
    malformed(
        "20210101T256000",
        "`20210101T256000` is no time: YYYYMMDDTHHMMSS",
    );
    malformed("20210101||8", "`8` is no duration: P1D, PT8H30M, P2W");
    malformed(
        "20210101|20210102|8",
        "`8` is no duration: P1D, PT8H30M, P2W",
    );
    malformed("20210101||8X", "`8X` is no duration: P1D, PT8H30M, P2W");
    malformed(
        "20210101|||HOURLY",
        "`HOURLY` is no frequency: DAILY, WEEKLY, MONTHLY, YEARLY",
    );
    malformed("20210101|||DAILY||0", "`0` is no interval: 1 to 10000");
    malformed(
        "20210101|||WEEKLY|||MONDAY",
        "`MONDAY` is no day: MO to SU, 1MO, -1FR",
    );
    malformed(
        "20210101|||WEEKLY|||É",
        "`É` is no day: MO to SU, 1MO, -1FR",
    );
    malformed("20210101|||MONTHLY||||32", "`32` is not between 1 and 31");
    malformed("20210102|20210101", "it ends before it starts");
    malformed(
        "20210101||9999D|DAILY",
        "an occurrence lasts at most 3660 days",
    );
    malformed("(20210101", "`)` is missing");
    malformed("20210101 )", "`)` is left over");
    malformed("20210101 & ", "a recurrence is missing");
    malformed(
        "20210101|||YEARLY|||||||1|2",
        "`20210101|||YEARLY|||||||1|2` has too many fields",
    );
    malformed(
        &"(".repeat(40),
        "more than 32 parentheses and negations in each other",
    );
}
