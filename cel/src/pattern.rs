//! Regular expressions of Go (RE2) on the `regex` crate: `\d`, `\s`, `\w` and `\b` mean ASCII.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

use crate::budget::Budget;
use crate::fault::Fault;

/// Bytes that a pattern may take when it is compiled: one of an expression's text, and one that it makes as it runs.
const WRITTEN: usize = 1 << 20;
const MADE: usize = 64 << 10;

/// A pattern that stands in an expression.
pub(crate) fn written(pattern: &str) -> Result<Regex, Fault> {
    compile(pattern, WRITTEN)
}

/// Whether the pattern matches somewhere in the text.
pub(crate) fn matches(budget: &Budget, text: &str, pattern: &Regex) -> Result<bool, Fault> {
    budget.take(1 + text.len() as u64 * (1 + pattern.as_str().len() as u64 / 4) / 10)?;
    Ok(pattern.is_match(text))
}

/// Patterns that are known only as an expression runs, each compiled once.
#[derive(Default)]
pub(crate) struct Patterns(RefCell<HashMap<String, Regex>>);

impl Patterns {
    pub(crate) fn compiled(&self, budget: &Budget, pattern: &str) -> Result<Regex, Fault> {
        if let Some(known) = self.0.borrow().get(pattern) {
            return Ok(known.clone());
        }
        budget.take(10_000 + pattern.len() as u64 * 20)?;
        let compiled = compile(pattern, MADE)?;
        self.0.borrow_mut().insert(pattern.to_owned(), compiled.clone());
        Ok(compiled)
    }
}

fn compile(pattern: &str, size: usize) -> Result<Regex, Fault> {
    let built = RegexBuilder::new(&ascii(pattern))
        .size_limit(size)
        .dfa_size_limit(size)
        .nest_limit(100)
        .build();
    built.map_err(|error| {
        let words = match &error {
            regex::Error::CompiledTooBig(_) => "expression too large".to_owned(),
            other => other.to_string(),
        };
        let last = words.lines().last().unwrap_or_default();
        Fault::new(format!("error parsing regexp: {}", last.trim_start_matches("error: ")))
    })
}

fn ascii(pattern: &str) -> String {
    let mut translated = String::with_capacity(pattern.len());
    let mut class = false;
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => {
                let letter = characters.next();
                if let Some(meaning) = letter.and_then(|letter| ascii_class(letter, class)) {
                    translated.push_str(meaning);
                } else {
                    translated.push('\\');
                    translated.extend(letter);
                }
                continue;
            }
            '[' if !class => class = true,
            // Only Go takes a bracket within a class as itself; `[:alpha:]` stays.
            '[' if !characters.as_str().starts_with(':') => translated.push('\\'),
            ']' => class = false,
            _ => {}
        }
        translated.push(character);
    }
    translated
}

const fn ascii_class(letter: char, class: bool) -> Option<&'static str> {
    Some(match (letter, class) {
        ('d', false) => "[0-9]",
        ('d', true) => "0-9",
        ('w', false) => "[0-9A-Za-z_]",
        ('w', true) => "0-9A-Za-z_",
        ('s', false) => "[\\t\\n\\x0C\\r ]",
        ('s', true) => "\\t\\n\\x0C\\r ",
        ('D', false) => "[^0-9]",
        ('W', false) => "[^0-9A-Za-z_]",
        ('S', false) => "[^\\t\\n\\x0C\\r ]",
        ('b', false) => "(?-u:\\b)",
        _ => return None,
    })
}
