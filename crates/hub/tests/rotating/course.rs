//! What a rotation came through and what it came to: every MeshTrust that was ever written, and the objects at its end.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use kube::Api;
use kube::runtime::watcher;
use meshroot_api::names::RequestName;
use meshroot_api::policy::RootPhase;
use meshroot_api::rotation::Step;
use meshroot_api::{IssuanceRecord, MeshTrust, VirtualMeshCertificateSigningRequest as Request};
use meshroot_pki::{Certificate, PathOptions, Purpose, build_path, parse_bundle};
use meshroot_runtime::process::clock;
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use serde_json::{Value, json};

use crate::common::followed::Followed;
use crate::common::{Scene, all, file, judge};
use crate::rotations;

/// The MeshTrusts of some members, as they are written.
pub(crate) struct Course(Followed<MeshTrust>);

impl Course {
    pub(crate) fn follow(scene: &Scene) -> Self {
        Self(Followed::new(scene.trusts(), watcher::Config::default()))
    }

    /// After every write, what each member was told to send verifies by what each was told to trust.
    pub(crate) async fn always_verified(&self, scene: &Scene, meshes: &[&str]) -> Result<()> {
        let requests = all(&scene.requests()).await?;
        let mut told: BTreeMap<String, Told> = BTreeMap::new();
        for trust in self.0.seen() {
            let mesh = trust.metadata.name.clone().unwrap_or_default();
            let is_ours = meshes.contains(&mesh.as_str());
            let Some(tells) = Told::read(&trust, &requests)?.filter(|_| is_ours) else { continue };
            told.insert(mesh, tells);
            for (by, trusts) in &told {
                for (of, sends) in &told {
                    sends.verifies_by(trusts).with_context(|| {
                        let revision = trust.metadata.resource_version.as_deref();
                        format!("{by} refuses {of} after the write {revision:?}")
                    })?;
                }
            }
        }
        for mesh in meshes {
            let newest = scene.trusts().get(mesh).await?;
            let last = told.get(*mesh).with_context(|| format!("{mesh} was never told"))?;
            ensure!(last.generation == newest.metadata.generation, "not all was seen of {mesh}");
        }
        Ok(())
    }
}

struct Told {
    generation: Option<i64>,
    chain: Vec<Certificate>,
    anchors: Vec<Certificate>,
}

impl Told {
    /// `None` before the first certificate.
    fn read(trust: &MeshTrust, requests: &[Request]) -> Result<Option<Self>> {
        let named = |one: &&Request| one.metadata.name.as_ref() == Some(&trust.spec.request);
        let request = requests.iter().find(named).filter(|request| request.is_answered());
        let (Some(request), false) = (request, trust.spec.trust_anchors.is_empty()) else {
            return Ok(None);
        };
        let mut chain = parse_bundle(&request.status_or_default().response.ca_certificate.0)?;
        if let Some(above) = trust.spec.chain_certificates.as_deref() {
            chain.truncate(1);
            if !above.is_empty() {
                chain.extend(parse_bundle(above.as_bytes())?);
            }
        }
        let anchors = parse_bundle(trust.spec.trust_anchors.as_bytes())?;
        Ok(Some(Self { generation: trust.metadata.generation, chain, anchors }))
    }

    fn verifies_by(&self, by: &Self) -> Result<()> {
        let (leaf, above) = self.chain.split_first().context("a chain")?;
        let options = PathOptions::new(clock::now(), Purpose::Any);
        build_path(leaf, above, &by.anchors, &options)?;
        Ok(())
    }
}

/// Whether a rotation is complete, and all that is said of it is written.
pub(crate) async fn is_over(scene: &Scene, virtual_mesh: &str, rotation: &str) -> Result<bool> {
    let status = rotations(scene).get(rotation).await?.status;
    let roots = scene.policies().get(virtual_mesh).await?.status.unwrap_or_default().roots;
    let phases: Vec<RootPhase> = roots.iter().map(|root| root.phase).collect();
    Ok(status.is_some_and(|status| status.step == Step::Complete)
        && phases == [RootPhase::Signing, RootPhase::Removed])
}

/// The objects of a virtual mesh at the end of its rotation: what is the same for every virtual mesh whose rotation went the
/// same way. No serial number was used twice, and there is one certificate for each request.
pub(crate) async fn end(
    scene: &Scene,
    virtual_mesh: &str,
    rotation: &str,
    meshes: &[&str],
) -> Result<Value> {
    let mut members = Vec::new();
    for mesh in meshes {
        let trust = scene.trusts().get(mesh).await?;
        let mut requests = all(&scene.requests()).await?;
        requests.retain(|request| of_mesh(request.metadata.name.as_deref(), mesh));
        let mut certificates = Vec::new();
        for request in requests {
            let name = request.metadata.name.unwrap_or_default();
            let certificate = judge::issued_once(scene, &name).await?;
            certificates.push(json!([name, number(&certificate.issuer().to_string())]));
        }
        let anchors = parse_bundle(trust.spec.trust_anchors.as_bytes())?;
        members.push(json!({
            "certificates": certificates, "inUse": trust.spec.request, "writes": trust.metadata.generation,
            "above": trust.spec.chain_certificates,
            "anchors": anchors.iter().map(|one| number(&one.subject().to_string())).collect::<Vec<_>>(),
        }));
    }
    let records = unique(scene, virtual_mesh).await?;
    let found = json!({
        "members": members, "records": records, "secrets": secrets(scene, virtual_mesh).await?,
        "crossCertificates": crosses(scene, virtual_mesh, rotation).await?,
        "virtualMesh": scene.virtual_meshes().get(virtual_mesh).await?.status.unwrap_or_default().certificate_status.message,
    });
    Ok(serde_json::from_str(&found.to_string().replace(virtual_mesh, "VIRTUAL-MESH"))?)
}

/// The number that a root has in its name.
fn number(root: &str) -> String {
    root.split_once("root ")
        .and_then(|(_, rest)| rest.split(' ').next())
        .unwrap_or_default()
        .to_owned()
}

fn of_mesh(request: Option<&str>, mesh: &str) -> bool {
    request.and_then(RequestName::parse).is_some_and(|name| name.mesh == mesh)
}

/// The names of the records of a virtual mesh; each serial number in all ledgers is there once.
async fn unique(scene: &Scene, virtual_mesh: &str) -> Result<Vec<String>> {
    let (mut names, mut serials) = (Vec::new(), BTreeSet::new());
    for record in all(&Api::<IssuanceRecord>::all(scene.hub.clone())).await? {
        let name = record.metadata.name.unwrap_or_default();
        let serial = record.spec.prepared.map(|prepared| prepared.serial).unwrap_or_default();
        ensure!(serials.insert(serial.clone()), "{name}: serial {serial} was used before");
        if record.spec.virtual_mesh_ref.name == virtual_mesh {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

async fn secrets(scene: &Scene, virtual_mesh: &str) -> Result<Vec<String>> {
    let secrets = all(&scene.hub_secrets(SYSTEM_NAMESPACE)).await?;
    let mut names: Vec<String> = secrets.into_iter().filter_map(|one| one.metadata.name).collect();
    names.retain(|name| name.starts_with(&format!("{virtual_mesh}-ca-certs")));
    names.sort();
    Ok(names)
}

/// How many cross-certificates there are: one that is kept was recorded.
async fn crosses(scene: &Scene, virtual_mesh: &str, rotation: &str) -> Result<usize> {
    let name =
        format!("{}-ca-certs{}.cross", virtual_mesh, rotation.trim_start_matches(virtual_mesh));
    let Some(secret) = scene.hub_secrets(SYSTEM_NAMESPACE).get_opt(&name).await? else {
        return Ok(0);
    };
    let kept = parse_bundle(file(&secret, meshroot_api::names::CROSS_CERTIFICATE_KEY)?)?;
    let records: Api<IssuanceRecord> = Api::namespaced(scene.hub.clone(), SYSTEM_NAMESPACE);
    let recorded = records.get(rotation).await?.spec.prepared.context("nothing was prepared")?;
    let serial = kept.first().context("an empty Secret")?.serial().to_string();
    ensure!(recorded.serial.ends_with(&serial), "{serial} is kept, {} recorded", recorded.serial);
    Ok(1)
}
