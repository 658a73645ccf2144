//! Rules of ResourceQuotas.

use std::collections::BTreeSet;

use apiserver_object::{FieldError, names};
use serde_json::Value;

use crate::metadata::IMMUTABLE;
use crate::reading::Reading;
use crate::values::Quantity;

/// Names without a prefix that a quota may limit, and that are counted in whole numbers.
const COUNTED: &[&str] = &[
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
];
/// The others, which are measured; [`OF_PODS`] are among them.
const MEASURED: &[&str] = &[
    "requests.storage",
    "ephemeral-storage",
    "requests.ephemeral-storage",
    "limits.ephemeral-storage",
];
const OF_PODS: &[&str] =
    &["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];
const HUGE_PAGES: [&str; 2] = ["hugepages-", "requests.hugepages-"];
/// Names that are resources, but not of a quota.
const NO_QUOTA: &[&str] = &["storage"];

const SCOPES: &[&str] = &[
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];
const CONFLICTING: [[&str; 2]; 2] =
    [["BestEffort", "NotBestEffort"], ["Terminating", "NotTerminating"]];

pub(super) fn quota(object: &Value, old: Option<&Value>, faults: &mut Vec<FieldError>) {
    for place in [["spec", "hard"], ["status", "hard"], ["status", "used"]] {
        for (name, amount) in object.fields(&place).into_iter().flatten() {
            let place = format!("{}[{name}]", place.join("."));
            resource_name(name, &place, faults);
            resource_amount(name, amount, &place, faults);
        }
    }
    let scopes = object.texts(&["spec", "scopes"]);
    check_scopes(&scopes, object, faults);
    let as_set = |scopes: Vec<&str>| scopes.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    let before = old.map(|old| as_set(old.texts(&["spec", "scopes"])));
    if before.is_some_and(|before| before != as_set(scopes.clone())) {
        faults.push(FieldError::invalid("spec.scopes", scopes, IMMUTABLE));
    }
}

fn is_standard(name: &str) -> bool {
    [COUNTED, MEASURED, OF_PODS].concat().contains(&name)
        || HUGE_PAGES.iter().any(|prefix| name.starts_with(prefix))
}

fn resource_name(name: &str, place: &str, faults: &mut Vec<FieldError>) {
    let mut refuse = |why: String| faults.push(FieldError::invalid(place, name, why));
    let wrong = names::label_key(name);
    let is_qualified = wrong.is_empty();
    wrong.into_iter().for_each(&mut refuse);
    if name.contains('/') || is_standard(name) {
        return;
    }
    if is_qualified && !NO_QUOTA.contains(&name) {
        refuse("must be a standard resource type or fully qualified".to_owned());
    }
    refuse("must be a standard resource for quota".to_owned());
}

fn resource_amount(name: &str, amount: &Value, place: &str, faults: &mut Vec<FieldError>) {
    // What cannot be read was refused when it was decoded.
    let Ok(quantity) = Quantity::of(amount) else { return };
    let text = quantity.to_string();
    if quantity.is_negative() {
        faults.push(FieldError::invalid(place, text, "must be greater than or equal to 0"));
    } else if is_whole(name) && !quantity.is_whole() {
        faults.push(FieldError::invalid(place, text, "must be an integer"));
    }
}

fn is_whole(name: &str) -> bool {
    let is_extended = name.contains('/') && !name.contains("kubernetes.io/");
    COUNTED.contains(&name) || is_extended
}

fn check_scopes(scopes: &[&str], object: &Value, faults: &mut Vec<FieldError>) {
    let mut refuse = |why| faults.push(FieldError::invalid("spec.scopes", scopes.to_vec(), why));
    for scope in scopes {
        if !SCOPES.contains(scope) {
            refuse("unsupported scope");
        }
        let limited = object.fields(&["spec", "hard"]).into_iter().flatten();
        for (name, _) in limited.filter(|(name, _)| is_standard(name)) {
            if !fits(scope, name) {
                refuse("unsupported scope applied to resource");
            }
        }
    }
    for pair in CONFLICTING {
        if pair.iter().all(|scope| scopes.contains(scope)) {
            refuse("conflicting scopes");
        }
    }
}

fn fits(scope: &str, name: &str) -> bool {
    match scope {
        "BestEffort" => name == "pods",
        "Terminating"
        | "NotTerminating"
        | "NotBestEffort"
        | "PriorityClass"
        | "CrossNamespacePodAffinity" => name == "pods" || OF_PODS.contains(&name),
        _ => true,
    }
}
