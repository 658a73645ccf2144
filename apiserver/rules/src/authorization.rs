//! `authorizer` in expressions: `authorizer.group(g).resource(r).namespace(n).check(verb).allowed()`.

use std::any::Any;
use std::borrow::Cow;
use std::rc::Rc;

use apiserver_object::{
    Attributes, Authorizer, Decision, NonResourceAttributes, ResourceAttributes, User,
};
use cel_language::{Evaluator, Fault, Host, Native, Opaque, Outcome, Value};

/// Steps that one question takes, as in the real server's cost model.
const QUESTION: u64 = 350_000;

/// Whom expressions may ask for rights, and for whom.
#[derive(Clone, Copy)]
pub(crate) struct Rights<'a> {
    pub(crate) authorizer: &'a dyn Authorizer,
    pub(crate) user: &'a User,
}

/// A question that an expression is about to ask the authorizer; about the user who sends the request where it names
/// none.
#[derive(Clone)]
pub(crate) enum Question {
    /// `authorizer`, or that of a ServiceAccount.
    Authorizer(Option<User>),
    Path(Option<User>, NonResourceAttributes<'static>),
    Group(Option<User>, ResourceAttributes<'static>),
    Resource(Option<User>, ResourceAttributes<'static>),
}

/// What the authorizer said.
struct Answer(Decision);

impl Opaque for Question {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Authorizer(_) => "kubernetes.authorization.Authorizer",
            Self::Path(..) => "kubernetes.authorization.PathCheck",
            Self::Group(..) => "kubernetes.authorization.GroupCheck",
            Self::Resource(..) => "kubernetes.authorization.ResourceCheck",
        }
    }
}

impl Opaque for Answer {
    fn type_name(&self) -> &'static str {
        "kubernetes.authorization.Decision"
    }
}

impl Host for Rights<'_> {
    fn answer(&self, question: &dyn Opaque) -> Option<Rc<dyn Opaque>> {
        let question: &dyn Any = question;
        let (user, attributes) = match question.downcast_ref::<Question>()? {
            Question::Path(user, about) => (user, Attributes::NonResource(about.clone())),
            Question::Resource(user, about) => (user, Attributes::Resource(about.clone())),
            Question::Authorizer(_) | Question::Group(..) => return None,
        };
        let user = user.as_ref().unwrap_or(self.user);
        Some(Rc::new(Answer(self.authorizer.authorize(user, &attributes))))
    }
}

/// The function that builds, asks or reads a question.
pub(crate) fn find(name: &str) -> Option<Native> {
    Some(match name {
        "path" => path,
        "group" => group,
        "serviceAccount" => service_account,
        "resource" => |_, values| refined(values, |about, word| about.resource = word),
        "subresource" => |_, values| refined(values, |about, word| about.subresource = word),
        "namespace" => |_, values| refined(values, |about, word| about.namespace = word),
        "name" => |_, values| refined(values, |about, word| about.name = word),
        // No rule looks at selectors.
        "fieldSelector" | "labelSelector" => |_, values| refined(values, |_, _| {}),
        "check" => ask,
        "allowed" => |_, values| Ok(Value::Bool(answer(values)?.allowed)),
        "errored" => |_, values| Ok(Value::Bool(answer(values)?.error.is_some())),
        "reason" => |_, values| Ok(Value::made(&*answer(values)?.reason)),
        "error" => {
            |_, values| Ok(Value::made(answer(values)?.error.as_deref().unwrap_or_default()))
        }
        _ => return None,
    })
}

fn made<'a>(question: Question) -> Value<'a> {
    Value::Opaque(Rc::new(question))
}

fn opaque<'v, T: 'static>(value: &'v Value<'_>) -> Result<&'v T, Fault> {
    let Value::Opaque(opaque) = value else {
        return Err(Fault::overload());
    };
    let opaque: &dyn Any = &**opaque;
    opaque.downcast_ref().ok_or_else(Fault::overload)
}

fn user(values: &[Value<'_>]) -> Result<Option<User>, Fault> {
    match opaque(&values[0])? {
        Question::Authorizer(user) => Ok(user.clone()),
        _ => Err(Fault::overload()),
    }
}

fn path<'a>(_: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let path = word(values.get(1))?;
    let about = NonResourceAttributes { path, ..NonResourceAttributes::default() };
    Ok(made(Question::Path(user(values)?, about)))
}

fn group<'a>(_: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let group = word(values.get(1))?;
    let about = ResourceAttributes { group, ..ResourceAttributes::default() };
    Ok(made(Question::Group(user(values)?, about)))
}

fn service_account<'a>(_: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    user(values)?;
    let account = User::service_account(&word(values.get(1))?, &word(values.get(2))?, "");
    Ok(made(Question::Authorizer(Some(account))))
}

fn word(value: Option<&Value<'_>>) -> Result<Cow<'static, str>, Fault> {
    match value {
        Some(Value::String(text)) => Ok(Cow::Owned(text.as_str().to_owned())),
        _ => Err(Fault::overload()),
    }
}

fn refined<'a>(
    values: &[Value<'a>],
    set: fn(&mut ResourceAttributes<'static>, Cow<'static, str>),
) -> Outcome<'a> {
    let (Question::Group(user, about) | Question::Resource(user, about)) = opaque(&values[0])?
    else {
        return Err(Fault::overload());
    };
    let mut about = about.clone();
    set(&mut about, word(values.get(1))?);
    Ok(made(Question::Resource(user.clone(), about)))
}

fn ask<'a>(evaluator: &Evaluator<'a>, values: &[Value<'a>]) -> Outcome<'a> {
    let mut question = opaque::<Question>(&values[0])?.clone();
    let verb = match &mut question {
        Question::Path(_, about) => &mut about.verb,
        Question::Resource(_, about) => &mut about.verb,
        Question::Authorizer(_) | Question::Group(..) => return Err(Fault::overload()),
    };
    *verb = word(values.get(1))?;
    evaluator.ask(&question, QUESTION)
}

fn answer<'v>(values: &'v [Value<'_>]) -> Result<&'v Decision, Fault> {
    opaque::<Answer>(&values[0]).map(|answer| &answer.0)
}
