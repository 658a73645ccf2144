//! Placeholders for what no two servers share: the same value, the same placeholder.

use std::collections::BTreeMap;

use anyhow::Result;
use regex::{Captures, Regex};
use serde_json::{Map, Value};

/// Replaces what differs between servers for no interesting reason.
#[derive(Debug)]
pub(crate) struct Normal {
    /// Exact texts and what stands for them, the longest first.
    known: Vec<(String, String)>,
    numbered: BTreeMap<&'static str, Vec<String>>,
    patterns: Vec<(Regex, &'static str)>,
    digits: Regex,
}

/// Texts that are replaced wherever they stand.
const PATTERNS: &[(&str, &str)] = &[
    (r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+", "<token>"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "<uid>"),
    (r#"(resourceVersion\\?":\\?")\d+"#, "${1}<rv>"),
    (r"(Resource Version: *)\d+", "${1}<rv>"),
    (r"Key: [^,]+,", "Key: <key>,"),
    (r"(resource version: )\d+ \(\d+\)", "${1}<rv> (<rv>)"),
    (r"(resource version: )\d+, current: \d+", "${1}<rv>, current: <rv>"),
];

const TIME: &str = r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)";

impl Normal {
    pub(crate) fn new() -> Result<Self> {
        let compile = |(pattern, with): &(&str, &'static str)| Ok((Regex::new(pattern)?, *with));
        Ok(Self {
            known: Vec::new(),
            numbered: BTreeMap::new(),
            patterns: PATTERNS.iter().map(compile).collect::<Result<_>>()?,
            digits: Regex::new(TIME)?,
        })
    }

    /// From now on, `value` reads as `placeholder`.
    pub(crate) fn hide(&mut self, value: &str, placeholder: impl Into<String>) {
        if value.is_empty() || self.known.iter().any(|(known, _)| known == value) {
            return;
        }
        self.known.push((value.to_owned(), placeholder.into()));
        self.known.sort_by_key(|(known, _)| std::cmp::Reverse(known.len()));
    }

    /// A text with placeholders.
    pub(crate) fn text(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (value, placeholder) in &self.known {
            text = text.replace(value, placeholder);
        }
        for (pattern, with) in &self.patterns {
            text = pattern.replace_all(&text, *with).into_owned();
        }
        // The shape of a time is kept: seconds or microseconds.
        let zero = |found: &Captures<'_>| found[0].replace(|c: char| c.is_ascii_digit(), "0");
        self.digits.replace_all(&text, zero).into_owned()
    }

    /// A value with placeholders.
    pub(crate) fn value(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) if is_age(text) => "<age>".into(),
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => items.iter().map(|item| self.value(item)).collect(),
            Value::Object(fields) => self.object(fields),
            other => other.clone(),
        }
    }

    fn object(&mut self, fields: &Map<String, Value>) -> Value {
        self.hide_generated_name(fields);
        let list = fields.contains_key("items") || fields.contains_key("rows");
        // No client depends on the hash over how a server stores a kind, nor on what a server tells
        // people about the columns of its tables.
        let column = fields.contains_key("priority") && fields.contains_key("format");
        let told = |key: &str| key == "storageVersionHash" || (column && key == "description");
        let compared = fields.iter().filter(|(key, _)| !told(key));
        let entry = |(key, value): (&String, &Value)| {
            let value = match (key.as_str(), value) {
                ("uid", Value::String(uid)) => self.number("uid", uid).into(),
                ("resourceVersion", Value::String(version)) => self.number("rv", version).into(),
                ("continue", Value::String(token)) if !token.is_empty() => "<continue>".into(),
                ("token", Value::String(token)) if !token.is_empty() => "<token>".into(),
                // Also where a case compares nothing but them, by their place.
                ("managedFields" | "/metadata/managedFields", Value::Array(entries)) => {
                    self.managed_fields(entries)
                }
                // The version of a list is that of the whole store, where others write too.
                ("metadata", Value::Object(metadata)) if list => self.list_metadata(metadata),
                _ => self.value(value),
            };
            (self.text(key), value)
        };
        Value::Object(compared.map(entry).collect())
    }

    fn list_metadata(&mut self, metadata: &Map<String, Value>) -> Value {
        let mut metadata = metadata.clone();
        let version = metadata.remove("resourceVersion");
        let mut normal = self.object(&metadata);
        if version.is_some_and(|version| version != "") {
            normal["resourceVersion"] = "<list-rv>".into();
        }
        normal
    }

    /// Their order depends on the second in which each was written.
    fn managed_fields(&mut self, entries: &[Value]) -> Value {
        let mut entries: Vec<Value> = entries.iter().map(|entry| self.value(entry)).collect();
        entries.sort_by_key(|entry| {
            ["operation", "manager", "subresource", "apiVersion"]
                .map(|key| entry[key].as_str().map(str::to_owned))
        });
        Value::Array(entries)
    }

    fn number(&mut self, kind: &'static str, value: &str) -> String {
        if value.is_empty() || value == "0" {
            return value.to_owned();
        }
        let values = self.numbered.entry(kind).or_default();
        let position = values.iter().position(|known| known == value).unwrap_or_else(|| {
            values.push(value.to_owned());
            values.len() - 1
        });
        let placeholder = format!("<{kind} {}>", position + 1);
        if kind == "uid" && value.len() >= 16 {
            self.hide(value, placeholder.clone());
        }
        placeholder
    }

    fn hide_generated_name(&mut self, metadata: &Map<String, Value>) {
        let text = |key: &str| metadata.get(key).and_then(Value::as_str);
        if let (Some(prefix), Some(name)) = (text("generateName"), text("name"))
            && name.len() == prefix.len() + 5
            && name.starts_with(prefix)
        {
            let placeholder = format!("{}<generated>", self.text(prefix));
            self.hide(name, placeholder);
        }
    }
}

/// Whether a cell of a table says how many seconds old an object is.
fn is_age(text: &str) -> bool {
    text.strip_suffix('s').is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_same_uid_reads_the_same_everywhere() {
        let mut normal = Normal::new().unwrap();
        let uid = "a9e7a1a4-6b8b-4cf3-9d5d-0d1f9ac2e0d1";
        let object = json!({ "metadata": { "uid": uid, "resourceVersion": "7" } });
        let expected = json!({ "metadata": { "uid": "<uid 1>", "resourceVersion": "<rv 1>" } });
        assert_eq!(normal.value(&object), expected);
        assert_eq!(normal.value(&object), expected);
        assert_eq!(normal.text(&format!("not {uid}")), "not <uid 1>");
    }

    #[test]
    fn the_order_of_field_managers_is_not_compared_wherever_they_are() {
        let managers =
            |first: &str, second: &str| json!([{ "manager": first }, { "manager": second }]);
        for place in ["managedFields", "/metadata/managedFields"] {
            let normal = |entries| Normal::new().unwrap().value(&json!({ place: entries }));
            assert_eq!(normal(managers("one", "two")), normal(managers("two", "one")), "{place}");
        }
    }

    #[test]
    fn a_time_keeps_its_shape() {
        let normal = Normal::new().unwrap();
        assert_eq!(normal.text("at 2026-11-24T10:11:12.123456Z"), "at 0000-00-00T00:00:00.000000Z");
    }

    #[test]
    fn the_version_of_a_list_is_not_compared_but_present() {
        let mut normal = Normal::new().unwrap();
        let list = json!({ "metadata": { "resourceVersion": "9" }, "items": [] });
        assert_eq!(normal.value(&list)["metadata"]["resourceVersion"], "<list-rv>");
    }

    #[test]
    fn a_generated_name_is_replaced_in_later_texts_too() {
        let mut normal = Normal::new().unwrap();
        normal.value(&json!({ "generateName": "a-", "name": "a-x7k2m" }));
        assert_eq!(normal.text("configmaps \"a-x7k2m\""), "configmaps \"a-<generated>\"");
    }
}
