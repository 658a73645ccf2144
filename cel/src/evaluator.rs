//! Walks a checked expression.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use regex::Regex;

use crate::budget::{Budget, Fault};
use crate::collection::State;
use crate::comparison::equal;
use crate::operators;
use crate::program::Program;
use crate::signatures::Callee;
use crate::syntax::{Binary, Collect, Comprehension, Expression, Literal, Node, OptionalMap};
use crate::value::{Opaque, Shape, Value};
use crate::{foreign, natives, patterns};

/// Outcome of evaluating a part.
pub type Outcome<'a> = Result<Value<'a>, Fault>;

/// Answers what expressions ask and cannot know by themselves.
pub trait Host {
    /// The answer to a question; `None` where it is not for this host.
    fn answer(&self, question: &dyn Opaque) -> Option<Rc<dyn Opaque>>;
}

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
    pub(crate) budget: &'a Budget,
    patterns: RefCell<HashMap<String, Regex>>,
    depth: Cell<usize>,
}

/// Deepest nesting of evaluations, variables within variables included, so that none exhausts the stack.
const DEPTH: usize = 350;

type Slots<'a> = Vec<Value<'a>>;

impl<'a> Evaluator<'a> {
    /// `globals` by position in the environment that the programs were compiled with.
    pub fn new(globals: Vec<Option<Value<'a>>>, budget: &'a Budget) -> Self {
        let (known, patterns) = (RefCell::default(), RefCell::default());
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

    /// Asks the host, which takes steps.
    ///
    /// # Errors
    /// There is no host that answers, or the steps are spent.
    pub fn ask(&self, question: &dyn Opaque, steps: u64) -> Outcome<'a> {
        let host = self.host.ok_or_else(Fault::overload)?;
        self.budget.take(steps)?;
        host.answer(question).map(Value::Opaque).ok_or_else(Fault::overload)
    }

    /// Replaces one global.
    pub fn set_global(&mut self, position: usize, value: Option<Value<'a>>) {
        self.globals[position] = value;
    }

    /// Evaluates a program within the steps that one expression may take.
    pub fn run(&self, program: &'a Program) -> Outcome<'a> {
        self.budget.begin();
        self.evaluate(&mut Vec::new(), &program.expression)
    }

    fn evaluate(&self, slots: &mut Slots<'a>, expression: &'a Expression) -> Outcome<'a> {
        self.budget.take(1)?;
        let depth = self.depth.get();
        if depth >= DEPTH {
            return Err(Fault::Budget);
        }
        self.depth.set(depth + 1);
        let outcome = self.node(slots, expression);
        self.depth.set(depth);
        outcome
    }

    fn node(&self, slots: &mut Slots<'a>, expression: &'a Expression) -> Outcome<'a> {
        let value = match &expression.node {
            Node::Literal(literal) => literal_value(literal),
            Node::Slot(slot) => slots.get(*slot).cloned().ok_or_else(Fault::overload)?,
            Node::Global(position) => self.global(*position)?,
            Node::Type(name) => Value::Type(Rc::from(*name)),
            Node::Select { operand, field, optional } => {
                self.select(slots, operand, field, *optional)?
            }
            Node::Has { operand, field } => {
                let operand = self.evaluate(slots, operand)?;
                Value::Bool(self.field(&operand, field)?.is_some())
            }
            Node::Index { operand, index, optional } => {
                let (operand, index) =
                    (self.evaluate(slots, operand)?, self.evaluate(slots, index)?);
                self.index(&operand, &index, *optional)?
            }
            Node::Call { target, arguments, callee, name } => {
                return self.call(slots, target.as_deref(), arguments, callee, name);
            }
            Node::List(entries) => self.list(slots, entries)?,
            Node::Map(entries) => self.map(slots, entries)?,
            Node::Not(operand) => Value::Bool(!truth(&self.evaluate(slots, operand)?)?),
            Node::Negate(operand) => operators::negate(&self.evaluate(slots, operand)?)?,
            Node::All(terms) => self.terms(slots, terms, false)?,
            Node::Any(terms) => self.terms(slots, terms, true)?,
            Node::Binary(operator, pair) => self.binary(slots, *operator, pair)?,
            Node::Conditional(parts) => {
                let branch =
                    if truth(&self.evaluate(slots, &parts.0)?)? { &parts.1 } else { &parts.2 };
                return self.evaluate(slots, branch);
            }
            Node::Comprehension(inner) => return self.comprehension(slots, inner),
            Node::OptionalMap(inner) => return self.optional_map(slots, inner),
            Node::Name(name) | Node::Message(name) => return Err(undeclared(name)),
        };
        match value {
            Value::Broken(message) => Err(Fault::new(&*message)),
            value => Ok(value),
        }
    }

    fn global(&self, position: usize) -> Outcome<'a> {
        self.globals
            .get(position)
            .cloned()
            .flatten()
            .ok_or_else(|| Fault::new("no such attribute(s)"))
    }

    fn select(
        &self,
        slots: &mut Slots<'a>,
        operand: &'a Expression,
        field: &'a str,
        optional: bool,
    ) -> Outcome<'a> {
        let operand = self.evaluate(slots, operand)?;
        if let Value::Optional(inner) = &operand {
            let found = match inner {
                Some(inner) => self.field(inner, field)?,
                None => None,
            };
            return Ok(found.map_or(Value::Optional(None), wrapped));
        }
        let found = self.field(&operand, field)?;
        match (found, optional) {
            (Some(found), false) => Ok(found),
            (found, true) => Ok(Value::Optional(found.map(Rc::new))),
            (None, false) => Err(no_such_key(field)),
        }
    }

    /// A field, if it is there.
    fn field(&self, operand: &Value<'a>, field: &str) -> Result<Option<Value<'a>>, Fault> {
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

    fn variable(&self, name: &str) -> Result<Option<Value<'a>>, Fault> {
        let Some(position) = self.variables.iter().position(|variable| variable.name == name)
        else {
            return Ok(None);
        };
        if let Some(known) = &self.known.borrow()[position] {
            return known.clone().map(Some);
        }
        let variable = &self.variables[position];
        let outcome = self.evaluate(&mut Vec::new(), &variable.program.expression).map_err(
            |fault| match fault {
                Fault::Evaluation(message) => {
                    Fault::new(format!("composited variable {name:?} fails to evaluate: {message}"))
                }
                Fault::Budget => Fault::Budget,
            },
        );
        self.known.borrow_mut()[position] = Some(outcome.clone());
        outcome.map(Some)
    }

    fn index(&self, operand: &Value<'a>, index: &Value<'a>, optional: bool) -> Outcome<'a> {
        if let Value::Optional(inner) = operand {
            let found = match inner {
                Some(inner) => self.entry(inner, index)?,
                None => None,
            };
            return Ok(found.map_or(Value::Optional(None), wrapped));
        }
        match (self.entry(operand, index)?, optional) {
            (found, true) => Ok(Value::Optional(found.map(Rc::new))),
            (Some(found), false) => Ok(found),
            (None, false) => Err(missing(operand, index)),
        }
    }

    fn entry(&self, operand: &Value<'a>, index: &Value<'a>) -> Result<Option<Value<'a>>, Fault> {
        if let Some(length) = operators::list_length(operand) {
            let position = operators::position(index)?;
            return Ok(position
                .filter(|at| *at < length)
                .and_then(|at| operators::list_entry(operand, at)));
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

    fn list(&self, slots: &mut Slots<'a>, entries: &'a [(Expression, bool)]) -> Outcome<'a> {
        let mut made = Vec::with_capacity(entries.len());
        for (entry, optional) in entries {
            let value = self.evaluate(slots, entry)?;
            made.extend(if *optional { optional_value(value)? } else { Some(value) });
        }
        Ok(Value::list(made))
    }

    fn map(
        &self,
        slots: &mut Slots<'a>,
        entries: &'a [(Expression, Expression, bool)],
    ) -> Outcome<'a> {
        let mut made: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(entries.len());
        for (key, value, optional) in entries {
            let (key, value) = (self.evaluate(slots, key)?, self.evaluate(slots, value)?);
            let Some(value) = (if *optional { optional_value(value)? } else { Some(value) }) else {
                continue;
            };
            self.insert(&mut made, key, value)?;
        }
        Ok(Value::Map(Rc::new(made)))
    }

    fn insert(
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
                return Err(Fault::new(format!(
                    "insert failed: key {} already exists",
                    operators::shown(&key)
                )));
            }
        }
        map.push((key, value));
        Ok(())
    }

    /// `&&` and `||`: one term that decides does so even where others fail.
    fn terms(&self, slots: &mut Slots<'a>, terms: &'a [Expression], decisive: bool) -> Outcome<'a> {
        let mut failure = None;
        for term in terms {
            match self.evaluate(slots, term).and_then(|value| truth(&value)) {
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
        slots: &mut Slots<'a>,
        operator: Binary,
        pair: &'a (Expression, Expression),
    ) -> Outcome<'a> {
        let (left, right) = (self.evaluate(slots, &pair.0)?, self.evaluate(slots, &pair.1)?);
        match operator {
            Binary::Equal => Ok(Value::Bool(equal(self.budget, &left, &right)?)),
            Binary::Unequal => Ok(Value::Bool(!equal(self.budget, &left, &right)?)),
            Binary::In => self.contains(&left, &right),
            _ => operators::apply(self.budget, operator, &left, &right),
        }
    }

    fn contains(&self, entry: &Value<'a>, within: &Value<'a>) -> Outcome<'a> {
        let Some(length) = operators::list_length(within) else {
            return match within {
                Value::JsonMap(..) | Value::Map(_) => {
                    Ok(Value::Bool(self.entry(within, entry)?.is_some()))
                }
                _ => Err(Fault::overload()),
            };
        };
        for at in 0..length {
            let candidate = operators::list_entry(within, at).ok_or_else(Fault::overload)?;
            if equal(self.budget, &candidate, entry)? {
                return Ok(Value::Bool(true));
            }
        }
        Ok(Value::Bool(false))
    }

    fn call(
        &self,
        slots: &mut Slots<'a>,
        target: Option<&'a Expression>,
        arguments: &'a [Expression],
        callee: &'a Callee,
        name: &'a str,
    ) -> Outcome<'a> {
        if matches!((name, target, arguments), ("or" | "orValue", Some(_), [_])) {
            return self.or(slots, target, &arguments[0], name == "orValue");
        }
        let mut values = Vec::with_capacity(arguments.len() + 1);
        for argument in target.into_iter().chain(arguments) {
            values.push(self.evaluate(slots, argument)?);
        }
        let value = match callee {
            Callee::Native(native) => native(self, &values),
            Callee::Matches(pattern) => match &values[0] {
                Value::String(text) => natives::matches(self.budget, text.as_str(), pattern),
                _ => Err(Fault::overload()),
            },
            Callee::Foreign(program) => foreign::call(self.budget, name, program, &values),
            Callee::Unresolved => Err(undeclared(name)),
        }?;
        Ok(value)
    }

    /// `or` and `orValue` evaluate what they fall back to only where they do.
    fn or(
        &self,
        slots: &mut Slots<'a>,
        target: Option<&'a Expression>,
        other: &'a Expression,
        unwrap: bool,
    ) -> Outcome<'a> {
        let target = target.ok_or_else(Fault::overload)?;
        match self.evaluate(slots, target)? {
            Value::Optional(None) => self.evaluate(slots, other),
            Value::Optional(Some(inner)) if unwrap => Ok((*inner).clone()),
            value @ Value::Optional(_) => Ok(value),
            _ => Err(Fault::overload()),
        }
    }

    fn optional_map(&self, slots: &mut Slots<'a>, inner: &'a OptionalMap) -> Outcome<'a> {
        let value = match self.evaluate(slots, &inner.operand)? {
            Value::Optional(None) => return Ok(Value::Optional(None)),
            Value::Optional(Some(value)) => (*value).clone(),
            _ => return Err(Fault::overload()),
        };
        slots.push(value);
        let body = self.evaluate(slots, &inner.body);
        slots.truncate(inner.slot);
        match body? {
            value @ Value::Optional(_) if inner.flat => Ok(value),
            _ if inner.flat => Err(Fault::overload()),
            value => Ok(Value::some(value)),
        }
    }

    fn comprehension(&self, slots: &mut Slots<'a>, inner: &'a Comprehension) -> Outcome<'a> {
        let range = operators::materialised(self.budget, self.evaluate(slots, &inner.range)?)?;
        let two = inner.variables.len() == 2;
        let mut state = State::new(inner.collect);
        for at in 0.. {
            let Some((first, second)) = operators::range_entry(&range, at, two)? else {
                break;
            };
            self.budget.take(1)?;
            slots.push(first.clone());
            slots.extend(second);
            let going = self.step(slots, inner, first, &mut state);
            slots.truncate(inner.slot);
            if !going? {
                break;
            }
        }
        state.finish(self.budget)
    }

    /// One entry of a range; whether to go on.
    fn step(
        &self,
        slots: &mut Slots<'a>,
        inner: &'a Comprehension,
        first: Value<'a>,
        state: &mut State<'a>,
    ) -> Result<bool, Fault> {
        if let Some(filter) = &inner.filter
            && !truth(&self.evaluate(slots, filter)?)?
        {
            return Ok(true);
        }
        let body = self.evaluate(slots, &inner.body);
        match inner.collect {
            Collect::All | Collect::Exists => return state.decide(body),
            Collect::ExistsOne => state.count += usize::from(truth(&body?)?),
            Collect::List => state.list.push(body?),
            Collect::Filter => {
                if truth(&body?)? {
                    state.list.push(first);
                }
            }
            Collect::Map => self.insert(&mut state.map, first, body?)?,
            Collect::MapEntry => {
                let body = operators::materialised(self.budget, body?)?;
                for at in 0.. {
                    let Some((key, value)) = operators::range_entry(&body, at, true)? else {
                        break;
                    };
                    self.insert(&mut state.map, key, value.unwrap_or(Value::Null))?;
                }
            }
            Collect::SortBy => state.map.push((body?, first)),
        }
        Ok(true)
    }

    /// A pattern that is not known beforehand, compiled once per evaluation.
    pub(crate) fn pattern(&self, pattern: &str) -> Result<Regex, Fault> {
        if let Some(known) = self.patterns.borrow().get(pattern) {
            return Ok(known.clone());
        }
        self.budget.take(10_000 + pattern.len() as u64 * 20)?;
        let compiled = patterns::compile(pattern, patterns::MADE).map_err(Fault::new)?;
        self.patterns.borrow_mut().insert(pattern.to_owned(), compiled.clone());
        Ok(compiled)
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

/// The value is a boolean.
pub(crate) fn truth(value: &Value<'_>) -> Result<bool, Fault> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        _ => Err(Fault::overload()),
    }
}

/// An optional of the value; one that is an optional already stays as it is.
fn wrapped(value: Value<'_>) -> Value<'_> {
    match value {
        Value::Optional(_) => value,
        value => Value::some(value),
    }
}

fn optional_value(value: Value<'_>) -> Result<Option<Value<'_>>, Fault> {
    match value {
        Value::Optional(inner) => Ok(inner.map(|inner| (*inner).clone())),
        _ => Err(Fault::overload()),
    }
}

fn no_such_key(key: &str) -> Fault {
    Fault::new(format!("no such key: {key}"))
}

fn undeclared(name: &str) -> Fault {
    Fault::new(format!("no such attribute(s): {name}"))
}

fn missing(operand: &Value<'_>, index: &Value<'_>) -> Fault {
    match operators::list_length(operand) {
        Some(_) => Fault::new(format!("index out of bounds: {}", operators::shown(index))),
        None => no_such_key(&operators::shown(index)),
    }
}
