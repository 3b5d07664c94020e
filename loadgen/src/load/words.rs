//! The words that options and files are made of: times, distributions, rates, shares.

use std::str::FromStr;

use super::plan::{Arrivals, Callee};
use crate::phone::{Chance, Micros, Session, Spread};
use crate::source::Source;

/// Times in a file of measured ones.
const TIMES_MAX: usize = 10_000_000;

pub(super) fn rate(word: &str) -> Result<f64, &'static str> {
    match word.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 10_000_000.0 => Ok(rate),
        _ => Err("a number above 0"),
    }
}

pub(super) fn at_least_one(word: &str) -> Result<u64, &'static str> {
    word.parse()
        .ok()
        .filter(|&number| number >= 1)
        .ok_or("a whole number from 1")
}

pub(super) fn status(word: &str) -> Result<u16, &'static str> {
    word.parse()
        .ok()
        .filter(|code| (300..700).contains(code))
        .ok_or("a status code from 300 to 699")
}

/// `0.05` or `5%`.
pub(super) fn chance(word: &str) -> Result<Chance, &'static str> {
    let (number, scale) = match word.strip_suffix('%') {
        Some(number) => (number, 1e4),
        None => (word, 1e6),
    };
    match number.trim().parse::<f64>().map(|number| number * scale) {
        Ok(millionths) if (0.0..=1e6).contains(&millionths) => {
            Ok(Chance(millionths.round() as u32))
        }
        _ => Err("a share from 0 to 1, or in percent"),
    }
}

/// A word as a shell reads it back: records hold commands that can be given again.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@%+~".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) && !word.starts_with('~') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The words of a command line, as a shell would see them: quotes keep blanks together.
pub(super) fn split(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let (mut word, mut begun, mut quote) = (String::new(), false, None);
    for letter in line.chars() {
        match (letter, quote) {
            (letter, Some(mark)) if letter == mark => quote = None,
            (letter, Some(_)) => word.push(letter),
            ('"' | '\'', None) => (begun, quote) = (true, Some(letter)),
            (letter, None) if letter.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (letter, None) => {
                begun = true;
                word.push(letter);
            }
        }
    }
    if quote.is_some() {
        return Err("a quote is never closed");
    }
    if begun {
        words.push(word);
    }
    Ok(words)
}

/// `500ms`, `60s`, `10m`, `1h`; a bare number is seconds.
pub(super) fn duration(word: &str) -> Result<Micros, &'static str> {
    const EXPECTED: &str = "a time, as 500ms, 60s or 10m";
    let digits = word
        .find(|byte: char| byte.is_ascii_alphabetic())
        .unwrap_or(word.len());
    let unit = match &word[digits..] {
        "us" => 1.0,
        "ms" => 1e3,
        "" | "s" => 1e6,
        "m" => 60e6,
        "h" => 3600e6,
        _ => return Err(EXPECTED),
    };
    let number: f64 = word[..digits].parse().map_err(|_| EXPECTED)?;
    if !(0.0..=1e9).contains(&number) {
        return Err(EXPECTED);
    }
    Ok((number * unit) as Micros)
}

/// `3s`, `1s-5s`, `~3s`, `lognormal:3m:0.8`, `@FILE`.
pub(super) fn spread(word: &str) -> Result<Spread, String> {
    if let Some(path) = word.strip_prefix('@') {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("cannot read {path}: {error}"))?;
        return table(&Source {
            name: path,
            text: &text,
        });
    }
    if let Some(mean) = word.strip_prefix('~') {
        return Ok(Spread::Exponential(duration(mean)?));
    }
    if let Some(rest) = word.strip_prefix("lognormal:") {
        let (mean, sigma) = rest
            .split_once(':')
            .ok_or("lognormal:MEAN:SIGMA, as lognormal:3m:0.8")?;
        let sigma = sigma
            .parse::<f64>()
            .ok()
            .filter(|sigma| (0.0..=5.0).contains(sigma));
        let sigma = sigma.ok_or("the deviation of the logarithm is from 0 to 5")?;
        return Ok(Spread::Lognormal {
            mean: duration(mean)?,
            sigma_milli: (sigma * 1e3).round() as u32,
        });
    }
    match word.split_once('-') {
        Some((low, high)) => Ok(Spread::Uniform(duration(low)?, duration(high)?)),
        None => Ok(Spread::Fixed(duration(word)?)),
    }
}

/// A time a line; what follows a `#` is a comment. Read once, so it stays for the life of the process.
pub(super) fn table(source: &Source<'_>) -> Result<Spread, String> {
    let mut times = Vec::new();
    let mut start = 0;
    for line in source.text.split_inclusive('\n') {
        let at = start + (line.len() - line.trim_start().len());
        start += line.len();
        let word = line.split('#').next().unwrap_or_default().trim();
        if !word.is_empty() {
            times.push(duration(word).map_err(|what| source.fault(at, word.len(), what))?);
        }
        if times.len() > TIMES_MAX {
            return Err(source.fault(at, 1, &format!("more than {TIMES_MAX} times")));
        }
    }
    if times.is_empty() {
        return Err(source.fault(0, 1, "there is no time in it"));
    }
    Ok(Spread::Table(times.leak()))
}

impl FromStr for Arrivals {
    type Err = &'static str;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "even" => Ok(Arrivals::Even),
            "poisson" => Ok(Arrivals::Poisson),
            _ => Err("even or poisson"),
        }
    }
}

pub(super) fn callee(word: &str) -> Result<Callee, &'static str> {
    match word {
        "direct" => Ok(Callee::Direct),
        "register" => Ok(Callee::Registered),
        _ => Err("direct or register; --to names somebody else"),
    }
}

pub(super) fn session(word: &str) -> Result<Session, &'static str> {
    match word {
        "offer" => Ok(Session::Offer),
        "late" => Ok(Session::Late),
        "none" => Ok(Session::None),
        _ => Err("offer, late or none"),
    }
}
