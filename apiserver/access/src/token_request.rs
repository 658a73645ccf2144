//! `TokenRequest`: what may be asked for a service account's token, and the answer.

use std::time::Duration;

use apiserver_object::FieldError;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{BoundObject, IssuedToken, ServiceAccountTokens, TokenError, TokenSpec};

/// Seconds that a token lives when the request does not say.
pub const DEFAULT_TOKEN_SECONDS: i64 = 3600;
const SHORTEST_SECONDS: i64 = 600;
const LONGEST_SECONDS: i64 = 1 << 32;

/// What is wrong with a `TokenRequest`, in the words of `k8s.io/kubernetes/pkg/apis/authentication/validation`.
pub fn validate_token_request(request: &Value) -> Vec<FieldError> {
    let seconds = seconds_asked(request);
    let invalid = |detail: &str| FieldError::invalid("spec.expirationSeconds", seconds, detail);
    if seconds < SHORTEST_SECONDS {
        vec![invalid("may not specify a duration less than 10 minutes")]
    } else if seconds > LONGEST_SECONDS {
        vec![invalid("may not specify a duration larger than 2^32 seconds")]
    } else {
        Vec::new()
    }
}

fn seconds_asked(request: &Value) -> i64 {
    request["spec"]["expirationSeconds"].as_i64().unwrap_or(DEFAULT_TOKEN_SECONDS)
}

impl TokenSpec {
    /// Reads the audiences and the lifetime from a `TokenRequest` that [`validate_token_request`] accepts.
    /// The caller finds the account and the object that `spec.boundObjectRef` names.
    pub fn of_request(
        request: &Value,
        namespace: &str,
        service_account: &str,
        uid: &str,
        bound_object: Option<BoundObject>,
    ) -> Self {
        let audiences = request["spec"]["audiences"].as_array().into_iter().flatten();
        Self {
            namespace: namespace.to_owned(),
            service_account: service_account.to_owned(),
            uid: uid.to_owned(),
            audiences: audiences.filter_map(Value::as_str).map(str::to_owned).collect(),
            seconds: seconds_asked(request),
            bound_object,
        }
    }

    /// Cuts the lifetime off where it is longer than `longest`; the warning that the asker is sent, in the words
    /// of `k8s.io/kubernetes/pkg/registry/core/serviceaccount/storage`.
    pub fn shorten(&mut self, longest: Duration) -> Option<String> {
        let asked = self.seconds;
        let longest = i64::try_from(longest.as_secs()).unwrap_or(i64::MAX);
        (asked > longest).then(|| {
            self.seconds = longest;
            format!("requested expiration of {asked} seconds shortened to {longest} seconds")
        })
    }
}

/// Issues the token and gives the `TokenRequest` back with its defaults and `status`. Metadata is the caller's.
pub fn token_request_answer(
    tokens: &ServiceAccountTokens,
    request: &Value,
    spec: &TokenSpec,
    now: Timestamp,
) -> Result<Value, TokenError> {
    let IssuedToken { token, expires } = tokens.issue(spec, now)?;
    let audiences = if spec.audiences.is_empty() { tokens.audiences() } else { &spec.audiences };
    let bound = &request["spec"]["boundObjectRef"];
    Ok(json!({
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": request.get("metadata").cloned().unwrap_or_else(|| json!({})),
        "spec": { "audiences": audiences, "expirationSeconds": spec.seconds, "boundObjectRef": bound },
        "status": { "token": token.as_str(), "expirationTimestamp": seconds_text(expires) },
    }))
}

/// RFC 3339 in whole seconds, as `metav1.Time` is written.
fn seconds_text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_outside_the_limits_are_refused_in_the_real_words() {
        let message = |seconds: i64| {
            let request = json!({"spec": {"expirationSeconds": seconds}});
            validate_token_request(&request).first().map(ToString::to_string)
        };
        assert_eq!(message(600), None);
        assert_eq!(message(1 << 32), None);
        assert_eq!(
            message(599).unwrap(),
            "spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes"
        );
        assert_eq!(
            message((1 << 32) + 1).unwrap(),
            "spec.expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds"
        );
        assert!(validate_token_request(&json!({"spec": {}})).is_empty());
    }
}
