//! JSON.

use serde_json::Value;

use crate::failure::Failure;

/// Indented, one line feed at the end.
pub(crate) fn text(value: &Value) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n")
        .map_err(|error| Failure::no(format!("the answer cannot be written as JSON: {error}")))
}
