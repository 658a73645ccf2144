//! The wall clock, in one place.
//!
//! Every other module is given the time as an argument, so that decisions can be tested at any instant.

/// The present instant by the wall clock.
///
/// For what is written down (validity, conditions, events). What is *measured* (expiry of a lease, delays) uses
/// `tokio::time::Instant`, which never goes back.
#[must_use]
#[allow(clippy::disallowed_methods)] // the one place that may read the clock
pub fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
