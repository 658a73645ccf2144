//! The roots of one virtual mesh, by number.

use std::sync::Arc;

use meshroot_ca::{Issuer, Order};
use meshroot_core::Refusal;
use meshroot_core::rotation::OwnRoot;
use meshroot_core::trust::Past;
use meshroot_pki::{Certificate, Fingerprint};

use super::Root;

/// The roots of one virtual mesh.
pub(crate) struct Roots {
    /// `None` where it has ended or was taken away, and another signs.
    first: Option<Arc<Root>>,
    further: Vec<Further>,
    /// The highest number that is taken.
    highest: u32,
    /// The last that cannot be used, and why.
    unusable: Option<(u32, Refusal)>,
}

/// A root after the first.
pub(crate) struct Further {
    pub(crate) number: u32,
    /// The number of the root that signed before it.
    pub(crate) replaces: u32,
    /// Its fingerprint.
    pub(crate) replaced_root: Option<String>,
    /// A company brought it, and replaces it.
    pub(crate) is_provided: bool,
    pub(crate) root: Arc<Root>,
    pub(crate) cross: Cross,
}

/// Whether the root that is replaced signed a root's name and key.
pub(crate) enum Cross {
    /// It did: the cross-certificate, and what leads up from it.
    Made(Vec<Certificate>),
    /// It can.
    Missing,
    /// It cannot, and why.
    Impossible(String),
}

impl Further {
    pub(crate) fn is_cross_signed(&self) -> bool {
        matches!(self.cross, Cross::Made(_))
    }
}

impl Roots {
    pub(super) fn new(
        first: Option<Arc<Root>>,
        further: Vec<Further>,
        highest: u32,
        unusable: Option<(u32, Refusal)>,
    ) -> Self {
        Self { first, further, highest, unusable }
    }

    /// Why the root of this number cannot be used.
    pub(crate) fn why_not(&self, number: u32) -> Option<&Refusal> {
        self.unusable.as_ref().filter(|(own, _)| *own == number).map(|(_, refusal)| refusal)
    }

    /// The same, where of each root that has no cross-certificate it is known whether there can be one, with intermediates
    /// that have `below` further CAs under them.
    #[must_use]
    pub(super) fn judged(mut self, below: u8) -> Self {
        let judge = |further: &Further| {
            let Some(signs) = self.get(further.replaces) else {
                return Some(format!("the key of root {} is not at hand", further.replaces));
            };
            let ordered = Order::cross(further.root.issuer.certificate(), &signs.issuer, below);
            ordered.err().map(|error| error.to_string())
        };
        let missing = |further: &Further| matches!(further.cross, Cross::Missing);
        let judged: Vec<Option<String>> = self
            .further
            .iter()
            .map(|further| missing(further).then(|| judge(further)).flatten())
            .collect();
        for (further, impossible) in self.further.iter_mut().zip(judged) {
            if let Some(why) = impossible {
                further.cross = Cross::Impossible(why);
            }
        }
        self
    }

    /// The highest number that is taken, whether that root can be used or not.
    pub(crate) fn highest(&self) -> u32 {
        self.highest
    }

    /// Of all its roots one must be that which the members trust.
    pub(super) fn check_unchanged(&self, past: &Past) -> Result<(), Refusal> {
        let check = |root: &Root| {
            past.check_unchanged(&root.trust, &root.issuer.certificate().fingerprint())
        };
        let mut outcome = Ok(());
        for (_, root) in self.all() {
            outcome = check(root);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    /// All of them, by number.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, &Arc<Root>)> {
        let further = self.further.iter().map(|further| (further.number, &further.root));
        self.first.iter().map(|first| (1, first)).chain(further)
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Arc<Root>> {
        self.all().find(|(own, _)| *own == number).map(|(_, root)| root)
    }

    pub(crate) fn further(&self, number: u32) -> Option<&Further> {
        self.further.iter().find(|further| further.number == number)
    }

    /// The one whose signing certificate this is.
    pub(crate) fn of_issuer(&self, fingerprint: &Fingerprint) -> Option<(u32, &Arc<Root>)> {
        self.all().find(|(_, root)| root.issuer.certificate().fingerprint() == *fingerprint)
    }

    /// The one that a certificate leads to, by the fingerprint of what signed it. What signed under a certificate which was
    /// replaced in its Secret since is of the first root: the others are never changed.
    pub(crate) fn above(&self, signed_by: Option<Fingerprint>) -> Option<(u32, &Arc<Root>)> {
        let known = signed_by.and_then(|issuer| self.of_issuer(&issuer));
        known.or_else(|| self.get(1).map(|first| (1, first)))
    }

    /// As the planner sees them.
    pub(crate) fn own(&self) -> Vec<OwnRoot> {
        let first = self.first.iter().map(|root| own(1, None, root, &Cross::Missing));
        let further = self.further.iter().map(|further| {
            let replaces = Some((further.replaces, further.replaced_root.clone()));
            own(further.number, replaces, &further.root, &further.cross)
        });
        first.chain(further).collect()
    }
}

fn own(
    number: u32,
    replaces: Option<(u32, Option<String>)>,
    root: &Root,
    cross: &Cross,
) -> OwnRoot {
    let (replaces, replaced_root) = replaces.unzip();
    let issuer: &Issuer = &root.issuer;
    let certificate = issuer.root().clone();
    let anchors = root.trust.anchors().map(|anchor| anchor.certificate.clone());
    OwnRoot {
        number,
        replaces,
        replaced_root: replaced_root.flatten(),
        beside: anchors.filter(|anchor| *anchor != certificate).collect(),
        fingerprint: certificate.fingerprint().to_string(),
        certificate: Some(certificate),
        chain: issuer.chain().to_vec(),
        cross: match cross {
            Cross::Made(chain) => Some(chain.clone()),
            Cross::Missing | Cross::Impossible(_) => None,
        },
    }
}
