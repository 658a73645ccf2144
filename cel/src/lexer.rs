//! Tokens of the language (CEL specification, "Syntax").

mod numbers;
mod strings;

use crate::syntax::Literal;

/// A literal and how many bytes of the text it takes.
type Read = (Literal, usize);

/// Why a literal cannot be read, and after how many bytes.
type Unreadable = (usize, String);

/// One token.
#[derive(Clone, Debug)]
pub(crate) enum Token {
    Identifier(String),
    /// `true`, `false`, `null`, `in` and the words that are reserved.
    Word(String),
    Literal(Literal),
    /// An operator or a bracket.
    Symbol(&'static str),
    End,
}

/// A token and where it starts, in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) at: usize,
    pub(crate) token: Token,
}

/// A text that is no expression.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("Syntax error: {message}")]
pub(crate) struct SyntaxFault {
    pub(crate) at: usize,
    pub(crate) message: String,
}

impl SyntaxFault {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into() }
    }
}

const WORDS: [&str; 4] = ["true", "false", "null", "in"];
const RESERVED: [&str; 18] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
    "in",
];
const SYMBOLS: [&str; 25] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ".", ",",
    "[", "]", "{", "}", "(", ")", "`",
];

/// Whether the word may not name a variable.
pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.contains(&word)
}

/// The tokens of a text, the last one [`Token::End`].
pub(crate) fn tokens(source: &str) -> Result<Vec<Placed>, SyntaxFault> {
    let mut lexer = Lexer { source, at: 0 };
    let mut found = Vec::with_capacity(source.len() / 3 + 1);
    loop {
        lexer.skip_blank();
        let at = lexer.at;
        let token = lexer.token()?;
        let end = matches!(token, Token::End);
        found.push(Placed { at, token });
        if end {
            return Ok(found);
        }
    }
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn skip_blank(&mut self) {
        loop {
            let rest = self.rest();
            let blank =
                rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n', '\u{c}']).len();
            self.at += blank;
            if !self.rest().starts_with("//") {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn token(&mut self) -> Result<Token, SyntaxFault> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return Ok(Token::End);
        };
        if let Some(literal) = strings::literal(rest).or_else(|| numbers::literal(rest)) {
            return self.literal(literal);
        }
        if first.is_ascii_alphabetic() || first == '_' {
            return Ok(self.word());
        }
        if first == '`' {
            return self.quoted_identifier();
        }
        for symbol in SYMBOLS {
            if rest.starts_with(symbol) {
                self.at += symbol.len();
                return Ok(Token::Symbol(symbol));
            }
        }
        Err(SyntaxFault::new(self.at, format!("token recognition error at: '{first}'")))
    }

    fn literal(&mut self, read: Result<Read, Unreadable>) -> Result<Token, SyntaxFault> {
        match read {
            Ok((literal, length)) => {
                self.at += length;
                Ok(Token::Literal(literal))
            }
            Err((after, message)) => Err(SyntaxFault::new(self.at + after, message)),
        }
    }

    fn word(&mut self) -> Token {
        let rest = self.rest();
        let length =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = rest[..length].to_owned();
        self.at += length;
        if WORDS.contains(&word.as_str()) { Token::Word(word) } else { Token::Identifier(word) }
    }

    fn quoted_identifier(&mut self) -> Result<Token, SyntaxFault> {
        let rest = &self.rest()[1..];
        let end = rest.find('`').filter(|end| *end > 0);
        let Some(end) = end else {
            return Err(SyntaxFault::new(self.at, "token recognition error at: '`'"));
        };
        self.at += end + 2;
        Ok(Token::Identifier(rest[..end].to_owned()))
    }
}
