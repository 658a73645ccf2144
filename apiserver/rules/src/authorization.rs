//! `authorizer` in expressions: `authorizer.group(g).resource(r).namespace(n).check(verb).allowed()`.

use std::rc::Rc;

use crate::admission::{Check, Decision, UserInfo};
use crate::language::budget::Fault;
use crate::language::evaluator::{Evaluator, Outcome};
use crate::language::signatures::Native;
use crate::language::value::{Question, Value};

/// Steps that one question takes, as in the real server's cost model.
const QUESTION: u64 = 350_000;

type User = Rc<Option<UserInfo>>;

/// The function that builds, asks or reads a question.
pub(crate) fn find(name: &str) -> Option<Native> {
    Some(match name {
        "path" => path,
        "group" => group,
        "serviceAccount" => service_account,
        "resource" => |_, values| refined(values, |check, word| check.resource = word),
        "subresource" => |_, values| refined(values, |check, word| check.subresource = word),
        "namespace" => |_, values| refined(values, |check, word| check.namespace = word),
        "name" => |_, values| refined(values, |check, word| check.name = word),
        "fieldSelector" => {
            |_, values| refined(values, |check, word| check.field_selector = Some(word))
        }
        "labelSelector" => {
            |_, values| refined(values, |check, word| check.label_selector = Some(word))
        }
        "check" => ask,
        "allowed" => |_, values| Ok(Value::Bool(answer(values)?.allowed)),
        "errored" => |_, values| Ok(Value::Bool(answer(values)?.error.is_some())),
        "reason" => |_, values| Ok(Value::made(answer(values)?.reason.as_str())),
        "error" => {
            |_, values| Ok(Value::made(answer(values)?.error.as_deref().unwrap_or_default()))
        }
        _ => return None,
    })
}

fn user(values: &[Value<'_>]) -> Result<User, Fault> {
    match &values[0] {
        Value::Question(Question::Authorizer(user)) => Ok(Rc::clone(user)),
        _ => Err(Fault::overload()),
    }
}

fn path<'a>(_: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let check = Check { path: Some(word(values.get(1))?), ..Check::default() };
    Ok(Value::Question(Question::Path(user(values)?, Rc::new(check))))
}

fn group<'a>(_: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let check = Check { group: word(values.get(1))?, ..Check::default() };
    Ok(Value::Question(Question::Group(user(values)?, Rc::new(check))))
}

fn service_account<'a>(_: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    user(values)?;
    let account = UserInfo::service_account(&word(values.get(1))?, &word(values.get(2))?);
    Ok(Value::Question(Question::Authorizer(Rc::new(Some(account)))))
}

fn word(value: Option<&Value<'_>>) -> Result<String, Fault> {
    match value {
        Some(Value::String(text)) => Ok(text.as_str().to_owned()),
        _ => Err(Fault::overload()),
    }
}

fn refined<'a>(values: &[Value<'a>], set: fn(&mut Check, String)) -> Outcome<'a> {
    let Value::Question(Question::Group(user, check) | Question::Resource(user, check)) =
        &values[0]
    else {
        return Err(Fault::overload());
    };
    let mut check = (**check).clone();
    set(&mut check, word(values.get(1))?);
    Ok(Value::Question(Question::Resource(Rc::clone(user), Rc::new(check))))
}

fn ask<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let Value::Question(Question::Path(user, check) | Question::Resource(user, check)) = &values[0]
    else {
        return Err(Fault::overload());
    };
    let rights = evaluator.rights.ok_or_else(Fault::overload)?;
    evaluator.budget.take(QUESTION)?;
    let check = Check { verb: word(values.get(1))?, ..(**check).clone() };
    let user = (**user).as_ref().unwrap_or(rights.user);
    Ok(Value::Question(Question::Answer(Rc::new(rights.authorizer.allowed(user, &check)))))
}

fn answer<'v>(values: &'v [Value<'_>]) -> Result<&'v Decision, Fault> {
    match &values[0] {
        Value::Question(Question::Answer(decision)) => Ok(decision),
        _ => Err(Fault::overload()),
    }
}
