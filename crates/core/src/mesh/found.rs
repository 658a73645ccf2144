//! What a control plane reads its CA from.

use jiff::Timestamp;
use meshroot_pki::Certificate;

use super::{Own, Taking};
use crate::refusal::Refusal;

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
