//! Secrets that hold the token of a ServiceAccount: filled, and removed when the account is gone.

use apiserver_access::TokenError;
use apiserver_store as store;
use serde_json::Value;

use super::Lifecycle;
use super::rewrite::mark_deleted;
use crate::clock;
use crate::object::{metadata, token_secret};
use crate::state::collections::{SECRETS, SERVICE_ACCOUNTS};

impl Lifecycle {
    /// Does for all such Secrets, of a namespace or all, what is left to be done.
    pub(super) async fn settle_token_secrets(&self, namespace: Option<&str>) {
        for secret in self.objects.list(SECRETS, namespace) {
            if self.stop.is_cancelled() {
                return;
            }
            self.settle_token_secret(&secret).await;
        }
    }

    /// Fills the Secret, if it is such a one and lacks something, or removes it where there is no such account. What was
    /// written over it meanwhile is settled by itself.
    pub(super) async fn settle_token_secret(&self, stored: &store::Object) {
        let Some(secret) = token_secret::read(stored) else { return };
        let settled = match self.settled(&stored.key, &secret) {
            Ok(Some(settled)) => settled,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(key = ?stored.key, %error, "no token could be made for a Secret");
                return;
            }
        };
        let revision = |object: &Value| metadata::text(object, "resourceVersion").to_owned();
        let settle = |current: &mut Value| {
            if revision(current) == revision(&settled) {
                current.clone_from(&settled);
            }
        };
        self.rewrite(&stored.key, settle).await;
    }

    /// The Secret as it should be; `None` where it is.
    fn settled(&self, key: &store::Key, secret: &Value) -> Result<Option<Value>, TokenError> {
        if metadata::is_being_deleted(secret) {
            return Ok(None);
        }
        let Some(account) = self.account_of(key, secret) else {
            let mut ending = secret.clone();
            mark_deleted(&mut ending, clock::now());
            return Ok(Some(ending));
        };
        self.filled(secret, &account)
    }

    /// The account that a Secret names; one that was made anew since is another one.
    fn account_of(&self, key: &store::Key, secret: &Value) -> Option<Value> {
        let name = token_secret::annotation(secret, token_secret::ACCOUNT);
        let uid = token_secret::annotation(secret, token_secret::ACCOUNT_UID);
        let account = self.objects.value(SERVICE_ACCOUNTS, &key.namespace, name)?;
        (uid.is_empty() || uid == metadata::uid(&account)).then_some(account)
    }

    /// The Secret with everything in it; `None` where nothing is missing, or nothing may be added.
    fn filled(&self, secret: &Value, account: &Value) -> Result<Option<Value>, TokenError> {
        let ca = self.ca_pem.as_bytes();
        let [needs_ca, needs_namespace, needs_token] = [
            token_secret::entry(secret, token_secret::CA) != ca,
            token_secret::entry(secret, token_secret::NAMESPACE).is_empty(),
            token_secret::entry(secret, token_secret::TOKEN).is_empty(),
        ];
        if secret["immutable"] == true || !(needs_ca || needs_namespace || needs_token) {
            return Ok(None);
        }
        let (namespace, name) = (metadata::text(secret, "namespace"), metadata::name(secret));
        let (account, uid) = (metadata::name(account), metadata::uid(account));
        let mut filled = secret.clone();
        if needs_ca {
            token_secret::put(&mut filled, token_secret::CA, ca);
        }
        if needs_namespace {
            token_secret::put(&mut filled, token_secret::NAMESPACE, namespace.as_bytes());
        }
        if needs_token {
            let tokens = &self.access.authentication.service_accounts;
            let token = tokens.issue_for_secret(namespace, account, uid, name)?;
            token_secret::put(&mut filled, token_secret::TOKEN, token.as_bytes());
        }
        token_secret::annotate(&mut filled, token_secret::ACCOUNT, account);
        token_secret::annotate(&mut filled, token_secret::ACCOUNT_UID, uid);
        Ok(Some(filled))
    }
}
