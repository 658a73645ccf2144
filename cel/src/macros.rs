//! Calls that are no functions: they bind variables or look at syntax.

use crate::lexer::SyntaxFault;
use crate::syntax::{Collect, Comprehension, Expression, Node, OptionalMap};

/// A call, or what the macro of that name makes of it.
pub(crate) fn expand(
    at: usize,
    target: Option<Expression>,
    name: String,
    mut arguments: Vec<Expression>,
) -> Result<Expression, SyntaxFault> {
    let Some(target) = target else {
        if name == "has" && arguments.len() == 1 {
            return has(at, arguments.remove(0));
        }
        return Ok(Expression::call(at, None, name, arguments));
    };
    if matches!((name.as_str(), arguments.len()), ("optMap" | "optFlatMap", 2)) {
        return optional_map(at, target, name == "optFlatMap", arguments);
    }
    let Some((collect, variables, filtered)) = shape(&name, arguments.len()) else {
        return Ok(Expression::call(at, Some(target), name, arguments));
    };
    let mut names = Vec::with_capacity(variables);
    for argument in arguments.drain(..variables) {
        names.push(simple_name(&argument)?);
    }
    let filter = filtered.then(|| arguments.remove(0));
    let body = arguments.remove(0);
    let comprehension =
        Comprehension { collect, range: target, variables: names, filter, body, slot: 0 };
    Ok(Expression::new(at, Node::Comprehension(Box::new(comprehension))))
}

fn optional_map(
    at: usize,
    operand: Expression,
    flat: bool,
    mut arguments: Vec<Expression>,
) -> Result<Expression, SyntaxFault> {
    let body = arguments.remove(1);
    let variable = simple_name(&arguments[0])?;
    let map = OptionalMap { operand, variable, body, flat, slot: 0 };
    Ok(Expression::new(at, Node::OptionalMap(Box::new(map))))
}

/// What a macro collects, how many variables it binds and whether it filters.
fn shape(name: &str, arguments: usize) -> Option<(Collect, usize, bool)> {
    Some(match (name, arguments) {
        ("all", 2) => (Collect::All, 1, false),
        ("all", 3) => (Collect::All, 2, false),
        ("exists", 2) => (Collect::Exists, 1, false),
        ("exists", 3) => (Collect::Exists, 2, false),
        ("exists_one" | "existsOne", 2) => (Collect::ExistsOne, 1, false),
        ("exists_one" | "existsOne", 3) => (Collect::ExistsOne, 2, false),
        ("map", 2) => (Collect::List, 1, false),
        ("map", 3) => (Collect::List, 1, true),
        ("filter", 2) => (Collect::Filter, 1, false),
        ("transformList", 3) => (Collect::List, 2, false),
        ("transformList", 4) => (Collect::List, 2, true),
        ("transformMap", 3) => (Collect::Map, 2, false),
        ("transformMap", 4) => (Collect::Map, 2, true),
        ("transformMapEntry", 3) => (Collect::MapEntry, 2, false),
        ("transformMapEntry", 4) => (Collect::MapEntry, 2, true),
        ("sortBy", 2) => (Collect::SortBy, 1, false),
        _ => return None,
    })
}

fn has(at: usize, argument: Expression) -> Result<Expression, SyntaxFault> {
    match argument.node {
        Node::Select { operand, field, optional: false } => {
            Ok(Expression::new(argument.at, Node::Has { operand, field }))
        }
        _ => Err(SyntaxFault::new(at, "invalid argument to has() macro")),
    }
}

fn simple_name(expression: &Expression) -> Result<String, SyntaxFault> {
    match &expression.node {
        Node::Name(name) => Ok(name.clone()),
        _ => Err(SyntaxFault::new(expression.at, "argument must be a simple name")),
    }
}
