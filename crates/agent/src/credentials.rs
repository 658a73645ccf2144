//! How the agent reaches the hub: the Secret that `meshroot cluster join` wrote, and a token that renews itself.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use k8s_openapi::ByteString;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use kube::api::PostParams;
use kube::{Api, Client};
use meshroot_api::names::{
    self, CREDENTIAL_CA_KEY, CREDENTIAL_CLUSTER_KEY, CREDENTIAL_SERVER_KEY, CREDENTIAL_TOKEN_KEY,
};
use meshroot_runtime::kube::connect::{ConnectError, SharedToken, connect_with_token};
use meshroot_runtime::kube::write::{Failure, classify, replace};
use meshroot_runtime::process::clock;
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_runtime::process::telemetry::Telemetry;
use serde::Deserialize;

use crate::options::Options;

/// Address, trust and token for the hub.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) cluster: String,
    server: String,
    ca_pem: Vec<u8>,
    token: SharedToken,
    namespace: String,
    lifetime: Option<Lifetime>,
}

/// From a token's claims.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Lifetime {
    exp: i64,
    iat: i64,
}

/// A token of this lifetime is asked for: the hub may be away for a third of an intermediate's life, and the agent
/// must know its way back. An API server may give less.
const TOKEN_SECONDS: i64 = 30 * DAY;
const DAY: i64 = 24 * 3600;
/// How long the agent waits before it looks again for credentials that are not there yet.
const CREDENTIALS_AGAIN: Duration = Duration::from_secs(5);
/// How soon after its start the agent asks for a token of full length.
const FIRST: Duration = Duration::from_secs(5);
/// Between two renewals, whatever a token says.
const SHORTEST: Duration = Duration::from_secs(1);
/// After a failed renewal.
const AGAIN: Duration = Duration::from_secs(30);

impl Credentials {
    /// Reads the Secret, and waits for it where it is not there yet. `None` after a shutdown.
    pub(crate) async fn wait(
        local: &Client,
        options: &Options,
        telemetry: &Telemetry,
        shutdown: &Shutdown,
    ) -> anyhow::Result<Option<Self>> {
        let ready = telemetry.readiness("hub-credentials");
        let api: Api<Secret> = Api::namespaced(local.clone(), &options.namespace);
        loop {
            match api.get(names::HUB_CREDENTIALS_SECRET).await {
                Ok(secret) => {
                    let credentials = Self::read(&secret, options)?;
                    ready.set(true);
                    return Ok(Some(credentials));
                }
                Err(error) => tracing::warn!(
                    namespace = options.namespace,
                    secret = names::HUB_CREDENTIALS_SECRET,
                    error = %classify(&error),
                    "no credentials for the hub yet; run `meshroot cluster join`"
                ),
            }
            tokio::select! {
                () = tokio::time::sleep(CREDENTIALS_AGAIN) => {}
                () = shutdown.wait() => return Ok(None),
            }
        }
    }

    fn read(secret: &Secret, options: &Options) -> anyhow::Result<Self> {
        let part = |key: &str| {
            let bytes =
                secret.data.as_ref().and_then(|data| data.get(key)).map(|bytes| bytes.0.clone());
            bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(|| {
                anyhow::anyhow!(
                    "Secret {}/{}: the key {key} is missing; run `meshroot cluster join` again",
                    options.namespace,
                    names::HUB_CREDENTIALS_SECRET
                )
            })
        };
        let text = |key: &str| anyhow::Ok(String::from_utf8(part(key)?)?.trim().to_owned());
        let cluster = text(CREDENTIAL_CLUSTER_KEY)?;
        if let Some(expected) = options.cluster.as_ref().filter(|expected| **expected != cluster) {
            anyhow::bail!(
                "the credentials are those of cluster {cluster:?}, --cluster says {expected:?}; correct one of them"
            );
        }
        let token = text(CREDENTIAL_TOKEN_KEY)?;
        Ok(Self {
            cluster,
            server: text(CREDENTIAL_SERVER_KEY)?,
            ca_pem: part(CREDENTIAL_CA_KEY)?,
            lifetime: lifetime(&token),
            token: SharedToken::new(token),
            namespace: options.namespace.clone(),
        })
    }

    /// A client for the hub, which goes on with each renewed token.
    pub(crate) fn connect(&self) -> Result<Client, ConnectError> {
        let token = self.token.clone();
        let client = connect_with_token(&self.server, &self.ca_pem, token, crate::COMPONENT)?;
        tracing::info!(cluster = self.cluster, hub = self.server, "credentials for the hub found");
        Ok(client)
    }

    /// The cluster's namespace on the hub.
    pub(crate) fn namespace_on_hub(&self) -> String {
        names::cluster_namespace(&self.cluster)
    }

    /// Renews the token each day, or at two thirds of a shorter life, and writes it back for the next start, until the shutdown.
    pub(crate) async fn keep_fresh(mut self, hub: Client, local: Client, shutdown: Shutdown) {
        let mut pause = self.first_pause(clock::now());
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.wait() => return,
            }
            match self.renew(&hub, &local).await {
                Ok(()) => {
                    tracing::info!("token for the hub renewed");
                    // It is new, whatever the clock says.
                    pause = self.lifetime.map_or(AGAIN, Lifetime::share);
                }
                Err(error) => {
                    tracing::warn!(%error, "the token for the hub was not renewed, trying again");
                    // Somebody may have joined the cluster again meanwhile.
                    self.reread(&local).await;
                    pause = AGAIN;
                }
            }
        }
    }

    /// The first token came from `meshroot cluster join` and may be short, or from an earlier start.
    fn first_pause(&self, now: Timestamp) -> Duration {
        match self.lifetime {
            Some(lifetime) if lifetime.exp - lifetime.iat < TOKEN_SECONDS => FIRST,
            Some(lifetime) => until_renewal(lifetime, now),
            None => AGAIN,
        }
    }

    async fn renew(&mut self, hub: &Client, local: &Client) -> anyhow::Result<()> {
        let accounts: Api<ServiceAccount> = Api::namespaced(hub.clone(), &self.namespace_on_hub());
        let asked = TokenRequest {
            spec: Some(TokenRequestSpec {
                expiration_seconds: Some(TOKEN_SECONDS),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let answer = accounts
            .create_token_request(names::AGENT_SERVICE_ACCOUNT, &PostParams::default(), &asked)
            .await?;
        let token = answer.status.and_then(|status| status.token).unwrap_or_default();
        anyhow::ensure!(!token.is_empty(), "the hub answered without a token");
        // In use at once: if writing it back fails, the old one in the Secret is still good for a while.
        self.token.set(&token);
        self.lifetime = lifetime(&token);
        let secrets: Api<Secret> = Api::namespaced(local.clone(), &self.namespace);
        let mut secret = secrets.get(names::HUB_CREDENTIALS_SECRET).await?;
        secret
            .data
            .get_or_insert_default()
            .insert(CREDENTIAL_TOKEN_KEY.to_owned(), ByteString(token.into_bytes()));
        secret.metadata.managed_fields = None;
        replace(&secrets, &secret).await?;
        Ok(())
    }

    async fn reread(&mut self, local: &Client) {
        let secrets: Api<Secret> = Api::namespaced(local.clone(), &self.namespace);
        match secrets.get(names::HUB_CREDENTIALS_SECRET).await {
            Ok(secret) => {
                let token = secret.data.as_ref().and_then(|data| data.get(CREDENTIAL_TOKEN_KEY));
                if let Some(token) = token.and_then(|bytes| String::from_utf8(bytes.0.clone()).ok())
                {
                    self.take_if_newer(token.trim());
                }
            }
            Err(error) if matches!(classify(&error), Failure::NotFound { .. }) => {
                tracing::warn!(
                    "the credentials for the hub are gone; run `meshroot cluster join` again"
                );
            }
            Err(error) => tracing::debug!(%error, "credentials not read"),
        }
    }

    /// The one in the Secret is older where writing a renewed one back failed.
    fn take_if_newer(&mut self, token: &str) {
        let found = lifetime(token);
        let expiry = |lifetime: Option<Lifetime>| lifetime.map(|lifetime| lifetime.exp);
        if expiry(found) > expiry(self.lifetime) {
            self.lifetime = found;
            self.token.set(token);
        }
    }
}

/// Issue and expiry, read without a check: only the hub, which made the token, can check it.
fn lifetime(token: &str) -> Option<Lifetime> {
    let claims = token.split('.').nth(1)?;
    let claims = BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice(&claims).ok()
}

impl Lifetime {
    /// How old a token may become before it is renewed: a day is old enough, the longer the rest, the longer the hub may
    /// be away.
    fn share(self) -> Duration {
        let whole = self.exp.saturating_sub(self.iat).max(0);
        let share = u64::try_from((whole / 3 * 2).min(DAY)).unwrap_or(0);
        Duration::from_secs(share).max(SHORTEST)
    }
}

/// By a clock that may be wrong: at once at the earliest, and at the latest as if the token were new.
fn until_renewal(lifetime: Lifetime, now: Timestamp) -> Duration {
    let age = u64::try_from(now.as_second().saturating_sub(lifetime.iat)).unwrap_or(0);
    lifetime.share().saturating_sub(Duration::from_secs(age)).max(SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_at_two_thirds_of_its_life() {
        let lifetime = Lifetime { iat: 1_000, exp: 1_000 + 3_600 };
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(until_renewal(lifetime, at(1_000)), Duration::from_mins(40));
        assert_eq!(until_renewal(lifetime, at(9_000)), Duration::from_secs(1));
    }

    #[test]
    fn a_clock_that_is_behind_puts_no_renewal_off_and_one_that_is_ahead_renews_once() {
        let lifetime = Lifetime { iat: 100 * DAY, exp: 130 * DAY };
        let at = |day: i64| Timestamp::from_second(day * DAY).unwrap();
        assert_eq!(until_renewal(lifetime, at(40)), Duration::from_hours(24));
        assert_eq!(until_renewal(lifetime, at(160)), SHORTEST);
        assert_eq!(lifetime.share(), Duration::from_hours(24), "so long until the next");
    }

    #[test]
    fn a_token_that_lives_for_a_month_is_renewed_each_day() {
        let lifetime = Lifetime { iat: 0, exp: 30 * DAY };
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(until_renewal(lifetime, at(0)), Duration::from_hours(24));
    }

    #[test]
    fn the_lifetime_is_read_from_the_claims_and_absent_in_anything_else() {
        let claims = BASE64_URL_SAFE_NO_PAD.encode(br#"{"exp":200,"iat":100,"sub":"x"}"#);
        let read = lifetime(&format!("header.{claims}.signature")).unwrap();
        assert_eq!((read.iat, read.exp), (100, 200));
        assert!(lifetime("opaque").is_none());
        assert!(lifetime("a.b.c").is_none());
    }
}
