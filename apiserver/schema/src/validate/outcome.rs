//! What a validation found.

use std::collections::HashSet;

use apiserver_object::{Fault, FieldError, Path, field, go_text};
use serde_json::Value;

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    fault: Fault,
    /// Where, relative to the validated value; empty for the value itself.
    name: String,
    value: Option<Value>,
    /// What makes it the same as another: Kubernetes compares words and ignores what it has said before.
    message: String,
    /// The words to show where they are not the message.
    detail: Option<String>,
}

/// Problems in the order in which they were found, and how many checks were made: where alternatives all fail, those of
/// the one that came furthest are shown.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) problems: Vec<Problem>,
    pub(crate) matches: u64,
}

impl Outcome {
    pub(crate) fn is_valid(&self) -> bool {
        self.problems.is_empty()
    }

    /// Adds what another found.
    pub(crate) fn merge(&mut self, other: Self) {
        self.problems.extend(other.problems);
        self.matches += other.matches;
    }

    fn push(
        &mut self,
        fault: Fault,
        name: String,
        value: Option<Value>,
        message: String,
        detail: Option<String>,
    ) {
        self.problems.push(Problem { fault, name, value, message, detail });
    }

    /// A value of the wrong type; `found` is the word for the type that it has, or the text that is not in the format.
    pub(crate) fn wrong_type(&mut self, path: &Path<'_>, expected: &str, found: &str) {
        let message =
            format!("{path} in body must be of type {expected}: {}", go_text::quoted(found));
        self.push(Fault::TypeInvalid, path.to_string(), Some(found.into()), message, None);
    }

    /// A value that breaks a rule: `spec.n in body should be …`.
    pub(crate) fn invalid(&mut self, path: &Path<'_>, value: Option<Value>, rule: &str) {
        let value = value.unwrap_or_else(|| "".into());
        self.push(
            Fault::Invalid,
            path.to_string(),
            Some(value),
            format!("{path} in body {rule}"),
            None,
        );
    }

    /// A map that has a key that it must not have.
    pub(crate) fn forbidden_property(&mut self, path: &Path<'_>, name: &str) {
        let message = format!("{path}.{name} in body is a forbidden property");
        self.push(Fault::Invalid, path.to_string(), Some(name.into()), message, None);
    }

    pub(crate) fn required(&mut self, path: &Path<'_>, name: &str) {
        let name = format!("{path}.{name}");
        let message = format!("{name} in body is required");
        self.push(Fault::Required, name, None, message, Some(String::new()));
    }

    pub(crate) fn not_supported(&mut self, path: &Path<'_>, value: &Value, allowed: &[Value]) {
        let detail = go_text::supported(allowed.iter().map(word));
        let message = format!("{path} in body should be one of {detail}");
        self.push(
            Fault::NotSupported,
            path.to_string(),
            Some(value.clone()),
            message,
            Some(detail),
        );
    }

    pub(crate) fn too_long(&mut self, path: &Path<'_>, limit: u64) {
        let message = format!("{path} in body should be at most {limit} chars long");
        let detail =
            format!("may not be more than {limit} {}", if limit == 1 { "byte" } else { "bytes" });
        self.push(
            Fault::TooLong,
            path.to_string(),
            Some("<value omitted>".into()),
            message,
            Some(detail),
        );
    }

    pub(crate) fn too_many(&mut self, path: &Path<'_>, found: usize, limit: u64, what: &str) {
        let message = format!("{path} in body should have at most {limit} {what}");
        let detail =
            format!("must have at most {limit} {}", if limit == 1 { "item" } else { "items" });
        self.push(Fault::TooMany, path.to_string(), Some(found.into()), message, Some(detail));
    }

    /// A fault that Kubernetes reports without its place.
    pub(crate) fn placeless(&mut self, message: String) {
        self.push(Fault::Invalid, String::new(), Some("".into()), message, None);
    }

    /// As field errors below `prefix`, each message once.
    pub(crate) fn into_errors(self, prefix: &str) -> Vec<FieldError> {
        let mut said = HashSet::new();
        let problems =
            self.problems.into_iter().filter(|problem| said.insert(problem.message.clone()));
        let error = |problem: Problem| FieldError {
            fault: problem.fault,
            field: field(prefix, &problem.name),
            value: problem.value,
            detail: problem.detail.unwrap_or(problem.message),
        };
        problems.map(error).collect()
    }
}

/// An allowed value as a word: what is no text as JSON.
fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| go_text::json(value), str::to_owned)
}
