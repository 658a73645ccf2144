//! What MeshTrust tells a mesh, in the planner's words and back.

use jiff::{SignedDuration, Timestamp};
use meshroot_api::MeshTrust;
use meshroot_api::trust::{Goal, Pickup, Telling};

use super::catalog::Catalog;
use super::held::Held;
use super::roots::{Chain, Position, Root, RootSet};
use super::world::{AnchorChange, Member};
use crate::membership::Key;
use crate::refusal::Refusal;

/// One member as the hub sees it.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// The mesh.
    pub mesh: Key,
    /// Its MeshTrust, if that tells of this virtual mesh.
    pub trust: Option<&'a MeshTrust>,
    /// Fingerprint of the root under which the newest certificate of the mesh was recorded, by the ledger; `None` where
    /// none ever was, and where it is not needed. A mesh that was never issued anything has nothing.
    pub issued_under: Option<String>,
    /// The same for the certificate of the request that MeshTrust names.
    pub told_under: Option<String>,
    /// Since when its control plane was seen to have loaded what MeshTrust tells now in terms of roots.
    pub loaded_since: Option<Timestamp>,
}

/// Where nobody has seen a leaf: istiod's default.
const LEAF_LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Whether the agent has come to the present generation of MeshTrust, and the control plane uses all that it tells.
pub fn is_loaded(trust: &MeshTrust) -> bool {
    let Some(status) = &trust.status else { return false };
    status.observed_generation.is_some()
        && status.observed_generation == trust.metadata.generation
        && status.pickup == Pickup::Confirmed
        && status.installed.as_deref() == Some(trust.spec.request.as_str())
}

/// The goal that a mesh was told last.
pub(super) fn goal(trust: &MeshTrust) -> Option<&Goal> {
    trust.spec.rotation.as_ref().map(|telling| &telling.goal)
}

/// What the mesh has, where it may have anything. `own`: the virtual mesh's roots; `bridged`: the chains with a
/// cross-certificate that can be told.
pub(super) fn member(
    view: &View<'_>,
    catalog: &mut Catalog,
    own: RootSet,
    bridged: &[Chain],
) -> Result<Option<Member>, Refusal> {
    let Some(trust) = view.trust else { return Ok(lost(view, catalog, own, bridged)) };
    let anchors = catalog.read(&trust.spec.trust_anchors)?;
    let Some(telling) = &trust.spec.rotation else {
        let Some(issuer) = view.told_under.as_ref().and_then(|root| catalog.find(root)) else {
            // What it names was never recorded: nothing is in use, unless something was issued before.
            return Ok(lost(view, catalog, own, bridged));
        };
        let (chain, former) = (Chain::new(issuer), (Vec::new(), Vec::new()));
        return Ok(Some(held(view, trust, chain, anchors, former)));
    };
    let Some(sends) = &telling.sends else { return Ok(None) };
    let chain = catalog.chain(sends)?;
    let sent = telling.sent.iter().map(|sent| catalog.chain(sent)).collect::<Result<_, _>>()?;
    let trusted = telling.trusted.iter().map(|set| catalog.set(set)).collect::<Result<_, _>>()?;
    Ok(Some(held(view, trust, chain, anchors, (sent, trusted))))
}

fn held(
    view: &View<'_>,
    trust: &MeshTrust,
    chain: Chain,
    anchors: RootSet,
    (sent, trusted): (Vec<Chain>, Vec<RootSet>),
) -> Member {
    let (lag, capability) = observed(trust);
    Member {
        mesh: view.mesh.clone(),
        chain: Held::new(chain, sent, lag).loaded(view.loaded_since),
        anchors: Held::new(anchors, trusted, lag).loaded(view.loaded_since),
        capability,
    }
}

/// MeshTrust is gone, and the mesh was issued something: it may have been told anything.
fn lost(view: &View<'_>, catalog: &Catalog, own: RootSet, bridged: &[Chain]) -> Option<Member> {
    let issuer = catalog.find(view.issued_under.as_ref()?)?;
    let plain = Chain::new(issuer);
    let chain = bridged.iter().copied().find(|chain| chain.issuer == issuer).unwrap_or(plain);
    let sent = own.iter().map(Chain::new).chain(bridged.iter().copied());
    let trusted = own.iter().map(RootSet::from);
    Some(Member {
        mesh: view.mesh.clone(),
        chain: Held::new(chain, sent, LEAF_LIFETIME),
        anchors: Held::new(own, trusted, LEAF_LIFETIME),
        capability: AnchorChange::Restart,
    })
}

fn observed(trust: &MeshTrust) -> (SignedDuration, AnchorChange) {
    let is_live = trust.status.as_ref().is_some_and(|status| status.anchors_live);
    let capability = if is_live { AnchorChange::Live } else { AnchorChange::Restart };
    let lag = longest_leaf(trust).map(SignedDuration::from_secs);
    (lag.unwrap_or(LEAF_LIFETIME), capability)
}

/// The longest lifetime of a leaf that was ever seen, in seconds.
fn longest_leaf(trust: &MeshTrust) -> Option<i64> {
    let status = trust.status.as_ref();
    let seen = status.and_then(|status| status.loaded.as_ref()?.leaf_lifetime_seconds);
    let noted = trust.spec.rotation.as_ref().and_then(|telling| telling.leaf_lifetime_seconds);
    seen.max(noted).filter(|seconds| *seconds > 0)
}

/// A mesh that is told something for the first time: its workloads have nothing of this virtual mesh.
pub(super) fn beginner(mesh: &Key, position: Position) -> Member {
    Member {
        mesh: mesh.clone(),
        chain: Held::new(position.chain, [], LEAF_LIFETIME),
        anchors: Held::new(position.anchors, [], LEAF_LIFETIME),
        capability: AnchorChange::Restart,
    }
}

/// As MeshTrust says it. `member`: what the mesh has; `None` where it has nothing and is told nothing.
pub(super) fn telling(
    goal: &Goal,
    trust: Option<&MeshTrust>,
    member: Option<&Member>,
    catalog: &Catalog,
    now: Timestamp,
) -> Telling {
    let before = trust.and_then(|trust| trust.spec.rotation.as_ref());
    let telling = Telling {
        goal: goal.clone(),
        leaf_lifetime_seconds: trust.and_then(longest_leaf),
        ..Telling::default()
    };
    let Some(member) = member else { return telling };
    let told = member.told();
    let sent = member.chain.may(now).filter(|chain| *chain != told.chain);
    let trusted = member.anchors.may(now).filter(|anchors| *anchors != told.anchors);
    let sends = Some(catalog.sent(told.chain));
    let same = |before: &&Telling| {
        let anchors = trust.map(|trust| trust.spec.trust_anchors.as_str());
        let is_trusted = catalog.bundle(told.anchors, told.chain.issuer);
        before.sends == sends && anchors == is_trusted.as_deref()
    };
    Telling {
        revision: match before.filter(same) {
            Some(before) => before.revision,
            // One that was lost is followed by a higher one too.
            None => before.map_or(0, |before| before.revision + 1).max(now.as_second()),
        },
        sends,
        sent: sent.map(|chain| catalog.sent(chain)).collect(),
        trusted: trusted.map(|anchors| catalog.fingerprints(anchors)).collect(),
        ..telling
    }
}

/// For people: `intermediate of root 2, cross-certificate by root 1`.
pub(super) fn sends(chain: Chain, name: impl Fn(Root) -> String) -> String {
    let own = format!("intermediate of {}", name(chain.issuer));
    match chain.through {
        None => own,
        Some(through) => format!("{own}, cross-certificate by {}", name(through)),
    }
}

/// The same for trust anchors.
pub(super) fn trusts(anchors: RootSet, name: impl Fn(Root) -> String) -> String {
    anchors.iter().map(name).collect::<Vec<_>>().join(" + ")
}

/// The position after this one that keeps the chain: what can be told before there is a certificate for the next chain.
pub(super) fn without_reissue(from: Position, next: Position) -> Position {
    if from.chain.issuer == next.chain.issuer {
        next
    } else {
        Position { chain: from.chain, ..next }
    }
}
