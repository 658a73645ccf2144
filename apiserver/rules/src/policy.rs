//! A ValidatingAdmissionPolicy, compiled.

use std::fmt::Display;

use apiserver_object::{Fault, FieldError};
use cel_language::{Environment, Program, Type, Variable};
use serde_json::Value as Json;

use crate::admission::Admission;
use crate::field_name::escape;
use crate::matching::MatchResources;
use crate::policy_environment::environment;

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
                let known = ["Fail", "Ignore"];
                self.faults.push(FieldError::not_supported("spec.failurePolicy", other, &known));
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
                    self.faults.push(FieldError::duplicate(format!("{path}.name"), name));
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
                let detail = "must be a valid CEL identifier";
                let place = format!("{path}.name");
                self.faults.push(FieldError::invalid(place, name.as_str(), detail));
            }
            let environment = environment(Some(&types), true);
            let Some(program) = self.expression(variable, "expression", &path, &environment, None)
            else {
                // Known all the same, so that one fault is not reported again wherever the variable is used.
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
            let detail = "must be non-empty if specified";
            self.faults.push(FieldError::invalid(field, source, detail));
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
            self.faults.push(FieldError::invalid(format!("{path}.message"), message, detail));
        }
        let reasons = ["Forbidden", "Invalid", "RequestEntityTooLarge"];
        if let Some(reason) = text(validation, "reason").filter(|reason| !reasons.contains(reason))
        {
            let place = format!("{path}.reason");
            self.faults.push(FieldError::not_supported(place, reason, &reasons));
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
        self.faults.push(FieldError::invalid(field_path, source, detail));
        None
    }
}

fn is_identifier(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && escape(name).is_some_and(|escaped| !escaped.starts_with("__") || name.starts_with("__"))
}
