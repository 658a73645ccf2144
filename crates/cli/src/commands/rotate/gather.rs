//! What a virtual mesh's roots and members are at, read as the hub reads it.

use std::sync::Arc;

use kube::api::ListParams;
use meshroot_api::policy::{RootPhase, RootStatus};
use meshroot_api::rotation::{RootRotationSpec, Strategy};
use meshroot_api::trust::MeshTrustSpec;
use meshroot_api::{
    MeshTrust, RootRotation, TrustPolicy, VirtualMesh,
    VirtualMeshCertificateSigningRequest as Request, names,
};
use meshroot_core::Refusal;
use meshroot_core::findings::STALLED;
use meshroot_core::membership::{self, Key, members};
use meshroot_core::rotation::{self, OwnRoot, Rotation, Snapshot, View};
use meshroot_core::trust::signing_root;
use meshroot_pki::{Certificate, parse_bundle};
use meshroot_runtime::process::clock;

use crate::failure::Failure;
use crate::session::{Scope, Session};

/// A virtual mesh with its policy, its rotations and what its members are told.
pub(crate) struct Gathered {
    pub(crate) key: Key,
    policy: TrustPolicy,
    /// By number.
    rotations: Vec<(u32, RootRotation)>,
    members: Vec<(Key, Option<MeshTrust>)>,
    requests: Vec<Request>,
}

impl Gathered {
    pub(crate) async fn read(
        session: &Session,
        virtual_mesh: VirtualMesh,
    ) -> Result<Self, Failure> {
        let key = Key::of(&virtual_mesh);
        let (all, own) = (ListParams::default(), Scope::Namespace(key.namespace.clone()));
        let policies: Vec<TrustPolicy> = session.list("list trust policies", &own, &all).await?;
        let policies: Vec<Arc<TrustPolicy>> = policies.into_iter().map(Arc::new).collect();
        let policy: Option<Arc<TrustPolicy>> =
            membership::policy(policies, &key).map_err(|refusal| refused(&refusal))?;
        let policy = policy.ok_or_else(|| {
            Failure::no(format!("virtual mesh {key} has no TrustPolicy yet"))
                .fix("see whether the hub runs: meshroot check")
        })?;
        let found: Vec<RootRotation> = session.list("list root rotations", &own, &all).await?;
        let numbered = |rotation: RootRotation| {
            let name = rotation.metadata.name.as_deref().unwrap_or_default();
            Some((names::rotation_number(name, &key.name)?, rotation))
        };
        let mut rotations: Vec<(u32, RootRotation)> =
            found.into_iter().filter_map(numbered).collect();
        rotations.sort_by_key(|(number, _)| *number);
        let trusts: Vec<MeshTrust> = session.list("list meshtrusts", &Scope::All, &all).await?;
        let of = |mesh: Key| {
            let trust = trusts.iter().find(|trust| Key::of(*trust) == mesh).cloned();
            (mesh, trust)
        };
        let members = members(&virtual_mesh).map(of).collect();
        let requests = session.list("list requests", &Scope::All, &all).await?;
        Ok(Self { key, policy: policy.as_ref().clone(), rotations, members, requests })
    }

    /// The rotation that is not at its end.
    pub(crate) fn unfinished(&self) -> Option<(u32, &RootRotation)> {
        let (number, rotation) = self.rotations.last()?;
        let is_final = rotation.status.as_ref().is_some_and(|status| status.step.is_final());
        (!is_final).then_some((*number, rotation))
    }

    /// The newest rotation, whether at its end or not.
    pub(crate) fn newest(&self) -> Option<(u32, &RootRotation)> {
        self.rotations.last().map(|(number, rotation)| (*number, rotation))
    }

    /// The meshes that the virtual mesh names.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Key> {
        self.members.iter().map(|(mesh, _)| mesh)
    }

    /// The highest number of a root that there is, or was asked for.
    pub(crate) fn latest(&self) -> u32 {
        let asked = self.rotations.last().map_or(1, |(number, _)| *number);
        self.roots().last().map_or(1, |root| root.number).max(asked)
    }

    /// Whether there is a root of this number.
    pub(crate) fn has(&self, number: u32) -> bool {
        self.roots().iter().any(|root| root.number == number)
    }

    /// Where it stands.
    pub(crate) fn current(&self, rotation: Option<&RootRotation>) -> Result<Rotation, Failure> {
        self.planned(&self.roots(), rotation.or(self.rotations.last().map(|(_, one)| one)))
    }

    /// Where it would stand right after the root of this number was made, as somebody asks for it.
    pub(crate) fn after(&self, number: u32, spec: RootRotationSpec) -> Result<Rotation, Failure> {
        let mut roots = self.roots();
        let replaces = self.signing(&roots);
        let can_sign = roots
            .iter()
            .find(|root| Some(root.number) == replaces)
            .and_then(|root| root.certificate.as_ref())
            .is_none_or(|root| root.path_len().is_none_or(|limit| limit >= 2));
        let is_crossed = spec.strategy != Strategy::BundleFirst && can_sign;
        if spec.strategy == Strategy::CrossSigned && !can_sign {
            return Err(Failure::no(
                "the root that signs has a path length that leaves no room for a cross-certificate",
            )
            .fix("--way bundle-first"));
        }
        roots.push(OwnRoot {
            number,
            replaces,
            replaced_root: None,
            fingerprint: "the new root".to_owned(),
            certificate: None,
            chain: Vec::new(),
            beside: Vec::new(),
            cross: is_crossed.then(Vec::new),
        });
        self.planned(&roots, Some(&RootRotation::new("new", spec)))
    }

    fn planned(
        &self,
        roots: &[OwnRoot],
        rotation: Option<&RootRotation>,
    ) -> Result<Rotation, Failure> {
        let views: Vec<View<'_>> = self
            .members
            .iter()
            .map(|(mesh, trust)| self.view(mesh, trust.as_ref(), roots))
            .collect();
        let named: Vec<Key> = self.members().cloned().collect();
        // Those that members were told of, and the one that is asked about.
        let ready = roots.last().map_or(1, |root| root.number);
        let snapshot = Snapshot {
            virtual_mesh: &self.key,
            named: &named,
            roots,
            ready,
            rotation,
            members: &views,
            now: clock::now(),
        };
        rotation::read(&snapshot).map_err(|refusal| refused(&refusal))
    }

    fn view<'a>(&self, mesh: &Key, trust: Option<&'a MeshTrust>, roots: &[OwnRoot]) -> View<'a> {
        let is_answered = |spec: &MeshTrustSpec| {
            let is_it =
                |request: &&Request| Key::of(*request) == Key::new(&mesh.namespace, &spec.request);
            self.requests.iter().find(is_it).is_some_and(Request::is_answered)
        };
        // The ledger is not asked: before a root is replaced there is one.
        let signing = self.signing(roots);
        let root = roots.iter().find(|root| Some(root.number) == signing);
        let told_under = trust.filter(|trust| is_answered(&trust.spec) || installed(trust));
        let noted = |trust: &MeshTrust| {
            let status = self.rotations.last()?.1.status.as_ref()?;
            let member = status
                .members
                .iter()
                .find(|one| one.mesh.name == mesh.name && one.mesh.namespace == mesh.namespace)?;
            (member.revision == trust.spec.rotation.as_ref().map(|telling| telling.revision))
                .then(|| member.loaded_since.as_ref().map(|since| since.0))?
        };
        View {
            mesh: mesh.clone(),
            trust,
            issued_under: None,
            told_under: told_under.and(root).map(|root| root.fingerprint.clone()),
            loaded_since: trust.and_then(noted),
        }
    }

    /// Number of the root that signs.
    fn signing(&self, roots: &[OwnRoot]) -> Option<u32> {
        let status = self.policy.status.as_ref()?;
        let signing = signing_root(&status.roots)?;
        roots.iter().find(|root| root.fingerprint == signing).map(|root| root.number)
    }

    /// The roots, as the policy's status tells of them.
    fn roots(&self) -> Vec<OwnRoot> {
        let statuses = self.policy.status.iter().flat_map(|status| &status.roots);
        let anchors: Vec<Certificate> = self
            .members
            .iter()
            .filter_map(|(_, trust)| {
                parse_bundle(trust.as_ref()?.spec.trust_anchors.as_bytes()).ok()
            })
            .flatten()
            .collect();
        let of = |fingerprint: &String| {
            anchors.iter().find(|one| one.fingerprint().to_string() == *fingerprint).cloned()
        };
        let beside: Vec<Certificate> = statuses
            .clone()
            .filter(|root| number(root).is_none())
            .filter_map(|root| of(&root.fingerprint))
            .collect();
        let mut roots: Vec<OwnRoot> = statuses
            .filter_map(|root| {
                Some(OwnRoot {
                    number: number(root)?,
                    replaces: root.replaces,
                    replaced_root: None,
                    fingerprint: root.fingerprint.clone(),
                    certificate: of(&root.fingerprint),
                    chain: Vec::new(),
                    beside: beside.clone(),
                    cross: root.cross_signed.then(Vec::new),
                })
            })
            .collect();
        roots.sort_by_key(|root| root.number);
        roots
    }
}

/// Where no root was replaced yet, none has a number: the one that signs is the first.
fn number(root: &RootStatus) -> Option<u32> {
    root.number.or_else(|| (root.phase == RootPhase::Signing).then_some(1))
}

fn installed(trust: &MeshTrust) -> bool {
    let installed = trust.status.as_ref().and_then(|status| status.installed.as_ref());
    installed == Some(&trust.spec.request)
}

fn refused(refusal: &Refusal) -> Failure {
    Failure::no(refusal.to_string())
}

/// One line: how far it is.
pub(crate) fn line(rotation: &RootRotation) -> String {
    let status = rotation.status.clone().unwrap_or_default();
    let stalled = status.conditions.iter().any(|one| one.type_ == STALLED && one.status == "True");
    let word = if stalled { "stalled, " } else { "" };
    match status.waiting_for.as_str() {
        "" => format!("{word}{}", status.step.word()),
        waiting => format!("{word}{}: {waiting}", status.step.word()),
    }
}
