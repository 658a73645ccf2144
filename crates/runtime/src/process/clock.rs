//! The wall clock, in one place.
//!
//! Every other module is given the time as an argument, so that decisions can be tested at any instant.
//!
//! A wrong clock is a facility for tests: `MESHROOT_CLOCK_OFFSET=<seconds>`, negative for a clock that is behind, moves
//! the clock of a program that calls [`be_wrong_as_told`] when it starts. The agent does; the hub, whose clock is what
//! certificates are dated by, does not. [`stand_at`] is for simulations, in which years pass within minutes; no
//! program that is shipped calls it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// The environment variable that moves the clock.
pub const VARIABLE: &str = "MESHROOT_CLOCK_OFFSET";

static OFFSET: OnceLock<SignedDuration> = OnceLock::new();

/// Where [`stand_at`] has put the clock, in microseconds since the epoch.
static STANDS: AtomicI64 = AtomicI64::new(RUNS);
const RUNS: i64 = i64::MIN;

/// What stands in [`VARIABLE`] is no number of seconds.
#[derive(Debug, thiserror::Error)]
#[error("{VARIABLE}: {0:?} is not a number of seconds, such as -3600")]
pub struct NotAnOffset(String);

/// The present instant by the wall clock.
///
/// For what is written down (validity, conditions, events). What is *measured* (expiry of a lease, delays) uses
/// `tokio::time::Instant`, which never goes back.
#[must_use]
#[allow(clippy::disallowed_methods)] // the one place that may read the clock
pub fn now() -> Timestamp {
    let stands = STANDS.load(Ordering::Relaxed);
    if stands != RUNS
        && let Ok(stands) = Timestamp::from_microsecond(stands)
    {
        return stands;
    }
    moved(Timestamp::now(), OFFSET.get().copied().unwrap_or_default())
}

/// Stops the clock of this process and puts it to `now`, until the next call; `None` lets it run again. A simulation moves
/// it together with tokio's, by which everything is measured.
pub fn stand_at(now: Option<Timestamp>) {
    STANDS.store(now.map_or(RUNS, Timestamp::as_microsecond), Ordering::Relaxed);
}

/// Moves this process's clock as [`VARIABLE`] says, if it says something.
///
/// # Errors
/// Where it says something else than a number of seconds.
pub fn be_wrong_as_told() -> Result<(), NotAnOffset> {
    if let Ok(text) = std::env::var(VARIABLE) {
        let offset = offset(&text)?;
        OFFSET.get_or_init(|| offset);
    }
    Ok(())
}

fn offset(text: &str) -> Result<SignedDuration, NotAnOffset> {
    let seconds = text.parse().map_err(|_| NotAnOffset(text.to_owned()))?;
    Ok(SignedDuration::from_secs(seconds))
}

fn moved(now: Timestamp, offset: SignedDuration) -> Timestamp {
    now.checked_add(offset).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_moves_the_clock_ahead_or_back() {
        let now = Timestamp::from_second(10_000).unwrap();
        for (text, second) in [("3600", 13_600), ("-3600", 6_400), ("0", 10_000)] {
            assert_eq!(moved(now, offset(text).unwrap()).as_second(), second, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_of_seconds_is_refused_by_name() {
        for text in ["", "1h", "1.5"] {
            let error = offset(text).unwrap_err().to_string();
            assert!(error.starts_with("MESHROOT_CLOCK_OFFSET: "), "{error}");
        }
    }
}
