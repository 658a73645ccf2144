//! YAML.

use meshroot_manifests::to_yaml;
use serde_json::Value;

use crate::failure::Failure;

/// Documents with `---` between them.
pub(crate) fn text(values: &[Value]) -> Result<String, Failure> {
    to_yaml(values)
        .map_err(|error| Failure::no(format!("the answer cannot be written as YAML: {error}")))
}
