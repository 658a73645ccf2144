//! Walks a checked expression.

mod comprehension;
mod construction;
mod selection;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use crate::budget::Budget;
use crate::comparison::equal;
use crate::entries::{list_entry, list_length};
use crate::fault::Fault;
use crate::function::{Call, Functions, Host};
use crate::operators;
use crate::pattern::{Patterns, matches};
use crate::program::Program;
use crate::syntax::{Binary, Expression, FunctionIndex, Literal, Node, OptionalMap};
use crate::value::{Outcome, Value};

/// A named expression that others may use.
#[derive(Debug)]
pub struct Variable {
    /// The name.
    pub name: String,
    /// The expression.
    pub program: Program,
}

/// Evaluates programs over one set of values.
pub struct Evaluator<'a> {
    globals: Vec<Option<Value<'a>>>,
    variables: &'a [Variable],
    /// Each variable is evaluated once, when it is first used.
    known: RefCell<Vec<Option<Outcome<'a>>>>,
    host: Option<&'a dyn Host>,
    budget: &'a Budget,
    patterns: Patterns,
    depth: Cell<usize>,
}

/// Deepest nesting of evaluations, variables within variables included, so that none exhausts the stack.
const DEPTH: usize = 350;

/// What belongs to one program: its functions, and the variables of the macros that are being evaluated.
struct Frame<'a> {
    functions: &'a Functions,
    slots: Vec<Value<'a>>,
}

impl<'a> Evaluator<'a> {
    /// `globals` by position in the environment that the programs were compiled with.
    pub fn new(globals: Vec<Option<Value<'a>>>, budget: &'a Budget) -> Self {
        let (known, patterns) = (RefCell::default(), Patterns::default());
        Self { globals, variables: &[], known, host: None, budget, patterns, depth: Cell::new(0) }
    }

    /// The same with variables, each of which is evaluated once, when it is first used, and a host.
    #[must_use]
    pub fn with(mut self, variables: &'a [Variable], host: &'a dyn Host) -> Self {
        self.known = RefCell::new(vec![None; variables.len()]);
        self.variables = variables;
        self.host = Some(host);
        self
    }

    /// Replaces one global.
    pub fn set_global(&mut self, position: usize, value: Option<Value<'a>>) {
        self.globals[position] = value;
    }

    /// Evaluates a program within the steps that one expression may take.
    ///
    /// # Errors
    /// The expression asks for what is not there or not possible, or takes more steps than it may.
    pub fn run(&self, program: &'a Program) -> Outcome<'a> {
        self.budget.begin();
        self.program(program)
    }

    fn program(&self, program: &'a Program) -> Outcome<'a> {
        let mut frame = Frame { functions: program.functions, slots: Vec::new() };
        self.evaluate(&mut frame, &program.expression)
    }

    fn evaluate(&self, frame: &mut Frame<'a>, expression: &'a Expression) -> Outcome<'a> {
        self.budget.take(1)?;
        let depth = self.depth.get();
        if depth >= DEPTH {
            return Err(Fault::Budget);
        }
        self.depth.set(depth + 1);
        let outcome = self.node(frame, &expression.node);
        self.depth.set(depth);
        match outcome {
            Ok(Value::Broken(message)) => Err(Fault::new(&*message)),
            outcome => outcome,
        }
    }

    fn node(&self, frame: &mut Frame<'a>, node: &'a Node) -> Outcome<'a> {
        match node {
            Node::Literal(literal) => Ok(literal_value(literal)),
            Node::Slot(slot) => frame.slots.get(*slot).cloned().ok_or_else(Fault::overload),
            Node::Global(position) => self.global(*position),
            Node::Type(name) => Ok(Value::Type(Rc::from(*name))),
            Node::Select { operand, field, optional } => {
                self.select(&self.evaluate(frame, operand)?, field, *optional)
            }
            Node::Has { operand, field } => {
                let operand = self.evaluate(frame, operand)?;
                Ok(Value::Bool(self.has(&operand, field)?))
            }
            Node::Index { operand, index, optional } => {
                let operand = self.evaluate(frame, operand)?;
                self.index(&operand, &self.evaluate(frame, index)?, *optional)
            }
            Node::Call { target, arguments, function: Some(function), .. } => {
                self.call(frame, target.as_deref(), arguments, *function)
            }
            Node::Call { name, .. } | Node::Name(name) => {
                Err(Fault::new(format!("no such attribute(s): {name}")))
            }
            Node::List(entries) => self.list(frame, entries),
            Node::Map(entries) => self.map(frame, entries),
            Node::Message(made) => self.message(frame, made),
            Node::Comprehension(inner) => self.comprehension(frame, inner),
            Node::OptionalMap(inner) => self.optional_map(frame, inner),
            node => self.operator(frame, node),
        }
    }

    fn operator(&self, frame: &mut Frame<'a>, node: &'a Node) -> Outcome<'a> {
        match node {
            Node::Not(operand) => Ok(Value::Bool(!self.evaluate(frame, operand)?.truth()?)),
            Node::Negate(operand) => operators::negate(&self.evaluate(frame, operand)?),
            Node::All(terms) => self.terms(frame, terms, false),
            Node::Any(terms) => self.terms(frame, terms, true),
            Node::Binary(operator, pair) => self.binary(frame, *operator, pair),
            Node::Conditional(parts) => {
                let condition = self.evaluate(frame, &parts.0)?.truth()?;
                self.evaluate(frame, if condition { &parts.1 } else { &parts.2 })
            }
            Node::Matches(text, pattern) => match self.evaluate(frame, text)? {
                Value::String(text) => {
                    matches(self.budget, text.as_str(), pattern).map(Value::Bool)
                }
                _ => Err(Fault::overload()),
            },
            Node::Fallback { pair, unwrap } => self.fallback(frame, pair, *unwrap),
            _ => Err(Fault::overload()),
        }
    }

    fn global(&self, position: usize) -> Outcome<'a> {
        let value = self.globals.get(position).cloned().flatten();
        value.ok_or_else(|| Fault::new("no such attribute(s)"))
    }

    /// `&&` and `||`: one term that decides does so even where others fail.
    fn terms(&self, frame: &mut Frame<'a>, terms: &'a [Expression], decisive: bool) -> Outcome<'a> {
        let mut failure = None;
        for term in terms {
            match self.evaluate(frame, term).and_then(|value| value.truth()) {
                Ok(value) if value == decisive => return Ok(Value::Bool(decisive)),
                Ok(_) => {}
                Err(Fault::Budget) => return Err(Fault::Budget),
                Err(fault) => failure = failure.or(Some(fault)),
            }
        }
        failure.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    fn binary(
        &self,
        frame: &mut Frame<'a>,
        operator: Binary,
        pair: &'a (Expression, Expression),
    ) -> Outcome<'a> {
        let (left, right) = (self.evaluate(frame, &pair.0)?, self.evaluate(frame, &pair.1)?);
        match operator {
            Binary::Equal => Ok(Value::Bool(equal(self.budget, &left, &right)?)),
            Binary::Unequal => Ok(Value::Bool(!equal(self.budget, &left, &right)?)),
            Binary::In => self.contains(&left, &right),
            _ => operators::apply(self.budget, operator, &left, &right),
        }
    }

    fn contains(&self, entry: &Value<'a>, within: &Value<'a>) -> Outcome<'a> {
        let Some(length) = list_length(within) else {
            return match within {
                Value::JsonMap(..) | Value::Map(_) => {
                    Ok(Value::Bool(self.entry(within, entry)?.is_some()))
                }
                _ => Err(Fault::overload()),
            };
        };
        for at in 0..length {
            let candidate = list_entry(within, at).ok_or_else(Fault::overload)?;
            if equal(self.budget, &candidate, entry)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }

    fn call(
        &self,
        frame: &mut Frame<'a>,
        target: Option<&'a Expression>,
        arguments: &'a [Expression],
        function: FunctionIndex,
    ) -> Outcome<'a> {
        let mut values = Vec::with_capacity(arguments.len() + 1);
        for argument in target.into_iter().chain(arguments) {
            values.push(self.evaluate(frame, argument)?);
        }
        let (budget, patterns, host) = (self.budget, &self.patterns, self.host);
        frame.functions.call(function, &Call { values: &values, budget, patterns, host })
    }

    /// `or` and `orValue` evaluate what they fall back to only where they do.
    fn fallback(
        &self,
        frame: &mut Frame<'a>,
        pair: &'a (Expression, Expression),
        unwrap: bool,
    ) -> Outcome<'a> {
        match self.evaluate(frame, &pair.0)? {
            Value::Optional(None) => self.evaluate(frame, &pair.1),
            Value::Optional(Some(inner)) if unwrap => Ok((*inner).clone()),
            value @ Value::Optional(_) => Ok(value),
            _ => Err(Fault::overload()),
        }
    }

    fn optional_map(&self, frame: &mut Frame<'a>, inner: &'a OptionalMap) -> Outcome<'a> {
        let value = match self.evaluate(frame, &inner.operand)? {
            Value::Optional(None) => return Ok(Value::Optional(None)),
            Value::Optional(Some(value)) => (*value).clone(),
            _ => return Err(Fault::overload()),
        };
        frame.slots.push(value);
        let body = self.evaluate(frame, &inner.body);
        frame.slots.truncate(inner.slot);
        match body? {
            value @ Value::Optional(_) if inner.flat => Ok(value),
            _ if inner.flat => Err(Fault::overload()),
            value => Ok(Value::some(value)),
        }
    }
}

fn literal_value(literal: &Literal) -> Value<'_> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(flag) => Value::Bool(*flag),
        Literal::Int(number) => Value::Int(*number),
        Literal::Uint(number) => Value::Uint(*number),
        Literal::Double(number) => Value::Double(*number),
        Literal::String(text) => Value::borrowed(text),
        Literal::Bytes(bytes) => Value::Bytes(Rc::from(&**bytes)),
    }
}
