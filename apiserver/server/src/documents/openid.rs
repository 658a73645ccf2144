//! OpenID Connect discovery of ServiceAccount tokens.

use serde_json::json;

use super::document;
use crate::answer::Answer;
use crate::api::Api;

/// Where the keys are.
pub(super) fn configuration(api: &Api) -> Answer {
    let tokens = &api.access.authentication.service_accounts;
    document(&json!({
        "issuer": tokens.issuer(),
        "jwks_uri": format!("{}/openid/v1/jwks", tokens.issuer()),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

/// The keys that tokens are verified with.
pub(super) fn keys(api: &Api) -> Answer {
    document(&api.access.authentication.service_accounts.key_set())
        .with_content_type("application/jwk-set+json")
}
