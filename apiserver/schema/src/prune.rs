//! Removal of fields that a schema does not know (`pkg/apiserver/schema/pruning` of apiextensions).

use apiserver_object::Path;
use serde_json::{Map, Value};

use crate::read::DEPTH_LIMIT;
use crate::schema::{Additional, Schema};

const META_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Removes the fields of `value` that `schema` does not know, and returns their paths (`spec.list[0].x`), sorted.
///
/// With `at_root` the value is a whole object: `apiVersion`, `kind` and `metadata` stay as they are, as they do in an
/// embedded resource; the caller prunes metadata.
pub fn prune(schema: &Schema, value: &mut Value, at_root: bool) -> Vec<String> {
    let mut removed = Vec::new();
    let known = Known { schema, resource: at_root || schema.embedded_resource };
    known.prune(value, &Path::Root, &mut removed);
    removed.sort();
    removed
}

/// A schema, and whether the value is a Kubernetes object.
#[derive(Clone, Copy)]
struct Known<'a> {
    schema: &'a Schema,
    resource: bool,
}

impl<'a> Known<'a> {
    fn of(schema: &'a Schema) -> Self {
        Self { schema, resource: schema.embedded_resource }
    }

    fn prune(self, value: &mut Value, path: &Path<'_>, removed: &mut Vec<String>) {
        if self.schema.preserve_unknown_fields {
            self.keep(value, path, removed);
            return;
        }
        match value {
            Value::Object(fields) => self.prune_fields(fields, path, removed),
            Value::Array(entries) => {
                let items = self.schema.items.as_deref();
                for (index, entry) in entries.iter_mut().enumerate() {
                    prune_below(items, entry, &Path::Index(path, index), removed);
                }
            }
            _ => {}
        }
    }

    fn prune_fields(
        self,
        fields: &mut Map<String, Value>,
        path: &Path<'_>,
        removed: &mut Vec<String>,
    ) {
        let mut unknown = Vec::new();
        for (name, value) in fields.iter_mut() {
            if self.resource && META_FIELDS.contains(&name.as_str()) {
                continue;
            }
            if !self.prune_field(name, value, path, removed) {
                unknown.push(name.clone());
            }
        }
        for name in unknown {
            fields.remove(&name);
            if !path.is_root() || !META_FIELDS.contains(&name.as_str()) {
                removed.push(Path::Property(path, &name).to_string());
            }
        }
    }

    /// Prunes below a known field; `false` for an unknown one.
    fn prune_field(
        self,
        name: &str,
        value: &mut Value,
        path: &Path<'_>,
        removed: &mut Vec<String>,
    ) -> bool {
        let path = Path::Property(path, name);
        if let Some(property) = self.schema.properties.get(name) {
            Known::of(property).prune(value, &path, removed);
            return true;
        }
        match &self.schema.additional {
            Additional::Values(values) => Known::of(values).prune(value, &path, removed),
            // An object below `additionalProperties: true` is one of which nothing is known.
            Additional::Anything => prune_below(None, value, &path, removed),
            Additional::Nothing if self.schema.closed => prune_below(None, value, &path, removed),
            Additional::Nothing => return false,
        }
        true
    }

    /// Unknown fields stay; below known ones pruning goes on.
    fn keep(self, value: &mut Value, path: &Path<'_>, removed: &mut Vec<String>) {
        match value {
            Value::Object(fields) => self.keep_fields(fields, path, removed),
            Value::Array(entries) => {
                let Some(items) = self.schema.items.as_deref() else { return };
                for (index, entry) in entries.iter_mut().enumerate() {
                    Known::of(items).keep(entry, &Path::Index(path, index), removed);
                }
            }
            _ => {}
        }
    }

    fn keep_fields(
        self,
        fields: &mut Map<String, Value>,
        path: &Path<'_>,
        removed: &mut Vec<String>,
    ) {
        for (name, value) in fields.iter_mut() {
            if !(self.resource && META_FIELDS.contains(&name.as_str())) {
                self.prune_field(name, value, path, removed);
            }
        }
    }
}

fn prune_below(
    schema: Option<&Schema>,
    value: &mut Value,
    path: &Path<'_>,
    removed: &mut Vec<String>,
) {
    match schema {
        Some(schema) => Known::of(schema).prune(value, path, removed),
        None => clear(value, path, removed, DEPTH_LIMIT),
    }
}

/// Removes every field: nothing is known of the value.
fn clear(value: &mut Value, path: &Path<'_>, removed: &mut Vec<String>, depth: usize) {
    match value {
        Value::Object(fields) => {
            removed.extend(fields.keys().map(|name| Path::Property(path, name).to_string()));
            fields.clear();
        }
        Value::Array(entries) if depth == 0 => entries.clear(),
        Value::Array(entries) => {
            for (index, entry) in entries.iter_mut().enumerate() {
                clear(entry, &Path::Index(path, index), removed, depth - 1);
            }
        }
        _ => {}
    }
}
