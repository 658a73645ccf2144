//! What a control plane reads its CA from, and what is to be written there.

use jiff::{SignedDuration, Timestamp};
use meshroot_api::names::RequestName;
use meshroot_api::trust::TakingOver;
use meshroot_pki::Certificate;

use crate::refusal::Refusal;
use crate::rotation::settling;

/// What a control plane reads its CA from now.
#[derive(Clone, Debug)]
pub enum Found {
    /// There is nothing.
    Nothing,
    /// There is nothing, and the control plane has made a CA for itself.
    SelfSigned(Box<Own>),
    /// The agent wrote it.
    Ours(Box<Installed>),
    /// Somebody else wrote it.
    Foreign {
        /// Why it is left alone, unless it may be adopted.
        refusal: Refusal,
        /// The CA that it holds, where the control plane can use it.
        own: Option<Box<Own>>,
    },
}

/// A certificate that the agent wrote.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The request that it answers; empty where it is the CA that the mesh had before, while that is taken over.
    pub request: String,
    /// The intermediate; `None` where somebody changed it so that it cannot be read.
    pub intermediate: Option<Certificate>,
    /// What is sent above each workload's certificate, the intermediate first.
    pub chain: Vec<Certificate>,
    /// The trust anchors.
    pub anchors: Vec<Certificate>,
    /// Where the mesh had a CA of its own and is being taken over, or was: how far that is.
    pub taking: Option<Taking>,
    /// The goal that this was told for, where the root of the virtual mesh was ever replaced.
    pub goal: Option<u32>,
    /// When it was written.
    pub written: Timestamp,
    /// Whether it still holds, byte for byte, what was written.
    pub intact: bool,
}

/// A CA that a mesh signs with and that nobody asked Meshroot for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// The certificate that signs.
    pub certificate: Certificate,
    /// What workloads send above their leaf.
    pub chain: Vec<Certificate>,
    /// What they trust.
    pub anchors: Vec<Certificate>,
}

/// How far a mesh is taken over, as it stands beside what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taking {
    /// What workloads have, and may still have.
    pub facts: TakingOver,
    /// Since when the control plane was seen to have loaded it.
    pub loaded: Option<Timestamp>,
}

impl Taking {
    /// Whether nothing of what the mesh had before is left, as far as was noted.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        let TakingOver { own, trusts, sent, trusted, leaf_lifetime_seconds, .. } = &self.facts;
        let lag = leaf_lifetime_seconds.map_or(LEAF_LIFETIME, SignedDuration::from_secs);
        let settles = self.loaded.and_then(|loaded| loaded.checked_add(settling(lag)).ok());
        let is_settled = sent.is_empty() && trusted.is_empty();
        !trusts.iter().any(|root| own.contains(root))
            && (is_settled || settles.is_some_and(|settles| settles <= now))
    }
}

/// Where nobody has seen a leaf: istiod's default.
pub const LEAF_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// What is to be written for a control plane, beside the private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The request whose certificate this is; `None` where it is the CA that the mesh had before.
    pub request: Option<RequestName>,
    /// The intermediate, then those between it and the root.
    pub chain: Vec<Certificate>,
    /// The trust anchors, the signing root first.
    pub roots: Vec<Certificate>,
    /// The goal that it is told for, where the root of the virtual mesh was ever replaced.
    pub goal: Option<u32>,
    /// Whether certificate, key and chain stay as they are: nothing but the trust anchors is changed.
    pub keeps: bool,
    /// How far the mesh is taken over, where it had a CA of its own.
    pub taking: Option<Taking>,
}
