//! Mutating admission policies: what they make of an object before it is checked.

use std::collections::BTreeSet;
use std::sync::Arc;

use apiserver_access::Rbac;
use apiserver_kinds::Kind;
use apiserver_patch::{self as merge, OperationError};
use apiserver_rules::{Admission, Binding, MutatingPolicy};
use serde_json::Value;

use crate::api::Api;
use crate::decode::{self, agreement};
use crate::failure::Failure;
use crate::object::{metadata, version};
use crate::state::collections::SECRETS;
use crate::state::policies::Policies;
use crate::state::served::Served;
use crate::write::admission::{Review, View, views};

/// The object as the policies in force make it; it takes the place of that of the review.
pub(super) fn mutate(
    api: &Api,
    served: &Served,
    review: &Review<'_>,
    object: Value,
) -> Result<Value, Failure> {
    let policies = api.derived.mutating();
    if review.is_about_policies() {
        return Ok(object);
    }
    if let Some(broken) = &policies.broken {
        return Err(Failure::forbidden_object(review.kind, review.name, broken));
    }
    if policies.bound.is_empty() {
        return Ok(object);
    }
    let namespace = review.namespace_object(api);
    let (namespace, rights) = (namespace.as_ref(), api.derived.rbac());
    let scene = Scene { api, served, review, policies: &policies, namespace, rights };
    let mut run = Run { object, ..Run::default() };
    scene.pass(&mut run, false)?;
    if run.changed {
        scene.pass(&mut run, true)?;
    }
    scene.finish(run.object)
}

/// What stays the same while an object is changed.
struct Scene<'a> {
    api: &'a Api,
    served: &'a Served,
    review: &'a Review<'a>,
    policies: &'a Policies<MutatingPolicy>,
    namespace: Option<&'a Value>,
    rights: Arc<Rbac>,
}

/// What has become of the object so far. Policies are told apart by their position.
#[derive(Default)]
struct Run {
    object: Value,
    /// Policies that may be asked once more, and were asked after the last change.
    settled: BTreeSet<usize>,
    /// Policies that are asked in the second pass.
    again: BTreeSet<usize>,
    /// There is a second pass.
    changed: bool,
    /// Why policies that do not ignore failures could not change the object.
    refusals: Vec<String>,
}

impl Run {
    fn note_change(&mut self) {
        self.again.append(&mut self.settled);
        self.changed = true;
    }
}

/// Why a mutation was not made.
enum Stop {
    /// The policy could not make it: its `failurePolicy` decides.
    Refused(String),
    /// It has made what is no object of the kind.
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Scene<'_> {
    /// Asks each policy; in the second pass each that may be asked once more and was asked before the last change. As in
    /// the real server a patch counts as a change here, also one that leaves everything as it was.
    fn pass(&self, run: &mut Run, again: bool) -> Result<(), Failure> {
        let mut patched = false;
        // Who is meant is decided before anything changes.
        for (position, view) in self.matching(&run.object) {
            patched |= self.invoke(run, position, view, again)?;
        }
        if patched {
            run.note_change();
        }
        if run.refusals.is_empty() {
            return Ok(());
        }
        Err(Failure::unmutated(self.review.kind, self.name(&run.object), &run.refusals))
    }

    /// The positions of the policies that are meant, each with that of the first version that it is meant for.
    fn matching(&self, object: &Value) -> Vec<(usize, usize)> {
        let review = Review { object: Some(object), ..*self.review };
        let views = views(self.api, &review);
        let admissions: Vec<Admission<'_>> =
            views.iter().map(|view| view.admission(&review, self.namespace)).collect();
        let first = |policy: &MutatingPolicy, binding: &Binding| {
            let meant = |one: &Admission<'_>| policy.matches(one) && binding.matches(one);
            admissions.iter().position(meant)
        };
        let bound = self.policies.bound.iter().enumerate();
        bound.filter_map(|(at, (policy, binding))| Some((at, first(policy, binding)?))).collect()
    }

    /// Asks one policy; the answer is whether it has patched anything.
    fn invoke(
        &self,
        run: &mut Run,
        position: usize,
        view: usize,
        again: bool,
    ) -> Result<bool, Failure> {
        let (policy, binding) = &self.policies.bound[position];
        match self.shown(&run.object, view, |_, seen| policy.applies(seen, &*self.rights)) {
            Err(why) => {
                run.refusals.push(denied(policy, binding, &why));
                return Ok(false);
            }
            Ok(false) => return Ok(false),
            Ok(true) if again && !run.again.contains(&position) => return Ok(false),
            Ok(true) => {}
        }
        let before = run.object.clone();
        let patched = self.patch(run, (policy, binding), view)?;
        if run.object != before {
            run.note_change();
        }
        if policy.is_reinvoked() {
            run.settled.insert(position);
        }
        Ok(patched)
    }

    /// Makes the mutations of one policy, each on what the one before has made.
    fn patch(
        &self,
        run: &mut Run,
        (policy, binding): (&MutatingPolicy, &Binding),
        view: usize,
    ) -> Result<bool, Failure> {
        let mut patched = false;
        for mutation in 0..policy.mutations() {
            match self.mutated(policy, mutation, &run.object, view) {
                Ok(object) => {
                    run.object = object;
                    patched = true;
                }
                Err(Stop::Failed(failure)) => return Err(failure),
                Err(Stop::Refused(_)) if policy.ignores_failures() => {}
                Err(Stop::Refused(why)) => run.refusals.push(denied(policy, binding, &why)),
            }
        }
        Ok(patched)
    }

    /// Asks about the object as a version of its kind shows it.
    fn shown<T, E>(
        &self,
        object: &Value,
        view: usize,
        ask: impl FnOnce(&View<'_>, &Admission<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let review = Review { object: Some(object), ..*self.review };
        let mut views = views(self.api, &review);
        // A version that is gone meanwhile is asked about as the request's.
        let view = views.swap_remove(if view < views.len() { view } else { 0 });
        ask(&view, &view.admission(&review, self.namespace))
    }

    /// The object as one mutation makes it.
    fn mutated(
        &self,
        policy: &MutatingPolicy,
        mutation: usize,
        object: &Value,
        view: usize,
    ) -> Result<Value, Stop> {
        let mut object = self.shown(object, view, |view, seen| {
            let operations = policy.patch(mutation, seen, &*self.rights).map_err(Stop::Refused)?;
            let mut patched = seen.object.cloned().unwrap_or_default();
            match merge::apply_operations(&mut patched, &operations) {
                Ok(()) => {}
                Err(OperationError::Test(_)) => return Ok(object.clone()),
                Err(OperationError::Unfit(why)) => {
                    return Err(Stop::Refused(format!("JSON Patch: {why}")));
                }
            }
            check_type(&view.kind, &patched)?;
            let stored = version::stored(&view.kind, patched);
            Ok(version::in_version(self.review.kind, stored))
        })?;
        decode::normalise_mutated(self.served, &mut object).map_err(Failure::internal)?;
        Ok(object)
    }

    fn finish(&self, mut object: Value) -> Result<Value, Failure> {
        decode::prune_mutated(self.served, &mut object)
            .map_err(|wrong| Failure::invalid_metadata(self.review.kind, &object, &wrong))?;
        Ok(object)
    }

    /// The name that the object has, is to be given, or will begin with.
    fn name<'n>(&'n self, object: &'n Value) -> &'n str {
        let known =
            [self.review.name, metadata::name(object), metadata::text(object, "generateName")];
        known.into_iter().find(|name| !name.is_empty()).unwrap_or("Unknown")
    }
}

fn denied(policy: &MutatingPolicy, binding: &Binding, why: &str) -> String {
    let (policy, binding) = (policy.name(), binding.name());
    format!("policy '{policy}' with binding '{binding}' denied request: {why}")
}

/// What a policy has made is still an object of the kind.
fn check_type(kind: &Kind, object: &Value) -> Result<(), Failure> {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    if text("kind").is_empty() {
        // A Secret is shown to nobody: errors are logged.
        let secret = kind.storage_collection.as_ref() == SECRETS;
        let shown = if secret { "a Secret".to_owned() } else { object.to_string() };
        return Err(Failure::internal(format!("Object 'Kind' is missing in '{shown}'")));
    }
    if text("apiVersion") != kind.api_version() {
        return Err(Failure::internal(format!(
            "failed to convert object: request to convert CR from an invalid group/version: {}",
            text("apiVersion")
        )));
    }
    agreement::same_type(kind, object)
}
