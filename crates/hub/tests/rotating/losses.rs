//! What may be taken away in the middle of a rotation: it costs time and no handshake.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::core::ObjectMeta;
use meshroot_api::discovery::{LinkerdMesh, MeshSpec};
use meshroot_api::names::VIRTUAL_MESH_ANNOTATION;
use meshroot_api::rotation::{Step, Strategy};
use meshroot_api::{Mesh, VirtualMeshCertificateSigningRequest as Request};
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use rstest::rstest;
use serde_json::json;

use crate::common::{HOME, Scene, create, delete, merge};
use crate::{all_are_at, ask, comes_to, rotations, run, settled};

#[derive(Clone, Copy)]
enum Loss {
    MeshTrust,
    Status,
    OldRoot,
    CrossCertificate,
}

impl Loss {
    async fn happens(self, scene: &Scene, name: &str) -> Result<()> {
        let secrets = scene.hub_secrets(SYSTEM_NAMESPACE);
        match self {
            Self::MeshTrust => delete(&scene.trusts(), &format!("{name}-two")).await,
            Self::OldRoot => delete(&secrets, &format!("{name}-ca-certs")).await,
            Self::CrossCertificate => delete(&secrets, &format!("{name}-ca-certs.2.cross")).await,
            Self::Status => {
                let (api, parameters) = (rotations(scene), PatchParams::default());
                let wiped = Patch::Merge(json!({ "status": null }));
                api.patch_status(&format!("{name}.2"), &parameters, &wiped).await?;
                Ok(())
            }
        }
    }
}

#[rstest]
#[case::a_mesh_trust("lost-trust", Loss::MeshTrust, Strategy::CrossSigned, Step::Trusting)]
#[case::the_status("lost-status", Loss::Status, Strategy::BundleFirst, Step::Reissuing)]
#[case::the_old_root("lost-root", Loss::OldRoot, Strategy::CrossSigned, Step::Distrusting)]
#[case::a_cross_certificate(
    "lost-cross",
    Loss::CrossCertificate,
    Strategy::CrossSigned,
    Step::Trusting
)]
fn what_is_lost_in_the_middle_costs_time_and_no_handshake(
    #[case] name: &'static str,
    #[case] loss: Loss,
    #[case] strategy: Strategy,
    #[case] at: Step,
) {
    run(async |scene| {
        let (one, two) = (format!("{name}-one"), format!("{name}-two"));
        let meshes = [one.as_str(), two.as_str()];
        let mut members = settled(scene, name, &meshes, false).await?;
        let rotation = ask(scene, name, 2, strategy).await?;
        comes_to(scene, &mut members, &rotation, at).await?;
        loss.happens(scene, name).await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        all_are_at(scene, &meshes, 2).await
    });
}

/// Members go on to where they were told to go.
#[test]
fn a_rotation_that_is_deleted_while_it_is_rolled_back_is_rolled_back_to_its_end() {
    run(async |scene| {
        let (name, meshes) = ("undone", ["undone-one", "undone-two"]);
        let mut members = settled(scene, name, &meshes, false).await?;
        let rotation = ask(scene, name, 2, Strategy::CrossSigned).await?;
        comes_to(scene, &mut members, &rotation, Step::Distrusting).await?;
        merge(&rotations(scene), &rotation, &json!({ "spec": { "rollback": true } })).await?;
        let back = async || {
            let trust = scene.trusts().get("undone-one").await?;
            Ok(trust.spec.rotation.is_some_and(|telling| telling.goal.number == 1))
        };
        members.live_until("the members are told the former goal", back).await?;
        delete(&rotations(scene), &rotation).await?;
        let there = async || Ok(all_are_at(scene, &meshes, 1).await.is_ok());
        members.live_until("the members are where they were", there).await?;
        all_are_at(scene, &meshes, 1).await
    });
}

#[test]
fn a_member_that_nothing_can_be_asked_for_holds_up_no_other() {
    run(async |scene| {
        let (name, meshes) = ("beside", ["beside-one"]);
        let mut members = settled(scene, name, &meshes, false).await?;
        let spec = MeshSpec { linkerd: Some(LinkerdMesh::default()), ..MeshSpec::default() };
        create(&scene.meshes(), Mesh::new("beside-linkerd", spec)).await?;
        let all =
            ["beside-one", "beside-linkerd"].map(|mesh| json!({ "name": mesh, "namespace": HOME }));
        merge(&scene.virtual_meshes(), name, &json!({ "spec": { "meshes": all } })).await?;
        let rotation = ask(scene, name, 2, Strategy::Automatic).await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        all_are_at(scene, &meshes, 2).await
    });
}

/// Whose a request is, an agent may write; whose MeshTrust tells, it may not.
#[test]
fn an_agent_that_writes_its_request_anew_for_another_virtual_mesh_holds_up_no_other() {
    run(async |scene| {
        let (name, meshes) = ("liar", ["liar-one"]);
        let mut members = settled(scene, name, &meshes, false).await?;
        let rotation = ask(scene, name, 2, Strategy::Automatic).await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        // One that joins, and whose agent never asks.
        scene.make_mesh("liar-two").await?;
        let all = ["liar-one", "liar-two"].map(|mesh| json!({ "name": mesh, "namespace": HOME }));
        merge(&scene.virtual_meshes(), name, &json!({ "spec": { "meshes": all } })).await?;
        let request = format!("liar-two.{name}.1");
        let asked = async || Ok(scene.requests().get_opt(&request).await?.is_some());
        members.live_until("it is asked for", asked).await?;
        let mut spec = scene.requests().get(&request).await?.spec;
        spec.virtual_mesh_ref.namespace = "other".to_owned();
        let agent: Api<Request> = Api::namespaced(scene.agent.clone(), HOME);
        delete(&agent, &request).await?;
        // The hub may have been quicker.
        let _ =
            agent.create(&kube::api::PostParams::default(), &Request::new(&request, spec)).await;
        let next = ask(scene, name, 3, Strategy::Automatic).await?;
        comes_to(scene, &mut members, &next, Step::Complete).await?;
        all_are_at(scene, &meshes, 3).await?;
        ensure!(
            scene.trusts().get("liar-two").await?.spec.trust_anchors.is_empty(),
            "it is told something"
        );
        Ok(())
    });
}

/// What docs/operations.md says of a hub that is lost with everything but the roots.
#[test]
fn a_hub_that_is_built_anew_signs_with_the_root_whose_rotation_is_put_back() {
    run(async |scene| {
        let mut members = settled(scene, "origin", &["origin-one"], false).await?;
        let rotation = ask(scene, "origin", 2, Strategy::Automatic).await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        let secrets = scene.hub_secrets(SYSTEM_NAMESPACE);
        for end in ["", ".2", ".2.cross"] {
            let kept = secrets.get(&format!("origin-ca-certs{end}")).await?;
            let mut restored = Secret { metadata: ObjectMeta::default(), ..kept.clone() };
            restored.metadata.name = Some(format!("rebuilt-ca-certs{end}"));
            let mut annotations = kept.metadata.annotations.unwrap_or_default();
            annotations
                .insert(VIRTUAL_MESH_ANNOTATION.to_owned(), format!("{SYSTEM_NAMESPACE}/rebuilt"));
            restored.metadata.annotations = Some(annotations);
            create(&secrets, restored).await?;
        }
        ask(scene, "rebuilt", 2, Strategy::Automatic).await?;
        settled(scene, "rebuilt", &["rebuilt-one"], false).await?;
        all_are_at(scene, &["rebuilt-one"], 2).await
    });
}
