//! Tokens of the language (CEL specification, "Syntax").

use std::sync::Arc;

use crate::syntax::Literal;

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
        if let Some((raw, bytes, skip)) = string_prefix(rest) {
            self.at += skip;
            return self.string(raw, bytes);
        }
        if first.is_ascii_digit()
            || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()))
        {
            return self.number();
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

    fn number(&mut self) -> Result<Token, SyntaxFault> {
        let start = self.at;
        let rest = self.rest();
        if let Some(digits) = rest.strip_prefix("0x").or_else(|| rest.strip_prefix("0X")) {
            let length = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
            self.at += 2 + length;
            return self.integer(start, &digits[..length], 16);
        }
        let bytes = rest.as_bytes();
        let digits_from =
            |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut length = digits_from(0);
        let mut real = false;
        if bytes.get(length) == Some(&b'.') && digits_from(length + 1) > 0 {
            length += 1 + digits_from(length + 1);
            real = true;
        }
        if matches!(bytes.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            let digits =
                bytes.get(length + 1 + sign..).map_or(0, |_| digits_from(length + 1 + sign));
            if digits > 0 {
                length += 1 + sign + digits;
                real = true;
            }
        }
        self.at += length;
        if real {
            let number = rest[..length]
                .parse()
                .map_err(|_| SyntaxFault::new(start, "invalid double literal"))?;
            return Ok(Token::Literal(Literal::Double(number)));
        }
        self.integer(start, &rest[..length], 10)
    }

    fn integer(&mut self, start: usize, digits: &str, radix: u32) -> Result<Token, SyntaxFault> {
        if self.rest().starts_with(['u', 'U']) {
            self.at += 1;
            let number = u64::from_str_radix(digits, radix)
                .map_err(|_| SyntaxFault::new(start, "invalid uint literal"))?;
            return Ok(Token::Literal(Literal::Uint(number)));
        }
        match i64::from_str_radix(digits, radix) {
            Ok(number) => Ok(Token::Literal(Literal::Int(number))),
            // The magnitude of the smallest integer, which only a minus makes one.
            Err(_) if u64::from_str_radix(digits, radix) == Ok(1 << 63) => {
                Ok(Token::Literal(Literal::Int(i64::MIN)))
            }
            Err(_) => Err(SyntaxFault::new(start, "invalid int literal")),
        }
    }

    fn string(&mut self, raw: bool, bytes: bool) -> Result<Token, SyntaxFault> {
        let start = self.at;
        let rest = self.rest();
        let single = &rest[..1];
        let quote =
            if rest.starts_with(&single.repeat(3)) { single.repeat(3) } else { single.to_owned() };
        let body = &rest[quote.len()..];
        let mut length = 0;
        loop {
            let tail = &body[length..];
            if tail.starts_with(quote.as_str()) {
                break;
            }
            let Some(character) =
                tail.chars().next().filter(|c| quote.len() == 3 || !matches!(c, '\n' | '\r'))
            else {
                return Err(SyntaxFault::new(
                    start,
                    format!("token recognition error at: '{}'", &rest[..=length]),
                ));
            };
            length += character.len_utf8();
            if character == '\\' && !raw {
                length += body[length..].chars().next().map_or(0, char::len_utf8);
            }
        }
        self.at += quote.len() * 2 + length;
        let content = if raw {
            body.as_bytes()[..length].to_vec()
        } else {
            unescaped(&body[..length], bytes, start)?
        };
        if bytes {
            return Ok(Token::Literal(Literal::Bytes(Arc::from(content))));
        }
        let text = String::from_utf8(content)
            .map_err(|_| SyntaxFault::new(start, "invalid UTF-8 in string literal"))?;
        Ok(Token::Literal(Literal::String(Arc::from(text))))
    }
}

/// Whether a string starts here: raw, of bytes, and how long the prefix is.
fn string_prefix(rest: &str) -> Option<(bool, bool, usize)> {
    let quote = rest.bytes().take(3).position(|byte| matches!(byte, b'"' | b'\''))?;
    let (mut raw, mut bytes) = (false, false);
    for letter in rest[..quote].chars() {
        match letter {
            'r' | 'R' if !raw => raw = true,
            'b' | 'B' if !bytes => bytes = true,
            _ => return None,
        }
    }
    Some((raw, bytes, quote))
}

fn unescaped(text: &str, bytes: bool, at: usize) -> Result<Vec<u8>, SyntaxFault> {
    let fault = || SyntaxFault::new(at, "invalid escape sequence");
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..position]);
        let escape = &rest[position + 1..];
        let letter = escape.chars().next().ok_or_else(fault)?;
        rest = &escape[letter.len_utf8()..];
        let simple = match letter {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            '\\' | '\'' | '"' | '`' | '?' => letter as u8,
            'x' | 'X' | 'u' | 'U' | '0'..='3' => {
                rest = numeric_escape(letter, escape, bytes, &mut out).ok_or_else(fault)?;
                continue;
            }
            _ => return Err(fault()),
        };
        out.push(simple);
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

/// Appends what `\x41`, `\u0041`, `\U00000041` or `\101` stands for; returns what follows.
fn numeric_escape<'a>(
    letter: char,
    escape: &'a str,
    bytes: bool,
    out: &mut Vec<u8>,
) -> Option<&'a str> {
    let (from, length, radix) = match letter {
        'x' | 'X' => (1, 2, 16),
        'u' => (1, 4, 16),
        'U' => (1, 8, 16),
        _ => (0, 3, 8),
    };
    let code = u32::from_str_radix(escape.get(from..from + length)?, radix).ok()?;
    if bytes {
        out.push(u8::try_from(code).ok()?);
    } else {
        let character = char::from_u32(code)?;
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    escape.get(from + length..)
}
