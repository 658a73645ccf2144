//! Lists of type set and map.

use std::collections::BTreeSet;

use apiserver_object::FieldError;
use serde_json::Value;

use super::node::{Node, forbidden, invalid, not_supported, required};

const LIST_TYPE: &str = "x-kubernetes-list-type";
const MAP_KEYS: &str = "x-kubernetes-list-map-keys";

/// Checks the list type of a node and what it asks of the items.
pub(super) fn check(node: Node<'_>, path: &str, errors: &mut Vec<FieldError>) {
    let list_type = node.optional_text(LIST_TYPE);
    if let Some(list_type) = list_type {
        check_type(node, list_type, path, errors);
    }
    if !node.list(MAP_KEYS).is_empty() {
        let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
        match list_type {
            Some("map") => {}
            None => errors.push(required(path, LIST_TYPE, detail)),
            Some(other) => errors.push(invalid(path, LIST_TYPE, other.into(), detail)),
        }
    }
    if list_type == Some("map") {
        check_map(node, path, errors);
    }
    if let (Some(list_type @ ("set" | "map")), Some(items)) = (list_type, node.node("items")) {
        check_items(node, items, list_type, path, errors);
    }
}

fn check_type(node: Node<'_>, list_type: &str, path: &str, errors: &mut Vec<FieldError>) {
    let detail = "must be array if x-kubernetes-list-type is specified";
    match (node.text("type"), node.node("items")) {
        ("array", Some(items)) if list_type == "set" => check_set(items, path, errors),
        ("array", _) => {}
        ("", _) => errors.push(required(path, "type", detail)),
        (other, _) => errors.push(invalid(path, "type", other.into(), detail)),
    }
    if !matches!(list_type, "atomic" | "set" | "map") {
        errors.push(not_supported(path, LIST_TYPE, list_type, &["atomic", "set", "map"]));
    }
}

/// Entries of a set are scalars or have one owner as a whole.
fn check_set(items: Node<'_>, path: &str, errors: &mut Vec<FieldError>) {
    let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
    let list_type = items.keyword(LIST_TYPE).cloned().unwrap_or(Value::Null);
    match items.text("type") {
        "array" if !matches!(items.optional_text(LIST_TYPE), None | Some("atomic")) => {
            errors.push(invalid(path, "items.x-kubernetes-list-type", list_type, detail));
        }
        // The server shows the list type here.
        "object" if items.optional_text("x-kubernetes-map-type") != Some("atomic") => {
            errors.push(invalid(path, "items.x-kubernetes-map-type", list_type, detail));
        }
        _ => {}
    }
}

fn check_map(node: Node<'_>, path: &str, errors: &mut Vec<FieldError>) {
    let keys = node.keyword(MAP_KEYS).cloned().unwrap_or_default();
    if node.list(MAP_KEYS).is_empty() {
        errors.push(required(path, MAP_KEYS, "must not be empty if x-kubernetes-list-type is map"));
    }
    let Some(items) = node.node("items") else {
        if node.keyword("items").is_none() {
            errors.push(required(
                path,
                "items",
                "must have a schema if x-kubernetes-list-type is map",
            ));
        }
        return;
    };
    let kind = items.text("type");
    if kind != "object" {
        let detail = "must be object if parent array's x-kubernetes-list-type is map";
        return errors.push(invalid(path, "items.type", kind.into(), detail));
    }
    let mut seen = BTreeSet::new();
    for key in node.texts(MAP_KEYS) {
        match items.property(key).map(|property| property.text("type")) {
            Some("array" | "object") => {
                let detail =
                    "must be a scalar type if parent array's x-kubernetes-list-type is map";
                errors.push(invalid(
                    path,
                    &format!("items.properties[{key}].type"),
                    kind.into(),
                    detail,
                ));
            }
            Some(_) => {}
            None => errors.push(invalid(
                path,
                MAP_KEYS,
                keys.clone(),
                "entries must all be names of item properties",
            )),
        }
        if !seen.insert(key) {
            errors.push(invalid(
                path,
                MAP_KEYS,
                keys.clone(),
                "must not contain duplicate entries",
            ));
        }
    }
}

fn check_items(
    node: Node<'_>,
    items: Node<'_>,
    list_type: &str,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    if items.flag("nullable") {
        let detail = format!("cannot be nullable when x-kubernetes-list-type is {list_type}");
        errors.push(forbidden(path, "items.nullable", &detail));
    }
    if list_type != "map" {
        return;
    }
    for key in node.texts(MAP_KEYS) {
        let Some(property) = items.property(key) else { continue };
        let name = format!("items.properties[{key}]");
        if property.keyword("default").is_none()
            && !items.texts("required").any(|required| required == key)
        {
            let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
            errors.push(required(path, &format!("{name}.default"), detail));
        }
        if property.flag("nullable") {
            let detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
            errors.push(forbidden(path, &format!("{name}.nullable"), detail));
        }
    }
}
