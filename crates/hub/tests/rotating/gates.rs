//! Rotations of which a person confirms each step.

use anyhow::{Result, ensure};
use meshroot_api::policy::Gate;
use meshroot_api::rotation::{Step, Strategy};
use serde_json::{Value, json};

use crate::common::{Scene, merge};
use crate::members::Members;
use crate::{all_are_at, ask, comes_to, rotations, run, settled, waits_for};

async fn set(scene: &Scene, rotation: &str, spec: Value) -> Result<()> {
    merge(&rotations(scene), rotation, &json!({ "spec": spec })).await?;
    Ok(())
}

/// Asks for a rotation that holds before its first step.
async fn held(scene: &Scene, members: &mut Members<'_>, name: &str) -> Result<String> {
    merge(&scene.policies(), name, &json!({ "spec": { "restart": "Automatic" } })).await?;
    let rotation = format!("{name}.2");
    let spec = json!({
        "apiVersion": "meshroot.dev/v1alpha1", "kind": "RootRotation",
        "metadata": { "name": rotation },
        "spec": { "virtualMeshRef": { "name": name }, "gate": "Confirm" },
    });
    crate::common::create(&rotations(scene), serde_json::from_value(spec)?).await?;
    waits_for(scene, members, &rotation, "goes on with Reissuing: meshroot rotate confirm").await?;
    Ok(rotation)
}

#[test]
fn each_step_waits_until_it_is_confirmed() {
    run(async |scene| {
        let (name, meshes) = ("gated", ["gated-one", "gated-two"]);
        let mut members = settled(scene, name, &meshes, false).await?;
        let rotation = held(scene, &mut members, name).await?;
        all_are_at(scene, &meshes, 1).await?;
        set(scene, &rotation, json!({ "confirmedStep": "Reissuing" })).await?;
        waits_for(scene, &mut members, &rotation, "goes on with Trusting:").await?;
        // What is confirmed is not taken back with the status.
        let status = json!({ "status": null });
        let parameters = kube::api::PatchParams::default();
        let patch = kube::api::Patch::Merge(&status);
        rotations(scene).patch_status(&rotation, &parameters, &patch).await?;
        waits_for(scene, &mut members, &rotation, "goes on with Trusting:").await?;
        set(scene, &rotation, json!({ "confirmedStep": "Distrusting" })).await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        all_are_at(scene, &meshes, 2).await
    });
}

#[test]
fn who_goes_back_waits_for_nobody() {
    run(async |scene| {
        let (name, meshes) = ("gated-back", ["gated-back-one"]);
        let mut members = settled(scene, name, &meshes, false).await?;
        let rotation = held(scene, &mut members, name).await?;
        set(scene, &rotation, json!({ "confirmedStep": "Reissuing" })).await?;
        waits_for(scene, &mut members, &rotation, "goes on with Trusting:").await?;
        set(scene, &rotation, json!({ "rollback": true })).await?;
        comes_to(scene, &mut members, &rotation, Step::RolledBack).await?;
        all_are_at(scene, &meshes, 1).await
    });
}

#[test]
fn only_a_step_in_which_members_are_told_something_can_be_confirmed() {
    run(async |scene| {
        let name = "gated-words";
        settled(scene, name, &["gated-words-one"], false).await?;
        let rotation = ask(scene, name, 2, Strategy::Automatic).await?;
        let made = rotations(scene).get(&rotation).await?;
        ensure!(made.spec.gate == Gate::Automatic);
        for step in ["Announcing", "Complete", "reissuing"] {
            let refused = set(scene, &rotation, json!({ "confirmedStep": step })).await;
            let refused = format!("{:#}", refused.unwrap_err());
            ensure!(refused.contains("spec.confirmedStep"), "{refused}");
        }
        Ok(())
    });
}
