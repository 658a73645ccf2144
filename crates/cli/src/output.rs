//! How answers are written.

pub(crate) mod json;
pub(crate) mod sheet;
pub(crate) mod table;
pub(crate) mod yaml;

use serde_json::Value;

use crate::failure::Failure;

/// How to write the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For people with wide screens.
    Wide,
    /// For programs.
    Json,
    /// For programs and kubectl.
    Yaml,
}

impl Format {
    /// Whether the answer is for people.
    pub(crate) fn is_table(self) -> bool {
        matches!(self, Self::Table | Self::Wide)
    }

    /// One value as JSON or YAML; tables are made by whoever knows the columns.
    pub(crate) fn text(self, value: &Value) -> Result<String, Failure> {
        if self == Self::Yaml { yaml::text(std::slice::from_ref(value)) } else { json::text(value) }
    }
}

/// A list as kubectl writes it.
pub(crate) fn list(items: Vec<Value>) -> Value {
    serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": Value::Array(items) })
}
