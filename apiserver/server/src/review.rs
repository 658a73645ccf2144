//! Kinds that are answered and never stored: who am I, may I, is this token good.

mod access;
mod token;

use apiserver_object::User;
use http::StatusCode;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::call::Call;
use crate::decode;
use crate::failure::Failure;

/// POST of a review.
pub(crate) fn create(call: &Call<'_>, bytes: &[u8]) -> Result<Answer, Failure> {
    let read =
        decode::object(call.served, bytes, call.format()?, call.parameters.field_validation())?;
    let mut review = read.object;
    match status(call, &review) {
        Ok(status) => review["status"] = status,
        Err(failure) => return Err(failure.with_warnings(read.warnings)),
    }
    Ok(Answer::value(StatusCode::CREATED, call.accepted, &review).with_warnings(read.warnings))
}

fn status(call: &Call<'_>, review: &Value) -> Result<Value, Failure> {
    match call.served.kind.kind.as_ref() {
        "SelfSubjectReview" => Ok(json!({ "userInfo": user_info(call.user) })),
        "TokenReview" => token::review(call, review),
        "SelfSubjectAccessReview" => access::review(call, review, call.user),
        "SubjectAccessReview" | "LocalSubjectAccessReview" => {
            access::review(call, review, &access::subject(review)?)
        }
        "SelfSubjectRulesReview" => access::rules(call, review),
        other => Err(Failure::internal(format!("{other} is not answered"))),
    }
}

fn user_info(user: &User) -> Value {
    let mut info = json!({ "username": user.name });
    if !user.uid.is_empty() {
        info["uid"] = user.uid.as_str().into();
    }
    if !user.groups.is_empty() {
        info["groups"] = user.groups.clone().into();
    }
    if !user.extra.is_empty() {
        info["extra"] = json!(user.extra);
    }
    info
}

fn strings(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
