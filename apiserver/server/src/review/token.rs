//! TokenReview.

use serde_json::{Value, json};

use super::{strings, user_info};
use crate::call::Call;
use crate::clock;
use crate::failure::Failure;

/// Whose token it is, and for which of the audiences that were asked for.
pub(super) fn review(call: &Call<'_>, review: &Value) -> Result<Value, Failure> {
    let token = review.pointer("/spec/token").and_then(Value::as_str).unwrap_or_default();
    if token.is_empty() {
        return Err(Failure::bad_request("token is required for TokenReview in authentication"));
    }
    let authentication = &call.api.access.authentication;
    let asked = strings(review.pointer("/spec/audiences"));
    let own = authentication.service_accounts.audiences().to_vec();
    let for_us = asked.is_empty() || asked.iter().any(|audience| own.contains(audience));
    if let Some(user) = authentication.static_tokens.user(token).filter(|_| for_us) {
        return Ok(json!({ "authenticated": true, "user": user_info(&user) }));
    }
    let asked = if asked.is_empty() { own } else { asked };
    let (tokens, objects) = (&authentication.service_accounts, &call.api.objects);
    Ok(match tokens.authenticate(token, &asked, clock::now(), objects) {
        Ok(verified) => {
            let audiences: Vec<&String> =
                asked.iter().filter(|one| verified.audiences.contains(one)).collect();
            json!({ "authenticated": true, "user": user_info(&verified.user), "audiences": audiences })
        }
        Err(error) => json!({ "user": {}, "error": format!("invalid bearer token: {error}") }),
    })
}
