//! Why a service account's token is not accepted or could not be made.

use apiserver_object::go_text::{quoted, quoted_list};

use crate::KeyError;

/// Why a token is not accepted or could not be made. Never carries a part of the token's signature.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenError {
    /// The text is not a token of this server at all: another issuer, or no JWT.
    #[error("the token is not one that this server issues")]
    Foreign,
    /// The signature does not verify with the server's key.
    #[error("invalid signature")]
    Signature,
    /// The claims lack a part that every token of this server has.
    #[error("the token's claims are incomplete: {0}")]
    Claims(String),
    /// None of the token's audiences is wanted here.
    #[error(
        "token audiences {} is invalid for the target audiences {}",
        quoted_list(token),
        quoted_list(wanted)
    )]
    Audience {
        /// What the token is for.
        token: Vec<String>,
        /// What was asked for.
        wanted: Vec<String>,
    },
    /// The token's time is over.
    #[error("service account token has expired")]
    Expired,
    /// The token's time has not come.
    #[error("service account token is not valid yet")]
    NotYetValid,
    /// The service account is gone.
    #[error("serviceaccounts {} not found", quoted(name))]
    ServiceAccountGone {
        /// Name of the account.
        name: String,
    },
    /// The service account was made anew since.
    #[error("service account UID ({found}) does not match claim ({claimed})")]
    ServiceAccountReplaced {
        /// What the server has.
        found: String,
        /// What the token says.
        claimed: String,
    },
    /// The object that the token was bound to is gone.
    #[error("service account token has been invalidated")]
    BoundObjectGone,
    /// The object that the token was bound to was made anew since.
    #[error("{kind} UID ({found}) does not match service account {kind} ref claim ({claimed})")]
    BoundObjectReplaced {
        /// Kind in lower case.
        kind: String,
        /// What the server has.
        found: String,
        /// What the token says.
        claimed: String,
    },
    /// The Secret that held the token is gone.
    #[error("Token has been invalidated")]
    SecretGone,
    /// The Secret holds another token, or none.
    #[error("Token does not match server's copy")]
    SecretHoldsAnother,
    /// The Secret carries the label that takes its token out of use.
    #[error(
        "the token in secret {namespace}/{secret} for service account {namespace}/{service_account} has been marked \
         invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the \
         'kubernetes.io/legacy-token-invalid-since' label from the secret to temporarily allow use of this token"
    )]
    SecretMarkedInvalid {
        /// Namespace of both.
        namespace: String,
        /// Name of the Secret.
        secret: String,
        /// Name of the account.
        service_account: String,
    },
    /// A token can not be bound to this kind.
    #[error("cannot bind token to object of kind {0:?}; use Pod, Secret or Node")]
    Unbindable(String),
    /// The library refused to sign.
    #[error("the token could not be signed")]
    NotSigned,
    /// The operating system gave no randomness.
    #[error("no randomness for the token's identifier")]
    NoRandomness,
    /// The signing key is no good.
    #[error(transparent)]
    Key(#[from] KeyError),
}
