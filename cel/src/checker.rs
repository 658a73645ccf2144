//! Types and names of an expression: what does not fit is refused before it ever runs.

mod calls;
mod comprehensions;
mod messages;
mod names;

use crate::environment::Environment;
use crate::operator_signatures::operation;
use crate::syntax::{Expression, Literal, Node};
use crate::types::Type;
use crate::unification::joined;

/// One fault of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issue {
    pub(crate) at: usize,
    pub(crate) message: String,
}

/// Checks one expression and resolves its names.
pub(crate) struct Checker<'e> {
    environment: &'e Environment,
    scopes: Vec<(String, Type)>,
    pub(crate) issues: Vec<Issue>,
    /// Positions of the globals that the expression uses.
    pub(crate) used: Vec<usize>,
    /// Entries of a list or map may differ in type: arguments of `format`.
    mixed: bool,
}

impl<'e> Checker<'e> {
    pub(crate) const fn new(environment: &'e Environment) -> Self {
        Self { environment, scopes: Vec::new(), issues: Vec::new(), used: Vec::new(), mixed: false }
    }

    fn issue(&mut self, at: usize, message: impl Into<String>) -> Type {
        self.issues.push(Issue { at, message: message.into() });
        Type::Dyn
    }

    /// The type of the expression.
    pub(crate) fn check(&mut self, expression: &mut Expression) -> Type {
        if let Some(resolved) = self.qualified(expression) {
            return resolved;
        }
        let at = expression.at;
        match &mut expression.node {
            Node::Literal(literal) => literal_type(literal),
            Node::Name(name) => {
                let name = name.clone();
                self.name(expression, &name)
            }
            Node::Slot(slot) => self.scopes.get(*slot).map_or(Type::Dyn, |(_, kind)| kind.clone()),
            Node::Global(position) => self.environment.globals[*position].1.clone(),
            Node::Type(_) => Type::Meta,
            Node::Message(made) => self.message(at, made),
            Node::Select { operand, field, optional } => {
                let kind = self.check(operand);
                self.select(at, &kind, field, *optional)
            }
            Node::Has { operand, field } => {
                let kind = self.check(operand);
                self.select(at, &kind, field, false);
                Type::Bool
            }
            Node::Call { .. } => self.call(expression),
            Node::Comprehension(inner) => self.comprehension(at, inner),
            Node::OptionalMap(inner) => self.optional_map(at, inner),
            node => self.operator(at, node),
        }
    }

    fn operator(&mut self, at: usize, node: &mut Node) -> Type {
        match node {
            Node::Index { operand, index, optional } => {
                let kinds = [self.check(operand), self.check(index)];
                self.overload(at, if *optional { "_[?_]" } else { "_[_]" }, &kinds)
            }
            Node::Not(operand) => {
                let kind = self.check(operand);
                self.overload(at, "!_", &[kind])
            }
            Node::Negate(operand) => {
                let kind = self.check(operand);
                self.overload(at, "-_", &[kind])
            }
            Node::All(terms) => self.terms(at, "_&&_", terms),
            Node::Any(terms) => self.terms(at, "_||_", terms),
            Node::Binary(operator, pair) => {
                let kinds = [self.check(&mut pair.0), self.check(&mut pair.1)];
                self.overload(at, operator.name(), &kinds)
            }
            Node::Conditional(parts) => {
                let kinds =
                    [self.check(&mut parts.0), self.check(&mut parts.1), self.check(&mut parts.2)];
                self.overload(at, "_?_:_", &kinds)
            }
            Node::List(entries) => self.list(entries),
            Node::Map(entries) => self.map(entries),
            _ => Type::Dyn,
        }
    }

    fn list(&mut self, entries: &mut [(Expression, bool)]) -> Type {
        let mut items = None;
        for (entry, optional) in entries {
            let kind = self.entry(entry, *optional);
            items = self.aggregate(entry.at, items, kind);
        }
        Type::list(items.unwrap_or(Type::Open))
    }

    fn map(&mut self, entries: &mut [(Expression, Expression, bool)]) -> Type {
        let (mut keys, mut values) = (None, None);
        for (key, value, optional) in entries {
            let kind = self.check(key);
            keys = self.aggregate(key.at, keys, kind);
            let kind = self.entry(value, *optional);
            values = self.aggregate(value.at, values, kind);
        }
        Type::map(keys.unwrap_or(Type::Dyn), values.unwrap_or(Type::Dyn))
    }

    fn entry(&mut self, entry: &mut Expression, optional: bool) -> Type {
        let kind = self.check(entry);
        match (optional, kind) {
            (false, kind) => kind,
            (true, Type::Optional(inner)) => (*inner).clone(),
            (true, Type::Dyn) => Type::Dyn,
            (true, other) => self.issue(
                entry.at,
                format!("expected type 'optional_type({other})' but found '{other}'"),
            ),
        }
    }

    /// Entries of one list or map have one type.
    fn aggregate(&mut self, at: usize, earlier: Option<Type>, kind: Type) -> Option<Type> {
        let Some(earlier) = earlier else {
            return Some(kind);
        };
        if self.mixed {
            return Some(if earlier == kind { kind } else { Type::Dyn });
        }
        let alike = (earlier == Type::Dyn) == (kind == Type::Dyn);
        joined(&earlier, &kind).filter(|_| alike).or_else(|| {
            self.issue(at, format!("expected type '{earlier}' but found '{kind}'"));
            Some(earlier)
        })
    }

    fn terms(&mut self, at: usize, name: &str, terms: &mut [Expression]) -> Type {
        for term in terms {
            let kind = self.check(term);
            if joined(&kind, &Type::Bool).is_none() {
                self.overload(at, name, &[Type::Bool, kind]);
            }
        }
        Type::Bool
    }

    fn overload(&mut self, at: usize, name: &str, kinds: &[Type]) -> Type {
        operation(name, kinds).unwrap_or_else(|| self.no_overload(at, name, None, kinds))
    }

    fn undeclared(&mut self, at: usize, name: &str) -> Type {
        self.issue(at, format!("undeclared reference to '{name}' (in container '')"))
    }

    fn no_overload(
        &mut self,
        at: usize,
        name: &str,
        target: Option<&Type>,
        kinds: &[Type],
    ) -> Type {
        let shown: Vec<_> = kinds.iter().map(ToString::to_string).collect();
        let receiver = target.map(|kind| format!("{kind}.")).unwrap_or_default();
        let shown = shown.join(", ");
        self.issue(
            at,
            format!("found no matching overload for '{name}' applied to '{receiver}({shown})'"),
        )
    }
}

fn literal_type(literal: &Literal) -> Type {
    match literal {
        Literal::Null => Type::Null,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) => Type::Int,
        Literal::Uint(_) => Type::Uint,
        Literal::Double(_) => Type::Double,
        Literal::String(_) => Type::String,
        Literal::Bytes(_) => Type::Bytes,
    }
}
