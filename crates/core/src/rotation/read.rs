//! Where a virtual mesh stands whose root is replaced, read from its objects.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use meshroot_api::policy::Gate;
use meshroot_api::rotation::{Step, Strategy};
use meshroot_api::trust::Goal;
use meshroot_api::{Reason, RootRotation};

use super::catalog::{Catalog, OwnRoot};
use super::plan::is_complete;
use super::roots::{Chain, Position, Root, RootSet};
use super::snapshot::Snapshot;
use super::state::Rotation;
use super::told::{self, View};
use super::walk::is_gone;
use super::way::Way;
use super::world::{Member, World};
use crate::membership::Key;
use crate::refusal::Refusal;

/// Reads where a virtual mesh stands, and plans.
///
/// # Errors
/// A root that the members were told to go to is not there.
pub fn read(snapshot: &Snapshot<'_>) -> Result<Rotation, Refusal> {
    let known = Known::read(snapshot)?;
    let present = present(snapshot);
    let numbers = snapshot.roots.iter().map(|root| root.number);
    let latest = numbers.filter(|number| *number <= snapshot.ready).max().unwrap_or(1);
    let asked = snapshot.rotation.filter(|_| latest > 1);
    let fault = asked.and_then(|rotation| stranger(rotation, snapshot));
    // Without a list that can be followed, the last one that was counts.
    let excluded = match asked.filter(|_| fault.is_none()) {
        Some(rotation) => excluded(rotation, snapshot.virtual_mesh).collect(),
        None => present.iter().flat_map(|goal| goal.excluded.clone()).collect(),
    };
    let (number, way, no_way_back) = match asked {
        Some(rotation) if rotation.spec.rollback => {
            let is_at = present.as_ref().is_some_and(|goal| goal.number == latest);
            let is_over = is_at && known.is_done(rotation, snapshot, latest, &excluded);
            known.back_from(latest, is_over)
        }
        Some(rotation) if rotation.spec.strategy == Strategy::BundleFirst => {
            (latest, Way::BundleFirst, None)
        }
        Some(_) => (latest, Way::CrossSigned, None),
        None => (present.as_ref().map_or(latest, |goal| goal.number), Way::CrossSigned, None),
    };
    let (world, left) = known.world(snapshot, number, way, &excluded)?;
    let world = asked.map_or(world.clone(), |rotation| {
        let tainted = known.replaced(latest).filter(|_| rotation.spec.taint_old);
        let accepts_refusals = rotation.spec.accept_refusals && tainted.is_some();
        as_asked(rotation, &World { tainted, accepts_refusals, ..world.clone() })
    });
    let goal = known.goal(present, number, excluded, snapshot.now)?;
    let is_held = no_way_back.is_some() || fault.is_some();
    let is_paused = is_held || asked.is_some_and(|rotation| rotation.spec.paused);
    let Known { catalog, own, .. } = known;
    let (roots, numbers) = ((catalog, own), (latest, no_way_back));
    let mut read = Rotation::new(roots, (world, left), goal, numbers, is_paused, snapshot);
    read.fault = fault;
    Ok(read)
}

/// The meshes that a person excluded, as `<namespace>/<name>`.
fn excluded<'a>(
    rotation: &'a RootRotation,
    virtual_mesh: &'a Key,
) -> impl Iterator<Item = String> + 'a {
    let all = rotation.spec.excluded.iter();
    all.map(|mesh| Key::resolve(mesh, &virtual_mesh.namespace).to_string())
}

/// Who is misspelt would be told everything: nobody is told anything until then.
fn stranger(rotation: &RootRotation, snapshot: &Snapshot<'_>) -> Option<Refusal> {
    let named: BTreeSet<String> = snapshot.named.iter().map(ToString::to_string).collect();
    let virtual_mesh = snapshot.virtual_mesh;
    let stranger = excluded(rotation, virtual_mesh).find(|mesh| !named.contains(mesh))?;
    let message = format!(
        "RootRotation {}: spec.excluded: {stranger} is no member of virtual mesh {virtual_mesh}; correct it or take it out: \
         nobody is told anything until then",
        Key::of(rotation)
    );
    Some(Refusal::new(Reason::SpecInvalid, message))
}

/// With the steps that wait for somebody; and, where a key is believed stolen and no way was asked for, on the one that soonest
/// has nobody trust its root any more.
fn as_asked(rotation: &RootRotation, world: &World) -> World {
    let by = |way: Way| {
        let world = World { way, ..world.clone() };
        World { gated: gated(rotation, &world), ..world }
    };
    let is_free = rotation.spec.strategy == Strategy::Automatic && world.way == Way::CrossSigned;
    if world.tainted.is_none() || !is_free {
        return by(world.way);
    }
    let (crossed, bundled) = (by(Way::CrossSigned), by(Way::BundleFirst));
    if is_gone(&bundled) < is_gone(&crossed) { bundled } else { crossed }
}

/// The steps that nobody has confirmed: what is confirmed is confirmed with all before it. Going back is never held.
fn gated(rotation: &RootRotation, world: &World) -> Vec<Step> {
    if rotation.spec.gate == Gate::Automatic || world.way == Way::Back {
        return Vec::new();
    }
    let mut steps = world.steps();
    let confirmed = rotation.spec.confirmed_step;
    if let Some(last) = steps.iter().position(|step| Some(*step) == confirmed) {
        steps.drain(..=last);
    }
    steps
}

/// The roots, as they are read before the members.
struct Known {
    catalog: Catalog,
    own: BTreeMap<Root, OwnRoot>,
    bridged: Vec<Chain>,
}

impl Known {
    fn read(snapshot: &Snapshot<'_>) -> Result<Self, Refusal> {
        let mut catalog = Catalog::default();
        let mut own = BTreeMap::new();
        for root in snapshot.roots {
            let known = catalog.add_named(&root.fingerprint, root.certificate.as_ref())?;
            own.insert(known, root.clone());
        }
        for beside in snapshot.roots.iter().flat_map(|root| &root.beside) {
            catalog.add(beside)?;
        }
        for replaced in snapshot.roots.iter().filter_map(|root| root.replaced_root.as_ref()) {
            catalog.add_named(replaced, None)?;
        }
        for trust in snapshot.members.iter().filter_map(|view| view.trust) {
            catalog.read(&trust.spec.trust_anchors)?;
        }
        let mut known = Self { catalog, own, bridged: Vec::new() };
        known.bridged =
            known.crosses().into_iter().map(|(of, by)| Chain::new(of).through(by)).collect();
        Ok(known)
    }

    /// Whose cross-certificates there are, and by whom.
    fn crosses(&self) -> Vec<(Root, Root)> {
        let of = |(root, own): (&Root, &OwnRoot)| {
            let gone = own.replaced_root.as_ref().and_then(|root| self.catalog.find(root));
            let by = own.replaces.and_then(|number| self.numbered(number)).or(gone)?;
            own.cross.is_some().then_some((*root, by))
        };
        self.own.iter().filter_map(of).collect()
    }

    fn numbered(&self, number: u32) -> Option<Root> {
        self.own.iter().find(|(_, own)| own.number == number).map(|(root, _)| *root)
    }

    /// Whether all members are at the root of this number, as its rotation says or as they are.
    fn is_done(
        &self,
        rotation: &RootRotation,
        snapshot: &Snapshot<'_>,
        number: u32,
        excluded: &BTreeSet<String>,
    ) -> bool {
        let step = rotation.status.as_ref().map(|status| status.step);
        let world = || self.world(snapshot, number, Way::CrossSigned, excluded);
        step == Some(Step::Complete) || world().is_ok_and(|(world, _)| is_complete(&world))
    }

    /// Where the way back from a root leads, unless that is over; last the root that it would lead to and that is gone.
    fn back_from(&self, latest: u32, is_over: bool) -> (u32, Way, Option<u32>) {
        match self.replaced_by(latest).filter(|_| !is_over) {
            Some(before) if self.numbered(before).is_some() => (before, Way::Back, None),
            gone => (latest, Way::CrossSigned, gone),
        }
    }

    fn replaced_by(&self, number: u32) -> Option<u32> {
        self.own.get(&self.numbered(number)?)?.replaces
    }

    /// The root that the one of this number replaces, which may be gone.
    fn replaced(&self, number: u32) -> Option<Root> {
        let own = self.own.get(&self.numbered(number)?)?;
        let gone = own.replaced_root.as_ref().and_then(|root| self.catalog.find(root));
        own.replaces.and_then(|before| self.numbered(before)).or(gone)
    }

    fn goal(
        &self,
        present: Option<Goal>,
        number: u32,
        excluded: BTreeSet<String>,
        now: Timestamp,
    ) -> Result<Goal, Refusal> {
        let root = self.numbered(number).ok_or_else(|| missing(number))?;
        let root = self.catalog.fingerprint(root);
        let excluded: Vec<String> = excluded.into_iter().collect();
        let is_it =
            |goal: &Goal| goal.number == number && goal.root == root && goal.excluded == excluded;
        let sequence = match present {
            Some(present) if is_it(&present) => return Ok(present),
            Some(present) => present.sequence + 1,
            // Higher than any that was lost with the MeshTrusts: agents take no lower one.
            None => u32::try_from(now.as_second() / 60).unwrap_or(1).max(1),
        };
        Ok(Goal { sequence, number, root, excluded })
    }

    /// Where the MeshTrust of a mesh is lost, and the others do not say: the roots of the last rotation, unless that is known
    /// to be over. One whose key is believed stolen is not trusted again for it.
    fn may_be_in_use(&self, snapshot: &Snapshot<'_>) -> RootSet {
        let is_lost = |view: &View<'_>| view.trust.is_none() && view.issued_under.is_some();
        let rotation = snapshot.rotation;
        let is_over = rotation.and_then(|rotation| rotation.status.as_ref());
        if is_over.is_some_and(|status| status.step == Step::Complete)
            || !snapshot.members.iter().any(is_lost)
        {
            return RootSet::default();
        }
        let numbers = self.own.values().map(|own| own.number);
        let Some(latest) = numbers.filter(|number| *number <= snapshot.ready).max() else {
            return RootSet::default();
        };
        let is_tainted = rotation.is_some_and(|rotation| rotation.spec.taint_old);
        let replaced = self.replaced(latest).filter(|_| !is_tainted);
        self.numbered(latest).into_iter().chain(replaced).collect()
    }

    /// With those that a person excluded apart from the others.
    fn world(
        &self,
        snapshot: &Snapshot<'_>,
        number: u32,
        way: Way,
        excluded: &BTreeSet<String>,
    ) -> Result<(World, BTreeMap<Key, Member>), Refusal> {
        let root = self.numbered(number).ok_or_else(|| missing(number))?;
        // What operators had trusted beside the first root is trusted on.
        let beside = self.own.values().flat_map(|own| &own.beside);
        let beside = beside.filter_map(|one| self.catalog.find(&one.fingerprint().to_string()));
        let anchors: RootSet = std::iter::once(root).chain(beside).collect();
        let mut catalog = self.catalog.clone();
        let mut in_use = RootSet::from(root);
        for trust in snapshot.members.iter().filter_map(|view| view.trust) {
            in_use = in_use.union(catalog.read(&trust.spec.trust_anchors)?);
        }
        in_use = in_use.union(self.may_be_in_use(snapshot));
        let own: RootSet = self.own.keys().copied().filter(|own| in_use.contains(*own)).collect();
        let (mut members, mut left) = (Vec::new(), BTreeMap::new());
        for view in snapshot.members {
            let member = told::member(view, &mut catalog, own, &self.bridged)?;
            match member {
                Some(member) if excluded.contains(&view.mesh.to_string()) => {
                    left.insert(view.mesh.clone(), member);
                }
                other => members.extend(other),
            }
        }
        let world = World {
            members,
            roots: own,
            crosses: self.crosses(),
            goal: Position { chain: Chain::new(root), anchors },
            way,
            gated: Vec::new(),
            tainted: None,
            accepts_refusals: false,
            now: snapshot.now,
        };
        Ok((world, left))
    }
}

/// The goal that members were told last.
fn present(snapshot: &Snapshot<'_>) -> Option<Goal> {
    let trusts = snapshot.members.iter().filter_map(|view| view.trust);
    trusts.filter_map(told::goal).max().cloned()
}

fn missing(number: u32) -> Refusal {
    let message = format!(
        "members were told to go to root {number}, whose Secret is not there or cannot be used: restore it from a backup; a \
         new root is never made in its place"
    );
    Refusal::new(Reason::RootSecretMissing, message)
}
