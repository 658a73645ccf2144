//! One operation of a patch. Its errors are those of the real server's library.

use serde_json::{Map, Value};

use super::OperationError;
use super::pointer::{MISSING, container, find, index, insert, take};

/// Most bytes that all `copy` operations may add, as JSON; the real server's default.
const MOST_COPIED: usize = 3 * 1024 * 1024;

/// An operation as it is written.
pub(super) struct Operation<'a> {
    pub(super) fields: &'a Map<String, Value>,
}

impl<'a> Operation<'a> {
    pub(super) fn apply(
        &self,
        object: &mut Value,
        copied: &mut usize,
    ) -> Result<(), OperationError> {
        let applied = match self.fields.get("op").and_then(Value::as_str).unwrap_or("unknown") {
            "add" => self.add(object),
            "remove" => self.remove(object),
            "replace" => self.replace(object),
            "move" => self.relocate(object),
            "copy" => self.copy(object, copied),
            "test" => return self.test(object),
            other => Err(format!("Unexpected kind: {other}")),
        };
        applied.map_err(OperationError::Unfit)
    }

    fn text(&self, operation: &str, name: &str) -> Result<&'a str, String> {
        let missing = if name == "from" {
            "operation, missing from field: missing value"
        } else if operation == "add" || operation == "remove" || operation == "copy" {
            MISSING
        } else {
            "operation missing path field: missing value"
        };
        let text = self.fields.get(name).and_then(Value::as_str);
        text.ok_or_else(|| format!("{operation} operation failed to decode {name}: {missing}"))
    }

    fn value(&self) -> Option<&'a Value> {
        self.fields.get("value")
    }

    fn add(&self, object: &mut Value) -> Result<(), String> {
        let path = self.text("add", "path")?;
        let Some((container, key)) = container(object, path) else {
            return Err(format!(
                "add operation does not apply: doc is missing path: \"{path}\": {MISSING}"
            ));
        };
        insert(container, &key, self.value().cloned().unwrap_or(Value::Null))
            .map_err(|error| format!("error in add for path: '{path}': {error}"))
    }

    fn remove(&self, object: &mut Value) -> Result<(), String> {
        let path = self.text("remove", "path")?;
        let Some((container, key)) = container(object, path) else {
            return Err(format!(
                "remove operation does not apply: doc is missing path: \"{path}\": {MISSING}"
            ));
        };
        take(container, &key)
            .map(drop)
            .map_err(|error| format!("error in remove for path: '{path}': {error}"))
    }

    fn replace(&self, object: &mut Value) -> Result<(), String> {
        let path = self.text("replace", "path")?;
        if path.is_empty() {
            return match self.value() {
                Some(value @ (Value::Object(_) | Value::Array(_))) => {
                    *object = value.clone();
                    Ok(())
                }
                _ => Err("replace operation value must be object or array: %!w(<nil>)".to_owned()),
            };
        }
        let Some((container, key)) = container(object, path) else {
            return Err(format!(
                "replace operation does not apply: doc is missing path: {path}: {MISSING}"
            ));
        };
        let value = self.value().cloned().unwrap_or(Value::Null);
        match container {
            Value::Object(map) => {
                map.insert(key, value);
            }
            Value::Array(items) => {
                match index(&key, items.len()).ok().and_then(|index| items.get_mut(index)) {
                    Some(slot) => *slot = value,
                    None => {
                        return Err(format!(
                            "replace operation does not apply: doc is missing key: {path}: {MISSING}"
                        ));
                    }
                }
            }
            _ => {
                return Err(format!(
                    "replace operation does not apply: doc is missing path: {path}: {MISSING}"
                ));
            }
        }
        Ok(())
    }

    fn relocate(&self, object: &mut Value) -> Result<(), String> {
        let from = self.text("move", "from")?;
        let Some((source, key)) = container(object, from) else {
            return Err(format!(
                "move operation does not apply: doc is missing from path: {from}: {MISSING}"
            ));
        };
        let value = take(source, &key)
            .map_err(|error| format!("error in move for path: '{key}': {error}"))?;
        let path = self.text("move", "path")?;
        let Some((target, key)) = container(object, path) else {
            return Err(format!(
                "move operation does not apply: doc is missing destination path: {path}: {MISSING}"
            ));
        };
        insert(target, &key, value)
            .map_err(|error| format!("error in move for path: '{path}': {error}"))
    }

    fn copy(&self, object: &mut Value, copied: &mut usize) -> Result<(), String> {
        let from = self.text("copy", "from")?;
        let Some((source, key)) = container(object, from) else {
            return Err(format!(
                "copy operation does not apply: doc is missing from path: {from}: {MISSING}"
            ));
        };
        let value = find(source, &key)
            .map_err(|error| format!("error in copy for from: '{from}': {error}"))?;
        *copied += value.map_or(0, |value| value.to_string().len());
        if *copied > MOST_COPIED {
            return Err(format!(
                "Unable to complete the copy, the accumulated size increase of copy is {copied}, exceeding the limit {MOST_COPIED}"
            ));
        }
        let value = value.cloned().unwrap_or(Value::Null);
        let path = self.text("copy", "path")?;
        let Some((target, key)) = container(object, path) else {
            return Err(format!(
                "copy operation does not apply: doc is missing destination path: {path}: {MISSING}"
            ));
        };
        insert(target, &key, value)
            .map_err(|error| format!("error while adding value during copy: {error}"))
    }

    fn test(&self, object: &mut Value) -> Result<(), OperationError> {
        let unfit = OperationError::Unfit;
        let path = self.text("test", "path").map_err(unfit)?;
        let failed = || OperationError::Test(format!("testing value {path} failed: test failed"));
        if path.is_empty() {
            return if self.value() == Some(object) { Ok(()) } else { Err(failed()) };
        }
        let Some((container, key)) = container(object, path) else {
            return Err(unfit(format!(
                "test operation does not apply: is missing path: {path}: {MISSING}"
            )));
        };
        let found = find(container, &key)
            .map_err(|error| unfit(format!("error in test for path: '{path}': {error}")))?;
        let found = found.filter(|found| !found.is_null());
        let wanted = self.value().filter(|value| !value.is_null());
        if found == wanted { Ok(()) } else { Err(failed()) }
    }
}
