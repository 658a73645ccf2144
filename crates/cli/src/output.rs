//! How answers are written.

pub mod json;
pub mod sheet;
pub mod table;
pub mod yaml;

use serde_json::Value;

use crate::failure::Failure;

pub use sheet::Sheet;
pub use table::Table;

/// How to write the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
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
    pub fn is_table(self) -> bool {
        matches!(self, Self::Table | Self::Wide)
    }

    /// One value as JSON or YAML; tables are made by whoever knows the columns.
    pub fn text(self, value: &Value) -> Result<String, Failure> {
        if self == Self::Yaml { yaml::text(std::slice::from_ref(value)) } else { json::text(value) }
    }
}

/// A list as kubectl writes it.
pub fn list(items: Vec<Value>) -> Value {
    serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": Value::Array(items) })
}
