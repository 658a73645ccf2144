//! Macros over the entries of lists and maps.

use super::{Evaluator, Frame};
use crate::collection::State;
use crate::entries::{materialised, range_entry};
use crate::fault::Fault;
use crate::syntax::{Collect, Comprehension};
use crate::value::{Outcome, Value};

impl<'a> Evaluator<'a> {
    pub(super) fn comprehension(
        &self,
        frame: &mut Frame<'a>,
        inner: &'a Comprehension,
    ) -> Outcome<'a> {
        let range = materialised(self.budget, self.evaluate(frame, &inner.range)?)?;
        let two = inner.variables.len() == 2;
        let mut state = State::new(inner.collect);
        for at in 0.. {
            let Some((first, second)) = range_entry(&range, at, two)? else {
                break;
            };
            self.budget.take(1)?;
            frame.slots.push(first.clone());
            frame.slots.extend(second);
            let going = self.step(frame, inner, first, &mut state);
            frame.slots.truncate(inner.slot);
            if !going? {
                break;
            }
        }
        state.finish(self.budget)
    }

    /// One entry of a range; whether to go on.
    fn step(
        &self,
        frame: &mut Frame<'a>,
        inner: &'a Comprehension,
        first: Value<'a>,
        state: &mut State<'a>,
    ) -> Result<bool, Fault> {
        if let Some(filter) = &inner.filter
            && !self.evaluate(frame, filter)?.truth()?
        {
            return Ok(true);
        }
        let body = self.evaluate(frame, &inner.body);
        match inner.collect {
            Collect::All | Collect::Exists => return state.decide(body),
            Collect::ExistsOne => state.count += usize::from(body?.truth()?),
            Collect::List => state.list.push(body?),
            Collect::Filter => {
                if body?.truth()? {
                    state.list.push(first);
                }
            }
            Collect::Map => self.insert(&mut state.map, first, body?)?,
            Collect::MapEntry => self.insert_all(state, body?)?,
            Collect::SortBy => state.map.push((body?, first)),
        }
        Ok(true)
    }

    fn insert_all(&self, state: &mut State<'a>, entries: Value<'a>) -> Result<(), Fault> {
        let entries = materialised(self.budget, entries)?;
        for at in 0.. {
            let Some((key, value)) = range_entry(&entries, at, true)? else {
                break;
            };
            self.insert(&mut state.map, key, value.unwrap_or(Value::Null))?;
        }
        Ok(())
    }
}
