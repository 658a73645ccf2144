//! The one place that reads the clock.

use std::sync::OnceLock;

use jiff::Timestamp;

static SOURCE: OnceLock<fn() -> Timestamp> = OnceLock::new();

/// Has every server of this process take the time from `source`, for simulations in which years pass within minutes.
/// The first call counts. What is measured goes by tokio's clock.
pub fn follow_clock(source: fn() -> Timestamp) {
    let _ = SOURCE.set(source);
}

/// Now, in whole seconds, as Kubernetes writes times in metadata.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub(crate) fn now() -> Timestamp {
    let now = SOURCE.get().map_or_else(Timestamp::now, |source| source());
    Timestamp::from_second(now.as_second()).unwrap_or_default()
}
