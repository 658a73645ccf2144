//! Rotations that go on without one of the members.

use anyhow::{Context as _, Result, ensure};
use meshroot_api::policy::RootPhase;
use meshroot_api::rotation::{Step, Strategy};
use serde_json::{Value, json};

use crate::common::{HOME, Scene, create, merge, until};
use crate::refusals::is_stalled;
use crate::{all_are_at, ask, comes_to, rotations, run, settled};

async fn exclude(scene: &Scene, rotation: &str, meshes: &[&str]) -> Result<()> {
    let excluded: Vec<Value> =
        meshes.iter().map(|mesh| json!({ "name": mesh, "namespace": HOME })).collect();
    let spec = json!({ "spec": { "excluded": excluded } });
    merge(&rotations(scene), rotation, &spec).await?;
    Ok(())
}

#[test]
fn who_is_excluded_stays_where_it_is_and_goes_on_from_there_once_it_is_taken_in_again() {
    run(async |scene| {
        let (name, meshes) = ("leaves", ["leaves-one", "leaves-two"]);
        let mut members = settled(scene, name, &meshes, false).await?;
        let asked = json!({
            "apiVersion": "meshroot.dev/v1alpha1", "kind": "RootRotation",
            "metadata": { "name": "leaves.2" },
            "spec": {
                "virtualMeshRef": { "name": name },
                "excluded": [{ "name": "leaves-two", "namespace": HOME }],
            },
        });
        create(&rotations(scene), serde_json::from_value(asked)?).await?;
        let rotation = "leaves.2";
        members.leave("leaves-two");
        comes_to(scene, &mut members, rotation, Step::Complete).await?;
        all_are_at(scene, &["leaves-one"], 2).await?;
        all_are_at(scene, &["leaves-two"], 1).await?;
        let status = rotations(scene).get(rotation).await?.status.unwrap_or_default();
        let complete = status.conditions.iter().find(|one| one.type_ == "Complete");
        let said = &complete.context("Complete")?.message;
        ensure!(said.contains("left behind") && said.ends_with("/leaves-two"), "{said}");
        let policies = scene.policies();
        let retires = until("the old root is in use", &policies, name, |policy| {
            let roots = policy.status.iter().flat_map(|status| &status.roots);
            roots.map(|root| root.phase).eq([RootPhase::Signing, RootPhase::Retiring])
        });
        retires.await?;
        exclude(scene, rotation, &[]).await?;
        let both = async || Ok(all_are_at(scene, &meshes, 2).await.is_ok());
        members.live_until("both are at the new root", both).await?;
        comes_to(scene, &mut members, rotation, Step::Complete).await?;
        members.take_in_all();
        members.live_for(std::time::Duration::from_millis(200)).await
    });
}

#[test]
fn a_mesh_that_is_excluded_in_the_middle_is_not_waited_for() {
    run(async |scene| {
        let (name, meshes) = ("stays", ["stays-one", "stays-two"]);
        let mut members = settled(scene, name, &meshes, false).await?;
        // One whose cluster is away: it loads nothing any more.
        members.part("stays-two");
        let rotation = ask(scene, name, 2, Strategy::Automatic).await?;
        comes_to(scene, &mut members, &rotation, Step::Reissuing).await?;
        exclude(scene, &rotation, &["stays-two"]).await?;
        members.leave("stays-two");
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        all_are_at(scene, &["stays-one"], 2).await
    });
}

#[test]
fn a_list_that_names_no_member_stalls_the_rotation() {
    run(async |scene| {
        let (name, meshes) = ("misspelt", ["misspelt-one"]);
        let mut members = settled(scene, name, &meshes, false).await?;
        let rotation = ask(scene, name, 2, Strategy::Automatic).await?;
        exclude(scene, &rotation, &["mispelt-one"]).await?;
        let refused = |rotation: &meshroot_api::RootRotation| {
            is_stalled(rotation, "SpecInvalid", "mispelt-one is no member of virtual mesh")
        };
        until("it is refused", &rotations(scene), &rotation, refused).await?;
        exclude(scene, &rotation, &[]).await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        all_are_at(scene, &meshes, 2).await
    });
}
