//! What one certificate must satisfy at its place in a path.

use std::fmt;

use const_oid::ObjectIdentifier;
use jiff::Timestamp;
use x509_cert::certificate::Version;

use crate::algorithm::SignatureAlgorithm;
use crate::certificate::Certificate;
use crate::gate;
use crate::key::KeyError;
use crate::name_constraint::{self, NameConstraintError};
use crate::oid;
use crate::path::{PathOptions, Purpose};

/// A certificate in a path: its place, counted from 0 for the leaf, and its subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPosition {
    /// 0 is the leaf; each issuer is one more.
    pub index: usize,
    /// RFC 4514 text of the subject; may be empty.
    pub subject: String,
}

impl fmt::Display for PathPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.subject.as_str() {
            "" => write!(f, "certificate {} (empty subject)", self.index),
            subject => write!(f, "certificate {} ({subject})", self.index),
        }
    }
}

/// Why no path leads from a leaf to an anchor, with the certificate at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No issuer of that name was given.
    #[error(
        "{certificate} was issued by {issuer}, which is neither among the anchors nor among the intermediates"
    )]
    UnknownAuthority {
        /// The certificate without issuer.
        certificate: PathPosition,
        /// Name of the missing issuer.
        issuer: String,
    },
    /// A certificate of the issuer's name has another key identifier than the one asked for.
    #[error(
        "{certificate} names another key of {issuer} than the one given (authority key identifier)"
    )]
    KeyIdentifierMismatch {
        /// The issued certificate.
        certificate: PathPosition,
        /// Name of the issuer.
        issuer: String,
    },
    /// The issuer's key did not sign the certificate.
    #[error("{certificate} is not signed by the key of {issuer}: {source}")]
    Signature {
        /// The issued certificate.
        certificate: PathPosition,
        /// Name of the issuer.
        issuer: String,
        /// What the check of the signature said.
        source: KeyError,
    },
    /// The signature algorithm is too weak, or some peer does not know it.
    #[error("{certificate} is signed with {algorithm}, which not every peer accepts")]
    SignatureAlgorithm {
        /// The certificate.
        certificate: PathPosition,
        /// The algorithm's object identifier.
        algorithm: String,
    },
    /// Not yet valid. The message leaves the time of the check out: it goes into a status, which would change with
    /// every look.
    #[error("{certificate} is not valid before {not_before}")]
    NotBefore {
        /// The certificate.
        certificate: PathPosition,
        /// Its first second.
        not_before: Timestamp,
        /// The time that was checked.
        at: Timestamp,
    },
    /// No longer valid. The second of `not_after` itself counts as expired, as in OpenSSL.
    #[error("{certificate} expired at {not_after}")]
    NotAfter {
        /// The certificate.
        certificate: PathPosition,
        /// Its last second.
        not_after: Timestamp,
        /// The time that was checked.
        at: Timestamp,
    },
    /// Not an X.509 version 3 certificate.
    #[error("{certificate} is not of version 3")]
    Version {
        /// The certificate.
        certificate: PathPosition,
    },
    /// Key of a kind or size that some peer refuses.
    #[error("{certificate}: {source}")]
    Key {
        /// The certificate.
        certificate: PathPosition,
        /// Why the key is refused.
        source: KeyError,
    },
    /// An issuer without CA in basicConstraints.
    #[error("{certificate} is used as an issuer but its basicConstraints do not say CA")]
    NotCertificateAuthority {
        /// The issuer.
        certificate: PathPosition,
    },
    /// An issuer whose keyUsage lacks keyCertSign.
    #[error("{certificate} is used as an issuer but its keyUsage lacks keyCertSign")]
    KeyCertSignMissing {
        /// The issuer.
        certificate: PathPosition,
    },
    /// A leaf whose keyUsage lacks digitalSignature, which TLS 1.3 needs.
    #[error("{certificate} is used in TLS but its keyUsage lacks digitalSignature")]
    DigitalSignatureMissing {
        /// The leaf.
        certificate: PathPosition,
    },
    /// More CA certificates below an issuer than its path length allows.
    #[error(
        "{certificate} allows {allowed} CA certificates below it (pathLen) but the path has {found}"
    )]
    PathLenExceeded {
        /// The issuer.
        certificate: PathPosition,
        /// Its path length.
        allowed: u8,
        /// CA certificates below it.
        found: usize,
    },
    /// An extended key usage that leaves out the purpose.
    #[error("{certificate} has an extended key usage without {purpose}")]
    ExtendedKeyUsage {
        /// The certificate.
        certificate: PathPosition,
        /// The purpose that was checked.
        purpose: Purpose,
    },
    /// A critical extension that some peer does not process.
    #[error("{certificate} has critical extension {extension}, which not every peer processes")]
    CriticalExtension {
        /// The certificate.
        certificate: PathPosition,
        /// Its object identifier.
        extension: String,
    },
    /// An issuer that constrains URIs.
    #[error(
        "{certificate} constrains URI names, and rustls-webpki (ztunnel, Linkerd) refuses every URI below it"
    )]
    UriNameConstraint {
        /// The issuer.
        certificate: PathPosition,
    },
    /// A name below an issuer breaks its constraints, or the constraints are themselves refused.
    #[error("{certificate} breaks the name constraints of {issuer}: {source}")]
    NameConstraint {
        /// The certificate below.
        certificate: PathPosition,
        /// The issuer with the constraints.
        issuer: PathPosition,
        /// What is wrong.
        source: NameConstraintError,
    },
    /// An anchor that some other key issued; OpenSSL does not stop at it.
    #[error(
        "{certificate} is given as an anchor but is not self-issued; OpenSSL looks for its issuer"
    )]
    AnchorNotSelfIssued {
        /// The anchor.
        certificate: PathPosition,
    },
    /// More intermediates than allowed.
    #[error("the path has more than {most} intermediates")]
    TooDeep {
        /// The limit.
        most: usize,
    },
    /// The search was given up.
    #[error(
        "no path was found within {limit} signature checks; remove certificates that do not belong"
    )]
    SearchLimit {
        /// The limit.
        limit: usize,
    },
}

/// Where a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Leaf,
    /// `authorities_below` CA certificates lie between it and the end of the path.
    Intermediate {
        authorities_below: usize,
    },
    /// As an intermediate; its own signature is nobody's concern.
    Anchor {
        authorities_below: usize,
    },
}

/// Checks what does not depend on the rest of the path.
pub(crate) fn check_certificate(
    certificate: &Certificate,
    index: usize,
    role: Role,
    options: &PathOptions,
) -> Result<(), PathError> {
    let at = || position(certificate, index);
    if certificate.tbs().version() != Version::V3 {
        return Err(PathError::Version { certificate: at() });
    }
    check_validity(certificate, index, options.at)?;
    gate::check_kind(certificate.public_key())
        .map_err(|source| PathError::Key { certificate: at(), source })?;
    if !matches!(role, Role::Anchor { .. }) {
        check_signature_algorithm(certificate, index)?;
    }
    if let Some(extension) = certificate.extensions().unprocessed_critical.first() {
        return Err(PathError::CriticalExtension {
            certificate: at(),
            extension: extension.to_string(),
        });
    }
    check_extended_key_usage(certificate, index, options.purpose)?;
    match role {
        Role::Leaf => check_leaf(certificate, index, options.purpose),
        Role::Intermediate { authorities_below } | Role::Anchor { authorities_below } => {
            check_issuer(certificate, index, authorities_below)
        }
    }
}

/// Checks the name constraints of every issuer in a finished path.
pub(crate) fn check_name_constraints(path: &[&Certificate]) -> Result<(), PathError> {
    for (issuer_index, issuer) in path.iter().enumerate().skip(1) {
        let Some(constraints) = &issuer.extensions().name_constraints else {
            continue;
        };
        for (index, certificate) in path[..issuer_index].iter().enumerate() {
            name_constraint::check(constraints, certificate).map_err(|source| match source {
                NameConstraintError::Uri => {
                    PathError::UriNameConstraint { certificate: position(issuer, issuer_index) }
                }
                source => PathError::NameConstraint {
                    certificate: position(certificate, index),
                    issuer: position(issuer, issuer_index),
                    source,
                },
            })?;
        }
    }
    Ok(())
}

/// Whether the key identifiers allow `issuer` to be the issuer; OpenSSL insists on all of them.
pub(crate) fn key_identifiers_match(certificate: &Certificate, issuer: &Certificate) -> bool {
    let Some(named) = &certificate.extensions().authority_key_identifier else {
        return true;
    };
    let own_identifier = issuer.extensions().subject_key_identifier.as_deref();
    let key_matches = match (&named.key_identifier, own_identifier) {
        (Some(named), Some(own)) => named.as_bytes() == own,
        _ => true,
    };
    let serial = named.authority_cert_serial_number.as_ref();
    key_matches && serial.is_none_or(|serial| serial == issuer.tbs().serial_number())
}

pub(crate) fn position(certificate: &Certificate, index: usize) -> PathPosition {
    PathPosition { index, subject: certificate.subject().to_string() }
}

/// RFC 5280 section 4.1.2.5 counts the second of notAfter as valid; OpenSSL does not
/// (`X509_cmp_time` takes equal for earlier), so here it is not.
fn check_validity(certificate: &Certificate, index: usize, at: Timestamp) -> Result<(), PathError> {
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    let certificate = position(certificate, index);
    if at < not_before {
        return Err(PathError::NotBefore { certificate, not_before, at });
    }
    if at >= not_after {
        return Err(PathError::NotAfter { certificate, not_after, at });
    }
    Ok(())
}

fn check_signature_algorithm(certificate: &Certificate, index: usize) -> Result<(), PathError> {
    let identifier = certificate.signature_algorithm();
    match SignatureAlgorithm::read(identifier) {
        Ok(algorithm) if algorithm.is_accepted_by_every_peer() => Ok(()),
        _ => Err(PathError::SignatureAlgorithm {
            certificate: position(certificate, index),
            algorithm: identifier.oid.to_string(),
        }),
    }
}

/// An extended key usage limits everything below it, in anchors too (Go, OpenSSL), and
/// `anyExtendedKeyUsage` is no substitute (rustls-webpki).
fn check_extended_key_usage(
    certificate: &Certificate,
    index: usize,
    purpose: Purpose,
) -> Result<(), PathError> {
    let Some(usages) = &certificate.extensions().extended_key_usage else {
        return Ok(());
    };
    let included = match purpose_oid(purpose) {
        Some(oid) => usages.contains(&oid),
        // rustls-webpki refuses an empty list whatever is asked for.
        None => !usages.is_empty(),
    };
    if included {
        return Ok(());
    }
    Err(PathError::ExtendedKeyUsage { certificate: position(certificate, index), purpose })
}

fn purpose_oid(purpose: Purpose) -> Option<ObjectIdentifier> {
    match purpose {
        Purpose::Server => Some(oid::SERVER_AUTH),
        Purpose::Client => Some(oid::CLIENT_AUTH),
        Purpose::Any => None,
    }
}

/// A leaf that is a CA is judged as the issuer that it is going to be.
fn check_leaf(certificate: &Certificate, index: usize, purpose: Purpose) -> Result<(), PathError> {
    if certificate.is_ca() {
        return check_issuer(certificate, index, 0);
    }
    let usage = certificate.key_usage();
    let signs = usage.is_none_or(|usage| usage.digital_signature());
    if purpose != Purpose::Any && !signs {
        return Err(PathError::DigitalSignatureMissing {
            certificate: position(certificate, index),
        });
    }
    Ok(())
}

fn check_issuer(
    certificate: &Certificate,
    index: usize,
    authorities_below: usize,
) -> Result<(), PathError> {
    if !certificate.is_ca() {
        return Err(PathError::NotCertificateAuthority {
            certificate: position(certificate, index),
        });
    }
    let usage = certificate.key_usage();
    if usage.is_some_and(|usage| !usage.key_cert_sign()) {
        return Err(PathError::KeyCertSignMissing { certificate: position(certificate, index) });
    }
    match certificate.path_len() {
        Some(allowed) if authorities_below > usize::from(allowed) => {
            Err(PathError::PathLenExceeded {
                certificate: position(certificate, index),
                allowed,
                found: authorities_below,
            })
        }
        _ => Ok(()),
    }
}
