//! Lists (cel-go, extension `lists`, version 3; Kubernetes, library of lists).

use std::cmp::Ordering;

use crate::comparison::{equal, holds, order};
use crate::entries::list_entries;
use crate::fault::Fault;
use crate::function::{Call, Function};
use crate::operators::{apply, sorted_by};
use crate::syntax::Binary;
use crate::value::{Outcome, Value};

const ORDERED: &str = "list(int) -> int; list(uint) -> uint; list(double) -> double; list(bool) -> bool; \
    list(duration) -> duration; list(timestamp) -> timestamp; list(string) -> string; list(bytes) -> bytes";
const SORTED: &str = "list(int) -> list(int); list(uint) -> list(uint); list(double) -> list(double); \
    list(bool) -> list(bool); list(duration) -> list(duration); list(timestamp) -> list(timestamp); \
    list(string) -> list(string); list(bytes) -> list(bytes)";
const TESTED: &str = "list(int) -> bool; list(uint) -> bool; list(double) -> bool; list(bool) -> bool; \
    list(duration) -> bool; list(timestamp) -> bool; list(string) -> bool; list(bytes) -> bool";
const ADDED: &str = "list(int) -> int; list(uint) -> uint; list(double) -> double; \
    list(duration) -> duration";

pub(super) const FUNCTIONS: &[Function] = &[
    Function::member("isSorted", TESTED, is_sorted),
    Function::member("sort", SORTED, sort),
    Function::member("min", ORDERED, |call| extreme(call, "min", Ordering::is_lt)),
    Function::member("max", ORDERED, |call| extreme(call, "max", Ordering::is_gt)),
    Function::member("sum", ADDED, sum),
    Function::member("indexOf", "list(A), A -> int", |call| search(call, false)),
    Function::member("lastIndexOf", "list(A), A -> int", |call| search(call, true)),
    Function::member("slice", "list(A), int, int -> list(A)", slice),
    Function::member("reverse", "list(A) -> list(A)", reverse),
    Function::member("distinct", "list(A) -> list(A)", distinct),
    Function::member("flatten", "list(list(A)) -> list(A); list(dyn), int -> list(dyn)", flatten),
    Function::global("lists.range", "int -> list(int)", range),
];

fn is_sorted<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    for pair in call.list(0)?.windows(2) {
        if order(call.budget, &pair[0], &pair[1])?.is_gt() {
            return Ok(Value::Bool(false));
        }
    }
    Ok(Value::Bool(true))
}

fn sort<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let pairs = call.list(0)?.into_iter().map(|entry| (entry.clone(), entry)).collect();
    Ok(Value::list(sorted_by(call.budget, pairs)?))
}

fn extreme<'a>(call: &Call<'_, 'a>, name: &str, better: fn(Ordering) -> bool) -> Outcome<'a> {
    let mut best: Option<Value<'a>> = None;
    for entry in call.list(0)? {
        best = Some(match best {
            Some(best) if !better(order(call.budget, &entry, &best)?) => best,
            _ => entry,
        });
    }
    best.ok_or_else(|| Fault::new(format!("{name} called on empty list")))
}

fn sum<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let mut entries = call.list(0)?.into_iter();
    let Some(first) = entries.next() else {
        return Ok(Value::Int(0));
    };
    if matches!(first, Value::String(_) | Value::Bytes(_)) {
        return Err(Fault::overload());
    }
    entries.try_fold(first, |total, entry| apply(call.budget, Binary::Add, &total, &entry))
}

/// Where the first or the last entry stands that is equal to the value.
fn search<'a>(call: &Call<'_, 'a>, last: bool) -> Outcome<'a> {
    let entries = call.list(0)?;
    for step in 0..entries.len() {
        let at = if last { entries.len() - 1 - step } else { step };
        if equal(call.budget, &entries[at], &call.values[1])? {
            return Ok(Value::count(at));
        }
    }
    Ok(Value::Int(-1))
}

fn slice<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let (entries, start, end) = (call.list(0)?, call.int(1)?, call.int(2)?);
    let fault = |why: &str| Fault::new(format!("cannot slice({start}, {end}), {why}"));
    let (Ok(from), Ok(to)) = (usize::try_from(start), usize::try_from(end)) else {
        return Err(fault("negative indexes not supported"));
    };
    if from > to {
        return Err(fault("start index must be less than or equal to end index"));
    }
    match entries.get(from..to) {
        Some(part) => Ok(Value::list(part.to_vec())),
        None => Err(fault(&format!("list is length {}", entries.len()))),
    }
}

fn reverse<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let mut entries = call.list(0)?;
    entries.reverse();
    Ok(Value::list(entries))
}

fn distinct<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let mut distinct: Vec<Value<'a>> = Vec::new();
    for entry in call.list(0)? {
        if !holds(call.budget, &distinct, &entry)? {
            distinct.push(entry);
        }
    }
    Ok(Value::list(distinct))
}

fn flatten<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let depth = u64::try_from(call.optional_int(1)?.unwrap_or(1))
        .map_err(|_| Fault::new("level must be non-negative"))?;
    let mut flat = Vec::new();
    flatten_into(&mut flat, call, call.list(0)?, depth)?;
    Ok(Value::list(flat))
}

/// Lists are as deep as an expression or an object, both of which are bounded.
fn flatten_into<'a>(
    flat: &mut Vec<Value<'a>>,
    call: &Call<'_, 'a>,
    entries: Vec<Value<'a>>,
    depth: u64,
) -> Result<(), Fault> {
    call.budget.take(entries.len() as u64)?;
    for entry in entries {
        match list_entries(&entry).filter(|_| depth > 0) {
            Some(inner) => flatten_into(flat, call, inner, depth - 1)?,
            None => flat.push(entry),
        }
    }
    Ok(())
}

fn range<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let end = call.int(0)?;
    call.budget.take(u64::try_from(end).unwrap_or(0))?;
    Ok(Value::list((0..end).map(Value::Int).collect()))
}
