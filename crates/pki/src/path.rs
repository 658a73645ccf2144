//! Path building and validation (RFC 5280 section 6), as the strictest peer in a mesh does it.
//!
//! A chain that this module accepts is accepted by rustls-webpki (ztunnel, Linkerd), Go (istiod,
//! Consul), OpenSSL and BoringSSL (Envoy). Where these differ, the stricter one is followed:
//! the anchor's dates, path length, key usage and extended key usage count (Go, OpenSSL); every CA
//! certificate counts towards a path length, self-issued ones included (Go, rustls-webpki); names
//! are equal only byte for byte (Go, rustls-webpki); the second of notAfter is past the end (OpenSSL);
//! every certificate that could be an issuer must lead to an anchor, since OpenSSL and BoringSSL take
//! the first of a name and never go back. What a CA certificate is asked for as a leaf is another
//! question than TLS asks: see [`build_path`].

use crate::certificate::Certificate;
use crate::path_check::{self, Role};
use crate::path_error::PathError;
use crate::path_options::PathOptions;

/// Signature checks of one search, as in Go and rustls-webpki: certificates of one name that sign
/// each other would otherwise make the search exponential (CVE-2018-16875).
const SIGNATURE_CHECKS_MOST: usize = 100;

/// Finds a valid path from `leaf` to one of `anchors`: leaf first, anchor last.
///
/// All candidate issuers are tried, found by name and key identifier; order and repetition of
/// `intermediates` do not matter. Anchors come before intermediates, as with OpenSSL. Where there are
/// several candidates, each must lead to an anchor, or be another certificate of the same key that is
/// out of its dates. If there is no path, the error is the most telling one of the
/// search. A leaf that is a CA is allowed, and is judged as the issuer that it is going to be: it
/// counts towards the path lengths above it. (In a handshake, rustls-webpki and OpenSSL would refuse
/// it as an end entity.) A root that is itself among `anchors` is a path of one.
pub fn build_path(
    leaf: &Certificate,
    intermediates: &[Certificate],
    anchors: &[Certificate],
    options: &PathOptions,
) -> Result<Vec<Certificate>, PathError> {
    if leaf.is_ca() && leaf.is_self_issued() && anchors.contains(leaf) {
        let role = Role::Anchor { authorities_below: 0 };
        path_check::check_certificate(leaf, 0, role, options)?;
        return Ok(vec![leaf.clone()]);
    }
    path_check::check_certificate(leaf, 0, Role::Leaf, options)?;
    let mut search = Search {
        intermediates,
        anchors,
        options,
        path: vec![leaf],
        signature_checks: 0,
        worst: None,
    };
    match search.extend() {
        Some(path) => Ok(path.into_iter().cloned().collect()),
        None => Err(search.error()),
    }
}

type Path<'a> = Vec<&'a Certificate>;

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
    /// The path from its last certificate to an anchor, if each candidate issuer leads to one.
    fn extend(&mut self) -> Option<Path<'a>> {
        let (anchors, intermediates) = (self.anchors, self.intermediates);
        let anchors = self.candidates(anchors);
        if !anchors.is_empty() {
            return self.try_all(&anchors, Self::try_anchor);
        }
        let intermediates = self.candidates(intermediates);
        if !intermediates.is_empty() {
            return self.try_all(&intermediates, Self::try_intermediate);
        }
        let error = self.no_candidate();
        self.note(error);
        None
    }

    /// Those that the last certificate's issuer may be by name and key identifiers, each once.
    fn candidates(&self, all: &'a [Certificate]) -> Vec<&'a Certificate> {
        let last = self.last();
        let mut candidates: Vec<&Certificate> = Vec::new();
        for candidate in all {
            let fits = last.issuer() == candidate.subject()
                && path_check::key_identifiers_match(last, candidate)
                && !self.is_in_path(candidate);
            if fits && !candidates.contains(&candidate) {
                candidates.push(candidate);
            }
        }
        candidates
    }

    fn try_all(
        &mut self,
        candidates: &[&'a Certificate],
        attempt: fn(&mut Self, &'a Certificate) -> Result<Path<'a>, PathError>,
    ) -> Option<Path<'a>> {
        let mut found: Option<Path<'a>> = None;
        let mut failures = Vec::new();
        for candidate in candidates {
            match attempt(self, candidate) {
                Ok(path) => found = found.or(Some(path)),
                Err(error) => failures.push((*candidate, error)),
            }
        }
        let issuer_index = self.path.len();
        let Some(path) = found else {
            for (_, error) in failures {
                self.note(error);
            }
            return None;
        };
        // A root that was issued again under its old key stands beside the one that has expired.
        let is_former = |candidate: &Certificate, error: &PathError| {
            candidate.public_key() == path[issuer_index].public_key()
                && matches!(error, PathError::NotBefore { .. } | PathError::NotAfter { .. })
        };
        match failures.into_iter().find(|(candidate, error)| !is_former(candidate, error)) {
            None => Some(path),
            Some((_, cause)) => {
                let error = self.ambiguous(cause);
                self.note(error);
                None
            }
        }
    }

    fn try_anchor(&mut self, anchor: &'a Certificate) -> Result<Path<'a>, PathError> {
        let index = self.path.len();
        let role = Role::Anchor { authorities_below: self.authorities() };
        self.check_issued_by(anchor)?;
        if !anchor.is_self_issued() {
            let certificate = path_check::position(anchor, index);
            return Err(PathError::AnchorNotSelfIssued { certificate });
        }
        path_check::check_certificate(anchor, index, role, self.options)?;
        let mut path = self.path.clone();
        path.push(anchor);
        path_check::check_name_constraints(&path)?;
        Ok(path)
    }

    fn try_intermediate(&mut self, intermediate: &'a Certificate) -> Result<Path<'a>, PathError> {
        let index = self.path.len();
        let role = Role::Intermediate { authorities_below: self.authorities() };
        self.check_depth()?;
        self.check_issued_by(intermediate)?;
        path_check::check_certificate(intermediate, index, role, self.options)?;
        let outer = self.worst.take();
        self.path.push(intermediate);
        let found = self.extend();
        self.path.pop();
        let inner = std::mem::replace(&mut self.worst, outer);
        found.ok_or_else(|| inner.unwrap_or_else(|| self.no_candidate()))
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

    /// Why nothing that was given can have issued the last certificate.
    fn no_candidate(&self) -> PathError {
        let last = self.last();
        let certificate = path_check::position(last, self.path.len() - 1);
        let issuer = last.issuer().to_string();
        let mut given = self.anchors.iter().chain(self.intermediates);
        if given.any(|other| other.subject() == last.issuer() && !self.is_in_path(other)) {
            return PathError::KeyIdentifierMismatch { certificate, issuer };
        }
        let mut given = self.anchors.iter().chain(self.intermediates);
        if !issuer.is_empty()
            && given.any(|other| {
                other.subject().to_string() == issuer && other.subject() != last.issuer()
            })
        {
            return PathError::IssuerNameEncoding { certificate, issuer };
        }
        let nobody = "an issuer without a name".to_owned();
        let issuer = if issuer.is_empty() { nobody } else { issuer };
        PathError::UnknownAuthority { certificate, issuer }
    }

    fn ambiguous(&self, cause: PathError) -> PathError {
        let last = self.last();
        PathError::AmbiguousIssuer {
            certificate: path_check::position(last, self.path.len() - 1),
            issuer: last.issuer().to_string(),
            cause: Box::new(cause),
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
            None => self.no_candidate(),
        }
    }
}

/// How much an error says: a certificate that was the right one and is at fault says most.
fn weight(error: &PathError) -> u8 {
    match error {
        PathError::UnknownAuthority { .. } => 1,
        PathError::KeyIdentifierMismatch { .. } | PathError::IssuerNameEncoding { .. } => 2,
        PathError::Signature { .. } => 3,
        PathError::SearchLimit { .. } => 5,
        _ => 4,
    }
}
