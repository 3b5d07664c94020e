//! The highest rate that is held, as RFC 7502 §6.1 looks for it: up in steps until one fails, narrowed by halves,
//! and confirmed by a longer run.
//!
//! Knows nothing of calls: somebody says of each rate whether it was held.

/// Probes of one search; with a step of 1.5 and a precision of 2 % some twenty are usual.
pub(super) const PROBES_MAX: usize = 64;

/// How a search goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Search {
    /// Tried first, per second.
    pub(super) first: f64,
    /// The next rate is so many times the last while all are held.
    pub(super) step: f64,
    /// Narrowed until what failed is at most this share above what was held.
    pub(super) precision: f64,
}

/// What a rate is tried for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trial {
    Probe,
    /// Long enough to believe it.
    Confirmation,
}

impl Search {
    /// The highest rate that was held and confirmed; `None` when none was in [`PROBES_MAX`] trials.
    pub(super) fn highest(
        &self,
        mut held: impl FnMut(f64, Trial) -> Result<bool, String>,
    ) -> Result<Option<f64>, String> {
        let (mut low, mut high, mut rate) = (0.0, f64::INFINITY, self.first);
        let mut confirming = false;
        for _ in 0..PROBES_MAX {
            if confirming {
                if held(rate, Trial::Confirmation)? {
                    return Ok(Some(rate));
                }
                // What a short run held and a long one did not: down by what was asked for, and again.
                rate *= 1.0 - self.precision;
                continue;
            }
            if held(rate, Trial::Probe)? {
                low = rate;
            } else {
                high = rate;
            }
            rate = if high.is_infinite() {
                low * self.step
            } else if low == 0.0 {
                high / self.step
            } else if high > low * (1.0 + self.precision) {
                f64::midpoint(low, high)
            } else {
                confirming = true;
                low
            };
        }
        Ok(None)
    }
}
