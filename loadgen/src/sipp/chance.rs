//! Distributions of pauses.

use std::f64::consts::TAU;

/// In milliseconds, or whatever the action that samples it means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Distribution {
    Fixed(f64),
    Uniform {
        min: f64,
        max: f64,
    },
    Normal {
        mean: f64,
        deviation: f64,
    },
    /// Mean and deviation of the logarithm.
    LogNormal {
        mean: f64,
        deviation: f64,
    },
    Exponential {
        mean: f64,
    },
    Weibull {
        lambda: f64,
        k: f64,
    },
    Pareto {
        k: f64,
        minimum: f64,
    },
}

impl Distribution {
    pub(crate) fn sample(&self, random: &mut fastrand::Rng) -> f64 {
        // Never zero, so that it has a logarithm.
        let mut share = || 1.0 - random.f64();
        match *self {
            Self::Fixed(value) => value,
            Self::Uniform { min, max } => min + (max - min) * (1.0 - share()),
            Self::Normal { mean, deviation } => mean + deviation * normal(&mut share),
            Self::LogNormal { mean, deviation } => (mean + deviation * normal(&mut share)).exp(),
            Self::Exponential { mean } => -share().ln() * mean,
            Self::Weibull { lambda, k } => lambda * (-share().ln()).powf(1.0 / k),
            Self::Pareto { k, minimum } => minimum / share().powf(1.0 / k),
        }
    }
}

/// Box and Muller.
fn normal(share: &mut impl FnMut() -> f64) -> f64 {
    (-2.0 * share().ln()).sqrt() * (TAU * share()).cos()
}
