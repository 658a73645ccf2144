//! Admission policies, asked about a write.

use std::borrow::Cow;
use std::sync::Arc;

use apiserver_kinds::Kind;
use apiserver_object::{Subresource, User};
use apiserver_rules::{self as rules, Admission};
use serde_json::Value;

use crate::api::Api;
use crate::failure::Failure;
use crate::object::version;
use crate::request::path::ResourcePath;
use crate::state::objects;

/// A write that policies are asked about.
#[derive(Clone, Copy)]
pub(super) struct Review<'a> {
    pub(crate) kind: &'a Kind,
    pub(crate) path: &'a ResourcePath,
    pub(crate) subresource: Subresource,
    pub(crate) name: &'a str,
    pub(crate) operation: rules::Operation,
    pub(crate) object: Option<&'a Value>,
    pub(crate) old: Option<&'a Value>,
    pub(crate) user: &'a User,
    pub(crate) dry_run: bool,
}

/// Refuses what a policy denies; a policy that only warns adds to `warnings`.
pub(super) fn admit(
    api: &Api,
    review: &Review<'_>,
    warnings: &mut Vec<String>,
) -> Result<(), Failure> {
    if review.is_about_policies() {
        return Ok(());
    }
    let policies = api.derived.policies();
    if let Some(broken) = &policies.broken {
        return Err(Failure::forbidden_object(review.kind, review.name, broken));
    }
    if policies.bound.is_empty() {
        return Ok(());
    }
    let namespace = review.namespace_object(api);
    let views = views(api, review);
    let admissions: Vec<Admission<'_>> =
        views.iter().map(|view| view.admission(review, namespace.as_ref())).collect();
    let rbac = api.derived.rbac();
    for (policy, binding) in &policies.bound {
        let fits =
            |admission: &&Admission<'_>| policy.matches(admission) && binding.matches(admission);
        let Some(admission) = admissions.iter().find(fits) else { continue };
        let verdict = rules::admit([(policy.as_ref(), binding.as_ref())], admission, &*rbac);
        warnings.extend(verdict.warnings);
        if let Some(denial) = verdict.denial {
            return Err(Failure::denied(review.kind, review.name, &denial));
        }
    }
    Ok(())
}

impl Review<'_> {
    /// Policies are not asked about policies, or nobody could mend one that refuses everything.
    pub(super) fn is_about_policies(&self) -> bool {
        self.kind.group.as_ref() == "admissionregistration.k8s.io"
    }

    pub(super) fn namespace_object(&self, api: &Api) -> Option<Value> {
        let namespace = &self.path.namespace;
        self.kind.namespaced.then(|| objects::value(&*api.objects.namespace(namespace)?)).flatten()
    }
}

/// The write as a version of its kind shows it. A policy for one version is asked about writes through every other
/// (`matchPolicy: Equivalent`, the default).
pub(super) struct View<'a> {
    pub(super) kind: Cow<'a, Kind>,
    pub(super) object: Option<Cow<'a, Value>>,
    old: Option<Cow<'a, Value>>,
}

/// The version that the request speaks comes first.
pub(super) fn views<'a>(api: &Api, review: &Review<'a>) -> Vec<View<'a>> {
    let mut views = vec![View {
        kind: Cow::Borrowed(review.kind),
        object: review.object.map(Cow::Borrowed),
        old: review.old.map(Cow::Borrowed),
    }];
    let catalog = api.derived.catalog();
    let same = |kind: &&Arc<Kind>| {
        kind.storage_collection == review.kind.storage_collection
            && (kind.group != review.kind.group || kind.version != review.kind.version)
    };
    for kind in catalog.kinds().filter(same) {
        let shown = |object: &Value| {
            Cow::Owned(version::in_version(kind, version::stored(review.kind, object.clone())))
        };
        views.push(View {
            kind: Cow::Owned(Kind::clone(kind)),
            object: review.object.map(shown),
            old: review.old.map(shown),
        });
    }
    views
}

impl View<'_> {
    pub(super) fn admission<'v>(
        &'v self,
        review: &'v Review<'_>,
        namespace: Option<&'v Value>,
    ) -> Admission<'v> {
        Admission {
            operation: review.operation,
            group: &self.kind.group,
            version: &self.kind.version,
            resource: &self.kind.plural,
            subresource: review.subresource.as_str(),
            kind: &self.kind.kind,
            namespace: if review.kind.namespaced { &review.path.namespace } else { "" },
            name: review.name,
            object: self.object.as_deref(),
            old_object: self.old.as_deref(),
            user: review.user,
            dry_run: review.dry_run,
            namespace_object: namespace,
            options: None,
        }
    }
}
