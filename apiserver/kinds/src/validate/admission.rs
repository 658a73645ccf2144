//! Structure of admission policies and their bindings.

use apiserver_object::{Fault, FieldError, names};
use serde_json::Value;

use super::match_resources;
use crate::names::path_segment;
use crate::reading::Reading;

const REASONS: [&str; 3] = ["Forbidden", "Invalid", "RequestEntityTooLarge"];

pub(super) fn policy(object: &Value, faults: &mut Vec<FieldError>) {
    let spec = object.at(&["spec"]).unwrap_or(&Value::Null);
    when(spec, faults);
    validations(spec, faults);
}

/// What policies of both kinds have: when they act, and what is done where they cannot be evaluated.
pub(super) fn when(spec: &Value, faults: &mut Vec<FieldError>) {
    match spec.text(&["failurePolicy"]) {
        "Fail" | "Ignore" => {}
        "" => faults.push(FieldError::required("spec.failurePolicy", "")),
        other => {
            faults.push(FieldError::not_supported(
                "spec.failurePolicy",
                other,
                &["Fail", "Ignore"],
            ));
        }
    }
    if let Some(kind) = spec.at(&["paramKind"]) {
        param_kind(kind, faults);
    }
    match spec.at(&["matchConstraints"]) {
        None => faults.push(FieldError::required("spec.matchConstraints", "")),
        Some(constraints) => {
            match_resources::validate(constraints, "spec.matchConstraints", faults);
            if constraints.entries(&["resourceRules"]).is_empty() {
                faults.push(FieldError::required("spec.matchConstraints.resourceRules", ""));
            }
        }
    }
    match_conditions(spec, faults);
    variables(spec, faults);
}

fn param_kind(kind: &Value, faults: &mut Vec<FieldError>) {
    let api_version = kind.text(&["apiVersion"]);
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    if api_version.is_empty() {
        faults.push(FieldError::required("spec.paramKind.apiVersion", ""));
    } else {
        let wrong = if group.is_empty() { Vec::new() } else { names::subdomain(group) };
        faults.extend(
            (!wrong.is_empty())
                .then(|| FieldError::invalid("spec.paramKind.apiVersion", group, wrong.join(","))),
        );
        let wrong = names::label_1035(version);
        faults.extend(
            (!wrong.is_empty()).then(|| {
                FieldError::invalid("spec.paramKind.apiVersion", version, wrong.join(","))
            }),
        );
    }
    let name = kind.text(&["kind"]);
    let wrong = names::label_1035(&name.to_lowercase());
    if name.is_empty() {
        faults.push(FieldError::required("spec.paramKind.kind", ""));
    } else if !wrong.is_empty() {
        let detail =
            format!("may have mixed case, but should otherwise match: {}", wrong.join(","));
        faults.push(FieldError::invalid("spec.paramKind.kind", name, detail));
    }
}

fn match_conditions(spec: &Value, faults: &mut Vec<FieldError>) {
    let conditions = spec.entries(&["matchConditions"]);
    if conditions.len() > 64 {
        let detail = format!("{}: must have at most 64 items", conditions.len());
        faults.push(FieldError::new(Fault::TooMany, "spec.matchConditions", detail));
    }
    for (at, condition) in conditions.iter().enumerate() {
        let place = format!("spec.matchConditions[{at}]");
        let name = condition.text(&["name"]);
        if condition.text(&["expression"]).trim().is_empty() {
            faults.push(FieldError::required(format!("{place}.expression"), ""));
        }
        if name.is_empty() {
            faults.push(FieldError::required(format!("{place}.name"), ""));
        } else {
            let wrong = names::label_key(name);
            faults.extend(
                (!wrong.is_empty())
                    .then(|| FieldError::invalid(format!("{place}.name"), name, wrong.join(","))),
            );
        }
        if conditions.iter().take(at).any(|before| before.text(&["name"]) == name) {
            faults.push(FieldError::duplicate(format!("{place}.name"), name));
        }
    }
}

fn variables(spec: &Value, faults: &mut Vec<FieldError>) {
    for (at, variable) in spec.entries(&["variables"]).iter().enumerate() {
        let place = format!("spec.variables[{at}]");
        let name = variable.text(&["name"]);
        let is_identifier = name
            .starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if name.is_empty() {
            faults.push(FieldError::required(format!("{place}.name"), "name is not specified"));
        } else if !is_identifier {
            faults.push(FieldError::invalid(
                format!("{place}.name"),
                name,
                "must be a valid CEL identifier",
            ));
        }
        if variable.text(&["expression"]).trim().is_empty() {
            faults.push(FieldError::required(
                format!("{place}.expression"),
                "expression is not specified",
            ));
        }
    }
}

fn validations(spec: &Value, faults: &mut Vec<FieldError>) {
    let (validations, annotations) =
        (spec.entries(&["validations"]), spec.entries(&["auditAnnotations"]));
    if validations.is_empty() && annotations.is_empty() {
        let detail = "validations or auditAnnotations must contain at least one item";
        faults.push(FieldError::required("spec.validations", detail));
        faults.push(FieldError::required("spec.auditAnnotations", detail));
    }
    for (at, validation) in validations.iter().enumerate() {
        let place = format!("spec.validations[{at}]");
        let expression = validation.text(&["expression"]).trim();
        if expression.is_empty() {
            faults.push(FieldError::required(
                format!("{place}.expression"),
                "expression is not specified",
            ));
        }
        if validation
            .at(&["message"])
            .is_some_and(|message| message.as_str().is_some_and(|text| text.trim().is_empty()))
            && !validation.text(&["message"]).is_empty()
        {
            let message = validation.text(&["message"]);
            faults.push(FieldError::invalid(
                format!("{place}.message"),
                message,
                "message must be non-empty if specified",
            ));
        }
        let reason = validation.text(&["reason"]);
        if !reason.is_empty() && !REASONS.contains(&reason) {
            faults.push(FieldError::not_supported(format!("{place}.reason"), reason, &REASONS));
        }
    }
    for (at, annotation) in annotations.iter().enumerate() {
        let key = annotation.text(&["key"]);
        let place = format!("spec.auditAnnotations[{at}].key");
        if key.is_empty() {
            faults.push(FieldError::required(&place, ""));
        }
        if annotations.iter().take(at).any(|before| before.text(&["key"]) == key) {
            faults.push(FieldError::duplicate(place, key));
        }
    }
}

pub(super) fn binding(object: &Value, faults: &mut Vec<FieldError>) {
    let spec = object.at(&["spec"]).unwrap_or(&Value::Null);
    bound(spec, faults);
    actions(&spec.texts(&["validationActions"]), faults);
}

/// What bindings of both kinds have.
pub(super) fn bound(spec: &Value, faults: &mut Vec<FieldError>) {
    let name = spec.text(&["policyName"]);
    if name.is_empty() {
        faults.push(FieldError::required("spec.policyName", ""));
    } else {
        let wrong = names::subdomain(name);
        faults.extend(
            wrong.into_iter().map(|detail| FieldError::invalid("spec.policyName", name, detail)),
        );
    }
    if let Some(reference) = spec.at(&["paramRef"]) {
        param_ref(reference, faults);
    }
    if let Some(resources) = spec.at(&["matchResources"]) {
        match_resources::validate(resources, "spec.matchResources", faults);
    }
}

fn param_ref(reference: &Value, faults: &mut Vec<FieldError>) {
    let name = reference.text(&["name"]);
    let selected = reference.at(&["selector"]);
    let wrong = path_segment(name, false);
    faults.extend(
        wrong.into_iter().map(|detail| FieldError::invalid("spec.paramRef.name", name, detail)),
    );
    if let Some(selected) = selected {
        match_resources::label_selector(selected, "spec.paramRef.selector", faults);
        if !name.is_empty() {
            for field in ["name", "selector"] {
                let detail = "name and selector are mutually exclusive";
                faults.push(FieldError::forbidden(format!("spec.paramRef.{field}"), detail));
            }
        }
    } else if name.is_empty() {
        faults.push(FieldError::required(
            "spec.paramRef",
            "one of name or selector must be specified",
        ));
    }
    match reference.text(&["parameterNotFoundAction"]) {
        "Deny" | "Allow" => {}
        "" => faults.push(FieldError::required("spec.paramRef.parameterNotFoundAction", "")),
        other => faults.push(FieldError::not_supported(
            "spec.paramRef.parameterNotFoundAction",
            other,
            &["Deny", "Allow"],
        )),
    }
}

fn actions(actions: &[&str], faults: &mut Vec<FieldError>) {
    let path = "spec.validationActions";
    for (at, action) in actions.iter().enumerate() {
        let place = format!("{path}[{at}]");
        if !matches!(*action, "Deny" | "Warn" | "Audit") {
            faults.push(FieldError::not_supported(&place, *action, &["Audit", "Deny", "Warn"]));
        }
        if actions.iter().take(at).any(|before| before == action) {
            faults.push(FieldError::duplicate(place, *action));
        }
    }
    if actions.contains(&"Deny") && actions.contains(&"Warn") {
        let why = "repeating the same validation failure information in the API response and headers serves no purpose";
        faults.push(FieldError::invalid(
            path,
            actions.to_vec(),
            format!("must not contain both Deny and Warn ({why})"),
        ));
    }
    if actions.is_empty() {
        faults.push(FieldError::required(path, ""));
    }
}
