//! JSON patch.

use apiserver_object::go_text;
use serde_json::{Map, Value};

use crate::patch_error::PatchError;

/// Most operations of one patch.
const MOST_OPERATIONS: usize = 10_000;
/// Most bytes that all `copy` operations may add, as JSON; the real server's default.
const MOST_COPIED: usize = 3 * 1024 * 1024;
/// Deepest nesting of the result: what a JSON reader takes.
const DEEPEST: usize = 127;
/// What the real server's library says of an absent path.
const MISSING: &str = "missing value";

/// Applies an RFC 6902 patch. Like the real server's library it counts negative array indices from the end, takes
/// `replace` and `test` of the whole document and lets `test` compare an absent field with null. The object may have
/// been changed in part where this fails.
///
/// # Errors
/// [`PatchError::Malformed`] if this is no patch, [`PatchError::TooMany`], [`PatchError::Unprocessable`] if an
/// operation does not fit the object.
pub fn json_patch(object: &mut Value, patch: &[u8]) -> Result<(), PatchError> {
    let mut copied = 0;
    for operation in &read(patch)? {
        Operation { fields: operation }
            .apply(object, &mut copied)
            .map_err(PatchError::Unprocessable)?;
    }
    // A few `move`s nest an object deeper than any request could.
    if is_deeper_than(object, DEEPEST) {
        return Err(PatchError::Unprocessable(format!(
            "the result is nested deeper than {DEEPEST} levels"
        )));
    }
    Ok(())
}

/// Without recursion: the depth is the client's choice.
fn is_deeper_than(value: &Value, limit: usize) -> bool {
    let mut left = vec![(value, 1)];
    while let Some((value, depth)) = left.pop() {
        if depth > limit {
            return true;
        }
        match value {
            Value::Array(items) => left.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(map) => left.extend(map.values().map(|value| (value, depth + 1))),
            _ => {}
        }
    }
    false
}

fn read(patch: &[u8]) -> Result<Vec<Map<String, Value>>, PatchError> {
    let malformed = |error: &str| PatchError::Malformed(format!("error decoding patch: {error}"));
    let value: Value = serde_json::from_slice(patch)
        .map_err(|_| PatchError::Malformed("invalid JSON patch".to_owned()))?;
    let operations = match value {
        Value::Array(operations) => operations,
        Value::Null => Vec::new(),
        other => return Err(malformed(&not_a("[]handlers.jsonPatchOp", &other))),
    };
    if operations.len() > MOST_OPERATIONS {
        return Err(PatchError::TooMany { limit: MOST_OPERATIONS, found: operations.len() });
    }
    let one = |operation| match operation {
        Value::Object(fields) => match misshapen_field(&fields) {
            Some(text) => Err(malformed(&text)),
            None => Ok(fields),
        },
        Value::Null => Ok(Map::new()),
        other => Err(malformed(&not_a("handlers.jsonPatchOp", &other))),
    };
    operations.into_iter().map(one).collect()
}

/// `op`, `path` and `from` are strings.
fn misshapen_field(operation: &Map<String, Value>) -> Option<String> {
    let field =
        |name: &&str| operation.get(*name).filter(|value| !value.is_string() && !value.is_null());
    let name = ["op", "path", "from"].into_iter().find(|name| field(name).is_some())?;
    let found = go_text::json_kind(field(&name)?);
    Some(format!(
        "json: cannot unmarshal {found} into Go struct field jsonPatchOp.{name} of type string"
    ))
}

fn not_a(what: &str, value: &Value) -> String {
    format!("json: cannot unmarshal {} into Go value of type {what}", go_text::json_kind(value))
}

struct Operation<'a> {
    fields: &'a Map<String, Value>,
}

impl<'a> Operation<'a> {
    fn apply(&self, object: &mut Value, copied: &mut usize) -> Result<(), String> {
        match self.fields.get("op").and_then(Value::as_str).unwrap_or("unknown") {
            "add" => self.add(object),
            "remove" => self.remove(object),
            "replace" => self.replace(object),
            "move" => self.relocate(object),
            "copy" => self.copy(object, copied),
            "test" => self.test(object),
            other => Err(format!("Unexpected kind: {other}")),
        }
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

    fn test(&self, object: &mut Value) -> Result<(), String> {
        let path = self.text("test", "path")?;
        let failed = || format!("testing value {path} failed: test failed");
        if path.is_empty() {
            return if self.value() == Some(object) { Ok(()) } else { Err(failed()) };
        }
        let Some((container, key)) = container(object, path) else {
            return Err(format!(
                "test operation does not apply: is missing path: {path}: {MISSING}"
            ));
        };
        let found = find(container, &key)
            .map_err(|error| format!("error in test for path: '{path}': {error}"))?;
        let found = found.filter(|found| !found.is_null());
        let wanted = self.value().filter(|value| !value.is_null());
        if found == wanted { Ok(()) } else { Err(failed()) }
    }
}

/// The container that a pointer's last part is in, and that part.
fn container<'v>(object: &'v mut Value, path: &str) -> Option<(&'v mut Value, String)> {
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

/// An array index; negative ones count from the end.
fn index(key: &str, length: usize) -> Result<usize, String> {
    let invalid =
        |index: i64| format!("Unable to access invalid index: {index}: invalid index referenced");
    let number: i64 = key
        .parse()
        .map_err(|_| format!("strconv.Atoi: parsing {}: invalid syntax", go_text::quoted(key)))?;
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let place = if number < 0 { number.saturating_add(length) } else { number };
    usize::try_from(place).map_err(|_| invalid(number))
}

fn find<'v>(container: &'v Value, key: &str) -> Result<Option<&'v Value>, String> {
    match container {
        Value::Object(map) => Ok(map.get(key)),
        Value::Array(items) => {
            let place = index(key, items.len())?;
            let missing =
                || format!("Unable to access invalid index: {place}: invalid index referenced");
            items.get(place).map(Some).ok_or_else(missing)
        }
        _ => Ok(None),
    }
}

fn insert(container: &mut Value, key: &str, value: Value) -> Result<(), String> {
    match container {
        Value::Object(map) => {
            map.insert(key.to_owned(), value);
        }
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let place = index(key, items.len() + 1).map_err(|error| {
                if error.starts_with("strconv") {
                    format!("value was not a proper array index: '{key}': {error}")
                } else {
                    error
                }
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

fn take(container: &mut Value, key: &str) -> Result<Value, String> {
    match container {
        Value::Object(map) => map
            .remove(key)
            .ok_or_else(|| format!("Unable to remove nonexistent key: {key}: {MISSING}")),
        Value::Array(items) => {
            let place = index(key, items.len())?;
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::{PatchError, json_patch};

    fn patched(mut object: Value, patch: &Value) -> Result<Value, PatchError> {
        json_patch(&mut object, patch.to_string().as_bytes()).map(|()| object)
    }

    fn reason(object: Value, patch: &Value) -> String {
        match patched(object, patch) {
            Err(PatchError::Unprocessable(why)) => why,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn operations_are_applied_in_their_order() {
        let patch = json!([
            {"op": "add", "path": "/list/1", "value": 9},
            {"op": "copy", "from": "/list/1", "path": "/copied"},
            {"op": "move", "from": "/list/-1", "path": "/moved"},
            {"op": "replace", "path": "/a~1b", "value": null},
            {"op": "test", "path": "/list", "value": [1, 9]},
            {"op": "remove", "path": "/gone"},
        ]);
        let object = json!({"list": [1, 2], "a/b": 1, "gone": 1});
        let wanted = json!({"list": [1, 9], "copied": 9, "moved": 2, "a/b": null});
        assert_eq!(patched(object, &patch), Ok(wanted));
    }

    #[test]
    fn an_operation_that_does_not_fit_says_why() {
        let cases = [
            (
                json!({"op": "test", "path": "/a", "value": 2}),
                "testing value /a failed: test failed",
            ),
            (
                json!({"op": "add", "path": "/x/y"}),
                "add operation does not apply: doc is missing path: \"/x/y\": missing value",
            ),
            (
                json!({"op": "add", "path": ""}),
                "add operation does not apply: doc is missing path: \"\": missing value",
            ),
            (
                json!({"op": "remove", "path": "/x"}),
                "error in remove for path: '/x': Unable to remove nonexistent key: x: missing value",
            ),
            (
                json!({"op": "add", "path": "/list/5"}),
                "error in add for path: '/list/5': Unable to access invalid index: 5: invalid index referenced",
            ),
            (
                json!({"op": "remove", "path": "/list/-3"}),
                "error in remove for path: '/list/-3': Unable to access invalid index: -3: invalid index referenced",
            ),
            (
                json!({"op": "replace", "path": "/list/2"}),
                "replace operation does not apply: doc is missing key: /list/2: missing value",
            ),
            (json!({"op": "frob"}), "Unexpected kind: frob"),
            (json!({"path": "/a"}), "Unexpected kind: unknown"),
            (
                json!({"op": "copy", "from": "/x/y", "path": "/a"}),
                "copy operation does not apply: doc is missing from path: /x/y: missing value",
            ),
        ];
        for (operation, why) in cases {
            assert_eq!(reason(json!({"a": 1, "list": [1, 2]}), &json!([operation])), why);
        }
    }

    #[test]
    fn what_is_no_patch_is_malformed() {
        for patch in [&b"[{"[..], b"{}", b"5", b"[5]", b"[{\"op\":5}]"] {
            assert!(matches!(json_patch(&mut json!({}), patch), Err(PatchError::Malformed(_))));
        }
        assert_eq!(json_patch(&mut json!({}), b"null"), Ok(()));
    }

    #[test]
    fn copies_and_moves_cannot_grow_an_object_without_limit() {
        let double = json!({"op": "copy", "from": "/a", "path": "/a/-"});
        let patch = Value::Array((0..64).map(|_| double.clone()).collect());
        let why = reason(json!({"a": ["x"]}), &patch);
        assert!(why.starts_with("Unable to complete the copy"), "{why}");
        let nest = [
            json!({"op": "add", "path": "/b", "value": {}}),
            json!({"op": "move", "from": "/a", "path": "/b/a"}),
            json!({"op": "move", "from": "/b", "path": "/a"}),
        ];
        let patch = Value::Array((0..3000).flat_map(|_| nest.clone()).collect());
        assert_eq!(reason(json!({"a": 1}), &patch), "the result is nested deeper than 127 levels");
    }

    #[test]
    fn a_patch_of_more_than_ten_thousand_operations_is_refused() {
        let patch = Value::Array(vec![json!({"op": "add", "path": "/a", "value": 1}); 10_001]);
        assert_eq!(patched(json!({}), &patch).unwrap_err().code(), 413);
    }
}
