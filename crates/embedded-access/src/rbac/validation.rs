//! What is wrong with roles and bindings (`k8s.io/kubernetes/pkg/apis/rbac/validation`). Metadata is the caller's.

use meshroot_embedded_schema::{Fault, FieldError};
use serde_json::{Value, json};

use super::bindings::role_of;
use super::label_syntax::{label_key_faults, label_value_faults, path_segment_faults, subdomain_faults};

const GROUP: &str = "rbac.authorization.k8s.io";

/// Faults in the order in which the real server lists them: those that it declares come last.
#[derive(Default)]
struct Faults {
    first: Vec<FieldError>,
    last: Vec<FieldError>,
}

impl Faults {
    fn add(&mut self, fault: Fault, field: impl Into<String>, detail: impl Into<String>) {
        self.first.push(FieldError::new(fault, field, detail));
    }

    fn invalid(&mut self, field: impl Into<String>, value: Value, detail: impl Into<String>) {
        self.first.push(FieldError::new(Fault::Invalid, field, detail).with_value(value));
    }

    fn unsupported(&mut self, field: impl Into<String>, value: &str, supported: &[&str]) {
        let names: Vec<String> = supported.iter().map(|name| format!("{name:?}")).collect();
        let detail = format!("supported values: {}", names.join(", "));
        self.first.push(FieldError::new(Fault::NotSupported, field, detail).with_value(json!(value)));
    }

    fn missing(&mut self, field: impl Into<String>) {
        self.last.push(FieldError::new(Fault::Required, field, ""));
    }

    fn done(mut self) -> Vec<FieldError> {
        self.first.append(&mut self.last);
        self.first
    }
}

/// A Role: its rules are about resources.
pub fn validate_role(role: &Value) -> Vec<FieldError> {
    let mut faults = Faults::default();
    check_rules(&mut faults, role, true);
    faults.done()
}

/// A ClusterRole: its rules, and its aggregation rule.
pub fn validate_cluster_role(role: &Value) -> Vec<FieldError> {
    let mut faults = Faults::default();
    check_rules(&mut faults, role, false);
    if let Some(aggregation) = role.get("aggregationRule").filter(|rule| !rule.is_null()) {
        check_aggregation(&mut faults, aggregation);
    }
    faults.done()
}

/// A RoleBinding; `old` is the stored one on an update, whose `roleRef` must stay.
pub fn validate_role_binding(binding: &Value, old: Option<&Value>) -> Vec<FieldError> {
    validate_binding(binding, old, true)
}

/// A ClusterRoleBinding; `old` is the stored one on an update, whose `roleRef` must stay.
pub fn validate_cluster_role_binding(binding: &Value, old: Option<&Value>) -> Vec<FieldError> {
    validate_binding(binding, old, false)
}

/// Sets what the real server sets in a RoleBinding or ClusterRoleBinding: the API groups of `roleRef` and of subjects
/// that are users and groups. Comes before validation.
pub fn default_binding(binding: &mut Value) {
    if let Some(role) = binding.get_mut("roleRef") {
        default_group(role);
    }
    for subject in binding.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
        if matches!(subject["kind"].as_str(), Some("User" | "Group")) {
            default_group(subject);
        }
    }
}

fn default_group(reference: &mut Value) {
    if let Some(fields) = reference.as_object_mut() {
        let group = fields.entry("apiGroup").or_insert_with(|| json!(""));
        if text(group).is_empty() {
            *group = json!(GROUP);
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn check_rules(faults: &mut Faults, role: &Value, namespaced: bool) {
    for (index, rule) in list(&role["rules"]).iter().enumerate() {
        check_rule(faults, rule, &format!("rules[{index}]"), namespaced);
    }
}

fn check_rule(faults: &mut Faults, rule: &Value, place: &str, namespaced: bool) {
    let is_empty = |field: &str| list(&rule[field]).is_empty();
    if is_empty("verbs") {
        faults.missing(format!("{place}.verbs"));
    }
    if !is_empty("nonResourceURLs") {
        let (field, value) = (format!("{place}.nonResourceURLs"), &rule["nonResourceURLs"]);
        if namespaced {
            faults.invalid(&field, value.clone(), "namespaced rules cannot apply to non-resource URLs");
        }
        if !is_empty("apiGroups") || !is_empty("resources") || !is_empty("resourceNames") {
            let detail = "rules cannot apply to both regular resources and non-resource URLs";
            faults.invalid(&field, value.clone(), detail);
        }
        return;
    }
    if is_empty("apiGroups") {
        let detail = "resource rules must supply at least one api group";
        faults.add(Fault::Required, format!("{place}.apiGroups"), detail);
    }
    if is_empty("resources") {
        let detail = "resource rules must supply at least one resource";
        faults.add(Fault::Required, format!("{place}.resources"), detail);
    }
}

fn check_aggregation(faults: &mut Faults, aggregation: &Value) {
    let selectors = list(&aggregation["clusterRoleSelectors"]);
    if selectors.is_empty() {
        let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        faults.add(Fault::Required, "aggregationRule.clusterRoleSelectors", detail);
    }
    for (index, selector) in selectors.iter().enumerate() {
        let place = format!("aggregationRule.clusterRoleSelectors[{index}]");
        let before = faults.first.len();
        check_selector(faults, selector, &place);
        if faults.first.len() > before {
            faults.invalid(place, Value::Null, "invalid label selector.");
        }
    }
}

fn check_selector(faults: &mut Faults, selector: &Value, place: &str) {
    let field = format!("{place}.matchLabels");
    for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
        for fault in label_key_faults(key) {
            faults.invalid(&field, json!(key), fault);
        }
        for fault in label_value_faults(text(value)) {
            faults.invalid(&field, value.clone(), fault);
        }
    }
    for (index, requirement) in list(&selector["matchExpressions"]).iter().enumerate() {
        check_requirement(faults, requirement, &format!("{place}.matchExpressions[{index}]"));
    }
}

fn check_requirement(faults: &mut Faults, requirement: &Value, place: &str) {
    let values = list(&requirement["values"]);
    match text(&requirement["operator"]) {
        "In" | "NotIn" if values.is_empty() => {
            let detail = "must be specified when `operator` is 'In' or 'NotIn'";
            faults.add(Fault::Required, format!("{place}.values"), detail);
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
            faults.add(Fault::Forbidden, format!("{place}.values"), detail);
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => faults.invalid(format!("{place}.operator"), json!(other), "not a valid selector operator"),
    }
    let key = text(&requirement["key"]);
    for fault in label_key_faults(key) {
        faults.invalid(format!("{place}.key"), json!(key), fault);
    }
    for (index, value) in values.iter().enumerate() {
        for fault in label_value_faults(text(value)) {
            faults.invalid(format!("{place}.values[{index}]"), value.clone(), fault);
        }
    }
}

fn validate_binding(binding: &Value, old: Option<&Value>, namespaced: bool) -> Vec<FieldError> {
    let mut faults = Faults::default();
    check_role_ref(&mut faults, &binding["roleRef"], namespaced);
    for (index, subject) in list(&binding["subjects"]).iter().enumerate() {
        check_subject(&mut faults, subject, &format!("subjects[{index}]"), namespaced);
    }
    if role_of(&binding["roleRef"]).1.is_empty() {
        faults.missing("roleRef.name");
    }
    if let Some(old) = old {
        check_role_ref_stays(&mut faults, &binding["roleRef"], &old["roleRef"]);
    }
    faults.done()
}

fn check_role_ref(faults: &mut Faults, role: &Value, namespaced: bool) {
    let (kind, name) = role_of(role);
    let group = text(&role["apiGroup"]);
    if group != GROUP {
        faults.unsupported("roleRef.apiGroup", group, &[GROUP]);
    }
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    if !kinds.contains(&kind) {
        faults.unsupported("roleRef.kind", kind, kinds);
    }
    for fault in path_segment_faults(name) {
        faults.invalid("roleRef.name", json!(name), fault);
    }
}

fn check_role_ref_stays(faults: &mut Faults, role: &Value, old: &Value) {
    let parts = |role: &Value| ["apiGroup", "kind", "name"].map(|part| text(&role[part]).to_owned());
    let [group, kind, name] = parts(role);
    if parts(old) != [group.as_str(), &kind, &name] {
        // The real server shows its internal type's field names.
        let value = json!({"APIGroup": group, "Kind": kind, "Name": name});
        faults.last.push(FieldError::new(Fault::Invalid, "roleRef", "field is immutable").with_value(value));
    }
}

fn check_subject(faults: &mut Faults, subject: &Value, place: &str, namespaced: bool) {
    let part = |part: &str| text(&subject[part]);
    let (name, group) = (part("name"), part("apiGroup"));
    if name.is_empty() {
        faults.missing(format!("{place}.name"));
    }
    match part("kind") {
        "ServiceAccount" => {
            for fault in subdomain_faults(name, "characters").filter(|_| !name.is_empty()) {
                faults.invalid(format!("{place}.name"), json!(name), fault);
            }
            if !group.is_empty() {
                faults.unsupported(format!("{place}.apiGroup"), group, &[""]);
            }
            if !namespaced && part("namespace").is_empty() {
                faults.add(Fault::Required, format!("{place}.namespace"), "");
            }
        }
        "User" | "Group" => {
            if group != GROUP {
                faults.unsupported(format!("{place}.apiGroup"), group, &[GROUP]);
            }
        }
        other => faults.unsupported(format!("{place}.kind"), other, &["ServiceAccount", "User", "Group"]),
    }
}

#[cfg(test)]
mod tests;
