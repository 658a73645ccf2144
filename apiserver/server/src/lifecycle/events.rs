//! Events, which are kept for a while only.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Lifecycle;
use crate::clock;
use crate::state::collections::EVENTS;

/// Events are kept this long, as in kube-apiserver (`--event-ttl`).
const EVENTS_LIVE: SignedDuration = SignedDuration::from_hours(1);

impl Lifecycle {
    pub(super) async fn remove_old_events(&self) {
        let now = clock::now();
        for object in self.objects.list(EVENTS, None) {
            let Ok(event) = serde_json::from_slice::<Value>(&object.json) else { continue };
            if last_seen(&event, now).is_some_and(|seen| now.duration_since(seen) > EVENTS_LIVE) {
                self.delete(&object.key).await;
            }
        }
    }
}

/// When an event was seen last, according to its writer: a time that is yet to come does not count.
fn last_seen(event: &Value, now: Timestamp) -> Option<Timestamp> {
    let (series, metadata) = (&event["series"], &event["metadata"]);
    let times = [
        &event["lastTimestamp"],
        &series["lastObservedTime"],
        &event["eventTime"],
        &metadata["creationTimestamp"],
    ];
    times
        .into_iter()
        .filter_map(|time| time.as_str()?.parse().ok())
        .filter(|time| *time <= now)
        .max()
}
