//! What policies of both kinds consist of, compiled.

use std::fmt::Display;

use apiserver_object::{Fault, FieldError};
use cel_language::{Environment, Program, Type, Variable};
use serde_json::Value as Json;

use crate::field_name::escape;
use crate::matching::MatchResources;
use crate::policy_environment::environment;

pub(crate) fn text<'a>(json: &'a Json, field: &str) -> Option<&'a str> {
    json.get(field).and_then(Json::as_str)
}

pub(crate) fn list<'a>(json: &'a Json, field: &str) -> &'a [Json] {
    json.get(field).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Compiles policies, and notes what is wrong with them.
#[derive(Default)]
pub(crate) struct Compiler {
    pub(crate) faults: Vec<FieldError>,
}

impl Compiler {
    /// What was compiled, if nothing was wrong.
    pub(crate) fn finish<T>(self, compiled: T) -> Result<T, Vec<FieldError>> {
        if self.faults.is_empty() { Ok(compiled) } else { Err(self.faults) }
    }

    pub(crate) fn fault(&mut self, fault: Fault, field: impl Display, detail: impl Into<String>) {
        self.faults.push(FieldError::new(fault, field, detail));
    }

    /// What is the same in both kinds before expressions come: parameters, which are not supported; whether what cannot
    /// be evaluated is let pass; which requests are meant.
    pub(crate) fn head(&mut self, spec: &Json) -> (bool, MatchResources) {
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
        (ignores_failures, matches)
    }

    pub(crate) fn conditions(&mut self, spec: &Json) -> Vec<Program> {
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

    pub(crate) fn variables(&mut self, spec: &Json) -> (Vec<Variable>, Vec<(String, Type)>) {
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

    /// Compiles one expression that is to be of a type, if one is given.
    pub(crate) fn expression(
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
