//! Schemas of a document: the kinds of its version and all that they refer to.

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{DeleteOptions, ListMeta, ObjectMeta, Status};
use serde_json::{Map, Value, json};

use super::{group_version_kind, reference};
use crate::annotations::annotate_openapi;
use crate::definitions::{Definition, definition, generator, referred};
use crate::kind::{Kind, Source};

pub(super) const DELETE_OPTIONS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";
pub(super) const STATUS: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";
pub(super) const SCALE: &str = "io.k8s.api.autoscaling.v1.Scale";
pub(super) const TOKEN_REQUEST: &str = "io.k8s.api.authentication.v1.TokenRequest";
pub(super) const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// The schemas, by name.
pub(super) fn of(kinds: &[&Kind]) -> Map<String, Value> {
    let mut generator = generator();
    let mut common: Vec<Definition> = vec![
        definition::<ObjectMeta>,
        definition::<ListMeta>,
        definition::<DeleteOptions>,
        definition::<Status>,
    ];
    if kinds.iter().any(|kind| kind.subresources.scale.is_some()) {
        common.push(definition::<Scale>);
    }
    if kinds.iter().any(|kind| kind.subresources.token) {
        common.push(definition::<TokenRequest>);
    }
    for shape in common {
        shape(&mut generator);
    }
    let mut own = Vec::new();
    for kind in kinds {
        if let Source::Builtin(source) = &kind.source {
            let reference = (source.definition)(&mut generator);
            own.extend(referred(reference.as_value()).map(|name| (name.to_owned(), *kind)));
        }
    }
    let mut schemas = generator.take_definitions(false);
    for (name, schema) in &mut schemas {
        schema.as_object_mut().into_iter().for_each(|schema| annotate_openapi(name, schema));
    }
    for (name, kind) in own {
        if let Some(schema) = schemas.get_mut(&name).and_then(Value::as_object_mut) {
            let named = json!([group_version_kind(kind, &kind.kind)]);
            schema.insert("x-kubernetes-group-version-kind".to_owned(), named);
        }
    }
    schemas.insert(
        PATCH.to_owned(),
        json!({"description": "Body of a patch request.", "type": "object"}),
    );
    for kind in kinds {
        if kind.custom {
            schemas.insert(kind.definition_name(), custom(kind));
        }
        if kind.is_stored() {
            schemas.insert(list_name(kind), list(kind));
        }
    }
    schemas
}

/// The name of a list's schema.
pub(super) fn list_name(kind: &Kind) -> String {
    let own = kind.definition_name();
    let package = own.rsplit_once('.').map_or("", |(package, _)| package);
    format!("{package}.{}", kind.list_kind)
}

const API_VERSION: &str = "The version of this object's form: group and version.";
const KIND: &str = "The kind of this object.";

fn list(kind: &Kind) -> Value {
    json!({
        "description": format!("{} is a list of {}.", kind.list_kind, kind.kind),
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"description": API_VERSION, "type": "string"},
            "kind": {"description": KIND, "type": "string"},
            "metadata": {"description": "Metadata of the list.", "allOf": [reference(LIST_META)]},
            "items": {
                "description": "The objects.",
                "type": "array",
                "items": reference(&kind.definition_name()),
            },
        },
        "x-kubernetes-group-version-kind": [group_version_kind(kind, &kind.list_kind)],
    })
}

/// Says in OpenAPI's own words what the extension for integers or strings says.
fn spell_out(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true))
                && !fields.contains_key("type")
            {
                fields
                    .entry("anyOf")
                    .or_insert_with(|| json!([{"type": "integer"}, {"type": "string"}]));
            }
            let values = |(name, _): &(&String, &mut Value)| {
                !matches!(name.as_str(), "default" | "example" | "enum")
            };
            fields.iter_mut().filter(values).for_each(|(_, field)| spell_out(field));
        }
        Value::Array(entries) => entries.iter_mut().for_each(spell_out),
        _ => {}
    }
}

/// The schema of a custom kind, with the fields that every object has.
fn custom(kind: &Kind) -> Value {
    let mut schema =
        kind.openapi().map_or_else(|| json!({"type": "object"}), |schema| (**schema).clone());
    spell_out(&mut schema);
    let Some(fields) = schema.as_object_mut() else { return schema };
    let properties = fields.entry("properties").or_insert_with(|| json!({}));
    if let Some(properties) = properties.as_object_mut() {
        properties
            .insert("apiVersion".to_owned(), json!({"description": API_VERSION, "type": "string"}));
        properties.insert("kind".to_owned(), json!({"description": KIND, "type": "string"}));
        let metadata =
            json!({"description": "Metadata of the object.", "allOf": [reference(OBJECT_META)]});
        properties.insert("metadata".to_owned(), metadata);
    }
    let named = json!([group_version_kind(kind, &kind.kind)]);
    fields.insert("x-kubernetes-group-version-kind".to_owned(), named);
    if !kind.selectable_fields.is_empty() {
        let paths = kind.selectable_fields.iter().map(|path| json!({"fieldPath": path}));
        fields.insert("x-kubernetes-selectable-fields".to_owned(), paths.collect());
    }
    schema
}
