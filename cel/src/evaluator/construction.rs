//! Lists, maps and messages that expressions make.

use std::rc::Rc;

use super::{Evaluator, Frame};
use crate::comparison::equal;
use crate::fault::Fault;
use crate::syntax::{Construction, Expression};
use crate::text::shown;
use crate::value::{Message, Outcome, Value};

impl<'a> Evaluator<'a> {
    pub(super) fn list(
        &self,
        frame: &mut Frame<'a>,
        entries: &'a [(Expression, bool)],
    ) -> Outcome<'a> {
        let mut made = Vec::with_capacity(entries.len());
        for (entry, optional) in entries {
            let value = self.evaluate(frame, entry)?;
            made.extend(if *optional { optional_value(value)? } else { Some(value) });
        }
        Ok(Value::list(made))
    }

    pub(super) fn map(
        &self,
        frame: &mut Frame<'a>,
        entries: &'a [(Expression, Expression, bool)],
    ) -> Outcome<'a> {
        let mut made: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(entries.len());
        for (key, value, optional) in entries {
            let (key, value) = (self.evaluate(frame, key)?, self.evaluate(frame, value)?);
            let value = if *optional { optional_value(value)? } else { Some(value) };
            if let Some(value) = value {
                self.insert(&mut made, key, value)?;
            }
        }
        Ok(Value::Map(Rc::new(made)))
    }

    pub(super) fn message(&self, frame: &mut Frame<'a>, made: &'a Construction) -> Outcome<'a> {
        let Some(kind) = made.kind.as_deref() else {
            return Err(Fault::new(format!("no such attribute(s): {}", made.name)));
        };
        let mut message = Message::new(kind);
        for field in &made.fields {
            let value = self.evaluate(frame, &field.value)?;
            let value = if field.optional { optional_value(value)? } else { Some(value) };
            if let Some(value) = value {
                message.set(&field.name, value)?;
            }
        }
        Ok(Value::Message(Rc::new(message)))
    }

    /// Adds an entry whose key is not there yet.
    pub(super) fn insert(
        &self,
        map: &mut Vec<(Value<'a>, Value<'a>)>,
        key: Value<'a>,
        value: Value<'a>,
    ) -> Result<(), Fault> {
        if !matches!(key, Value::String(_) | Value::Int(_) | Value::Uint(_) | Value::Bool(_)) {
            return Err(Fault::new(format!("unsupported key type: {}", key.type_name())));
        }
        self.budget.take(map.len() as u64)?;
        for (known, _) in map.iter() {
            if equal(self.budget, known, &key)? {
                let key = shown(&key);
                return Err(Fault::new(format!("insert failed: key {key} already exists")));
            }
        }
        map.push((key, value));
        Ok(())
    }
}

fn optional_value(value: Value<'_>) -> Result<Option<Value<'_>>, Fault> {
    match value {
        Value::Optional(inner) => Ok(inner.map(|inner| (*inner).clone())),
        _ => Err(Fault::overload()),
    }
}
