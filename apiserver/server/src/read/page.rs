//! One page of a list.

use std::sync::Arc;

use apiserver_kinds::Kind;
use apiserver_object::{Fault, FieldError};
use apiserver_store as store;

use crate::failure::Failure;
use crate::read::continue_token::Continue;
use crate::read::revision;
use crate::read::selection::Selection;
use crate::request::parameters::Parameters;
use crate::state::objects::Objects;

/// The objects of a page, and where the next one begins.
pub(super) struct Page {
    pub(super) revision: u64,
    pub(super) objects: Vec<Arc<store::Object>>,
    pub(super) next: Option<Continue>,
    /// Objects after this page; `None` where a selector would have to count them, or where none is left.
    pub(super) remaining: Option<usize>,
}

impl Page {
    pub(super) fn read(
        objects: &Objects,
        kind: &Kind,
        selection: &Selection,
        parameters: &Parameters,
    ) -> Result<Self, Failure> {
        let start = Start::read(objects, parameters)?;
        let everything = selection.is_everything();
        let limit = if everything { parameters.limit } else { 0 };
        let after = start.after.as_ref();
        let after = after.map(|after| (after.namespace.as_str(), after.name.as_str()));
        let namespace = selection.namespace.as_deref();
        let listing = objects
            .store
            .list(&kind.storage_collection, namespace, after, limit, start.revision)
            .map_err(|expired| start.too_old(expired.oldest))?;
        let (mut objects, mut remaining) = (listing.objects, listing.remaining);
        if !everything {
            objects.retain(|object| selection.matches(kind, object));
            remaining = cut(&mut objects, parameters.limit);
        }
        let last = objects.last().filter(|_| remaining > 0);
        let next = last.map(|last| Continue {
            revision: listing.revision,
            namespace: last.key.namespace.to_string(),
            name: last.key.name.to_string(),
        });
        let remaining = (remaining > 0 && everything).then_some(remaining);
        Ok(Self { revision: listing.revision, objects, next, remaining })
    }
}

/// Cuts a list at the limit, where there is one, and counts what is cut off.
fn cut(objects: &mut Vec<Arc<store::Object>>, limit: usize) -> usize {
    if limit == 0 || objects.len() <= limit {
        return 0;
    }
    let remaining = objects.len() - limit;
    objects.truncate(limit);
    remaining
}

/// Where a page begins (`resourceVersion`, `resourceVersionMatch`, `continue`).
struct Start {
    /// The state to be listed; the newest one where none is asked for.
    revision: Option<u64>,
    after: Option<Continue>,
}

impl Start {
    fn read(objects: &Objects, parameters: &Parameters) -> Result<Self, Failure> {
        check_match(parameters)?;
        let start = if parameters.continue_token.is_empty() {
            Self::at_revision(objects, parameters)?
        } else {
            Self::at_token(parameters)?
        };
        match start.revision {
            Some(revision) if revision < objects.floor => Err(start.too_old(objects.floor)),
            _ => Ok(start),
        }
    }

    fn at_token(parameters: &Parameters) -> Result<Self, Failure> {
        if !matches!(parameters.resource_version.as_str(), "" | "0") {
            return Err(Failure::bad_request(
                "specifying resource version is not allowed when using continue",
            ));
        }
        let next = Continue::decode(&parameters.continue_token)?;
        Ok(Self { revision: Some(next.revision), after: Some(next) })
    }

    fn at_revision(objects: &Objects, parameters: &Parameters) -> Result<Self, Failure> {
        let asked = revision::reached(objects, &parameters.resource_version)?;
        let exact = parameters.resource_version_match == "Exact"
            || parameters.resource_version_match.is_empty() && parameters.limit > 0;
        Ok(Self { revision: (exact && asked > 0).then_some(asked), after: None })
    }

    /// The state is not known any more.
    fn too_old(&self, oldest: u64) -> Failure {
        if self.after.is_none() {
            return Failure::too_old(self.revision.unwrap_or(0), oldest);
        }
        Failure::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new \
             list without the continue parameter.",
        )
    }
}

fn check_match(parameters: &Parameters) -> Result<(), Failure> {
    let matched = parameters.resource_version_match.as_str();
    let mut errors = Vec::new();
    let mut forbidden = |wrong: bool, field: &str, detail: &str| {
        if wrong {
            errors.push(FieldError::new(Fault::Forbidden, field, detail));
        }
    };
    let (asked, version) = (!matched.is_empty(), parameters.resource_version.as_str());
    let detail = "resourceVersionMatch is forbidden unless resourceVersion is provided";
    forbidden(asked && version.is_empty(), "resourceVersionMatch", detail);
    let detail = "resourceVersionMatch is forbidden when continue is provided";
    forbidden(asked && !parameters.continue_token.is_empty(), "resourceVersionMatch", detail);
    let detail = "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"";
    forbidden(matched == "Exact" && version == "0", "resourceVersionMatch", detail);
    let detail = "sendInitialEvents is forbidden for list";
    forbidden(parameters.send_initial_events.is_some(), "sendInitialEvents", detail);
    if !matches!(matched, "" | "Exact" | "NotOlderThan") {
        let detail = "supported values: \"Exact\", \"NotOlderThan\", \"\"";
        let error = FieldError::new(Fault::NotSupported, "resourceVersionMatch", detail);
        errors.push(error.with_value(matched.into()));
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Failure::invalid_as("ListOptions", "meta.k8s.io", "", &errors))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_without_a_revision_is_refused() {
        let asked = |query: &str| check_match(&Parameters::read(query).unwrap()).is_ok();
        assert!(asked("resourceVersion=1&resourceVersionMatch=Exact"));
        assert!(!asked("resourceVersionMatch=Exact"));
        assert!(!asked("resourceVersion=0&resourceVersionMatch=Exact"));
        assert!(!asked("resourceVersion=1&resourceVersionMatch=Other"));
    }
}
