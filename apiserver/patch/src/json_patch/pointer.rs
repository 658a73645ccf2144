//! Places in an object (RFC 6901).

use std::fmt;

use apiserver_object::go_text;
use serde_json::Value;

/// What the real server's library says of an absent path.
pub(super) const MISSING: &str = "missing value";

/// The container that a pointer's last part is in, and that part.
pub(super) fn container<'v>(object: &'v mut Value, path: &str) -> Option<(&'v mut Value, String)> {
    let mut parts = path.split('/').skip(1).peekable();
    parts.peek()?;
    let mut container = object;
    loop {
        let part = unescape(parts.next()?);
        if parts.peek().is_none() {
            return Some((container, part))
                .filter(|(container, _)| container.is_object() || container.is_array());
        }
        container = match container {
            Value::Object(map) => map.get_mut(&part)?,
            Value::Array(items) => {
                let index = index(&part, items.len()).ok()?;
                items.get_mut(index)?
            }
            _ => return None,
        };
    }
}

fn unescape(part: &str) -> String {
    if part.contains('~') { part.replace("~1", "/").replace("~0", "~") } else { part.to_owned() }
}

/// Why a part of a pointer is no index of a list.
pub(super) enum IndexError {
    NoNumber(String),
    Outside(i64),
}

impl fmt::Display for IndexError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNumber(key) => {
                write!(formatter, "strconv.Atoi: parsing {}: invalid syntax", go_text::quoted(key))
            }
            Self::Outside(index) => {
                write!(
                    formatter,
                    "Unable to access invalid index: {index}: invalid index referenced"
                )
            }
        }
    }
}

/// An array index; negative ones count from the end.
pub(super) fn index(key: &str, length: usize) -> Result<usize, IndexError> {
    let number: i64 = key.parse().map_err(|_| IndexError::NoNumber(key.to_owned()))?;
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let place = if number < 0 { number.saturating_add(length) } else { number };
    usize::try_from(place).map_err(|_| IndexError::Outside(number))
}

pub(super) fn find<'v>(container: &'v Value, key: &str) -> Result<Option<&'v Value>, String> {
    match container {
        Value::Object(map) => Ok(map.get(key)),
        Value::Array(items) => {
            let place = index(key, items.len()).map_err(|error| error.to_string())?;
            let missing =
                || format!("Unable to access invalid index: {place}: invalid index referenced");
            items.get(place).map(Some).ok_or_else(missing)
        }
        _ => Ok(None),
    }
}

pub(super) fn insert(container: &mut Value, key: &str, value: Value) -> Result<(), String> {
    match container {
        Value::Object(map) => {
            map.insert(key.to_owned(), value);
        }
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let place = index(key, items.len() + 1).map_err(|error| match error {
                IndexError::NoNumber(_) => {
                    format!("value was not a proper array index: '{key}': {error}")
                }
                IndexError::Outside(_) => error.to_string(),
            })?;
            if place > items.len() {
                return Err(format!(
                    "Unable to access invalid index: {place}: invalid index referenced"
                ));
            }
            items.insert(place, value);
        }
        _ => return Err(MISSING.to_owned()),
    }
    Ok(())
}

pub(super) fn take(container: &mut Value, key: &str) -> Result<Value, String> {
    match container {
        Value::Object(map) => map
            .remove(key)
            .ok_or_else(|| format!("Unable to remove nonexistent key: {key}: {MISSING}")),
        Value::Array(items) => {
            let place = index(key, items.len()).map_err(|error| error.to_string())?;
            if place >= items.len() {
                return Err(format!(
                    "Unable to access invalid index: {place}: invalid index referenced"
                ));
            }
            Ok(items.remove(place))
        }
        _ => Err(MISSING.to_owned()),
    }
}
