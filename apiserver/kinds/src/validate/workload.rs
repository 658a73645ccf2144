//! Rules of workloads, as far as they keep nonsense out: nothing here runs them.

use apiserver_schema::{Fault, FieldError};
use serde_json::{Value, json};

use super::selector;
use crate::metadata::{immutable, invalid, not_supported, required};
use crate::names;
use crate::reading::Reading;

pub(super) fn pod(object: &Value, faults: &mut Vec<FieldError>) {
    pod_spec(object.at(&["spec"]).unwrap_or(&Value::Null), "spec", faults);
}

fn pod_spec(spec: &Value, path: &str, faults: &mut Vec<FieldError>) {
    if spec.entries(&["containers"]).is_empty() {
        faults.push(required(&format!("{path}.containers"), ""));
    }
    for field in ["containers", "initContainers"] {
        let containers = spec.entries(&[field]);
        for (at, container) in containers.iter().enumerate() {
            let place = format!("{path}.{field}[{at}]");
            let name = container.text(&["name"]);
            named(name, &format!("{place}.name"), faults);
            if containers.iter().take(at).any(|before| before.text(&["name"]) == name) {
                faults.push(
                    FieldError::new(Fault::Duplicate, format!("{place}.name"), "")
                        .with_value(name.into()),
                );
            }
            if container.text(&["image"]).is_empty() {
                faults.push(required(&format!("{place}.image"), ""));
            }
        }
    }
    let volumes = spec.entries(&["volumes"]);
    for (at, volume) in volumes.iter().enumerate() {
        named(volume.text(&["name"]), &format!("{path}.volumes[{at}].name"), faults);
    }
}

fn named(name: &str, place: &str, faults: &mut Vec<FieldError>) {
    if name.is_empty() {
        faults.push(required(place, ""));
    } else {
        faults.extend(names::label(name).into_iter().map(|detail| invalid(place, name, detail)));
    }
}

fn non_negative(spec: &Value, field: &str, faults: &mut Vec<FieldError>) {
    if let Some(number) = spec.integer(&[field]).filter(|&number| number < 0) {
        faults.push(invalid(
            &format!("spec.{field}"),
            number,
            "must be greater than or equal to 0",
        ));
    }
}

/// Checks a kind of the group `apps`.
pub(super) fn app(kind: &str, object: &Value, old: Option<&Value>, faults: &mut Vec<FieldError>) {
    let spec = object.at(&["spec"]).unwrap_or(&Value::Null);
    for field in ["replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"]
    {
        non_negative(spec, field, faults);
    }
    match spec.at(&["selector"]) {
        None => {
            faults.push(required("spec.selector", ""));
            // What selects nothing does not select the template.
            faults.push(invalid(
                "spec.template.metadata.labels",
                template_labels_of(spec),
                UNSELECTED,
            ));
        }
        Some(selected) => {
            selector::validate(selected, "spec.selector", faults);
            if selector::is_empty(selected) {
                let detail = format!("empty selector is invalid for {}", kind.to_lowercase());
                faults.push(invalid("spec.selector", selected.clone(), detail));
            }
            template_labels(spec, selected, faults);
        }
    }
    let template = spec.at(&["template", "spec"]).unwrap_or(&Value::Null);
    pod_spec(template, "spec.template.spec", faults);
    let restart = template.text(&["restartPolicy"]);
    if restart != "Always" {
        faults.push(not_supported("spec.template.spec.restartPolicy", restart, &["Always"]));
    }
    strategy(kind, spec, faults);
    if let Some(old) = old {
        faults.extend(immutable(
            "spec.selector",
            spec.at(&["selector"]),
            old.at(&["spec", "selector"]),
        ));
    }
}

const UNSELECTED: &str = "`selector` does not match template `labels`";

fn template_labels_of(spec: &Value) -> Value {
    spec.at(&["template", "metadata", "labels"]).cloned().unwrap_or(Value::Null)
}

fn template_labels(spec: &Value, selected: &Value, faults: &mut Vec<FieldError>) {
    let labels = template_labels_of(spec);
    if !selector::matches(selected, &labels) {
        faults.push(invalid("spec.template.metadata.labels", labels, UNSELECTED));
    }
    selector::labels(
        spec,
        &["template", "metadata", "labels"],
        "spec.template.metadata.labels",
        faults,
    );
}

fn strategy(kind: &str, spec: &Value, faults: &mut Vec<FieldError>) {
    let (field, known): (&str, &[&str]) = match kind {
        "Deployment" => ("strategy", &["Recreate", "RollingUpdate"]),
        "DaemonSet" | "StatefulSet" => ("updateStrategy", &["OnDelete", "RollingUpdate"]),
        _ => return,
    };
    let said = spec.text(&[field, "type"]);
    if kind == "Deployment" && !known.contains(&said) {
        let value = json!({"Type": said, "RollingUpdate": spec.at(&[field, "rollingUpdate"])});
        faults
            .push(FieldError { value: Some(value), ..not_supported("spec.strategy", said, known) });
        return;
    }
    if !known.contains(&said) {
        faults.push(not_supported(&format!("spec.{field}.type"), said, known));
    }
    if said != "RollingUpdate" && spec.at(&[field, "rollingUpdate"]).is_some() {
        let detail = format!("may not be specified when strategy `type` is '{said}'");
        faults.push(FieldError::new(
            Fault::Forbidden,
            format!("spec.{field}.rollingUpdate"),
            detail,
        ));
    }
}

pub(super) fn job(object: &Value, faults: &mut Vec<FieldError>) {
    let spec = object.at(&["spec"]).unwrap_or(&Value::Null);
    for field in [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
    ] {
        non_negative(spec, field, faults);
    }
    let template = spec.at(&["template", "spec"]).unwrap_or(&Value::Null);
    pod_spec(template, "spec.template.spec", faults);
    let restart = template.text(&["restartPolicy"]);
    if restart == "Always" {
        faults.push(required(
            "spec.template.spec.restartPolicy",
            "valid values: \"OnFailure\", \"Never\"",
        ));
    }
}
