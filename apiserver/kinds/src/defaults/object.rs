//! Defaults of kinds that run nothing.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{dig, each, set_all};
use crate::crd::stored_versions;
use crate::reading::{Reading as _, object_mut, set_default};

const RBAC: &str = "rbac.authorization.k8s.io";

/// Coordinated election of leaders is not served, and its fields are dropped.
pub(super) fn lease(object: &mut Value) {
    if let Some(spec) = object_mut(object, "spec") {
        spec.retain(|field, _| !matches!(field.as_str(), "strategy" | "preferredHolder"));
    }
}

pub(super) fn namespace(object: &mut Value) {
    let name = object.text(&["metadata", "name"]).to_owned();
    if !name.is_empty()
        && let Some(labels) = dig(object, &["metadata", "labels"])
    {
        labels.insert("kubernetes.io/metadata.name".to_owned(), name.into());
    }
    if object.at(&["metadata", "deletionTimestamp"]).is_none() {
        let finalizers = object.entries(&["spec", "finalizers"]).is_empty();
        if let Some(spec) = object_mut(object, "spec").filter(|_| finalizers) {
            spec.insert("finalizers".to_owned(), json!(["kubernetes"]));
        }
    }
    if let Some(status) = object_mut(object, "status") {
        set_default(status, "phase", "Active");
    }
}

/// `stringData` goes into `data`; over what is there.
pub(super) fn secret(object: &mut Value) {
    let Some(fields) = object.as_object_mut() else { return };
    set_default(fields, "type", "Opaque");
    if let Some(Value::Object(texts)) = fields.remove("stringData")
        && let Some(data) = object_mut(object, "data")
    {
        data.extend(
            texts.into_iter().map(|(key, text)| {
                (key, STANDARD.encode(text.as_str().unwrap_or_default()).into())
            }),
        );
    }
    remove_empty(object, &["data"]);
}

pub(super) fn config_map(object: &mut Value) {
    remove_empty(object, &["data", "binaryData"]);
}

fn remove_empty(object: &mut Value, names: &[&str]) {
    for name in names {
        if let Some(Value::Object(value)) = object.get_mut(name) {
            // A value that is absent is an empty one.
            value.values_mut().filter(|value| value.is_null()).for_each(|value| *value = "".into());
        }
    }
    let Some(fields) = object.as_object_mut() else { return };
    let is_empty =
        |value: &Value| value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
    fields.retain(|field, value| !names.contains(&field.as_str()) || !is_empty(value));
}

pub(super) fn service(object: &mut Value) {
    let headless = object.text(&["spec", "clusterIP"]) == "None";
    if let Some(spec) = object_mut(object, "spec") {
        set_all(spec, &[("sessionAffinity", "None".into()), ("type", "ClusterIP".into())]);
        if spec.get("type") != Some(&"ExternalName".into()) {
            set_default(spec, "internalTrafficPolicy", "Cluster");
            set_all(
                spec,
                &[("ipFamilies", json!(["IPv4"])), ("ipFamilyPolicy", "SingleStack".into())],
            );
        }
        if headless {
            set_default(spec, "clusterIPs", json!(["None"]));
        }
        if matches!(spec.get("type").and_then(Value::as_str), Some("NodePort" | "LoadBalancer")) {
            set_default(spec, "externalTrafficPolicy", "Cluster");
        }
    }
    for port in each(object, &["spec", "ports"]) {
        let number = port.at(&["port"]).cloned();
        if let (Some(number), Some(port)) = (number, port.as_object_mut()) {
            port.retain(|field, value| field != "targetPort" || *value != 0);
            set_all(port, &[("protocol", "TCP".into()), ("targetPort", number)]);
        }
    }
    dig(object, &["status", "loadBalancer"]);
}

pub(super) fn endpoints(object: &mut Value) {
    for subset in each(object, &["subsets"]) {
        protocols(each(subset, &["ports"]));
    }
}

fn protocols<'a>(ports: impl Iterator<Item = &'a mut Value>) {
    for port in ports.filter_map(Value::as_object_mut) {
        set_default(port, "protocol", "TCP");
    }
}

pub(super) fn endpoint_slice(object: &mut Value) {
    for endpoint in each(object, &["endpoints"]) {
        object_mut(endpoint, "conditions");
    }
    for port in each(object, &["ports"]).filter_map(Value::as_object_mut) {
        set_all(port, &[("name", "".into()), ("protocol", "TCP".into())]);
    }
}

pub(super) fn network_policy(object: &mut Value) {
    let egress = object
        .at(&["spec", "egress"])
        .is_some_and(|rules| rules.as_array().is_some_and(|rules| !rules.is_empty()));
    if let Some(spec) = object_mut(object, "spec") {
        let kinds = if egress { json!(["Ingress", "Egress"]) } else { json!(["Ingress"]) };
        set_all(spec, &[("podSelector", json!({})), ("policyTypes", kinds)]);
    }
    for direction in ["ingress", "egress"] {
        for rule in each(object, &["spec", direction]) {
            protocols(each(rule, &["ports"]));
        }
    }
}

pub(super) fn quota(object: &mut Value) {
    object_mut(object, "spec");
    object_mut(object, "status");
}

pub(super) fn disruption_budget(object: &mut Value) {
    object_mut(object, "spec");
    if let Some(status) = object_mut(object, "status") {
        let counts = ["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"];
        for count in counts {
            set_default(status, count, 0);
        }
    }
}

pub(super) fn role(object: &mut Value) {
    if let Some(fields) = object.as_object_mut() {
        // As the real server: a role without rules says so.
        if fields.get("rules").is_none_or(|rules| rules.as_array().is_some_and(Vec::is_empty)) {
            fields.insert("rules".to_owned(), Value::Null);
        }
    }
}

pub(super) fn role_binding(object: &mut Value) {
    if let Some(role) = object_mut(object, "roleRef") {
        set_default(role, "apiGroup", RBAC);
    }
    for subject in each(object, &["subjects"]) {
        let named = matches!(subject.text(&["kind"]), "User" | "Group");
        if let Some(subject) = subject.as_object_mut().filter(|_| named) {
            set_default(subject, "apiGroup", RBAC);
        }
    }
}

pub(super) fn admission_policy(object: &mut Value) {
    mutating_policy(object);
    object_mut(object, "status");
}

pub(super) fn mutating_policy(object: &mut Value) {
    if let Some(spec) = object_mut(object, "spec") {
        set_default(spec, "failurePolicy", "Fail");
    }
    match_resources(object, "matchConstraints");
}

pub(super) fn admission_binding(object: &mut Value) {
    match_resources(object, "matchResources");
}

fn match_resources(object: &mut Value, field: &str) {
    if object.at(&["spec", field]).is_none() {
        return;
    }
    if let Some(resources) = dig(object, &["spec", field]) {
        let selectors = [("namespaceSelector", json!({})), ("objectSelector", json!({}))];
        set_all(resources, &[("matchPolicy", "Equivalent".into())]);
        set_all(resources, &selectors);
    }
    for rules in ["resourceRules", "excludeResourceRules"] {
        for rule in each(object, &["spec", field, rules]).filter_map(Value::as_object_mut) {
            set_default(rule, "scope", "*");
        }
    }
}

pub(super) fn definition(object: &mut Value) {
    let kind = object.text(&["spec", "names", "kind"]).to_owned();
    if let Some(names) = dig(object, &["spec", "names"]).filter(|_| !kind.is_empty()) {
        set_all(
            names,
            &[("singular", kind.to_lowercase().into()), ("listKind", format!("{kind}List").into())],
        );
    }
    if let Some(spec) = object_mut(object, "spec") {
        set_default(spec, "conversion", json!({"strategy": "None"}));
    }
    for version in each(object, &["spec", "versions"]) {
        if let Some(schema) =
            version.get_mut("schema").and_then(|schema| schema.get_mut("openAPIV3Schema"))
        {
            drop_nulls(schema);
        }
    }
    let stored = stored_versions(object);
    if let Some(status) = object_mut(object, "status") {
        set_default(status, "acceptedNames", json!({"kind": "", "plural": ""}));
        status.insert("storedVersions".to_owned(), json!(stored));
        status.entry("conditions").or_insert(Value::Null);
    }
}

/// Removes fields of a schema that say nothing: a `default` of null is none.
fn drop_nulls(schema: &mut Value) {
    let Some(fields) = schema.as_object_mut() else { return };
    fields.retain(|_, value| !value.is_null());
    for (name, value) in fields {
        match (name.as_str(), value) {
            ("properties" | "patternProperties" | "definitions", Value::Object(schemas)) => {
                schemas.values_mut().for_each(drop_nulls);
            }
            ("items" | "additionalProperties" | "additionalItems" | "not", value) => {
                drop_nulls(value);
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                schemas.iter_mut().for_each(drop_nulls);
            }
            _ => {}
        }
    }
}
