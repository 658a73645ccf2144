//! Rules of a schema (`x-kubernetes-validations`), compiled.

use apiserver_object::{Fault, FieldError, go_text};
use apiserver_schema::{ListType, Rule, Schema, Type as JsonType};
use cel_language::{Environment, Program, Type};
use serde_json::Value as Json;

use crate::field_path::normalized;
use crate::functions::functions;
use crate::rule_evaluation::Run;
use crate::rule_tree::{CompiledRule, RuleNode};
use crate::schema_type::schema_type;

/// All rules of one schema tree, compiled once.
#[derive(Debug)]
pub struct CompiledRules {
    root: Option<RuleNode>,
}

impl CompiledRules {
    /// Compiles the rules of a kind's schema. `path` is where the schema stands in its CustomResourceDefinition
    /// (`spec.versions[0].schema.openAPIV3Schema`) and begins the field of each error.
    ///
    /// # Errors
    /// One for each rule that does not parse, does not fit the schema's types, is not a condition, compares entries
    /// that cannot be told apart with their former selves, or is otherwise not well-formed.
    pub fn compile(schema: &Schema, path: &str) -> Result<Self, Vec<FieldError>> {
        let mut compiler = Compiler { faults: Vec::new() };
        let kind = schema_type(schema, true, "self");
        let root = compiler.node(schema, kind.as_ref(), path, None);
        if compiler.faults.is_empty() { Ok(Self { root }) } else { Err(compiler.faults) }
    }

    /// There is no rule at all.
    pub const fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Evaluates the rules on an object that is valid by its schema; `old` is the stored object on an update.
    ///
    /// Rules that compare with `oldSelf` run where there is an old value only. A rule that fails on a part that did
    /// not change on an update is forgiven, as the real server does (ratcheting). The work is bounded: 1,000,000 steps
    /// for each rule and 10,000,000 for the object; what exceeds them is an error, and no more rules run.
    pub fn evaluate(&self, object: &Json, old: Option<&Json>) -> Vec<FieldError> {
        let Some(root) = &self.root else {
            return Vec::new();
        };
        Run::over(root, object, old)
    }
}

struct Compiler {
    faults: Vec<FieldError>,
}

impl Compiler {
    /// A node, or nothing where there is no rule at or below it. `uncorrelatable`: the list above whose entries
    /// cannot be told apart.
    fn node(
        &mut self,
        schema: &Schema,
        kind: Option<&Type>,
        path: &str,
        uncorrelatable: Option<&str>,
    ) -> Option<RuleNode> {
        let mut properties = Vec::new();
        for (name, inner) in &schema.properties {
            let inner_kind = property_type(kind, name);
            let found =
                self.node(inner, inner_kind, &format!("{path}.properties[{name}]"), uncorrelatable);
            properties.extend(found.map(|found| (name.clone(), found)));
        }
        let element = kind.and_then(Type::element);
        let values = match &schema.additional {
            apiserver_schema::Additional::Values(values) => self
                .node(values, element, &format!("{path}.additionalProperties"), uncorrelatable)
                .map(Box::new),
            _ => None,
        };
        let keys = match &schema.list_type {
            ListType::Map(keys) => keys.clone(),
            _ => Vec::new(),
        };
        let items = schema.items.as_deref().and_then(|items| {
            let uncorrelatable =
                if keys.is_empty() { uncorrelatable.or(Some(path)) } else { uncorrelatable };
            self.node(items, element, &format!("{path}.items"), uncorrelatable).map(Box::new)
        });
        let rules = self.rules(schema, kind, path, uncorrelatable);
        let word = schema.kind.map_or("", word);
        let kind = kind.cloned().unwrap_or(Type::Dyn);
        let some =
            !rules.is_empty() || !properties.is_empty() || values.is_some() || items.is_some();
        some.then_some(RuleNode { word, kind, rules, properties, values, items, keys })
    }

    fn rules(
        &mut self,
        schema: &Schema,
        kind: Option<&Type>,
        path: &str,
        uncorrelatable: Option<&str>,
    ) -> Vec<CompiledRule> {
        let mut compiled = Vec::new();
        let below = schema.checks.all_of.iter().enumerate();
        let below = below.map(|(at, inner)| (format!("{path}.allOf[{at}]"), &inner.rules));
        let own = (path.to_owned(), &schema.rules);
        for (path, rules) in std::iter::once(own).chain(below) {
            for (at, rule) in rules.iter().enumerate() {
                let path = format!("{path}.x-kubernetes-validations[{at}]");
                compiled.extend(self.rule(schema, kind, rule, &path, uncorrelatable));
            }
        }
        compiled
    }

    fn rule(
        &mut self,
        schema: &Schema,
        kind: Option<&Type>,
        rule: &Rule,
        path: &str,
        uncorrelatable: Option<&str>,
    ) -> Option<CompiledRule> {
        let malformed = malformed(schema, rule, path);
        if !malformed.is_empty() {
            self.faults.extend(malformed);
            return None;
        }
        let Some(kind) = kind else {
            let detail = "failed to retrieve type information for x-kubernetes-validations";
            self.faults.push(FieldError::new(Fault::Internal, path, detail));
            return None;
        };
        let old = if rule.optional_old_self { Type::optional(kind.clone()) } else { kind.clone() };
        let globals = vec![("self", kind.clone()), ("oldSelf", old)];
        let environment = Environment { globals, functions: functions(), messages: Vec::new() };
        let program = self.program(rule, path, &environment)?;
        let message = self.message(rule, path, &environment);
        let field = rule
            .field_path
            .as_deref()
            .and_then(|path| normalized(path, schema))
            .unwrap_or_default();
        let compiled = CompiledRule { rule: rule.clone(), program, message, field };
        self.transition(&compiled, path, uncorrelatable);
        Some(compiled)
    }

    fn invalid(&mut self, rule: &Rule, field: String, detail: &str) {
        self.faults.push(FieldError::new(
            Fault::Invalid,
            field,
            format!("{}: {detail}", shown(rule)),
        ));
    }

    fn program(&mut self, rule: &Rule, path: &str, environment: &Environment) -> Option<Program> {
        let detail = match Program::compile(&rule.rule, environment) {
            Ok(program) if program.result == Type::Bool => return Some(program),
            Ok(_) => "cel expression must evaluate to a bool".to_owned(),
            Err(issues) => format!("compilation failed: {issues}"),
        };
        self.invalid(rule, format!("{path}.rule"), &detail);
        None
    }

    fn message(&mut self, rule: &Rule, path: &str, environment: &Environment) -> Option<Program> {
        let detail = match Program::compile(rule.message_expression.as_deref()?, environment) {
            Ok(message) if message.result == Type::String => return Some(message),
            Ok(_) => "messageExpression must evaluate to a string".to_owned(),
            Err(issues) => format!("messageExpression compilation failed: {issues}"),
        };
        self.invalid(rule, format!("{path}.messageExpression"), &detail);
        None
    }

    /// `oldSelf` is used where there is one, and only there.
    fn transition(&mut self, compiled: &CompiledRule, path: &str, uncorrelatable: Option<&str>) {
        match uncorrelatable {
            Some(list) if compiled.is_transition() => {
                let detail = format!(
                    "oldSelf cannot be used on the uncorrelatable portion of the schema within {list}"
                );
                let rule = compiled.rule.rule.as_str();
                self.faults.push(FieldError::invalid(format!("{path}.rule"), rule, detail));
            }
            _ if compiled.rule.optional_old_self && !compiled.is_transition() => {
                let detail = "may not be set if oldSelf is not used in rule";
                let place = format!("{path}.optionalOldSelf");
                self.faults.push(FieldError::invalid(place, true, detail));
            }
            _ => {}
        }
    }
}

fn property_type<'t>(kind: Option<&'t Type>, name: &str) -> Option<&'t Type> {
    match kind {
        Some(Type::Object(object)) => object.field(name).map(|field| &field.kind),
        _ => None,
    }
}

const fn word(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Object => "object",
        JsonType::Array => "array",
        JsonType::String => "string",
        JsonType::Integer => "integer",
        JsonType::Number => "number",
        JsonType::Boolean => "boolean",
    }
}

const REASONS: [&str; 4] =
    ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/// What is wrong with a rule before its expression is looked at.
fn malformed(schema: &Schema, rule: &Rule, path: &str) -> Vec<FieldError> {
    let mut faults = Vec::new();
    let mut invalid = |field: &str, value: &str, detail: &str| {
        faults.push(FieldError::invalid(format!("{path}.{field}"), value, detail));
    };
    let lines = |text: &str| text.contains(['\n', '\r']);
    let message = rule.message.as_deref().unwrap_or_default();
    if !rule.rule.trim().is_empty() {
        if !message.is_empty() && message.trim().is_empty() {
            invalid("message", message, "must be non-empty if specified");
        } else if lines(message.trim()) {
            invalid("message", message, "must not contain line breaks");
        }
    }
    if let Some(field) = rule.field_path.as_deref().filter(|field| !field.is_empty()) {
        if field.trim().is_empty() {
            invalid("fieldPath", field, "must be non-empty if specified");
        }
        if lines(field) {
            invalid("fieldPath", field, "must not contain line breaks");
        }
        if normalized(field, schema).is_none() {
            invalid("fieldPath", field, "must be a valid path");
        }
    }
    let mut required = |field: &str, detail: &str| {
        faults.push(FieldError::required(format!("{path}.{field}"), detail));
    };
    if rule.rule.trim().is_empty() {
        required("rule", "rule is not specified");
    } else if lines(rule.rule.trim()) && message.trim().is_empty() {
        required("message", "message must be specified if rule contains line breaks");
    }
    if rule
        .message_expression
        .as_deref()
        .is_some_and(|source| !source.is_empty() && source.trim().is_empty())
    {
        required("messageExpression", "messageExpression must be non-empty if specified");
    }
    if let Some(reason) = rule.reason.as_deref().filter(|reason| !REASONS.contains(reason)) {
        faults.push(FieldError::not_supported(format!("{path}.reason"), reason, &REASONS));
    }
    faults
}

/// A rule as an error shows it: a value of Go, its fields in their order there.
fn shown(rule: &Rule) -> String {
    let quoted = |text: &str| go_text::json(&Json::from(text));
    let text = |text: &Option<String>| quoted(text.as_deref().unwrap_or_default());
    format!(
        r#"{{"Rule":{},"Message":{},"MessageExpression":{},"Reason":{},"FieldPath":{},"OptionalOldSelf":{}}}"#,
        quoted(&rule.rule),
        text(&rule.message),
        text(&rule.message_expression),
        rule.reason.as_deref().map_or("null".to_owned(), quoted),
        text(&rule.field_path),
        if rule.optional_old_self { "true" } else { "null" },
    )
}
