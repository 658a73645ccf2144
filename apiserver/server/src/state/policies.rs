//! ValidatingAdmissionPolicies and their bindings.

use std::collections::BTreeMap;
use std::sync::Arc;

use apiserver_object::FieldError;
use apiserver_rules::{Binding, Policy};
use apiserver_store as store;
use serde_json::Value;

/// Policies with the bindings that put them to work, compiled.
#[derive(Default)]
pub(crate) struct Policies {
    pub(crate) bound: Vec<(Arc<Policy>, Arc<Binding>)>,
    /// Compiled from an object of this name at this revision.
    compiled: BTreeMap<(String, u64), Arc<Policy>>,
    /// A policy or binding in force that cannot be read: an older or newer release accepted it. What it would have
    /// decided is not known, so nothing is written until somebody mends it.
    pub(crate) broken: Option<String>,
}

impl Policies {
    /// The policies and bindings that are stored; what has not changed since `before` stays compiled.
    pub(crate) fn build(
        before: &Self,
        policies: &[Arc<store::Object>],
        bindings: &[Arc<store::Object>],
    ) -> Self {
        let mut built = Self::default();
        let unusable = built.compile(before, policies);
        for stored in bindings {
            match compiled(stored, Binding::compile).map(Arc::new) {
                Err(why) => {
                    built.refuse("ValidatingAdmissionPolicyBinding", &stored.key.name, &why);
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

    /// Compiles what has changed; the names of those that cannot be used, with the reason.
    fn compile(
        &mut self,
        before: &Self,
        policies: &[Arc<store::Object>],
    ) -> BTreeMap<String, String> {
        let mut unusable = BTreeMap::new();
        for stored in policies {
            let key = (stored.key.name.to_string(), stored.revision);
            let known = before.compiled.get(&key).cloned().map(Ok);
            match known.unwrap_or_else(|| compiled(stored, Policy::compile).map(Arc::new)) {
                Ok(policy) => drop(self.compiled.insert(key, policy)),
                Err(why) => drop(unusable.insert(key.0, why)),
            }
        }
        unusable
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
    let listed = |errors: Vec<FieldError>| {
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    compile(&object).map_err(listed)
}
