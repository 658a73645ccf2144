//! Reading of OpenAPI v3 (`JSONSchemaProps` of apiextensions.k8s.io/v1) into a [`Schema`].

use std::collections::BTreeMap;

use apiserver_object::{Fault, FieldError};
use serde_json::{Map, Number, Value};

use crate::schema::{Additional, Checks, ListType, MapType, Merge, Rule, Schema, Type};

/// Schemas nest at most this deep; JSON parsers of Kubernetes and of this crate's callers stop at the same depth.
pub const DEPTH_LIMIT: usize = 128;

pub(crate) const UNKNOWN_TYPE: &str = "must be array, boolean, integer, number, object or string";

impl Schema {
    /// Reads a schema node; `path` is where it is (`spec.validation.openAPIV3Schema`).
    ///
    /// What is not a structural schema is read as far as it goes: ask [`check_structural`](crate::check_structural)
    /// first. Keywords that structural schemas do not have are ignored.
    ///
    /// # Errors
    /// Keywords whose value has the wrong JSON type, and schemas that nest deeper than [`DEPTH_LIMIT`].
    pub fn from_openapi(json: &Value, path: &str) -> Result<Self, Vec<FieldError>> {
        let mut reader = Reader { errors: Vec::new() };
        let schema = reader.schema(json, path, DEPTH_LIMIT);
        if reader.errors.is_empty() { Ok(schema) } else { Err(reader.errors) }
    }
}

/// `true` when a schema nests deeper than [`DEPTH_LIMIT`]; looks no deeper than that.
pub(crate) fn is_too_deep(json: &Value) -> bool {
    // Two JSON levels for each of the schema's: `properties` and the property.
    exceeds(json, DEPTH_LIMIT * 2)
}

fn exceeds(json: &Value, depth: usize) -> bool {
    let deeper = |value: &Value| match depth.checked_sub(1) {
        Some(depth) => exceeds(value, depth),
        None => true,
    };
    match json {
        Value::Array(entries) => entries.iter().any(deeper),
        Value::Object(fields) => fields.values().any(deeper),
        _ => false,
    }
}

struct Reader {
    errors: Vec<FieldError>,
}

/// One keyword's value; null is absent.
fn keyword<'a>(node: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    node.get(name).filter(|value| !value.is_null())
}

impl Reader {
    fn wrong(&mut self, path: &str, name: &str, value: &Value, expected: &str) {
        let detail = format!("must be {expected}");
        self.errors.push(
            FieldError::new(Fault::TypeInvalid, format!("{path}.{name}"), detail)
                .with_value(value.clone()),
        );
    }

    fn schema(&mut self, json: &Value, path: &str, depth: usize) -> Schema {
        let Some(node) = json.as_object() else {
            let error = FieldError::new(Fault::TypeInvalid, path, "must be a schema object");
            self.errors.push(error.with_value(json.clone()));
            return Schema::default();
        };
        let Some(depth) = depth.checked_sub(1) else {
            let detail = format!("must not be nested deeper than {DEPTH_LIMIT} levels");
            self.errors.push(FieldError::new(Fault::Forbidden, path, detail));
            return Schema::default();
        };
        let (additional, closed) = self.additional(node, path, depth);
        Schema {
            kind: self.kind(node, path),
            nullable: self.flag(node, path, "nullable"),
            properties: self.properties(node, path, depth),
            additional,
            items: self.boxed(node, path, "items", depth),
            default: keyword(node, "default").cloned(),
            preserve_unknown_fields: self.flag(node, path, "x-kubernetes-preserve-unknown-fields"),
            embedded_resource: self.flag(node, path, "x-kubernetes-embedded-resource"),
            int_or_string: self.flag(node, path, "x-kubernetes-int-or-string"),
            list_type: self.list_type(node, path),
            map_type: match self.text(node, path, "x-kubernetes-map-type").as_deref() {
                Some("atomic") => MapType::Atomic,
                _ => MapType::Granular,
            },
            merge: self.merge(node, path),
            decoder: None,
            rules: self.rules(node, path),
            checks: self.checks(node, path, depth),
            closed,
        }
    }

    fn checks(&mut self, node: &Map<String, Value>, path: &str, depth: usize) -> Checks {
        Checks {
            required: self.texts(node, path, "required"),
            allowed: self.list(node, path, "enum").to_vec(),
            format: self.text(node, path, "format").filter(|format| !format.is_empty()),
            pattern: self.text(node, path, "pattern").filter(|pattern| !pattern.is_empty()),
            min_length: self.limit(node, path, "minLength"),
            max_length: self.limit(node, path, "maxLength"),
            min_items: self.limit(node, path, "minItems"),
            max_items: self.limit(node, path, "maxItems"),
            unique_items: self.flag(node, path, "uniqueItems"),
            min_properties: self.limit(node, path, "minProperties"),
            max_properties: self.limit(node, path, "maxProperties"),
            minimum: self.number(node, path, "minimum"),
            exclusive_minimum: self.flag(node, path, "exclusiveMinimum"),
            maximum: self.number(node, path, "maximum"),
            exclusive_maximum: self.flag(node, path, "exclusiveMaximum"),
            multiple_of: self.number(node, path, "multipleOf"),
            all_of: self.schemas(node, path, "allOf", depth),
            any_of: self.schemas(node, path, "anyOf", depth),
            one_of: self.schemas(node, path, "oneOf", depth),
            not: self.boxed(node, path, "not", depth),
        }
    }

    fn kind(&mut self, node: &Map<String, Value>, path: &str) -> Option<Type> {
        let word = self.text(node, path, "type").filter(|word| !word.is_empty())?;
        let kind = Type::from_word(&word);
        if kind.is_none() {
            let error = FieldError::new(Fault::TypeInvalid, format!("{path}.type"), UNKNOWN_TYPE);
            self.errors.push(error.with_value(word.into()));
        }
        kind
    }

    fn properties(
        &mut self,
        node: &Map<String, Value>,
        path: &str,
        depth: usize,
    ) -> BTreeMap<String, Schema> {
        match keyword(node, "properties") {
            None => BTreeMap::new(),
            Some(Value::Object(properties)) => properties
                .iter()
                .map(|(name, json)| {
                    (name.clone(), self.schema(json, &format!("{path}.properties[{name}]"), depth))
                })
                .collect(),
            Some(other) => {
                self.wrong(path, "properties", other, "an object");
                BTreeMap::new()
            }
        }
    }

    /// What else an object may hold, and whether `additionalProperties` is `false`.
    fn additional(
        &mut self,
        node: &Map<String, Value>,
        path: &str,
        depth: usize,
    ) -> (Additional, bool) {
        match keyword(node, "additionalProperties") {
            None => (Additional::Nothing, false),
            Some(Value::Bool(allowed)) => {
                let additional = if *allowed { Additional::Anything } else { Additional::Nothing };
                (additional, !allowed)
            }
            Some(json) => {
                let values = self.schema(json, &format!("{path}.additionalProperties"), depth);
                (Additional::Values(Box::new(values)), false)
            }
        }
    }

    fn boxed(
        &mut self,
        node: &Map<String, Value>,
        path: &str,
        name: &str,
        depth: usize,
    ) -> Option<Box<Schema>> {
        let json = keyword(node, name)?;
        Some(Box::new(self.schema(json, &format!("{path}.{name}"), depth)))
    }

    fn schemas(
        &mut self,
        node: &Map<String, Value>,
        path: &str,
        name: &str,
        depth: usize,
    ) -> Vec<Schema> {
        let list = self.list(node, path, name);
        list.iter()
            .enumerate()
            .map(|(index, json)| self.schema(json, &format!("{path}.{name}[{index}]"), depth))
            .collect()
    }

    fn list_type(&mut self, node: &Map<String, Value>, path: &str) -> ListType {
        match self.text(node, path, "x-kubernetes-list-type").as_deref() {
            Some("set") => ListType::Set,
            Some("map") => ListType::Map(self.texts(node, path, "x-kubernetes-list-map-keys")),
            _ => ListType::Atomic,
        }
    }

    fn merge(&mut self, node: &Map<String, Value>, path: &str) -> Merge {
        let strategies = self.text(node, path, "x-kubernetes-patch-strategy").unwrap_or_default();
        Merge {
            merge: strategies.split(',').any(|strategy| strategy == "merge"),
            merge_key: self.text(node, path, "x-kubernetes-patch-merge-key"),
            retain_keys: strategies.split(',').any(|strategy| strategy == "retainKeys"),
        }
    }

    fn rules(&mut self, node: &Map<String, Value>, path: &str) -> Vec<Rule> {
        let list = self.list(node, path, "x-kubernetes-validations");
        list.iter().enumerate().map(|(index, json)| self.rule(json, path, index)).collect()
    }

    fn rule(&mut self, json: &Value, path: &str, index: usize) -> Rule {
        let Some(node) = json.as_object() else {
            self.wrong(path, &format!("x-kubernetes-validations[{index}]"), json, "an object");
            return Rule::default();
        };
        let path = format!("{path}.x-kubernetes-validations[{index}]");
        let mut said = |name: &str| self.text(node, &path, name).filter(|text| !text.is_empty());
        let (rule, message) = (said("rule").unwrap_or_default(), said("message"));
        let (message_expression, reason, field_path) =
            (said("messageExpression"), said("reason"), said("fieldPath"));
        let optional_old_self = self.flag(node, &path, "optionalOldSelf");
        Rule { rule, message, message_expression, reason, field_path, optional_old_self }
    }

    fn flag(&mut self, node: &Map<String, Value>, path: &str, name: &str) -> bool {
        match keyword(node, name) {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                self.wrong(path, name, other, "true or false");
                false
            }
        }
    }

    fn text(&mut self, node: &Map<String, Value>, path: &str, name: &str) -> Option<String> {
        match keyword(node, name)? {
            Value::String(text) => Some(text.clone()),
            other => {
                self.wrong(path, name, other, "a string");
                None
            }
        }
    }

    fn texts(&mut self, node: &Map<String, Value>, path: &str, name: &str) -> Vec<String> {
        let list = self.list(node, path, name);
        let mut texts = Vec::with_capacity(list.len());
        for value in list {
            match value {
                Value::String(text) => texts.push(text.clone()),
                other => self.wrong(path, name, other, "a list of strings"),
            }
        }
        texts
    }

    fn list<'a>(&mut self, node: &'a Map<String, Value>, path: &str, name: &str) -> &'a [Value] {
        match keyword(node, name) {
            None => &[],
            Some(Value::Array(list)) => list,
            Some(other) => {
                self.wrong(path, name, other, "a list");
                &[]
            }
        }
    }

    fn number(&mut self, node: &Map<String, Value>, path: &str, name: &str) -> Option<Number> {
        match keyword(node, name)? {
            Value::Number(number) => Some(number.clone()),
            other => {
                self.wrong(path, name, other, "a number");
                None
            }
        }
    }

    /// A count; negative ones act as zero.
    fn limit(&mut self, node: &Map<String, Value>, path: &str, name: &str) -> Option<u64> {
        let value = keyword(node, name)?;
        match (value.as_u64(), value.as_i64()) {
            (Some(limit), _) => Some(limit),
            (None, Some(_)) => Some(0),
            (None, None) => {
                self.wrong(path, name, value, "a whole number");
                None
            }
        }
    }
}
