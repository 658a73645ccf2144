//! Sizes, types and parts of texts (CEL specification, "Standard Definitions").

use std::rc::Rc;

use crate::entries::list_length;
use crate::fault::Fault;
use crate::function::{Call, Function};
use crate::value::{Outcome, Value};

const SIZES: &str = "string -> int; bytes -> int; list(A) -> int; map(A, B) -> int";
const TEST: &str = "string, string -> bool";

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global("size", SIZES, size),
    Function::member("size", SIZES, size),
    Function::member("contains", TEST, |call| test(call, |text, part| text.contains(part))),
    Function::member("startsWith", TEST, |call| test(call, |text, part| text.starts_with(part))),
    Function::member("endsWith", TEST, |call| test(call, |text, part| text.ends_with(part))),
    Function::global("dyn", "A -> dyn", |call| Ok(call.values[0].clone())),
    Function::global("type", "A -> type", |call| {
        Ok(Value::Type(Rc::from(call.values[0].type_name())))
    }),
];

fn size<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let size = match &call.values[0] {
        Value::String(text) => {
            call.budget.take_bytes(text.as_str().len())?;
            text.as_str().chars().count()
        }
        Value::Bytes(bytes) => bytes.len(),
        Value::JsonMap(map, _) => map.len(),
        Value::Map(entries) => entries.len(),
        list => list_length(list).ok_or_else(Fault::overload)?,
    };
    Ok(Value::count(size))
}

fn test<'a>(call: &Call<'_, 'a>, test: fn(&str, &str) -> bool) -> Outcome<'a> {
    let (whole, part) = (call.text(0)?, call.text(1)?);
    call.budget.take_bytes(whole.len())?;
    Ok(Value::Bool(test(whole, part)))
}
