//! What all controllers of the hub share.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::runtime::watcher;
use kube::{Api, Client, Resource};
use meshroot_api::names::{AGENT_LEASE, RequestName};
use meshroot_api::shared::ResourceRef;
use meshroot_api::{
    IssuanceRecord, Mesh, MeshTrust, RequestApproval, RootRotation, TrustPolicy, VirtualMesh,
    VirtualMeshCertificateSigningRequest,
};
use meshroot_core::membership::{self, Key, Membership};
use meshroot_core::trust::{self, Past};
use meshroot_core::{Notice, Refusal};
use meshroot_pki::{BlockList, Certificate, parse_bundle};
use meshroot_runtime::kube::events::{Kind, Reporter};
use meshroot_runtime::kube::lease::{Fence, Leadership};
use meshroot_runtime::kube::watch::Watched;
use meshroot_runtime::process::queue::Queue;
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_runtime::process::telemetry::Telemetry;

use crate::authority::{Authority, Owner, Roots};
use crate::budgets::Budgets;
use crate::crowded::Crowded;
use crate::error::HubError;
use crate::identities::{Identities, OpenRequests};
use crate::key_index::KeyIndex;
use crate::ledger::Ledgers;
use crate::metrics::{Heartbeats, Metrics};
use crate::modes::Rotations;
use crate::options::Options;
use crate::revocations::Revocations;
use crate::standings::Standings;
use crate::written::Written;

/// Many members change together: their virtual mesh is looked at once.
pub(crate) const GATHER: Duration = Duration::from_millis(500);

/// The generation of each object's spec that was acted upon: what only changed its status costs nothing.
#[derive(Debug, Default)]
pub(crate) struct Generations(Mutex<HashMap<(&'static str, Key), Option<String>>>);

impl Generations {
    /// Whether the spec of this object (`None`: it is gone) is another one than at the last call. An object that was
    /// deleted and made again begins at the same generation with another uid, and a watch that was away shows no
    /// deletion between the two.
    pub(crate) fn changed(
        &self,
        kind: &'static str,
        key: &Key,
        object: Option<&ObjectMeta>,
    ) -> bool {
        let version = object.map(|object| {
            let uid = object.uid.as_deref().unwrap_or_default();
            format!("{uid} {}", object.generation.unwrap_or_default())
        });
        self.is_new(kind, key, version)
    }

    /// The same for what has a version of its own.
    pub(crate) fn is_new(&self, kind: &'static str, key: &Key, version: Option<String>) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert((kind, key.clone()), version.clone()) != Some(version)
    }

    /// Acts upon everything again, as a new leader must.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Client, local copies of everything that is read, queues, and the certificate authority.
pub(crate) struct Hub {
    pub(crate) client: Client,
    pub(crate) virtual_meshes: Watched<VirtualMesh>,
    pub(crate) policies: Watched<TrustPolicy>,
    pub(crate) meshes: Watched<Mesh>,
    pub(crate) requests: Watched<VirtualMeshCertificateSigningRequest>,
    pub(crate) approvals: Watched<RequestApproval>,
    pub(crate) records: Watched<IssuanceRecord>,
    pub(crate) trusts: Watched<MeshTrust>,
    pub(crate) root_rotations: Watched<RootRotation>,
    pub(crate) virtual_mesh_queue: Queue<Key>,
    pub(crate) member_queue: Queue<Key>,
    pub(crate) request_queue: Queue<Key>,
    pub(crate) authority: Authority,
    pub(crate) rotations: Rotations,
    pub(crate) ledgers: Ledgers,
    pub(crate) keys: KeyIndex,
    pub(crate) budgets: Budgets,
    pub(crate) revocations: Revocations,
    pub(crate) identities: Identities,
    pub(crate) open: OpenRequests,
    pub(crate) metrics: Metrics,
    pub(crate) leadership: Leadership,
    pub(crate) generations: Generations,
    pub(crate) standings: Standings,
    pub(crate) written: Written,
    pub(crate) crowded: Crowded,
    pub(crate) blocked: Arc<BlockList>,
    membership: RwLock<Arc<Membership>>,
    reporter: Reporter,
}

impl Hub {
    pub(crate) fn new(
        client: Client,
        options: &Options,
        leadership: Leadership,
        telemetry: &Telemetry,
        shutdown: &Shutdown,
    ) -> Self {
        let all = watcher::Config::default;
        // One cluster's requests never wait for another's.
        let by_cluster = || Queue::with_groups(|key: &Key| key.namespace.clone());
        let records = Watched::start(Api::all(client.clone()), all(), shutdown);
        let metrics = Metrics::register(telemetry);
        // Not in the table of watches: without the right to it the hub works as before.
        let heartbeats = all().fields(&format!("metadata.name={AGENT_LEASE}"));
        let heartbeats = Watched::start(Api::all(client.clone()), heartbeats, shutdown);
        telemetry.collect(Heartbeats(heartbeats));
        let blocked = options.blocked_keys.clone().unwrap_or_default();
        Self {
            virtual_meshes: Watched::start(Api::all(client.clone()), all(), shutdown),
            policies: Watched::start(Api::all(client.clone()), all(), shutdown),
            meshes: Watched::start(Api::all(client.clone()), all(), shutdown),
            requests: Watched::start(Api::all(client.clone()), all(), shutdown),
            approvals: Watched::start(Api::all(client.clone()), all(), shutdown),
            virtual_mesh_queue: Queue::new(),
            member_queue: by_cluster(),
            request_queue: by_cluster(),
            authority: Authority::new(client.clone(), &options.namespace, &blocked),
            ledgers: Ledgers::new(
                client.clone(),
                &options.namespace,
                records.clone(),
                leadership.clone(),
                metrics.clone(),
            ),
            records,
            trusts: Watched::start(Api::all(client.clone()), all(), shutdown),
            root_rotations: Watched::start(Api::all(client.clone()), all(), shutdown),
            rotations: Rotations::default(),
            keys: KeyIndex::default(),
            budgets: Budgets::default(),
            revocations: Revocations::default(),
            identities: Identities::default(),
            open: OpenRequests::default(),
            metrics,
            leadership,
            generations: Generations::default(),
            standings: Standings::default(),
            written: Written::default(),
            crowded: Crowded::default(),
            blocked,
            membership: RwLock::default(),
            reporter: Reporter::new(
                client.clone(),
                crate::COMPONENT,
                options.process.holder(crate::COMPONENT),
            ),
            client,
        }
    }

    /// The number that goes with every write that only a leader may make; asked again right before each.
    pub(crate) fn fence(&self) -> Result<Fence, HubError> {
        self.leadership.state().ok_or(HubError::NotLeader)
    }

    pub(crate) fn membership(&self) -> Arc<Membership> {
        Arc::clone(&self.membership.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn read_membership(&self) {
        let virtual_meshes = self.virtual_meshes.store().state();
        let read =
            Membership::read(virtual_meshes.iter().map(Arc::as_ref), |mesh| self.requests_of(mesh));
        let read = Arc::new(read);
        *self.membership.write().unwrap_or_else(PoisonError::into_inner) = read;
    }

    /// The virtual mesh that a mesh has its requests of, by the one that its MeshTrust names.
    fn requests_of(&self, mesh: &Key) -> Option<Key> {
        self.virtual_mesh_of(&mesh.namespace, &self.trust(mesh)?.spec.request)
    }

    /// The virtual mesh that a request of this name is of, by the ledger, or, where nothing was decided yet, by itself: an
    /// agent may write a request, and no record. `None` too where that says another one than the name.
    pub(crate) fn virtual_mesh_of(&self, namespace: &str, request: &str) -> Option<Key> {
        let record = self.records.object(Some(namespace), request);
        let recorded = record.map(|record| record.spec.virtual_mesh_ref.clone());
        let asked = || Some(self.request(namespace, request)?.spec.virtual_mesh_ref.clone());
        let key = Key::resolve(&recorded.or_else(asked)?, namespace);
        let named = RequestName::parse(request).map(|name| name.virtual_mesh);
        (named.as_ref() == Some(&key.name)).then_some(key)
    }

    /// Whether what a mesh was told last is of this virtual mesh: by the request that its MeshTrust names, or, where that
    /// one is not there yet, by its name.
    pub(crate) fn is_told_of(&self, trust: &MeshTrust, virtual_mesh: &Key) -> bool {
        let telling = trust.spec.rotation.as_ref();
        if let Some(telling) = telling.filter(|telling| !telling.virtual_mesh.is_empty()) {
            return telling.virtual_mesh == virtual_mesh.to_string();
        }
        let namespace = trust.metadata.namespace.as_deref().unwrap_or_default();
        match self.virtual_mesh_of(namespace, &trust.spec.request) {
            Some(told) => told == *virtual_mesh,
            None => RequestName::parse(&trust.spec.request)
                .is_some_and(|request| request.virtual_mesh == virtual_mesh.name),
        }
    }

    pub(crate) fn virtual_mesh(&self, key: &Key) -> Option<Arc<VirtualMesh>> {
        self.virtual_meshes.object(Some(&key.namespace), &key.name)
    }

    pub(crate) fn mesh(&self, key: &Key) -> Option<Arc<Mesh>> {
        self.meshes.object(Some(&key.namespace), &key.name)
    }

    pub(crate) fn trust(&self, key: &Key) -> Option<Arc<MeshTrust>> {
        self.trusts.object(Some(&key.namespace), &key.name)
    }

    pub(crate) fn request(
        &self,
        namespace: &str,
        name: &str,
    ) -> Option<Arc<VirtualMeshCertificateSigningRequest>> {
        self.requests.object(Some(namespace), name)
    }

    /// The policy of a virtual mesh.
    pub(crate) fn policy(&self, virtual_mesh: &Key) -> Result<Option<Arc<TrustPolicy>>, Refusal> {
        membership::policy(self.policies.store().state(), virtual_mesh)
    }

    /// The roots of a virtual mesh.
    pub(crate) async fn roots(
        &self,
        virtual_mesh: &VirtualMesh,
        policy: &TrustPolicy,
    ) -> Result<Arc<Roots>, HubError> {
        let past = || self.past(virtual_mesh, policy);
        let numbers = self.numbers(virtual_mesh, policy);
        self.authority.roots(&Owner { virtual_mesh, policy, past: &past, numbers }).await
    }

    pub(crate) fn past(&self, virtual_mesh: &VirtualMesh, policy: &TrustPolicy) -> Past {
        let status = policy.status.as_ref();
        let by_policy = status.and_then(|status| trust::signing_root(&status.roots));
        let anchors = self.member_anchors(virtual_mesh);
        // The first in a MeshTrust is the signing one, by the definition of that field.
        let by_member = || Some(anchors.first()?.fingerprint().to_string());
        let root = by_policy.map(str::to_owned).or_else(by_member);
        let certificate = anchors
            .iter()
            .find(|anchor| root.as_ref() == Some(&anchor.fingerprint().to_string()))
            .cloned();
        Past { root, certificate, issuers: self.issuers(&Key::of(virtual_mesh)) }
    }

    /// Whether anything was ever asked for, decided or told for a virtual mesh of this name, by what is left of it.
    pub(crate) fn has_past(&self, virtual_mesh: &Key) -> bool {
        let is_it = |reference: &ResourceRef, object: &ObjectMeta| {
            let namespace = object.namespace.as_deref().unwrap_or_default();
            Key::resolve(reference, namespace) == *virtual_mesh
        };
        let requests = self.requests.store().state();
        let records = self.records.store().state();
        let told = |trust: &MeshTrust| {
            RequestName::parse(&trust.spec.request)
                .is_some_and(|request| request.virtual_mesh == virtual_mesh.name)
        };
        requests.iter().any(|one| is_it(&one.spec.virtual_mesh_ref, &one.metadata))
            || records.iter().any(|one| is_it(&one.spec.virtual_mesh_ref, &one.metadata))
            || self.trusts.store().state().iter().any(|trust| told(trust))
    }

    /// Fingerprints of the certificates that signed for a virtual mesh, by the ledger.
    fn issuers(&self, virtual_mesh: &Key) -> BTreeSet<String> {
        let records = self.records.store().state();
        let prepared = records.iter().filter_map(|record| {
            let namespace = record.metadata.namespace.as_deref().unwrap_or_default();
            let of = Key::resolve(&record.spec.virtual_mesh_ref, namespace);
            record.spec.prepared.as_ref().filter(|_| of == *virtual_mesh)
        });
        prepared.map(|prepared| prepared.issuer_sha256.clone()).collect()
    }

    /// What a member was told to trust.
    fn member_anchors(&self, virtual_mesh: &VirtualMesh) -> Vec<Certificate> {
        let key = Key::of(virtual_mesh);
        let anchors = membership::members(virtual_mesh).find_map(|mesh| {
            let trust = self.trust(&mesh).filter(|trust| self.is_told_of(trust, &key))?;
            let anchors = parse_bundle(trust.spec.trust_anchors.as_bytes()).ok()?;
            (!anchors.is_empty()).then_some(anchors)
        });
        anchors.unwrap_or_default()
    }

    pub(crate) async fn report<K>(&self, object: &K, notice: &Notice, action: &str)
    where
        K: Resource<DynamicType = ()>,
    {
        let kind = if notice.reason.needs_attention() { Kind::Warning } else { Kind::Normal };
        let about: ObjectReference = object.object_ref(&());
        self.reporter
            .publish(&about, kind, notice.reason.word(), action, notice.message.clone())
            .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_that_was_made_again_is_another_one_although_its_generation_is_the_same() {
        let (generations, key) = (Generations::default(), Key::new("east", "m"));
        let object = |uid: &str, generation| ObjectMeta {
            uid: Some(uid.to_owned()),
            generation: Some(generation),
            ..ObjectMeta::default()
        };
        let changed = |object: Option<&ObjectMeta>| generations.changed("Mesh", &key, object);
        assert!(changed(Some(&object("a", 1))));
        assert!(!changed(Some(&object("a", 1))), "only its status changed");
        assert!(changed(Some(&object("a", 2))));
        assert!(changed(Some(&object("b", 2))), "no deletion was seen");
        assert!(changed(None));
        assert!(!changed(None));
    }
}
