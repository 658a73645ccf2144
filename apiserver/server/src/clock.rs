//! The one place that reads the clock.

use jiff::Timestamp;

/// Now, in whole seconds, as Kubernetes writes times in metadata.
#[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default()
}
