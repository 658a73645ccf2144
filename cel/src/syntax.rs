//! Syntax tree of an expression. The parser builds it; the checker resolves names in it.

use std::sync::Arc;

use regex::Regex;

use crate::types::ObjectType;

/// An expression with the place of its operator in the source, in bytes, and the height of its tree.
#[derive(Debug)]
pub(crate) struct Expression {
    pub(crate) at: usize,
    pub(crate) height: usize,
    pub(crate) node: Node,
}

/// A function, by its position among the functions that the expression was checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FunctionIndex(pub(crate) usize);

/// A literal.
#[derive(Clone, Debug)]
pub(crate) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Arc<str>),
    Bytes(Arc<[u8]>),
}

/// Operators of two operands that evaluate both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Equal,
    Unequal,
    Less,
    AtMost,
    Greater,
    AtLeast,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

impl Binary {
    /// The name by which the language knows the operator.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Equal => "_==_",
            Self::Unequal => "_!=_",
            Self::Less => "_<_",
            Self::AtMost => "_<=_",
            Self::Greater => "_>_",
            Self::AtLeast => "_>=_",
            Self::In => "@in",
            Self::Add => "_+_",
            Self::Subtract => "_-_",
            Self::Multiply => "_*_",
            Self::Divide => "_/_",
            Self::Modulo => "_%_",
        }
    }
}

/// What a macro over a list or map makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Collect {
    All,
    Exists,
    ExistsOne,
    /// A list of bodies (`map`, `transformList`).
    List,
    /// A list of the entries for which the filter holds.
    Filter,
    /// A map from each key to the body (`transformMap`).
    Map,
    /// A map made of the entries of the maps that the bodies are (`transformMapEntry`).
    MapEntry,
    /// The entries in the order of their bodies (`sortBy`).
    SortBy,
}

/// A macro over the entries of a list or map.
#[derive(Debug)]
pub(crate) struct Comprehension {
    pub(crate) collect: Collect,
    pub(crate) range: Expression,
    pub(crate) variables: Vec<String>,
    pub(crate) filter: Option<Expression>,
    pub(crate) body: Expression,
    /// Slot of the first variable; the others follow.
    pub(crate) slot: usize,
}

/// `optMap` and `optFlatMap`: the body for the value of an optional, if it has one.
#[derive(Debug)]
pub(crate) struct OptionalMap {
    pub(crate) operand: Expression,
    pub(crate) variable: String,
    pub(crate) body: Expression,
    pub(crate) flat: bool,
    pub(crate) slot: usize,
}

/// A message that is made: `Name{field: value}`.
#[derive(Debug)]
pub(crate) struct Construction {
    pub(crate) name: String,
    pub(crate) fields: Vec<Initializer>,
    /// The checker finds it.
    pub(crate) kind: Option<Arc<ObjectType>>,
}

/// One field of a message that is made, with the place of its colon. An optional one is left out where it has no value.
#[derive(Debug)]
pub(crate) struct Initializer {
    pub(crate) at: usize,
    pub(crate) name: String,
    pub(crate) value: Expression,
    pub(crate) optional: bool,
}

/// One kind of expression.
#[derive(Debug)]
pub(crate) enum Node {
    Literal(Literal),
    /// A name that the checker has yet to resolve.
    Name(String),
    /// A variable of a macro.
    Slot(usize),
    /// A variable of the environment, by its position in it.
    Global(usize),
    /// A type used as a value.
    Type(&'static str),
    Select {
        operand: Box<Expression>,
        field: String,
        optional: bool,
    },
    /// `has(operand.field)`.
    Has {
        operand: Box<Expression>,
        field: String,
    },
    Index {
        operand: Box<Expression>,
        index: Box<Expression>,
        optional: bool,
    },
    Call {
        target: Option<Box<Expression>>,
        name: String,
        arguments: Vec<Expression>,
        /// The checker finds it.
        function: Option<FunctionIndex>,
    },
    /// `matches` with a pattern that stands in the expression.
    Matches(Box<Expression>, Regex),
    /// `or` and `orValue`: the value of an optional, or what follows where it has none.
    Fallback {
        pair: Box<(Expression, Expression)>,
        unwrap: bool,
    },
    /// The flag marks an entry that is left out where its optional has no value.
    List(Vec<(Expression, bool)>),
    Map(Vec<(Expression, Expression, bool)>),
    Message(Box<Construction>),
    Not(Box<Expression>),
    Negate(Box<Expression>),
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Binary(Binary, Box<(Expression, Expression)>),
    Conditional(Box<(Expression, Expression, Expression)>),
    Comprehension(Box<Comprehension>),
    OptionalMap(Box<OptionalMap>),
}

impl Expression {
    pub(crate) fn new(at: usize, node: Node) -> Self {
        let mut height = 0;
        node.each_child(&mut |child| height = child.height.max(height));
        Self { at, height: height + 1, node }
    }

    /// A call that the checker has yet to resolve.
    pub(crate) fn call(
        at: usize,
        target: Option<Self>,
        name: String,
        arguments: Vec<Self>,
    ) -> Self {
        let target = target.map(Box::new);
        Self::new(at, Node::Call { target, name, arguments, function: None })
    }

    /// The dotted name that the expression is, if it is one: `a.b.c`.
    pub(crate) fn dotted(&self) -> Option<String> {
        match &self.node {
            Node::Name(name) => Some(name.clone()),
            Node::Select { operand, field, optional: false } => {
                Some(format!("{}.{field}", operand.dotted()?))
            }
            _ => None,
        }
    }
}

impl Node {
    /// Visits the expressions directly below.
    pub(crate) fn each_child<'a>(&'a self, visit: &mut dyn FnMut(&'a Expression)) {
        match self {
            Self::Literal(_) | Self::Name(_) | Self::Slot(_) | Self::Global(_) | Self::Type(_) => {}
            Self::Select { operand, .. }
            | Self::Has { operand, .. }
            | Self::Matches(operand, _)
            | Self::Not(operand)
            | Self::Negate(operand) => {
                visit(operand);
            }
            Self::Index { operand, index, .. } => {
                visit(operand);
                visit(index);
            }
            Self::Call { target, arguments, .. } => {
                target.iter().map(|t| &**t).chain(arguments).for_each(visit);
            }
            Self::List(entries) => entries.iter().for_each(|(entry, _)| visit(entry)),
            Self::Map(entries) => {
                entries.iter().flat_map(|(key, value, _)| [key, value]).for_each(visit);
            }
            Self::Message(made) => made.fields.iter().for_each(|field| visit(&field.value)),
            Self::All(terms) | Self::Any(terms) => terms.iter().for_each(visit),
            Self::Binary(_, pair) | Self::Fallback { pair, .. } => {
                [&pair.0, &pair.1].into_iter().for_each(visit);
            }
            Self::Conditional(parts) => [&parts.0, &parts.1, &parts.2].into_iter().for_each(visit),
            Self::Comprehension(inner) => {
                [&inner.range, &inner.body].into_iter().chain(&inner.filter).for_each(visit);
            }
            Self::OptionalMap(inner) => [&inner.operand, &inner.body].into_iter().for_each(visit),
        }
    }
}
