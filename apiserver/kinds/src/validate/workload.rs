//! Rules of workloads, as far as they keep nonsense out: nothing here runs them.

use apiserver_object::{FieldError, LabelSelector, Path, names};
use serde_json::{Value, json};

use crate::metadata::immutable;
use crate::reading::Reading;

pub(super) fn pod(object: &Value, faults: &mut Vec<FieldError>) {
    pod_spec(object.at(&["spec"]).unwrap_or(&Value::Null), "spec", faults);
}

fn pod_spec(spec: &Value, path: &str, faults: &mut Vec<FieldError>) {
    if spec.entries(&["containers"]).is_empty() {
        faults.push(FieldError::required(format!("{path}.containers"), ""));
    }
    for field in ["containers", "initContainers"] {
        let containers = spec.entries(&[field]);
        for (at, container) in containers.iter().enumerate() {
            let place = format!("{path}.{field}[{at}]");
            let name = container.text(&["name"]);
            named(name, &format!("{place}.name"), faults);
            if containers.iter().take(at).any(|before| before.text(&["name"]) == name) {
                faults.push(FieldError::duplicate(format!("{place}.name"), name));
            }
            if container.text(&["image"]).is_empty() {
                faults.push(FieldError::required(format!("{place}.image"), ""));
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
        faults.push(FieldError::required(place, ""));
    } else {
        faults.extend(
            names::label(name).into_iter().map(|detail| FieldError::invalid(place, name, detail)),
        );
    }
}

fn non_negative(spec: &Value, field: &str, faults: &mut Vec<FieldError>) {
    if let Some(number) = spec.integer(&[field]).filter(|&number| number < 0) {
        faults.push(FieldError::invalid(
            format!("spec.{field}"),
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
    selection(kind, spec, faults);
    let template = spec.at(&["template", "spec"]).unwrap_or(&Value::Null);
    pod_spec(template, "spec.template.spec", faults);
    let restart = template.text(&["restartPolicy"]);
    if restart != "Always" {
        faults.push(FieldError::not_supported(
            "spec.template.spec.restartPolicy",
            restart,
            &["Always"],
        ));
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

/// Checks that the selector is there and selects the template's pods.
fn selection(kind: &str, spec: &Value, faults: &mut Vec<FieldError>) {
    match spec.at(&["selector"]) {
        None => {
            faults.push(FieldError::required("spec.selector", ""));
            // What selects nothing does not select the template.
            faults.push(FieldError::invalid(
                "spec.template.metadata.labels",
                template_labels(spec),
                UNSELECTED,
            ));
        }
        Some(selected) => {
            match LabelSelector::read(selected, &SELECTOR) {
                Ok(selector) if selector.is_empty() => {
                    let detail = format!("empty selector is invalid for {}", kind.to_lowercase());
                    faults.push(FieldError::invalid(SELECTOR, selected.clone(), detail));
                }
                Ok(selector) => selects_template(&selector, spec, faults),
                Err(wrong) => faults.extend(wrong),
            }
            faults.extend(names::labels(&template_labels(spec), TEMPLATE_LABELS));
        }
    }
}

const SELECTOR: Path<'static> = Path::Property(&Path::Property(&Path::Root, "spec"), "selector");
const TEMPLATE_LABELS: &str = "spec.template.metadata.labels";
const UNSELECTED: &str = "`selector` does not match template `labels`";

fn template_labels(spec: &Value) -> Value {
    spec.at(&["template", "metadata", "labels"]).cloned().unwrap_or(Value::Null)
}

fn selects_template(selector: &LabelSelector, spec: &Value, faults: &mut Vec<FieldError>) {
    let labels = template_labels(spec);
    if !selector.selects(&labels) {
        faults.push(FieldError::invalid(TEMPLATE_LABELS, labels, UNSELECTED));
    }
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
        faults.push(FieldError {
            value: Some(value),
            ..FieldError::not_supported("spec.strategy", said, known)
        });
        return;
    }
    if !known.contains(&said) {
        faults.push(FieldError::not_supported(format!("spec.{field}.type"), said, known));
    }
    if said != "RollingUpdate" && spec.at(&[field, "rollingUpdate"]).is_some() {
        let detail = format!("may not be specified when strategy `type` is '{said}'");
        faults.push(FieldError::forbidden(format!("spec.{field}.rollingUpdate"), detail));
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
        faults.push(FieldError::required(
            "spec.template.spec.restartPolicy",
            "valid values: \"OnFailure\", \"Never\"",
        ));
    }
}
