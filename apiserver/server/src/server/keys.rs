//! The server's keys and certificates. They are stored beside the objects, in a collection that no path leads to: one
//! file holds all that a server is, and a copy of that file is a whole backup.

use apiserver_access::{
    Authentication, AuthorityError, Issued, P256Key, ServiceAccountTokens, ServingAuthority,
    StaticTokens, StaticTokensError, TokenError,
};
use apiserver_object::{MASTERS, User};
use apiserver_store::{self as store, Store};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::object::encoding;

/// The issuer of ServiceAccount tokens, and their audience.
const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
const AUTHORITY_LIFETIME: SignedDuration = SignedDuration::from_hours(10 * 365 * 24);
const ADMINISTRATOR: &str = "admin";

/// No kind has a collection without a group.
const COLLECTION: &str = "server";
const AUTHORITY: &str = "serving-authority";
const SERVING: &str = "serving-certificate";
const TOKEN_KEY: &str = "service-account-key";
const TOKENS: &str = "static-tokens";

/// Why a key or certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be stored.
    #[error("storing the {name} failed: {error}")]
    Store {
        /// What was to be stored.
        name: &'static str,
        /// The store's error.
        error: store::WriteError,
    },
    /// What is stored is not what this program stores.
    #[error(
        "the {name} is stored in a form that cannot be read: restore a backup, or use the release that wrote it"
    )]
    Unreadable {
        /// What cannot be read.
        name: &'static str,
    },
    /// The serving authority or its certificate.
    #[error("the serving certificate: {0}")]
    Authority(#[from] AuthorityError),
    /// The key of ServiceAccount tokens.
    #[error("the key of ServiceAccount tokens: {0}")]
    TokenKey(#[from] apiserver_access::KeyError),
    /// Tokens cannot be signed with the key.
    #[error("ServiceAccount tokens: {0}")]
    Tokens(#[from] TokenError),
    /// The static tokens.
    #[error("the administrator's token: {0}")]
    StaticTokens(#[from] StaticTokensError),
}

/// Keys in a store.
pub(crate) struct Keys<'a> {
    store: &'a Store,
}

/// What becomes of the administrator's tokens at a start. Without any, one is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AdminToken {
    Kept,
    OneMore,
    Replaced,
}

/// What a server starts with.
pub(crate) struct Loaded {
    pub(crate) authority: ServingAuthority,
    pub(crate) serving: Issued,
    pub(crate) authentication: Authentication,
    /// Set where it was made just now.
    pub(crate) admin_token: Option<String>,
}

impl<'a> Keys<'a> {
    pub(crate) const fn new(store: &'a Store) -> Self {
        Self { store }
    }

    /// Reads what is there and makes what is not.
    pub(crate) async fn load(
        &self,
        hosts: &[String],
        admin: AdminToken,
        now: Timestamp,
    ) -> Result<Loaded, KeyError> {
        let authority = self.authority(now).await?;
        let serving = self.serving(&authority, hosts, now).await?;
        let service_accounts = ServiceAccountTokens::new(ISSUER, &self.token_key().await?)?;
        let (static_tokens, admin_token) = self.static_tokens(admin).await?;
        let authentication = Authentication::new(static_tokens, service_accounts);
        Ok(Loaded { authority, serving, authentication, admin_token })
    }

    async fn authority(&self, now: Timestamp) -> Result<ServingAuthority, KeyError> {
        if let Some([certificate, key]) = self.read(AUTHORITY)? {
            return Ok(ServingAuthority::load(&certificate, &key)?);
        }
        let authority = ServingAuthority::create("meshroot serving CA", now, AUTHORITY_LIFETIME)?;
        self.write(AUTHORITY, [authority.certificate_pem(), &authority.key_pem()?]).await?;
        Ok(authority)
    }

    /// The serving certificate, made anew where it names too few hosts or ends soon.
    pub(crate) async fn serving(
        &self,
        authority: &ServingAuthority,
        hosts: &[String],
        now: Timestamp,
    ) -> Result<Issued, KeyError> {
        if let Some([certificate, key]) = self.read(SERVING)? {
            let issued = Issued::load(&certificate, &key)?;
            if issued.covers(hosts) && !issued.needs_renewal(now) {
                return Ok(issued);
            }
        }
        let issued = authority.serving_certificate(hosts, now)?;
        self.write(SERVING, [issued.certificate_pem(), &issued.key_pem()?]).await?;
        Ok(issued)
    }

    async fn token_key(&self) -> Result<P256Key, KeyError> {
        if let Some([key, _]) = self.read(TOKEN_KEY)? {
            return Ok(P256Key::from_pkcs8_pem(&key)?);
        }
        let key = P256Key::generate()?;
        self.write(TOKEN_KEY, [&key.pkcs8_pem()?, ""]).await?;
        Ok(key)
    }

    async fn static_tokens(
        &self,
        admin: AdminToken,
    ) -> Result<(StaticTokens, Option<String>), KeyError> {
        let mut tokens = match self.read(TOKENS)? {
            Some([text, _]) => StaticTokens::from_json(&text)?,
            None => StaticTokens::default(),
        };
        if !tokens.is_empty() && admin == AdminToken::Kept {
            return Ok((tokens, None));
        }
        if admin == AdminToken::Replaced {
            tokens.revoke(ADMINISTRATOR);
        }
        let token = tokens.issue(User::authenticated(ADMINISTRATOR, vec![MASTERS.to_owned()]))?;
        self.write(TOKENS, [&tokens.to_json()?, ""]).await?;
        Ok((tokens, Some(token.to_string())))
    }

    /// Both texts of an entry: a certificate and its key, or one text and nothing. One that cannot be read is an error:
    /// to make it anew would end every client's trust.
    fn read(&self, name: &'static str) -> Result<Option<[String; 2]>, KeyError> {
        let Some(stored) = self.store.read(COLLECTION, "", name) else { return Ok(None) };
        let entry = serde_json::from_slice::<Value>(&stored.json).ok();
        let texts = entry.and_then(|entry| {
            Some([entry["first"].as_str()?.to_owned(), entry["second"].as_str()?.to_owned()])
        });
        texts.map(Some).ok_or(KeyError::Unreadable { name })
    }

    async fn write(&self, name: &'static str, [first, second]: [&str; 2]) -> Result<(), KeyError> {
        let entry =
            json!({ "kind": "ServerKeys", "apiVersion": "", "first": first, "second": second });
        let known = self.store.read(COLLECTION, "", name);
        let condition = known
            .map_or(store::Condition::Absent, |known| store::Condition::Revision(known.revision));
        let change = store::Change::Put(encoding::stored(&entry));
        let key = store::Key::new(COLLECTION, "", name);
        let write = store::Write { key, condition, change, labels: [].into(), given: None };
        self.store.write(write).await.map(drop).map_err(|error| KeyError::Store { name, error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    #[tokio::test]
    async fn a_second_start_finds_what_the_first_one_made() {
        let store = Store::in_memory(store::Options::default());
        let keys = Keys::new(&store);
        let first = keys.load(&[], AdminToken::Kept, now()).await.unwrap();
        let token = first.admin_token.unwrap();
        let second = keys.load(&[], AdminToken::Kept, now()).await.unwrap();
        assert!(second.admin_token.is_none());
        assert_eq!(first.authority.certificate_pem(), second.authority.certificate_pem());
        assert_eq!(first.serving.certificate_pem(), second.serving.certificate_pem());
        assert!(second.authentication.static_tokens.user(&token).unwrap().is_master());
    }

    #[tokio::test]
    async fn the_administrators_token_is_not_stored() {
        let store = Store::in_memory(store::Options::default());
        let token = Keys::new(&store)
            .load(&[], AdminToken::Kept, now())
            .await
            .unwrap()
            .admin_token
            .unwrap();
        for stored in store.list(COLLECTION, None, None, 0, None).unwrap().objects {
            assert!(!String::from_utf8_lossy(&stored.json).contains(&token));
        }
    }

    #[tokio::test]
    async fn a_new_host_or_a_near_end_makes_a_new_serving_certificate() {
        let store = Store::in_memory(store::Options::default());
        let keys = Keys::new(&store);
        let first = keys.load(&[], AdminToken::Kept, now()).await.unwrap();
        let hosts = ["hub.example.com".to_owned()];
        let other = keys.load(&hosts, AdminToken::Kept, now()).await.unwrap();
        assert_ne!(first.serving.certificate_pem(), other.serving.certificate_pem());
        let late = now() + SignedDuration::from_hours(300 * 24);
        let later = keys.load(&hosts, AdminToken::Kept, late).await.unwrap();
        assert_ne!(other.serving.certificate_pem(), later.serving.certificate_pem());
    }

    #[tokio::test]
    async fn a_new_administrator_ends_the_token_of_the_one_before() {
        let store = Store::in_memory(store::Options::default());
        let keys = Keys::new(&store);
        let old = keys.load(&[], AdminToken::Kept, now()).await.unwrap().admin_token.unwrap();
        let more = keys.load(&[], AdminToken::OneMore, now()).await.unwrap();
        assert!(more.authentication.static_tokens.user(&old).is_some());
        assert!(more.authentication.static_tokens.user(&more.admin_token.unwrap()).is_some());
        let renewed = keys.load(&[], AdminToken::Replaced, now()).await.unwrap();
        assert!(renewed.authentication.static_tokens.user(&old).is_none());
        assert!(renewed.authentication.static_tokens.user(&renewed.admin_token.unwrap()).is_some());
    }
}
