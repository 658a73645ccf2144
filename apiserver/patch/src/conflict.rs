//! Fields that another manager owns with another value.

use std::fmt;

use apiserver_object::go_text;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::writer::Operation;

/// One manager's fields that an apply would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The other manager.
    pub manager: String,
    /// How it wrote.
    pub operation: Operation,
    /// The version in which it wrote.
    pub api_version: String,
    /// Through which subresource; empty for the object itself.
    pub subresource: String,
    /// When it wrote.
    pub time: Option<Timestamp>,
    /// Its fields: `.spec.replicas`, `.metadata.labels.app`, `.spec.list[name="x"].y`.
    pub fields: Vec<String>,
}

impl fmt::Display for Conflict {
    /// The manager as the real server names it: `"kubectl" using v1`, `"x" with subresource "status"`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", go_text::quoted(&self.manager))?;
        if !self.subresource.is_empty() {
            write!(formatter, " with subresource {}", go_text::quoted(&self.subresource))?;
        }
        if self.operation == Operation::Update {
            write!(formatter, " using {}", self.api_version)?;
        }
        Ok(())
    }
}

/// All conflicts of one apply, sorted by manager; never empty (409, `Conflict`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflicts(pub Vec<Conflict>);

impl Conflicts {
    /// `Status.message`.
    pub fn message(&self) -> String {
        let count: usize = self.0.iter().map(|conflict| conflict.fields.len()).sum();
        if let ([conflict], 1) = (self.0.as_slice(), count) {
            let field = conflict.fields.first().map_or("", String::as_str);
            return format!("Apply failed with 1 conflict: conflict with {conflict}: {field}");
        }
        let mut lines = Vec::with_capacity(count + self.0.len());
        for conflict in &self.0 {
            lines.push(format!("conflicts with {conflict}:"));
            lines.extend(conflict.fields.iter().map(|field| format!("- {field}")));
        }
        format!("Apply failed with {count} conflicts: {}", lines.join("\n"))
    }

    /// `Status.details.causes`.
    pub fn causes(&self) -> Vec<Value> {
        let one = |conflict: &Conflict, field: &String| json!({"reason": "FieldManagerConflict", "message": format!("conflict with {conflict}"), "field": field});
        self.0
            .iter()
            .flat_map(|conflict| conflict.fields.iter().map(move |field| one(conflict, field)))
            .collect()
    }
}

impl fmt::Display for Conflicts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message())
    }
}

impl std::error::Error for Conflicts {}
