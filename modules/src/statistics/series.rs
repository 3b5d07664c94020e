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
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    number: u64,
    sum: i64,
    count: i64,
    above: i64,
}

impl Series {
    /// One sample.
    pub(super) fn add(&mut self, profile: &Profile, now_ms: u64, value: i64) {
        self.forget(profile, now_ms);
        let number = profile.slot(now_ms);
        if self.slots.back().is_none_or(|slot| slot.number != number) {
            self.slots.push_back(Slot {
                number,
                sum: 0,
                count: 0,
                above: 0,
            });
        }
        if let Some(slot) = self.slots.back_mut() {
            slot.sum = slot.sum.saturating_add(value);
            slot.count += i64::from(value != 0 || profile.algorithm == Algorithm::Average);
            slot.above += i64::from(value > 0);
        }
    }

    /// What the window says now; 0 when nothing was counted.
    pub(super) fn value(&mut self, profile: &Profile, now_ms: u64) -> i64 {
        self.forget(profile, now_ms);
        let total =
            |of: fn(&Slot) -> i64| self.slots.iter().map(of).fold(0i64, i64::saturating_add);
        let count = total(|slot| slot.count);
        match profile.algorithm {
            Algorithm::Accumulate => total(|slot| slot.sum),
            Algorithm::Average => total(|slot| slot.sum).checked_div(count).unwrap_or(0),
            Algorithm::Percentage => (total(|slot| slot.above).saturating_mul(profile.factor))
                .checked_div(count)
                .unwrap_or(0),
        }
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
    }

    fn forget(&mut self, profile: &Profile, now_ms: u64) {
        let now = profile.slot(now_ms);
        while self
            .slots
            .front()
            .is_some_and(|slot| slot.number + u64::from(profile.slots) <= now)
        {
            self.slots.pop_front();
        }
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
