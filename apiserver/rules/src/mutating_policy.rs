//! A MutatingAdmissionPolicy, compiled.

use apiserver_object::FieldError;
use cel_language::{Program, Type, Variable};
use serde_json::Value as Json;

use crate::admission::{Admission, Operation};
use crate::matching::MatchResources;
use crate::policy_compiler::{Compiler, list, text};
use crate::policy_environment::{json_patch, mutation_environment};

/// A MutatingAdmissionPolicy (`admissionregistration.k8s.io/v1`), compiled once.
#[derive(Debug)]
pub struct MutatingPolicy {
    name: String,
    matches: MatchResources,
    pub(crate) conditions: Vec<Program>,
    pub(crate) variables: Vec<Variable>,
    pub(crate) mutations: Vec<Program>,
    pub(crate) ignores_failures: bool,
    reinvoked: bool,
}

impl MutatingPolicy {
    /// Compiles a MutatingAdmissionPolicy as the API sends it.
    ///
    /// # Errors
    /// One for each field that the real server refuses, for `spec.paramKind`, and for mutations that are no JSON patches,
    /// both of which are not supported.
    pub fn compile(policy: &Json) -> Result<Self, Vec<FieldError>> {
        let mut compiler = Compiler::default();
        let compiled = compiler.mutating_policy(policy);
        compiler.finish(compiled)
    }

    /// The name of the policy.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the policy is about the request. Policies and their bindings are exempt from policies, and there is
    /// nothing to change in a deletion.
    pub fn matches(&self, request: &Admission<'_>) -> bool {
        request.operation != Operation::Delete
            && !request.is_about_policies()
            && self.matches.matches(request)
    }

    /// How many mutations it has.
    pub fn mutations(&self) -> usize {
        self.mutations.len()
    }

    /// What cannot be evaluated or applied is let pass (`failurePolicy: Ignore`).
    pub fn ignores_failures(&self) -> bool {
        self.ignores_failures
    }

    /// It is asked once more where the object changes after it (`reinvocationPolicy: IfNeeded`).
    pub fn is_reinvoked(&self) -> bool {
        self.reinvoked
    }
}

impl Compiler {
    fn mutating_policy(&mut self, policy: &Json) -> MutatingPolicy {
        let spec = &policy["spec"];
        let (ignores_failures, matches) = self.head(spec);
        let conditions = self.conditions(spec);
        let (variables, types) = self.variables(spec);
        let mutations = self.mutations(spec, &types);
        let name = text(&policy["metadata"], "name").unwrap_or_default().to_owned();
        let reinvoked = text(spec, "reinvocationPolicy") == Some("IfNeeded");
        MutatingPolicy {
            name,
            matches,
            conditions,
            variables,
            mutations,
            ignores_failures,
            reinvoked,
        }
    }

    fn mutations(&mut self, spec: &Json, types: &[(String, Type)]) -> Vec<Program> {
        let environment = mutation_environment(types);
        let wanted = Type::list(Type::Object(json_patch()));
        let mut compiled = Vec::new();
        for (at, mutation) in list(spec, "mutations").iter().enumerate() {
            let path = format!("spec.mutations[{at}]");
            if text(mutation, "patchType") != Some("JSONPatch") {
                self.faults.push(FieldError::forbidden(
                    format!("{path}.patchType"),
                    "this is the embedded API server, which only does JSONPatch",
                ));
                continue;
            }
            // Compiled without the space around it, as the real server does before it says what is wrong.
            let source = text(&mutation["jsonPatch"], "expression").unwrap_or_default();
            let trimmed = serde_json::json!({ "expression": source.trim() });
            let path = format!("{path}.jsonPatch");
            let program =
                self.expression(&trimmed, "expression", &path, &environment, Some(&wanted));
            compiled.extend(program.map(|mut program| {
                source.clone_into(&mut program.source);
                program
            }));
        }
        compiled
    }
}
