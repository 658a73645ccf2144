//! One evaluation of a policy on a request.

use std::borrow::Cow;

use apiserver_object::{Authorizer, ResourceAttributes};
use cel_language::{Evaluator, Fault, Program, Type, Value, shown};
use serde_json::Value as Json;

use crate::admission::Admission;
use crate::authorization::{Question, Rights};
use crate::denial::Denial;
use crate::functions::budget;
use crate::policy::{Policy, Validation};
use crate::policy_environment::{
    self as environment, AUTHORIZER, NAMESPACE, OBJECT, OLD_OBJECT, REQUEST,
};

const OUT_OF_BUDGET: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";

/// Longest message that an expression may make, in bytes.
const LONGEST_MESSAGE: usize = 5 * 1024;

impl Policy {
    /// What the policy denies about a request that it [matches](Self::matches); `failurePolicy` decides about what
    /// cannot be evaluated. The work is bounded: 1,000,000 steps for each expression, 10,000,000 for all.
    pub fn evaluate(&self, request: &Admission<'_>, authorizer: &dyn Authorizer) -> Vec<Denial> {
        evaluate(self, request, authorizer)
    }
}

/// All denials of a policy.
fn evaluate(
    policy: &Policy,
    admission: &Admission<'_>,
    authorizer: &dyn Authorizer,
) -> Vec<Denial> {
    let request = environment::request(admission);
    let types = environment::types();
    let budget = budget();
    let rights = Rights { authorizer, user: admission.user };
    match holds(&policy.conditions, admission, authorizer) {
        Ok(true) => {}
        Ok(false) => return Vec::new(),
        Err(_) if policy.ignores_failures => return Vec::new(),
        Err(message) => return vec![Denial::new(&policy.name, message, None)],
    }
    let values = globals(admission, &request, admission.namespace_object, types);
    let evaluator = Evaluator::new(values, &budget).with(&policy.variables, &rights);
    let mut denials = Vec::new();
    for validation in &policy.validations {
        if budget.is_spent() {
            let denial = Denial::new(&policy.name, OUT_OF_BUDGET.to_owned(), None);
            return if policy.ignores_failures { Vec::new() } else { vec![denial] };
        }
        match evaluator.run(&validation.program) {
            Ok(Value::Bool(true)) => {}
            Ok(_) => {
                let message = message(validation, &evaluator);
                denials.push(Denial::new(&policy.name, message, validation.reason.as_deref()));
            }
            Err(_) if policy.ignores_failures => {}
            Err(fault) => {
                denials.push(Denial::new(&policy.name, failed(&validation.program, &fault), None));
            }
        }
    }
    denials
}

/// Whether the conditions of a policy hold; the error says why that is not known.
pub(crate) fn holds(
    conditions: &[Program],
    admission: &Admission<'_>,
    authorizer: &dyn Authorizer,
) -> Result<bool, String> {
    if conditions.is_empty() {
        return Ok(true);
    }
    let request = environment::request(admission);
    let budget = budget();
    let rights = Rights { authorizer, user: admission.user };
    let values = globals(admission, &request, None, environment::types());
    matched(conditions, &Evaluator::new(values, &budget).with(&[], &rights))
}

pub(crate) fn failed(program: &Program, fault: &Fault) -> String {
    format!("expression '{}' resulted in error: {fault}", program.source)
}

/// Whether all conditions hold; one that does not decides even where others cannot be evaluated.
fn matched<'a>(conditions: &'a [Program], evaluator: &Evaluator<'a>) -> Result<bool, String> {
    let mut failures = Vec::new();
    for condition in conditions {
        match evaluator.run(condition) {
            Ok(Value::Bool(false)) => return Ok(false),
            Ok(_) => {}
            Err(fault) => failures.push(failed(condition, &fault)),
        }
    }
    match failures.as_slice() {
        [] => Ok(true),
        [one] => Err(one.clone()),
        many => Err(format!("[{}]", many.join(", "))),
    }
}

fn message<'a>(validation: &'a Validation, evaluator: &Evaluator<'a>) -> String {
    let made =
        validation.message_expression.as_ref().and_then(|program| match evaluator.run(program) {
            Ok(value @ Value::String(_)) => Some(shown(&value).trim().to_owned()),
            _ => None,
        });
    let fit =
        |text: &String| !text.is_empty() && text.len() <= LONGEST_MESSAGE && !text.contains('\n');
    made.filter(fit)
        .or_else(|| validation.message.clone())
        .unwrap_or_else(|| format!("failed expression: {}", validation.program.source.trim()))
}

/// The values of a policy's environment, by position.
pub(crate) fn globals<'a>(
    admission: &Admission<'a>,
    request: &'a Json,
    namespace: Option<&'a Json>,
    types: &'a [(&'static str, Type)],
) -> Vec<Option<Value<'a>>> {
    let object = |object: Option<&'a Json>| {
        Some(object.map_or(Value::Null, |json| Value::of_json(json, &Type::Dyn)))
    };
    let typed = |position: usize, json: &'a Json| Value::of_json(json, &types[position].1);
    let own = |text: &str| Cow::Owned(text.to_owned());
    let attributes = ResourceAttributes {
        verb: Cow::default(),
        group: own(admission.group),
        resource: own(admission.resource),
        subresource: own(admission.subresource),
        namespace: own(admission.namespace),
        name: own(admission.name),
    };
    let mut globals = vec![None; AUTHORIZER + 2];
    globals[OBJECT] = object(admission.object);
    globals[OLD_OBJECT] = object(admission.old_object);
    globals[REQUEST] = Some(typed(REQUEST, request));
    globals[NAMESPACE] = Some(namespace.map_or(Value::Null, |json| typed(NAMESPACE, json)));
    globals[environment::VARIABLES] = Some(Value::Variables);
    globals[AUTHORIZER] = Some(Value::opaque(Question::Authorizer(None)));
    globals[environment::REQUEST_RESOURCE] =
        Some(Value::opaque(Question::Resource(None, attributes)));
    globals
}
