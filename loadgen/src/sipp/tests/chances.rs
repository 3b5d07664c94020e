//! Distributions have the means that their parameters say.

use super::super::chance::Distribution;

fn mean(distribution: Distribution) -> f64 {
    let mut random = fastrand::Rng::with_seed(42);
    let count = 200_000;
    (0..count)
        .map(|_| distribution.sample(&mut random))
        .sum::<f64>()
        / f64::from(count)
}

#[test]
fn means() {
    let near = |distribution, expected: f64| {
        let found = mean(distribution);
        assert!(
            (found - expected).abs() < expected * 0.02,
            "{distribution:?}: {found}"
        );
    };
    near(Distribution::Fixed(5.0), 5.0);
    near(
        Distribution::Uniform {
            min: 10.0,
            max: 30.0,
        },
        20.0,
    );
    near(
        Distribution::Normal {
            mean: 100.0,
            deviation: 20.0,
        },
        100.0,
    );
    near(Distribution::Exponential { mean: 7.0 }, 7.0);
    // exp(m + s^2 / 2)
    near(
        Distribution::LogNormal {
            mean: 2.0,
            deviation: 0.5,
        },
        2.125_f64.exp(),
    );
    // lambda * gamma(1 + 1/2)
    near(
        Distribution::Weibull {
            lambda: 10.0,
            k: 2.0,
        },
        8.862,
    );
    // k * x / (k - 1)
    near(
        Distribution::Pareto {
            k: 3.0,
            minimum: 2.0,
        },
        3.0,
    );
}
