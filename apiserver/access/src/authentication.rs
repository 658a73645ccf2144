//! Which user a request speaks for, from all that it presents.

use std::sync::Arc;

use apiserver_object::User;
use jiff::Timestamp;

use crate::{Existence, ServiceAccountTokens, StaticTokens, TokenError, VerifiedToken};

/// What a request presents.
#[derive(Clone, Copy, Debug, Default)]
pub struct Presented<'a> {
    /// The `Authorization` header, if there is one.
    pub authorization: Option<&'a str>,
    /// The user of the connection's client certificate: [`crate::user_of_client_certificate`] of the leaf that the TLS
    /// layer has verified, asked once for a connection.
    pub certified: Option<&'a Arc<User>>,
}

/// Who has presented a credential.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The user that it speaks for.
    pub user: Arc<User>,
    /// The token of a service account, where that is what was presented: it ends, and may be voided.
    pub token: Option<Arc<VerifiedToken>>,
}

impl Identity {
    /// A user whose credential holds for as long as the server runs.
    pub fn lasting(user: Arc<User>) -> Self {
        Self { user, token: None }
    }
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

    /// Who makes a request: by certificate, else by token, else `system:anonymous`, for whom the roles decide.
    pub fn identity(
        &self,
        presented: Presented<'_>,
        now: Timestamp,
        existence: &dyn Existence,
    ) -> Result<Identity, Unauthorized> {
        if let Some(user) = presented.certified {
            return Ok(Identity::lasting(Arc::clone(user)));
        }
        match presented.authorization.and_then(bearer) {
            Some(token) => {
                self.of_token(token, now, existence).map_err(|cause| Unauthorized { cause })
            }
            None => Ok(Identity::lasting(Arc::clone(&self.anonymous))),
        }
    }

    fn of_token(
        &self,
        token: &str,
        now: Timestamp,
        existence: &dyn Existence,
    ) -> Result<Identity, TokenError> {
        let of_static_token =
            || self.static_tokens.user(token).map(Identity::lasting).ok_or(TokenError::Foreign);
        // A static token is no JWT: it has no full stop.
        if !token.contains('.') {
            return of_static_token();
        }
        let audiences = self.service_accounts.audiences();
        let verified = match self.service_accounts.authenticate(token, audiences, now, existence) {
            Err(TokenError::Foreign) => return of_static_token(),
            answer => answer?,
        };
        Ok(Identity { user: Arc::clone(&verified.user), token: Some(verified) })
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

        fn secret_token(&self, _: &str, _: &str) -> Option<crate::SecretToken> {
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
        let found = authentication.identity(presented, Timestamp::UNIX_EPOCH, &Everything)?;
        Ok(found.user.name.clone())
    }

    #[test]
    fn a_request_without_a_credential_is_anonymous() {
        let authentication = authentication();
        let found =
            authentication.identity(Presented::default(), Timestamp::UNIX_EPOCH, &Everything);
        assert_eq!(*found.unwrap().user, User::anonymous());
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
        let found = authentication().identity(presented, Timestamp::UNIX_EPOCH, &Everything);
        assert_eq!(found.unwrap().user, alice);
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
