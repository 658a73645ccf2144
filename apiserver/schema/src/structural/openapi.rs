//! What each node of a schema must keep by itself (`ValidateCustomResourceDefinitionOpenAPISchema`).

use apiserver_object::FieldError;
use serde_json::Value;

use super::node::{Node, forbidden, invalid, not_supported, required};
use super::{lists, rules};

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
const META_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Where in the schema a node is.
#[derive(Clone, Debug, Default)]
struct Place {
    /// Why a default is not allowed here.
    no_default: Option<String>,
    /// In `apiVersion`, `kind` or `metadata` of a resource.
    in_metadata: bool,
}

/// Checks all nodes.
pub(super) fn check(root: Node<'_>, path: &str, errors: &mut Vec<FieldError>) {
    check_node(root, path, &Place::default(), true, errors);
}

/// The first construct that no structural schema can hold.
pub(super) fn unsupported(node: Node<'_>) -> Option<String> {
    let set = |name: &str| !node.is_zero(name);
    let named = [
        ("id", "id"),
        ("$schema", "schema"),
        ("$ref", "$ref"),
        ("patternProperties", "patternProperties"),
        ("dependencies", "dependencies"),
        ("additionalItems", "additionalItems"),
        ("definitions", "definitions"),
    ];
    let found = named.into_iter().find(|(key, _)| match *key {
        "$ref" => !node.text("$ref").is_empty(),
        "patternProperties" | "dependencies" | "definitions" => node.named(key).next().is_some(),
        key => set(key),
    });
    if let Some((_, name)) = found {
        return Some(format!("OpenAPIV3Schema '{name}' is not supported"));
    }
    if !node.list("items").is_empty() {
        return Some("OpenAPIV3Schema 'items' must be a schema, but is an array".to_owned());
    }
    if node.keyword("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(false)) {
        return Some(
            "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined"
                .to_owned(),
        );
    }
    children(node).find_map(unsupported)
}

fn children(node: Node<'_>) -> impl Iterator<Item = Node<'_>> {
    let single = ["items", "not", "additionalProperties"]
        .into_iter()
        .filter_map(move |name| node.node(name));
    let listed = ["allOf", "anyOf", "oneOf"]
        .into_iter()
        .flat_map(move |name| node.nodes(name).map(|(_, below)| below));
    single.chain(listed).chain(node.named("properties").map(|(_, below)| below))
}

fn check_node(node: Node<'_>, path: &str, place: &Place, root: bool, errors: &mut Vec<FieldError>) {
    check_keywords(node, path, place, errors);
    if node.flag("uniqueItems") {
        let detail =
            "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(forbidden(path, "uniqueItems", detail));
    }
    check_additional(node, path, place, errors);
    for (name, property) in node.named("properties") {
        let place = place.of_property(node, name, root);
        check_node(property, &format!("{path}.properties[{name}]"), &place, false, errors);
    }
    if let Some(not) = node.node("not") {
        check_node(not, &format!("{path}.not"), place, false, errors);
    }
    for junction in ["allOf", "oneOf", "anyOf", "items"] {
        for (index, below) in node.nodes(junction) {
            check_node(below, &format!("{path}.{junction}[{index}]"), place, false, errors);
        }
    }
    for (name, definition) in node.named("definitions") {
        check_node(definition, &format!("{path}.definitions[{name}]"), place, false, errors);
    }
    if let Some(items) = node.node("items") {
        check_node(items, &format!("{path}.items"), place, false, errors);
    }
    if node.keyword("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(false)) {
        let name = "x-kubernetes-preserve-unknown-fields";
        errors.push(invalid(path, name, false.into(), "must be true or undefined"));
    }
    check_map_type(node, path, errors);
    lists::check(node, path, errors);
    rules::check(node, path, errors);
}

impl Place {
    fn of_property(&self, node: Node<'_>, name: &str, root: bool) -> Self {
        let mut place = self.clone();
        if (root || node.flag("x-kubernetes-embedded-resource")) && META_FIELDS.contains(&name) {
            place.in_metadata = true;
            if root {
                place.no_default = Some(format!("in top-level {name}"));
            }
        }
        place
    }
}

fn check_keywords(node: Node<'_>, path: &str, place: &Place, errors: &mut Vec<FieldError>) {
    let kind = node.text("type");
    if !kind.is_empty() && !TYPES.contains(&kind) {
        errors.push(not_supported(path, "type", kind, &TYPES));
    }
    if let Some(reason) = place.no_default.as_ref().filter(|_| node.keyword("default").is_some()) {
        errors.push(forbidden(path, "default", &format!("must not be set {reason}")));
    }
    let present = |name: &&str| match *name {
        "id" => !node.text("id").is_empty(),
        "patternProperties" | "definitions" => node.named(name).next().is_some(),
        name => node.keyword(name).is_some(),
    };
    let names =
        ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"];
    errors.extend(
        names
            .iter()
            .filter(|name| present(name))
            .map(|name| forbidden(path, name, &format!("{name} is not supported"))),
    );
    if kind == "null" {
        errors.push(forbidden(
            path,
            "type",
            "type cannot be set to null, use nullable as an alternative",
        ));
    }
    if !node.list("items").is_empty() {
        errors.push(forbidden(path, "items", "items must be a schema object and not an array"));
    }
    if place.in_metadata && node.flag("x-kubernetes-embedded-resource") {
        errors.push(forbidden(
            path,
            "x-kubernetes-embedded-resource",
            "must not be used inside of resource meta",
        ));
    }
}

fn check_additional(node: Node<'_>, path: &str, place: &Place, errors: &mut Vec<FieldError>) {
    let Some(additional) = node.keyword("additionalProperties") else { return };
    if node.has_properties() && additional != &Value::Bool(true) {
        let detail = "additionalProperties and properties are mutual exclusive";
        errors.push(forbidden(path, "additionalProperties", detail));
    }
    let Some(values) = Node::of(additional) else { return };
    let mut place = place.clone();
    if place.in_metadata {
        place.no_default =
            Some("inside additionalProperties applying to object metadata".to_owned());
    }
    check_node(values, &format!("{path}.additionalProperties"), &place, false, errors);
}

fn check_map_type(node: Node<'_>, path: &str, errors: &mut Vec<FieldError>) {
    let Some(map_type) = node.optional_text("x-kubernetes-map-type") else { return };
    let detail = "must be object if x-kubernetes-map-type is specified";
    match node.text("type") {
        "object" => {}
        "" => errors.push(required(path, "type", detail)),
        other => errors.push(invalid(path, "type", other.into(), detail)),
    }
    if !matches!(map_type, "atomic" | "granular") {
        errors.push(not_supported(
            path,
            "x-kubernetes-map-type",
            map_type,
            &["atomic", "granular"],
        ));
    }
}
