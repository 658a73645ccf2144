//! Regular expressions of Go (RE2) on the `regex` crate.
//!
//! Both are automata without look-around or back-references. They differ in words, which [`translated`] evens out: `\d`,
//! `\s`, `\w` and `\b` mean ASCII in Go; `{` that begins no count and `[`, `&&`, `--`, `~~` in a class mean themselves;
//! `\Q…\E` quotes; a repetition is not repeated and counts to 1000 at most. Not evened out: octal escapes, `\C`, and `\B`
//! beside letters outside ASCII.

use regex::{Regex, RegexBuilder};

const LARGEST_COUNT: u32 = 1000;
/// Bytes of a compiled expression.
const SIZE_LIMIT: usize = 64 << 20;

/// A pattern of a schema.
#[derive(Debug)]
pub(crate) enum Pattern {
    Compiled(Compiled),
    Broken { written: String, reason: String },
}

/// A pattern that is a regular expression.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) written: String,
    pub(crate) compiled: Regex,
}

impl Pattern {
    pub(crate) fn compile(pattern: &str) -> Self {
        let written = pattern.to_owned();
        match compiled(pattern) {
            Ok(compiled) => Self::Compiled(Compiled { written, compiled }),
            Err(reason) => Self::Broken { written, reason },
        }
    }
}

/// The expression, or what is wrong with it in the words of Go.
pub(crate) fn compiled(pattern: &str) -> Result<Regex, String> {
    let failed = |reason: String| format!("error parsing regexp: {reason}");
    let translated = translated(pattern).map_err(failed)?;
    let built = RegexBuilder::new(&translated).size_limit(SIZE_LIMIT).build();
    built.map_err(|error| failed(words(pattern, &error.to_string())))
}

fn words(pattern: &str, error: &str) -> String {
    let known = [
        ("unclosed group", format!("missing closing ): `{pattern}`")),
        ("unopened group", format!("unexpected ): `{pattern}`")),
        (
            "unclosed character class",
            format!("missing closing ]: `{}`", &pattern[pattern.rfind('[').unwrap_or(0)..]),
        ),
        ("look-around", format!("invalid or unsupported Perl syntax: `{}`", look_around(pattern))),
        ("exceeds size limit", "expression too large".to_owned()),
    ];
    let found = known.into_iter().find(|(sign, _)| error.contains(sign));
    found.map_or_else(
        || error.lines().last().unwrap_or("invalid").trim_start_matches("error: ").to_owned(),
        |(_, words)| words,
    )
}

fn look_around(pattern: &str) -> &str {
    let signs = ["(?=", "(?!", "(?<=", "(?<!"];
    signs
        .into_iter()
        .find(|sign| pattern.contains(sign))
        .map_or("(?=", |sign| &sign[..sign.len().min(4)])
}

/// The same expression in the syntax of the `regex` crate.
fn translated(pattern: &str) -> Result<String, String> {
    let mut translation = Translation {
        text: String::with_capacity(pattern.len() + 16),
        rest: pattern,
        repeated: None,
        empty: true,
    };
    while let Some(next) = translation.rest.chars().next() {
        translation.step(next)?;
    }
    Ok(translation.text)
}

struct Translation<'a> {
    text: String,
    rest: &'a str,
    /// The repetition just written, as in the pattern.
    repeated: Option<&'a str>,
    /// Nothing is there to repeat.
    empty: bool,
}

impl<'a> Translation<'a> {
    fn step(&mut self, next: char) -> Result<(), String> {
        match next {
            '\\' => self.escape()?,
            '[' => self.class(),
            '*' | '+' | '?' => self.repeat(1)?,
            '{' => match count_length(self.rest)? {
                Some(length) => self.repeat(length)?,
                None => self.push(1, "\\{"),
            },
            '(' => self.group(),
            '|' => {
                self.push(1, "|");
                self.empty = true;
            }
            plain => {
                let text = plain.to_string();
                self.push(plain.len_utf8(), &text);
            }
        }
        Ok(())
    }

    fn push(&mut self, length: usize, text: &str) {
        self.text.push_str(text);
        self.rest = &self.rest[length..];
        self.repeated = None;
        self.empty = false;
    }

    /// `(`, with the flags or the name that follow `(?`.
    fn group(&mut self) {
        let length = match self.rest.strip_prefix("(?") {
            Some(after) => 2 + after.find([':', ')', '>', '=', '!']).map_or(0, |end| end + 1),
            None => 1,
        };
        let text = self.rest[..length].to_owned();
        self.push(length, &text);
        self.empty = true;
    }

    fn repeat(&mut self, length: usize) -> Result<(), String> {
        let lazy = usize::from(self.rest[length..].starts_with('?'));
        let written: &'a str = &self.rest[..length + lazy];
        if let Some(before) = self.repeated {
            return Err(format!("invalid nested repetition operator: `{before}{written}`"));
        }
        if self.empty {
            return Err(format!("missing argument to repetition operator: `{written}`"));
        }
        self.push(written.len(), written);
        self.repeated = Some(written);
        Ok(())
    }

    fn escape(&mut self) -> Result<(), String> {
        let Some(escaped) = self.rest[1..].chars().next() else {
            return Err("trailing backslash at end of expression: ``".to_owned());
        };
        let class = ascii_class(escaped);
        match escaped {
            'Q' => {
                let quoted = &self.rest[2..];
                let end = quoted.find("\\E").unwrap_or(quoted.len());
                let after = (end + 4).min(self.rest.len());
                let text = regex::escape(&quoted[..end]);
                self.push(after, &text);
            }
            'b' => self.push(2, "(?-u:\\b)"),
            _ if class.is_some() => self.push(2, class.unwrap_or_default()),
            'p' | 'P' => {
                let text = self.rest[..2].to_owned();
                self.push(2, &text);
                // The name's braces are no count.
                if let Some(end) = self.rest.find('}').filter(|_| self.rest.starts_with('{')) {
                    let name = self.rest[..=end].to_owned();
                    self.push(end + 1, &name);
                }
            }
            'x' if self.rest[2..].starts_with('{') => {
                let end = self.rest.find('}').map_or(self.rest.len(), |end| end + 1);
                let text = self.rest[..end].to_owned();
                self.push(end, &text);
            }
            '<' | '>' => return Err(format!("invalid escape sequence: `\\{escaped}`")),
            other if other.is_ascii_alphabetic() && !"ABzafnrtvx".contains(other) => {
                return Err(format!("invalid escape sequence: `\\{other}`"));
            }
            other => {
                let length = 1 + other.len_utf8();
                let text = self.rest[..length].to_owned();
                self.push(length, &text);
            }
        }
        Ok(())
    }

    /// A class in brackets; an unclosed one is left to the compiler to refuse.
    fn class(&mut self) {
        let mut text = String::from("[");
        let mut rest = &self.rest[1..];
        if let Some(after) = rest.strip_prefix('^') {
            text.push('^');
            rest = after;
        }
        let mut first = true;
        while let Some(next) = rest.chars().next() {
            if next == ']' && !first {
                text.push(']');
                rest = &rest[1..];
                break;
            }
            rest = &rest[class_item(&mut text, rest, next, first)..];
            first = false;
        }
        let length = self.rest.len() - rest.len();
        self.push(length, &text);
    }
}

/// Writes one part of a class and returns its length in the pattern.
fn class_item(text: &mut String, rest: &str, next: char, first: bool) -> usize {
    match next {
        '[' => {
            let named =
                rest.strip_prefix("[:").and_then(|after| after.find(":]")).map(|end| end + 4);
            text.push_str(named.map_or("\\[", |length| &rest[..length]));
            named.unwrap_or(1)
        }
        ']' if first => {
            text.push_str("\\]");
            1
        }
        '\\' => class_escape(text, rest),
        // After a class, at the ends, and as the end of a range.
        '-' if first || text.ends_with('-') || ends_with_class(text) || rest.starts_with("-]") => {
            text.push_str("\\-");
            1
        }
        '&' | '~' => {
            text.push('\\');
            text.push(next);
            1
        }
        plain => {
            text.push(plain);
            plain.len_utf8()
        }
    }
}

fn ends_with_class(text: &str) -> bool {
    text.ends_with(']') && !text.ends_with("\\]")
}

/// Writes an escape in a class, classes in brackets of their own, and returns its length in the pattern.
fn class_escape(text: &mut String, rest: &str) -> usize {
    let escaped = rest[1..].chars().next();
    let length = 1 + escaped.map_or(0, char::len_utf8);
    if !matches!(escaped, Some('p' | 'P')) {
        let class = escaped.and_then(ascii_class);
        text.push_str(class.unwrap_or(&rest[..length]));
        return length;
    }
    let name =
        rest[length..].strip_prefix('{').and_then(|name| name.find('}')).map_or(1, |end| end + 2);
    let class = rest.get(..length + name).unwrap_or(rest);
    text.push('[');
    text.push_str(class);
    text.push(']');
    class.len()
}

/// The ASCII meaning of a Perl class.
const fn ascii_class(escaped: char) -> Option<&'static str> {
    Some(match escaped {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => "[\\t\\n\\f\\r ]",
        'S' => "[^\\t\\n\\f\\r ]",
        _ => return None,
    })
}

/// The length of `{n}`, `{n,}` or `{n,m}` at the beginning; `None` where the brace means itself.
fn count_length(text: &str) -> Result<Option<usize>, String> {
    let Some(end) = text.find('}') else { return Ok(None) };
    let (written, inner) = (&text[..=end], &text[1..end]);
    let (least, most) = inner.split_once(',').unwrap_or((inner, inner));
    let number = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if least.is_empty() || !number(least) || !number(most) {
        return Ok(None);
    }
    let small = |digits: &str| {
        digits.is_empty() || digits.parse::<u32>().is_ok_and(|count| count <= LARGEST_COUNT)
    };
    let ordered = most.is_empty() || least.parse::<u32>().ok() <= most.parse::<u32>().ok();
    if small(least) && small(most) && ordered {
        Ok(Some(end + 1))
    } else {
        Err(format!("invalid repeat count: `{written}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_of_go_mean_the_same() {
        let cases = [
            (r"^\d+$", "12", "१२"),
            (r"^[\w-]+$", "a-b", "ä"),
            (r"^a{b}$", "a{b}", "ab"),
            ("^[[a]+$", "[a", "b"),
            (r"^\Qa.b\E$", "a.b", "axb"),
            (r"^[^\s]+$", "ab", "a b"),
            ("^[]a]+$", "]", "b"),
            ("^[&&a]$", "&", "b"),
            ("^[+--]$", ",", "a"),
            (r"^[\w-.]+$", "a-.b", "ä"),
            (r"^[\p{L}-.]+$", "ä-.", "1"),
            (r"^a{2,3}?$", "aa", "aaaa"),
            (r"^\pL+$", "ä", "1"),
            (r"^\p{Greek}+$", "α", "a"),
            ("^(?i:a)(?P<x>b)$", "Ab", "b"),
            (r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", "a.b-c", "A"),
        ];
        for (pattern, matching, other) in cases {
            let regex = compiled(pattern).unwrap();
            assert!(regex.is_match(matching), "{pattern} does not match {matching}");
            assert!(!regex.is_match(other), "{pattern} matches {other}");
        }
    }

    #[test]
    fn what_is_no_expression_is_told_in_the_words_of_go() {
        let cases = [
            ("(", "missing closing ): `(`"),
            ("a)", "unexpected ): `a)`"),
            ("x[a", "missing closing ]: `[a`"),
            ("*", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a{3,2}", "invalid repeat count: `{3,2}`"),
            (r"\y", r"invalid escape sequence: `\y`"),
            ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
        ];
        for (pattern, reason) in cases {
            assert_eq!(
                compiled(pattern).unwrap_err(),
                format!("error parsing regexp: {reason}"),
                "{pattern}"
            );
        }
    }

    #[test]
    fn no_text_is_beyond_translation() {
        let parts = [
            "\\", "[", "]", "(", ")", "{", "}", "1", ",", "?", "*", "-", "Q", "p", "x", "ä", "^",
            ":", "(?", "\\E",
        ];
        let count = parts.len();
        for number in 0..count.pow(4) {
            let part = |place: u32| parts[number / count.pow(place) % count];
            let pattern: String = (0..4).map(part).collect();
            if let Ok(translated) = translated(&pattern) {
                assert!(translated.len() >= pattern.len().min(1), "{pattern} became {translated}");
            }
        }
    }
}
