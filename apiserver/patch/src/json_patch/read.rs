//! Reads the operations of a patch.

use apiserver_object::go_text;
use serde_json::{Map, Value};

use crate::patch_error::PatchError;

/// Most operations of one patch.
const MOST_OPERATIONS: usize = 10_000;

/// The operations, refused as the real server refuses them.
pub(super) fn operations(patch: &[u8]) -> Result<Vec<Map<String, Value>>, PatchError> {
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
