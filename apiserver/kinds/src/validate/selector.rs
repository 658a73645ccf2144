//! Label selectors.

use apiserver_schema::{Fault, FieldError};
use serde_json::Value;

use crate::metadata::{self, invalid, required};
use crate::names;
use crate::reading::Reading;

/// Checks a map of labels.
pub(super) fn labels(object: &Value, path: &[&str], field: &str, faults: &mut Vec<FieldError>) {
    metadata::labels(object, path, field, faults);
}

/// Checks a `LabelSelector`.
pub(super) fn validate(selector: &Value, field: &str, faults: &mut Vec<FieldError>) {
    labels(selector, &["matchLabels"], &format!("{field}.matchLabels"), faults);
    for (at, requirement) in selector.entries(&["matchExpressions"]).iter().enumerate() {
        let place = format!("{field}.matchExpressions[{at}]");
        let values = requirement.texts(&["values"]);
        let fault = match (requirement.text(&["operator"]), values.is_empty()) {
            ("In" | "NotIn", true) => Some(required(
                &format!("{place}.values"),
                "must be specified when `operator` is 'In' or 'NotIn'",
            )),
            ("Exists" | "DoesNotExist", false) => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                Some(FieldError::new(Fault::Forbidden, format!("{place}.values"), detail))
            }
            ("In" | "NotIn" | "Exists" | "DoesNotExist", _) => None,
            (other, _) => {
                Some(invalid(&format!("{place}.operator"), other, "not a valid selector operator"))
            }
        };
        faults.extend(fault);
        let key = requirement.text(&["key"]);
        faults.extend(
            names::label_key(key)
                .into_iter()
                .map(|detail| invalid(&format!("{place}.key"), key, detail)),
        );
        for (at, value) in values.iter().enumerate() {
            let wrong = names::label_value(value);
            faults.extend(
                wrong
                    .into_iter()
                    .map(|detail| invalid(&format!("{place}.values[{at}]"), *value, detail)),
            );
        }
    }
}

/// The selector says nothing, and so selects everything.
pub(super) fn is_empty(selector: &Value) -> bool {
    selector.entries(&["matchExpressions"]).is_empty()
        && selector.fields(&["matchLabels"]).is_none_or(serde_json::Map::is_empty)
}

/// An object with these labels is selected.
pub(super) fn matches(selector: &Value, labels: &Value) -> bool {
    let equal = |(key, value): (&String, &Value)| labels.get(key) == Some(value);
    let holds = |requirement: &Value| {
        let found = labels.at(&[requirement.text(&["key"])]).and_then(Value::as_str);
        let values = requirement.texts(&["values"]);
        match requirement.text(&["operator"]) {
            "In" => found.is_some_and(|found| values.contains(&found)),
            "NotIn" => found.is_none_or(|found| !values.contains(&found)),
            "Exists" => found.is_some(),
            _ => found.is_none(),
        }
    };
    selector.fields(&["matchLabels"]).into_iter().flatten().all(equal)
        && selector.entries(&["matchExpressions"]).iter().all(holds)
}
