//! A Rust file, measured. Rustfmt has been there: a function ends at a brace as far in as it began.

use std::path::Path;

use anyhow::{Context, Result};

/// One file.
#[derive(Debug, Default)]
pub(crate) struct File {
    /// From the checkout's root.
    pub(crate) name: String,
    /// Lines that are not blank, of tests and all others.
    pub(crate) lines: Split,
    /// Characters without indentation, likewise.
    pub(crate) characters: Split,
    pub(crate) functions: Vec<Function>,
}

/// What there is of it in code that runs, and in tests.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) code: usize,
    pub(crate) tests: usize,
}

impl Split {
    pub(crate) fn all(self) -> usize {
        self.code + self.tests
    }

    pub(crate) fn add(&mut self, is_test: bool, count: usize) {
        *(if is_test { &mut self.tests } else { &mut self.code }) += count;
    }
}

/// One function with a body, from `fn` to its last brace.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Number of its first line.
    pub(crate) at: usize,
    pub(crate) lines: usize,
    /// Without indentation.
    pub(crate) characters: usize,
}

impl File {
    pub(crate) fn read(root: &Path, name: &str) -> Result<Self> {
        let path = root.join(name);
        let text = std::fs::read_to_string(&path);
        Ok(Self::parse(name, &text.with_context(|| format!("cannot read {}", path.display()))?))
    }

    fn parse(name: &str, text: &str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let mut file = Self { name: name.to_owned(), ..Self::default() };
        let mut is_test = is_test_file(name);
        for line in &lines {
            is_test |= line.starts_with("#[cfg(test)]");
            let length = line.trim().chars().count();
            file.lines.add(is_test, usize::from(length > 0));
            file.characters.add(is_test, length);
        }
        file.functions = (0..lines.len()).filter_map(|at| function(&lines, at)).collect();
        file
    }

    /// The package's folder: what precedes `src`, `tests`, `examples` or `benches`.
    pub(crate) fn room(&self) -> String {
        let folders = self.name.split('/').enumerate();
        let inside = |(place, folder): &(usize, &str)| *place == 0 || !is_source(folder);
        let folders: Vec<&str> = folders.take_while(inside).map(|(_, folder)| folder).collect();
        folders.join("/")
    }
}

fn is_source(folder: &str) -> bool {
    matches!(folder, "src" | "tests" | "examples" | "benches")
}

fn is_test_file(name: &str) -> bool {
    let beside_source =
        ["/tests/", "/examples/", "/benches/"].iter().any(|part| name.contains(part));
    beside_source || name.starts_with("tests/") || name.ends_with("/tests.rs")
}

fn function(lines: &[&str], at: usize) -> Option<Function> {
    let line = lines[at];
    let name = function_name(line.trim_start())?;
    let end = last_line(&lines[at..], line.len() - line.trim_start().len())?;
    let body = &lines[at..=at + end];
    let characters = body.iter().map(|line| line.trim().chars().count()).sum();
    Some(Function { name: name.to_owned(), at: at + 1, lines: body.len(), characters })
}

/// The name, where a line begins a function.
fn function_name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let is_modifier = |word: &str| {
        matches!(word, "const" | "async" | "default" | "pub" | "in") || word.starts_with("pub(")
    };
    if !before.split_whitespace().all(is_modifier) {
        return None;
    }
    let end = after.find(|letter: char| !letter.is_alphanumeric() && letter != '_')?;
    (end > 0).then(|| &after[..end])
}

/// How many lines after its first a function ends; none where it has no body.
fn last_line(lines: &[&str], indent: usize) -> Option<usize> {
    let ends_signature = |line: &&str| line.ends_with(['{', ';', '}']);
    let opened = lines.iter().position(ends_signature)?;
    match lines[opened].chars().last() {
        Some(';') => None,
        Some('}') => Some(opened),
        _ => lines
            .iter()
            .skip(opened)
            .position(|line| line.trim_start() == "}" && line.len() == indent + 1)
            .map(|after| opened + after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
pub(crate) fn one_line() -> u8 { 1 }

trait Named {
    fn name(&self) -> &str;

    async fn lines(
        &self,
        words: &[&str],
    ) -> Vec<String>
    where
        Self: Sized,
    {
        if words.is_empty() {
            return Vec::new();
        }
        todo(words)
    }
}

#[cfg(test)]
mod tests {
    const fn inside() {
    }
}
";

    #[test]
    fn functions_with_a_body_are_measured_from_name_to_brace() {
        let file = File::parse("crates/pki/src/key.rs", TEXT);
        let found: Vec<_> =
            file.functions.iter().map(|one| (one.name.as_str(), one.at, one.lines)).collect();
        assert_eq!(found, [("one_line", 1, 1), ("lines", 6, 12), ("inside", 22, 2)]);
        assert_eq!(file.functions[2].characters, "const fn inside() {}".len());
    }

    #[test]
    fn blank_lines_do_not_count_and_tests_count_apart() {
        let file = File::parse("crates/pki/src/key.rs", TEXT);
        assert_eq!(file.lines, Split { code: 16, tests: 5 });
        let file = File::parse("crates/pki/tests/key.rs", TEXT);
        assert_eq!(file.lines, Split { code: 0, tests: 21 });
    }

    #[test]
    fn a_room_is_what_precedes_the_source() {
        for (name, room) in [
            ("crates/pki/src/key/der.rs", "crates/pki"),
            ("crates/pki/tests/key.rs", "crates/pki"),
            ("tests/e2e/src/main.rs", "tests/e2e"),
            ("cel/src/lib.rs", "cel"),
            ("xtask/tests/arrows.rs", "xtask"),
        ] {
            assert_eq!(File::parse(name, "").room(), room, "{name}");
        }
    }
}
