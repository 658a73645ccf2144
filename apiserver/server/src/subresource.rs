//! Subresources that are no view of the object's own fields.

mod finalize;
pub(crate) mod scale;
mod token;

use apiserver_object::{Subresource, Verb};
use serde_json::Value;

use crate::answer::Answer;
use crate::call::Call;
use crate::decode::document;
use crate::failure::Failure;

/// Whether a subresource is answered here.
pub(crate) fn is_special(subresource: Subresource) -> bool {
    matches!(subresource, Subresource::Token | Subresource::Scale | Subresource::Finalize)
}

/// A write on such a subresource.
pub(crate) async fn write(call: &Call<'_>, verb: Verb, bytes: &[u8]) -> Result<Answer, Failure> {
    match (call.subresource, verb) {
        (Subresource::Token, Verb::Create) => token::create(call, bytes),
        (Subresource::Scale, Verb::Update | Verb::Patch) => scale::write(call, verb, bytes).await,
        (Subresource::Finalize, Verb::Update) => finalize::update(call, bytes).await,
        _ => Err(Failure::method_not_allowed()),
    }
}

fn parsed(call: &Call<'_>, bytes: &[u8]) -> Result<Value, Failure> {
    let parsed = document::parse(bytes, call.format()?).map_err(Failure::bad_request)?;
    if parsed.value.is_object() {
        Ok(parsed.value)
    } else {
        Err(Failure::bad_request("the body is not a JSON object"))
    }
}
