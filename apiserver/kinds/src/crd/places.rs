//! Where a definition's faults are said to be. The API server holds what all versions have in common once, at the
//! top of `spec`, and names that place.

use serde_json::Value;

use crate::reading::Reading;

/// What versions may have in common.
pub(super) struct Places {
    schema: bool,
    subresources: bool,
    columns: bool,
    selectable: bool,
    any_status: bool,
}

impl Places {
    pub(super) fn of(versions: &[Value]) -> Self {
        let same = |field: &str| {
            versions.iter().all(|version| version.at(&[field]) == versions[0].at(&[field]))
        };
        Self {
            schema: same("schema"),
            subresources: same("subresources"),
            columns: same("additionalPrinterColumns"),
            selectable: same("selectableFields"),
            any_status: versions.iter().any(has_status),
        }
    }

    /// The place of the schema, and whether version `at` is the one to look at.
    pub(super) fn schema(&self, at: usize) -> Option<String> {
        place(self.schema, at, "validation.openAPIV3Schema", "schema.openAPIV3Schema")
    }

    /// The status is a subresource wherever the schema of this version is used.
    pub(super) fn has_status(&self, version: &Value) -> bool {
        if self.schema { self.any_status } else { has_status(version) }
    }

    pub(super) fn subresources(&self, at: usize) -> Option<String> {
        place(self.subresources, at, "subresources", "subresources")
    }

    pub(super) fn columns(&self, at: usize) -> Option<String> {
        place(self.columns, at, "additionalPrinterColumns", "additionalPrinterColumns")
    }

    pub(super) fn selectable(&self, at: usize) -> Option<String> {
        place(self.selectable, at, "selectableFields", "selectableFields")
    }
}

fn has_status(version: &Value) -> bool {
    version.at(&["subresources", "status"]).is_some()
}

fn place(common: bool, at: usize, top: &str, own: &str) -> Option<String> {
    match (common, at) {
        (true, 0) => Some(format!("spec.{top}")),
        (true, _) => None,
        (false, _) => Some(format!("spec.versions[{at}].{own}")),
    }
}
