//! The certificates that servers are verified with, and what is shown to them.

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The certificates in `pem` that can be trust anchors. As client-go does, what is none is passed over.
pub(super) fn anchors(pem: &[u8]) -> Vec<Vec<u8>> {
    let usable = |der: &Vec<u8>| {
        RootCertStore::empty().add(CertificateDer::from(der.as_slice()).into_owned()).is_ok()
    };
    certificates(pem).into_iter().filter(usable).collect()
}

/// The blocks of certificates in `pem`.
pub(super) fn certificates(pem: &[u8]) -> Vec<Vec<u8>> {
    CertificateDer::pem_slice_iter(pem).flatten().map(|der| der.to_vec()).collect()
}

/// Whether there is a private key in `pem` that is not encrypted.
pub(super) fn holds_key(pem: &[u8]) -> bool {
    PrivateKeyDer::from_pem_slice(pem).is_ok()
}
