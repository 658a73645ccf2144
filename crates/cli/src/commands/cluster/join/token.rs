//! The agent's first token on the hub.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};
use meshroot_api::names::{AGENT_SERVICE_ACCOUNT, cluster_namespace};
use meshroot_runtime::kube::call::retried;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// A token, and when it ends: the server may have shortened its life.
pub(super) struct Token {
    pub(super) token: Zeroizing<String>,
    pub(super) expires: Timestamp,
}

/// Asks for a token that is bound to the agent's ServiceAccount: it ends with it.
pub(super) async fn issue(
    hub: &Client,
    cluster: &str,
    lifetime: SignedDuration,
) -> Result<Token, Failure> {
    let home = cluster_namespace(cluster);
    let api: Api<ServiceAccount> = Api::namespaced(hub.clone(), &home);
    let spec = TokenRequestSpec {
        expiration_seconds: Some(lifetime.as_secs()),
        ..TokenRequestSpec::default()
    };
    let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
    let doing = format!("ask for a token of ServiceAccount {home}/{AGENT_SERVICE_ACCOUNT}");
    let answer = retried(async || {
        api.create_token_request(AGENT_SERVICE_ACCOUNT, &PostParams::default(), &request).await
    })
    .await;
    let answer = answer.map_err(|error| match error {
        kube::Error::Api(_) => Failure::api(&doing, &error).fix("--token-lifetime is at least 10m"),
        // What cannot be read may be the token.
        error => Failure::api_about_secret(&doing, &error),
    })?;
    let status =
        answer.status.and_then(|status| Some((status.token?, status.expiration_timestamp?.0)));
    let (token, expires) =
        status.ok_or_else(|| Failure::no(format!("could not {doing}: the answer holds none")))?;
    Ok(Token { token: Zeroizing::new(token), expires })
}
