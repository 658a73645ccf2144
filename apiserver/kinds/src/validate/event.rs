//! Rules of events: lenient for the core group, strict for `events.k8s.io`.

use apiserver_object::{FieldError, names};
use serde_json::Value;

use crate::events::core_from_events_v1;
use crate::metadata::immutable;
use crate::reading::Reading;

/// Checks an event of the core group.
pub(super) fn core(event: &Value, faults: &mut Vec<FieldError>) {
    legacy(event, "reportingComponent", faults);
}

/// Checks an event of `events.k8s.io`; faults name fields as the core group does, which is what the real server says.
pub(super) fn v1(event: &Value, old: Option<&Value>, faults: &mut Vec<FieldError>) {
    let event = &core_from_events_v1(event);
    legacy(event, "reportingController", faults);
    let Some(old) = old.map(core_from_events_v1) else {
        series(event, faults);
        created(event, faults);
        return;
    };
    if event.at(&["series"]) != old.at(&["series"]) {
        series(event, faults);
    }
    let fields = [
        "involvedObject",
        "reason",
        "message",
        "source",
        "firstTimestamp",
        "lastTimestamp",
        "count",
        "type",
        "eventTime",
        "action",
        "related",
    ];
    faults.extend(
        fields.iter().filter_map(|field| immutable(field, event.at(&[field]), old.at(&[field]))),
    );
    let reporter = |event: &Value| event.at(&["reportingComponent"]).cloned();
    faults.extend(immutable(
        "reportingController",
        reporter(event).as_ref(),
        reporter(&old).as_ref(),
    ));
    faults.extend(immutable(
        "reportingInstance",
        event.at(&["reportingInstance"]),
        old.at(&["reportingInstance"]),
    ));
}

fn created(event: &Value, faults: &mut Vec<FieldError>) {
    if event.at(&["eventTime"]).is_none() {
        faults.push(FieldError::required("eventTime", ""));
    }
    let kind = event.text(&["type"]);
    if !matches!(kind, "Normal" | "Warning") {
        faults.push(FieldError::invalid("type", "", format!("has invalid value: {kind}")));
    }
    for field in ["firstTimestamp", "lastTimestamp", "count"] {
        if event.at(&[field]).is_some() {
            faults.push(FieldError::invalid(field, "", "needs to be unset"));
        }
    }
    if !event.text(&["source", "component"]).is_empty()
        || !event.text(&["source", "host"]).is_empty()
    {
        faults.push(FieldError::invalid("source", "", "needs to be unset"));
    }
}

fn series(event: &Value, faults: &mut Vec<FieldError>) {
    let Some(series) = event.at(&["series"]) else { return };
    if series.integer(&["count"]).unwrap_or(0) < 2 {
        faults.push(FieldError::invalid("series.count", "", "should be at least 2"));
    }
    if series.at(&["lastObservedTime"]).is_none() {
        faults.push(FieldError::required("series.lastObservedTime", ""));
    }
}

fn legacy(event: &Value, reporter: &str, faults: &mut Vec<FieldError>) {
    let namespace = event.text(&["metadata", "namespace"]);
    let involved = event.text(&["involvedObject", "namespace"]);
    let is_new = event.at(&["eventTime"]).is_some();
    let agrees = match (is_new, involved) {
        (false, "") => matches!(namespace, "" | "default"),
        (true, "") => matches!(namespace, "default" | "kube-system"),
        (false, involved) => namespace == involved,
        (true, _) => true,
    };
    if !agrees {
        faults.push(FieldError::invalid(
            "involvedObject.namespace",
            involved,
            "does not match event.namespace",
        ));
    }
    if is_new {
        reported(event, reporter, faults);
    }
}

fn reported(event: &Value, reporter: &str, faults: &mut Vec<FieldError>) {
    let controller = event.text(&["reportingComponent"]);
    if controller.is_empty() {
        faults.push(FieldError::required(reporter, ""));
    }
    faults.extend(
        names::label_key(controller)
            .into_iter()
            .map(|detail| FieldError::invalid(reporter, controller, detail)),
    );
    for (field, most) in [("reportingInstance", 128), ("action", 128), ("reason", 128)] {
        let text = event.text(&[field]);
        if text.is_empty() {
            faults.push(FieldError::required(field, ""));
        }
        if text.len() > most {
            faults.push(FieldError::invalid(
                field,
                "",
                format!("can have at most {most} characters"),
            ));
        }
    }
    if event.text(&["message"]).len() > 1024 {
        faults.push(FieldError::invalid("message", "", "can have at most 1024 characters"));
    }
}
