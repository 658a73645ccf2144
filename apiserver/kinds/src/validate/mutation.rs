//! Structure of policies that change objects, and of their bindings.

use apiserver_object::FieldError;
use serde_json::Value;

use super::admission;
use crate::reading::Reading;

/// There is nothing to change in what is deleted.
const OPERATIONS: [&str; 4] = ["*", "CONNECT", "CREATE", "UPDATE"];
const PATCH_TYPES: [&str; 2] = ["ApplyConfiguration", "JSONPatch"];
const REINVOCATIONS: [&str; 2] = ["IfNeeded", "Never"];

pub(super) fn policy(object: &Value, faults: &mut Vec<FieldError>) {
    let spec = object.at(&["spec"]).unwrap_or(&Value::Null);
    admission::when(spec, faults);
    operations(spec, "matchConstraints", faults);
    let mutations = spec.entries(&["mutations"]);
    if mutations.is_empty() {
        let detail = "mutations must contain at least one item";
        faults.push(FieldError::required("spec.mutations", detail));
    }
    for (at, mutation) in mutations.iter().enumerate() {
        self::mutation(mutation, &format!("spec.mutations[{at}]"), faults);
    }
    match spec.text(&["reinvocationPolicy"]) {
        "" => faults.push(FieldError::required("spec.reinvocationPolicy", "")),
        other if !REINVOCATIONS.contains(&other) => {
            faults.push(FieldError::not_supported(
                "spec.reinvocationPolicy",
                other,
                &REINVOCATIONS,
            ));
        }
        _ => {}
    }
}

pub(super) fn binding(object: &Value, faults: &mut Vec<FieldError>) {
    let spec = object.at(&["spec"]).unwrap_or(&Value::Null);
    admission::bound(spec, faults);
    operations(spec, "matchResources", faults);
}

fn operations(spec: &Value, field: &str, faults: &mut Vec<FieldError>) {
    let place = format!("spec.{field}.resourceRules.operations");
    for rule in spec.entries(&[field, "resourceRules"]) {
        let unknown = rule.texts(&["operations"]).into_iter();
        let unknown = unknown.filter(|operation| !OPERATIONS.contains(operation));
        faults.extend(
            unknown.map(|operation| FieldError::not_supported(&place, operation, &OPERATIONS)),
        );
    }
}

/// A mutation has the patch of its type, and no other.
fn mutation(mutation: &Value, path: &str, faults: &mut Vec<FieldError>) {
    let (own, other) = match mutation.text(&["patchType"]) {
        "JSONPatch" => ("jsonPatch", "applyConfiguration"),
        "ApplyConfiguration" => ("applyConfiguration", "jsonPatch"),
        "" => return faults.push(FieldError::required(format!("{path}.patchType"), "")),
        unknown => {
            let place = format!("{path}.patchType");
            return faults.push(FieldError::not_supported(place, unknown, &PATCH_TYPES));
        }
    };
    let kind = mutation.text(&["patchType"]);
    if mutation.at(&[own]).is_none() {
        let detail = format!("must be specified when patchType is {kind}");
        faults.push(FieldError::required(format!("{path}.{own}"), detail));
    } else if mutation.text(&[own, "expression"]).trim().is_empty() {
        faults.push(FieldError::required(format!("{path}.{own}.expression"), ""));
    }
    if mutation.at(&[other]).is_some() {
        let detail = format!("must not be specified when patchType is {kind}");
        faults.push(FieldError::invalid(format!("{path}.{other}"), format!("{{{other}}}"), detail));
    }
}
