//! `allOf`, `anyOf`, `oneOf` and `not`.

use apiserver_object::{Path, go_text::quoted};
use serde_json::Value;

use super::node::{Combination, Node};
use super::outcome::Outcome;

impl Combination {
    pub(crate) fn check(&self, value: &Value, path: &Path<'_>, outcome: &mut Outcome) {
        self.check_any(value, path, outcome);
        self.check_one(value, path, outcome);
        self.check_all(value, path, outcome);
        if self.not.as_ref().is_some_and(|not| found(not, value, path).is_valid()) {
            outcome.placeless(format!("{} must not validate the schema (not)", place(path)));
        }
    }

    fn check_any(&self, value: &Value, path: &Path<'_>, outcome: &mut Outcome) {
        let mut best: Option<Outcome> = None;
        for alternative in &self.any_of {
            let found = found(alternative, value, path);
            if found.is_valid() {
                return outcome.merge(found);
            }
            best = Some(better(best, found));
        }
        if let Some(best) = best {
            outcome.placeless(format!("{} must validate at least one schema (anyOf)", place(path)));
            outcome.merge(best);
        }
    }

    fn check_one(&self, value: &Value, path: &Path<'_>, outcome: &mut Outcome) {
        let (mut best, mut first, mut valid) = (None, None, 0_usize);
        for alternative in &self.one_of {
            let found = found(alternative, value, path);
            if found.is_valid() {
                valid += 1;
                best = None;
                first = first.or(Some(found));
            } else if valid == 0 {
                best = Some(better(best, found));
            }
        }
        match (valid, first) {
            (1, Some(first)) => return outcome.merge(first),
            (0, _) if self.one_of.is_empty() => return,
            _ => {}
        }
        let alternatives = if valid == 0 {
            "none valid".to_owned()
        } else {
            format!("{valid} valid alternatives")
        };
        outcome.placeless(format!(
            "{} must validate one and only one schema (oneOf). Found {alternatives}",
            place(path)
        ));
        if let Some(best) = best {
            outcome.merge(best);
        }
    }

    fn check_all(&self, value: &Value, path: &Path<'_>, outcome: &mut Outcome) {
        let mut valid = 0;
        for condition in &self.all_of {
            let found = found(condition, value, path);
            valid += usize::from(found.is_valid());
            outcome.merge(found);
        }
        if valid < self.all_of.len() {
            let none = if valid == 0 { ". None validated" } else { "" };
            outcome
                .placeless(format!("{} must validate all the schemas (allOf){none}", place(path)));
        }
    }
}

fn place(path: &Path<'_>) -> String {
    quoted(&path.to_string())
}

fn found(node: &Node, value: &Value, path: &Path<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    node.check(value, None, path, &mut outcome);
    outcome
}

/// The failure with more checks; the earlier one of two that are alike.
fn better(best: Option<Outcome>, found: Outcome) -> Outcome {
    match best {
        Some(best) if found.matches <= best.matches => best,
        _ => found,
    }
}
