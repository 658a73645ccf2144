//! Which user a request speaks for, from all that it presents.

use std::sync::Arc;

use apiserver_object::User;
use jiff::Timestamp;

use crate::{Existence, ServiceAccountTokens, StaticTokens, TokenError};

/// What a request presents.
#[derive(Clone, Copy, Debug, Default)]
pub struct Presented<'a> {
    /// The `Authorization` header, if there is one.
    pub authorization: Option<&'a str>,
    /// The user of the connection's client certificate: [`crate::user_of_client_certificate`] of the leaf that the TLS
    /// layer has verified, asked once for a connection.
    pub certified: Option<&'a Arc<User>>,
}

/// The request presents a credential that is not accepted: answer 401 `Unauthorized` and nothing more.
/// The cause is for the server's log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("unauthorized: {cause}")]
pub struct Unauthorized {
    /// Why the credential was not accepted.
    pub cause: TokenError,
}

/// The ways in which a request may show who it is.
#[derive(Debug)]
pub struct Authentication {
    /// Tokens that do not end.
    pub static_tokens: StaticTokens,
    /// Tokens of service accounts.
    pub service_accounts: ServiceAccountTokens,
    anonymous: Arc<User>,
}

impl Authentication {
    /// Authentication with both kinds of tokens, client certificates, and anonymous requests.
    pub fn new(static_tokens: StaticTokens, service_accounts: ServiceAccountTokens) -> Self {
        Self { static_tokens, service_accounts, anonymous: Arc::new(User::anonymous()) }
    }

    /// The user of a request: by certificate, else by token, else `system:anonymous`, for whom the roles decide.
    pub fn user(
        &self,
        presented: Presented<'_>,
        now: Timestamp,
        existence: &dyn Existence,
    ) -> Result<Arc<User>, Unauthorized> {
        if let Some(user) = presented.certified {
            return Ok(Arc::clone(user));
        }
        match presented.authorization.and_then(bearer) {
            Some(token) => {
                self.user_of_token(token, now, existence).map_err(|cause| Unauthorized { cause })
            }
            None => Ok(Arc::clone(&self.anonymous)),
        }
    }

    fn user_of_token(
        &self,
        token: &str,
        now: Timestamp,
        existence: &dyn Existence,
    ) -> Result<Arc<User>, TokenError> {
        // A static token is no JWT: it has no full stop.
        if !token.contains('.') {
            return self.static_tokens.user(token).ok_or(TokenError::Foreign);
        }
        let audiences = self.service_accounts.audiences();
        let verified = match self.service_accounts.authenticate(token, audiences, now, existence) {
            Err(TokenError::Foreign) => {
                return self.static_tokens.user(token).ok_or(TokenError::Foreign);
            }
            answer => answer?,
        };
        Ok(Arc::clone(&verified.user))
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750); the scheme's case does not matter.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    let token = token.split(' ').next()?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{P256Key, TokenSpec};

    struct Everything;

    impl Existence for Everything {
        fn service_account_uid(&self, _: &str, _: &str) -> Option<String> {
            Some("1".to_owned())
        }

        fn object_uid(&self, _: &str, _: &str, _: &str) -> Option<String> {
            None
        }
    }

    fn authentication() -> Authentication {
        let key = P256Key::generate().unwrap();
        Authentication::new(
            StaticTokens::default(),
            ServiceAccountTokens::new("https://issuer", &key).unwrap(),
        )
    }

    fn user(authentication: &Authentication, header: &str) -> Result<String, Unauthorized> {
        let presented = Presented { authorization: Some(header), certified: None };
        let user = authentication.user(presented, Timestamp::UNIX_EPOCH, &Everything)?;
        Ok(user.name.clone())
    }

    #[test]
    fn a_request_without_a_credential_is_anonymous() {
        let authentication = authentication();
        let found =
            authentication.user(Presented::default(), Timestamp::UNIX_EPOCH, &Everything).unwrap();
        assert_eq!(*found, User::anonymous());
        for header in ["Basic eDp5", "Bearer", "Bearer ", "x"] {
            assert_eq!(user(&authentication, header).unwrap(), "system:anonymous", "{header}");
        }
    }

    #[test]
    fn a_wrong_token_is_unauthorized_and_not_anonymous() {
        let error = user(&authentication(), "Bearer wrong").unwrap_err();
        assert_eq!(error.cause, TokenError::Foreign);
        assert!(!error.to_string().contains("wrong"));
    }

    #[test]
    fn a_certificate_comes_before_a_token() {
        let alice = Arc::new(User::authenticated("alice", Vec::new()));
        let presented = Presented { authorization: Some("Bearer wrong"), certified: Some(&alice) };
        assert_eq!(
            authentication().user(presented, Timestamp::UNIX_EPOCH, &Everything),
            Ok(alice.clone())
        );
    }

    #[test]
    fn both_kinds_of_tokens_are_accepted() {
        let mut authentication = authentication();
        let token =
            authentication.static_tokens.issue(User::authenticated("admin", Vec::new())).unwrap();
        assert_eq!(user(&authentication, &format!("bearer {}", token.as_str())).unwrap(), "admin");
        let spec = TokenSpec {
            namespace: "n".to_owned(),
            service_account: "a".to_owned(),
            uid: "1".to_owned(),
            audiences: Vec::new(),
            seconds: 600,
            bound_object: None,
        };
        let token =
            authentication.service_accounts.issue(&spec, Timestamp::UNIX_EPOCH).unwrap().token;
        assert_eq!(
            user(&authentication, &format!("Bearer {}", token.as_str())).unwrap(),
            "system:serviceaccount:n:a"
        );
    }
}
