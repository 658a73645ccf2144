//! ValidatingAdmissionPolicies and their bindings.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use apiserver_kinds::Kind;
use apiserver_object::{FieldError, User};
use apiserver_rules::{self as rules, Admission, Binding, Policy};
use apiserver_store as store;
use serde_json::Value;

use crate::api::Api;
use crate::form;
use crate::request::ResourcePath;
use crate::status::Failure;

/// Policies with the bindings that put them to work, compiled.
#[derive(Default)]
pub(crate) struct Policies {
    bound: Vec<(Arc<Policy>, Arc<Binding>)>,
    /// Compiled from an object of this name at this revision.
    compiled: BTreeMap<(String, u64), Arc<Policy>>,
    /// A policy or binding in force that cannot be read: an older or newer release accepted it. What it would have
    /// said is not known, so nothing is written until somebody mends it.
    broken: Option<String>,
}

impl Policies {
    /// Compiles what has changed since `before`.
    pub(crate) fn build(
        before: &Self,
        policies: &[Arc<store::Object>],
        bindings: &[Arc<store::Object>],
    ) -> Self {
        let mut built = Self::default();
        let mut unusable = BTreeMap::new();
        for stored in policies {
            let key = (stored.key.name.to_string(), stored.revision);
            let known = before.compiled.get(&key).cloned().map(Ok);
            match known.unwrap_or_else(|| compiled(stored, Policy::compile).map(Arc::new)) {
                Ok(policy) => drop(built.compiled.insert(key, policy)),
                Err(why) => drop(unusable.insert(key.0, why)),
            }
        }
        for stored in bindings {
            match compiled(stored, Binding::compile).map(Arc::new) {
                Err(why) => {
                    built.refuse("ValidatingAdmissionPolicyBinding", &stored.key.name, &why)
                }
                Ok(binding) => {
                    if let Some(why) = unusable.get(binding.policy_name()) {
                        built.refuse("ValidatingAdmissionPolicy", binding.policy_name(), why);
                    }
                    let named =
                        built.compiled.iter().find(|((name, _), _)| name == binding.policy_name());
                    let bound = named.map(|(_, policy)| (policy.clone(), binding));
                    built.bound.extend(bound);
                }
            }
        }
        built
    }

    fn refuse(&mut self, kind: &str, name: &str, why: &str) {
        tracing::error!(
            kind,
            name,
            why,
            "an admission policy in force cannot be read: nothing is written until it is mended"
        );
        self.broken = Some(format!("{kind} '{name}' cannot be read, mend or delete it: {why}"));
    }
}

fn compiled<T>(
    stored: &store::Object,
    compile: fn(&Value) -> Result<T, Vec<FieldError>>,
) -> Result<T, String> {
    let object: Value = serde_json::from_slice(&stored.json).map_err(|error| error.to_string())?;
    let told = |errors: Vec<FieldError>| {
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    compile(&object).map_err(told)
}

/// A write that policies are asked about.
pub(crate) struct Asked<'a> {
    pub(crate) kind: &'a Kind,
    pub(crate) path: &'a ResourcePath,
    pub(crate) name: &'a str,
    pub(crate) operation: rules::Operation,
    pub(crate) object: Option<&'a Value>,
    pub(crate) old: Option<&'a Value>,
    pub(crate) user: &'a User,
    pub(crate) dry_run: bool,
}

/// Refuses what a policy denies; a policy that only warns adds to `warnings`.
pub(crate) fn admit(
    api: &Api,
    asked: &Asked<'_>,
    warnings: &mut Vec<String>,
) -> Result<(), Failure> {
    // Policies are not asked about policies, or nobody could mend one that refuses everything.
    if asked.kind.group.as_ref() == "admissionregistration.k8s.io" {
        return Ok(());
    }
    let policies = api.policies();
    if let Some(broken) = &policies.broken {
        return Err(Failure::forbidden_object(asked.kind, asked.name, broken));
    }
    if policies.bound.is_empty() {
        return Ok(());
    }
    let namespace_object =
        if asked.kind.namespaced { api.namespace(&asked.path.namespace) } else { None };
    let views = views(api, asked);
    let admissions: Vec<Admission<'_>> =
        views.iter().map(|view| view.admission(asked, namespace_object.as_ref())).collect();
    let rbac = api.rbac();
    for (policy, binding) in &policies.bound {
        let fits =
            |admission: &&Admission<'_>| policy.matches(admission) && binding.matches(admission);
        let Some(admission) = admissions.iter().find(fits) else { continue };
        let verdict = rules::admit([(policy.as_ref(), binding.as_ref())], admission, &*rbac);
        warnings.extend(verdict.warnings);
        if let Some(denial) = verdict.denial {
            return Err(Failure::denied(asked.kind, asked.name, &denial));
        }
    }
    Ok(())
}

/// The write as a version of its kind shows it. A policy for one version is asked about writes through every other
/// (`matchPolicy: Equivalent`, the default).
struct View<'a> {
    kind: Cow<'a, Kind>,
    object: Option<Cow<'a, Value>>,
    old: Option<Cow<'a, Value>>,
}

fn views<'a>(api: &Api, asked: &Asked<'a>) -> Vec<View<'a>> {
    let mut views = vec![View {
        kind: Cow::Borrowed(asked.kind),
        object: asked.object.map(Cow::Borrowed),
        old: asked.old.map(Cow::Borrowed),
    }];
    let catalog = api.catalog();
    let same = |kind: &&Arc<Kind>| {
        kind.storage_collection == asked.kind.storage_collection
            && (kind.group != asked.kind.group || kind.version != asked.kind.version)
    };
    for kind in catalog.kinds().filter(same) {
        let shown = |object: &Value| {
            Cow::Owned(form::in_version(kind, form::stored(asked.kind, object.clone())))
        };
        views.push(View {
            kind: Cow::Owned(Kind::clone(kind)),
            object: asked.object.map(shown),
            old: asked.old.map(shown),
        });
    }
    views
}

impl View<'_> {
    fn admission<'v>(
        &'v self,
        asked: &'v Asked<'_>,
        namespace: Option<&'v Value>,
    ) -> Admission<'v> {
        Admission {
            operation: asked.operation,
            group: &self.kind.group,
            version: &self.kind.version,
            resource: &self.kind.plural,
            subresource: &asked.path.subresource,
            kind: &self.kind.kind,
            namespace: if asked.kind.namespaced { &asked.path.namespace } else { "" },
            name: asked.name,
            object: self.object.as_deref(),
            old_object: self.old.as_deref(),
            user: asked.user,
            dry_run: asked.dry_run,
            namespace_object: namespace,
            options: None,
        }
    }
}
