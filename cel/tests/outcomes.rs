//! Expressions come to what they come to on a Kubernetes API server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::LazyLock;

use cel_language::{Budget, Environment, Evaluator, Fault, Functions, Program, library, shown};

static FUNCTIONS: LazyLock<Functions> = LazyLock::new(|| Functions::new(&library::ALL));

fn outcome(source: &str) -> String {
    let environment =
        Environment { globals: Vec::new(), functions: &FUNCTIONS, messages: Vec::new() };
    let program = match Program::compile(source, &environment) {
        Ok(program) => program,
        Err(issues) => return format!("C: {issues}"),
    };
    let budget = Budget::new(1_000_000, 10_000_000);
    match Evaluator::new(Vec::new(), &budget).run(&program) {
        Ok(value) => format!("{}|{}", value.type_name(), shown(&value)),
        Err(Fault::Evaluation(message)) => format!("E: {message}"),
        Err(Fault::Budget) => "E: budget".to_owned(),
    }
}

#[test]
fn expressions_come_to_what_kubernetes_makes_of_them() {
    let mut differences = Vec::new();
    for line in include_str!("outcomes.tsv").lines().filter(|line| !line.starts_with('#')) {
        let (source, expected) = line.split_once('\t').unwrap();
        let found = outcome(source);
        if found != expected {
            differences.push(format!("{source}\n  Kubernetes {expected}\n  here       {found}"));
        }
    }
    assert!(differences.is_empty(), "{}\n{}", differences.len(), differences.join("\n"));
}
