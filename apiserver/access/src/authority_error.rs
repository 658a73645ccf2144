//! Why the server's own certificate authority could not do what was asked.

use crate::KeyError;

/// Why the server's own certificate authority could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The key is no good.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The text is no certificate.
    #[error("the {what} is not one PEM certificate: {detail}")]
    NotCertificate {
        /// Which certificate.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
    /// The certificate is for another key than the one beside it.
    #[error("the {what} is for another key than the one beside it; keep the two files together")]
    OtherKey {
        /// Which certificate.
        what: &'static str,
    },
    /// The certificate is not one that this server makes.
    #[error(
        "the certificate authority must have a common name alone as its subject and a subject key identifier"
    )]
    ForeignAuthority,
    /// A host name can not stand in a certificate.
    #[error("host {host:?} is neither a DNS name nor an IP address")]
    Host {
        /// The name.
        host: String,
    },
    /// The certificate could not be encoded.
    #[error("the {what} could not be made: {source}")]
    NotMade {
        /// Which certificate.
        what: &'static str,
        /// What the library says.
        source: der::Error,
    },
    /// A time is out of range.
    #[error("a certificate can not be valid until then: {0}")]
    Time(#[from] jiff::Error),
    /// The TLS library refuses the certificate or the settings.
    #[error("the TLS settings are not usable: {0}")]
    Tls(String),
}
