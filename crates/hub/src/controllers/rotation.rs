//! Rotations of a virtual mesh's root: the new root is made and cross-signed, the members are planned, and it is said how
//! far they are. What members are told is written by their own controller.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use meshroot_api::record::{Decision, Verdict};
use meshroot_api::rotation::{RootRotationSpec, Step, Strategy};
use meshroot_api::shared::ResourceRef;
use meshroot_api::{Reason, RootRotation, TrustPolicy, VirtualMesh, names};
use meshroot_core::membership::{self, Key};
use meshroot_core::rotation::{Rotation, Summary};
use meshroot_core::{Notice, Refusal};
use meshroot_runtime::kube::write::{create_if_absent, replace_status};
use meshroot_runtime::process::clock;

use crate::authority::{Cross, Owner, Roots};
use crate::error::HubError;
use crate::hub::Hub;
use crate::ledger::{Entry, facts, wire_time};
use crate::modes::Mode;
use crate::rotation::wants_cross;

/// What a look at a virtual mesh's rotations came to.
pub(super) struct Looked {
    pub(super) roots: Arc<Roots>,
    pub(super) mode: Mode,
    /// When to look again, where that is known: something has settled then.
    pub(super) again: Option<Timestamp>,
}

/// Brings the rotations of a virtual mesh as far as they can go, one step at a time.
pub(super) async fn advance(
    hub: &Hub,
    virtual_mesh: &VirtualMesh,
    policy: &TrustPolicy,
) -> Result<Looked, HubError> {
    let key = Key::of(virtual_mesh);
    let roots = hub.roots(virtual_mesh, policy).await?;
    let mode = hub.look_at_rotation(virtual_mesh, policy).await?;
    if let Mode::Planned(rotation) = &mode {
        audit_taint(hub, &key, rotation);
        // Each looks at what it is told; what is as it should be costs no write.
        rotation.changed().for_each(|mesh| hub.member_queue.add(mesh.clone()));
    }
    let told = Told { hub, virtual_mesh, policy, roots: &roots, mode: &mode };
    let rotations = hub.rotations_of(&key);
    if rotations.is_empty() {
        hub.metrics.rotation(&key.to_string(), None);
    }
    for (number, rotation) in &rotations {
        told.follow(*number, rotation, &rotations).await?;
    }
    // One that is being prepared comes first; one of a number that is not the next never will.
    let is_begun = |number: u32| number > roots.highest() + 1 || told.is_at(number);
    if rotations.iter().all(|(number, _)| is_begun(*number)) {
        told.begin_in_time(&rotations).await?;
    }
    let again = match &mode {
        Mode::Planned(rotation) => rotation.settles(),
        Mode::Steady => None,
    };
    Ok(Looked { roots, mode, again })
}

/// Once in a term of leadership.
fn audit_taint(hub: &Hub, virtual_mesh: &Key, rotation: &Rotation) {
    let tainted = rotation.tainted();
    let is_new =
        hub.generations.is_new("Taint", virtual_mesh, tainted.map(|root| root.to_string()));
    if let Some(root) = tainted.filter(|_| is_new) {
        let exposure = rotation.exposure().unwrap_or_default();
        tracing::warn!(target: "audit", %virtual_mesh, root, by = rotation.latest(), exposure, "root tainted");
    }
}

struct Told<'a> {
    hub: &'a Hub,
    virtual_mesh: &'a VirtualMesh,
    policy: &'a TrustPolicy,
    roots: &'a Roots,
    mode: &'a Mode,
}

impl Told<'_> {
    /// One rotation: prepared where its turn has come, and its status as things are.
    async fn follow(
        &self,
        number: u32,
        rotation: &RootRotation,
        rotations: &[(u32, Arc<RootRotation>)],
    ) -> Result<(), HubError> {
        let latest = self.roots.highest();
        // What became of those before is said already.
        if number < latest {
            return Ok(());
        }
        let summary = match self.mode {
            Mode::Planned(planned) if planned.latest() >= number => {
                // Its cross-certificate may have been taken away.
                if let Some(further) = self.roots.further(number)
                    && matches!(further.cross, Cross::Missing)
                    && self
                        .hub
                        .records
                        .object(Some(&Key::of(rotation).namespace), &Key::of(rotation).name)
                        .is_some()
                {
                    match self.make_cross(number, rotation).await {
                        Ok(()) => planned.summary(&self.unseen()),
                        Err(HubError::Refused(refusal)) => {
                            Summary::of(planned.summary(&self.unseen()).step, refusal.into())
                        }
                        Err(error) => return Err(error),
                    }
                } else {
                    planned.summary(&self.unseen())
                }
            }
            _ => match self.prepare(number, latest, rotation, rotations).await {
                Ok(said) => Summary::of(Step::Preparing, said),
                Err(HubError::Refused(refusal)) => Summary::of(Step::Preparing, refusal.into()),
                Err(error) => return Err(error),
            },
        };
        self.hub.metrics.rotation(&Key::of(self.virtual_mesh).to_string(), Some(&summary));
        self.say(number, rotation, &summary).await
    }

    /// Whether the planner knows of the root of this number.
    fn is_at(&self, number: u32) -> bool {
        matches!(self.mode, Mode::Planned(rotation) if rotation.latest() >= number)
    }

    /// The same, or nobody asks for that root any more.
    fn is_at_or_gone(&self, number: u32, rotations: &[(u32, Arc<RootRotation>)]) -> bool {
        number == 1 || self.is_at(number) || rotations.iter().all(|(asked, _)| *asked != number)
    }

    /// Makes the root of this number, then its cross-certificate: one a turn.
    async fn prepare(
        &self,
        number: u32,
        latest: u32,
        rotation: &RootRotation,
        rotations: &[(u32, Arc<RootRotation>)],
    ) -> Result<Notice, HubError> {
        if rotation.metadata.deletion_timestamp.is_some() {
            return Ok(Notice::new(Reason::RootReplaced, "it is being deleted"));
        }
        if rotation.spec.rollback {
            return Err(Refusal::new(
                Reason::RotationStuck,
                "spec.rollback is set before it has begun; delete it",
            )
            .into());
        }
        if let Some(further) = self.roots.further(number) {
            return self.cross(further.number, rotation).await;
        }
        if let Some(refusal) = self.roots.why_not(number) {
            return Err(refusal.clone().into());
        }
        if number != latest + 1 {
            let next = names::rotation(&Key::of(self.virtual_mesh).name, latest + 1);
            let message = format!(
                "metadata.name: the next root of this virtual mesh is number {}; create RootRotation {next}",
                latest + 1
            );
            return Err(Refusal::new(Reason::SpecInvalid, message).into());
        }
        let waits = |before: u32| {
            let message =
                format!("the replacement before this one, by root {before}, is not complete");
            Ok(Notice::new(Reason::RootReplaced, message))
        };
        let replaces = match self.mode {
            // One that is being prepared is not known to the planner yet.
            Mode::Steady if rotations.iter().any(|(before, _)| *before < number) => {
                return waits(number - 1);
            }
            Mode::Steady => self.roots.all().next().map_or(1, |(number, _)| number),
            Mode::Planned(planned)
                if planned.is_complete() && self.is_at_or_gone(latest, rotations) =>
            {
                planned.goal().number
            }
            Mode::Planned(_) => return waits(latest),
        };
        let Some(replaced) = self.roots.get(replaces) else {
            let message = format!("root {replaces}, which signs, cannot be read");
            return Err(Refusal::new(Reason::RootUnavailable, message).into());
        };
        self.hub.fence()?;
        let past = || self.hub.past(self.virtual_mesh, self.policy);
        let (virtual_mesh, policy) = (self.virtual_mesh, self.policy);
        let owner = Owner {
            virtual_mesh,
            policy,
            past: &past,
            numbers: self.hub.numbers(virtual_mesh, policy),
        };
        let asked = &rotation.spec.new_root;
        let replaced = (replaces, Arc::clone(replaced));
        let authority = &self.hub.authority;
        match &asked.provided {
            None => authority.make_further(&owner, number, replaced, asked.key).await?,
            Some(provided) => {
                let place = Key::resolve(&provided.certificate, &Key::of(virtual_mesh).namespace);
                authority.take_further(&owner, number, self.roots, replaced, &place).await?;
            }
        }
        self.hub.virtual_mesh_queue.add(Key::of(virtual_mesh));
        Ok(Notice::new(
            Reason::RootMade,
            format!("root {number} is made; the cross-certificate comes next"),
        ))
    }

    async fn cross(&self, number: u32, rotation: &RootRotation) -> Result<Notice, HubError> {
        let Some(further) = self.roots.further(number) else {
            return Ok(Notice::new(Reason::RootReplaced, "the root is read"));
        };
        let again = || self.hub.virtual_mesh_queue.add(Key::of(self.virtual_mesh));
        match &further.cross {
            Cross::Made(_) => {}
            _ if !wants_cross(rotation) => {}
            Cross::Impossible(why) if rotation.spec.strategy == Strategy::CrossSigned => {
                return Err(stuck(why).into());
            }
            Cross::Impossible(_) => {}
            Cross::Missing => match self.make_cross(number, rotation).await {
                Ok(()) => {
                    again();
                    return Ok(Notice::new(
                        Reason::RootMade,
                        format!("root {number} is made and cross-signed"),
                    ));
                }
                Err(HubError::Refused(refusal)) if refusal.reason == Reason::ProfileImpossible => {
                    return Err(stuck(&refusal.message).into());
                }
                Err(error) => return Err(error),
            },
        }
        again();
        Ok(Notice::new(Reason::RootMade, format!("root {number} is made")))
    }

    async fn make_cross(&self, number: u32, rotation: &RootRotation) -> Result<(), HubError> {
        let (hub, virtual_mesh, policy) = (self.hub, self.virtual_mesh, self.policy);
        let Some(further) = self.roots.further(number) else { return Ok(()) };
        let Some(signs) = self.roots.get(further.replaces) else {
            let message = format!("the key of root {} is not at hand", further.replaces);
            return Err(Refusal::new(Reason::ProfileImpossible, message).into());
        };
        hub.fence()?;
        let request = Key::of(rotation);
        hub.ledgers.settle(&request.namespace).await?;
        let root = further.root.issuer.certificate();
        let recorded = hub.records.object(Some(&request.namespace), &request.name);
        let recorded = recorded.or_else(|| hub.ledgers.completed(&request));
        let known = recorded.as_ref().and_then(|record| facts(record.spec.prepared.as_ref()?));
        let virtual_mesh_key = Key::of(virtual_mesh);
        let decided = recorded.as_ref().map(|record| record.spec.decision.clone());
        let entry = Entry {
            ledgers: &hub.ledgers,
            // The same whenever it is asked for.
            uid: root.fingerprint().to_string(),
            virtual_mesh_ref: ResourceRef::new(&virtual_mesh_key.name, &virtual_mesh_key.namespace),
            csr: root.fingerprint(),
            public_key: root.public_key().fingerprint(),
            decision: decided.unwrap_or_else(|| Decision {
                verdict: Verdict::Approved,
                by: "rotation".to_owned(),
                message: format!("cross-certificate of root {number} by root {}", further.replaces),
                time: wire_time(clock::now()),
                people: Vec::new(),
                asked_sha256: String::new(),
            }),
            facts: String::new(),
            request,
        };
        let past = || hub.past(virtual_mesh, policy);
        let owner =
            Owner { virtual_mesh, policy, past: &past, numbers: hub.numbers(virtual_mesh, policy) };
        hub.authority.make_cross(&owner, further, &signs.issuer, &entry, known).await
    }

    /// Asks for a rotation where the policy says that it is time.
    async fn begin_in_time(&self, rotations: &[(u32, Arc<RootRotation>)]) -> Result<(), HubError> {
        let (hub, now) = (self.hub, clock::now());
        // Whoever went back has decided.
        if rotations.last().is_some_and(|(_, latest)| latest.spec.rollback) {
            return Ok(());
        }
        let Some(percent) = self.policy.spec.root.rotate_at_percent() else { return Ok(()) };
        let signs = match self.mode {
            Mode::Steady => self.roots.all().next().map(|(_, root)| root),
            Mode::Planned(rotation) if rotation.is_complete() => {
                self.roots.get(rotation.goal().number)
            }
            Mode::Planned(_) => None,
        };
        let number = match self.mode {
            Mode::Steady => 1,
            Mode::Planned(rotation) => rotation.goal().number,
        };
        let is_provided = match self.roots.further(number) {
            Some(further) => further.is_provided,
            None => self.virtual_mesh.spec.certificate_authority.provided.is_some(),
        };
        let Some(root) = signs.filter(|_| !is_provided) else { return Ok(()) };
        let certificate = root.issuer.certificate();
        if now < turn(certificate.not_before(), certificate.not_after(), percent) {
            return Ok(());
        }
        let key = Key::of(self.virtual_mesh);
        let number = self.roots.highest() + 1;
        hub.fence()?;
        let name = names::rotation(&key.name, number);
        let mut made = RootRotation::new(
            &name,
            RootRotationSpec {
                virtual_mesh_ref: ResourceRef::new(&key.name, &key.namespace),
                gate: self.policy.spec.root.rotate_gate,
                excluded: self.left_behind(),
                ..RootRotationSpec::default()
            },
        );
        made.metadata = ObjectMeta {
            name: Some(name),
            namespace: Some(key.namespace.clone()),
            labels: Some(names::labels()),
            ..ObjectMeta::default()
        };
        let api = Api::namespaced(hub.client.clone(), &key.namespace);
        let written = create_if_absent(&api, &made).await?;
        if written.is_created() {
            let message = format!(
                "{percent} % of the life of {} are over: the root is replaced (spec.root.rotate of TrustPolicy {})",
                certificate.subject(),
                Key::of(self.policy)
            );
            hub.report(
                &written.into_object(),
                &Notice::new(Reason::RootReplaced, message),
                "Rotate",
            )
            .await;
        }
        Ok(())
    }

    /// The members that the last rotation went on without: the next one does not wait for them either.
    fn left_behind(&self) -> Vec<ResourceRef> {
        let Mode::Planned(rotation) = self.mode else { return Vec::new() };
        let is_left = |mesh: &Key| rotation.goal().excluded.contains(&mesh.to_string());
        let left = membership::members(self.virtual_mesh).filter(is_left);
        left.map(|mesh| ResourceRef::new(&mesh.name, &mesh.namespace)).collect()
    }

    /// Why members have not been seen to have loaded what they were told.
    fn unseen(&self) -> BTreeMap<Key, String> {
        let why = |mesh: Key| {
            let trust = self.hub.trust(&mesh)?;
            let status = trust.status.clone().unwrap_or_default();
            let is_seen = meshroot_core::rotation::is_loaded(&trust);
            let loaded =
                status.conditions.iter().find(|one| one.type_ == meshroot_core::progress::LOADED);
            let said = match loaded {
                Some(condition) if status.observed_generation == trust.metadata.generation => {
                    format!("{}: {}", condition.reason, condition.message)
                }
                Some(condition)
                    if status.observed_generation.is_none() && condition.status == "True" =>
                {
                    format!(
                        "its agent {} does not say what it has come to: update it, or wait for it",
                        status.agent_version
                    )
                }
                _ => "its agent has not come to it yet".to_owned(),
            };
            (!is_seen).then_some((mesh, said))
        };
        membership::members(self.virtual_mesh).filter_map(why).collect()
    }

    async fn say(
        &self,
        number: u32,
        rotation: &RootRotation,
        summary: &Summary,
    ) -> Result<(), HubError> {
        let hub = self.hub;
        let fingerprint = |number: u32| {
            let root = self.roots.get(number);
            root.map(|root| root.issuer.root().fingerprint().to_string()).unwrap_or_default()
        };
        let old = self.roots.further(number).map(|further| fingerprint(further.replaces));
        let members = match self.mode {
            Mode::Planned(planned) => planned.members(&self.revisions(planned)),
            Mode::Steady => Vec::new(),
        };
        let fingerprints = (old.unwrap_or_default(), fingerprint(number));
        let status = summary.status(rotation, fingerprints, members, &wire_time(clock::now()));
        if rotation.status.as_ref() == Some(&status) {
            return Ok(());
        }
        let before = rotation.status.as_ref().map(|before| before.step);
        hub.fence()?;
        let mut next = rotation.clone();
        next.status = Some(status);
        let api: Api<RootRotation> =
            Api::namespaced(hub.client.clone(), &Key::of(rotation).namespace);
        replace_status(&api, &next).await?;
        if before != Some(summary.step) {
            let notice = Notice::new(
                summary.said.reason,
                format!("{}: {}", summary.step.word(), summary.said.message),
            );
            hub.report(rotation, &notice, "Rotate").await;
        }
        Ok(())
    }

    fn revisions(&self, planned: &Rotation) -> BTreeMap<Key, (i64, Option<Timestamp>)> {
        let of = |mesh: Key| {
            let revision = self.hub.trust(&mesh)?.spec.rotation.as_ref()?.revision;
            let since = planned.loaded_since(&mesh);
            Some((mesh, (revision, since)))
        };
        membership::members(self.virtual_mesh).filter_map(of).collect()
    }
}

fn stuck(why: &str) -> Refusal {
    let message =
        format!("there can be no cross-certificate: {why}; set spec.strategy: BundleFirst");
    Refusal::new(Reason::RotationStuck, message)
}

/// When so many percent of a life are over.
fn turn(not_before: Timestamp, not_after: Timestamp, percent: u8) -> Timestamp {
    let life = not_after.duration_since(not_before);
    let part = life.as_secs() / 100 * i64::from(percent);
    not_before.checked_add(SignedDuration::from_secs(part)).unwrap_or(Timestamp::MAX)
}

/// How long until then; at least a moment.
pub(super) fn until(moment: Timestamp) -> Duration {
    let left = Duration::try_from(moment.duration_since(clock::now())).unwrap_or_default();
    left + Duration::from_millis(50)
}
