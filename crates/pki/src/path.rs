//! Path building and validation (RFC 5280 section 6), as the strictest peer in a mesh does it.
//!
//! A chain that this module accepts is accepted by rustls-webpki (ztunnel, Linkerd), Go (istiod,
//! Consul), OpenSSL and BoringSSL (Envoy). Where these differ, the stricter one is followed:
//! the anchor's dates, path length, key usage and extended key usage count (Go, OpenSSL); every CA
//! certificate counts towards a path length, self-issued ones included (Go, rustls-webpki); names
//! are equal only byte for byte (Go, rustls-webpki); the second of notAfter is past the end (OpenSSL).

use jiff::Timestamp;

use crate::certificate::Certificate;
use crate::path_check::{self, PathError, Role};

/// Intermediates that rustls-webpki allows at most.
pub const DEFAULT_MAX_DEPTH: usize = 6;

/// Signature checks of one search, as in Go and rustls-webpki: certificates of one name that sign
/// each other would otherwise make the search exponential (CVE-2018-16875).
const SIGNATURE_CHECKS_MOST: usize = 100;

/// What the leaf is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// TLS server (`serverAuth`).
    Server,
    /// TLS client (`clientAuth`).
    Client,
    /// No purpose in particular: extended key usages are not asked.
    Any,
}

impl std::fmt::Display for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Server => "serverAuth",
            Self::Client => "clientAuth",
            Self::Any => "any purpose",
        })
    }
}

/// How a path is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathOptions {
    /// The time for which the path must be valid.
    pub at: Timestamp,
    /// What the leaf is used for.
    pub purpose: Purpose,
    /// Most intermediates between the leaf and the anchor.
    pub max_depth: usize,
}

impl PathOptions {
    /// Options with [`DEFAULT_MAX_DEPTH`].
    pub const fn new(at: Timestamp, purpose: Purpose) -> Self {
        Self { at, purpose, max_depth: DEFAULT_MAX_DEPTH }
    }
}

/// Finds a valid path from `leaf` to one of `anchors`: leaf first, anchor last.
///
/// All candidate issuers are tried, found by name and key identifier; order and repetition of
/// `intermediates` do not matter. If there is no path, the error is the most telling one of the
/// search. A leaf that is a CA is allowed, and is judged as the issuer that it is going to be: it
/// counts towards the path lengths above it. A root that is itself among `anchors` is a path of one.
pub fn build_path(
    leaf: &Certificate,
    intermediates: &[Certificate],
    anchors: &[Certificate],
    options: &PathOptions,
) -> Result<Vec<Certificate>, PathError> {
    path_check::check_certificate(leaf, 0, Role::Leaf, options)?;
    if leaf.is_ca() && leaf.is_self_issued() && anchors.contains(leaf) {
        return Ok(vec![leaf.clone()]);
    }
    let mut search = Search {
        intermediates,
        anchors,
        options,
        path: vec![leaf],
        signature_checks: 0,
        worst: None,
    };
    if search.extend() {
        return Ok(search.path.into_iter().cloned().collect());
    }
    Err(search.error())
}

/// A depth-first search with a bound on its work.
struct Search<'a> {
    intermediates: &'a [Certificate],
    anchors: &'a [Certificate],
    options: &'a PathOptions,
    /// Leaf first.
    path: Vec<&'a Certificate>,
    signature_checks: usize,
    /// The most telling error so far.
    worst: Option<PathError>,
}

impl<'a> Search<'a> {
    /// Completes the path from its last certificate; on failure the path is as before.
    fn extend(&mut self) -> bool {
        let (anchors, intermediates) = (self.anchors, self.intermediates);
        let mut named = false;
        for anchor in anchors {
            if self.issued_last(anchor) {
                named = true;
                if self.try_anchor(anchor) {
                    return true;
                }
            }
        }
        for intermediate in intermediates {
            if self.issued_last(intermediate) && !self.is_in_path(intermediate) {
                named = true;
                if self.try_intermediate(intermediate) {
                    return true;
                }
            }
        }
        if !named {
            let error = self.unknown_authority();
            self.note(error);
        }
        false
    }

    fn try_anchor(&mut self, anchor: &'a Certificate) -> bool {
        let index = self.path.len();
        let authorities_below = self.authorities();
        let role = Role::Anchor { authorities_below };
        let outcome = self.check_issued_by(anchor).and_then(|()| {
            if !anchor.is_self_issued() {
                let certificate = path_check::position(anchor, index);
                return Err(PathError::AnchorNotSelfIssued { certificate });
            }
            path_check::check_certificate(anchor, index, role, self.options)
        });
        self.path.push(anchor);
        let outcome = outcome.and_then(|()| path_check::check_name_constraints(&self.path));
        let Err(error) = outcome else { return true };
        self.path.pop();
        self.note(error);
        false
    }

    fn try_intermediate(&mut self, intermediate: &'a Certificate) -> bool {
        let index = self.path.len();
        let authorities_below = self.authorities();
        let role = Role::Intermediate { authorities_below };
        let outcome = self.check_depth().and_then(|()| {
            self.check_issued_by(intermediate)?;
            path_check::check_certificate(intermediate, index, role, self.options)
        });
        if let Err(error) = outcome {
            self.note(error);
            return false;
        }
        self.path.push(intermediate);
        if self.extend() {
            return true;
        }
        self.path.pop();
        false
    }

    fn issued_last(&self, issuer: &Certificate) -> bool {
        self.last().issuer() == issuer.subject()
    }

    /// Loops are cut by name and key (RFC 4158 section 5.2), so that a root's cross-certificate
    /// and the root itself are never both in a path.
    fn is_in_path(&self, candidate: &Certificate) -> bool {
        self.path.iter().any(|certificate| {
            certificate.subject() == candidate.subject()
                && certificate.public_key() == candidate.public_key()
        })
    }

    /// CA certificates in the path so far.
    fn authorities(&self) -> usize {
        self.path.len() - usize::from(!self.path[0].is_ca())
    }

    fn check_depth(&self) -> Result<(), PathError> {
        let most = self.options.max_depth;
        // The path holds the leaf; the candidate would be intermediate number `len`.
        if self.path.len() > most {
            return Err(PathError::TooDeep { most });
        }
        Ok(())
    }

    fn check_issued_by(&mut self, issuer: &Certificate) -> Result<(), PathError> {
        let last = self.last();
        let certificate = || path_check::position(last, self.path.len() - 1);
        if !path_check::key_identifiers_match(last, issuer) {
            return Err(PathError::KeyIdentifierMismatch {
                certificate: certificate(),
                issuer: issuer.subject().to_string(),
            });
        }
        if self.signature_checks == SIGNATURE_CHECKS_MOST {
            return Err(PathError::SearchLimit { limit: SIGNATURE_CHECKS_MOST });
        }
        let outcome = last.verify_signed_by(issuer.public_key());
        let outcome = outcome.map_err(|source| PathError::Signature {
            certificate: certificate(),
            issuer: issuer.subject().to_string(),
            source,
        });
        self.signature_checks += 1;
        outcome
    }

    fn last(&self) -> &'a Certificate {
        self.path[self.path.len() - 1]
    }

    fn unknown_authority(&self) -> PathError {
        let certificate = self.last();
        PathError::UnknownAuthority {
            certificate: path_check::position(certificate, self.path.len() - 1),
            issuer: certificate.issuer().to_string(),
        }
    }

    /// Keeps the first of the most telling errors.
    fn note(&mut self, error: PathError) {
        let known = self.worst.as_ref().map_or(0, weight);
        if weight(&error) > known {
            self.worst = Some(error);
        }
    }

    fn error(mut self) -> PathError {
        match self.worst.take() {
            Some(error) => error,
            None => self.unknown_authority(),
        }
    }
}

/// How much an error says: a certificate that was the right one and is at fault says most.
fn weight(error: &PathError) -> u8 {
    match error {
        PathError::UnknownAuthority { .. } => 1,
        PathError::KeyIdentifierMismatch { .. } => 2,
        PathError::Signature { .. } => 3,
        PathError::SearchLimit { .. } => 5,
        _ => 4,
    }
}
