//! Calls of functions.

use super::Checker;
use crate::operator_signatures::operation;
use crate::pattern;
use crate::syntax::{Expression, FunctionIndex, Literal, Node};
use crate::types::Type;

impl Checker<'_> {
    pub(super) fn call(&mut self, expression: &mut Expression) -> Type {
        let at = expression.at;
        let Node::Call { target, name, arguments, .. } = &mut expression.node else {
            return Type::Dyn;
        };
        self.find_in_package(target, name);
        let (member, name) = (target.is_some(), name.clone());
        let kinds = self.kinds(target.as_deref_mut(), arguments, name == "format");
        if member && is_fallback(&name) {
            return match operation(&name, &kinds) {
                Some(result) => Self::fallback(expression, result),
                None => self.no_overload(at, &name, kinds.first(), &kinds[1..]),
            };
        }
        let functions = self.environment.functions;
        if !functions.knows(&name) {
            return self.undeclared(at, &name);
        }
        let found = functions.find(&name, member);
        let Some((index, result)) =
            found.and_then(|index| Some((index, functions.result(index, &kinds)?)))
        else {
            let (receiver, given) = kinds.split_at(usize::from(member));
            return self.no_overload(at, &name, receiver.first(), given);
        };
        self.resolve(expression, &name, index);
        result
    }

    /// `optional.none`, `sets.contains`: a function whose name has a dot.
    fn find_in_package(&self, target: &mut Option<Box<Expression>>, name: &mut String) {
        let Some(Node::Name(package)) = target.as_ref().map(|target| &target.node) else {
            return;
        };
        let full = format!("{package}.{name}");
        if self.find(package).is_none() && self.environment.functions.knows(&full) {
            *target = None;
            *name = full;
        }
    }

    fn kinds(
        &mut self,
        target: Option<&mut Expression>,
        arguments: &mut [Expression],
        mixed: bool,
    ) -> Vec<Type> {
        let mut kinds: Vec<Type> = target.map(|target| self.check(target)).into_iter().collect();
        let mixed = std::mem::replace(&mut self.mixed, mixed);
        kinds.extend(arguments.iter_mut().map(|argument| self.check(argument)));
        self.mixed = mixed;
        kinds
    }

    fn fallback(expression: &mut Expression, result: Type) -> Type {
        if let Node::Call { target: Some(target), name, arguments, .. } = taken(expression)
            && let Some(other) = arguments.into_iter().next()
        {
            let unwrap = name == "orValue";
            expression.node = Node::Fallback { pair: Box::new((*target, other)), unwrap };
        }
        result
    }

    /// Literals that a function would refuse are refused now, and patterns are compiled.
    fn resolve(&mut self, expression: &mut Expression, name: &str, index: FunctionIndex) {
        let Node::Call { arguments, function, .. } = &mut expression.node else { return };
        *function = Some(index);
        let Some(Expression { at, node: Node::Literal(Literal::String(text)), .. }) =
            arguments.last()
        else {
            return;
        };
        let at = *at;
        if name != "matches" {
            if !self.environment.functions.accepts(index, text) {
                self.issue(at, format!("invalid {name} argument"));
            }
            return;
        }
        match pattern::written(text) {
            Err(_) => drop(self.issue(at, "invalid matches argument")),
            Ok(pattern) => {
                let Node::Call { target, arguments, .. } = taken(expression) else { return };
                if let Some(text) = target.map(|text| *text).into_iter().chain(arguments).next() {
                    expression.node = Node::Matches(Box::new(text), pattern);
                }
            }
        }
    }
}

fn is_fallback(name: &str) -> bool {
    matches!(name, "or" | "orValue")
}

/// What the expression consisted of, to be made into something else.
fn taken(expression: &mut Expression) -> Node {
    std::mem::replace(&mut expression.node, Node::Literal(Literal::Null))
}
