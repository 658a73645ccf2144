//! Virtual meshes and policies as their administrators want them, and what makes them so.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Context as _, Result};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use meshroot_api::networking::VirtualMeshSpec;
use meshroot_api::policy::{Adopt, ApprovalMode, KeyAlgorithm, TrustPolicySpec};
use meshroot_api::shared::ResourceRef;
use meshroot_api::{TrustPolicy, VirtualMesh};
use meshroot_testkit::fleet::{SYSTEM_NAMESPACE, cluster_namespace, mesh_name};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::plan::CLUSTERS;

/// The virtual mesh whose members must be well whenever nothing is disturbed.
pub(crate) const DEMO: &str = "demo";
/// The one that claims members.
pub(crate) const OTHER: &str = "other";
/// The name of a second policy.
pub(crate) const SECOND: &str = "demo-second";
const LIFETIME: Duration = Duration::from_mins(5);
/// Low, so that minutes are many generations.
const RENEW_AT: u8 = 20;

/// What is wanted now.
#[derive(Clone)]
pub(crate) struct Wanted {
    hub: Client,
    pub(crate) demo: bool,
    pub(crate) limited: bool,
    /// The cluster whose mesh the other virtual mesh claims.
    pub(crate) claimed: Option<&'static str>,
    /// Names of the policies of the virtual mesh.
    pub(crate) policies: BTreeSet<&'static str>,
    pub(crate) people_decide: bool,
    pub(crate) lifetime: Duration,
    pub(crate) renew_at: u8,
    pub(crate) path_len: u8,
    pub(crate) key: KeyAlgorithm,
}

impl Wanted {
    /// Nothing is disturbed.
    pub(crate) fn new(hub: Client) -> Self {
        Self {
            hub,
            demo: true,
            limited: false,
            claimed: None,
            policies: BTreeSet::from([DEMO]),
            people_decide: false,
            lifetime: LIFETIME,
            renew_at: RENEW_AT,
            path_len: 0,
            key: KeyAlgorithm::EcdsaP256,
        }
    }

    /// Changes what is wanted, and makes it so. Whoever changes something holds the lock until it is so.
    pub(crate) async fn change(&mut self, change: impl FnOnce(&mut Self)) -> Result<()> {
        change(self);
        self.make_so().await
    }

    pub(crate) fn has_policy(&mut self, name: &'static str, wanted: bool) {
        if wanted {
            self.policies.insert(name);
        } else {
            self.policies.remove(name);
        }
    }

    /// Takes back every change.
    pub(crate) async fn undo(&mut self) -> Result<()> {
        *self = Self::new(self.hub.clone());
        self.make_so().await
    }

    async fn make_so(&self) -> Result<()> {
        let policies: Api<TrustPolicy> = self.api();
        for name in [DEMO, SECOND] {
            let wanted =
                self.policies.contains(name).then(|| self.policy(DEMO, self.people_decide));
            have(&policies, name, wanted.map(|spec| TrustPolicy::new(name, spec))).await?;
        }
        let other = self.claimed.map(|_| TrustPolicy::new(OTHER, self.policy(OTHER, false)));
        have(&policies, OTHER, other).await?;
        let virtual_meshes: Api<VirtualMesh> = self.api();
        let demo = self.demo.then(|| VirtualMesh::new(DEMO, of(&CLUSTERS)));
        have(&virtual_meshes, DEMO, demo).await?;
        if self.demo {
            let limited = if self.limited { json!({}) } else { Value::Null };
            merge(&virtual_meshes, DEMO, &json!({ "spec": { "limited": limited } })).await?;
        }
        let other = self.claimed.map(|cluster| VirtualMesh::new(OTHER, of(&[cluster])));
        have(&virtual_meshes, OTHER, other).await
    }

    fn policy(&self, virtual_mesh: &str, people_decide: bool) -> TrustPolicySpec {
        let mut policy = TrustPolicySpec {
            virtual_mesh_ref: ResourceRef::new(virtual_mesh, SYSTEM_NAMESPACE),
            // A mesh that changes hands changes its root.
            adopt: Adopt::AtOnce,
            ..TrustPolicySpec::default()
        };
        policy.root.key = Some(KeyAlgorithm::EcdsaP256);
        policy.intermediate.ttl = self.lifetime.into();
        policy.intermediate.renew_at_percent = Some(self.renew_at);
        policy.intermediate.path_len = self.path_len;
        policy.intermediate.key = self.key;
        if people_decide {
            policy.approval.mode = ApprovalMode::ThirdParty;
        }
        policy
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.hub.clone(), SYSTEM_NAMESPACE)
    }
}

fn of(clusters: &[&str]) -> VirtualMeshSpec {
    let member = |name: &&str| ResourceRef::new(mesh_name(name), cluster_namespace(name));
    VirtualMeshSpec { meshes: clusters.iter().map(member).collect(), ..VirtualMeshSpec::default() }
}

/// Creates, changes or deletes an object until it is as wanted.
async fn have<K>(api: &Api<K>, name: &str, wanted: Option<K>) -> Result<()>
where
    K: Clone + Debug + DeserializeOwned + Serialize,
{
    let there = api.get_opt(name).await?;
    match (there, wanted) {
        (None, Some(object)) => {
            let made = api.create(&PostParams::default(), &object).await;
            made.map(drop).with_context(|| format!("creating {name}"))
        }
        (Some(_), Some(object)) => {
            let spec = serde_json::to_value(&object)?["spec"].take();
            merge(api, name, &json!({ "spec": spec })).await
        }
        (Some(_), None) => {
            let gone = api.delete(name, &DeleteParams::default()).await;
            gone.map(drop).with_context(|| format!("deleting {name}"))
        }
        (None, None) => Ok(()),
    }
}

async fn merge<K>(api: &Api<K>, name: &str, patch: &Value) -> Result<()>
where
    K: Clone + Debug + DeserializeOwned,
{
    let patched = api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await;
    patched.map(drop).with_context(|| format!("changing {name}"))
}
