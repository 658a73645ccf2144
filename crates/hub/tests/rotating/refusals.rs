//! Rotations that cannot be, and what is said of them.

use anyhow::ensure;
use kube::Api;
use meshroot_api::RootRotation;
use meshroot_api::rotation::{RootRotationSpec, Step, Strategy};
use meshroot_api::shared::ResourceRef;
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use serde_json::json;

use crate::common::{HOME, create, delete, merge, until};
use crate::{all_are_at, ask, comes_to, rotations, run, settled};

/// Whether a rotation is stalled, for this reason and with this in its message.
pub(crate) fn is_stalled(rotation: &RootRotation, reason: &str, part: &str) -> bool {
    let conditions = rotation.status.iter().flat_map(|status| &status.conditions);
    let mut stalled = conditions.filter(|one| one.type_ == "Stalled" && one.status == "True");
    stalled.any(|one| one.reason == reason && one.message.contains(part))
}

#[test]
fn a_number_that_is_not_the_next_is_refused_and_the_next_one_is_named() {
    run(async |scene| {
        let name = "skips";
        settled(scene, name, &["skips-one"], false).await?;
        let rotation = ask(scene, name, 7, Strategy::Automatic).await?;
        let refused = |rotation: &RootRotation| {
            is_stalled(rotation, "SpecInvalid", "create RootRotation skips.2")
        };
        until("it is refused", &rotations(scene), &rotation, refused).await?;
        delete(&rotations(scene), &rotation).await
    });
}

#[test]
fn a_rotation_is_called_after_its_virtual_mesh_and_is_of_its_namespace() {
    run(async |scene| {
        let made = async |namespace: &str, name: &str, of: ResourceRef| {
            let spec = RootRotationSpec { virtual_mesh_ref: of, ..RootRotationSpec::default() };
            let api: Api<RootRotation> = Api::namespaced(scene.hub.clone(), namespace);
            create(&api, RootRotation::new(name, spec)).await
        };
        let own = ResourceRef::new("named", SYSTEM_NAMESPACE);
        let cases = [
            ("named", own.clone(), "<virtual mesh>.<number of the new root>"),
            ("named.1", own.clone(), "<virtual mesh>.<number of the new root>"),
            ("other.2", own, "<virtual mesh>.<number of the new root>"),
            ("named.2", ResourceRef::new("named", HOME), "of its own namespace"),
        ];
        for (name, of, part) in cases {
            let refused = made(SYSTEM_NAMESPACE, name, of).await.unwrap_err();
            ensure!(format!("{refused:#}").contains(part), "{name}: {refused:#}");
        }
        Ok(())
    });
}

#[test]
fn while_it_is_paused_nobody_is_told_anything_new_and_then_it_goes_on() {
    run(async |scene| {
        let name = "paused";
        let mut members = settled(scene, name, &["paused-one"], false).await?;
        let rotation = ask(scene, name, 2, Strategy::Automatic).await?;
        comes_to(scene, &mut members, &rotation, Step::Trusting).await?;
        merge(&rotations(scene), &rotation, &json!({ "spec": { "paused": true } })).await?;
        let says = async || {
            let status = rotations(scene).get(&rotation).await?.status.unwrap_or_default();
            Ok(status.waiting_for.starts_with("paused; "))
        };
        members.live_until("it says that it is paused", says).await?;
        let before = members.most_loads();
        // Longer than any step waits.
        members.live_for(std::time::Duration::from_secs(4)).await?;
        ensure!(members.most_loads() == before, "something was told meanwhile");
        merge(&rotations(scene), &rotation, &json!({ "spec": { "paused": false } })).await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await
    });
}

#[test]
fn a_rotation_that_is_deleted_with_the_old_root_once_it_is_complete_leaves_everything_as_it_is() {
    run(async |scene| {
        let (name, meshes) = ("forgotten", ["forgotten-one"]);
        let mut members = settled(scene, name, &meshes, false).await?;
        let rotation = ask(scene, name, 2, Strategy::Automatic).await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        let back =
            merge(&rotations(scene), &rotation, &json!({ "spec": { "rollback": true } })).await;
        let refused = format!("{:#}", back.unwrap_err());
        ensure!(refused.contains("spec.rollback: it is complete"), "{refused}");
        delete(&rotations(scene), &rotation).await?;
        delete(&scene.hub_secrets(SYSTEM_NAMESPACE), "forgotten-ca-certs").await?;
        // What makes the hub look at everything of it again.
        merge(&scene.policies(), name, &json!({ "spec": { "restart": "Automatic" } })).await?;
        let told = async || {
            let trust = scene.trusts().get("forgotten-one").await?;
            Ok(trust.spec.restart == meshroot_api::policy::Restart::Automatic)
        };
        members.live_until("the policy reaches the member", told).await?;
        all_are_at(scene, &meshes, 2).await?;
        let next = ask(scene, name, 3, Strategy::Automatic).await?;
        comes_to(scene, &mut members, &next, Step::Complete).await?;
        all_are_at(scene, &meshes, 3).await
    });
}
