//! What one certificate must satisfy at its place in a path.

use const_oid::ObjectIdentifier;
use der::Encode;
use jiff::Timestamp;
use x509_cert::certificate::Version;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, NameConstraints};

use crate::algorithm::SignatureAlgorithm;
use crate::certificate::Certificate;
use crate::gate;
use crate::general_name::RawName;
use crate::name_constraint::{self, NameConstraintError};
use crate::oid;
use crate::path_error::{PathError, PathPosition};
use crate::path_options::{PathOptions, Purpose};
use crate::uri;

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
    gate::check_kind(certificate.public_key().material())
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
    if let Some(extension) = certificate.extensions().restricts_policies {
        let extension = extension.to_string();
        return Err(PathError::PolicyRestriction { certificate: at(), extension });
    }
    check_names(certificate, index)?;
    check_self_issued(certificate, index, role)?;
    check_extended_key_usage(certificate, index, options.purpose)?;
    match role {
        Role::Leaf => check_leaf(certificate, index, options.purpose),
        Role::Intermediate { authorities_below } | Role::Anchor { authorities_below } => {
            check_issuer(certificate, index, authorities_below)
        }
    }
}

/// What Go reads in every certificate, used or not.
fn check_names(certificate: &Certificate, index: usize) -> Result<(), PathError> {
    let at = || position(certificate, index);
    let tbs = certificate.tbs();
    if tbs.issuer_unique_id().is_some() || tbs.subject_unique_id().is_some() {
        return Err(PathError::UniqueIdentifier { certificate: at() });
    }
    for (field, name) in [("subject", certificate.subject()), ("issuer", certificate.issuer())] {
        if !name.is_readable() {
            return Err(PathError::NameString { certificate: at(), field });
        }
    }
    let unreadable = |name: &RawName<'_>| match name {
        RawName::Uri(text) if uri::host(text).is_none() => Some((*text).to_owned()),
        _ => None,
    };
    match certificate.alternative_names().iter().find_map(unreadable) {
        Some(uri) => Err(PathError::Uri { certificate: at(), uri }),
        None => Ok(()),
    }
}

/// OpenSSL and BoringSSL take a certificate for self-signed by its names and key identifiers alone
/// (`X509_self_signed`), and look no further above it.
fn check_self_issued(certificate: &Certificate, index: usize, role: Role) -> Result<(), PathError> {
    let looks_self_signed =
        certificate.is_self_issued() && key_identifiers_match(certificate, certificate);
    let at = || position(certificate, index);
    match role {
        Role::Anchor { .. } if certificate.is_self_issued() && !looks_self_signed => {
            Err(PathError::AnchorKeyIdentifier { certificate: at() })
        }
        // One that is self-signed leads nowhere, which the search finds.
        Role::Leaf | Role::Intermediate { .. }
            if looks_self_signed
                && certificate.verify_signed_by(certificate.public_key()).is_err() =>
        {
            Err(PathError::LooksSelfSigned { certificate: at() })
        }
        _ => Ok(()),
    }
}

/// Checks the name constraints of every issuer in a finished path.
pub(crate) fn check_name_constraints(path: &[&Certificate]) -> Result<(), PathError> {
    for (issuer_index, issuer) in path.iter().enumerate().skip(1) {
        let Some(constraints) = &issuer.extensions().name_constraints else {
            continue;
        };
        for (index, certificate) in path[..issuer_index].iter().enumerate() {
            check_constraints(constraints, certificate, index).map_err(|source| match source {
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

fn check_constraints(
    constraints: &NameConstraints,
    certificate: &Certificate,
    index: usize,
) -> Result<(), NameConstraintError> {
    let (names, subject) = (certificate.alternative_names(), certificate.subject());
    name_constraint::check(constraints, &names, subject)?;
    // The end entity's common name alone counts, and only to OpenSSL and BoringSSL.
    if index > 0 {
        return Ok(());
    }
    name_constraint::check_common_name(constraints, &names, subject)
}

/// Whether the key identifiers allow `issuer` to be the issuer; OpenSSL insists on all of them.
pub(crate) fn key_identifiers_match(certificate: &Certificate, issuer: &Certificate) -> bool {
    let named = certificate.extensions().authority_key_identifier.as_ref();
    named.is_none_or(|named| names_key_of(named, issuer))
}

/// Whether an authorityKeyIdentifier can be about this issuer.
pub(crate) fn names_key_of(named: &AuthorityKeyIdentifier, issuer: &Certificate) -> bool {
    let own_identifier = issuer.extensions().subject_key_identifier.as_deref();
    let key_matches = match (&named.key_identifier, own_identifier) {
        (Some(named), Some(own)) => named.as_bytes() == own,
        _ => true,
    };
    let serial = named.authority_cert_serial_number.as_ref();
    key_matches
        && serial.is_none_or(|serial| serial == issuer.tbs().serial_number())
        && names_issuer_of(named, issuer)
}

/// Whether authorityCertIssuer, where it has a directory name, is the name of the issuer's own issuer.
fn names_issuer_of(named: &AuthorityKeyIdentifier, issuer: &Certificate) -> bool {
    let names = named.authority_cert_issuer.iter().flatten();
    let directory_name = names.into_iter().find_map(|name| match name {
        GeneralName::DirectoryName(name) => Some(name),
        _ => None,
    });
    directory_name.is_none_or(|name| name.to_der().is_ok_and(|der| der == issuer.issuer().der()))
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
        Ok(algorithm) if algorithm.is_accepted_by_every_peer(identifier) => Ok(()),
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
