//! Jitter, which spreads load. Never for anything that must be unpredictable.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// `span` scaled by a factor drawn evenly from `[lowest, 1)`.
pub(crate) fn jittered(span: Duration, lowest: f64) -> Duration {
    span.mul_f64(lowest + (1.0 - lowest) * fraction())
}

/// A number in `[0, 1)`: each `RandomState` of the standard library is seeded differently.
fn fraction() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(0);
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_stays_between_the_lowest_factor_and_the_span() {
        let span = Duration::from_secs(100);
        for _ in 0..1000 {
            let drawn = jittered(span, 0.75);
            assert!(drawn >= Duration::from_secs(75) && drawn <= span, "{drawn:?}");
        }
    }

    #[test]
    fn jitter_varies() {
        let drawn: std::collections::HashSet<_> =
            (0..50).map(|_| jittered(Duration::from_secs(100), 0.5)).collect();
        assert!(drawn.len() > 10, "only {} different values", drawn.len());
    }
}
