//! Which requests a policy or binding is about (`MatchResources`).

use apiserver_object::{FieldError, LabelSelector, Path};
use serde_json::Value;

use crate::names::path_segment;
use crate::reading::Reading;

const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];

/// Checks the constraints at `path`.
pub(super) fn validate(resources: &Value, path: &str, faults: &mut Vec<FieldError>) {
    match resources.text(&["matchPolicy"]) {
        "Exact" | "Equivalent" => {}
        "" => faults.push(FieldError::required(format!("{path}.matchPolicy"), "")),
        other => faults.push(FieldError::not_supported(
            format!("{path}.matchPolicy"),
            other,
            &["Equivalent", "Exact"],
        )),
    }
    for field in ["namespaceSelector", "objectSelector"] {
        match resources.at(&[field]) {
            None => faults.push(FieldError::required(format!("{path}.{field}"), "")),
            Some(selected) => label_selector(selected, &format!("{path}.{field}"), faults),
        }
    }
    for field in ["resourceRules", "excludeResourceRules"] {
        for (at, rule) in resources.entries(&[field]).iter().enumerate() {
            named_rule(rule, &format!("{path}.{field}[{at}]"), faults);
        }
    }
}

/// Checks the selector at `place`.
pub(super) fn label_selector(selector: &Value, place: &str, faults: &mut Vec<FieldError>) {
    let read = LabelSelector::read(selector, &Path::Property(&Path::Root, place));
    faults.extend(read.err().into_iter().flatten());
}

fn named_rule(rule: &Value, path: &str, faults: &mut Vec<FieldError>) {
    let resource_names = rule.texts(&["resourceNames"]);
    for (at, name) in resource_names.iter().enumerate() {
        let place = format!("{path}.resourceNames[{at}]");
        faults.extend(
            path_segment(name, false)
                .into_iter()
                .map(|detail| FieldError::invalid(&place, *name, detail)),
        );
        if resource_names.iter().take(at).any(|before| before == name) {
            faults.push(FieldError::duplicate(place, *name));
        }
    }
    let operations = rule.texts(&["operations"]);
    if operations.is_empty() {
        faults.push(FieldError::required(format!("{path}.operations"), ""));
    }
    if operations.len() > 1 && operations.contains(&"*") {
        let detail = "if '*' is present, must not specify other operations";
        faults.push(FieldError::invalid(format!("{path}.operations"), operations.clone(), detail));
    }
    for (at, operation) in
        operations.iter().enumerate().filter(|(_, operation)| !OPERATIONS.contains(operation))
    {
        faults.push(FieldError::not_supported(
            format!("{path}.operations[{at}]"),
            *operation,
            &OPERATIONS,
        ));
    }
    rule_resources(rule, path, faults);
}

fn rule_resources(rule: &Value, path: &str, faults: &mut Vec<FieldError>) {
    for field in ["apiGroups", "apiVersions"] {
        let values = rule.texts(&[field]);
        if values.is_empty() {
            faults.push(FieldError::required(format!("{path}.{field}"), ""));
        }
        if values.len() > 1 && values.contains(&"*") {
            let detail = format!("if '*' is present, must not specify other {}", words(field));
            faults.push(FieldError::invalid(format!("{path}.{field}"), values.clone(), detail));
        }
        for (at, value) in values
            .iter()
            .enumerate()
            .filter(|(_, value)| field == "apiVersions" && value.is_empty())
        {
            faults.push(FieldError::required(format!("{path}.{field}[{at}]"), *value));
        }
    }
    resource_names(&rule.texts(&["resources"]), &format!("{path}.resources"), faults);
    match rule.text(&["scope"]) {
        "" | "*" | "Cluster" | "Namespaced" => {}
        other => faults.push(FieldError::not_supported(
            format!("{path}.scope"),
            other,
            &["*", "Cluster", "Namespaced"],
        )),
    }
}

/// Names of resources and subresources, of which a wildcard must not cover another.
fn resource_names(resources: &[&str], path: &str, faults: &mut Vec<FieldError>) {
    if resources.is_empty() {
        faults.push(FieldError::required(path, ""));
    }
    for (at, name) in resources.iter().enumerate() {
        let place = format!("{path}[{at}]");
        if name.is_empty() {
            faults.push(FieldError::required(&place, ""));
        }
        let Some((resource, part)) = name.split_once('/') else { continue };
        let before = resources.iter().take(at).filter_map(|name| name.split_once('/'));
        for (wide, other) in before {
            if (wide, other) == (resource, "*") || (wide, other) == ("*", part) {
                let detail = format!("if '{wide}/{other}' is present, must not specify {name}");
                faults.push(FieldError::invalid(&place, *name, detail));
            }
        }
    }
    let plain = |name: &&str| !name.is_empty() && *name != "*" && !name.contains('/');
    if resources.contains(&"*/*") && resources.len() > 1 {
        let detail = "if '*/*' is present, must not specify other resources";
        faults.push(FieldError::invalid(path, resources.to_vec(), detail));
    }
    if resources.contains(&"*") && resources.iter().any(plain) {
        let detail = "if '*' is present, must not specify other resources without subresources";
        faults.push(FieldError::invalid(path, resources.to_vec(), detail));
    }
}

fn words(field: &str) -> &'static str {
    if field == "apiGroups" { "API groups" } else { "API versions" }
}
