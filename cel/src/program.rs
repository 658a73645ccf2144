//! An expression, ready to be evaluated.

use crate::checker::{Checker, Environment, Issue};
use crate::parser::parse;
use crate::syntax::Expression;
use crate::types::Type;

/// A checked expression.
#[derive(Debug)]
pub struct Program {
    /// The text.
    pub source: String,
    pub(crate) expression: Expression,
    /// The type of its values.
    pub result: Type,
    /// Positions of the globals in use.
    pub used: Vec<usize>,
}

impl Program {
    /// Compiles an expression; the error is what the real server prints after `compilation failed: `.
    pub fn compile(source: &str, environment: &Environment) -> Result<Self, String> {
        let mut expression = parse(source).map_err(|fault| {
            shown(source, &[Issue { at: fault.at, message: fault.to_string() }])
        })?;
        let mut checker = Checker::new(environment);
        let result = checker.check(&mut expression);
        if !checker.issues.is_empty() {
            return Err(shown(source, &checker.issues));
        }
        Ok(Self { source: source.to_owned(), expression, result, used: checker.used })
    }
}

/// The issues with the lines that they are in, as cel-go prints them.
fn shown(source: &str, issues: &[Issue]) -> String {
    let mut issues = issues.to_vec();
    issues.sort_by_key(|issue| issue.at);
    let parts = issues.iter().map(|issue| {
        let before = &source[..issue.at.min(source.len())];
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        let text = source.split('\n').nth(line).unwrap_or_default();
        let dots = ".".repeat(column);
        format!(
            "ERROR: <input>:{}:{}: {}\n | {text}\n | {dots}^",
            line + 1,
            column + 1,
            issue.message
        )
    });
    parts.collect::<Vec<_>>().join("\n")
}
