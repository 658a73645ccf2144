//! Types and names of an expression: what does not fit is refused before it ever runs.

use crate::signatures::{Callee, Native, joined, overloads, result_of};
use crate::syntax::{Binary, Collect, Comprehension, Expression, Literal, Node, OptionalMap};
use crate::types::Type;
use crate::{foreign, natives, patterns, times};

/// Names that an expression may use.
#[derive(Clone, Debug)]
pub struct Environment {
    /// By position, which is how a program finds them.
    pub globals: Vec<(&'static str, Type)>,
    /// Functions with a receiver that the language does not have by itself.
    pub members: fn(&str) -> Option<Native>,
}

/// One fault of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issue {
    pub(crate) at: usize,
    pub(crate) message: String,
}

const TYPES: [(&str, &str); 13] = [
    ("int", "int"),
    ("uint", "uint"),
    ("double", "double"),
    ("bool", "bool"),
    ("string", "string"),
    ("bytes", "bytes"),
    ("list", "list"),
    ("map", "map"),
    ("null_type", "null_type"),
    ("type", "type"),
    ("optional_type", "optional_type"),
    ("google.protobuf.Timestamp", "google.protobuf.Timestamp"),
    ("google.protobuf.Duration", "google.protobuf.Duration"),
];

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
        let at = expression.at;
        if let Some(resolved) = self.qualified(expression) {
            return resolved;
        }
        match &mut expression.node {
            Node::Literal(literal) => literal_type(literal),
            Node::Name(name) => {
                let name = name.clone();
                self.name(expression, &name)
            }
            Node::Slot(slot) => self.scopes.get(*slot).map_or(Type::Dyn, |(_, kind)| kind.clone()),
            Node::Global(position) => self.environment.globals[*position].1.clone(),
            Node::Type(_) => Type::Meta,
            Node::Message(name) => {
                let name = name.clone();
                self.issue(at, format!("undeclared reference to '{name}' (in container '')"))
            }
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
            node => self.operation(at, node),
        }
    }

    fn operation(&mut self, at: usize, node: &mut Node) -> Type {
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
                self.overload(at, Binary::name(*operator), &kinds)
            }
            Node::Conditional(parts) => {
                let kinds =
                    [self.check(&mut parts.0), self.check(&mut parts.1), self.check(&mut parts.2)];
                self.overload(at, "_?_:_", &kinds)
            }
            Node::List(entries) => {
                let mut items = None;
                for (entry, optional) in entries {
                    let kind = self.entry(entry, *optional);
                    items = self.aggregate(entry.at, items, kind);
                }
                Type::list(items.unwrap_or(Type::Dyn))
            }
            Node::Map(entries) => {
                let (mut keys, mut values) = (None, None);
                for (key, value, optional) in entries {
                    let kind = self.check(key);
                    keys = self.aggregate(key.at, keys, kind);
                    let kind = self.entry(value, *optional);
                    values = self.aggregate(value.at, values, kind);
                }
                Type::map(keys.unwrap_or(Type::Dyn), values.unwrap_or(Type::Dyn))
            }
            _ => Type::Dyn,
        }
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
        result_of(name, false, kinds).unwrap_or_else(|| self.no_overload(at, name, None, kinds))
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

    fn select(&mut self, at: usize, kind: &Type, field: &str, optional: bool) -> Type {
        let found = match kind {
            Type::Dyn => Type::Dyn,
            Type::Map(types) => types.1.clone(),
            Type::Object(object) => match object.named(field) {
                Some((_, found)) => found.kind.clone(),
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

    fn find(&self, name: &str) -> Option<Node> {
        if let Some(slot) = self.scopes.iter().rposition(|(bound, _)| bound == name) {
            return Some(Node::Slot(slot));
        }
        self.environment.globals.iter().position(|(known, _)| *known == name).map(Node::Global)
    }

    fn name(&mut self, expression: &mut Expression, name: &str) -> Type {
        match self.find(name) {
            Some(Node::Slot(slot)) => {
                expression.node = Node::Slot(slot);
                self.scopes[slot].1.clone()
            }
            Some(Node::Global(position)) => {
                expression.node = Node::Global(position);
                self.used.push(position);
                self.environment.globals[position].1.clone()
            }
            _ => self.issue(
                expression.at,
                format!("undeclared reference to '{name}' (in container '')"),
            ),
        }
    }

    /// A name with dots that is a variable, or one with or without dots that is a type.
    fn qualified(&mut self, expression: &mut Expression) -> Option<Type> {
        if let Node::Select { field, .. } = &expression.node
            && field == "requestResource"
            && let Some(Node::Global(position)) =
                expression.dotted().and_then(|name| self.find(&name))
        {
            expression.node = Node::Global(position);
            self.used.push(position);
            return Some(self.environment.globals[position].1.clone());
        }
        let name = match &expression.node {
            Node::Name(name) => name.clone(),
            Node::Select { field, .. } if field == "Timestamp" || field == "Duration" => {
                expression.dotted()?
            }
            _ => return None,
        };
        if self.find(&name).is_some() {
            return None;
        }
        let (_, shown) = TYPES.iter().find(|(known, _)| *known == name)?;
        expression.node = Node::Type(shown);
        Some(Type::Meta)
    }

    fn call(&mut self, expression: &mut Expression) -> Type {
        let at = expression.at;
        let Node::Call { target, name, arguments, callee } = &mut expression.node else {
            return Type::Dyn;
        };
        if let Some(full) =
            target.as_ref().and_then(|target| self.function_in_package(target, name))
        {
            *target = None;
            *name = full;
        }
        let mut kinds: Vec<Type> = Vec::with_capacity(arguments.len() + 1);
        let receiver = target.as_mut().map(|target| self.check(target));
        kinds.extend(receiver.clone());
        let mixed = std::mem::replace(&mut self.mixed, name == "format");
        for argument in arguments.iter_mut() {
            kinds.push(self.check(argument));
        }
        self.mixed = mixed;
        if overloads(name).is_empty() || name.starts_with(['_', '@', '!', '-']) {
            return self.issue(at, format!("undeclared reference to '{name}' (in container '')"));
        }
        let member = receiver.is_some();
        let Some(result) = result_of(name, member, &kinds) else {
            let given = kinds.split_off(usize::from(member));
            return self.no_overload(at, name, receiver.as_ref(), &given);
        };
        *callee = match natives::find(name, arguments.len())
            .or_else(|| (self.environment.members)(name).filter(|_| member))
        {
            Some(native) => Callee::Native(native),
            None => foreign::callee(name, member, arguments.len()),
        };
        self.constant(name, arguments, callee);
        result
    }

    /// `optional.none`, `sets.contains`: a function whose name has a dot.
    fn function_in_package(&self, target: &Expression, name: &str) -> Option<String> {
        let Node::Name(package) = &target.node else {
            return None;
        };
        let full = format!("{package}.{name}");
        (self.find(package).is_none() && !overloads(&full).is_empty()).then_some(full)
    }

    /// Literals that a function would refuse are refused now, and patterns are compiled.
    fn constant(&mut self, name: &str, arguments: &[Expression], callee: &mut Callee) {
        let Some(Expression { at, node: Node::Literal(Literal::String(text)), .. }) =
            arguments.last()
        else {
            return;
        };
        match name {
            "matches" => match patterns::compile(text, patterns::WRITTEN) {
                Ok(pattern) => *callee = Callee::Matches(pattern),
                Err(_) => drop(self.issue(*at, "invalid matches argument")),
            },
            "duration" if times::parse_duration(text).is_none() => {
                self.issue(*at, "invalid duration argument");
            }
            "timestamp" if times::parse_timestamp(text).is_none() => {
                self.issue(*at, "invalid timestamp argument");
            }
            _ => {}
        }
    }

    fn comprehension(&mut self, at: usize, inner: &mut Comprehension) -> Type {
        let range = self.check(&mut inner.range);
        let (first, second) = match &range {
            Type::List(list) if inner.variables.len() == 1 => (list.items.clone(), Type::Dyn),
            Type::List(list) => (Type::Int, list.items.clone()),
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
            Collect::All | Collect::Exists => {
                let kind = self.check(&mut inner.body);
                if joined(&kind, &Type::Bool).is_none() {
                    self.issue(inner.body.at, format!("expected type 'bool' but found '{kind}'"));
                }
                Type::Bool
            }
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
            Collect::Map => {
                let key = match range {
                    Type::Map(types) => types.0.clone(),
                    Type::List(_) => Type::Int,
                    _ => Type::Dyn,
                };
                Type::map(key, self.check(&mut inner.body))
            }
            Collect::MapEntry => match self.check(&mut inner.body) {
                Type::Map(types) => Type::Map(types),
                _ => Type::map(Type::Dyn, Type::Dyn),
            },
        }
    }

    /// A filter of a macro is a condition; the real server's macro is a conditional that makes `result`.
    fn condition(&mut self, at: usize, kind: Type, result: &Type) {
        if joined(&kind, &Type::Bool).is_none() {
            self.no_overload(at, "_?_:_", None, &[kind, result.clone(), result.clone()]);
        }
    }

    fn optional_map(&mut self, at: usize, inner: &mut OptionalMap) -> Type {
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
