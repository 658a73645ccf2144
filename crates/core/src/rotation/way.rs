//! The ways from one root to another, and the changes that each consists of.

use meshroot_api::rotation::Step;

/// How members are brought from one root to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// Certificates of the new root first, with a cross-certificate that the old one signed; anchors after them. Asks of
    /// a member no more than one anchor at a time.
    CrossSigned,
    /// Both anchors everywhere first, then certificates of the new root.
    BundleFirst,
    /// Back to the old root, from wherever the other two have come to.
    Back,
}

/// What is done to one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// Its chain gets the cross-certificate that leads to the goal's root.
    Bridge,
    /// Its next certificate is signed by the goal's root.
    Reissue,
    /// It trusts the goal's roots.
    Trust,
    /// Its chain loses the cross-certificate.
    Unbridge,
    /// It trusts nothing but the goal's roots.
    Distrust,
}

impl Way {
    /// What is done to each member, in this order.
    pub fn changes(self) -> &'static [Change] {
        use Change::{Bridge, Distrust, Reissue, Trust, Unbridge};
        match self {
            Self::CrossSigned => &[Reissue, Trust, Unbridge, Distrust],
            Self::BundleFirst => &[Trust, Reissue, Unbridge, Distrust],
            Self::Back => &[Bridge, Trust, Reissue, Unbridge, Distrust],
        }
    }

    /// The steps that they make up for people, in this order.
    pub fn steps(self) -> Vec<Step> {
        let mut steps: Vec<Step> = self.changes().iter().map(|change| change.step()).collect();
        steps.dedup();
        steps
    }
}

impl Change {
    /// The step that it belongs to, for people.
    pub fn step(self) -> Step {
        match self {
            Self::Bridge | Self::Reissue => Step::Reissuing,
            Self::Trust => Step::Trusting,
            Self::Unbridge | Self::Distrust => Step::Distrusting,
        }
    }
}
