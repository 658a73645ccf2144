//! What somebody tries, and what both servers are to say.

use std::collections::HashMap;

use kube::{Client, Error};
use serde_json::Value;

use crate::call::{Call, Step, stored};
use crate::setup::{Server, Who, servers};

/// Something that somebody tries.
pub(crate) struct Attempt {
    /// A sentence.
    pub(crate) name: String,
    before: Vec<Step>,
    who: Who,
    call: Call,
    answer: Answer,
    /// Whether both servers say it in the same words.
    alike: bool,
}

/// What both servers are to answer.
enum Answer {
    /// Refused by a policy, a rule, a quota or the server, which says this.
    Refused(&'static str),
    /// Refused by RBAC.
    NoRight,
    /// Done; then this stands at this place of the answer.
    Done(Option<(&'static str, Value)>),
}

/// Refused with a message that says `part`.
pub(crate) fn refused(
    name: impl Into<String>,
    who: Who,
    call: Call,
    part: &'static str,
) -> Attempt {
    attempt(name, who, call, Answer::Refused(part))
}

/// Refused for lack of a right.
pub(crate) fn no_right(name: impl Into<String>, who: Who, call: Call) -> Attempt {
    attempt(name, who, call, Answer::NoRight)
}

/// The legitimate version of a deed: what is refused is not refused because nothing works.
pub(crate) fn allowed(name: impl Into<String>, who: Who, call: Call) -> Attempt {
    attempt(name, who, call, Answer::Done(None))
}

fn attempt(name: impl Into<String>, who: Who, call: Call, answer: Answer) -> Attempt {
    Attempt { name: name.into(), before: Vec::new(), who, call, answer, alike: true }
}

impl Attempt {
    /// What was done, and had to work, before.
    pub(crate) fn after(mut self, steps: Vec<Step>) -> Self {
        self.before = steps;
        self
    }

    /// Where it is allowed: `value` stands at `place` then.
    pub(crate) fn leaving(mut self, place: &'static str, value: Value) -> Self {
        self.answer = Answer::Done(Some((place, value)));
        self
    }

    /// Each server says it in its own words.
    pub(crate) fn in_other_words(mut self) -> Self {
        self.alike = false;
        self
    }

    pub(crate) fn is_refused(&self) -> bool {
        !matches!(self.answer, Answer::Done(_))
    }

    /// What the server said, as far as the two are compared; or what is wrong.
    async fn run(&self, clients: &HashMap<Who, Client>) -> Result<String, String> {
        let admin = &clients[&Who::Admin];
        for (who, call) in &self.before {
            let step = call.send(&clients[who], admin).await;
            step.map_err(|error| format!("what comes before, by {who:?}: {error:?}"))?;
        }
        let before = stored(admin, &self.call.about).await;
        let said = self.judge(self.call.send(&clients[&self.who], admin).await)?;
        let after = stored(admin, &self.call.about).await;
        if self.is_refused() && before != after {
            return Err(format!("refused, and yet changed: {before}\n{after}"));
        }
        Ok(said)
    }

    fn judge(&self, result: kube::Result<Value>) -> Result<String, String> {
        let refusal = match (&self.answer, result) {
            (Answer::Done(place), Ok(object)) => return as_expected(place.as_ref(), &object),
            (_, Err(Error::Api(refusal))) => refusal,
            (_, other) => return Err(format!("answered {other:?}")),
        };
        let no_right = refusal.code == 403 && refusal.message.contains("\" cannot ");
        let is_meant = match &self.answer {
            Answer::Refused(part) => refusal.message.contains(part) && !no_right,
            Answer::NoRight => no_right,
            Answer::Done(_) => false,
        };
        let said = format!("{} {} {}", refusal.code, refusal.reason, refusal.message);
        if is_meant { Ok(said) } else { Err(format!("said {said}")) }
    }
}

fn as_expected(place: Option<&(&str, Value)>, object: &Value) -> Result<String, String> {
    let Some((place, value)) = place else { return Ok("done".to_owned()) };
    match object.pointer(place).unwrap_or(&Value::Null) {
        found if found == value => Ok(format!("done, {found}")),
        found => Err(format!("{place} is {found}")),
    }
}

async fn run_on(server: &Server, attempts: &[Attempt]) -> Vec<Result<String, String>> {
    let clients = server.clients().await;
    let mut said = Vec::new();
    for attempt in attempts {
        said.push(attempt.run(&clients).await);
    }
    said
}

/// Makes each attempt on both servers, which must answer as it says, and alike.
pub(crate) async fn hold(attempts: &[Attempt]) {
    let [one, other] = servers().await;
    let (said, other_said) = tokio::join!(run_on(one, attempts), run_on(other, attempts));
    let mut faults = Vec::new();
    for (attempt, both) in attempts.iter().zip(said.iter().zip(&other_said)) {
        for (server, said) in [(one, both.0), (other, both.1)] {
            let fault = said.as_ref().err();
            faults.extend(fault.map(|fault| format!("{}, {}: {fault}", attempt.name, server.name)));
        }
        if let (Ok(said), Ok(other)) = both
            && attempt.alike
            && said != other
        {
            faults.push(format!("{}, two answers:\n  {said}\n  {other}", attempt.name));
        }
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), attempts.len(), faults.join("\n"));
}
