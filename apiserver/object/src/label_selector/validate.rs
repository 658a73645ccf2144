//! What a `metav1.LabelSelector` must look like (`k8s.io/apimachinery/pkg/apis/meta/v1/validation`).

use serde_json::Value;

use crate::{FieldError, Path, names};

/// What is wrong with the selector at `path`.
pub(super) fn selector(selector: &Value, path: &Path<'_>) -> Vec<FieldError> {
    let labels = &selector["matchLabels"];
    let mut faults = names::labels(labels, &Path::Property(path, "matchLabels"));
    let list = Path::Property(path, "matchExpressions");
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    for (at, expression) in expressions.enumerate() {
        requirement(expression, &Path::Index(&list, at), &mut faults);
    }
    faults
}

fn requirement(requirement: &Value, path: &Path<'_>, faults: &mut Vec<FieldError>) {
    let place = Path::Property(path, "values");
    let values: Vec<&str> = requirement["values"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|value| value.as_str().unwrap_or_default())
        .collect();
    faults.extend(operator(requirement, values.is_empty(), path));
    let key = requirement["key"].as_str().unwrap_or_default();
    let wrong = names::label_key(key).into_iter();
    faults
        .extend(wrong.map(|detail| FieldError::invalid(Path::Property(path, "key"), key, detail)));
    for (at, value) in values.into_iter().enumerate() {
        let wrong = names::label_value(value).into_iter();
        faults.extend(
            wrong.map(|detail| FieldError::invalid(Path::Index(&place, at), value, detail)),
        );
    }
}

fn operator(requirement: &Value, no_values: bool, path: &Path<'_>) -> Option<FieldError> {
    let values = Path::Property(path, "values");
    match (requirement["operator"].as_str().unwrap_or_default(), no_values) {
        ("In" | "NotIn", true) => {
            let detail = "must be specified when `operator` is 'In' or 'NotIn'";
            Some(FieldError::required(values, detail))
        }
        ("Exists" | "DoesNotExist", false) => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            Some(FieldError::forbidden(values, detail))
        }
        ("In" | "NotIn" | "Exists" | "DoesNotExist", _) => None,
        (other, _) => {
            let place = Path::Property(path, "operator");
            Some(FieldError::invalid(place, other, "not a valid selector operator"))
        }
    }
}
