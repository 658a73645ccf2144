//! What happened to an object, as Kubernetes events.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Event;

use crate::{Table, age};

/// The events, the last seen at the end.
pub fn table(mut events: Vec<Event>, now: Timestamp) -> Table {
    events.sort_by_key(last_seen);
    let mut table = Table::new(&["TYPE", "REASON", "AGE", "COUNT", "MESSAGE"]);
    for event in events {
        let count =
            event.series.as_ref().and_then(|series| series.count).or(event.count).unwrap_or(1);
        let age = last_seen(&event).map(|seen| age::age(seen, now)).unwrap_or_default();
        let text = |field: Option<String>| field.unwrap_or_default();
        table.push(vec![
            text(event.type_),
            text(event.reason),
            age,
            count.to_string(),
            text(event.message),
        ]);
    }
    table
}

/// Each of the two event APIs keeps its own times.
fn last_seen(event: &Event) -> Option<Timestamp> {
    let series = event
        .series
        .as_ref()
        .and_then(|series| series.last_observed_time.as_ref())
        .map(|time| time.0);
    series
        .or(event.last_timestamp.as_ref().map(|time| time.0))
        .or(event.event_time.as_ref().map(|time| time.0))
        .or(event.metadata.creation_timestamp.as_ref().map(|time| time.0))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_of_both_apis_stand_in_the_order_in_which_they_were_last_seen() {
        let event = |reason: &str, times: serde_json::Value| -> Event {
            let mut event = json!({
                "metadata": { "creationTimestamp": "2026-11-24T06:00:00Z" }, "involvedObject": {},
                "type": "Normal", "reason": reason, "message": format!("{reason} happened"),
            });
            event.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
            serde_json::from_value(event).unwrap()
        };
        let events = vec![
            event("Issued", json!({ "eventTime": "2026-11-24T07:59:00.000000Z" })),
            event("Requested", json!({ "lastTimestamp": "2026-11-24T07:00:00Z", "count": 3 })),
        ];
        let table = table(events, "2026-11-24T08:00:00Z".parse().unwrap());
        assert_eq!(table.titles(), ["TYPE", "REASON", "AGE", "COUNT", "MESSAGE"]);
        assert_eq!(
            table.rows(),
            [
                ["Normal", "Requested", "60m", "3", "Requested happened"],
                ["Normal", "Issued", "60s", "1", "Issued happened"],
            ]
        );
    }
}
