//! An expression, ready to be evaluated.

use std::fmt;

use crate::checker::{Checker, Issue};
use crate::environment::Environment;
use crate::function::Functions;
use crate::parser::parse;
use crate::syntax::Expression;
use crate::types::Type;

/// A checked expression.
pub struct Program {
    /// The text.
    pub source: String,
    pub(crate) expression: Expression,
    pub(crate) functions: &'static Functions,
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
        let result = checker.check(&mut expression).closed();
        if !checker.issues.is_empty() {
            return Err(shown(source, &checker.issues));
        }
        let (used, functions) = (checker.used, environment.functions);
        Ok(Self { source: source.to_owned(), expression, functions, result, used })
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Program").field(&self.source).finish()
    }
}

/// The issues with the lines that they are in, as cel-go prints them.
fn shown(source: &str, issues: &[Issue]) -> String {
    let mut issues = issues.to_vec();
    issues.sort_by_key(|issue| issue.at);
    let lines: Vec<_> = issues.iter().map(|issue| shown_issue(source, issue)).collect();
    lines.join("\n")
}

fn shown_issue(source: &str, issue: &Issue) -> String {
    let before = &source[..issue.at.min(source.len())];
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let text = source.split('\n').nth(line).unwrap_or_default();
    let dots = ".".repeat(column);
    format!("ERROR: <input>:{}:{}: {}\n | {text}\n | {dots}^", line + 1, column + 1, issue.message)
}
