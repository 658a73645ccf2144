//! Entries that are twice in a list of type set or map (`pkg/apiserver/schema/listtype` of apiextensions).

use std::collections::HashMap;

use apiserver_object::{Fault, FieldError, Path, field};
use serde_json::{Map, Value};

use crate::schema::{Additional, ListType, Schema};

/// `true` when some list of the schema is one of type set or map.
pub(crate) fn has_keyed_lists(schema: &Schema) -> bool {
    let below = |schema: &Schema| schema.properties.values().any(has_keyed_lists);
    let additional =
        matches!(&schema.additional, Additional::Values(values) if has_keyed_lists(values));
    schema.list_type != ListType::Atomic
        || additional
        || below(schema)
        || schema.items.as_deref().is_some_and(has_keyed_lists)
}

/// Every second appearance of an entry, in all lists of `value`.
pub(crate) fn duplicates(schema: &Schema, value: &Value, prefix: &str) -> Vec<FieldError> {
    let mut search = Search { prefix, errors: Vec::new() };
    search.value(schema, value, &Path::Root);
    search.errors
}

struct Search<'a> {
    prefix: &'a str,
    errors: Vec<FieldError>,
}

impl Search<'_> {
    fn push(&mut self, fault: Fault, path: &Path<'_>, value: Value, detail: &str) {
        let error = FieldError::new(fault, field(self.prefix, &path.to_string()), detail);
        self.errors.push(error.with_value(value));
    }

    fn value(&mut self, schema: &Schema, value: &Value, path: &Path<'_>) {
        match value {
            Value::Array(entries) => self.list(schema, entries, path),
            Value::Object(fields) => self.object(schema, fields, path),
            _ => {}
        }
    }

    fn object(&mut self, schema: &Schema, fields: &Map<String, Value>, path: &Path<'_>) {
        if let Additional::Values(values) = &schema.additional {
            for (name, value) in fields {
                self.value(values, value, &Path::Bracket(path, name));
            }
        }
        if schema.properties.is_empty() {
            return;
        }
        for (name, value) in
            fields.iter().filter(|(_, value)| value.is_array() || value.is_object())
        {
            if let Some(property) = schema.properties.get(name) {
                self.value(property, value, &Path::Property(path, name));
            }
        }
    }

    fn list(&mut self, schema: &Schema, entries: &[Value], path: &Path<'_>) {
        match &schema.list_type {
            ListType::Atomic => {}
            ListType::Set => {
                for index in repeated(entries.iter().map(identity)) {
                    self.push(
                        Fault::Duplicate,
                        &Path::Index(path, index),
                        entries[index].clone(),
                        "",
                    );
                }
            }
            ListType::Map(keys) => self.keyed(keys, entries, path),
        }
        if let Some(items) = schema.items.as_deref() {
            for (index, entry) in entries.iter().enumerate() {
                self.value(items, entry, &Path::Index(path, index));
            }
        }
    }

    fn keyed(&mut self, keys: &[String], entries: &[Value], path: &Path<'_>) {
        let stray = |entry: &Value| !entry.is_null() && !entry.is_object();
        if let Some((index, entry)) = entries.iter().enumerate().find(|(_, entry)| stray(entry)) {
            let detail = "must be an object for an array of list-type map";
            return self.push(Fault::Invalid, &Path::Index(path, index), entry.clone(), detail);
        }
        if entries.len() < 2 {
            return;
        }
        let repeated = match keys {
            [key] => repeated(
                entries.iter().map(|entry| entry.get(key).map_or(Identity::Absent, identity)),
            ),
            _ => repeated(
                entries.iter().map(|entry| Identity::Json(key_of(keys, entry).to_string())),
            ),
        };
        for index in repeated {
            self.push(
                Fault::Duplicate,
                &Path::Index(path, index),
                key_of(keys, &entries[index]),
                "",
            );
        }
    }
}

/// The fields of an entry that tell it from others.
fn key_of(keys: &[String], entry: &Value) -> Value {
    let held = |key: &String| Some((key.clone(), entry.get(key)?.clone()));
    Value::Object(keys.iter().filter_map(held).collect())
}

/// What makes two entries the same.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Identity<'a> {
    Absent,
    Text(&'a str),
    Json(String),
}

fn identity(value: &Value) -> Identity<'_> {
    match value {
        Value::String(text) => Identity::Text(text),
        other => Identity::Json(other.to_string()),
    }
}

/// The second place of each value that is there more than once.
fn repeated<'a>(values: impl ExactSizeIterator<Item = Identity<'a>>) -> Vec<usize> {
    let mut seen: HashMap<Identity<'a>, usize> = HashMap::with_capacity(values.len());
    let mut places = Vec::new();
    for (index, value) in values.enumerate() {
        let times = seen.entry(value).or_default();
        *times += 1;
        if *times == 2 {
            places.push(index);
        }
    }
    places
}
