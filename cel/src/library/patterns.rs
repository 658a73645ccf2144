//! Regular expressions: `matches` of the language, `find` and `findAll` of Kubernetes.

use crate::function::{Call, Function};
use crate::pattern::matches;
use crate::value::{Outcome, Value};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("matches", "string, string -> bool", is_match),
    Function::member("matches", "string, string -> bool", is_match),
    Function::member("find", "string, string -> string", find),
    Function::member(
        "findAll",
        "string, string -> list(string); string, string, int -> list(string)",
        find_all,
    ),
];

fn is_match<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let pattern = call.patterns.compiled(call.budget, call.text(1)?)?;
    matches(call.budget, call.text(0)?, &pattern).map(Value::Bool)
}

fn find<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let (text, pattern) = (call.text(0)?, call.patterns.compiled(call.budget, call.text(1)?)?);
    matches(call.budget, text, &pattern)?;
    Ok(Value::made(pattern.find(text).map_or("", |found| found.as_str())))
}

fn find_all<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let (text, pattern) = (call.text(0)?, call.patterns.compiled(call.budget, call.text(1)?)?);
    let most = usize::try_from(call.optional_int(2)?.unwrap_or(-1)).unwrap_or(usize::MAX);
    matches(call.budget, text, &pattern)?;
    call.budget.take(text.len() as u64)?;
    let found = pattern.find_iter(text).take(most);
    Ok(Value::list(found.map(|found| Value::made(found.as_str())).collect()))
}
