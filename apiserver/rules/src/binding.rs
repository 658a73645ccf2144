//! A binding of an admission policy, compiled.

use apiserver_object::FieldError;
use serde_json::Value as Json;

use crate::admission::Admission;
use crate::matching::MatchResources;

/// What a binding does with a denial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The request is refused.
    Deny,
    /// The client is warned.
    Warn,
    /// The audit log tells; here it has no effect.
    Audit,
}

/// A ValidatingAdmissionPolicyBinding or MutatingAdmissionPolicyBinding, compiled once.
#[derive(Debug)]
pub struct Binding {
    name: String,
    policy_name: String,
    actions: Vec<Action>,
    matches: MatchResources,
}

impl Binding {
    /// Compiles a ValidatingAdmissionPolicyBinding as the API sends it.
    ///
    /// # Errors
    /// One for each field that the real server refuses, and for `spec.paramRef`, which is not supported.
    pub fn compile(binding: &Json) -> Result<Self, Vec<FieldError>> {
        let mut faults = Vec::new();
        let compiled = Self::read(binding, &mut faults);
        let actions = read_actions(&binding["spec"], &mut faults);
        if faults.is_empty() { Ok(Self { actions, ..compiled }) } else { Err(faults) }
    }

    /// Compiles a MutatingAdmissionPolicyBinding as the API sends it.
    ///
    /// # Errors
    /// As for [`Binding::compile`].
    pub fn compile_mutating(binding: &Json) -> Result<Self, Vec<FieldError>> {
        let mut faults = Vec::new();
        let compiled = Self::read(binding, &mut faults);
        if faults.is_empty() { Ok(compiled) } else { Err(faults) }
    }

    /// What bindings of both kinds have.
    fn read(binding: &Json, faults: &mut Vec<FieldError>) -> Self {
        let spec = &binding["spec"];
        let policy_name = spec["policyName"].as_str().unwrap_or_default().to_owned();
        if policy_name.is_empty() {
            faults.push(FieldError::required("spec.policyName", ""));
        }
        if !spec["paramRef"].is_null() {
            faults.push(FieldError::forbidden(
                "spec.paramRef",
                "parameters of policies are not supported",
            ));
        }
        let matches = MatchResources::read(&spec["matchResources"], "spec.matchResources", faults);
        let name = binding["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        Self { name, policy_name, actions: Vec::new(), matches }
    }

    /// The name of the binding.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of the policy that it puts in force.
    pub fn policy_name(&self) -> &str {
        &self.policy_name
    }

    /// Whether it does so for a request.
    pub fn matches(&self, request: &Admission<'_>) -> bool {
        self.matches.matches(request)
    }

    /// What is done with a denial; nothing is said of it for a policy that mutates.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }
}

fn read_actions(spec: &Json, faults: &mut Vec<FieldError>) -> Vec<Action> {
    let list = spec["validationActions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        let detail = "at least one validation action is required";
        faults.push(FieldError::required("spec.validationActions", detail));
    }
    let mut actions = Vec::new();
    for (at, word) in list.iter().enumerate() {
        let action = match word.as_str().unwrap_or_default() {
            "Deny" => Action::Deny,
            "Warn" => Action::Warn,
            "Audit" => Action::Audit,
            _ => {
                let field = format!("spec.validationActions[{at}]");
                let known = ["Audit", "Deny", "Warn"];
                faults.push(FieldError::not_supported(field, word.clone(), &known));
                continue;
            }
        };
        if actions.contains(&action) {
            let field = format!("spec.validationActions[{at}]");
            faults.push(FieldError::duplicate(field, word.clone()));
        }
        actions.push(action);
    }
    if actions.contains(&Action::Deny) && actions.contains(&Action::Warn) {
        let detail = "must not contain both Deny and Warn (repeating the same validation failure information in the \
                      API response and headers serves no purpose)";
        let actions = spec["validationActions"].clone();
        faults.push(FieldError::invalid("spec.validationActions", actions, detail));
    }
    actions
}
