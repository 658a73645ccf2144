//! What schemas below `allOf`, `anyOf`, `oneOf` and `not` must not say.

use apiserver_object::FieldError;

use super::node::{Node, forbidden, invalid};
use crate::regexp;

/// Keywords that are forbidden, and why.
const FORBIDDEN: [(&str, &str); 11] = [
    ("type", "must be empty to be structural"),
    ("default", "must be undefined to be structural"),
    ("title", "must be empty to be structural"),
    ("description", "must be empty to be structural"),
    ("nullable", "must be false to be structural"),
    ("x-kubernetes-preserve-unknown-fields", "must be false to be structural"),
    ("x-kubernetes-embedded-resource", "must be false to be structural"),
    ("x-kubernetes-int-or-string", "must be false to be structural"),
    ("x-kubernetes-list-map-keys", "must be empty to be structural"),
    ("x-kubernetes-list-type", "must be undefined to be structural"),
    ("x-kubernetes-map-type", "must be undefined to be structural"),
];

/// Checks the value validation at a node; the two flags pass over the alternatives of an int-or-string.
pub(super) fn check_value(
    node: Node<'_>,
    skip_any: bool,
    skip_first: bool,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    if !skip_any {
        for (index, below) in node.nodes("anyOf") {
            check(below, false, &format!("{path}.anyOf[{index}]"), errors);
        }
    }
    for (index, below) in node.nodes("allOf") {
        check(below, skip_first && index == 0, &format!("{path}.allOf[{index}]"), errors);
    }
    for (index, below) in node.nodes("oneOf") {
        check(below, false, &format!("{path}.oneOf[{index}]"), errors);
    }
    if let Some(below) = node.node("not") {
        check(below, false, &format!("{path}.not"), errors);
    }
    let pattern = node.text("pattern");
    if let Err(reason) = regexp::compiled(pattern) {
        let detail = format!("must be a valid regular expression, but isn't: {reason}");
        errors.push(invalid(path, "pattern", pattern.into(), &detail));
    }
}

fn check(node: Node<'_>, skip_any: bool, path: &str, errors: &mut Vec<FieldError>) {
    check_value(node, skip_any, false, path, errors);
    if let Some(items) = node.node("items") {
        check(items, false, &format!("{path}.items"), errors);
    }
    for (name, property) in node.named("properties") {
        check(property, false, &format!("{path}.properties[{name}]"), errors);
    }
    for (name, detail) in FORBIDDEN {
        let present = node.keyword(name).is_some_and(|_| name == "default" || !node.is_zero(name));
        if present {
            errors.push(forbidden(path, name, detail));
        }
    }
    if node.node("additionalProperties").is_some() || node.flag("additionalProperties") {
        errors.push(forbidden(path, "additionalProperties", "must be undefined to be structural"));
    }
    if !node.list("x-kubernetes-validations").is_empty() {
        errors.push(forbidden(path, "x-kubernetes-validations", "must be empty to be structural"));
    }
    if node.property("metadata").is_some() {
        errors.push(forbidden(
            path,
            "properties[metadata]",
            "must not be specified in a nested context",
        ));
    }
}
