//! A cluster, user or context of a kubeconfig.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::kube::connect::error::ConnectError;

/// What one name stands for, and in which file. An empty value is none, as for client-go.
pub(in crate::kube::connect) struct Entry {
    pub(in crate::kube::connect) name: String,
    section: &'static str,
    file: String,
    directory: PathBuf,
    fields: Map<String, Value>,
}

impl Entry {
    pub(super) fn new(
        file: &str,
        section: &'static str,
        name: &str,
        fields: Map<String, Value>,
        directory: Option<&Path>,
    ) -> Self {
        Self {
            name: name.to_owned(),
            section,
            file: file.to_owned(),
            directory: directory.unwrap_or(Path::new("")).to_owned(),
            fields,
        }
    }

    /// Whether the field says anything.
    pub(in crate::kube::connect) fn has(&self, field: &str) -> bool {
        self.value(field).is_some()
    }

    pub(super) fn text(&self, field: &str) -> Result<Option<String>, ConnectError> {
        match self.value(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(self.refused(field, "is not text; put it into quotes")),
        }
    }

    pub(super) fn flag(&self, field: &str) -> Result<bool, ConnectError> {
        match self.value(field) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            // YAML 1.1, which client-go reads, has these too.
            Some(Value::String(text)) if matches!(text.as_str(), "yes" | "on") => Ok(true),
            Some(Value::String(text)) if matches!(text.as_str(), "no" | "off") => Ok(false),
            Some(_) => Err(self.refused(field, "is neither true nor false")),
        }
    }

    /// A path, from the directory of the kubeconfig on.
    pub(super) fn path(&self, field: &str) -> Result<Option<PathBuf>, ConnectError> {
        Ok(self.text(field)?.map(|path| self.beside(&path)))
    }

    /// `path`, from the directory of the kubeconfig on.
    pub(super) fn beside(&self, path: &str) -> PathBuf {
        self.directory.join(path)
    }

    /// The bytes that `FIELD-data` holds or else the file that `FIELD` names.
    pub(super) fn data(&self, field: &str) -> Result<Option<Vec<u8>>, ConnectError> {
        let inline = format!("{field}-data");
        if let Some(base64) = self.text(&inline)? {
            let base64: String = base64.split_ascii_whitespace().collect();
            let decoded = STANDARD.decode(base64);
            return decoded.map(Some).map_err(|_| self.refused(&inline, "is not base64"));
        }
        let Some(path) = self.path(field)? else { return Ok(None) };
        std::fs::read(&path).map(Some).map_err(|error| {
            self.refused(field, format!("names {}, which cannot be read: {error}", path.display()))
        })
    }

    /// A fault of what [`Entry::data`] gave.
    pub(super) fn refused_data(&self, field: &str, problem: &str) -> ConnectError {
        let inline = format!("{field}-data");
        self.refused(if self.has(&inline) { &inline } else { field }, problem)
    }

    /// A field of several fields.
    pub(super) fn object<T: DeserializeOwned>(
        &self,
        field: &str,
    ) -> Result<Option<T>, ConnectError> {
        let Some(value) = self.value(field) else { return Ok(None) };
        let read = serde_json::from_value(without_nulls(value));
        // What serde says may quote a secret.
        read.map(Some).map_err(|_| self.refused(field, NOT_AS_KUBECTL))
    }

    /// All of its fields.
    pub(super) fn whole<T: DeserializeOwned>(&self) -> Result<T, ConnectError> {
        let fields = without_nulls(&Value::Object(self.fields.clone()));
        let kind = self.section.trim_end_matches('s');
        serde_json::from_value(fields).map_err(|_| self.refused(kind, NOT_AS_KUBECTL))
    }

    /// A fault of this field.
    pub(super) fn refused(&self, field: &str, problem: impl Into<String>) -> ConnectError {
        ConnectError::Field {
            file: self.file.clone(),
            field: format!("{}[{}].{field}", self.section, self.name),
            problem: problem.into(),
        }
    }

    fn value(&self, field: &str) -> Option<&Value> {
        self.fields.get(field).filter(|value| !value.is_null() && value.as_str() != Some(""))
    }
}

const NOT_AS_KUBECTL: &str = "does not have the form that kubectl writes";

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let given = fields.iter().filter(|(_, value)| !value.is_null());
            given.map(|(field, value)| (field.clone(), without_nulls(value))).collect()
        }
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}
