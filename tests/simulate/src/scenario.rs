//! What is searched: who takes part, and how the root is to be replaced.

use meshroot_core::rotation::{AnchorChange, Way};

/// How a mesh comes into the virtual mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// A member from the beginning.
    Member,
    /// It joins at any time, with nothing of its own.
    Newcomer,
    /// It has a root of its own, which signs a cross-certificate where that is the way.
    Own,
    /// It has a root of its own whose key nobody has.
    Foreign,
}

/// One search.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// For people.
    pub name: &'static str,
    /// Each mesh.
    pub meshes: &'static [(AnchorChange, Start)],
    /// The way there.
    pub way: Way,
    /// How often a person changes their mind: back, and forth again.
    pub turns: u8,
    /// How often a member is excluded; it comes back at any time.
    pub exclusions: u8,
    /// How often a hub stops in the middle of its writes, and goes on with them at any time.
    pub stops: u8,
    /// How often a MeshTrust is lost and made anew.
    pub losses: u8,
    /// Whether the old root's key is believed stolen.
    pub tainted: bool,
    /// Whether a person confirms each step.
    pub gated: bool,
    /// Whether the goal is reached in the end; otherwise nothing may be done that takes trust away.
    pub arrives: bool,
}

use AnchorChange::{Live, Restart, Single};
use Start::{Foreign, Member, Newcomer, Own};
use Way::{BundleFirst, CrossSigned};

const fn scenario(
    name: &'static str,
    meshes: &'static [(AnchorChange, Start)],
    way: Way,
) -> Scenario {
    Scenario {
        name,
        meshes,
        way,
        turns: 0,
        exclusions: 0,
        stops: 1,
        losses: 0,
        tainted: false,
        gated: false,
        arrives: true,
    }
}

/// With two members: in every run of the tests.
pub const SMALL: &[Scenario] = &[
    Scenario {
        turns: 1,
        ..scenario(
            "cross-signed, live and single, back",
            &[(Live, Member), (Single, Member)],
            CrossSigned,
        )
    },
    Scenario {
        turns: 1,
        ..scenario(
            "bundle first, live and restart, back",
            &[(Live, Member), (Restart, Member)],
            BundleFirst,
        )
    },
    scenario("cross-signed, live and restart", &[(Live, Member), (Restart, Member)], CrossSigned),
    Scenario {
        losses: 1,
        ..scenario(
            "bundle first, MeshTrust lost",
            &[(Live, Member), (Restart, Member)],
            BundleFirst,
        )
    },
    Scenario {
        exclusions: 1,
        ..scenario(
            "bundle first, one excluded",
            &[(Restart, Member), (Restart, Member)],
            BundleFirst,
        )
    },
    Scenario {
        turns: 1,
        ..scenario(
            "bundle first, one joins, back",
            &[(Restart, Member), (Live, Newcomer)],
            BundleFirst,
        )
    },
    Scenario {
        gated: true,
        ..scenario("cross-signed, step by step", &[(Live, Member), (Restart, Member)], CrossSigned)
    },
    Scenario {
        gated: true,
        turns: 1,
        ..scenario(
            "bundle first, step by step, back",
            &[(Live, Member), (Restart, Member)],
            BundleFirst,
        )
    },
    Scenario {
        tainted: true,
        ..scenario("cross-signed, a stolen root", &[(Live, Member), (Live, Member)], CrossSigned)
    },
    scenario("cross-signed, one joins", &[(Live, Member), (Single, Newcomer)], CrossSigned),
    scenario("a root without its key", &[(Single, Member), (Live, Foreign)], CrossSigned),
    scenario("a root of its own, bundle first", &[(Live, Member), (Restart, Own)], BundleFirst),
    Scenario {
        arrives: false,
        ..scenario(
            "bundle first with a single anchor",
            &[(Live, Member), (Single, Member)],
            BundleFirst,
        )
    },
];

/// More of the same, and three members: some minutes with an optimized build.
pub const WHOLE: &[Scenario] = &[
    Scenario {
        turns: 1,
        ..scenario(
            "cross-signed, live and restart, back",
            &[(Live, Member), (Restart, Member)],
            CrossSigned,
        )
    },
    Scenario {
        turns: 2,
        ..scenario(
            "bundle first, back and forth",
            &[(Live, Member), (Restart, Member)],
            BundleFirst,
        )
    },
    Scenario {
        exclusions: 1,
        ..scenario("cross-signed, one excluded", &[(Live, Member), (Restart, Member)], CrossSigned)
    },
    Scenario {
        turns: 1,
        ..scenario(
            "cross-signed, one joins, back",
            &[(Live, Member), (Single, Newcomer)],
            CrossSigned,
        )
    },
    scenario("a root of its own, cross-signed", &[(Live, Member), (Live, Own)], CrossSigned),
    Scenario {
        turns: 1,
        ..scenario("a root of its own, back", &[(Single, Member), (Restart, Own)], CrossSigned)
    },
    Scenario {
        arrives: false,
        ..scenario(
            "a root without its key, one joins",
            &[(Single, Member), (Single, Foreign), (Live, Newcomer)],
            CrossSigned,
        )
    },
    scenario(
        "three, bundle first",
        &[(Live, Member), (Restart, Member), (Live, Member)],
        BundleFirst,
    ),
    scenario(
        "three, cross-signed",
        &[(Live, Member), (Live, Member), (Single, Member)],
        CrossSigned,
    ),
];
