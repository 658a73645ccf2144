//! TLS as the server speaks it.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::crypto::aws_lc_rs::sign::any_ecdsa_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};

use crate::{AuthorityError, Issued, ServingAuthority};

/// Settings for TLS 1.2 and 1.3 with HTTP/2 and HTTP/1.1, for the serving certificate. With `client_certificates` a
/// client may show a certificate of the authority; one of another authority ends the handshake, none is fine.
pub fn server_config(
    authority: &ServingAuthority,
    serving: &Issued,
    client_certificates: bool,
) -> Result<Arc<ServerConfig>, AuthorityError> {
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(unusable)?;
    let builder = if client_certificates {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.certificate_der()?)).map_err(unusable)?;
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .allow_unauthenticated()
            .build()
            .map_err(unusable)?;
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    // Borrowed, so that no copy of the key is left behind.
    let der = serving.key().pkcs8_der()?;
    let key = any_ecdsa_type(&PrivateKeyDer::from(PrivatePkcs8KeyDer::from(der.as_slice())))
        .map_err(unusable)?;
    let certified = CertifiedKey::new(vec![CertificateDer::from(serving.certificate_der()?)], key);
    certified.keys_match().map_err(unusable)?;
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn unusable(error: impl std::fmt::Display) -> AuthorityError {
    AuthorityError::Tls(error.to_string())
}
