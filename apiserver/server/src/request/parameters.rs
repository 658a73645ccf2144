//! Query parameters of requests on resources.

use apiserver_object::{Fault, FieldError, Verb};
use percent_encoding::percent_decode_str;

use crate::failure::Failure;

/// Everything that a query may ask for; what does not apply to a verb is ignored, as Kubernetes does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters {
    pub(crate) watch: bool,
    pub(crate) allow_watch_bookmarks: bool,
    pub(crate) send_initial_events: Option<bool>,
    pub(crate) label_selector: String,
    pub(crate) field_selector: String,
    pub(crate) limit: usize,
    pub(crate) continue_token: String,
    pub(crate) resource_version: String,
    pub(crate) resource_version_match: String,
    /// Seconds.
    pub(crate) timeout: Option<u64>,
    dry_run: Vec<String>,
    pub(crate) field_manager: String,
    field_validation: String,
    pub(crate) force: Option<bool>,
    pub(crate) propagation_policy: Option<String>,
    pub(crate) grace_period_seconds: Option<i64>,
    pub(crate) orphan_dependents: Option<bool>,
    pub(crate) include_object: Option<String>,
    pub(crate) pretty: Option<bool>,
}

/// What is done with unknown and duplicate fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum FieldValidation {
    Ignore,
    #[default]
    Warn,
    Strict,
}

impl Parameters {
    pub(crate) fn read(query: &str) -> Result<Self, Failure> {
        let mut parameters = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            parameters.set(&decode(key), decode(value))?;
        }
        Ok(parameters)
    }

    fn set(&mut self, key: &str, value: String) -> Result<(), Failure> {
        match key {
            "watch" => self.watch = boolean(&value),
            "allowWatchBookmarks" => self.allow_watch_bookmarks = boolean(&value),
            "sendInitialEvents" => self.send_initial_events = Some(boolean(&value)),
            "labelSelector" => self.label_selector = value,
            "fieldSelector" => self.field_selector = value,
            // A negative limit is none.
            "limit" => {
                let limit = number::<i64>("limit", &value)?.unwrap_or(0);
                self.limit = usize::try_from(limit).unwrap_or(0);
            }
            "continue" => self.continue_token = value,
            "resourceVersion" => self.resource_version = value,
            "resourceVersionMatch" => self.resource_version_match = value,
            "timeoutSeconds" => self.timeout = number("timeoutSeconds", &value)?,
            "dryRun" => self.dry_run.push(value),
            "fieldManager" => self.field_manager = value,
            "fieldValidation" => self.field_validation = value,
            "force" => self.force = Some(boolean(&value)),
            "propagationPolicy" => {
                self.propagation_policy = Some(value).filter(|value| !value.is_empty());
            }
            "gracePeriodSeconds" => {
                self.grace_period_seconds = number("gracePeriodSeconds", &value)?;
            }
            "orphanDependents" => self.orphan_dependents = Some(boolean(&value)),
            "includeObject" => self.include_object = Some(value),
            "pretty" => self.pretty = Some(boolean(&value)),
            _ => {}
        }
        Ok(())
    }
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// As Kubernetes converts query values: only `false` and `0` are false, an empty value is true.
fn boolean(value: &str) -> bool {
    !matches!(value, "false" | "0")
}

fn number<N: std::str::FromStr>(key: &str, value: &str) -> Result<Option<N>, Failure> {
    if value.is_empty() {
        return Ok(None);
    }
    let refused = |_| {
        Failure::bad_request(format!("strconv.ParseInt: parsing {value:?}: invalid syntax ({key})"))
    };
    value.parse().map(Some).map_err(refused)
}

/// The options object that a verb's query stands for.
fn options_kind(verb: Verb) -> &'static str {
    match verb {
        Verb::Create => "CreateOptions",
        Verb::Update => "UpdateOptions",
        Verb::Delete | Verb::DeleteCollection => "DeleteOptions",
        _ => "PatchOptions",
    }
}

const LONGEST_MANAGER: usize = 128;

impl Parameters {
    /// Nothing is stored.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.dry_run.iter().any(|value| value == "All")
    }

    /// What is done with unknown and duplicate fields.
    pub(crate) fn field_validation(&self) -> FieldValidation {
        match self.field_validation.as_str() {
            "Ignore" => FieldValidation::Ignore,
            "Strict" => FieldValidation::Strict,
            _ => FieldValidation::Warn,
        }
    }

    /// Refuses options of a write that mean nothing.
    pub(crate) fn check(&self, verb: Verb) -> Result<(), Failure> {
        let errors = [
            self.dry_run_error(),
            self.field_manager_length_error(),
            self.field_manager_letter_error(),
            self.field_validation_error(),
        ];
        let errors: Vec<FieldError> = errors.into_iter().flatten().collect();
        if errors.is_empty() {
            return Ok(());
        }
        Err(Failure::invalid_as(options_kind(verb), "meta.k8s.io", "", &errors))
    }

    fn dry_run_error(&self) -> Option<FieldError> {
        let unknown: Vec<&String> =
            self.dry_run.iter().filter(|value| !matches!(value.as_str(), "" | "All")).collect();
        let error = FieldError::new(Fault::NotSupported, "dryRun", "supported values: \"All\"");
        (!unknown.is_empty()).then(|| error.with_value(serde_json::json!(unknown)))
    }

    fn field_manager_length_error(&self) -> Option<FieldError> {
        let detail = format!("may not be more than {LONGEST_MANAGER} bytes");
        (self.field_manager.len() > LONGEST_MANAGER)
            .then(|| FieldError::new(Fault::TooLong, "fieldManager", detail))
    }

    fn field_manager_letter_error(&self) -> Option<FieldError> {
        let mut letters = self.field_manager.char_indices();
        let (at, letter) = letters.find(|(_, letter)| letter.is_control())?;
        let detail = format!("invalid character U+{:04X} (at position {at})", u32::from(letter));
        let error = FieldError::new(Fault::Invalid, "fieldManager", detail);
        Some(error.with_value(self.field_manager.as_str().into()))
    }

    fn field_validation_error(&self) -> Option<FieldError> {
        if matches!(self.field_validation.as_str(), "" | "Ignore" | "Warn" | "Strict") {
            return None;
        }
        let detail = "supported values: \"\", \"Ignore\", \"Strict\", \"Warn\"";
        let error = FieldError::new(Fault::NotSupported, "fieldValidation", detail);
        Some(error.with_value(self.field_validation.as_str().into()))
    }
}
