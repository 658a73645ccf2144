//! Where a virtual mesh stands whose root is replaced: planned, and written back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use meshroot_api::rotation::Step;
use meshroot_api::trust::{Goal, MeshTrustSpec, Telling};
use meshroot_api::{MeshTrust, Reason};
use meshroot_pki::{Certificate, to_bundle};

use super::catalog::{Catalog, OwnRoot};
use super::plan::{Next, entry, is_complete, plan};
use super::roots::{Chain, Position, Root, RootSet};
use super::snapshot::Snapshot;
use super::told::{self, View};
use super::way::Way;
use super::world::{AnchorChange, Member, World};
use crate::membership::Key;
use crate::refusal::Refusal;

/// What one mesh has, and what it may be told now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    /// `None`: nothing.
    has: Option<Member>,
    /// `None`: it may be told nothing.
    next: Option<Position>,
    /// What stands against more.
    pub(super) plan: Option<Next>,
    /// The very MeshTrust that this was planned for.
    based_on: Option<(String, i64)>,
    is_told_goal: bool,
    loaded_since: Option<Timestamp>,
}

/// Which MeshTrust, and which generation of it.
fn based_on(trust: Option<&MeshTrust>) -> Option<(String, i64)> {
    let metadata = &trust?.metadata;
    Some((metadata.uid.clone().unwrap_or_default(), metadata.generation.unwrap_or_default()))
}

/// A virtual mesh whose root is or was replaced.
#[derive(Clone, Debug)]
pub struct Rotation {
    virtual_mesh: Key,
    catalog: Catalog,
    own: BTreeMap<Root, OwnRoot>,
    pub(super) world: World,
    goal: Goal,
    latest: u32,
    /// The root that it is to go back to, and that is gone.
    pub(super) no_way_back: Option<u32>,
    pub(super) is_announced: bool,
    pub(super) is_paused: bool,
    /// The members that a person excluded, and what they have.
    pub(super) left: BTreeMap<Key, Member>,
    /// What of the request for it cannot be.
    pub(super) fault: Option<Refusal>,
    assignments: BTreeMap<Key, Assignment>,
}

/// Whether members of a virtual mesh were told of more than one root, or are to be: `ready` is the highest number. Then the
/// planner says what they are told.
pub fn is_planned<'a>(ready: u32, trusts: impl IntoIterator<Item = &'a MeshTrust>) -> bool {
    ready > 1 || trusts.into_iter().any(|trust| told::goal(trust).is_some())
}

impl Rotation {
    pub(super) fn new(
        (catalog, own): (Catalog, BTreeMap<Root, OwnRoot>),
        (world, left): (World, BTreeMap<Key, Member>),
        goal: Goal,
        (latest, no_way_back): (u32, Option<u32>),
        is_paused: bool,
        snapshot: &Snapshot<'_>,
    ) -> Self {
        let told_goal = |view: &View<'_>| view.trust.and_then(told::goal) == Some(&goal);
        let is_announced = snapshot.members.iter().all(told_goal);
        let moves = is_announced && !is_paused;
        let planned: BTreeMap<&Key, (&Member, Next)> = world
            .members
            .iter()
            .zip(plan(&world))
            .map(|(member, next)| (&member.mesh, (member, next)))
            .collect();
        let assign = |view: &View<'_>| {
            let based_on = based_on(view.trust);
            let (is_told_goal, loaded_since) = (told_goal(view), view.loaded_since);
            if let Some((member, next)) = planned.get(&view.mesh) {
                return Assignment {
                    has: Some((*member).clone()),
                    next: Some(if moves { next.told } else { member.told() }),
                    plan: Some(next.clone()),
                    based_on,
                    is_told_goal,
                    loaded_since,
                };
            }
            let has = left.get(&view.mesh).cloned();
            let counts = moves && !goal.excluded.contains(&view.mesh.to_string());
            // How it changes its anchors is not known yet.
            let entry = || counts.then(|| entry(&world, AnchorChange::Restart)).flatten();
            let next = has.as_ref().map(Member::told).or_else(entry);
            Assignment { has, next, plan: None, based_on, is_told_goal, loaded_since }
        };
        let assignments =
            snapshot.members.iter().map(|view| (view.mesh.clone(), assign(view))).collect();
        Self {
            virtual_mesh: snapshot.virtual_mesh.clone(),
            catalog,
            own,
            world,
            goal,
            latest,
            no_way_back,
            is_announced,
            is_paused,
            left,
            fault: None,
            assignments,
        }
    }

    /// The virtual mesh.
    pub fn virtual_mesh(&self) -> &Key {
        &self.virtual_mesh
    }

    /// Number of the root whose key is believed stolen, as long as it is read.
    pub fn tainted(&self) -> Option<u32> {
        Some(self.own.get(&self.world.tainted?)?.number)
    }

    /// The step that nothing stands against but that somebody is to confirm it; of several the first on the way.
    pub fn awaited(&self) -> Option<Step> {
        if !self.is_announced {
            return None;
        }
        let waits = self.assignments.values().filter_map(|one| one.plan.as_ref()?.waits.as_ref());
        self.world.first_gate(waits.map(|(_, blocked)| blocked))
    }

    pub(super) fn is_rolled_back(&self) -> bool {
        self.world.way == Way::Back
    }

    /// The goal.
    pub fn goal(&self) -> &Goal {
        &self.goal
    }

    /// Number of the root that signs the next certificate of a mesh; `None` where none can be signed as things are.
    pub fn issuer(&self, mesh: &Key) -> Option<u32> {
        let issuer = self.assignments.get(mesh)?.next?.chain.issuer;
        Some(self.own.get(&issuer)?.number)
    }

    /// MeshTrust of this mesh as it is to be. `has_new`: there is a certificate that was signed by the mesh's
    /// [`issuer`](Self::issuer), without which it goes on with the one that it has. `None` where the mesh is none of this
    /// virtual mesh, or MeshTrust has changed since this was planned.
    ///
    /// # Errors
    /// What is to be told is not at hand: a root, or a cross-certificate.
    pub fn told(
        &self,
        mesh: &Key,
        trust: Option<&MeshTrust>,
        has_new: bool,
    ) -> Result<Option<Told>, Refusal> {
        let found = self.assignments.get(mesh).filter(|one| one.based_on == based_on(trust));
        let Some(assignment) = found else { return Ok(None) };
        let now = self.world.now;
        let member = match (&assignment.has, assignment.next) {
            (Some(member), Some(next)) => {
                let from = member.told();
                let next = if has_new { next } else { told::without_reissue(from, next) };
                Some(member.tell(next, now))
            }
            (None, Some(next)) if has_new => Some(told::beginner(mesh, next)),
            (has, _) => has.clone(),
        };
        let position = member.as_ref().map(Member::told);
        let telling = told::telling(&self.goal, trust, member.as_ref(), &self.catalog, now);
        let Some(position) = position else {
            let (anchors, chain) = (String::new(), String::new());
            return Ok(Some(Told { anchors, chain, telling, issuer: None }));
        };
        let absent = |what: &str| {
            let message = format!(
                "Mesh {mesh}: {what}; restore its Secret from a backup, and nothing is changed until then"
            );
            Refusal::new(Reason::RootSecretMissing, message)
        };
        let Position { chain, anchors } = position;
        // What is told already goes on, wherever it came from.
        let before = trust.and_then(|trust| Some((&trust.spec, trust.spec.rotation.as_ref()?)));
        let before = before.filter(|(_, before)| before.sends == telling.sends);
        let told_chain = before.and_then(|(spec, _)| spec.chain_certificates.clone());
        let same = before.filter(|(_, before)| before.revision == telling.revision);
        let told_anchors = same.map(|(spec, _)| spec.trust_anchors.clone());
        Ok(Some(Told {
            anchors: self
                .catalog
                .bundle(anchors, chain.issuer)
                .or(told_anchors)
                .ok_or_else(|| absent("a root that it trusts is not at hand"))?,
            chain: self
                .chain_certificates(chain)
                .or(told_chain)
                .ok_or_else(|| absent("the cross-certificate that it sends is not at hand"))?,
            telling,
            issuer: self.own.get(&chain.issuer).map(|own| own.number),
        }))
    }

    /// Whether a mesh is planned for.
    pub fn knows(&self, mesh: &Key) -> bool {
        self.assignments.contains_key(mesh)
    }

    /// PEM of what is sent above an intermediate; `None` where that is not at hand.
    fn chain_certificates(&self, chain: Chain) -> Option<String> {
        let own = self.own.get(&chain.issuer);
        if own.is_none() && chain.through.is_none() {
            // A root that is gone, which signed by itself.
            return Some(String::new());
        }
        let own = own?;
        let cross: &[Certificate] = match chain.through {
            None => &[],
            Some(_) => own.cross.as_ref()?,
        };
        let all: Vec<Certificate> = own.chain.iter().chain(cross).cloned().collect();
        Some(to_bundle(&all))
    }

    /// What an answer to a mesh's request carries beside its certificate, which the root of this number signs: what is
    /// sent above it, and the roots that are trusted, the one that it leads to first.
    pub fn answer(&self, mesh: &Key, number: u32) -> Option<(String, String)> {
        let root = *self.own.iter().find(|(_, own)| own.number == number)?.0;
        let next = self.assignments.get(mesh)?.next?;
        let chain = if next.chain.issuer == root { next.chain } else { Chain::new(root) };
        Some((self.chain_certificates(chain)?, self.catalog.bundle(next.anchors, root)?))
    }

    /// The virtual mesh's own roots.
    pub(super) fn roots(&self) -> impl Iterator<Item = &OwnRoot> {
        self.own.values()
    }

    /// Whether every workload has what it is to have in the end.
    pub fn is_complete(&self) -> bool {
        self.is_announced && is_complete(&self.world)
    }

    pub(super) fn name(&self, root: Root) -> String {
        if let Some(own) = self.own.get(&root) {
            return format!("root {}", own.number);
        }
        let fingerprint = self.catalog.fingerprint(root);
        format!("another root ({})", fingerprint.get(..8).unwrap_or(&fingerprint))
    }

    /// A mesh that was not told the goal yet.
    pub(super) fn unannounced(&self) -> Option<&Key> {
        self.assignments.iter().find(|(_, one)| !one.is_told_goal).map(|(mesh, _)| mesh)
    }

    /// The meshes that are to be told something else, or to get a certificate of another root.
    pub fn changed(&self) -> impl Iterator<Item = &Key> {
        let is_due = |one: &Assignment| match (&one.has, one.next) {
            (Some(has), next) => !one.is_told_goal || next != Some(has.told()),
            (None, next) => !one.is_told_goal || next.is_some(),
        };
        self.assignments.iter().filter(move |(_, one)| is_due(one)).map(|(mesh, _)| mesh)
    }

    /// The next moment at which some workload has nothing of the past any more; `None` where none is known.
    pub fn settles(&self) -> Option<Timestamp> {
        let members = self.world.members.iter();
        let all = members.flat_map(|member| {
            let chain = (!member.chain.is_settled(self.world.now)).then(|| member.chain.settles());
            let anchors =
                (!member.anchors.is_settled(self.world.now)).then(|| member.anchors.settles());
            [chain, anchors]
        });
        all.flatten().flatten().filter(|settles| *settles > self.world.now).min()
    }

    /// Since when a mesh has had loaded what it is told; `None` where that was not seen.
    pub fn loaded_since(&self, mesh: &Key) -> Option<Timestamp> {
        self.assignments.get(mesh)?.loaded_since
    }

    /// A mesh whose next certificate is of another root than the one that it has.
    pub(super) fn reissues(&self) -> Option<&Key> {
        let is_due = |one: &Assignment| {
            let (Some(has), Some(next)) = (&one.has, one.next) else { return false };
            has.told().chain.issuer != next.chain.issuer
        };
        self.assignments.iter().find(|(_, one)| is_due(one)).map(|(mesh, _)| mesh)
    }

    pub(super) fn assignments(&self) -> impl Iterator<Item = (&Key, &Assignment)> {
        self.assignments.iter()
    }

    /// What a member is told by now, for people.
    pub fn position(&self, mesh: &Key) -> Option<(String, String)> {
        let told = self.assignments.get(mesh)?.has.as_ref()?.told();
        let name = |root| self.name(root);
        Some((told::sends(told.chain, name), told::trusts(told.anchors, name)))
    }

    /// The highest number of a root that members may be told of.
    pub fn latest(&self) -> u32 {
        self.latest
    }

    /// The members, those that were excluded too, whose workloads may believe what was signed under the root of this number:
    /// they trust it, or a root that signed a cross-certificate of it.
    pub fn believing(&self, number: u32) -> Vec<Key> {
        let Some((root, _)) = self.own.iter().find(|(_, own)| own.number == number) else {
            return Vec::new();
        };
        let mut anchors = RootSet::from(*root);
        // One cross-certificate for each step up at most.
        for _ in &self.world.crosses {
            let crosses = self.world.crosses.iter().filter(|(of, _)| anchors.contains(*of));
            anchors = crosses.fold(anchors, |all, (_, by)| all.union(RootSet::from(*by)));
        }
        let all = self.world.members.iter().chain(self.left.values());
        let believing =
            all.filter(|member| anchors.iter().any(|root| member.may_trust(root, self.world.now)));
        believing.map(|member| member.mesh.clone()).collect()
    }

    /// Whether some member, one that was excluded too, may still trust the root of this number, or send what leads to it.
    pub fn is_in_use(&self, number: u32) -> bool {
        let Some((root, _)) = self.own.iter().find(|(_, own)| own.number == number) else {
            return false;
        };
        let all = self.world.members.iter().chain(self.left.values());
        !super::is_out_of_use(all, *root, self.world.now)
    }
}

/// MeshTrust as a rotation wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    anchors: String,
    chain: String,
    telling: Telling,
    /// Number of the root that the certificate in use is to be signed under; `None` where the mesh is told nothing.
    pub issuer: Option<u32>,
}

impl Told {
    /// Puts it into a MeshTrust of this virtual mesh.
    pub fn put_into(mut self, spec: &mut MeshTrustSpec, virtual_mesh: &Key) {
        self.telling.virtual_mesh = virtual_mesh.to_string();
        spec.trust_anchors = self.anchors;
        spec.chain_certificates = Some(self.chain);
        spec.rotation = Some(self.telling);
    }

    /// Whether a MeshTrust tells the same, whatever it says of what was told before.
    pub fn is_in(&self, spec: &MeshTrustSpec) -> bool {
        let same =
            |told: &Telling| told.goal == self.telling.goal && told.sends == self.telling.sends;
        spec.trust_anchors == self.anchors
            && spec.chain_certificates.as_deref() == Some(self.chain.as_str())
            && spec.rotation.as_ref().is_some_and(same)
    }
}
