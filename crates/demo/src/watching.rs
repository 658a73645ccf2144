//! The hub's API as the demo follows it.

use std::sync::Arc;

use k8s_openapi::api::coordination::v1::Lease;
use kube::runtime::watcher::Config;
use kube::{Api, Client};
use meshroot_api::names::{AGENT_LEASE, HUB_LEASE, SYSTEM_NAMESPACE};
use meshroot_api::{Mesh, MeshTrust, TrustPolicy, VirtualMeshCertificateSigningRequest as Request};
use meshroot_runtime::kube::watch::{Changes, Watched};
use meshroot_runtime::process::shutdown::Shutdown;

use super::VIRTUAL_MESH;
use super::member::{Facts, Member};
use super::processes::identity;

/// Local copies of what the story is told from. They are followed until this is dropped.
pub(super) struct Watching {
    requests: Watched<Request>,
    trusts: Watched<MeshTrust>,
    policies: Watched<TrustPolicy>,
    meshes: Watched<Mesh>,
    leases: Watched<Lease>,
    changes: AllChanges,
    shutdown: Shutdown,
}

struct AllChanges {
    requests: Changes<Request>,
    trusts: Changes<MeshTrust>,
    policies: Changes<TrustPolicy>,
    meshes: Changes<Mesh>,
    leases: Changes<Lease>,
}

impl Watching {
    /// Begins, and returns once everything was read.
    pub(super) async fn start(hub: &Client) -> Self {
        let shutdown = Shutdown::manual();
        let requests = Watched::start(Api::all(hub.clone()), Config::default(), &shutdown);
        let trusts = Watched::start(Api::all(hub.clone()), Config::default(), &shutdown);
        let policies = Watched::start(
            Api::namespaced(hub.clone(), SYSTEM_NAMESPACE),
            Config::default(),
            &shutdown,
        );
        let meshes = Watched::start(Api::all(hub.clone()), Config::default(), &shutdown);
        let leases = Watched::start(Api::all(hub.clone()), Config::default(), &shutdown);
        tokio::join!(
            requests.synced(),
            trusts.synced(),
            policies.synced(),
            meshes.synced(),
            leases.synced()
        );
        let changes = AllChanges {
            requests: requests.changes(),
            trusts: trusts.changes(),
            policies: policies.changes(),
            meshes: meshes.changes(),
            leases: leases.changes(),
        };
        Self { requests, trusts, policies, meshes, leases, changes, shutdown }
    }

    /// Returns when something may have changed. Cancel safe.
    pub(super) async fn changed(&mut self) {
        let all = &mut self.changes;
        tokio::select! {
            _ = all.requests.next() => {}
            _ = all.trusts.next() => {}
            _ = all.policies.next() => {}
            _ = all.meshes.next() => {}
            _ = all.leases.next() => {}
        }
    }

    /// Whether the hub and the agent of a member work, and the agent has found its mesh. After a kill the leases of the
    /// former run must end first.
    pub(super) fn works(&self, member: &Member) -> bool {
        let agent = self.leads(&member.namespace(), AGENT_LEASE);
        let mesh = self.meshes.object(Some(&member.namespace()), &member.mesh);
        self.leads(SYSTEM_NAMESPACE, HUB_LEASE) && agent && mesh.is_some()
    }

    fn leads(&self, namespace: &str, lease: &str) -> bool {
        let lease = self.leases.object(Some(namespace), lease);
        let holder = lease.and_then(|lease| lease.spec.as_ref()?.holder_identity.clone());
        holder == Some(identity())
    }

    pub(super) fn facts(&self, member: &Member) -> Facts {
        let mut requests = self.requests.store().state();
        requests.retain(|request| request.metadata.namespace == Some(member.namespace()));
        Facts::read(&member.mesh, &requests, self.trust(member).as_deref())
    }

    pub(super) fn trust(&self, member: &Member) -> Option<Arc<MeshTrust>> {
        self.trusts.object(Some(&member.namespace()), &member.mesh)
    }

    /// What the hub says that it waits for; empty where it says nothing.
    pub(super) fn waiting_for(&self) -> String {
        let policy = self.policies.object(Some(SYSTEM_NAMESPACE), VIRTUAL_MESH);
        policy
            .and_then(|policy| Some(policy.status.as_ref()?.waiting_for.clone()))
            .unwrap_or_default()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}
