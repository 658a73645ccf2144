//! A ValidatingAdmissionPolicy, compiled.

use apiserver_object::{Fault, FieldError};
use cel_language::{Environment, Program, Type, Variable};
use serde_json::Value as Json;

use crate::admission::Admission;
use crate::matching::MatchResources;
use crate::policy_compiler::{Compiler, list, text};
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
        let mut compiler = Compiler::default();
        let compiled = compiler.policy(policy);
        compiler.finish(compiled)
    }

    /// The name of the policy.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the policy is about the request. Policies and their bindings are exempt from policies.
    pub fn matches(&self, request: &Admission<'_>) -> bool {
        !request.is_about_policies() && self.matches.matches(request)
    }
}

impl Compiler {
    fn policy(&mut self, policy: &Json) -> Policy {
        let spec = &policy["spec"];
        let (ignores_failures, matches) = self.head(spec);
        let conditions = self.conditions(spec);
        let (variables, types) = self.variables(spec);
        let validations = self.validations(spec, &types);
        let name = text(&policy["metadata"], "name").unwrap_or_default().to_owned();
        Policy { name, matches, conditions, variables, validations, ignores_failures }
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
}
