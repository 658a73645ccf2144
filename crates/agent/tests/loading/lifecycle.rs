//! A mesh with its istiod: from the first certificate to a renewal that survives a crash, and then rest.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::events::v1::Event;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use meshroot_api::networking::VirtualMeshSpec;
use meshroot_api::policy::{KeyAlgorithm, TrustPolicySpec};
use meshroot_api::shared::ResourceRef;
use meshroot_api::trust::{MeshTrust, Pickup};
use meshroot_api::{Bytes, Mesh, TrustPolicy, VirtualMesh};
use meshroot_testkit::Fleet;
use meshroot_testkit::fleet::{AGENT_NAMESPACE, MESH_NAMESPACE, SYSTEM_NAMESPACE, mesh_name};
use meshroot_testkit::{judges, wait};
use serde_json::{Value, json};

use crate::common::{HOME, LIMIT, Scene, create, judge, merge, until};
use crate::{BUSY, run_freely};

const VIRTUAL_MESH: &str = "demo";
const POINT: &str = "agent-after-forget-request";

#[test]
fn old_request_and_key_go_once_the_new_certificate_is_in_use_and_then_nothing_is_written_any_more()
{
    run_freely(async |scene| {
        let mut fleet = scene.fleet.write().await;
        first(scene, &mut fleet).await?;
        renewal_with_a_crash(scene, &mut fleet).await?;
        changed_behind_our_back(scene, &mut fleet).await?;
        mesh_made_again(scene).await?;
        rest(scene, &fleet).await
    });
}

/// The first certificate needs a restart of istiod; until then the old request would not go.
async fn first(scene: &Scene, fleet: &mut Fleet) -> Result<()> {
    until("istiod is found", &scene.meshes(), &mesh(), |_| true).await?;
    let mut policy = TrustPolicySpec {
        virtual_mesh_ref: ResourceRef::new(VIRTUAL_MESH, SYSTEM_NAMESPACE),
        ..TrustPolicySpec::default()
    };
    policy.root.key = Some(KeyAlgorithm::EcdsaP256);
    create(&scene.policies(), TrustPolicy::new(VIRTUAL_MESH, policy)).await?;
    let mut virtual_mesh = VirtualMesh::new(VIRTUAL_MESH, VirtualMeshSpec::default());
    virtual_mesh.spec.meshes = vec![ResourceRef::new(mesh(), HOME)];
    create(&scene.virtual_meshes(), virtual_mesh).await?;
    judge::installed(scene, MESH_NAMESPACE, &request(1)).await?;
    pickup(scene, Pickup::RestartNeeded, 1).await?;
    // What was not seen in use does not supersede anything.
    renew(fleet)?;
    judge::installed(scene, MESH_NAMESPACE, &request(2)).await?;
    pickup(scene, Pickup::RestartNeeded, 2).await?;
    scene.requests().get(&request(1)).await.context("the request before is kept")?;
    scene.secrets(AGENT_NAMESPACE).get(&key(1)).await.context("its key is kept")?;
    fleet.cluster_mut("east")?.istiod.as_mut().context("istiod runs")?.restart().await?;
    pickup(scene, Pickup::Confirmed, 2).await?;
    gone(scene, 1).await
}

async fn renewal_with_a_crash(scene: &Scene, fleet: &mut Fleet) -> Result<()> {
    scene.start_agent(fleet, Some(POINT)).await?;
    renew(fleet)?;
    scene.agent_crashes_at(fleet, POINT).await?;
    judge::installed(scene, MESH_NAMESPACE, &request(3)).await?;
    pickup(scene, Pickup::Confirmed, 3).await?;
    gone(scene, 2).await?;
    let certificate = judge::issued_once(scene, &request(3)).await?;
    let root =
        scene.requests().get(&request(3)).await?.status_or_default().response.root_certificate.0;
    judges::openssl_verify(&certificate.to_pem(), "", &String::from_utf8(root)?)
        .map_err(anyhow::Error::msg)
}

/// Somebody deletes the Mesh: it is made again at once, as it was. Without one nothing would be issued.
async fn mesh_made_again(scene: &Scene) -> Result<()> {
    let before = scene.meshes().get(&mesh()).await?;
    crate::common::delete(&scene.meshes(), &mesh()).await?;
    let is_new = |now: &Mesh| now.metadata.uid != before.metadata.uid;
    let after = until("the Mesh is made again", &scene.meshes(), &mesh(), is_new).await?;
    ensure!(after.spec == before.spec, "it is another one: {:?}", after.spec);
    Ok(())
}

/// Somebody deletes `cacerts` while the agent is away, and changes it while it is there: it is written again, with the same
/// certificate, and the one that is there is told of.
async fn changed_behind_our_back(scene: &Scene, fleet: &mut Fleet) -> Result<()> {
    crate::common::delete(&scene.secrets(MESH_NAMESPACE), "cacerts").await?;
    scene.start_agent(fleet, None).await?;
    judge::installed(scene, MESH_NAMESPACE, &request(3)).await?;
    pickup(scene, Pickup::Confirmed, 3).await?;
    let spoiled = json!({ "data": { "root-cert.pem": Bytes(b"spoiled".to_vec()) } });
    let by =
        PatchParams { field_manager: Some("some-gitops".to_owned()), ..PatchParams::default() };
    scene.secrets(MESH_NAMESPACE).patch("cacerts", &by, &Patch::Merge(&spoiled)).await?;
    let events: Api<Event> = Api::namespaced(scene.hub.clone(), HOME);
    let told = async || {
        let all = events.list(&ListParams::default()).await?.items.into_iter();
        let said: Vec<String> = all
            .filter(|event| event.reason.as_deref() == Some("SecretChanged"))
            .filter_map(|event| event.note)
            .collect();
        ensure!(said.iter().any(|note| note.contains("changed by some-gitops")), "{said:?}");
        Ok(())
    };
    wait::until("it is told who changed it", LIMIT, told).await?;
    judge::installed(scene, MESH_NAMESPACE, &request(3)).await?;
    pickup(scene, Pickup::Confirmed, 3).await?;
    let says = |trust: &MeshTrust| {
        let put_back = trust.status.as_ref().and_then(|status| status.put_back.as_ref());
        put_back.is_some_and(|put_back| put_back.message.contains("changed by some-gitops"))
    };
    until("its MeshTrust says so", &scene.trusts(), &mesh(), says).await?;
    Ok(())
}

/// Leases apart, no object of either cluster changes while there is nothing to do.
async fn rest(scene: &Scene, fleet: &Fleet) -> Result<()> {
    scene.virtual_mesh_says(VIRTUAL_MESH, "Ready").await?;
    let _nobody_else = BUSY.write().await;
    let settled = async || {
        let before = versions(fleet)?;
        all_look_again(scene, fleet).await?;
        let after = versions(fleet)?;
        ensure!(before == after, "still changing: {:?}", changed(&before, &after));
        Ok(after)
    };
    let before = wait::until("all is settled", LIMIT, settled).await?;
    let mut touched = None;
    for _ in 0..3 {
        touched = all_look_again(scene, fleet).await?.metadata.resource_version;
    }
    let after = versions(fleet)?;
    let changed = changed(&before, &after);
    ensure!(changed.is_empty(), "written though nothing happened: {changed:?}");
    let mesh = scene.meshes().get(&mesh()).await?;
    ensure!(mesh.metadata.resource_version == touched, "the Mesh was written");
    Ok(())
}

/// Touches the Mesh, which the agent follows, and the spec of the virtual mesh, for the hub, to which only the spec of a
/// Mesh means something; waits until each controller has looked at what depends on it.
async fn all_look_again(scene: &Scene, fleet: &Fleet) -> Result<Mesh> {
    let hub = fleet.hub_process.as_ref().context("the hub runs")?;
    let agent = fleet.cluster("east")?.agent.as_ref().context("the agent runs")?;
    let (meshes, mesh) = (scene.meshes(), mesh());
    let now = meshes.get(&mesh).await?.metadata.resource_version;
    let (member, virtual_mesh) =
        (format!("{HOME}/{mesh}"), format!("{SYSTEM_NAMESPACE}/{VIRTUAL_MESH}"));
    let touch = json!({ "metadata": { "annotations": { "example.com/after": now } } });
    let rename = json!({ "spec": { "displayName": format!("after {now:?}") } });
    let virtual_meshes = scene.virtual_meshes();
    let ((), (), (), _, touched) = tokio::try_join!(
        hub.reconciles("member", &member, 1),
        hub.reconciles("virtual-mesh", &virtual_mesh, 1),
        agent.reconciles("mesh", &mesh, 1),
        merge(&virtual_meshes, VIRTUAL_MESH, &rename),
        merge(&meshes, &mesh, &touch),
    )?;
    Ok(touched)
}

/// Without the Mesh, which is touched. Without ConfigMaps: istiod elects its leaders by them, and neither hub nor agent may write one.
const KINDS: &str = "secrets,serviceaccounts,deployments.apps,events";
const HUB_KINDS: &str = "virtualmeshes,meshes,kubernetesclusters,virtualmeshcertificatesigningrequests,trustpolicies,\
                         meshtrusts,issuancerecords";

fn versions(fleet: &Fleet) -> Result<BTreeMap<String, String>> {
    let mut all = BTreeMap::new();
    for (context, kinds) in [("hub", format!("{KINDS},{HUB_KINDS}")), ("east", KINDS.to_owned())] {
        let text = fleet.kubectl(context, &["get", &kinds, "-A", "-o", "json"], None)?;
        let list: Value = serde_json::from_str(&text)?;
        for object in list["items"].as_array().context("a list")? {
            let (kind, metadata) = (&object["kind"], &object["metadata"]);
            if kind == "Mesh" {
                continue;
            }
            let name = format!("{context} {kind} {}/{}", metadata["namespace"], metadata["name"]);
            // Its spec is touched: what may have been written is the rest.
            let version = match kind.as_str() {
                Some("VirtualMesh") => &object["status"],
                _ => &metadata["resourceVersion"],
            };
            all.insert(name, version.to_string());
        }
    }
    ensure!(all.len() > 20, "only {} objects were found", all.len());
    Ok(all)
}

fn changed(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let names =
        before.keys().chain(after.keys()).filter(|name| before.get(*name) != after.get(*name));
    names.cloned().collect()
}

/// Request and key of a generation are gone, its record is not.
async fn gone(scene: &Scene, generation: u32) -> Result<()> {
    let attempt = async || {
        ensure!(
            scene.requests().get_opt(&request(generation)).await?.is_none(),
            "the request is still there"
        );
        ensure!(
            scene.secrets(AGENT_NAMESPACE).get_opt(&key(generation)).await?.is_none(),
            "the key is still there"
        );
        Ok(())
    };
    wait::until("the old request and its key are deleted", LIMIT, attempt).await?;
    scene.records().get(&request(generation)).await.context("the ledger keeps its entry")?;
    Ok(())
}

async fn pickup(scene: &Scene, wanted: Pickup, generation: u32) -> Result<()> {
    let name = request(generation);
    let is = |trust: &MeshTrust| {
        let status = trust.status.clone().unwrap_or_default();
        status.pickup == wanted && status.installed.as_deref() == Some(&name)
    };
    until(&format!("{name} is {}", wanted.word()), &scene.trusts(), &mesh(), is).await?;
    Ok(())
}

fn renew(fleet: &Fleet) -> Result<()> {
    fleet.meshroot(&["--context", "hub", "renew", &mesh(), "-n", HOME])?;
    Ok(())
}

fn mesh() -> String {
    mesh_name("east")
}

fn request(generation: u32) -> String {
    format!("{}.{VIRTUAL_MESH}.{generation}", mesh())
}

fn key(generation: u32) -> String {
    format!("{}-key", request(generation))
}
