//! Virtual meshes whose root is or was replaced: what their members are told, by the planner.

use std::sync::Arc;

use jiff::Timestamp;
use meshroot_api::names::{self, RequestName};
use meshroot_api::policy::RootPhase;
use meshroot_api::record::PreparedCertificate;
use meshroot_api::rotation::Strategy;
use meshroot_api::{MeshTrust, RootRotation, TrustPolicy, VirtualMesh};
use meshroot_core::identity;
use meshroot_core::membership::{self, Key};
use meshroot_core::rotation::{self, Snapshot, View};
use meshroot_pki::parse_bundle;
use meshroot_runtime::process::clock;

use crate::authority::{Cross, Numbers, Roots};
use crate::error::HubError;
use crate::hub::Hub;
use crate::modes::Mode;

impl Hub {
    /// The RootRotations of a virtual mesh that are called as they must be, by the number of their root.
    pub(crate) fn rotations_of(&self, virtual_mesh: &Key) -> Vec<(u32, Arc<RootRotation>)> {
        let of = |rotation: Arc<RootRotation>| {
            let key = Key::of(rotation.as_ref());
            let named = Key::resolve(&rotation.spec.virtual_mesh_ref, &key.namespace);
            let is_ours = named == *virtual_mesh && key.namespace == virtual_mesh.namespace;
            let number = names::rotation_number(&key.name, &virtual_mesh.name)?;
            is_ours.then_some((number, rotation))
        };
        let mut all: Vec<_> =
            self.root_rotations.store().state().into_iter().filter_map(of).collect();
        all.sort_by_key(|(number, _)| *number);
        all
    }

    /// Which further roots a virtual mesh may have.
    pub(crate) fn numbers(&self, virtual_mesh: &VirtualMesh, policy: &TrustPolicy) -> Numbers {
        let key = Key::of(virtual_mesh);
        let trusts = membership::members(virtual_mesh).filter_map(|mesh| self.trust(&mesh));
        let told = trusts.filter(|trust| self.is_told_of(trust, &key));
        let told = told.filter_map(|trust| Some(trust.spec.rotation.as_ref()?.goal.number));
        // Where no member is left to be asked.
        let noted = policy.status.iter().flat_map(|status| &status.roots);
        let noted = noted.filter(|root| root.phase == RootPhase::Signing);
        let told = told.chain(noted.filter_map(|root| root.number)).max();
        let rotations = self.rotations_of(&key);
        let asked = rotations.iter().filter(|(_, one)| one.metadata.deletion_timestamp.is_none());
        Numbers {
            told: told.unwrap_or(1),
            asked: asked.map(|(number, _)| *number).max().unwrap_or(1),
        }
    }

    /// How the members of a virtual mesh are told what to use, as last looked at.
    pub(crate) async fn mode(
        &self,
        virtual_mesh: &VirtualMesh,
        policy: &TrustPolicy,
    ) -> Result<Mode, HubError> {
        let key = Key::of(virtual_mesh);
        if let Some(mode) = self.rotations.mode(&key) {
            return Ok(mode);
        }
        let Some(_planning) = self.rotations.begin(&key) else {
            return Err(HubError::RootIsBusy);
        };
        self.look_at_rotation(virtual_mesh, policy).await
    }

    /// Looks at where a virtual mesh stands, and plans.
    pub(crate) async fn look_at_rotation(
        &self,
        virtual_mesh: &VirtualMesh,
        policy: &TrustPolicy,
    ) -> Result<Mode, HubError> {
        let key = Key::of(virtual_mesh);
        let planned = self.plan(&key, virtual_mesh, policy).await;
        tracing::debug!(virtual_mesh = %key, "planned");
        match &planned {
            // Until then the members go by what was planned before: each part of a plan holds by itself.
            Ok(mode) => self.rotations.set_mode(key, mode.clone()),
            // What was planned before does not hold where nothing can be planned now.
            Err(_) => self.rotations.forget_one(&key),
        }
        planned
    }

    async fn plan(
        &self,
        key: &Key,
        virtual_mesh: &VirtualMesh,
        policy: &TrustPolicy,
    ) -> Result<Mode, HubError> {
        let roots = self.roots(virtual_mesh, policy).await?;
        let rotations = self.rotations_of(key);
        let told = self.numbers(virtual_mesh, policy).told;
        let own = roots.own();
        let ready = ready(&roots, &rotations, told);
        let numbers = own.iter().map(|root| root.number);
        let latest = numbers.filter(|number| *number <= ready).max().unwrap_or(1);
        let of_latest = rotations.iter().find(|(number, _)| *number == latest);
        let of_latest = of_latest.map(|(_, rotation)| rotation.as_ref());
        let now = clock::now();
        let trusts = self.told_members(virtual_mesh);
        let told = trusts.iter().filter_map(|(_, trust)| trust.as_deref());
        Ok(if rotation::is_planned(ready, told.filter(|trust| self.is_told_of(trust, key))) {
            let views: Vec<View<'_>> = trusts
                .iter()
                .map(|(mesh, trust)| self.view(key, mesh, trust.as_deref(), &roots, of_latest, now))
                .collect();
            let named: Vec<Key> = membership::members(virtual_mesh).collect();
            let snapshot = Snapshot {
                virtual_mesh: key,
                named: &named,
                roots: &own,
                ready,
                rotation: of_latest,
                members: &views,
                now,
            };
            Mode::Planned(Arc::new(rotation::read(&snapshot)?))
        } else {
            Mode::Steady
        })
    }

    /// The members that something is told, or can be: what is wrong with one that has nothing is its own fault.
    fn told_members(&self, virtual_mesh: &VirtualMesh) -> Vec<(Key, Option<Arc<MeshTrust>>)> {
        let (key, membership) = (Key::of(virtual_mesh), self.membership());
        let of = |mesh: Key| {
            let object = self.mesh(&mesh)?;
            let trust = self.trust(&mesh);
            let is_valid = membership::check_member(&mesh, &key, &membership, true).is_ok()
                && identity::cert_config(&object).is_ok();
            let is_ours = membership.virtual_mesh(&mesh) == Some(&key);
            (is_ours && (is_valid || trust.is_some())).then_some((mesh, trust))
        };
        membership::members(virtual_mesh).filter_map(of).collect()
    }

    fn view<'a>(
        &self,
        virtual_mesh: &Key,
        mesh: &Key,
        trust: Option<&'a MeshTrust>,
        roots: &Roots,
        rotation: Option<&RootRotation>,
        now: Timestamp,
    ) -> View<'a> {
        let told = trust.filter(|trust| self.is_told_of(trust, virtual_mesh));
        let root = |prepared: &PreparedCertificate| root_of(roots, prepared);
        let prepared = |request: &str| {
            let record = self.records.object(Some(&mesh.namespace), request)?;
            root(record.spec.prepared.as_ref()?)
        };
        // The first anchor of a MeshTrust is the one that signed, where the ledger names one that is gone.
        let first = |trust: &MeshTrust| {
            let is_recorded =
                self.records.object(Some(&mesh.namespace), &trust.spec.request).is_some();
            let anchors = parse_bundle(trust.spec.trust_anchors.as_bytes()).ok()?;
            Some(anchors.first()?.fingerprint().to_string()).filter(|_| is_recorded)
        };
        let told_under =
            told.and_then(|trust| prepared(&trust.spec.request).or_else(|| first(trust)));
        let is_known =
            told.is_some_and(|trust| trust.spec.rotation.is_some()) || told_under.is_some();
        // What one has that is told of another virtual mesh is not of this one.
        let is_elsewhere = trust.is_some() && told.is_none();
        let newest = (!is_known && !is_elsewhere).then(|| self.newest_recorded(virtual_mesh, mesh));
        View {
            mesh: mesh.clone(),
            issued_under: newest.flatten().and_then(|newest| root(&newest)),
            told_under,
            loaded_since: told.and_then(|trust| {
                let noted = rotation.and_then(|rotation| noted(rotation, mesh, trust));
                self.rotations.loaded_since(mesh, trust, noted, now)
            }),
            trust: told,
        }
    }

    /// The newest certificate that was recorded for a mesh in a virtual mesh.
    fn newest_recorded(&self, virtual_mesh: &Key, mesh: &Key) -> Option<PreparedCertificate> {
        let records = self.records.store().state();
        let of_mesh = records.iter().filter_map(|record| {
            let namespace = record.metadata.namespace.as_deref().unwrap_or_default();
            let name = RequestName::parse(&record.spec.request.name)?;
            let of = Key::resolve(&record.spec.virtual_mesh_ref, namespace);
            let is_it =
                namespace == mesh.namespace && name.mesh == mesh.name && of == *virtual_mesh;
            Some((name.generation, record.spec.prepared.clone()?)).filter(|_| is_it)
        });
        of_mesh.max_by_key(|(generation, _)| *generation).map(|(_, prepared)| prepared)
    }

    /// Number of the root under which the certificate of a request was recorded; the first where that cannot be told.
    pub(crate) fn recorded_under(
        &self,
        roots: &Roots,
        namespace: &str,
        request: &str,
    ) -> Option<u32> {
        let record = self.records.object(Some(namespace), request)?;
        let issuer = record.spec.prepared.as_ref()?.issuer_sha256.parse().ok()?;
        roots.above(Some(issuer)).map(|(number, _)| number)
    }
}

/// Fingerprint of the root that a recorded certificate leads to.
fn root_of(roots: &Roots, prepared: &PreparedCertificate) -> Option<String> {
    let (_, root) = roots.above(prepared.issuer_sha256.parse().ok())?;
    Some(root.issuer.root().fingerprint().to_string())
}

/// Since when a mesh has what it is told, as an earlier hub noted.
fn noted(rotation: &RootRotation, mesh: &Key, trust: &MeshTrust) -> Option<Timestamp> {
    let members = &rotation.status.as_ref()?.members;
    let found = members.iter().find(|member| {
        member.mesh.name == mesh.name
            && member.mesh.namespace == mesh.namespace
            && member.revision == trust.spec.rotation.as_ref().map(|telling| telling.revision)
    })?;
    found.loaded_since.as_ref().map(|since| since.0)
}

/// Up to which number the roots can be used: one that waits for its cross-certificate is none yet, unless members were
/// told of it.
fn ready(roots: &Roots, rotations: &[(u32, Arc<RootRotation>)], told: u32) -> u32 {
    let is_ready = |number: &u32| {
        let rotation = rotations.iter().find(|(own, _)| own == number);
        let further = roots.further(*number);
        let waits = |one: &RootRotation| match further.map(|own| &own.cross) {
            Some(Cross::Missing) => wants_cross(one),
            Some(Cross::Impossible(_)) => one.spec.strategy == Strategy::CrossSigned,
            Some(Cross::Made(_)) | None => false,
        };
        further.is_some() && rotation.is_some_and(|(_, rotation)| !waits(rotation))
    };
    let numbers = roots.all().map(|(number, _)| number);
    numbers.filter(is_ready).max().unwrap_or(1).max(told)
}

/// Whether a rotation goes by a cross-certificate where it can.
pub(crate) fn wants_cross(rotation: &RootRotation) -> bool {
    rotation.spec.strategy != Strategy::BundleFirst
}
