//! One evaluation of a schema's rules on an object.

use apiserver_object::{Fault as FieldFault, FieldError, go_text};
use cel_language::{Budget, Evaluator, Fault, Program, Type, Value, shown};
use serde_json::Value as Json;

use crate::functions::budget;
use crate::rule_tree::{CompiledRule, OLD_SELF, RuleNode, SELF};

/// Longest message that an expression may make, in bytes.
const LONGEST_MESSAGE: usize = 5 * 1024;

/// A new value and its former self: the nearest that can be told apart, at or above a node.
#[derive(Clone, Copy)]
struct Pair<'a> {
    new: &'a Json,
    old: &'a Json,
}

/// The work is bounded; this says that it is all used up.
struct Stop;

/// An evaluation.
pub(crate) struct Run<'a> {
    budget: &'a Budget,
    faults: Vec<FieldError>,
}

impl<'a> Run<'a> {
    /// All faults of an object.
    pub(crate) fn over(root: &RuleNode, object: &Json, old: Option<&Json>) -> Vec<FieldError> {
        let budget = budget();
        let mut run = Run { budget: &budget, faults: Vec::new() };
        let pair = old.map(|old| Pair { new: object, old });
        let _ = run.node(root, "", object, old, pair, true);
        run.faults
    }

    /// `old`: the former self, if there is one. `pair`: what decides whether a fault is forgiven.
    fn node(
        &mut self,
        node: &'a RuleNode,
        path: &str,
        value: &'a Json,
        old: Option<&'a Json>,
        pair: Option<Pair<'a>>,
        root: bool,
    ) -> Result<(), Stop> {
        if value.is_null() {
            return Ok(());
        }
        self.rules(node, path, value, old.filter(|old| !old.is_null()), pair)?;
        match value {
            Json::Object(map) => {
                let former = |key: &str| old.and_then(|old| old.get(key));
                for (key, inner) in &node.properties {
                    let Some(value) = map.get(key) else {
                        continue;
                    };
                    let hidden = root && matches!(key.as_str(), "apiVersion" | "kind");
                    let pair = if hidden { None } else { below(pair, value, former(key)) };
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    self.node(inner, &path, value, former(key), pair, false)?;
                }
                if let Some(inner) = &node.values {
                    for (key, value) in map {
                        let pair = below(pair, value, former(key));
                        self.node(
                            inner,
                            &format!("{path}[{key}]"),
                            value,
                            former(key),
                            pair,
                            false,
                        )?;
                    }
                }
                Ok(())
            }
            Json::Array(entries) => self.entries(node, path, entries, old, pair),
            _ => Ok(()),
        }
    }

    fn entries(
        &mut self,
        node: &'a RuleNode,
        path: &str,
        entries: &'a [Json],
        old: Option<&'a Json>,
        pair: Option<Pair<'a>>,
    ) -> Result<(), Stop> {
        let Some(items) = &node.items else {
            return Ok(());
        };
        for (at, entry) in entries.iter().enumerate() {
            let former = old.and_then(Json::as_array).filter(|_| !node.keys.is_empty());
            let former = former.and_then(|former| {
                former
                    .iter()
                    .find(|former| node.keys.iter().all(|key| former.get(key) == entry.get(key)))
            });
            self.node(
                items,
                &format!("{path}[{at}]"),
                entry,
                former,
                below(pair, entry, former),
                false,
            )?;
        }
        Ok(())
    }

    fn rules(
        &mut self,
        node: &'a RuleNode,
        path: &str,
        value: &'a Json,
        old: Option<&'a Json>,
        pair: Option<Pair<'a>>,
    ) -> Result<(), Stop> {
        if node.rules.is_empty() {
            return Ok(());
        }
        let seen = |json: &'a Json| Value::of_json(json, &node.kind);
        let mut evaluator = Evaluator::new(vec![None, None], self.budget);
        evaluator.set_global(SELF, Some(seen(value)));
        for compiled in &node.rules {
            let optional = compiled.rule.optional_old_self;
            if compiled.is_transition() && old.is_none() && !optional {
                continue;
            }
            if self.budget.is_spent() {
                let detail = "validation failed due to running out of cost budget, no further validation rules will be run";
                self.typed_fault(node, path, detail.to_owned());
                return Err(Stop);
            }
            let former = old.map(seen);
            let former = if optional {
                Some(former.map_or(Value::Optional(None), Value::some))
            } else {
                former
            };
            evaluator.set_global(OLD_SELF, former);
            let outcome = evaluator.run(&compiled.program);
            match outcome {
                Ok(Value::Bool(true)) => {}
                Ok(_) => self.broken(&evaluator, node, compiled, path, value, pair)?,
                Err(fault) => self.failed(node, compiled, path, &fault)?,
            }
        }
        Ok(())
    }

    fn typed_fault(&mut self, node: &RuleNode, path: &str, detail: String) {
        let fault = FieldError::new(FieldFault::Invalid, path, detail);
        self.faults.push(fault.with_value(Json::from(node.word)));
    }

    /// A rule that cannot be evaluated.
    fn failed(
        &mut self,
        node: &RuleNode,
        compiled: &CompiledRule,
        path: &str,
        fault: &Fault,
    ) -> Result<(), Stop> {
        let rule = compiled.rule.message.as_deref().filter(|message| !message.is_empty());
        let rule = rule.unwrap_or(&compiled.rule.rule).trim();
        let words = fault.to_string();
        let detail = match fault {
            Fault::Budget => format!(
                "'{words}': no further validation rules will be run due to call cost exceeds limit for rule: {rule}"
            ),
            Fault::Evaluation(_) if words.starts_with("no such overload") => format!(
                "'{words}': call arguments did not match a supported operator, function or macro signature for rule: \
                 {rule}"
            ),
            Fault::Evaluation(_) => format!("{words} evaluating rule: {rule}"),
        };
        self.typed_fault(node, path, detail);
        if *fault == Fault::Budget { Err(Stop) } else { Ok(()) }
    }

    /// A rule that is false.
    fn broken(
        &mut self,
        evaluator: &Evaluator<'a>,
        node: &RuleNode,
        compiled: &'a CompiledRule,
        path: &str,
        value: &Json,
        pair: Option<Pair<'_>>,
    ) -> Result<(), Stop> {
        if !compiled.is_transition() && pair.is_some_and(|pair| pair.new == pair.old) {
            return Ok(());
        }
        let field = match (path.is_empty(), compiled.field.as_str()) {
            (_, "") => path.to_owned(),
            (true, field) => field.to_owned(),
            (false, field) => format!("{path}.{field}"),
        };
        let message = match &compiled.message {
            Some(program) => match message(evaluator, program) {
                Ok(message) => message,
                Err(Fault::Budget) => {
                    let detail = format!(
                        "no further validation rules will be run due to call cost exceeds limit for \
                         messageExpression: {}",
                        go_text::quoted(&program.source)
                    );
                    self.typed_fault(node, &field, detail);
                    return Err(Stop);
                }
                Err(Fault::Evaluation(_)) => None,
            },
            None => None,
        };
        let detail = message.unwrap_or_else(|| default_message(compiled));
        let scalar = !matches!(node.kind, Type::Object(_) | Type::Map(_) | Type::List(_));
        self.faults.push(reasoned(compiled, field, detail, scalar.then(|| value.clone())));
        Ok(())
    }
}

/// What decides about a part of a value: the part where it has a former self, the whole otherwise.
fn below<'a>(pair: Option<Pair<'a>>, new: &'a Json, old: Option<&'a Json>) -> Option<Pair<'a>> {
    match (pair, old) {
        (Some(_), Some(old)) => Some(Pair { new, old }),
        (pair, _) => pair,
    }
}

/// The message that an expression makes, if it is fit to be shown.
fn message<'a>(evaluator: &Evaluator<'a>, program: &'a Program) -> Result<Option<String>, Fault> {
    let value = evaluator.run(program)?;
    if !matches!(value, Value::String(_)) {
        return Ok(None);
    }
    let text = shown(&value).trim().to_owned();
    Ok((!text.is_empty() && text.len() <= LONGEST_MESSAGE && !text.contains('\n')).then_some(text))
}

fn default_message(compiled: &CompiledRule) -> String {
    match compiled.rule.message.as_deref().filter(|message| !message.is_empty()) {
        Some(message) => message.trim().to_owned(),
        None => format!("failed rule: {}", compiled.rule.rule.trim()),
    }
}

fn reasoned(
    compiled: &CompiledRule,
    field: String,
    detail: String,
    value: Option<Json>,
) -> FieldError {
    let fault = match compiled.rule.reason.as_deref() {
        Some("FieldValueForbidden") => {
            return FieldError::forbidden(field, detail);
        }
        Some("FieldValueRequired") => return FieldError::required(field, detail),
        Some("FieldValueDuplicate") => FieldError::new(FieldFault::Duplicate, field, ""),
        _ => FieldError::new(FieldFault::Invalid, field, detail),
    };
    match value {
        Some(value) => fault.with_value(value),
        None => fault,
    }
}
