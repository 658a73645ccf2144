//! The checks of one value, in the order of kube-openapi.

use apiserver_object::{Path, go_text::Decoded};
use serde_json::{Map, Value};

use super::equality::{corresponding, equal};
use super::node::{Node, Others, TextChecks};
use super::outcome::Outcome;
use super::types::Types;
use crate::regexp::Pattern;
use crate::schema::Type;

impl Node {
    /// Checks `value`; `old` is the value at the same place before a change, where there was one.
    pub(crate) fn check(
        &self,
        value: &Value,
        old: Option<&Value>,
        path: &Path<'_>,
        outcome: &mut Outcome,
    ) {
        let before = outcome.problems.len();
        self.check_each(value, old, path, outcome);
        if outcome.problems.len() > before && old.is_some_and(|old| equal(self, value, old)) {
            outcome.problems.truncate(before);
        }
    }

    fn check_each(
        &self,
        value: &Value,
        old: Option<&Value>,
        path: &Path<'_>,
        outcome: &mut Outcome,
    ) {
        if value.is_null() {
            return self.check_null(path, outcome);
        }
        if self.types != Types::Any || self.format.is_some() {
            outcome.matches += 1;
            self.check_type(value, path, outcome);
        }
        // Each applicable check counts one, valid or not; the value itself counts one, and so do the checks that all
        // values undergo.
        outcome.matches += 4;
        if let Some(combination) = &self.combination {
            combination.check(value, path, outcome);
        }
        match value {
            Value::String(text) => self.check_text(text, path, outcome),
            Value::Number(number) => {
                outcome.matches += 2;
                self.number.check(Decoded::of(number), path, outcome);
            }
            Value::Array(entries) => self.check_list(entries, old, path, outcome),
            Value::Null | Value::Bool(_) | Value::Object(_) => {}
        }
        self.check_allowed(value, path, outcome);
        if let Value::Object(fields) = value {
            self.check_object(fields, old, path, outcome);
        }
    }

    fn check_null(&self, path: &Path<'_>, outcome: &mut Outcome) {
        if self.types != Types::Any && !self.nullable {
            outcome.wrong_type(path, self.types.words(), "null");
        } else {
            outcome.matches += 1;
        }
        self.check_allowed(&Value::Null, path, outcome);
    }

    fn check_type(&self, value: &Value, path: &Path<'_>, outcome: &mut Outcome) {
        let (found, found_format, whole) = type_of(value);
        let numeric = self.types.contains(Type::Integer) || self.types.contains(Type::Number);
        let fits = self.types.contains(found)
            || (found == Type::Number && whole && self.types.contains(Type::Integer))
            || (found == Type::Integer && self.types.contains(Type::Number));
        let textual = matches!(value, Value::String(_) | Value::Array(_));
        match &self.format {
            Some(format) if !textual && !fits && format.name() != found_format => {
                return outcome.wrong_type(path, format.name(), found_format);
            }
            // A quirk: with a format, a list passes for a string.
            Some(_) if textual && !numeric => {}
            _ if fits => {}
            _ => return outcome.wrong_type(path, self.types.words(), found.word()),
        }
        outcome.matches += 1;
    }

    fn check_text(&self, text: &str, path: &Path<'_>, outcome: &mut Outcome) {
        outcome.matches += 1;
        if let Some(checks) = &self.text {
            checks.check(text, path, outcome);
        }
        if let Some(format) = self.format.as_ref().filter(|format| format.is_textual()) {
            outcome.matches += 1;
            if !format.accepts(text) {
                outcome.wrong_type(path, format.name(), text);
            }
        }
    }

    fn check_allowed(&self, value: &Value, path: &Path<'_>, outcome: &mut Outcome) {
        if !self.allowed.is_empty() && !self.allowed.iter().any(|allowed| is_same(value, allowed)) {
            outcome.not_supported(path, value, &self.allowed);
        }
    }

    fn check_list(
        &self,
        entries: &[Value],
        old: Option<&Value>,
        path: &Path<'_>,
        outcome: &mut Outcome,
    ) {
        outcome.matches += 2;
        if let Some(items) = &self.items {
            for (index, entry) in entries.iter().enumerate() {
                let old = old.and_then(|old| corresponding(&self.list_type, entry, old));
                items.check(entry, old, &Path::Index(path, index), outcome);
            }
        }
        let size = entries.len() as u64;
        if let Some(least) = self.min_items.filter(|least| size < *least) {
            outcome.invalid(
                path,
                Some(size.into()),
                &format!("should have at least {least} items"),
            );
        }
        if let Some(most) = self.max_items.filter(|most| size > *most) {
            outcome.too_many(path, entries.len(), most, "items");
        }
        if self.unique_items
            && (1..entries.len()).any(|index| entries[..index].contains(&entries[index]))
        {
            outcome.invalid(path, None, "shouldn't contain duplicates");
        }
    }

    fn check_object(
        &self,
        fields: &Map<String, Value>,
        old: Option<&Value>,
        path: &Path<'_>,
        outcome: &mut Outcome,
    ) {
        outcome.matches += 1;
        let size = fields.len() as u64;
        if let Some(least) = self.min_properties.filter(|least| size < *least) {
            outcome.invalid(
                path,
                Some(size.into()),
                &format!("should have at least {least} properties"),
            );
        }
        if let Some(most) = self.max_properties.filter(|most| size > *most) {
            outcome.too_many(path, fields.len(), most, "properties");
        }
        let old = old.and_then(Value::as_object);
        for (name, value) in fields {
            self.check_field(name, value, old, path, outcome);
        }
        for name in self.required.iter().filter(|name| !fields.contains_key(*name)) {
            outcome.required(path, name);
        }
    }

    fn check_field(
        &self,
        name: &str,
        value: &Value,
        old: Option<&Map<String, Value>>,
        path: &Path<'_>,
        outcome: &mut Outcome,
    ) {
        let is_type = path.is_root() && (name == "kind" || name == "apiVersion");
        let old = old.filter(|_| !is_type).and_then(|old| old.get(name));
        if let Some(property) = self.property(name) {
            return property.check(value, old, &Path::Property(path, name), outcome);
        }
        match &self.others {
            Others::Values(values) => values.check(value, old, &Path::Key(path, name), outcome),
            Others::Nothing => outcome.forbidden_property(path, name),
            Others::Anything => {}
        }
    }
}

impl TextChecks {
    /// The first of the checks that fails is reported.
    fn check(&self, text: &str, path: &Path<'_>, outcome: &mut Outcome) {
        let shown = || Some(Value::from(text));
        let longer = |limit: u64| text.len() as u64 > limit && text.chars().count() as u64 > limit;
        let shorter =
            |limit: u64| (text.len() as u64) < limit || (text.chars().count() as u64) < limit;
        if let Some(most) = self.max_length.filter(|most| longer(*most)) {
            return outcome.too_long(path, most);
        }
        if let Some(least) = self.min_length.filter(|least| *least > 0 && shorter(*least)) {
            return outcome.invalid(
                path,
                shown(),
                &format!("should be at least {least} chars long"),
            );
        }
        match &self.pattern {
            Some(Pattern::Compiled(regex)) if !regex.compiled.is_match(text) => {
                outcome.invalid(path, shown(), &format!("should match '{}'", regex.written));
            }
            Some(Pattern::Broken { written, reason }) => {
                outcome.invalid(
                    path,
                    shown(),
                    &format!("should match '{written}, but pattern is invalid: {reason}'"),
                );
            }
            _ => {}
        }
    }
}

/// The type of a value, the format that Kubernetes infers for it, and whether it is a number without a fraction.
fn type_of(value: &Value) -> (Type, &'static str, bool) {
    match value {
        Value::Null | Value::Object(_) => (Type::Object, "", false),
        Value::Bool(_) => (Type::Boolean, "", false),
        Value::String(_) => (Type::String, "", false),
        Value::Array(_) => (Type::Array, "", false),
        Value::Number(number) => match Decoded::of(number) {
            Decoded::Whole(_) => (Type::Integer, "int64", true),
            Decoded::Float(float) => (Type::Number, "float64", super::number::is_whole(float)),
        },
    }
}

/// Equality with an allowed value, which converts numbers to the allowed value's type. Null is never allowed by a list.
#[allow(clippy::cast_possible_truncation, clippy::float_cmp)] // the conversion is the server's
fn is_same(value: &Value, allowed: &Value) -> bool {
    let (Value::Number(value), Value::Number(allowed)) = (value, allowed) else {
        return !value.is_null() && value == allowed;
    };
    match (Decoded::of(value), Decoded::of(allowed)) {
        (Decoded::Float(float), Decoded::Whole(whole)) => float as i64 == whole,
        (value, Decoded::Float(float)) => value.as_f64() == float,
        (Decoded::Whole(value), Decoded::Whole(whole)) => value == whole,
    }
}
