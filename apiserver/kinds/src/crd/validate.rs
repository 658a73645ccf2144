//! Checks of a CustomResourceDefinition, beside those of its schemas' structure.

use std::collections::BTreeSet;

use apiserver_object::names::subdomain;
use apiserver_object::{Fault, FieldError};
use serde_json::{Value, json};

use super::names;
use super::places::Places;
use super::version;
use crate::metadata::immutable;
use crate::reading::Reading;

const APPROVAL: &str = "api-approved.kubernetes.io";

/// Checks a definition that has its defaults: a new one if `old` is `None`. Its metadata is checked elsewhere, but for
/// the rule that its name is plural and group.
pub fn validate_crd(crd: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if old.is_none() {
        let wanted =
            format!("{}.{}", crd.text(&["spec", "names", "plural"]), crd.text(&["spec", "group"]));
        let name = crd.text(&["metadata", "name"]);
        if !name.is_empty() && name != wanted {
            faults.push(FieldError::invalid(
                "metadata.name",
                name,
                "must be spec.names.plural+\".\"+spec.group",
            ));
        }
    }
    group_and_scope(crd, &mut faults);
    versions(crd, &mut faults);
    required_names(crd, &mut faults);
    conversion(crd, &mut faults);
    if let Some(old) = old {
        unchanged(crd, old, &mut faults);
    }
    if let Some(accepted) = crd.at(&["status", "acceptedNames"]) {
        names::validate(accepted, "status.acceptedNames", &mut faults);
    }
    stored_versions(crd, &mut faults);
    approval(crd, old, &mut faults);
    if crd.flag(&["spec", "preserveUnknownFields"]) {
        let instead =
            "set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead";
        faults.push(FieldError::invalid(
            "spec.preserveUnknownFields",
            true,
            format!("cannot set to true, {instead}"),
        ));
    }
    faults
}

fn group_and_scope(crd: &Value, faults: &mut Vec<FieldError>) {
    let group = crd.text(&["spec", "group"]);
    let wrong = subdomain(group);
    if group.is_empty() {
        faults.push(FieldError::required("spec.group", ""));
    } else if !wrong.is_empty() {
        faults.push(FieldError::invalid("spec.group", group, wrong.join(",")));
    } else if !group.contains('.') {
        faults.push(FieldError::invalid(
            "spec.group",
            group,
            "should be a domain with at least one dot",
        ));
    }
    match crd.text(&["spec", "scope"]) {
        "Cluster" | "Namespaced" => {}
        "" => faults.push(FieldError::required("spec.scope", "")),
        other => {
            faults.push(FieldError::not_supported("spec.scope", other, &["Cluster", "Namespaced"]));
        }
    }
}

fn versions(crd: &Value, faults: &mut Vec<FieldError>) {
    let versions = crd.entries(&["spec", "versions"]);
    let all = || crd.at(&["spec", "versions"]).cloned().unwrap_or(Value::Null);
    for (at, version) in versions.iter().enumerate() {
        if version.at(&["schema", "openAPIV3Schema"]).is_none() {
            faults.push(FieldError::required(
                format!("spec.versions[{at}].schema.openAPIV3Schema"),
                "",
            ));
        }
    }
    if !versions.is_empty() {
        let places = Places::of(versions);
        for (at, each) in versions.iter().enumerate() {
            version::validate(each, at, &places, faults);
        }
    }
    let distinct: BTreeSet<&str> = versions.iter().map(|version| version.text(&["name"])).collect();
    if distinct.len() != versions.len() {
        faults.push(FieldError::invalid(
            "spec.versions",
            all(),
            "must contain unique version names",
        ));
    }
    if versions.iter().filter(|version| version.flag(&["storage"])).count() != 1 {
        faults.push(FieldError::invalid(
            "spec.versions",
            all(),
            "must have exactly one version marked as storage version",
        ));
    }
}

fn required_names(crd: &Value, faults: &mut Vec<FieldError>) {
    for field in ["plural", "singular", "kind", "listKind"] {
        if crd.text(&["spec", "names", field]).is_empty() {
            faults.push(FieldError::required(format!("spec.names.{field}"), ""));
        }
    }
    names::validate(crd.at(&["spec", "names"]).unwrap_or(&Value::Null), "spec.names", faults);
}

/// Versions of a kind are the same object with another `apiVersion`: this server calls no webhook.
fn conversion(crd: &Value, faults: &mut Vec<FieldError>) {
    match crd.text(&["spec", "conversion", "strategy"]) {
        "None" => {
            if crd.at(&["spec", "conversion", "webhook"]).is_some() {
                let detail = "should not be set when strategy is not set to Webhook";
                faults.push(FieldError::forbidden("spec.conversion.webhookClientConfig", detail));
            }
        }
        "" if crd.at(&["spec", "conversion"]).is_some() => {
            faults.push(FieldError::required("spec.conversion.strategy", ""));
        }
        "" => {}
        "Webhook" => {
            let detail =
                "this server does not call conversion webhooks: supported values: \"None\"";
            faults.push(
                FieldError::new(Fault::NotSupported, "spec.conversion.strategy", detail)
                    .with_value("Webhook".into()),
            );
        }
        other => faults.push(FieldError::not_supported(
            "spec.conversion.strategy",
            other,
            &["None", "Webhook"],
        )),
    }
}

fn unchanged(crd: &Value, old: &Value, faults: &mut Vec<FieldError>) {
    let conditions = old.entries(&["status", "conditions"]).iter();
    let established = conditions
        .filter(|condition| condition.text(&["type"]) == "Established")
        .any(|condition| condition.text(&["status"]) == "True");
    let mut check =
        |path: &[&str]| faults.extend(immutable(&path.join("."), crd.at(path), old.at(path)));
    if established {
        check(&["spec", "scope"]);
        check(&["spec", "names", "kind"]);
    }
    check(&["spec", "group"]);
    check(&["spec", "names", "plural"]);
}

fn stored_versions(crd: &Value, faults: &mut Vec<FieldError>) {
    let path = "status.storedVersions";
    let stored = crd.texts(&["status", "storedVersions"]);
    if stored.is_empty() {
        faults.push(FieldError::invalid(
            path,
            Value::Null,
            "must have at least one stored version",
        ));
        return;
    }
    let versions = crd.entries(&["spec", "versions"]);
    for version in versions.iter().filter(|version| version.flag(&["storage"])) {
        let name = version.text(&["name"]);
        if !stored.contains(&name) {
            faults.push(FieldError::invalid(
                path,
                json!(stored),
                format!("must have the storage version {name}"),
            ));
        }
    }
    for (at, name) in stored.iter().enumerate() {
        if !versions.iter().any(|version| version.text(&["name"]) == *name) {
            let detail = format!(
                "missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until \
                 a storage migration ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
            );
            faults.push(FieldError::invalid(format!("{path}[{at}]"), *name, detail));
        }
    }
}

/// Groups of the Kubernetes project need an annotation that links to the review of the API.
fn approval(crd: &Value, old: Option<&Value>, faults: &mut Vec<FieldError>) {
    let group = crd.text(&["spec", "group"]);
    let protected = ["k8s.io", "kubernetes.io"];
    let is_protected =
        protected.iter().any(|owner| group == *owner || group.ends_with(&format!(".{owner}")));
    if !is_protected || old.is_some() {
        return;
    }
    let place = format!("metadata.annotations[{APPROVAL}]");
    let link = "see https://github.com/kubernetes/enhancements/pull/1111";
    let annotation = crd.text(&["metadata", "annotations", APPROVAL]);
    if annotation.is_empty() {
        let detail =
            format!("protected groups must have approval annotation \"{APPROVAL}\", {link}");
        faults.push(FieldError::required(&place, &detail));
    } else if !annotation.starts_with("unapproved") && !annotation.contains("://") {
        let detail = format!(
            "protected groups must have approval annotation \"{APPROVAL}\" with either a URL or a reason starting with \
             \"unapproved\", {link}"
        );
        faults.push(FieldError::invalid(&place, annotation, detail));
    }
}
