//! Meshes that move between virtual meshes.

use anyhow::{Result, ensure};
use kube::Api;
use kube::api::{Patch, PatchParams};
use meshroot_api::networking::VirtualMeshSpec;
use meshroot_api::policy::{KeyAlgorithm, TrustPolicySpec};
use meshroot_api::shared::ResourceRef;
use meshroot_api::{
    MeshTrust, TrustPolicy, VirtualMesh, VirtualMeshCertificateSigningRequest as Request,
};
use serde_json::json;

use crate::common::{HOME, Scene, create, delete, judge, merge, until};
use crate::{answer, first, run};

#[test]
fn a_mesh_that_comes_back_to_a_virtual_mesh_gets_a_request_under_the_next_number() {
    run(async |scene| {
        let mesh = "returns";
        scene.make_both(mesh, |_, _| ()).await?;
        scene.make_virtual_mesh("returns-away", |spec, _| spec.meshes.clear()).await?;
        answer(scene, mesh).await?;
        judge::issued_once(scene, &first(mesh)).await?;
        moved(scene, mesh, mesh, "returns-away").await?;
        let away = format!("{mesh}.returns-away.1");
        scene.submit(&away, crate::request_for(&[&crate::identity(mesh)])?).await?;
        judge::issued_once(scene, &away).await?;
        // As the agent does once the new certificate is in use.
        let installed = json!({ "status": { "installed": away, "pickup": "Confirmed" } });
        let agent: Api<MeshTrust> = Api::namespaced(scene.agent.clone(), HOME);
        agent.patch_status(mesh, &PatchParams::default(), &Patch::Merge(&installed)).await?;
        delete(&scene.requests(), &first(mesh)).await?;
        moved(scene, mesh, "returns-away", mesh).await?;
        let second = format!("{mesh}.{mesh}.2");
        scene.submit(&second, crate::request_for(&[&crate::identity(mesh)])?).await?;
        judge::issued_once(scene, &second).await?;
        let named = |trust: &MeshTrust| trust.spec.request == second;
        until("MeshTrust names it", &scene.trusts(), mesh, named).await?;
        Ok(())
    });
}

#[test]
fn a_mesh_that_comes_back_to_an_invalid_virtual_mesh_trusts_what_its_certificate_leads_to() {
    run(async |scene| {
        let (mesh, away) = ("swings", "swings-away");
        scene.make_both(mesh, |_, _| ()).await?;
        scene.make_virtual_mesh(away, |spec, _| spec.meshes.clear()).await?;
        answer(scene, mesh).await?;
        judge::issued_once(scene, &first(mesh)).await?;
        moved(scene, mesh, mesh, away).await?;
        let request = format!("{mesh}.{away}.1");
        scene.submit(&request, crate::request_for(&[&crate::identity(mesh)])?).await?;
        judge::issued_once(scene, &request).await?;
        let named = |trust: &MeshTrust| trust.spec.request == request;
        let trust = until("MeshTrust names it", &scene.trusts(), mesh, named).await?;
        let anchors = async |request| {
            let response = scene.requests().get(request).await?.status_or_default().response;
            anyhow::Ok(String::from_utf8(response.root_certificate.0)?)
        };
        ensure!(trust.spec.trust_anchors == anchors(&request).await?);

        let invalid = json!({ "spec": { "limited": {}, "shared": null } });
        merge(&scene.virtual_meshes(), mesh, &invalid).await?;
        scene.virtual_mesh_says(mesh, "LimitedTrustUnsupported").await?;
        moved(scene, mesh, away, mesh).await?;
        let named = |trust: &MeshTrust| trust.spec.request == first(mesh);
        let trust = until("MeshTrust names the first", &scene.trusts(), mesh, named).await?;
        let (found, wanted) = (trust.spec.trust_anchors, anchors(&first(mesh)).await?);
        ensure!(found == wanted, "it trusts {found} and not {wanted}");
        Ok(())
    });
}

#[test]
fn what_was_refused_while_another_virtual_mesh_had_the_mesh_is_issued_once_it_lets_go() {
    run(async |scene| {
        let (mesh, waiting) = ("held", "held-waits");
        scene.make_both(mesh, |_, _| ()).await?;
        answer(scene, mesh).await?;
        judge::issued_once(scene, &first(mesh)).await?;
        let member = ResourceRef::new(mesh, HOME);
        scene.make_virtual_mesh(waiting, |spec, _| spec.meshes = vec![member.clone()]).await?;
        scene.virtual_mesh_says(waiting, "MeshInTwoVirtualMeshes").await?;
        let request = format!("{mesh}.{waiting}.1");
        let mut spec = scene.requests().get(&first(mesh)).await?.spec;
        spec.virtual_mesh_ref.name = waiting.to_owned();
        spec.csr_data.0 = crate::request_for(&[&crate::identity(mesh)])?.into();
        let as_agent: Api<Request> = Api::namespaced(scene.agent.clone(), HOME);
        create(&as_agent, Request::new(&request, spec)).await?;
        scene.request_says(&request, "NotAMember").await?;
        delete(&scene.virtual_meshes(), mesh).await?;
        judge::issued_once(scene, &request).await?;
        Ok(())
    });
}

/// A mesh leaves one virtual mesh for another.
async fn moved(scene: &Scene, mesh: &str, from: &str, to: &str) -> Result<()> {
    for (virtual_mesh, meshes) in
        [(from, json!([])), (to, json!([{ "name": mesh, "namespace": HOME }]))]
    {
        merge(&scene.virtual_meshes(), virtual_mesh, &json!({ "spec": { "meshes": meshes } }))
            .await?;
    }
    Ok(())
}

/// What a request names is what an agent may write; what was decided is in the ledger.
#[test]
fn a_request_that_an_agent_forges_gives_no_virtual_mesh_a_past() {
    run(async |scene| {
        let (mesh, victim) = ("forger", "forged");
        scene.make_both(mesh, |_, _| ()).await?;
        answer(scene, mesh).await?;
        judge::issued_once(scene, &first(mesh)).await?;
        let named = |trust: &MeshTrust| trust.spec.request == first(mesh);
        until("MeshTrust names it", &scene.trusts(), mesh, named).await?;

        // Once the virtual mesh is ready, the hub's copies have come so far.
        let confirmed = json!({ "status": { "installed": first(mesh), "pickup": "Confirmed" } });
        let agent: Api<MeshTrust> = Api::namespaced(scene.agent.clone(), HOME);
        agent.patch_status(mesh, &PatchParams::default(), &Patch::Merge(&confirmed)).await?;
        scene.virtual_mesh_says(mesh, "Ready").await?;
        let as_agent: Api<Request> = Api::namespaced(scene.agent.clone(), HOME);
        let mut forged = Request::new(&first(mesh), scene.requests().get(&first(mesh)).await?.spec);
        forged.spec.virtual_mesh_ref.name = victim.to_owned();
        forged.spec.csr_data.0.clear();
        delete(&as_agent, &first(mesh)).await?;
        create(&as_agent, forged).await?;

        scene.make_mesh("bystander").await?;
        let members = ["bystander", mesh].map(|name| ResourceRef::new(name, HOME)).to_vec();
        scene.make_virtual_mesh(victim, |spec, _| spec.meshes = members).await?;
        let request = format!("bystander.{victim}.1");
        scene.submit(&request, crate::request_for(&[&crate::identity("bystander")])?).await?;
        judge::issued_once(scene, &request).await?;
        Ok(())
    });
}

#[test]
fn a_mesh_that_moves_to_a_virtual_mesh_of_the_same_name_elsewhere_is_in_that_one() {
    run(async |scene| {
        let (twin, elsewhere) = ("twin", "twins");
        scene.make_both(twin, |_, _| ()).await?;
        answer(scene, twin).await?;
        let before = judge::issued_once(scene, &first(twin)).await?;
        scene.fleet.read().await.hub.create_namespace(elsewhere).await?;
        let mut policy = TrustPolicySpec {
            virtual_mesh_ref: ResourceRef::new(twin, elsewhere),
            ..TrustPolicySpec::default()
        };
        policy.root.key = Some(KeyAlgorithm::EcdsaP256);
        let policies: Api<TrustPolicy> = Api::namespaced(scene.hub.clone(), elsewhere);
        create(&policies, TrustPolicy::new(twin, policy)).await?;
        merge(&scene.virtual_meshes(), twin, &json!({ "spec": { "meshes": [] } })).await?;
        let meshes = vec![ResourceRef::new(twin, HOME)];
        let spec = VirtualMeshSpec { meshes, ..VirtualMeshSpec::default() };
        let virtual_meshes: Api<VirtualMesh> = Api::namespaced(scene.hub.clone(), elsewhere);
        create(&virtual_meshes, VirtualMesh::new(twin, spec)).await?;

        let second = format!("{twin}.{twin}.2");
        scene.submit(&second, crate::request_for(&[&crate::identity(twin)])?).await?;
        let after = judge::issued_once(scene, &second).await?;
        ensure!(before.issuer() != after.issuer(), "both are of {}", before.issuer());
        let named = |trust: &MeshTrust| trust.spec.request == second;
        let trust = until("MeshTrust names it", &scene.trusts(), twin, named).await?;
        let answer = scene.requests().get(&second).await?.status_or_default().response;
        ensure!(
            trust.spec.trust_anchors.as_bytes() == answer.root_certificate.0,
            "it trusts {}",
            trust.spec.trust_anchors
        );
        Ok(())
    });
}
