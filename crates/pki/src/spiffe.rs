//! SPIFFE's rules for TLS between workloads (X509-SVID), for rustls.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError as TlsCertificateError, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};

use crate::{Certificate, CertificateError, Host};

/// Why a certificate is not that of a workload.
#[derive(Debug, thiserror::Error)]
pub enum SpiffeError {
    /// It cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// It is that of another, of nobody or of several.
    #[error("the certificate is for {found:?}, not for {expected}")]
    OtherIdentity {
        /// Its URI names.
        found: Vec<String>,
        /// The SPIFFE ID that it should have.
        expected: String,
    },
}

/// Checks that a leaf (DER) has the SPIFFE ID `expected`: an X.509-SVID has exactly one URI name (X509-SVID 2), and
/// that is the identity. The path is not looked at.
pub fn expect_spiffe_id(leaf: &[u8], expected: &str) -> Result<(), SpiffeError> {
    let uri = |host| match host {
        Host::Uri(uri) => Some(uri),
        _ => None,
    };
    let found: Vec<String> =
        Certificate::from_der(leaf)?.hosts().into_iter().filter_map(uri).collect();
    if found == [expected] {
        return Ok(());
    }
    Err(SpiffeError::OtherIdentity { found, expected: expected.to_owned() })
}

/// Verifies a server's path and then its SPIFFE ID instead of a DNS name.
#[derive(Debug)]
pub struct SpiffeVerifier {
    roots: RootCertStore,
    provider: Arc<CryptoProvider>,
    server_id: String,
}

impl SpiffeVerifier {
    /// Accepts the server whose SPIFFE ID is `server_id` if its path leads to one of `roots`.
    pub fn new(roots: RootCertStore, provider: Arc<CryptoProvider>, server_id: &str) -> Self {
        Self { roots, provider, server_id: server_id.to_owned() }
    }
}

impl ServerCertVerifier for SpiffeVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let algorithms = self.provider.signature_verification_algorithms.all;
        let leaf = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(
            &leaf,
            &self.roots,
            intermediates,
            now,
            algorithms,
        )?;
        expect_spiffe_id(end_entity, &self.server_id)
            .map_err(|_| Error::from(TlsCertificateError::NotValidForName))?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
