//! Fields, entries and variables.

use std::rc::Rc;

use super::Evaluator;
use crate::comparison::equal;
use crate::entries::{list_entry, list_length, position};
use crate::fault::Fault;
use crate::text::shown;
use crate::value::{Outcome, Shape, Value};

type Found<'a> = Result<Option<Value<'a>>, Fault>;

impl<'a> Evaluator<'a> {
    pub(super) fn select(&self, operand: &Value<'a>, field: &str, optional: bool) -> Outcome<'a> {
        if let Value::Optional(inner) = operand {
            let found = inner.as_ref().map_or(Ok(None), |inner| self.field(inner, field))?;
            return Ok(found.map_or(Value::Optional(None), wrapped));
        }
        match (self.field(operand, field)?, optional) {
            (Some(found), false) => Ok(found),
            (found, true) => Ok(Value::Optional(found.map(Rc::new))),
            (None, false) => Err(no_such_key(field)),
        }
    }

    /// `has(operand.field)`.
    pub(super) fn has(&self, operand: &Value<'a>, field: &str) -> Result<bool, Fault> {
        match operand {
            Value::Message(message) => Ok(message.has(field)),
            _ => Ok(self.field(operand, field)?.is_some()),
        }
    }

    /// A field, if it is there.
    pub(super) fn field(&self, operand: &Value<'a>, field: &str) -> Found<'a> {
        let found = match operand {
            Value::JsonMap(map, Shape::Object(object)) => {
                object.named(field).and_then(|(key, known)| {
                    let json = map.get(key).filter(|json| !json.is_null())?;
                    Some(Value::of_json(json, &known.kind))
                })
            }
            Value::JsonMap(map, Shape::Values(kind)) => {
                map.get(field).map(|json| Value::of_json(json, kind))
            }
            Value::Map(entries) => {
                self.budget.take(entries.len() as u64 / 8)?;
                let same =
                    |key: &Value<'_>| matches!(key, Value::String(text) if text.as_str() == field);
                entries.iter().find(|(key, _)| same(key)).map(|(_, value)| value.clone())
            }
            Value::Message(message) => message.read(field),
            Value::Optional(inner) => {
                return inner.as_ref().map_or(Ok(None), |inner| self.field(inner, field));
            }
            Value::Variables => return self.variable(field),
            _ => None,
        };
        match found {
            Some(Value::Broken(message)) => Err(Fault::new(&*message)),
            found => Ok(found),
        }
    }

    fn variable(&self, name: &str) -> Found<'a> {
        let Some(position) = self.variables.iter().position(|variable| variable.name == name)
        else {
            return Ok(None);
        };
        if let Some(known) = &self.known.borrow()[position] {
            return known.clone().map(Some);
        }
        let outcome = self.budget.nested(|| self.program(&self.variables[position].program));
        let outcome = outcome.map_err(|fault| match fault {
            Fault::Evaluation(message) => {
                Fault::new(format!("composited variable {name:?} fails to evaluate: {message}"))
            }
            Fault::Budget => Fault::Budget,
        });
        self.known.borrow_mut()[position] = Some(outcome.clone());
        outcome.map(Some)
    }

    pub(super) fn index(
        &self,
        operand: &Value<'a>,
        index: &Value<'a>,
        optional: bool,
    ) -> Outcome<'a> {
        if let Value::Optional(inner) = operand {
            let found = inner.as_ref().map_or(Ok(None), |inner| self.entry(inner, index))?;
            return Ok(found.map_or(Value::Optional(None), wrapped));
        }
        match (self.entry(operand, index)?, optional) {
            (found, true) => Ok(Value::Optional(found.map(Rc::new))),
            (Some(found), false) => Ok(found),
            (None, false) => Err(missing(operand, index)),
        }
    }

    /// An entry of a list or map, if it is there.
    pub(super) fn entry(&self, operand: &Value<'a>, index: &Value<'a>) -> Found<'a> {
        if list_length(operand).is_some() {
            return Ok(position(index)?.and_then(|at| list_entry(operand, at)));
        }
        match (operand, index) {
            (Value::JsonMap(..) | Value::Variables, Value::String(key)) => {
                self.field(operand, key.as_str())
            }
            (Value::Map(entries), _) => {
                self.budget.take(entries.len() as u64)?;
                for (key, value) in entries.iter() {
                    if equal(self.budget, key, index)? {
                        return Ok(Some(value.clone()));
                    }
                }
                Ok(None)
            }
            (Value::JsonMap(..), _) => Ok(None),
            _ => Err(Fault::overload()),
        }
    }
}

/// An optional of the value; one that is an optional already stays as it is.
fn wrapped(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Optional(_) => value,
        value => Value::some(value),
    }
}

fn no_such_key(key: &str) -> Fault {
    Fault::new(format!("no such key: {key}"))
}

fn missing(operand: &Value<'_>, index: &Value<'_>) -> Fault {
    match list_length(operand) {
        Some(_) => Fault::new(format!("index out of bounds: {}", shown(index))),
        None => no_such_key(&shown(index)),
    }
}
