//! What a virtual mesh trusts, and what its members are told of it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use meshroot_api::names::RequestName;
use meshroot_api::policy::{RootPhase, RootStatus, TrustPolicySpec};
use meshroot_api::trust::MeshTrustSpec;
use meshroot_api::{MeshTrust, Reason};
use meshroot_pki::{Certificate, Fingerprint, parse_bundle, to_bundle};

use crate::membership::Key;
use crate::notice::Notice;
use crate::refusal::Refusal;

/// A root that a virtual mesh has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its number among the virtual mesh's roots, from 1, in the order in which the Secret holds them.
    pub number: u32,
    /// Where it stands.
    pub phase: RootPhase,
    /// Its certificate.
    pub certificate: Certificate,
}

/// The roots that the members of a virtual mesh trust. Who signs is told by fingerprint, never by a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustSet {
    signing: Anchor,
    others: Vec<Anchor>,
    /// Those that have ended: nobody is told to trust them any more.
    ended: Vec<Anchor>,
}

impl TrustSet {
    /// The roots of a Secret, of which the one that what is issued leads to is `signing`. Others that have ended by `now`
    /// are left out.
    pub fn new(
        roots: impl IntoIterator<Item = Certificate>,
        signing: &Certificate,
        now: Timestamp,
    ) -> Self {
        let mut set = Self {
            signing: Anchor { number: 1, phase: RootPhase::Signing, certificate: signing.clone() },
            others: Vec::new(),
            ended: Vec::new(),
        };
        for (certificate, number) in roots.into_iter().zip(1..) {
            if certificate == *signing {
                set.signing.number = number;
            } else if certificate.not_after() < now {
                set.ended.push(Anchor { number, phase: RootPhase::Removed, certificate });
            } else {
                set.others.push(Anchor { number, phase: RootPhase::Trusted, certificate });
            }
        }
        set
    }

    /// The root that what is issued leads to.
    pub fn signing(&self) -> &Anchor {
        &self.signing
    }

    /// All of them, the signing one first, then by number.
    pub fn anchors(&self) -> impl Iterator<Item = &Anchor> {
        std::iter::once(&self.signing).chain(&self.others)
    }

    /// PEM, as members and answers get it.
    pub fn to_bundle(&self) -> String {
        let all: Vec<Certificate> =
            self.anchors().map(|anchor| anchor.certificate.clone()).collect();
        to_bundle(&all)
    }

    /// As a policy's status shows them: those that have ended last, as `Removed`.
    pub fn statuses(&self) -> Vec<RootStatus> {
        self.anchors()
            .chain(&self.ended)
            .map(|Anchor { phase, certificate, .. }| RootStatus {
                number: None,
                replaces: None,
                cross_signed: false,
                revocation_list: String::new(),
                fingerprint: certificate.fingerprint().to_string(),
                subject: certificate.subject().to_string(),
                not_before: Some(Time(certificate.not_before())),
                not_after: Some(Time(certificate.not_after())),
                phase: *phase,
            })
            .collect()
    }

    fn contains(&self, fingerprint: &str) -> bool {
        self.anchors().any(|anchor| anchor.certificate.fingerprint().to_string() == fingerprint)
    }
}

/// What is known of a virtual mesh's past.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// Fingerprint of the signing root that its members trust.
    pub root: Option<String>,
    /// That root, where a member's anchors hold it.
    pub certificate: Option<Certificate>,
    /// Fingerprints of the certificates that signed for it, by the ledger.
    pub issuers: BTreeSet<String>,
}

impl Past {
    /// Whether there ever was a root: then none is made.
    pub fn had_root(&self) -> bool {
        self.root.is_some() || !self.issuers.is_empty()
    }

    /// Another root under the same virtual mesh would cut off every member: only a rotation may do that.
    ///
    /// A hub before this one took the first root of a Secret for the signing one, whatever the chain led to. So
    /// where the certificate that signs is one that signed before, and the root known from then is still there, nothing
    /// has changed. Nor where the same key has another certificate under the same name, as a root whose life was
    /// extended: what either signed leads to both.
    pub fn check_unchanged(&self, set: &TrustSet, issuer: &Fingerprint) -> Result<(), Refusal> {
        let Some(known) = &self.root else { return Ok(()) };
        let found = set.signing.certificate.fingerprint().to_string();
        let signed_before = self.issuers.contains(&issuer.to_string());
        if *known == found || (signed_before && set.contains(known)) || self.is_issued_anew(set) {
            return Ok(());
        }
        let message = format!(
            "the root's Secret now holds root {found}, members trust {known}; put the former root back: \
             another root at once would cut the members off from each other"
        );
        Err(Refusal::new(Reason::RootSecretInvalid, message))
    }

    fn is_issued_anew(&self, set: &TrustSet) -> bool {
        let found = &set.signing.certificate;
        let known = self.certificate.as_ref();
        known.is_some_and(|known| {
            known.public_key() == found.public_key() && known.subject() == found.subject()
        })
    }
}

/// Says so where the first to end of the certificate that signs and those above it ends within two lifetimes of what is
/// issued: from one on each certificate ends with it, and nothing can be issued after it.
pub fn ending(first: &Certificate, lifetime: SignedDuration, now: Timestamp) -> Option<Notice> {
    let left = first.not_after().duration_since(now);
    if left > lifetime.saturating_mul(2) {
        return None;
    }
    let message = format!(
        "{} ends {}: nothing can be issued after that, and what is issued before ends with it; see docs/roots.md, \
         \"When a root ends\"",
        first.subject(),
        first.not_after()
    );
    Some(Notice::new(Reason::RootEnds, message))
}

/// The fingerprint of the signing root that a policy's status tells of.
pub fn signing_root(roots: &[RootStatus]) -> Option<&str> {
    let signing = roots.iter().find(|root| root.phase == RootPhase::Signing)?;
    Some(&signing.fingerprint)
}

/// What a mesh is told: by which request it should have its certificate, what to trust, and what its virtual mesh's
/// policy says. `before`: what it was told last of the same virtual mesh. Without a `set` the planner of rotations says
/// what is trusted.
///
/// An anchor that was added to the set reaches every member; one that is gone from it stays with the members that have it
/// until it ends: peers may still present what leads to it.
pub fn told(
    policy: &TrustPolicySpec,
    set: Option<&TrustSet>,
    request: &RequestName,
    before: Option<&MeshTrustSpec>,
    now: Timestamp,
) -> MeshTrustSpec {
    let anchors = |set: &TrustSet| {
        let kept = before.map(|before| kept_anchors(before, set, now)).unwrap_or_default();
        set.to_bundle() + &to_bundle(&kept)
    };
    MeshTrustSpec {
        request: request.to_string(),
        trust_anchors: set.map(anchors).unwrap_or_default(),
        key: policy.intermediate.key,
        renew_at_percent: policy.intermediate.renew_at_percent(),
        adopt: policy.adopt,
        restart: policy.restart,
        chain_certificates: None,
        rotation: None,
    }
}

fn kept_anchors(before: &MeshTrustSpec, set: &TrustSet, now: Timestamp) -> Vec<Certificate> {
    let mut kept = parse_bundle(before.trust_anchors.as_bytes()).unwrap_or_default();
    kept.retain(|one| one.not_after() >= now && !set.contains(&one.fingerprint().to_string()));
    kept
}

/// The request that a mesh's MeshTrust names, where that is one of this virtual mesh; the mesh's first one otherwise.
/// A mesh that has just come from another virtual mesh still has that one's request in its MeshTrust.
pub fn request_of(trust: Option<&MeshTrust>, mesh: &Key, virtual_mesh: &str) -> RequestName {
    trust
        .and_then(|trust| RequestName::parse(&trust.spec.request))
        .filter(|name| name.virtual_mesh == virtual_mesh)
        .unwrap_or_else(|| RequestName::first(&mesh.name, virtual_mesh))
}
