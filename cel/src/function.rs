//! Functions that expressions may call.

use std::collections::HashMap;
use std::rc::Rc;

use crate::budget::Budget;
use crate::entries::list_entries;
use crate::fault::Fault;
use crate::pattern::Patterns;
use crate::signature::{Signature, result_of};
use crate::syntax::FunctionIndex;
use crate::types::Type;
use crate::value::{Opaque, Outcome, Value};

/// Answers what expressions ask and cannot know by themselves.
pub trait Host {
    /// The answer to a question; `None` where it is not for this host.
    fn answer(&self, question: &dyn Opaque) -> Option<Rc<dyn Opaque>>;
}

/// One call of a function.
pub struct Call<'c, 'a> {
    /// The receiver, if there is one, and the arguments.
    pub values: &'c [Value<'a>],
    /// What bounds the evaluation.
    pub budget: &'a Budget,
    pub(crate) patterns: &'c Patterns,
    pub(crate) host: Option<&'a dyn Host>,
}

/// What runs a call. It takes the steps that depend on its arguments.
pub type Run = for<'c, 'a> fn(&Call<'c, 'a>) -> Outcome<'a>;

/// A function of a library. Another library may have one of the same name that takes other types.
pub struct Function {
    name: &'static str,
    member: bool,
    overloads: &'static str,
    literal: fn(&str) -> bool,
    run: Run,
}

/// The functions of some libraries.
#[derive(Default)]
pub struct Functions {
    entries: Vec<Vec<Body>>,
    by_name: HashMap<(&'static str, bool), FunctionIndex>,
}

struct Body {
    signatures: Vec<Signature>,
    function: &'static Function,
}

impl Function {
    /// A function without a receiver. `overloads`: `string -> int; list(A), A -> int`, where a letter is any type.
    pub const fn global(name: &'static str, overloads: &'static str, run: Run) -> Self {
        Self { name, member: false, overloads, literal: |_| true, run }
    }

    /// A function with a receiver, which is the first of its parameters.
    pub const fn member(name: &'static str, overloads: &'static str, run: Run) -> Self {
        Self { name, member: true, overloads, literal: |_| true, run }
    }

    /// The same, for which an expression does not compile where its last argument is a text that is not accepted.
    #[must_use]
    pub const fn checking(mut self, literal: fn(&str) -> bool) -> Self {
        self.literal = literal;
        self
    }
}

impl Functions {
    /// All functions of the libraries.
    pub fn new(libraries: &[&'static [Function]]) -> Self {
        let mut functions = Self::default();
        for function in libraries.iter().copied().flatten() {
            let next = FunctionIndex(functions.entries.len());
            let index = *functions.by_name.entry((function.name, function.member)).or_insert(next);
            if index == next {
                functions.entries.push(Vec::new());
            }
            let signatures = Signature::read(function.overloads).collect();
            functions.entries[index.0].push(Body { signatures, function });
        }
        functions
    }

    /// Whether there is a function of this name, with or without a receiver.
    pub(crate) fn knows(&self, name: &str) -> bool {
        [true, false].iter().any(|member| self.find(name, *member).is_some())
    }

    pub(crate) fn find(&self, name: &str, member: bool) -> Option<FunctionIndex> {
        self.by_name.get(&(name, member)).copied()
    }

    /// The type of a call with arguments of these types, if the function takes them.
    pub(crate) fn result(&self, index: FunctionIndex, arguments: &[Type]) -> Option<Type> {
        result_of(self.entries[index.0].iter().flat_map(|body| &body.signatures), arguments)
    }

    /// Whether the function accepts a text that stands in the expression.
    pub(crate) fn accepts(&self, index: FunctionIndex, literal: &str) -> bool {
        self.entries[index.0].iter().all(|body| (body.function.literal)(literal))
    }

    pub(crate) fn call<'a>(&self, index: FunctionIndex, call: &Call<'_, 'a>) -> Outcome<'a> {
        let bodies = &self.entries[index.0];
        let takes = |body: &&Body| {
            bodies.len() == 1 || body.signatures.iter().any(|one| one.takes(call.values))
        };
        let body = bodies.iter().find(takes).ok_or_else(Fault::overload)?;
        (body.function.run)(call)
    }
}

impl<'c, 'a> Call<'c, 'a> {
    fn value(&self, at: usize) -> Result<&'c Value<'a>, Fault> {
        self.values.get(at).ok_or_else(Fault::overload)
    }

    /// A value that is a text.
    ///
    /// # Errors
    /// It is something else.
    pub fn text(&self, at: usize) -> Result<&'c str, Fault> {
        match self.value(at)? {
            Value::String(text) => Ok(text.as_str()),
            _ => Err(Fault::overload()),
        }
    }

    /// A value that is a signed integer.
    ///
    /// # Errors
    /// It is something else.
    pub fn int(&self, at: usize) -> Result<i64, Fault> {
        match self.value(at)? {
            Value::Int(number) => Ok(*number),
            _ => Err(Fault::overload()),
        }
    }

    /// The same where it is given; `None` where the call is shorter.
    pub(crate) fn optional_int(&self, at: usize) -> Result<Option<i64>, Fault> {
        if at < self.values.len() { self.int(at).map(Some) } else { Ok(None) }
    }

    /// The entries of a list, for the steps of looking at each.
    ///
    /// # Errors
    /// The value is something else, or the steps are spent.
    pub fn list(&self, at: usize) -> Result<Vec<Value<'a>>, Fault> {
        let entries = list_entries(self.value(at)?).ok_or_else(Fault::overload)?;
        self.budget.take(entries.len() as u64)?;
        Ok(entries)
    }

    /// A value of a library's type.
    ///
    /// # Errors
    /// It is something else.
    pub fn opaque<T: 'static>(&self, at: usize) -> Result<&'c T, Fault> {
        match self.value(at)? {
            Value::Opaque(opaque) => opaque.downcast().ok_or_else(Fault::overload),
            _ => Err(Fault::overload()),
        }
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
}
