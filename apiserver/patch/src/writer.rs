//! Who writes an object, and how.

use jiff::Timestamp;

/// How a manager writes (`managedFields[].operation`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Server-side apply: the manager wants these fields and no others of its own.
    Apply,
    /// Every other write.
    Update,
}

impl Operation {
    /// The word in `managedFields`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Apply => "Apply",
            Self::Update => "Update",
        }
    }
}

/// One write: by whom, through which endpoint, when.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// `fieldManager` of the request, or [`crate::default_manager`]; an empty name is written as `unknown`.
    pub manager: &'a str,
    /// How it writes.
    pub operation: Operation,
    /// Empty for the object itself, or `status`, `scale`, …
    pub subresource: &'a str,
    /// The version of the request: `v1`, `apps/v1`.
    pub api_version: &'a str,
    /// When; written in whole seconds.
    pub now: Timestamp,
}

impl Writer<'_> {
    /// The manager's name as it is written.
    pub(crate) fn manager_name(&self) -> &str {
        if self.manager.is_empty() { "unknown" } else { self.manager }
    }

    /// The time as it is written: RFC 3339, UTC, whole seconds.
    pub(crate) fn time_text(&self) -> String {
        let seconds = Timestamp::from_second(self.now.as_second()).unwrap_or(self.now);
        seconds.to_string()
    }
}
