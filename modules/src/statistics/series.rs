//! Series: what was counted within the last window, as a sum, an average or a percentage.
//!
//! Owned by their name: samples go to the owner, and only the owner has a value to show.

use std::collections::VecDeque;

/// Seconds of a window.
const WINDOW_S_MAX: u32 = 7 * 86_400;

/// Slots of a window. Only those in which something was counted take memory.
const SLOTS_MAX: u32 = 86_400;

/// What becomes of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Accumulate,
    Average,
    /// Of those that are not 0, the share above 0.
    Percentage,
}

/// How the series of a profile are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) group: String,
    algorithm: Algorithm,
    window_s: u32,
    slots: u32,
    factor: i64,
}

impl Profile {
    /// `name: algorithm=average window=600 slots=10`.
    pub(super) fn parse(text: &str) -> Result<Profile, String> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let name = name.trim();
        if name.is_empty() {
            return Err(format!("`{text}` names no profile"));
        }
        let mut profile = Profile {
            name: name.to_owned(),
            group: name.to_owned(),
            algorithm: Algorithm::Accumulate,
            window_s: 60,
            slots: 0,
            factor: 100,
        };
        for setting in rest
            .split([' ', '\t', '\n', '\r', ';'])
            .filter(|one| !one.is_empty())
        {
            let (key, value) = setting
                .split_once('=')
                .ok_or_else(|| format!("`{setting}` is not name=value"))?;
            let number = |max: u32| match value.parse() {
                Ok(number) if (1..=max).contains(&number) => Ok(number),
                _ => Err(format!("`{setting}` is not between 1 and {max}")),
            };
            match key {
                "algorithm" => {
                    profile.algorithm = match value {
                        "accumulate" => Algorithm::Accumulate,
                        "average" => Algorithm::Average,
                        "percentage" => Algorithm::Percentage,
                        other => {
                            return Err(format!(
                                "`{other}` is not accumulate, average or percentage"
                            ));
                        }
                    }
                }
                "group" => profile.group = value.to_owned(),
                "window" => profile.window_s = number(WINDOW_S_MAX)?,
                "slots" => profile.slots = number(SLOTS_MAX)?,
                "percentage_factor" => profile.factor = i64::from(number(1_000_000)?),
                // The table grows by itself.
                "hash_size" => drop(number(1 << 20)?),
                other => return Err(format!("`{other}` is no setting of a profile")),
            }
        }
        if profile.slots == 0 {
            profile.slots = profile.window_s.min(SLOTS_MAX);
        }
        if profile.slots > profile.window_s {
            return Err(format!(
                "a window of {} s has no {} slots",
                profile.window_s, profile.slots
            ));
        }
        Ok(profile)
    }

    fn slot(&self, now_ms: u64) -> u64 {
        now_ms * u64::from(self.slots) / (u64::from(self.window_s) * 1000)
    }
}

/// The samples of one statistic.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    /// Oldest first.
    slots: VecDeque<Slot>,
    /// Of all slots: management looks at every series each second, and a window may have 86,400 of them.
    total: Samples,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    number: u64,
    samples: Samples,
}

/// Samples added up. A sample has 32 bits, so no window has enough of them for 128.
#[derive(Clone, Copy, Debug, Default)]
struct Samples {
    sum: i128,
    count: i128,
    above: i128,
}

impl Series {
    /// One sample.
    pub(super) fn add(&mut self, profile: &Profile, now_ms: u64, value: i64) {
        self.forget(profile, now_ms);
        let number = profile.slot(now_ms);
        if self.slots.back().is_none_or(|slot| slot.number != number) {
            self.slots.push_back(Slot {
                number,
                samples: Samples::default(),
            });
        }
        let counts = value != 0 || profile.algorithm == Algorithm::Average;
        let sample = Samples {
            sum: value.into(),
            count: counts.into(),
            above: (value > 0).into(),
        };
        if let Some(slot) = self.slots.back_mut() {
            slot.samples.add(sample);
            self.total.add(sample);
        }
    }

    /// What the window says now; 0 when nothing was counted.
    pub(super) fn value(&mut self, profile: &Profile, now_ms: u64) -> i64 {
        self.forget(profile, now_ms);
        let Samples { sum, count, above } = self.total;
        let value = match profile.algorithm {
            Algorithm::Accumulate => sum,
            Algorithm::Average => sum.checked_div(count).unwrap_or(0),
            Algorithm::Percentage => (above * i128::from(profile.factor))
                .checked_div(count)
                .unwrap_or(0),
        };
        value.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    pub(super) fn clear(&mut self) {
        *self = Series::default();
    }

    fn forget(&mut self, profile: &Profile, now_ms: u64) {
        let now = profile.slot(now_ms);
        let is_over = |slot: &mut Slot| slot.number + u64::from(profile.slots) <= now;
        while let Some(slot) = self.slots.pop_front_if(is_over) {
            self.total.take(slot.samples);
        }
    }
}

impl Samples {
    fn add(&mut self, other: Samples) {
        self.sum += other.sum;
        self.count += other.count;
        self.above += other.above;
    }

    fn take(&mut self, other: Samples) {
        self.sum -= other.sum;
        self.count -= other.count;
        self.above -= other.above;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds and samples; then the value at a second.
    fn value(profile: &str, samples: &[(u64, i64)], at_s: u64) -> i64 {
        let profile = Profile::parse(profile).unwrap();
        let mut series = Series::default();
        for (second, value) in samples {
            series.add(&profile, second * 1000, *value);
        }
        series.value(&profile, at_s * 1000)
    }

    #[test]
    fn a_window_forgets_what_is_older() {
        let samples = [(0, 5), (30, 2), (61, -1)];
        assert_eq!(value("a", &samples[..2], 30), 7);
        assert_eq!(value("a", &samples, 61), 1);
        assert_eq!(value("a", &samples, 500), 0);
        // Ten slots of a minute each: the first goes when the eleventh begins.
        let long = "a: window=600 slots=10";
        assert_eq!(value(long, &[(59, 5), (60, 2)], 599), 7);
        assert_eq!(value(long, &[(59, 5), (60, 2)], 600), 2);
    }

    #[test]
    fn what_a_window_says_is_what_its_slots_hold() {
        for (algorithm, factor) in [("accumulate", 1), ("average", 1), ("percentage", 100)] {
            let text = format!("a: algorithm={algorithm} window=7 slots=7");
            let profile = Profile::parse(&text).unwrap();
            let mut series = Series::default();
            let mut all: Vec<(u64, i64)> = Vec::new();
            // Steps of 0 to 8 s, so that windows also empty in between.
            let mut second = 0;
            for number in 0..500_u64 {
                second += number * number % 9;
                let value = (number * 37 % 11) as i64 - 5;
                series.add(&profile, second * 1000, value);
                all.push((second, value));
                let inside = all.iter().filter(|(at, _)| at + 7 > second);
                let inside: Vec<i64> = inside.map(|(_, value)| *value).collect();
                let sum: i64 = inside.iter().sum();
                let above = inside.iter().filter(|value| **value > 0).count() as i64;
                let not_zero = inside.iter().filter(|value| **value != 0).count() as i64;
                let expected = match algorithm {
                    "accumulate" => sum,
                    "average" => sum / inside.len() as i64,
                    _ => (above * factor).checked_div(not_zero).unwrap_or(0),
                };
                assert_eq!(series.value(&profile, second * 1000), expected, "{text}");
            }
            assert_eq!(series.value(&profile, (second + 7) * 1000), 0);
        }
    }

    #[test]
    fn averages_and_percentages() {
        assert_eq!(
            value("a: algorithm=average", &[(0, 10), (1, 0), (2, 20)], 3),
            10
        );
        assert_eq!(value("a: algorithm=average", &[], 3), 0);
        let answered = [(0, 1), (0, 1), (1, -1), (2, 1)];
        assert_eq!(value("a: algorithm=percentage", &answered, 3), 75);
        assert_eq!(
            value(
                "a: algorithm=percentage percentage_factor=1000",
                &answered,
                3
            ),
            750
        );
        assert_eq!(value("a: algorithm=percentage", &[], 3), 0);
    }

    #[test]
    fn a_profile_that_cannot_be_is_refused() {
        let wrong = |text| Profile::parse(text).unwrap_err();
        assert_eq!(wrong(": window=5"), "`: window=5` names no profile");
        assert_eq!(wrong("a: window"), "`window` is not name=value");
        assert_eq!(
            wrong("a: window=0"),
            "`window=0` is not between 1 and 604800"
        );
        assert_eq!(
            wrong("a: window=5 slots=6"),
            "a window of 5 s has no 6 slots"
        );
        assert_eq!(
            wrong("a: algorithm=median"),
            "`median` is not accumulate, average or percentage"
        );
        assert_eq!(wrong("a: size=6"), "`size` is no setting of a profile");
    }
}
