//! What an expression consists of where no operator holds it together: literals, names, calls, lists and maps.

use super::{Parsed, Parser};
use crate::lexer::{SyntaxFault, Token, is_reserved};
use crate::macros::expand;
use crate::syntax::{Construction, Expression, Initializer, Literal, Node};

impl Parser {
    pub(super) fn arguments(&mut self, end: &str) -> Result<Vec<Expression>, SyntaxFault> {
        let mut arguments = Vec::new();
        while !self.accept(end) {
            arguments.push(self.expression()?);
            if !self.accept(",") {
                self.require(end)?;
                break;
            }
        }
        Ok(arguments)
    }

    pub(super) fn primary(&mut self) -> Parsed {
        let at = self.at();
        match self.peek().clone() {
            Token::Literal(literal) => {
                self.next += 1;
                Ok(Expression::new(at, Node::Literal(literal)))
            }
            Token::Word(word) => self.word(at, &word),
            Token::Identifier(name) => self.name(at, name),
            Token::Symbol(".") => {
                self.next += 1;
                let name = self.identifier()?;
                Ok(Expression::new(at, Node::Name(name)))
            }
            Token::Symbol("(") => {
                self.next += 1;
                let inner = self.expression()?;
                self.require(")")?;
                Ok(inner)
            }
            Token::Symbol("[") => self.list(at),
            Token::Symbol("{") => self.map(at),
            _ => Err(self.unexpected()),
        }
    }

    fn word(&mut self, at: usize, word: &str) -> Parsed {
        let literal = match word {
            "true" => Literal::Bool(true),
            "false" => Literal::Bool(false),
            "null" => Literal::Null,
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(Expression::new(at, Node::Literal(literal)))
    }

    fn name(&mut self, at: usize, name: String) -> Parsed {
        if is_reserved(&name) {
            return Err(SyntaxFault::new(at, format!("reserved identifier: {name}")));
        }
        self.next += 1;
        let open = self.at();
        if !self.accept("(") {
            return Ok(Expression::new(at, Node::Name(name)));
        }
        let arguments = self.arguments(")")?;
        expand(open, None, name, arguments)
    }

    fn list(&mut self, at: usize) -> Parsed {
        self.next += 1;
        let mut entries = Vec::new();
        while !self.accept("]") {
            let optional = self.accept("?");
            entries.push((self.expression()?, optional));
            if !self.accept(",") {
                self.require("]")?;
                break;
            }
        }
        Ok(Expression::new(at, Node::List(entries)))
    }

    fn map(&mut self, at: usize) -> Parsed {
        self.next += 1;
        let mut entries = Vec::new();
        while !self.accept("}") {
            let optional = self.accept("?");
            let key = self.expression()?;
            self.require(":")?;
            entries.push((key, self.expression()?, optional));
            if !self.accept(",") {
                self.require("}")?;
                break;
            }
        }
        Ok(Expression::new(at, Node::Map(entries)))
    }

    /// `Name{field: value}`; the checker knows what messages there are.
    pub(super) fn message(&mut self, name: &Expression) -> Parsed {
        let at = self.at();
        self.next += 1;
        let mut fields = Vec::new();
        while !self.accept("}") {
            fields.push(self.initializer()?);
            if !self.accept(",") {
                self.require("}")?;
                break;
            }
        }
        let name = name.dotted().unwrap_or_default();
        Ok(Expression::new(at, Node::Message(Box::new(Construction { name, fields, kind: None }))))
    }

    fn initializer(&mut self) -> Result<Initializer, SyntaxFault> {
        let optional = self.accept("?");
        let name = self.identifier()?;
        let at = self.at();
        self.require(":")?;
        Ok(Initializer { at, name, value: self.expression()?, optional })
    }
}
