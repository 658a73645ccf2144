//! The two forms of an event: that of the core group, in which events are stored, and that of `events.k8s.io`.

use serde_json::{Map, Value, json};

/// Names of the same field in the core group and in `events.k8s.io`.
const FIELDS: [(&str, &str); 15] = [
    ("metadata", "metadata"),
    ("eventTime", "eventTime"),
    ("series", "series"),
    ("reportingComponent", "reportingController"),
    ("reportingInstance", "reportingInstance"),
    ("action", "action"),
    ("reason", "reason"),
    ("involvedObject", "regarding"),
    ("related", "related"),
    ("message", "note"),
    ("type", "type"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// Fields of the core form that are there even if they are empty, with the empty value.
fn always_core(field: &str) -> Option<Value> {
    match field {
        "metadata" | "involvedObject" | "source" => Some(json!({})),
        "firstTimestamp" | "lastTimestamp" | "eventTime" => Some(Value::Null),
        "reportingComponent" | "reportingInstance" => Some("".into()),
        _ => None,
    }
}

fn always_v1(field: &str) -> Option<Value> {
    match field {
        "metadata" | "regarding" | "deprecatedSource" => Some(json!({})),
        "deprecatedFirstTimestamp" | "deprecatedLastTimestamp" | "eventTime" => Some(Value::Null),
        _ => None,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        _ => false,
    }
}

fn convert(
    event: &Value,
    api_version: &str,
    pairs: impl Iterator<Item = (&'static str, &'static str, Option<Value>)>,
) -> Value {
    let mut converted = Map::new();
    converted.insert("kind".to_owned(), "Event".into());
    converted.insert("apiVersion".to_owned(), api_version.into());
    for (from, to, always) in pairs {
        let value = event.get(from).filter(|value| !is_empty(value)).cloned().or(always);
        converted.extend(value.map(|value| (to.to_owned(), value)));
    }
    Value::Object(converted)
}

/// An event of the core group as `events.k8s.io/v1` shows it.
pub fn events_v1_from_core(event: &Value) -> Value {
    convert(event, "events.k8s.io/v1", FIELDS.iter().map(|&(core, v1)| (core, v1, always_v1(v1))))
}

/// An event of `events.k8s.io/v1` as the core group shows and stores it.
pub fn core_from_events_v1(event: &Value) -> Value {
    convert(event, "v1", FIELDS.iter().map(|&(core, v1)| (v1, core, always_core(core))))
}

/// An event of the core group with the fields that are always there.
pub(crate) fn complete_core(event: &mut Value) {
    let Some(fields) = event.as_object_mut() else { return };
    for (core, _) in FIELDS {
        let absent = fields.get(core).is_none_or(is_empty);
        match (absent, always_core(core)) {
            (true, Some(value)) => drop(fields.insert(core.to_owned(), value)),
            (true, None) => drop(fields.remove(core)),
            (false, _) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_the_same_there_and_back() {
        let core = json!({"kind": "Event", "apiVersion": "v1", "metadata": {"name": "e"}, "action": "Act", "reason": "R",
            "involvedObject": {"kind": "Pod"}, "message": "m", "type": "Normal", "source": {"component": "c"}, "count": 3,
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": null, "eventTime": null, "reportingComponent": "",
            "reportingInstance": ""});
        let v1 = events_v1_from_core(&core);
        assert_eq!(v1["note"], "m");
        assert_eq!(v1["deprecatedCount"], 3);
        assert_eq!(v1["regarding"], core["involvedObject"]);
        assert!(v1.get("reportingController").is_none());
        assert_eq!(core_from_events_v1(&v1), core);
    }
}
