//! A token that was found good, and what must still hold of it.

use std::sync::Arc;

use apiserver_object::{CREDENTIAL_ID, User};
use jiff::{SignedDuration, Timestamp};

use crate::token_claims::{Claims, SecretClaims};
use crate::token_digest::{TokenDigest, digest_of};
use crate::{BoundObject, TokenError};

/// How far clocks may differ, as in the real server.
const LEEWAY_SECONDS: i64 = 60;
/// Times are compared in whole seconds.
const REFUSED_AFTER: SignedDuration = SignedDuration::from_secs(LEEWAY_SECONDS + 1);

/// What the server's state says of the objects that a token depends on.
pub trait Existence {
    /// UID of the service account, if there is one that is not being deleted.
    fn service_account_uid(&self, namespace: &str, name: &str) -> Option<String>;
    /// UID of a `Pod`, `Secret` (both in the namespace) or `Node`.
    fn object_uid(&self, kind: &str, namespace: &str, name: &str) -> Option<String>;
    /// What a Secret that is not being deleted holds as a token.
    fn secret_token(&self, namespace: &str, name: &str) -> Option<SecretToken>;
}

/// The token in a Secret.
#[derive(Clone, Debug)]
pub struct SecretToken {
    digest: TokenDigest,
    invalid: bool,
}

impl SecretToken {
    /// A token, and whether the Secret is marked as invalid.
    pub fn new(token: &[u8], invalid: bool) -> Self {
        Self { digest: digest_of(token), invalid }
    }
}

/// The Secret that holds a token, which is good while it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Name of the Secret, in the account's namespace.
    pub secret: String,
    digest: TokenDigest,
}

/// A token whose signature, time and form are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    /// Namespace of the account.
    pub namespace: String,
    /// Name of the account.
    pub service_account: String,
    /// UID of the account when the token was issued.
    pub uid: String,
    /// The token's audiences.
    pub audiences: Vec<String>,
    /// Object whose end ends the token.
    pub bound_object: Option<BoundObject>,
    /// The Secret that holds the token, where it was made for one.
    pub holder: Option<Holder>,
    /// When the token begins and ends.
    pub valid: (Timestamp, Timestamp),
    /// The user that it speaks for.
    pub user: Arc<User>,
}

impl VerifiedToken {
    pub(crate) fn of(claims: Claims) -> Result<Self, TokenError> {
        let moment = |second| {
            Timestamp::from_second(second).map_err(|error| TokenError::Claims(error.to_string()))
        };
        let valid = (moment(claims.nbf.max(claims.iat))?, moment(claims.exp)?);
        let account = &claims.kubernetes.serviceaccount;
        let mut user =
            User::service_account(&claims.kubernetes.namespace, &account.name, &account.uid);
        let mut extra = |key: &str, value: &str| {
            if !value.is_empty() {
                user.extra.insert(key.to_owned(), vec![value.to_owned()]);
            }
        };
        if !claims.jti.is_empty() {
            extra(CREDENTIAL_ID, &format!("JTI={}", claims.jti));
        }
        if let Some(pod) = &claims.kubernetes.pod {
            extra("authentication.kubernetes.io/pod-name", &pod.name);
            extra("authentication.kubernetes.io/pod-uid", &pod.uid);
        }
        if let Some(node) = &claims.kubernetes.node {
            extra("authentication.kubernetes.io/node-name", &node.name);
            extra("authentication.kubernetes.io/node-uid", &node.uid);
        }
        Ok(Self {
            bound_object: claims.kubernetes.bound_object(),
            holder: None,
            service_account: account.name.clone(),
            uid: account.uid.clone(),
            namespace: claims.kubernetes.namespace,
            audiences: claims.aud,
            valid,
            user: Arc::new(user),
        })
    }

    /// A token that a Secret holds: for the server's own audiences, and without an end.
    pub(crate) fn of_secret(
        claims: SecretClaims,
        token: &str,
        audiences: &[String],
    ) -> Result<Self, TokenError> {
        let user = User::service_account(&claims.namespace, &claims.service_account, &claims.uid);
        if claims.sub != user.name || claims.secret.is_empty() || claims.uid.is_empty() {
            return Err(TokenError::Claims("sub claim is invalid".to_owned()));
        }
        Ok(Self {
            namespace: claims.namespace,
            service_account: claims.service_account,
            uid: claims.uid,
            audiences: audiences.to_vec(),
            bound_object: None,
            holder: Some(Holder { secret: claims.secret, digest: digest_of(token) }),
            valid: (Timestamp::MIN, Timestamp::MAX),
            user: Arc::new(user),
        })
    }

    pub(crate) fn check_audience(&self, wanted: &[String]) -> Result<(), TokenError> {
        if self.audiences.iter().any(|audience| wanted.contains(audience)) {
            return Ok(());
        }
        Err(TokenError::Audience { token: self.audiences.clone(), wanted: wanted.to_vec() })
    }

    /// The first moment at which it is not accepted any more.
    pub fn refused_from(&self) -> Timestamp {
        self.valid.1.saturating_add(REFUSED_AFTER).unwrap_or(Timestamp::MAX)
    }

    /// Its time has come and is not over.
    pub fn check_time(&self, now: Timestamp) -> Result<(), TokenError> {
        let now = now.as_second();
        if now.saturating_add(LEEWAY_SECONDS) < self.valid.0.as_second() {
            Err(TokenError::NotYetValid)
        } else if now.saturating_sub(LEEWAY_SECONDS) > self.valid.1.as_second() {
            Err(TokenError::Expired)
        } else {
            Ok(())
        }
    }

    /// The account and the bound object are there, with the UIDs that the token says, and so is the Secret that holds it.
    pub fn check_existence(&self, existence: &dyn Existence) -> Result<(), TokenError> {
        let held = match &self.holder {
            Some(holder) => Some(self.check_holder(holder, existence)?),
            None => None,
        };
        self.check_account(existence)?;
        // Said of an account that is there.
        if held.is_some_and(|held| held.invalid) {
            return Err(self.marked_invalid());
        }
        self.check_bound_object(existence)
    }

    fn check_holder(
        &self,
        holder: &Holder,
        existence: &dyn Existence,
    ) -> Result<SecretToken, TokenError> {
        let held = existence.secret_token(&self.namespace, &holder.secret);
        let held = held.ok_or(TokenError::SecretGone)?;
        if held.digest == holder.digest { Ok(held) } else { Err(TokenError::SecretHoldsAnother) }
    }

    fn marked_invalid(&self) -> TokenError {
        TokenError::SecretMarkedInvalid {
            namespace: self.namespace.clone(),
            secret: self.holder.as_ref().map(|holder| holder.secret.clone()).unwrap_or_default(),
            service_account: self.service_account.clone(),
        }
    }

    fn check_account(&self, existence: &dyn Existence) -> Result<(), TokenError> {
        let found = existence
            .service_account_uid(&self.namespace, &self.service_account)
            .ok_or_else(|| TokenError::ServiceAccountGone { name: self.service_account.clone() })?;
        if found != self.uid {
            return Err(TokenError::ServiceAccountReplaced { found, claimed: self.uid.clone() });
        }
        Ok(())
    }

    fn check_bound_object(&self, existence: &dyn Existence) -> Result<(), TokenError> {
        let Some(bound) = &self.bound_object else { return Ok(()) };
        let namespace = if bound.kind == "Node" { "" } else { self.namespace.as_str() };
        let found = existence
            .object_uid(&bound.kind, namespace, &bound.name)
            .ok_or(TokenError::BoundObjectGone)?;
        if found == bound.uid {
            return Ok(());
        }
        let kind = bound.kind.to_lowercase();
        Err(TokenError::BoundObjectReplaced { kind, found, claimed: bound.uid.clone() })
    }
}
