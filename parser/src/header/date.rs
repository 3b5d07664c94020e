//! Date: RFC 3261 §20.17. An RFC 1123 date in GMT: `Sat, 13 Nov 2010 23:29:00 GMT`.

use crate::grammar::{Cursor, trim};
use crate::{Expected, Fault};

/// A moment, in seconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Date {
    /// Seconds since 1970-01-01 00:00:00 UTC. Years 1900 to 9999.
    pub unix: i64,
}

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const DAYS: [&[u8]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];

impl Date {
    /// Reads one value. Only GMT is legal (RFC 4475 §3.1.2.12).
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let wrong = |at: usize| Fault::expected(Expected::Date, at);
        let text = trim(bytes);
        let [a, b, c, b',', b' ', rest @ ..] = text else {
            return Err(wrong(0));
        };
        if !DAYS.contains(&&[*a, *b, *c][..]) {
            return Err(wrong(0));
        }
        let mut cursor = Cursor::new(rest);
        let wrong_here = |cursor: &Cursor<'_>| wrong(cursor.at + 5);
        let field = |cursor: &mut Cursor<'_>, digits: usize, behind: u8| {
            let start = cursor.at;
            let number = cursor.number(10_000).map_err(|_| wrong(start + 5))?;
            if cursor.at - start != digits || !cursor.eat(behind) {
                return Err(wrong(start + 5));
            }
            Ok(number as i64)
        };
        let day = field(&mut cursor, 2, b' ')?;
        let name = cursor
            .bytes
            .get(cursor.at..cursor.at + 3)
            .unwrap_or_default();
        let month = MONTHS
            .iter()
            .position(|month| *month == name)
            .ok_or_else(|| wrong_here(&cursor))?;
        cursor.at += 3;
        cursor.expect(b' ').map_err(|_| wrong_here(&cursor))?;
        let year = field(&mut cursor, 4, b' ')?;
        let hour = field(&mut cursor, 2, b':')?;
        let minute = field(&mut cursor, 2, b':')?;
        let second = field(&mut cursor, 2, b' ')?;
        if &cursor.bytes[cursor.at..] != b"GMT" {
            return Err(wrong_here(&cursor));
        }
        let in_range = (1..=days_in(year, month)).contains(&day) && year >= 1900;
        // A leap second is the next minute's first.
        if !in_range || hour > 23 || minute > 59 || second > 60 {
            return Err(wrong(5));
        }
        Ok(Self {
            unix: days_before(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second,
        })
    }

    /// Writes it.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (days, seconds) = (self.unix.div_euclid(86_400), self.unix.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        let two = |number: i64, out: &mut Vec<u8>| {
            out.extend_from_slice(&[b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]);
        };
        out.extend_from_slice(DAYS[days.rem_euclid(7) as usize]);
        out.extend_from_slice(b", ");
        two(day, out);
        out.push(b' ');
        out.extend_from_slice(MONTHS[month]);
        out.push(b' ');
        two(year / 100, out);
        two(year, out);
        out.push(b' ');
        two(seconds / 3_600, out);
        out.push(b':');
        two(seconds / 60 % 60, out);
        out.push(b':');
        two(seconds % 60, out);
        out.extend_from_slice(b" GMT");
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Months count from 0.
fn days_in(year: i64, month: usize) -> i64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to this day.
fn days_before(year: i64, month: usize, day: i64) -> i64 {
    let past = year - 1;
    let years = past * 365 + past / 4 - past / 100 + past / 400 - 719_162;
    years + (0..month).map(|month| days_in(year, month)).sum::<i64>() + day - 1
}

/// The year, month (from 0) and day of a day since 1970.
fn civil(days: i64) -> (i64, usize, i64) {
    // Years are counted too long, so the guess is too near to 1970.
    let mut year = 1970 + days / 366;
    while days_before(year, 0, 1) > days {
        year -= 1;
    }
    while days_before(year + 1, 0, 1) <= days {
        year += 1;
    }
    let mut left = days - days_before(year, 0, 1);
    let mut month = 0;
    while left >= days_in(year, month) {
        left -= days_in(year, month);
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str, unix: i64) {
        assert_eq!(Date::parse(text.as_bytes()), Ok(Date { unix }), "{text}");
        let mut written = Vec::new();
        Date { unix }.write(&mut written);
        assert_eq!(written.escape_ascii().to_string(), text);
    }

    fn fails(text: &str, at: usize) {
        assert_eq!(
            Date::parse(text.as_bytes()),
            Err(Fault::expected(Expected::Date, at)),
            "{text}"
        );
    }

    #[test]
    fn table() {
        reads("Sat, 13 Nov 2010 23:29:00 GMT", 1_289_690_940); // RFC 3261 §20.17
        reads("Thu, 01 Jan 1970 00:00:00 GMT", 0);
        reads("Wed, 31 Dec 1969 23:59:59 GMT", -1);
        reads("Tue, 31 Dec 1968 00:00:00 GMT", -31_622_400); // was written back as the 0th of January
        reads("Mon, 01 Jan 1900 00:00:00 GMT", -2_208_988_800);
        reads("Thu, 29 Feb 2024 12:00:00 GMT", 1_709_208_000);
        reads("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799);
        fails("Fri, 01 Jan 2010 16:00:00 EST", 26); // RFC 4475 §3.1.2.12
        fails("Sat, 13 Nov 2010 23:29:00", 23);
        fails("Sat, 30 Feb 2010 23:29:00 GMT", 5);
        fails("Sat, 13 Nov 2010 24:29:00 GMT", 5);
        fails("Sat 13 Nov 2010 23:29:00 GMT", 0);
        fails("Sat, 13 Nox 2010 23:29:00 GMT", 8);
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        // The first of 1900 to the last of 2299.
        for day in -25_567..120_530 {
            let (year, month, of_month) = civil(day);
            assert!((1..=days_in(year, month)).contains(&of_month), "{day}");
            assert_eq!(days_before(year, month, of_month), day);
        }
    }
}
