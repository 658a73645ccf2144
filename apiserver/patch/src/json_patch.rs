//! JSON patch.

mod operation;
mod pointer;
mod read;

use operation::Operation;
use serde_json::{Map, Value};

use crate::patch_error::PatchError;

/// Deepest nesting of the result: what a JSON reader takes.
const DEEPEST: usize = 127;

/// Applies an RFC 6902 patch. Like the real server's library it counts negative array indices from the end, takes
/// `replace` and `test` of the whole document and lets `test` compare an absent field with null. The object may have
/// been changed in part where this fails.
///
/// # Errors
/// [`PatchError::Malformed`] if this is no patch, [`PatchError::TooMany`], [`PatchError::Unprocessable`] if an
/// operation does not fit the object.
pub fn json_patch(object: &mut Value, patch: &[u8]) -> Result<(), PatchError> {
    apply_operations(object, &read::operations(patch)?).map_err(|failed| match failed {
        OperationError::Test(why) | OperationError::Unfit(why) => PatchError::Unprocessable(why),
    })
}

/// Why an operation was not applied. The text is that of the real server's library.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OperationError {
    /// A `test` compared, and found something else.
    #[error("{0}")]
    Test(String),
    /// It does not fit the object.
    #[error("{0}")]
    Unfit(String),
}

/// Applies the operations of a JSON patch, as [`json_patch`] does.
///
/// # Errors
/// One does not fit the object, or is a `test` that fails. The object may have been changed in part.
pub fn apply_operations(
    object: &mut Value,
    operations: &[Map<String, Value>],
) -> Result<(), OperationError> {
    let mut copied = 0;
    for fields in operations {
        Operation { fields }.apply(object, &mut copied)?;
    }
    // A few `move`s nest an object deeper than any request could.
    if is_deeper_than(object, DEEPEST) {
        return Err(OperationError::Unfit(format!(
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

#[cfg(test)]
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
