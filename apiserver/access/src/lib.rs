//! Who may speak to the API server and what they may do: authentication, role-based access control,
//! the server's own certificate authority and the kubeconfig text that leads to it.

mod authentication;
mod authority_error;
mod certificate_fields;
mod client_certificate;
mod impersonation;
mod issued;
mod kubeconfig;
mod p256_key;
mod rbac;
mod server_config;
mod service_account_tokens;
mod serving_authority;
mod static_tokens;
mod token_cache;
mod token_claims;
mod token_digest;
mod token_error;
mod token_request;
mod token_spec;
mod verified_token;

pub use authentication::{Authentication, Identity, Presented, Unauthorized};
pub use authority_error::AuthorityError;
pub use client_certificate::{ClientCertificateError, user_of_client_certificate};
pub use impersonation::{Impersonation, ImpersonationError};
pub use issued::Issued;
pub use kubeconfig::{Credential, Kubeconfig, kubeconfig};
pub use p256_key::{KeyError, P256Key};
pub use rbac::{
    AGGREGATION_FORBIDDEN, Rbac, RuleLists, aggregated_rules, bootstrap, escalation_message,
    forbidden_message,
};
pub use server_config::server_config;
pub use service_account_tokens::{IssuedToken, ServiceAccountTokens};
pub use serving_authority::ServingAuthority;
pub use static_tokens::{StaticTokens, StaticTokensError};
pub use token_error::TokenError;
pub use token_request::{DEFAULT_TOKEN_SECONDS, token_request_answer, validate_token_request};
pub use token_spec::{BoundObject, TokenSpec};
pub use verified_token::{Existence, Holder, SecretToken, VerifiedToken};
