//! The shape of a structural schema (`ValidateStructural` of apiextensions).

use apiserver_object::{Fault, FieldError};
use serde_json::Value;

use super::keys::RESTRICTING;
use super::nested;
use super::node::{Node, forbidden, invalid, required};

/// What a schema node describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// Checks the invariants of a whole schema.
pub(super) fn check_root(root: Node<'_>, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    check(root, Level::Root, path, &mut errors);
    errors
}

fn check(node: Node<'_>, level: Level, path: &str, errors: &mut Vec<FieldError>) {
    check_children(node, level, path, errors);
    check_extensions(node, path, errors);
    let (skip_any, skip_first) =
        (node.is_int_or_string_any_of(), first_all_of_is_int_or_string(node));
    nested::check_value(node, skip_any, skip_first, path, errors);
    check_type(node, level, path, errors);
    check_resource(node, level, path, errors);
}

fn first_all_of_is_int_or_string(node: Node<'_>) -> bool {
    node.list("allOf").first().and_then(Node::of).is_some_and(Node::is_int_or_string_any_of)
}

fn check_children(node: Node<'_>, level: Level, path: &str, errors: &mut Vec<FieldError>) {
    match node.node("items") {
        Some(items) => check(items, Level::Item, &format!("{path}.items"), errors),
        None if node.text("type") == "array" => {
            errors.push(required(path, "items", "must be specified"));
        }
        None => {}
    }
    for (name, property) in node.named("properties") {
        check(property, Level::Field, &format!("{path}.properties[{name}]"), errors);
    }
    if node.keyword("additionalProperties").is_none() {
        return;
    }
    if level == Level::Root {
        errors.push(forbidden(path, "additionalProperties", "must not be used at the root"));
    }
    if let Some(values) = node.node("additionalProperties") {
        check(values, Level::Field, &format!("{path}.additionalProperties"), errors);
    }
}

fn check_extensions(node: Node<'_>, path: &str, errors: &mut Vec<FieldError>) {
    if !node.flag("x-kubernetes-int-or-string") {
        return;
    }
    for name in ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"] {
        if node.flag(name) {
            errors.push(invalid(
                path,
                name,
                true.into(),
                "must be false if x-kubernetes-int-or-string is true",
            ));
        }
    }
}

fn check_type(node: Node<'_>, level: Level, path: &str, errors: &mut Vec<FieldError>) {
    let kind = node.text("type");
    let any = node.flag("x-kubernetes-int-or-string")
        || node.flag("x-kubernetes-preserve-unknown-fields");
    let embedded = "must be object if x-kubernetes-embedded-resource is true";
    match (node.flag("x-kubernetes-embedded-resource"), kind) {
        (true, "") => errors.push(required(path, "type", embedded)),
        (true, other) if other != "object" => {
            errors.push(invalid(path, "type", other.into(), embedded));
        }
        (false, "") if !any => {
            let detail = match level {
                Level::Root => "must not be empty at the root",
                Level::Item => "must not be empty for specified array items",
                Level::Field => "must not be empty for specified object fields",
            };
            errors.push(required(path, "type", detail));
        }
        _ => {}
    }
    if level == Level::Root && !kind.is_empty() && kind != "object" {
        errors.push(invalid(path, "type", kind.into(), "must be object at the root"));
    }
}

/// What objects with apiVersion, kind and metadata must keep.
fn check_resource(node: Node<'_>, level: Level, path: &str, errors: &mut Vec<FieldError>) {
    let embedded = node.flag("x-kubernetes-embedded-resource");
    if embedded && node.keyword("additionalProperties").is_some() {
        let detail = "must not be used if x-kubernetes-embedded-resource is set";
        errors.push(forbidden(path, "additionalProperties", detail));
    }
    let resource = embedded || level == Level::Root;
    for name in ["kind", "apiVersion"] {
        let kind = node.property(name).map(|property| property.text("type"));
        if let Some(kind) = kind.filter(|kind| resource && *kind != "string") {
            errors.push(invalid(
                path,
                &format!("properties[{name}].type"),
                kind.into(),
                "must be string",
            ));
        }
    }
    if let Some(metadata) = node.property("metadata") {
        check_metadata(metadata, resource, level, &format!("{path}.properties[metadata]"), errors);
    }
    if embedded && !node.flag("x-kubernetes-preserve-unknown-fields") && !node.has_properties() {
        let detail = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
        errors.push(required(path, "properties", detail));
    }
}

fn check_metadata(
    metadata: Node<'_>,
    resource: bool,
    level: Level,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let kind = metadata.text("type");
    if resource && kind != "object" {
        errors.push(invalid(path, "type", kind.into(), "must be object"));
    }
    let properties = metadata.keyword("properties").and_then(Value::as_object);
    let named = properties.is_none_or(|properties| {
        properties.keys().all(|name| name == "name" || name == "generateName")
    });
    if level == Level::Root && !(named && RESTRICTING.iter().all(|name| metadata.is_zero(name))) {
        let detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        errors.push(FieldError::new(Fault::Forbidden, path, detail));
    }
}
