//! `authorizer` in expressions: `authorizer.group(g).resource(r).namespace(n).check(verb).allowed()`.

use std::borrow::Cow;
use std::rc::Rc;

use apiserver_object::{
    Attributes, Authorizer, Decision, NonResourceAttributes, ResourceAttributes, User,
};
use cel_language::{Call, Fault, Function, Host, Opaque, Outcome, Value};

/// Steps that one question takes, as in the real server's cost model.
const QUESTION: u64 = 350_000;

const REFINED: &str =
    "kubernetes.authorization.ResourceCheck, string -> kubernetes.authorization.ResourceCheck";

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
        let (user, attributes) = match question.downcast()? {
            Question::Path(user, about) => (user, Attributes::NonResource(about.clone())),
            Question::Resource(user, about) => (user, Attributes::Resource(about.clone())),
            Question::Authorizer(_) | Question::Group(..) => return None,
        };
        let user = user.as_ref().unwrap_or(self.user);
        Some(Rc::new(Answer(self.authorizer.authorize(user, &attributes))))
    }
}

/// The functions that build, ask and read questions.
pub(crate) const FUNCTIONS: &[Function] = &[
    Function::member(
        "path",
        "kubernetes.authorization.Authorizer, string -> kubernetes.authorization.PathCheck",
        path,
    ),
    Function::member(
        "group",
        "kubernetes.authorization.Authorizer, string -> kubernetes.authorization.GroupCheck",
        group,
    ),
    Function::member(
        "serviceAccount",
        "kubernetes.authorization.Authorizer, string, string -> kubernetes.authorization.Authorizer",
        service_account,
    ),
    Function::member(
        "resource",
        "kubernetes.authorization.GroupCheck, string -> kubernetes.authorization.ResourceCheck",
        |call| refined(call, |about, word| about.resource = word),
    ),
    Function::member("subresource", REFINED, |call| {
        refined(call, |about, word| about.subresource = word)
    }),
    Function::member("namespace", REFINED, |call| {
        refined(call, |about, word| about.namespace = word)
    }),
    Function::member("name", REFINED, |call| refined(call, |about, word| about.name = word)),
    // No rule looks at selectors.
    Function::member("fieldSelector", REFINED, |call| refined(call, |_, _| {})),
    Function::member("labelSelector", REFINED, |call| refined(call, |_, _| {})),
    Function::member(
        "check",
        "kubernetes.authorization.PathCheck, string -> kubernetes.authorization.Decision; \
         kubernetes.authorization.ResourceCheck, string -> kubernetes.authorization.Decision",
        ask,
    ),
    Function::member("allowed", "kubernetes.authorization.Decision -> bool", |call| {
        Ok(Value::Bool(answer(call)?.allowed))
    }),
    Function::member("errored", "kubernetes.authorization.Decision -> bool", |call| {
        Ok(Value::Bool(answer(call)?.error.is_some()))
    }),
    Function::member("reason", "kubernetes.authorization.Decision -> string", |call| {
        Ok(Value::made(&*answer(call)?.reason))
    }),
    Function::member("error", "kubernetes.authorization.Decision -> string", |call| {
        Ok(Value::made(answer(call)?.error.as_deref().unwrap_or_default()))
    }),
];

fn user<'c>(call: &Call<'c, '_>) -> Result<&'c Option<User>, Fault> {
    match call.opaque(0)? {
        Question::Authorizer(user) => Ok(user),
        _ => Err(Fault::overload()),
    }
}

fn path<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let about = NonResourceAttributes { path: word(call)?, ..NonResourceAttributes::default() };
    Ok(Value::opaque(Question::Path(user(call)?.clone(), about)))
}

fn group<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let about = ResourceAttributes { group: word(call)?, ..ResourceAttributes::default() };
    Ok(Value::opaque(Question::Group(user(call)?.clone(), about)))
}

fn service_account<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    user(call)?;
    let account = User::service_account(call.text(1)?, call.text(2)?, "");
    Ok(Value::opaque(Question::Authorizer(Some(account))))
}

fn word(call: &Call<'_, '_>) -> Result<Cow<'static, str>, Fault> {
    Ok(Cow::Owned(call.text(1)?.to_owned()))
}

fn refined<'a>(
    call: &Call<'_, 'a>,
    set: fn(&mut ResourceAttributes<'static>, Cow<'static, str>),
) -> Outcome<'a> {
    let (Question::Group(user, about) | Question::Resource(user, about)) = call.opaque(0)? else {
        return Err(Fault::overload());
    };
    let mut about = about.clone();
    set(&mut about, word(call)?);
    Ok(Value::opaque(Question::Resource(user.clone(), about)))
}

fn ask<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let mut question = call.opaque::<Question>(0)?.clone();
    let verb = match &mut question {
        Question::Path(_, about) => &mut about.verb,
        Question::Resource(_, about) => &mut about.verb,
        Question::Authorizer(_) | Question::Group(..) => return Err(Fault::overload()),
    };
    *verb = word(call)?;
    call.ask(&question, QUESTION)
}

fn answer<'c>(call: &Call<'c, '_>) -> Result<&'c Decision, Fault> {
    call.opaque::<Answer>(0).map(|answer| &answer.0)
}
