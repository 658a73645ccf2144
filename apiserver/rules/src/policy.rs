//! A ValidatingAdmissionPolicy and its bindings, compiled.

use std::fmt::Display;

use apiserver_object::{Authorizer, Fault, FieldError};
use cel_language::{Environment, Program, Type, Variable};
use serde_json::Value as Json;

use crate::admission::Admission;
use crate::denial::Denial;
use crate::field_name::escape;
use crate::matching::MatchResources;
use crate::policy_environment::environment;
use crate::policy_evaluation;

/// A ValidatingAdmissionPolicy (`admissionregistration.k8s.io/v1`), compiled once.
#[derive(Debug)]
pub struct Policy {
    pub(crate) name: String,
    matches: MatchResources,
    pub(crate) conditions: Vec<Program>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) validations: Vec<Validation>,
    /// What cannot be evaluated is let pass (`failurePolicy: Ignore`).
    pub(crate) ignores_failures: bool,
}

/// One of the things that a policy demands.
#[derive(Debug)]
pub(crate) struct Validation {
    pub(crate) program: Program,
    pub(crate) message: Option<String>,
    pub(crate) message_expression: Option<Program>,
    pub(crate) reason: Option<String>,
}

impl Policy {
    /// Compiles a ValidatingAdmissionPolicy as the API sends it. `auditAnnotations` and `matchPolicy` have no effect:
    /// there is no audit log, and each resource is served in one version.
    ///
    /// # Errors
    /// One for each field that the real server refuses, and for `spec.paramKind`, which is not supported.
    pub fn compile(policy: &Json) -> Result<Self, Vec<FieldError>> {
        let mut compiler = Compiler { faults: Vec::new() };
        let compiled = compiler.policy(policy);
        if compiler.faults.is_empty() { Ok(compiled) } else { Err(compiler.faults) }
    }

    /// The name of the policy.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the policy is about the request. Policies and their bindings are exempt from policies.
    pub fn matches(&self, request: &Admission<'_>) -> bool {
        !is_exempt(request) && self.matches.matches(request)
    }

    /// What the policy denies about a request that it [matches](Self::matches); `failurePolicy` decides about what
    /// cannot be evaluated. The work is bounded: 1,000,000 steps for each expression, 10,000,000 for all.
    pub fn evaluate(&self, request: &Admission<'_>, authorizer: &dyn Authorizer) -> Vec<Denial> {
        policy_evaluation::evaluate(self, request, authorizer)
    }
}

fn is_exempt(request: &Admission<'_>) -> bool {
    let policies = [
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        "mutatingadmissionpolicies",
        "mutatingadmissionpolicybindings",
    ];
    request.group == "admissionregistration.k8s.io" && policies.contains(&request.resource)
}

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

/// A ValidatingAdmissionPolicyBinding, compiled once.
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
        let spec = &binding["spec"];
        let policy_name = text(spec, "policyName").unwrap_or_default().to_owned();
        if policy_name.is_empty() {
            faults.push(FieldError::new(Fault::Required, "spec.policyName", ""));
        }
        if !spec["paramRef"].is_null() {
            faults.push(FieldError::new(
                Fault::Forbidden,
                "spec.paramRef",
                "parameters of policies are not supported",
            ));
        }
        let matches =
            MatchResources::read(&spec["matchResources"], "spec.matchResources", &mut faults);
        let actions = read_actions(spec, &mut faults);
        let name = text(&binding["metadata"], "name").unwrap_or_default().to_owned();
        if faults.is_empty() {
            Ok(Self { name, policy_name, actions, matches })
        } else {
            Err(faults)
        }
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

    /// What is done with a denial.
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }
}

fn read_actions(spec: &Json, faults: &mut Vec<FieldError>) -> Vec<Action> {
    let list = spec["validationActions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() {
        let detail = "at least one validation action is required";
        faults.push(FieldError::new(Fault::Required, "spec.validationActions", detail));
    }
    let mut actions = Vec::new();
    for (at, word) in list.iter().enumerate() {
        let action = match word.as_str().unwrap_or_default() {
            "Deny" => Action::Deny,
            "Warn" => Action::Warn,
            "Audit" => Action::Audit,
            _ => {
                let detail = "supported values: \"Audit\", \"Deny\", \"Warn\"";
                let field = format!("spec.validationActions[{at}]");
                faults.push(
                    FieldError::new(Fault::NotSupported, field, detail).with_value(word.clone()),
                );
                continue;
            }
        };
        if actions.contains(&action) {
            let field = format!("spec.validationActions[{at}]");
            faults.push(FieldError::new(Fault::Duplicate, field, "").with_value(word.clone()));
        }
        actions.push(action);
    }
    if actions.contains(&Action::Deny) && actions.contains(&Action::Warn) {
        let detail = "must not contain both Deny and Warn (repeating the same validation failure information in the \
                      API response and headers serves no purpose)";
        let fault = FieldError::new(Fault::Invalid, "spec.validationActions", detail);
        faults.push(fault.with_value(spec["validationActions"].clone()));
    }
    actions
}

fn text<'a>(json: &'a Json, field: &str) -> Option<&'a str> {
    json.get(field).and_then(Json::as_str)
}

fn list<'a>(json: &'a Json, field: &str) -> &'a [Json] {
    json.get(field).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

struct Compiler {
    faults: Vec<FieldError>,
}

impl Compiler {
    fn fault(&mut self, fault: Fault, field: impl Display, detail: impl Into<String>) {
        self.faults.push(FieldError::new(fault, field, detail));
    }

    fn policy(&mut self, policy: &Json) -> Policy {
        let spec = &policy["spec"];
        if !spec["paramKind"].is_null() {
            self.fault(
                Fault::Forbidden,
                "spec.paramKind",
                "parameters of policies are not supported",
            );
        }
        let ignores_failures = match text(spec, "failurePolicy") {
            Some("Ignore") => true,
            None | Some("Fail") => false,
            Some(other) => {
                let detail = "supported values: \"Fail\", \"Ignore\"";
                let fault = FieldError::new(Fault::NotSupported, "spec.failurePolicy", detail);
                self.faults.push(fault.with_value(Json::from(other)));
                false
            }
        };
        let constraints = &spec["matchConstraints"];
        let matches = MatchResources::read(constraints, "spec.matchConstraints", &mut self.faults);
        if constraints.is_null() {
            self.fault(Fault::Required, "spec.matchConstraints", "");
        } else if !matches.has_rules() {
            self.fault(Fault::Required, "spec.matchConstraints.resourceRules", "");
        }
        let conditions = self.conditions(spec);
        let (variables, types) = self.variables(spec);
        let validations = self.validations(spec, &types);
        let name = text(&policy["metadata"], "name").unwrap_or_default().to_owned();
        Policy { name, matches, conditions, variables, validations, ignores_failures }
    }

    fn conditions(&mut self, spec: &Json) -> Vec<Program> {
        let environment = environment(None, true);
        let list = list(spec, "matchConditions");
        if list.len() > 64 {
            self.fault(
                Fault::TooMany,
                "spec.matchConditions",
                format!("must have at most {} items", 64),
            );
        }
        let mut conditions = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for (at, condition) in list.iter().enumerate() {
            let path = format!("spec.matchConditions[{at}]");
            conditions.extend(self.expression(
                condition,
                "expression",
                &path,
                &environment,
                Some(&Type::Bool),
            ));
            match text(condition, "name").filter(|name| !name.is_empty()) {
                None => self.fault(Fault::Required, format!("{path}.name"), ""),
                Some(name) if names.contains(&name) => {
                    let fault = FieldError::new(Fault::Duplicate, format!("{path}.name"), "");
                    self.faults.push(fault.with_value(Json::from(name)));
                }
                Some(name) => names.push(name),
            }
        }
        conditions
    }

    fn variables(&mut self, spec: &Json) -> (Vec<Variable>, Vec<(String, Type)>) {
        let (mut variables, mut types) = (Vec::new(), Vec::new());
        for (at, variable) in list(spec, "variables").iter().enumerate() {
            let path = format!("spec.variables[{at}]");
            let name = text(variable, "name").unwrap_or_default().to_owned();
            if name.trim().is_empty() {
                self.fault(Fault::Required, format!("{path}.name"), "name is not specified");
            } else if !is_identifier(&name) {
                let fault = FieldError::new(
                    Fault::Invalid,
                    format!("{path}.name"),
                    "must be a valid CEL identifier",
                );
                self.faults.push(fault.with_value(Json::from(name.as_str())));
            }
            let environment = environment(Some(&types), true);
            let Some(program) = self.expression(variable, "expression", &path, &environment, None)
            else {
                // Known all the same, so that one fault is not told again wherever the variable is used.
                types.push((name, Type::Dyn));
                continue;
            };
            types.push((name.clone(), program.result.clone()));
            variables.push(Variable { name, program });
        }
        (variables, types)
    }

    fn validations(&mut self, spec: &Json, types: &[(String, Type)]) -> Vec<Validation> {
        let validations = list(spec, "validations");
        if validations.is_empty() && list(spec, "auditAnnotations").is_empty() {
            let detail = "validations or auditAnnotations must contain at least one item";
            self.fault(Fault::Required, "spec.validations", detail);
            self.fault(Fault::Required, "spec.auditAnnotations", detail);
        }
        let conditions = environment(Some(types), true);
        let messages = environment(Some(types), false);
        let mut compiled = Vec::new();
        for (at, validation) in validations.iter().enumerate() {
            let path = format!("spec.validations[{at}]");
            let program =
                self.expression(validation, "expression", &path, &conditions, Some(&Type::Bool));
            let message_expression = self.message_expression(validation, &path, &messages);
            self.words(validation, &path);
            let (message, reason) = (text(validation, "message"), text(validation, "reason"));
            compiled.extend(program.map(|program| {
                Validation {
                    program,
                    message: message
                        .map(|message| message.trim().to_owned())
                        .filter(|message| !message.is_empty()),
                    message_expression,
                    reason: reason.map(str::to_owned),
                }
            }));
        }
        compiled
    }

    fn message_expression(
        &mut self,
        validation: &Json,
        path: &str,
        environment: &Environment,
    ) -> Option<Program> {
        let source = text(validation, "messageExpression").filter(|source| !source.is_empty())?;
        if source.trim().is_empty() {
            let field = format!("{path}.messageExpression");
            let fault = FieldError::new(Fault::Invalid, field, "must be non-empty if specified");
            self.faults.push(fault.with_value(Json::from(source)));
            return None;
        }
        self.expression(validation, "messageExpression", path, environment, Some(&Type::String))
    }

    /// Checks message and reason of a validation.
    fn words(&mut self, validation: &Json, path: &str) {
        let message = text(validation, "message").unwrap_or_default();
        let detail = if !message.is_empty() && message.trim().is_empty() {
            Some("must be non-empty if specified")
        } else {
            message.trim().contains(['\n', '\r']).then_some("must not contain line breaks")
        };
        if let Some(detail) = detail {
            let fault = FieldError::new(Fault::Invalid, format!("{path}.message"), detail);
            self.faults.push(fault.with_value(Json::from(message)));
        }
        let reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
        if let Some(reason) = text(validation, "reason").filter(|reason| !reasons.contains(reason))
        {
            let detail = format!(
                "supported values: {}",
                reasons.map(|reason| format!("{reason:?}")).join(", ")
            );
            let fault = FieldError::new(Fault::NotSupported, format!("{path}.reason"), detail);
            self.faults.push(fault.with_value(Json::from(reason)));
        }
    }

    /// Compiles one expression that is to be of a type, if one is given.
    fn expression(
        &mut self,
        json: &Json,
        field: &str,
        path: &str,
        environment: &Environment,
        wanted: Option<&Type>,
    ) -> Option<Program> {
        let field_path = format!("{path}.{field}");
        let source = text(json, field).unwrap_or_default();
        if source.trim().is_empty() {
            self.fault(Fault::Required, field_path, "expression is not specified");
            return None;
        }
        let detail = match Program::compile(source, environment) {
            Ok(program) => match wanted {
                Some(wanted) if *wanted != program.result => {
                    format!("must evaluate to {wanted} but got {}", program.result)
                }
                _ => return Some(program),
            },
            Err(issues) => format!("compilation failed: {issues}"),
        };
        self.faults.push(
            FieldError::new(Fault::Invalid, field_path, detail).with_value(Json::from(source)),
        );
        None
    }
}

fn is_identifier(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && escape(name).is_some_and(|escaped| !escaped.starts_with("__") || name.starts_with("__"))
}
