//! What a mutating policy makes of a request.

use apiserver_object::Authorizer;
use cel_language::{Evaluator, Message, Value, to_json};
use serde_json::{Map, Value as Json};

use crate::admission::Admission;
use crate::authorization::Rights;
use crate::functions::budget;
use crate::mutating_policy::MutatingPolicy;
use crate::policy_environment as environment;
use crate::policy_evaluation::{failed, globals, holds};

/// The operations of a JSON patch, as JSON.
pub type Operations = Vec<Map<String, Json>>;

/// Most bytes of a patch.
const LARGEST: usize = 3 * 1024 * 1024;

/// Bytes that count for an operation beside its value.
const OVERHEAD: usize = 64;

const NO_JSON: &str = "JSONPath valueExpression evaluated to a type that could not marshal to JSON";

impl MutatingPolicy {
    /// Whether the conditions of the policy hold for a request that it [matches](Self::matches). They do not where they
    /// cannot be evaluated and the policy ignores failures.
    ///
    /// # Errors
    /// They cannot be evaluated: the text says why.
    pub fn applies(
        &self,
        request: &Admission<'_>,
        authorizer: &dyn Authorizer,
    ) -> Result<bool, String> {
        match holds(&self.conditions, request, authorizer) {
            Err(_) if self.ignores_failures => Ok(false),
            found => found,
        }
    }

    /// The patch that one of its mutations makes of the request. The work is bounded: 1,000,000 steps for each
    /// expression, 10,000,000 for all variables and the mutation.
    ///
    /// # Errors
    /// It cannot be evaluated: the text says why.
    pub fn patch(
        &self,
        mutation: usize,
        request: &Admission<'_>,
        authorizer: &dyn Authorizer,
    ) -> Result<Operations, String> {
        let Some(program) = self.mutations.get(mutation) else { return Ok(Vec::new()) };
        let asked = environment::request(request);
        let budget = budget();
        let rights = Rights { authorizer, user: request.user };
        let namespace = request.namespace_object;
        let values = globals(request, &asked, namespace, environment::types());
        let evaluator = Evaluator::new(values, &budget).with(&self.variables, &rights);
        let made = evaluator.run(program).map_err(|fault| failed(program, &fault))?;
        let Value::List(entries) = &made else { return Ok(Vec::new()) };
        operations(entries)
    }
}

/// The operations of a patch, which is no larger than a request may be.
fn operations(entries: &[Value<'_>]) -> Result<Operations, String> {
    let mut left = LARGEST;
    let mut operations = Vec::new();
    for entry in entries {
        let operation = operation(entry)?;
        let size = operation.get("value").map_or(0, |value| value.to_string().len());
        left = left
            .checked_sub(size + OVERHEAD)
            .ok_or_else(|| format!("the patch is larger than {LARGEST} bytes"))?;
        operations.push(operation);
    }
    Ok(operations)
}

fn operation(entry: &Value<'_>) -> Result<Map<String, Json>, String> {
    let Value::Message(message) = entry else {
        // What is dynamic passes the checker.
        return Err(format!(
            "type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch, got {}",
            entry.type_name()
        ));
    };
    let mut operation = Map::new();
    for field in ["op", "path"] {
        operation.insert(field.to_owned(), text(message, field));
    }
    if message.field("from").is_some() && text(message, "from") != "" {
        operation.insert("from".to_owned(), text(message, "from"));
    }
    if let Some(value) = message.field("value") {
        let value = to_json(value).map_err(|why| format!("{NO_JSON}: {why}"))?;
        operation.insert("value".to_owned(), value);
    }
    Ok(operation)
}

fn text(message: &Message<'_>, field: &str) -> Json {
    match message.field(field) {
        Some(Value::String(text)) => Json::from(text.as_str()),
        _ => Json::from(""),
    }
}
