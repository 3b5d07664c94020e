//! The network between phones and servers: delay, jitter, loss, duplication, reordering.
//!
//! Decides when and how often a datagram arrives; carries nothing itself. Every decision is drawn
//! from the world's one seed, so the same seed is the same weather.

/// How the network treats datagrams. Probabilities are per mille.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// One-way delay, microseconds.
    pub delay_us: u64,
    /// Added evenly from 0 to this, microseconds; more than the distance of two datagrams reorders them.
    pub jitter_us: u64,
    /// Lost datagrams, per mille.
    pub loss: u32,
    /// Datagrams that arrive twice, per mille.
    pub duplicate: u32,
}

impl Weather {
    /// No loss, no jitter, this delay in milliseconds.
    pub const fn calm(delay_ms: u64) -> Self {
        Weather {
            delay_us: delay_ms * 1000,
            jitter_us: 0,
            loss: 0,
            duplicate: 0,
        }
    }

    /// When a datagram sent at `now_us` arrives: never, once or twice.
    pub fn arrivals(&self, now_us: u64, chance: &mut fastrand::Rng) -> [Option<u64>; 2] {
        if self.loss > 0 && chance.u32(0..1000) < self.loss {
            return [None, None];
        }
        let mut once = || {
            let jitter = if self.jitter_us == 0 {
                0
            } else {
                chance.u64(0..=self.jitter_us)
            };
            now_us + self.delay_us + jitter
        };
        let first = once();
        let second = (self.duplicate > 0).then(&mut once);
        let twice = self.duplicate > 0 && chance.u32(0..1000) < self.duplicate;
        [Some(first), second.filter(|_| twice)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calm_weather_delivers_once_after_the_delay() {
        let mut chance = fastrand::Rng::with_seed(1);
        assert_eq!(
            Weather::calm(10).arrivals(5, &mut chance),
            [Some(10_005), None]
        );
    }

    #[test]
    fn the_same_seed_is_the_same_weather() {
        let storm = Weather {
            delay_us: 1000,
            jitter_us: 50_000,
            loss: 100,
            duplicate: 100,
        };
        let draw = |seed| {
            let mut chance = fastrand::Rng::with_seed(seed);
            (0..100)
                .map(|n| storm.arrivals(n, &mut chance))
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
        let lost = draw(7).iter().filter(|a| a[0].is_none()).count();
        assert!((2..30).contains(&lost), "{lost} of 100 lost at 10 %");
    }
}
