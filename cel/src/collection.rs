//! What a macro over a list or map collects.

use std::rc::Rc;

use crate::budget::Budget;
use crate::fault::Fault;
use crate::operators;
use crate::syntax::Collect;
use crate::value::{Outcome, Value};

/// What a comprehension has so far.
pub(crate) struct State<'a> {
    collect: Collect,
    pub(crate) list: Vec<Value<'a>>,
    pub(crate) map: Vec<(Value<'a>, Value<'a>)>,
    pub(crate) count: usize,
    decided: bool,
    failure: Option<Fault>,
}

impl<'a> State<'a> {
    pub(crate) const fn new(collect: Collect) -> Self {
        Self { collect, list: Vec::new(), map: Vec::new(), count: 0, decided: false, failure: None }
    }

    /// Takes the outcome of one entry of `all` or `exists`; whether to go on.
    pub(crate) fn decide(&mut self, body: Outcome<'a>) -> Result<bool, Fault> {
        match body.and_then(|value| value.truth()) {
            Ok(value) => self.decided = value == (self.collect == Collect::Exists),
            Err(Fault::Budget) => return Err(Fault::Budget),
            Err(fault) => self.failure = self.failure.take().or(Some(fault)),
        }
        Ok(!self.decided)
    }

    /// What the macro makes.
    pub(crate) fn finish(self, budget: &Budget) -> Outcome<'a> {
        Ok(match self.collect {
            Collect::All | Collect::Exists => {
                let exists = self.collect == Collect::Exists;
                match self.failure {
                    Some(fault) if !self.decided => return Err(fault),
                    _ => Value::Bool(self.decided == exists),
                }
            }
            Collect::ExistsOne => Value::Bool(self.count == 1),
            Collect::List | Collect::Filter => Value::list(self.list),
            Collect::Map | Collect::MapEntry => Value::Map(Rc::new(self.map)),
            Collect::SortBy => Value::list(operators::sorted_by(budget, self.map)?),
        })
    }
}
