//! From tokens to the syntax tree (CEL specification, "Syntax": grammar and precedence).

mod primary;

use crate::lexer::{Placed, SyntaxFault, Token, tokens};
use crate::macros::expand;
use crate::syntax::{Binary, Expression, Literal, Node};

/// Deepest nesting of brackets and unary operators, so that parsing cannot exhaust the stack.
const DEPTH: usize = 50;

/// Highest tree, so that neither checking nor evaluating it can exhaust the stack.
const HEIGHT: usize = 200;

/// Most bytes of an expression; the real server's limit is that of the object it stands in.
const LONGEST: usize = 256 * 1024;

/// Parses an expression.
pub(crate) fn parse(source: &str) -> Result<Expression, SyntaxFault> {
    if source.len() > LONGEST {
        return Err(SyntaxFault::new(
            0,
            format!("expression code point size exceeds limit: {LONGEST}"),
        ));
    }
    let mut parser = Parser { tokens: tokens(source)?, next: 0, depth: 0 };
    let expression = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expression),
        _ => Err(parser.unexpected()),
    }
}

struct Parser {
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
}

type Parsed = Result<Expression, SyntaxFault>;

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.next.min(self.tokens.len() - 1)].token
    }

    fn at(&self) -> usize {
        self.tokens[self.next.min(self.tokens.len() - 1)].at
    }

    fn symbol(&self) -> &'static str {
        match self.peek() {
            Token::Symbol(symbol) => symbol,
            Token::Word(word) if word == "in" => "in",
            _ => "",
        }
    }

    fn accept(&mut self, symbol: &str) -> bool {
        let found = self.symbol() == symbol;
        self.next += usize::from(found);
        found
    }

    fn require(&mut self, symbol: &str) -> Result<(), SyntaxFault> {
        if self.accept(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn unexpected(&self) -> SyntaxFault {
        let shown = match self.peek() {
            Token::Identifier(word) | Token::Word(word) => word.clone(),
            Token::Symbol(symbol) => (*symbol).to_owned(),
            Token::Literal(_) => "literal".to_owned(),
            Token::End => "<EOF>".to_owned(),
        };
        SyntaxFault::new(self.at(), format!("mismatched input '{shown}'"))
    }

    fn identifier(&mut self) -> Result<String, SyntaxFault> {
        match self.peek().clone() {
            Token::Identifier(name) => {
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn nested(&mut self, parse: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        if self.depth >= DEPTH {
            return Err(SyntaxFault::new(
                self.at(),
                format!("expression recursion limit exceeded: {DEPTH}"),
            ));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        low(parsed?)
    }

    fn expression(&mut self) -> Parsed {
        self.nested(Self::conditional)
    }

    fn conditional(&mut self) -> Parsed {
        let condition = self.any()?;
        let at = self.at();
        if !self.accept("?") {
            return Ok(condition);
        }
        let yes = self.any()?;
        self.require(":")?;
        let no = self.expression()?;
        Ok(Expression::new(at, Node::Conditional(Box::new((condition, yes, no)))))
    }

    fn any(&mut self) -> Parsed {
        let (at, mut terms) = self.terms("||", Self::all)?;
        Ok(if terms.len() == 1 { terms.remove(0) } else { Expression::new(at, Node::Any(terms)) })
    }

    fn all(&mut self) -> Parsed {
        let (at, mut terms) = self.terms("&&", |parser| parser.binary(0))?;
        Ok(if terms.len() == 1 { terms.remove(0) } else { Expression::new(at, Node::All(terms)) })
    }

    fn terms(
        &mut self,
        operator: &str,
        term: impl Fn(&mut Self) -> Parsed,
    ) -> Result<(usize, Vec<Expression>), SyntaxFault> {
        let mut terms = vec![term(self)?];
        let at = self.at();
        while self.accept(operator) {
            terms.push(term(self)?);
        }
        Ok((at, terms))
    }

    /// Relations (0), sums (1), products (2); all bind to the left.
    fn binary(&mut self, level: usize) -> Parsed {
        if level == 3 {
            return self.unary();
        }
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = operator(level, self.symbol()) {
            let at = self.at();
            self.next += 1;
            let right = self.binary(level + 1)?;
            left = low(Expression::new(at, Node::Binary(operator, Box::new((left, right)))))?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        let at = self.at();
        if self.accept("!") {
            let operand = self.nested(Self::unary)?;
            return Ok(match operand.node {
                Node::Not(inner) => *inner,
                _ => Expression::new(at, Node::Not(Box::new(operand))),
            });
        }
        if self.accept("-") {
            return self.negative(at);
        }
        let literal = matches!(self.peek(), Token::Literal(Literal::Int(i64::MIN)));
        if literal {
            return Err(SyntaxFault::new(at, "invalid int literal"));
        }
        self.member()
    }

    fn negative(&mut self, at: usize) -> Parsed {
        match *self.peek() {
            Token::Literal(Literal::Int(number)) => {
                self.next += 1;
                let literal =
                    Expression::new(at, Node::Literal(Literal::Int(number.wrapping_neg())));
                self.members(literal)
            }
            Token::Literal(Literal::Double(number)) => {
                self.next += 1;
                let literal = Expression::new(at, Node::Literal(Literal::Double(-number)));
                self.members(literal)
            }
            _ => {
                let operand = self.nested(Self::unary)?;
                Ok(Expression::new(at, Node::Negate(Box::new(operand))))
            }
        }
    }

    fn member(&mut self) -> Parsed {
        let primary = self.primary()?;
        self.members(primary)
    }

    fn members(&mut self, mut operand: Expression) -> Parsed {
        loop {
            let at = self.at();
            if self.accept(".") {
                operand = self.selection(at, operand)?;
            } else if self.accept("[") {
                let optional = self.accept("?");
                let index = Box::new(self.expression()?);
                self.require("]")?;
                operand = Expression::new(
                    at,
                    Node::Index { operand: Box::new(operand), index, optional },
                );
            } else if self.symbol() == "{" && operand.dotted().is_some() {
                operand = self.message(&operand)?;
            } else {
                return Ok(operand);
            }
            operand = low(operand)?;
        }
    }

    fn selection(&mut self, at: usize, operand: Expression) -> Parsed {
        let optional = self.accept("?");
        let field = match self.peek().clone() {
            Token::Word(word) if word == "in" => return Err(self.unexpected()),
            _ => self.identifier()?,
        };
        let open = self.at();
        if optional || !self.accept("(") {
            return Ok(Expression::new(
                at,
                Node::Select { operand: Box::new(operand), field, optional },
            ));
        }
        let arguments = self.arguments(")")?;
        expand(open, Some(operand), field, arguments)
    }
}

/// The expression, if its tree is not too high to be walked.
fn low(expression: Expression) -> Parsed {
    if expression.height > HEIGHT {
        return Err(SyntaxFault::new(
            expression.at,
            format!("expression recursion limit exceeded: {HEIGHT}"),
        ));
    }
    Ok(expression)
}

fn operator(level: usize, symbol: &str) -> Option<Binary> {
    Some(match (level, symbol) {
        (0, "==") => Binary::Equal,
        (0, "!=") => Binary::Unequal,
        (0, "<") => Binary::Less,
        (0, "<=") => Binary::AtMost,
        (0, ">") => Binary::Greater,
        (0, ">=") => Binary::AtLeast,
        (0, "in") => Binary::In,
        (1, "+") => Binary::Add,
        (1, "-") => Binary::Subtract,
        (2, "*") => Binary::Multiply,
        (2, "/") => Binary::Divide,
        (2, "%") => Binary::Modulo,
        _ => return None,
    })
}
