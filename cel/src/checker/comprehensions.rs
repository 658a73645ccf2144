//! Macros over lists, maps and optionals.

use super::Checker;
use crate::syntax::{Collect, Comprehension, OptionalMap};
use crate::types::Type;
use crate::unification::joined;

impl Checker<'_> {
    pub(super) fn comprehension(&mut self, at: usize, inner: &mut Comprehension) -> Type {
        let range = self.check(&mut inner.range);
        let (first, second) = match &range {
            Type::List(list) if inner.variables.len() == 1 => {
                (list.items.clone().closed(), Type::Dyn)
            }
            Type::List(list) => (Type::Int, list.items.clone().closed()),
            Type::Map(types) => (types.0.clone(), types.1.clone()),
            Type::Dyn => (Type::Dyn, Type::Dyn),
            other => {
                let message = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                (self.issue(inner.range.at, message), Type::Dyn)
            }
        };
        inner.slot = self.scopes.len();
        let kinds = [first.clone(), second];
        self.scopes.extend(inner.variables.iter().cloned().zip(kinds));
        let filter = inner.filter.as_mut().map(|filter| self.check(filter));
        let result = self.collected(at, inner, &range, first);
        if let Some(filter) = filter {
            self.condition(at, filter, &result);
        }
        self.scopes.truncate(inner.slot);
        result
    }

    fn collected(
        &mut self,
        at: usize,
        inner: &mut Comprehension,
        range: &Type,
        first: Type,
    ) -> Type {
        match inner.collect {
            Collect::All | Collect::Exists => self.truth(inner),
            Collect::ExistsOne => {
                let kind = self.check(&mut inner.body);
                self.condition(at, kind, &Type::Int);
                Type::Bool
            }
            Collect::Filter => {
                let (kind, result) = (self.check(&mut inner.body), Type::list(first));
                self.condition(at, kind, &result);
                result
            }
            Collect::SortBy => {
                self.check(&mut inner.body);
                Type::list(first)
            }
            Collect::List => Type::list(self.check(&mut inner.body)),
            Collect::Map => Type::map(key_type(range), self.check(&mut inner.body)),
            Collect::MapEntry => match self.check(&mut inner.body) {
                Type::Map(types) => Type::Map(types),
                _ => Type::map(Type::Dyn, Type::Dyn),
            },
        }
    }

    fn truth(&mut self, inner: &mut Comprehension) -> Type {
        let kind = self.check(&mut inner.body);
        if joined(&kind, &Type::Bool).is_none() {
            self.issue(inner.body.at, format!("expected type 'bool' but found '{kind}'"));
        }
        Type::Bool
    }

    /// A filter of a macro is a condition; the real server's macro is a conditional that makes `result`.
    fn condition(&mut self, at: usize, kind: Type, result: &Type) {
        if joined(&kind, &Type::Bool).is_none() {
            self.no_overload(at, "_?_:_", None, &[kind, result.clone(), result.clone()]);
        }
    }

    pub(super) fn optional_map(&mut self, at: usize, inner: &mut OptionalMap) -> Type {
        let value = match self.check(&mut inner.operand) {
            Type::Optional(value) => (*value).clone(),
            Type::Dyn => Type::Dyn,
            other => self.no_overload(at, "hasValue", Some(&other), &[]),
        };
        inner.slot = self.scopes.len();
        self.scopes.push((inner.variable.clone(), value));
        let body = self.check(&mut inner.body);
        self.scopes.truncate(inner.slot);
        match body {
            Type::Optional(_) if inner.flat => body,
            other => Type::optional(other),
        }
    }
}

/// The type of the first variable of a macro that has two.
fn key_type(range: &Type) -> Type {
    match range {
        Type::Map(types) => types.0.clone(),
        Type::List(_) => Type::Int,
        _ => Type::Dyn,
    }
}
