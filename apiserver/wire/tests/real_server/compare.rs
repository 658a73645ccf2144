//! Comparing two JSON objects of which one has no zero values.

use serde_json::Value;

/// What differs every time one asks.
const VARIABLE: [&str; 3] = ["token", "expirationTimestamp", "creationTimestamp"];

/// Protobuf has no `apiVersion` and `kind` of an object inside another; the server adds these itself to JSON.
const ONLY_IN_JSON: [&str; 2] =
    [".spec.volumeClaimTemplates[0].apiVersion", ".spec.volumeClaimTemplates[0].kind"];

/// Where `object` says something else than `whole`, apart from zero values that it leaves out.
pub(crate) fn difference(whole: &Value, object: &Value) -> Option<String> {
    at("", whole, object)
}

/// The server lists these in another order every time.
const UNORDERED: [&str; 2] = [".status.resourceRules", ".status.nonResourceRules"];

fn at(path: &str, whole: &Value, object: &Value) -> Option<String> {
    match (whole, object) {
        (Value::Object(_), Value::Object(_)) => fields(path, whole, object),
        (Value::Array(all), Value::Array(elements)) if all.len() == elements.len() => {
            let (mut all, mut elements): (Vec<_>, Vec<_>) =
                (all.iter().collect(), elements.iter().collect());
            if UNORDERED.contains(&path) {
                all.sort_by_key(ToString::to_string);
                elements.sort_by_key(ToString::to_string);
            }
            let mut pairs = all.into_iter().zip(elements).enumerate();
            pairs.find_map(|(index, (one, other))| at(&format!("{path}[{index}]"), one, other))
        }
        _ if whole == object => None,
        _ => Some(format!("{path} is {object}, not {whole}")),
    }
}

fn fields(path: &str, whole: &Value, object: &Value) -> Option<String> {
    let (whole, object) = (whole.as_object()?, object.as_object()?);
    if let Some(name) = object.keys().find(|name| !whole.contains_key(*name)) {
        return Some(format!("{path}.{name} is {}, and should not be", object[name]));
    }
    whole.iter().find_map(|(name, expected)| match object.get(name) {
        Some(value) if VARIABLE.contains(&name.as_str()) => (value.is_string()
            != expected.is_string())
        .then(|| format!("{path}.{name} is {value}, not of the form of {expected}")),
        Some(value) => at(&format!("{path}.{name}"), expected, value),
        None if ONLY_IN_JSON.contains(&format!("{path}.{name}").as_str()) => None,
        None => (!is_zero(expected)).then(|| format!("{path}.{name} is missing: {expected}")),
    })
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.values().all(is_zero),
    }
}
