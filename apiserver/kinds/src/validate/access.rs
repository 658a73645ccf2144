//! Rules of roles and their bindings.

use apiserver_object::{FieldError, LabelSelector, Path, names};
use serde_json::Value;

use crate::metadata::immutable;
use crate::names::path_segment;
use crate::reading::Reading;

const GROUP: &str = "rbac.authorization.k8s.io";

pub(super) fn role(object: &Value, namespaced: bool, faults: &mut Vec<FieldError>) {
    for (at, rule) in object.entries(&["rules"]).iter().enumerate() {
        policy_rule(rule, namespaced, &format!("rules[{at}]"), faults);
    }
}

pub(super) fn cluster_role(object: &Value, faults: &mut Vec<FieldError>) {
    role(object, false, faults);
    let Some(aggregation) = object.at(&["aggregationRule"]) else { return };
    let rule = Path::Property(&Path::Root, "aggregationRule");
    let path = Path::Property(&rule, "clusterRoleSelectors");
    let selectors = aggregation.entries(&["clusterRoleSelectors"]);
    if selectors.is_empty() {
        let detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
        faults.push(FieldError::required(path, detail));
    }
    for (at, each) in selectors.iter().enumerate() {
        let place = Path::Index(&path, at);
        if let Err(wrong) = LabelSelector::read(each, &place) {
            faults.extend(wrong);
            faults.push(FieldError::invalid(place, Value::Null, "invalid label selector."));
        }
    }
}

fn policy_rule(rule: &Value, namespaced: bool, path: &str, faults: &mut Vec<FieldError>) {
    let has = |field: &str| !rule.entries(&[field]).is_empty();
    if !has("verbs") {
        faults.push(FieldError::required(format!("{path}.verbs"), ""));
    }
    if has("nonResourceURLs") {
        let mut wrong = |detail: &str| {
            let urls = rule.at(&["nonResourceURLs"]).cloned().unwrap_or(Value::Null);
            faults.push(FieldError::invalid(format!("{path}.nonResourceURLs"), urls, detail));
        };
        if namespaced {
            wrong("namespaced rules cannot apply to non-resource URLs");
        }
        if has("apiGroups") || has("resources") || has("resourceNames") {
            wrong("rules cannot apply to both regular resources and non-resource URLs");
        }
        return;
    }
    if !has("apiGroups") {
        faults.push(FieldError::required(
            format!("{path}.apiGroups"),
            "resource rules must supply at least one api group",
        ));
    }
    if !has("resources") {
        faults.push(FieldError::required(
            format!("{path}.resources"),
            "resource rules must supply at least one resource",
        ));
    }
}

pub(super) fn binding(
    object: &Value,
    old: Option<&Value>,
    namespaced: bool,
    faults: &mut Vec<FieldError>,
) {
    let group = object.text(&["roleRef", "apiGroup"]);
    if group != GROUP {
        faults.push(FieldError::not_supported("roleRef.apiGroup", group, &[GROUP]));
    }
    let kinds: &[&str] = if namespaced { &["Role", "ClusterRole"] } else { &["ClusterRole"] };
    let kind = object.text(&["roleRef", "kind"]);
    if !kinds.contains(&kind) {
        faults.push(FieldError::not_supported("roleRef.kind", kind, kinds));
    }
    let name = object.text(&["roleRef", "name"]);
    if name.is_empty() {
        faults.push(FieldError::required("roleRef.name", ""));
    } else {
        let wrong = path_segment(name, false);
        faults.extend(
            wrong.into_iter().map(|detail| FieldError::invalid("roleRef.name", name, detail)),
        );
    }
    for (at, each) in object.entries(&["subjects"]).iter().enumerate() {
        subject(each, namespaced, &format!("subjects[{at}]"), faults);
    }
    if let Some(old) = old {
        faults.extend(immutable("roleRef", object.at(&["roleRef"]), old.at(&["roleRef"])));
    }
}

fn subject(subject: &Value, namespaced: bool, path: &str, faults: &mut Vec<FieldError>) {
    let (name, group) = (subject.text(&["name"]), subject.text(&["apiGroup"]));
    if name.is_empty() {
        faults.push(FieldError::required(format!("{path}.name"), ""));
    }
    match subject.text(&["kind"]) {
        "ServiceAccount" => {
            if !name.is_empty() {
                let wrong = names::subdomain(name);
                faults.extend(
                    wrong
                        .into_iter()
                        .map(|detail| FieldError::invalid(format!("{path}.name"), name, detail)),
                );
            }
            if !group.is_empty() {
                faults.push(FieldError::not_supported(format!("{path}.apiGroup"), group, &[""]));
            }
            if !namespaced && subject.text(&["namespace"]).is_empty() {
                faults.push(FieldError::required(format!("{path}.namespace"), ""));
            }
        }
        "User" | "Group" if group == GROUP => {}
        "User" | "Group" => {
            faults.push(FieldError::not_supported(format!("{path}.apiGroup"), group, &[GROUP]));
        }
        other => faults.push(FieldError::not_supported(
            format!("{path}.kind"),
            other,
            &["ServiceAccount", "User", "Group"],
        )),
    }
}
