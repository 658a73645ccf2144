//! The CA that a control plane has loaded.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use meshroot_pki::{Certificate, Host, KeyKind, PrivateKey, PublicKey, parse_bundle, to_bundle};
use meshroot_runtime::process::clock;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::leaf::{self, Leaf};
use super::{ROOTS, SERVER_NAME};

/// A certificate with its key, the way up, and the roots.
pub struct Authority {
    chain: Vec<Certificate>,
    roots: Vec<Certificate>,
    key: PrivateKey,
}

impl Authority {
    /// Puts a CA together: `chain` has the signing certificate first.
    pub fn new(chain: Vec<Certificate>, roots: Vec<Certificate>, key: PrivateKey) -> Self {
        Self { chain, roots, key }
    }

    /// Reads Secret `cacerts`. What is wrong is failed without its content.
    pub fn load(secret: &Secret) -> Result<Self, String> {
        let file = |name: &str| {
            let bytes = secret.data.as_ref().and_then(|data| data.get(name));
            bytes.map(|bytes| bytes.0.as_slice()).ok_or_else(|| format!("{name} is missing"))
        };
        let bundle =
            |name: &str| parse_bundle(file(name)?).map_err(|error| format!("{name}: {error}"));
        let key = PrivateKey::from_pem(file("ca-key.pem")?)
            .map_err(|error| format!("ca-key.pem: {error}"))?;
        let chain = bundle("cert-chain.pem")?;
        if chain.first().is_none_or(|first| first.public_key() != key.public_key()) {
            return Err(
                "ca-key.pem is not the key of the first certificate of cert-chain.pem".to_owned()
            );
        }
        Ok(Self::new(chain, bundle(ROOTS)?, key))
    }

    /// Its roots, PEM.
    pub fn roots_pem(&self) -> String {
        to_bundle(&self.roots)
    }

    /// Its roots.
    pub fn roots(&self) -> &[Certificate] {
        &self.roots
    }

    /// The way from the signing certificate up to, without, the root.
    pub fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// Signs a certificate for `host`, with an end before that of the CA.
    pub fn issue(
        &self,
        key: &PublicKey,
        host: &Host,
        lifetime: SignedDuration,
        now: Timestamp,
    ) -> Result<Certificate, String> {
        let issuer = self.chain.first().ok_or("there is no CA certificate")?;
        let not_after = (now + lifetime).min(issuer.not_after());
        let leaf = Leaf { key, host, not_before: now - BACKDATED, not_after };
        leaf::sign(&leaf, issuer, &self.key).map_err(|error| format!("signing failed: {error}"))
    }

    /// How it serves: with a certificate of its own CA, as istiod does.
    pub(super) fn server_config(&self) -> Result<ServerConfig, String> {
        let failed = |error: &dyn std::fmt::Display| format!("serving TLS: {error}");
        let key = PrivateKey::generate(KeyKind::EcdsaP256).map_err(|error| failed(&error))?;
        let host = Host::Dns(SERVER_NAME.to_owned());
        let leaf = self.issue(key.public_key(), &host, SERVING, now())?;
        let chain = std::iter::once(&leaf).chain(&self.chain);
        let chain =
            chain.map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect();
        let private_key = PrivateKeyDer::from_pem_slice(key.to_pkcs8_pem().as_bytes())
            .map_err(|error| failed(&error))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| failed(&error))?.with_no_client_auth();
        let mut config =
            config.with_single_cert(chain, private_key).map_err(|error| failed(&error))?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

/// What time it is.
pub(crate) fn now() -> Timestamp {
    clock::now()
}

/// All clocks are one here; istiod takes two minutes.
const BACKDATED: SignedDuration = SignedDuration::from_secs(1);
const SERVING: SignedDuration = SignedDuration::from_hours(24 * 365);

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;
    use meshroot_ca::{RootSpec, make_root};
    use meshroot_pki::DistinguishedName;

    use super::*;

    fn root() -> (Certificate, PrivateKey) {
        let subject = DistinguishedName::new("Test", "test", "test root").unwrap();
        let lifetime = SignedDuration::from_hours(24);
        make_root(&RootSpec { key: KeyKind::EcdsaP256, subject, lifetime }, now()).unwrap()
    }

    fn secret(files: &[(&str, &str)]) -> Secret {
        let data = files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), ByteString(text.as_bytes().to_vec())))
            .collect();
        Secret { data: Some(data), ..Secret::default() }
    }

    #[test]
    fn a_leaf_is_signed_by_the_loaded_ca_and_ends_no_later_than_it() {
        let (root, key) = root();
        let (pem, key_pem) = (root.to_pem(), key.to_pkcs8_pem());
        let files = [
            ("ca-key.pem", key_pem.as_str()),
            ("cert-chain.pem", pem.as_str()),
            (ROOTS, pem.as_str()),
        ];
        let authority = Authority::load(&secret(&files)).unwrap();
        let host: Host = "spiffe://cluster.local/ns/demo/sa/x".parse().unwrap();
        let leaf = authority
            .issue(key.public_key(), &host, SignedDuration::from_hours(100), now())
            .unwrap();
        leaf.verify_signed_by(root.public_key()).unwrap();
        assert_eq!((leaf.hosts(), leaf.is_ca()), (vec![host], false));
        assert_eq!(leaf.not_after(), root.not_after());
        assert_eq!(leaf.authority_key_identifier(), root.subject_key_identifier());
    }

    #[test]
    fn a_key_of_another_certificate_is_not_loaded_and_not_shown() {
        let ((one, _), (other, key)) = (root(), root());
        let (pem, key_pem) = (one.to_pem(), key.to_pkcs8_pem());
        let files = [
            ("ca-key.pem", key_pem.as_str()),
            ("cert-chain.pem", pem.as_str()),
            (ROOTS, pem.as_str()),
        ];
        let problem = Authority::load(&secret(&files)).err().unwrap();
        assert!(problem.contains("is not the key") && !problem.contains("PRIVATE"), "{problem}");
        let absent =
            Authority::load(&secret(&[("cert-chain.pem", &other.to_pem())])).err().unwrap();
        assert_eq!(absent, "ca-key.pem is missing");
    }
}
