//! What a control plane reads its CA from.

use jiff::Timestamp;
use meshroot_pki::{Certificate, Fingerprint};

use crate::refusal::Refusal;

/// What a control plane reads its CA from now.
#[derive(Clone, Debug)]
pub enum Found {
    /// There is nothing.
    Nothing,
    /// The agent wrote it.
    Ours(Box<Installed>),
    /// Somebody else wrote it: why it is left alone, unless it may be adopted.
    Foreign(Refusal),
}

/// A certificate that the agent wrote.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The request that it answers.
    pub request: String,
    /// The intermediate; `None` where somebody changed it so that it cannot be read.
    pub intermediate: Option<Certificate>,
    /// What is sent above each workload's certificate, the intermediate first.
    pub chain: Vec<Certificate>,
    /// Fingerprints of the trust anchors.
    pub anchors: Vec<Fingerprint>,
    /// The goal that this was told for, where the root of the virtual mesh was ever replaced.
    pub goal: Option<u32>,
    /// When it was written.
    pub written: Timestamp,
    /// Whether it still holds, byte for byte, what was written.
    pub intact: bool,
}
