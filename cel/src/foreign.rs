//! The Kubernetes function library of the `kube-cel` crate: URLs, addresses, quantities, versions, formats, strings.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use kube_cel::KubeCelExt as _;
use kube_cel::cel::{Context, ExecutionError, Program, Value as CelValue, objects};

use crate::budget::{Budget, Fault};
use crate::evaluator::Outcome;
use crate::operators::{list_entries, materialised, shown};
use crate::signatures::Callee;
use crate::value::Value;

static LIBRARY: LazyLock<Context<'static>> = LazyLock::new(|| Context::default().with_all());

/// Largest width or precision in the text of `format`.
const WIDEST: usize = 100;

/// What the real server says of a text that is no quantity.
const NO_QUANTITY: &str =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// The callee of a function of the library.
pub(crate) fn callee(name: &str, member: bool, arguments: usize) -> Callee {
    let mut source = if member { format!("a0.{name}(") } else { format!("{name}(") };
    let first = usize::from(member);
    for at in first..first + arguments {
        let comma = if at == first { "" } else { ", " };
        let _ = write!(source, "{comma}a{at}");
    }
    source.push(')');
    Program::compile(&source)
        .map_or(Callee::Unresolved, |program| Callee::Foreign(Arc::new(program)))
}

/// Calls a function of the library.
pub(crate) fn call<'a>(
    budget: &Budget,
    name: &str,
    program: &Program,
    values: &[Value<'a>],
) -> Outcome<'a> {
    if name == "format" {
        bounded_format(&values[0])?;
    }
    let mut context = LIBRARY.new_inner_scope();
    for (at, value) in values.iter().enumerate() {
        context
            .add_variable_from_value(format!("a{at}"), outward(budget, value, name == "format")?);
    }
    budget.take(20)?;
    let made = program.execute(&context).map_err(|error| match name {
        "quantity" => Fault::new(NO_QUANTITY),
        _ => fault(&error),
    })?;
    let made = inward(budget, made)?;
    Ok(match made {
        Value::Null if name == "format.named" => Value::Optional(None),
        made if name == "format.named" => Value::some(made),
        made => made,
    })
}

/// `string` of a value that the library made.
pub(crate) fn text<'a>(budget: &Budget, value: &Value<'a>) -> Outcome<'a> {
    static STRING: LazyLock<Callee> = LazyLock::new(|| callee("string", false, 1));
    match &*STRING {
        Callee::Foreign(program) => call(budget, "string", program, std::slice::from_ref(value)),
        _ => Err(Fault::overload()),
    }
}

/// Refuses widths that would make a short text huge.
fn bounded_format(format: &Value<'_>) -> Result<(), Fault> {
    let Value::String(format) = format else {
        return Err(Fault::overload());
    };
    let mut numbers =
        format.as_str().split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    if numbers.any(|digits| digits.parse::<usize>().map_or(true, |number| number > WIDEST))
        && format.as_str().contains("%.")
    {
        return Err(Fault::new(format!(
            "could not parse formatting clause: precision exceeds {WIDEST}"
        )));
    }
    Ok(())
}

fn fault(error: &ExecutionError) -> Fault {
    Fault::new(match error {
        ExecutionError::FunctionError { message, .. } => message.clone(),
        ExecutionError::NoSuchOverload
        | ExecutionError::UnexpectedType { .. }
        | ExecutionError::UnsupportedTargetType { .. } => "no such overload".to_owned(),
        other => other.to_string(),
    })
}

fn outward(budget: &Budget, value: &Value<'_>, words: bool) -> Result<CelValue, Fault> {
    budget.take(1)?;
    Ok(match value {
        Value::Null => CelValue::Null,
        Value::Bool(flag) => CelValue::Bool(*flag),
        Value::Int(number) => CelValue::Int(*number),
        Value::Uint(number) => CelValue::UInt(*number),
        Value::Double(number) => CelValue::Float(*number),
        Value::String(text) => {
            budget.take_bytes(text.as_str().len())?;
            CelValue::String(Arc::new(text.as_str().to_owned()))
        }
        Value::Bytes(bytes) => {
            budget.take_bytes(bytes.len())?;
            CelValue::Bytes(Arc::new(bytes.to_vec()))
        }
        Value::Foreign(value) => value.clone(),
        Value::JsonList(..) | Value::List(_) => {
            let entries = list_entries(value).unwrap_or_default();
            let entries = entries
                .iter()
                .map(|entry| outward(budget, entry, words))
                .collect::<Result<Vec<_>, _>>()?;
            CelValue::List(Arc::new(entries))
        }
        Value::JsonMap(..) | Value::Map(_) => outward_map(budget, value, words)?,
        Value::Timestamp(_) | Value::Duration(_) | Value::Type(_) if words => {
            CelValue::String(Arc::new(shown(value)))
        }
        _ => return Err(Fault::overload()),
    })
}

fn outward_map(budget: &Budget, value: &Value<'_>, words: bool) -> Result<CelValue, Fault> {
    let Value::Map(entries) = materialised(budget, value.clone())? else {
        return Err(Fault::overload());
    };
    let mut map = HashMap::with_capacity(entries.len());
    for (key, value) in entries.iter() {
        let key = match key {
            Value::Int(number) => objects::Key::Int(*number),
            Value::Uint(number) => objects::Key::Uint(*number),
            Value::Bool(flag) => objects::Key::Bool(*flag),
            Value::String(text) => objects::Key::String(Arc::new(text.as_str().to_owned())),
            _ => return Err(Fault::overload()),
        };
        map.insert(key, outward(budget, value, words)?);
    }
    Ok(CelValue::Map(objects::Map { map: Arc::new(map) }))
}

fn inward<'a>(budget: &Budget, value: CelValue) -> Outcome<'a> {
    budget.take(1)?;
    Ok(match value {
        CelValue::Null => Value::Null,
        CelValue::Bool(flag) => Value::Bool(flag),
        CelValue::Int(number) => Value::Int(number),
        CelValue::UInt(number) => Value::Uint(number),
        CelValue::Float(number) => Value::Double(number),
        CelValue::String(text) => {
            budget.take_bytes(text.len())?;
            Value::made(text.as_str())
        }
        CelValue::Bytes(bytes) => Value::Bytes(Rc::from(bytes.as_slice())),
        CelValue::List(entries) => {
            let entries = entries.iter().map(|entry| inward(budget, entry.clone()));
            Value::list(entries.collect::<Result<_, _>>()?)
        }
        CelValue::Map(map) => Value::Map(Rc::new(inward_map(budget, &map)?)),
        opaque @ CelValue::Opaque(_) => match <&objects::OptionalValue>::try_from(&opaque) {
            Ok(optional) => match optional.value() {
                Some(inner) => Value::some(inward(budget, inner.clone())?),
                None => Value::Optional(None),
            },
            Err(_) => Value::Foreign(opaque),
        },
        _ => return Err(Fault::overload()),
    })
}

fn inward_map<'a>(
    budget: &Budget,
    map: &objects::Map,
) -> Result<Vec<(Value<'a>, Value<'a>)>, Fault> {
    let mut entries = Vec::with_capacity(map.map.len());
    for (key, value) in map.map.iter() {
        let key = match key {
            objects::Key::Int(number) => Value::Int(*number),
            objects::Key::Uint(number) => Value::Uint(*number),
            objects::Key::Bool(flag) => Value::Bool(*flag),
            objects::Key::String(text) => Value::made(text.as_str()),
        };
        entries.push((key, inward(budget, value.clone())?));
    }
    Ok(entries)
}
