//! How an object is to be deleted.

use apiserver_object::{Fault, FieldError};
use serde::Deserialize;
use serde_json::Value;

use crate::decode::document;
use crate::failure::Failure;
use crate::lifecycle::finalizers::{FOREGROUND, ORPHAN};
use crate::request::content_type::Format;
use crate::request::parameters::Parameters;

/// `DeleteOptions` of the body, completed from the query.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct DeleteOptions {
    pub(super) preconditions: Option<Preconditions>,
    propagation_policy: Option<String>,
    orphan_dependents: Option<bool>,
    grace_period_seconds: Option<i64>,
    dry_run: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Preconditions {
    pub(super) uid: Option<String>,
    pub(super) resource_version: Option<String>,
}

impl DeleteOptions {
    /// Reads the body, which may be empty, and the query, which is looked at where the body says nothing.
    pub(crate) fn read(
        bytes: &[u8],
        format: Format,
        parameters: &Parameters,
    ) -> Result<Self, Failure> {
        let options =
            if bytes.is_empty() { Self::default() } else { Self::of_body(bytes, format)? };
        let options = options.completed(parameters);
        options.check()?;
        Ok(options)
    }

    fn of_body(bytes: &[u8], format: Format) -> Result<Self, Failure> {
        let parsed = document::parse(bytes, format).map_err(Failure::bad_request)?;
        let kind = parsed.value.get("kind").and_then(Value::as_str).unwrap_or("DeleteOptions");
        if kind != "DeleteOptions" {
            return Err(Failure::bad_request(format!(
                "decoded object cannot be converted to DeleteOptions: it is a {kind}"
            )));
        }
        serde_json::from_value(parsed.value)
            .map_err(|error| Failure::bad_request(error.to_string()))
    }

    fn completed(mut self, parameters: &Parameters) -> Self {
        let policy = parameters.propagation_policy.clone();
        self.propagation_policy = self.propagation_policy.or(policy);
        self.orphan_dependents = self.orphan_dependents.or(parameters.orphan_dependents);
        self.grace_period_seconds = self.grace_period_seconds.or(parameters.grace_period_seconds);
        self
    }

    pub(super) fn is_dry_run(&self) -> bool {
        !self.dry_run.is_empty()
    }

    fn check(&self) -> Result<(), Failure> {
        let mut errors = Vec::new();
        if self.propagation_policy.is_some() && self.orphan_dependents.is_some() {
            let detail = "orphanDependents and deletionPropagation cannot be both set";
            let error = FieldError::new(Fault::Invalid, "propagationPolicy", detail);
            errors.push(error.with_value(self.propagation_policy.clone().into()));
        }
        if let Some(policy) = &self.propagation_policy
            && !matches!(policy.as_str(), "Orphan" | "Background" | "Foreground")
        {
            let detail = "supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"";
            errors.push(
                FieldError::new(Fault::NotSupported, "propagationPolicy", detail)
                    .with_value(policy.as_str().into()),
            );
        }
        if errors.is_empty() {
            Ok(())
        } else {
            Err(Failure::invalid_as("DeleteOptions", "meta.k8s.io", "", &errors))
        }
    }

    /// The finalizer that an object gets with which the dependents' fate is asked for. Another policy replaces the one
    /// of an `earlier` deletion.
    pub(super) fn finalizer(&self, earlier: Option<&'static str>) -> Option<&'static str> {
        match (self.propagation_policy.as_deref(), self.orphan_dependents) {
            (Some("Orphan"), _) | (None, Some(true)) => Some(ORPHAN),
            (Some("Foreground"), _) => Some(FOREGROUND),
            (Some(_), _) => None,
            (None, _) => earlier,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_propagation_policy_asks_for_a_finalizer() {
        let finalizer = |query: &str, earlier| {
            let parameters = Parameters::read(query).unwrap();
            DeleteOptions::read(b"", Format::Json, &parameters).unwrap().finalizer(earlier)
        };
        let cases = [
            ("propagationPolicy=Orphan", None, Some(ORPHAN)),
            ("orphanDependents=true", None, Some(ORPHAN)),
            ("propagationPolicy=Foreground", Some(ORPHAN), Some(FOREGROUND)),
            ("propagationPolicy=Background", Some(ORPHAN), None),
            ("orphanDependents=false", Some(FOREGROUND), Some(FOREGROUND)),
            ("", Some(FOREGROUND), Some(FOREGROUND)),
            ("", None, None),
        ];
        for (query, earlier, expected) in cases {
            assert_eq!(finalizer(query, earlier), expected, "{query}");
        }
    }

    #[test]
    fn options_that_contradict_each_other_are_refused() {
        let read =
            |query: &str| DeleteOptions::read(b"", Format::Json, &Parameters::read(query).unwrap());
        assert!(read("propagationPolicy=Orphan&orphanDependents=true").is_err());
        assert!(read("propagationPolicy=Sideways").is_err());
    }
}
