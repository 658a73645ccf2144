//! Regular expressions of Go (RE2) on the `regex` crate: `\d`, `\s`, `\w` and `\b` mean ASCII.

use regex::{Regex, RegexBuilder};

/// Bytes that a pattern may take when it is compiled: one of a rule's text, and one that a rule makes as it runs.
pub(crate) const WRITTEN: usize = 1 << 20;
pub(crate) const MADE: usize = 64 << 10;

/// A pattern that takes at most `size` bytes.
pub(crate) fn compile(pattern: &str, size: usize) -> Result<Regex, String> {
    let translated = ascii(pattern);
    let built = RegexBuilder::new(&translated)
        .size_limit(size)
        .dfa_size_limit(size)
        .nest_limit(100)
        .build();
    built.map_err(|fault| match fault {
        regex::Error::CompiledTooBig(_) => "error parsing regexp: expression too large".to_owned(),
        other => {
            let words = other.to_string();
            let last = words.lines().last().unwrap_or_default();
            format!("error parsing regexp: {}", last.trim_start_matches("error: "))
        }
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
