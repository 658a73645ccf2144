//! The text form of a selector, read and refused as `labels.Parse` does.

use std::collections::BTreeSet;

use super::{Requirement, Test};
use crate::{FieldError, Path, names};

const OPERATORS: &str = "in, notin, =, ==, !=, gt, lt";

/// The requirements in a text, in its order.
pub(super) fn requirements(text: &str) -> Result<Vec<Requirement>, String> {
    let mut tokens = Tokens { rest: text };
    let mut requirements = Vec::new();
    let mut after_comma = false;
    loop {
        match tokens.peek() {
            Token::Word(_) | Token::Symbol("!") => {}
            Token::End if !after_comma => return Ok(requirements),
            other @ (Token::Symbol(_) | Token::End) => {
                let expected = if after_comma {
                    "identifier after ','"
                } else {
                    "!, identifier, or 'end of string'"
                };
                return Err(format!("found '{other}', expected: {expected}"));
            }
        }
        let requirement = tokens.requirement();
        requirements
            .push(requirement.map_err(|why| format!("unable to parse requirement: {why}"))?);
        match tokens.next() {
            Token::End => return Ok(requirements),
            Token::Symbol(",") => after_comma = true,
            other => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
        }
    }
}

/// A piece of the text. `in` and `notin` are words; where an operator stands they are operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    Word(&'a str),
    Symbol(&'a str),
    End,
}

impl std::fmt::Display for Token<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(text) | Self::Symbol(text) => formatter.write_str(text),
            Self::End => Ok(()),
        }
    }
}

#[derive(Clone, Copy)]
struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Tokens<'a> {
    fn peek(self) -> Token<'a> {
        let mut ahead = self;
        ahead.next()
    }

    fn next(&mut self) -> Token<'a> {
        let text = self.rest.trim_start_matches(is_blank);
        let symbols = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];
        let length = match symbols.iter().find(|symbol| text.starts_with(**symbol)) {
            Some(symbol) => symbol.len(),
            None => text.find(|letter| is_blank(letter) || is_symbol(letter)).unwrap_or(text.len()),
        };
        let (token, rest) = text.split_at(length);
        self.rest = rest;
        match token.chars().next() {
            None => Token::End,
            Some(first) if is_symbol(first) => Token::Symbol(token),
            Some(_) => Token::Word(token),
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut token = self.next();
        let absent = token == Token::Symbol("!");
        if absent {
            token = self.next();
        }
        let Token::Word(key) = token else {
            return Err(format!("found '{token}', expected: identifier"));
        };
        let wrong = names::label_key(key);
        if !wrong.is_empty() {
            return Err(FieldError::invalid("<nil>", key, wrong.join("; ")).to_string());
        }
        let test = if absent {
            Test::DoesNotExist
        } else if matches!(self.peek(), Token::End | Token::Symbol(",")) {
            Test::Exists
        } else {
            self.test(key)?
        };
        Ok(Requirement { key: key.to_owned(), test })
    }

    fn test(&mut self, key: &str) -> Result<Test, String> {
        let operator = self.next();
        let test = match operator {
            Token::Word("in") => Test::In(self.values()?),
            Token::Word("notin") => Test::NotIn(self.values()?),
            Token::Symbol("=" | "==") => Test::Equals(self.value()?),
            Token::Symbol("!=") => Test::NotEquals(self.value()?),
            Token::Symbol(">" | "<") => return bound(operator, key, &self.value()?),
            other => return Err(format!("found '{other}', expected: {OPERATORS}")),
        };
        let faults = match &test {
            Test::Equals(value) | Test::NotEquals(value) => value_faults(key, [value]),
            Test::In(values) | Test::NotIn(values) => value_faults(key, values),
            _ => Vec::new(),
        };
        aggregate(&faults).map_or(Ok(test), Err)
    }

    /// `(x,y,z)`, each once and in order; between commas may be nothing.
    fn values(&mut self) -> Result<Vec<String>, String> {
        let open = self.next();
        if open != Token::Symbol("(") {
            return Err(format!("found '{open}' expected: '('"));
        }
        let mut values = BTreeSet::new();
        match self.peek() {
            Token::Word(_) | Token::Symbol(",") => self.listed(&mut values)?,
            Token::Symbol(")") => drop(values.insert(String::new())),
            other => return Err(format!("found '{other}', expected: ',', ')' or identifier")),
        }
        self.next();
        Ok(values.into_iter().collect())
    }

    /// The values up to the closing parenthesis.
    fn listed(&mut self, values: &mut BTreeSet<String>) -> Result<(), String> {
        loop {
            match self.next() {
                Token::Word(value) => {
                    values.insert(value.to_owned());
                    match self.peek() {
                        Token::Symbol(",") => {}
                        Token::Symbol(")") => return Ok(()),
                        other => return Err(format!("found '{other}', expected: ',' or ')'")),
                    }
                }
                Token::Symbol(",") => {
                    let next = self.peek();
                    if values.is_empty() || matches!(next, Token::Symbol("," | ")")) {
                        values.insert(String::new());
                    }
                    if next == Token::Symbol(")") {
                        return Ok(());
                    }
                }
                other => return Err(format!("found '{other}', expected: ',', or identifier")),
            }
        }
    }

    /// The one value after `=`, which may be empty.
    fn value(&mut self) -> Result<String, String> {
        if matches!(self.peek(), Token::End | Token::Symbol(",")) {
            return Ok(String::new());
        }
        match self.next() {
            Token::Word(value) => Ok(value.to_owned()),
            other => Err(format!("found '{other}', expected: identifier")),
        }
    }
}

fn bound(operator: Token<'_>, key: &str, value: &str) -> Result<Test, String> {
    let mut faults = Vec::new();
    // Go takes a sign, as Rust does, and nothing else beside digits.
    let bound = value.parse().unwrap_or_else(|_| {
        let detail = "for 'Gt', 'Lt' operators, the value must be an integer";
        faults.push(FieldError::invalid("values[0]", value, detail));
        0
    });
    faults.extend(value_faults(key, [value]));
    if let Some(why) = aggregate(&faults) {
        return Err(why);
    }
    let greater = operator == Token::Symbol(">");
    Ok(if greater { Test::GreaterThan(bound) } else { Test::LessThan(bound) })
}

fn value_faults<T: AsRef<str>>(key: &str, values: impl IntoIterator<Item = T>) -> Vec<FieldError> {
    let mut faults = Vec::new();
    for (at, value) in values.into_iter().enumerate() {
        let value = value.as_ref();
        let wrong = names::label_value(value);
        if !wrong.is_empty() {
            let list = Path::Property(&Path::Root, "values");
            let place = Path::Index(&list, at);
            let place = Path::Bracket(&place, key);
            faults.push(FieldError::invalid(place, value, wrong.join("; ")));
        }
    }
    faults
}

/// As Go shows several errors as one.
fn aggregate(faults: &[FieldError]) -> Option<String> {
    match faults {
        [] => None,
        [one] => Some(one.to_string()),
        many => {
            let texts: Vec<String> = many.iter().map(ToString::to_string).collect();
            Some(format!("[{}]", texts.join(", ")))
        }
    }
}

const fn is_blank(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\r' | '\n')
}

const fn is_symbol(letter: char) -> bool {
    matches!(letter, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}
