//! The two virtual meshes, as their administrator makes and follows them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use meshroot_api::names::{self, RequestName, SYSTEM_NAMESPACE, cluster_namespace};
use meshroot_api::record::Verdict;
use meshroot_api::rotation::{Step, Strategy};
use meshroot_api::{
    Bytes, IssuanceRecord, MeshTrust, Reason, RootRotation, TrustPolicy, VirtualMesh,
    VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_runtime::kube::apply::apply_all;
use serde_json::json;

use crate::Options;
use crate::cluster::Cluster;

/// Its rotations go as the hub begins them: cross-signed.
pub(crate) const CROSS_SIGNED: &str = "cross";
/// The hub begins, and a person chooses the other way before anybody is told anything.
pub(crate) const BUNDLE_FIRST: &str = "bundle";
pub(crate) const BOTH: [&str; 2] = [CROSS_SIGNED, BUNDLE_FIRST];

/// Makes them. Clusters belong to them in turn.
pub(crate) async fn make(admin: &Client, clusters: &[Cluster], options: &Options) -> Result<()> {
    for (place, name) in BOTH.iter().enumerate() {
        let members = clusters.iter().skip(place).step_by(BOTH.len());
        let meshes: Vec<_> = members
            .map(|one| json!({ "name": one.mesh, "namespace": cluster_namespace(&one.name) }))
            .collect();
        let gate = if *name == BUNDLE_FIRST { "Confirm" } else { "Automatic" };
        let policy = json!({
            "apiVersion": "meshroot.dev/v1alpha1", "kind": "TrustPolicy",
            "metadata": { "name": name, "namespace": SYSTEM_NAMESPACE },
            "spec": {
                "virtualMeshRef": { "name": name, "namespace": SYSTEM_NAMESPACE },
                "root": { "key": "ECDSA-P256", "rotateGate": gate },
                "restart": "Automatic",
                "intermediate": { "ttl": format!("{}h", 24 * options.intermediate_days) },
            },
        });
        let virtual_mesh = json!({
            "apiVersion": "networking.zephyr.solo.io/v1alpha1", "kind": "VirtualMesh",
            "metadata": { "name": name, "namespace": SYSTEM_NAMESPACE },
            "spec": {
                "meshes": meshes,
                "certificateAuthority": { "builtin": { "ttlDays": options.root_days } },
            },
        });
        apply_all(admin, vec![policy, virtual_mesh]).await?;
    }
    Ok(())
}

/// How far rotations are.
#[derive(Default)]
pub(crate) struct Rotations {
    /// Names of those that were seen complete, by virtual mesh: a status may be lost later.
    pub(crate) complete: BTreeMap<String, BTreeSet<String>>,
    /// Whether one runs.
    pub(crate) is_running: bool,
    /// What those that run are at and wait for.
    pub(crate) said: Vec<String>,
}

impl Rotations {
    /// Looks at the latest of each virtual mesh, and chooses the way where that is a person's to do.
    pub(crate) async fn follow(&mut self, admin: &Client) -> Result<()> {
        let api: Api<RootRotation> = Api::namespaced(admin.clone(), SYSTEM_NAMESPACE);
        let all = api.list(&ListParams::default()).await?.items;
        self.said.clear();
        for of in BOTH {
            let number = |one: &RootRotation| {
                names::rotation_number(one.metadata.name.as_deref().unwrap_or_default(), of)
            };
            let latest =
                all.iter().filter(|one| number(one).is_some()).max_by_key(|one| number(one));
            let Some(latest) = latest else { continue };
            let name = latest.metadata.name.clone().unwrap_or_default();
            let status = latest.status.clone().unwrap_or_default();
            if status.step == Step::Complete {
                self.complete.entry(of.to_owned()).or_default().insert(name);
                continue;
            }
            self.said.push(format!("{name} {}: {}", status.step.word(), status.waiting_for));
            if of == BUNDLE_FIRST && latest.spec.strategy != Strategy::BundleFirst {
                let chosen = json!({
                    "spec": { "strategy": "BundleFirst", "confirmedStep": Step::Distrusting.word() },
                });
                api.patch(&name, &PatchParams::default(), &Patch::Merge(&chosen)).await?;
            }
        }
        self.is_running = !self.said.is_empty();
        Ok(())
    }
}

/// How many members say that the hub went back.
pub(crate) async fn hub_went_back(admin: &Client) -> Result<usize> {
    let trusts = Api::<MeshTrust>::all(admin.clone()).list(&ListParams::default()).await?;
    let says = |trust: &&MeshTrust| {
        let status = trust.status.as_ref();
        status.is_some_and(|status| {
            status.conditions.iter().any(|one| one.reason == Reason::HubWentBack.word())
        })
    };
    Ok(trusts.items.iter().filter(says).count())
}

/// Takes the statuses of a kind away that the hub writes.
pub(crate) async fn wipe(admin: &Client, drawn: u64) -> Result<()> {
    let nothing = Patch::Merge(json!({ "status": null }));
    let parameters = PatchParams::default();
    macro_rules! wipe {
        ($kind:ty) => {
            for object in
                Api::<$kind>::all(admin.clone()).list_metadata(&ListParams::default()).await?.items
            {
                let namespace = object.metadata.namespace.unwrap_or_default();
                let api: Api<$kind> = Api::namespaced(admin.clone(), &namespace);
                let name = object.metadata.name.unwrap_or_default();
                api.patch_status(&name, &parameters, &nothing).await?;
            }
        };
    }
    match drawn % 3 {
        0 => wipe!(VirtualMesh),
        1 => wipe!(TrustPolicy),
        _ => wipe!(RootRotation),
    }
    Ok(())
}

/// Says of the mesh of a cluster that its key is believed stolen, as `meshroot renew --reason compromise` does; by which
/// request.
pub(crate) async fn key_was_stolen(admin: &Client, namespace: &str) -> Result<RequestName> {
    let api: Api<Request> = Api::namespaced(admin.clone(), namespace);
    let requests = api.list(&ListParams::default()).await?.items;
    let name = |request: &Request| RequestName::parse(request.metadata.name.as_deref()?);
    let newest = requests.iter().max_by_key(|request| name(request).map(|name| name.generation));
    let newest = newest.context("the mesh never asked for a certificate")?;
    let reason = [(names::REASON_ANNOTATION.to_owned(), Reason::KeyCompromised.word().to_owned())];
    let next = name(newest).context("its name says no number")?;
    let next = if newest.is_answered() { next.next() } else { next };
    if newest.is_answered() {
        let mut request = Request::new(&next.to_string(), newest.spec.clone());
        request.spec.csr_data = Bytes::default();
        request.metadata.labels = newest.metadata.labels.clone();
        request.metadata.annotations = Some(reason.into());
        api.create(&PostParams::default(), &request).await?;
    } else {
        let [(key, word)] = reason;
        let said = json!({ "metadata": { "annotations": { key: word } } });
        api.patch(&next.to_string(), &PatchParams::default(), &Patch::Merge(&said)).await?;
    }
    Ok(next)
}

/// Why a request is there, as it says.
pub(crate) async fn reason(admin: &Client, namespace: &str, name: &RequestName) -> Result<String> {
    let request =
        Api::<Request>::namespaced(admin.clone(), namespace).get(&name.to_string()).await?;
    let mut annotations = request.metadata.annotations.unwrap_or_default();
    Ok(annotations.remove(names::REASON_ANNOTATION).unwrap_or_default())
}

/// The certificates that the ledger says are revoked, by the digest of what was signed.
pub(crate) async fn revoked(admin: &Client) -> Result<BTreeSet<String>> {
    let api: Api<IssuanceRecord> = Api::namespaced(admin.clone(), SYSTEM_NAMESPACE);
    let mut all = api.list(&ListParams::default()).await?.items;
    all.retain(|record| record.spec.decision.verdict == Verdict::Revoked);
    Ok(all.into_iter().filter_map(|record| Some(record.spec.prepared?.tbs_sha256)).collect())
}

/// The ledger of all clusters, without what was recorded for cross-certificates.
pub(crate) async fn records(admin: &Client) -> Result<Vec<IssuanceRecord>> {
    let all = Api::<IssuanceRecord>::all(admin.clone()).list(&ListParams::default()).await?;
    let is_of_mesh = |record: &IssuanceRecord| {
        record.metadata.namespace.as_deref() != Some(SYSTEM_NAMESPACE)
            && names::RequestName::parse(&record.spec.request.name).is_some()
    };
    Ok(all.items.into_iter().filter(is_of_mesh).collect())
}
