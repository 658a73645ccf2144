//! Names, fields and types.

use super::Checker;
use crate::syntax::{Expression, Node};
use crate::types::Type;

/// Types that can be used as values.
const TYPES: [&str; 13] = [
    "int",
    "uint",
    "double",
    "bool",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "optional_type",
    "google.protobuf.Timestamp",
    "google.protobuf.Duration",
];

impl Checker<'_> {
    pub(super) fn select(&mut self, at: usize, kind: &Type, field: &str, optional: bool) -> Type {
        let found = match kind {
            Type::Dyn => Type::Dyn,
            Type::Map(types) => types.1.clone(),
            Type::Object(object) => match object.named(field) {
                Some((_, found)) => found.kind.clone(),
                None if self.is_message(object) => Type::Dyn,
                None => self.issue(at, format!("undefined field '{field}'")),
            },
            Type::Optional(inner) => {
                let inner = self.select(at, inner, field, false);
                return if matches!(inner, Type::Optional(_)) {
                    inner
                } else {
                    Type::optional(inner)
                };
            }
            other => self.issue(at, format!("type '{other}' does not support field selection")),
        };
        if optional { Type::optional(found) } else { found }
    }

    pub(super) fn find(&self, name: &str) -> Option<Node> {
        if let Some(slot) = self.scopes.iter().rposition(|(bound, _)| bound == name) {
            return Some(Node::Slot(slot));
        }
        self.environment.globals.iter().position(|(known, _)| *known == name).map(Node::Global)
    }

    pub(super) fn name(&mut self, expression: &mut Expression, name: &str) -> Type {
        match self.find(name) {
            Some(Node::Slot(slot)) => {
                expression.node = Node::Slot(slot);
                self.scopes[slot].1.clone()
            }
            Some(Node::Global(position)) => self.global(expression, position),
            _ => self.undeclared(expression.at, name),
        }
    }

    fn global(&mut self, expression: &mut Expression, position: usize) -> Type {
        expression.node = Node::Global(position);
        self.used.push(position);
        self.environment.globals[position].1.clone()
    }

    /// A name with dots that is a variable, or one with or without dots that is a type.
    pub(super) fn qualified(&mut self, expression: &mut Expression) -> Option<Type> {
        let name = match &expression.node {
            Node::Name(name) => name.clone(),
            Node::Select { field, .. } if self.ends_a_name(field) => expression.dotted()?,
            _ => return None,
        };
        match self.find(&name) {
            Some(Node::Global(position)) if name.contains('.') => {
                Some(self.global(expression, position))
            }
            Some(_) => None,
            None => {
                let known = TYPES.iter().find(|known| **known == name)?;
                expression.node = Node::Type(known);
                Some(Type::Meta)
            }
        }
    }

    /// Whether a variable or a type whose name has dots ends in this word.
    fn ends_a_name(&self, word: &str) -> bool {
        let ends = |name: &str| name.rsplit_once('.').is_some_and(|(_, last)| last == word);
        TYPES.iter().any(|name| ends(name))
            || self.environment.globals.iter().any(|(name, _)| ends(name))
    }
}
