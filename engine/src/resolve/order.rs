//! The order of servers: RFC 2782. By priority, and by chance according to weight within one.

use super::answer::Srv;
use crate::random::Random;

/// Orders servers that are sorted by priority already.
pub(super) fn by_weight(servers: &mut [Srv], random: &mut Random) {
    for group in servers.chunk_by_mut(|a, b| a.priority == b.priority) {
        // Those of weight 0 first, so that they have a small chance of being chosen.
        group.sort_by_key(|server| server.weight != 0);
        for first in 0..group.len() {
            let rest = &mut group[first..];
            let total: u32 = rest.iter().map(|server| u32::from(server.weight)).sum();
            let mark = random.below(total + 1);
            let mut sum = 0;
            let chosen = rest.iter().position(|server| {
                sum += u32::from(server.weight);
                sum >= mark
            });
            // Not a swap: those of weight 0 keep their place in front.
            rest[..=chosen.unwrap_or(0)].rotate_right(1);
        }
    }
}
