//! Admission policies and their bindings.

use std::collections::BTreeMap;
use std::sync::Arc;

use apiserver_object::FieldError;
use apiserver_rules::{Binding, MutatingPolicy, Policy};
use apiserver_store as store;
use serde_json::Value;

/// Policies with the bindings that put them to work, compiled.
pub(crate) struct Policies<P> {
    /// By the names of the bindings; those that mutate by the names of the policies before.
    pub(crate) bound: Vec<(Arc<P>, Arc<Binding>)>,
    /// Compiled from an object of this name at this revision.
    compiled: BTreeMap<(String, u64), Arc<P>>,
    /// A policy or binding in force that cannot be read: an older or newer release accepted it. What it would have
    /// decided is not known, so nothing is written until somebody mends it.
    pub(crate) broken: Option<String>,
}

/// How an object is compiled.
type Compile<T> = fn(&Value) -> Result<T, Vec<FieldError>>;

/// A kind of policies.
pub(crate) trait Compiled: Sized {
    const KIND: &str;
    const POLICY: Compile<Self>;
    const BINDING: Compile<Binding>;
}

impl Compiled for Policy {
    const KIND: &str = "ValidatingAdmissionPolicy";
    const POLICY: Compile<Self> = Self::compile;
    const BINDING: Compile<Binding> = Binding::compile;
}

impl Compiled for MutatingPolicy {
    const KIND: &str = "MutatingAdmissionPolicy";
    const POLICY: Compile<Self> = Self::compile;
    const BINDING: Compile<Binding> = Binding::compile_mutating;
}

impl<P> Default for Policies<P> {
    fn default() -> Self {
        Self { bound: Vec::new(), compiled: BTreeMap::new(), broken: None }
    }
}

impl Policies<MutatingPolicy> {
    /// The same, in the order in which they change an object: by name. The real server takes them in any order.
    pub(crate) fn in_order(mut self) -> Self {
        self.bound.sort_by(|(one, _), (other, _)| one.name().cmp(other.name()));
        self
    }
}

impl<P: Compiled> Policies<P> {
    /// The policies and bindings that are stored; what has not changed since `before` stays compiled.
    pub(crate) fn build(
        before: &Self,
        policies: &[Arc<store::Object>],
        bindings: &[Arc<store::Object>],
    ) -> Self {
        let mut built = Self::default();
        let unusable = built.compile(before, policies);
        for stored in bindings {
            match compiled(stored, P::BINDING).map(Arc::new) {
                Err(why) => {
                    built.refuse(&format!("{}Binding", P::KIND), &stored.key.name, &why);
                }
                Ok(binding) => {
                    if let Some(why) = unusable.get(binding.policy_name()) {
                        built.refuse(P::KIND, binding.policy_name(), why);
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
            match known.unwrap_or_else(|| compiled(stored, P::POLICY).map(Arc::new)) {
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

fn compiled<T>(stored: &store::Object, compile: Compile<T>) -> Result<T, String> {
    let object: Value = serde_json::from_slice(&stored.json).map_err(|error| error.to_string())?;
    let listed = |errors: Vec<FieldError>| {
        errors.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    compile(&object).map_err(listed)
}
