//! Lists as sets (cel-go, extension `sets`).

use crate::comparison::holds;
use crate::fault::Fault;
use crate::function::{Call, Function};
use crate::value::{Outcome, Value};

const TEST: &str = "list(A), list(A) -> bool";

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("sets.contains", TEST, |call| includes(call, 0, 1).map(Value::Bool)),
    Function::global("sets.equivalent", TEST, |call| {
        Ok(Value::Bool(includes(call, 1, 0)? && includes(call, 0, 1)?))
    }),
    Function::global("sets.intersects", TEST, intersects),
];

/// Whether the list at `whole` holds all entries of the one at `part`.
fn includes(call: &Call<'_, '_>, whole: usize, part: usize) -> Result<bool, Fault> {
    let whole = call.list(whole)?;
    for entry in call.list(part)? {
        if !holds(call.budget, &whole, &entry)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn intersects<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let whole = call.list(0)?;
    for entry in call.list(1)? {
        if holds(call.budget, &whole, &entry)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}
