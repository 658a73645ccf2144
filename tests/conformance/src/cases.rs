//! The table of cases.

use super::case::Case;

mod access;
mod admission;
mod apply;
mod builtin;
mod client;
mod create;
mod definition;
mod discovery;
mod get;
mod health;
mod kubectl;
mod list;
mod mutation;
mod mutation_refused;
mod objects;
mod patch;
mod quota;
mod remove;
mod schema;
mod update;
mod values;
mod watch;

/// Each group and its cases, in the order of the page.
const GROUPS: &[(&str, &[Case])] = &[
    ("discovery", discovery::CASES),
    ("health", health::CASES),
    ("create", create::CASES),
    ("get", get::CASES),
    ("list", list::CASES),
    ("watch", watch::CASES),
    ("update", update::CASES),
    ("patch", patch::CASES),
    ("apply", apply::CASES),
    ("delete", remove::CASES),
    ("custom resource definitions", definition::CASES),
    ("schemas", schema::CASES),
    ("built-in kinds", builtin::CASES),
    ("values of built-in kinds", values::CASES),
    ("access", access::CASES),
    ("admission policies", admission::CASES),
    ("mutating admission policies", mutation::CASES),
    ("refused mutating policies", mutation_refused::CASES),
    ("quotas", quota::CASES),
    ("kubectl", kubectl::CASES),
    ("kube-rs", client::CASES),
];

/// All cases with their group.
pub(super) fn all() -> impl Iterator<Item = (&'static str, &'static Case)> {
    GROUPS.iter().flat_map(|(group, cases)| cases.iter().map(|case| (*group, case)))
}

/// The kind that all cases share: one object of it is like a resource of a controller.
pub(super) const WIDGET_CRD: &str = include_str!("cases/widget.yaml");
