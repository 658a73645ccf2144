//! CEL rules as they are written; their expressions are compiled elsewhere.

use apiserver_object::FieldError;

use super::node::{Node, invalid, not_supported, required};

const REASONS: [&str; 4] =
    ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];

/// Checks the rules at a node: a rule is there, texts are not blank, messages have one line.
pub(super) fn check(node: Node<'_>, path: &str, errors: &mut Vec<FieldError>) {
    for (index, rule) in node.nodes("x-kubernetes-validations") {
        let path = format!("{path}.x-kubernetes-validations[{index}]");
        errors.extend(message(rule, &path));
        let expression = rule.text("messageExpression");
        if is_blank(expression) {
            errors.push(required(
                &path,
                "messageExpression",
                "messageExpression must be non-empty if specified",
            ));
        }
        if let Some(reason) =
            rule.optional_text("reason").filter(|reason| !REASONS.contains(reason))
        {
            errors.push(not_supported(&path, "reason", reason, &REASONS));
        }
        let field = rule.text("fieldPath");
        if is_blank(field) {
            errors.push(invalid(
                &path,
                "fieldPath",
                field.into(),
                "must be non-empty if specified",
            ));
        }
        if has_lines(field) {
            errors.push(invalid(&path, "fieldPath", field.into(), "must not contain line breaks"));
        }
    }
}

fn message(rule: Node<'_>, path: &str) -> Option<FieldError> {
    let (expression, message) = (rule.text("rule").trim(), rule.text("message"));
    if expression.is_empty() {
        return Some(required(path, "rule", "rule is not specified"));
    }
    if is_blank(message) {
        return Some(invalid(path, "message", message.into(), "must be non-empty if specified"));
    }
    if has_lines(message.trim()) {
        return Some(invalid(path, "message", message.into(), "must not contain line breaks"));
    }
    let unexplained = has_lines(expression) && message.is_empty();
    unexplained.then(|| {
        required(path, "message", "message must be specified if rule contains line breaks")
    })
}

fn is_blank(text: &str) -> bool {
    !text.is_empty() && text.trim().is_empty()
}

fn has_lines(text: &str) -> bool {
    text.contains(['\n', '\r'])
}
