//! Virtual meshes that cannot be worked with say why.

use anyhow::{Result, ensure};
use meshroot_api::Mesh;
use meshroot_api::discovery::{AwsAppMesh, MeshSpec};
use meshroot_api::networking::{Empty, EnforceAccessControl, VirtualMeshSpec};
use meshroot_api::shared::ResourceRef;
use rstest::rstest;

use crate::common::{HOME, Scene, create, delete, judge};
use crate::{answer, first, run};

#[rstest]
#[case("vm-limited", "LimitedTrustUnsupported", "spec.limited", |spec: &mut VirtualMeshSpec| spec.limited = Some(Empty {}))]
#[case("vm-access", "AccessControlUnsupported", "spec.enforceAccessControl", |spec: &mut VirtualMeshSpec| {
    spec.enforce_access_control = EnforceAccessControl::Bool(true);
})]
fn a_virtual_mesh_that_asks_for_what_there_is_not_is_invalid(
    #[case] name: &str,
    #[case] reason: &str,
    #[case] says: &str,
    #[case] change: fn(&mut VirtualMeshSpec),
) {
    run(async |scene| {
        scene.make_both(name, |spec, _| change(spec)).await?;
        let (state, message) = scene.virtual_mesh_says(name, reason).await?;
        ensure!(state == "INVALID" && message.contains(says), "{state}: {message}");
        untouched(scene, name).await
    });
}

#[test]
fn a_member_that_does_not_exist_is_named_and_the_others_get_their_certificates() {
    run(async |scene| {
        let name = "vm-lonely";
        scene.make_both(name, |spec, _| spec.meshes.push(ResourceRef::new("nowhere", HOME))).await?;
        let (state, message) = scene.virtual_mesh_says(name, "MeshMissing").await?;
        ensure!(state == "INVALID" && message.contains("meshroot-cluster-east/nowhere"), "{state}: {message}");
        answer(scene, name).await?;
        judge::issued_once(scene, &first(name)).await?;
        Ok(())
    });
}

#[test]
fn a_mesh_in_two_virtual_meshes_is_a_conflict_on_both_until_it_leaves_one() {
    run(async |scene| {
        let (one, two) = ("twice-one", "twice-two");
        scene.make_mesh(one).await?;
        let shared = || vec![ResourceRef::new(one, HOME)];
        // Both at once: no request may slip through before the second is seen.
        scene.make_virtual_mesh(two, |spec, _| spec.meshes = shared()).await?;
        scene.make_virtual_mesh(one, |spec, _| spec.meshes = shared()).await?;
        for name in [one, two] {
            let (state, message) = scene.virtual_mesh_says(name, "MeshInTwoVirtualMeshes").await?;
            ensure!(state == "CONFLICT", "{state}: {message}");
            ensure!(
                message.contains("meshroot-system/twice-one and meshroot-system/twice-two"),
                "both are to be named: {message}"
            );
        }
        delete(&scene.virtual_meshes(), two).await?;
        answer(scene, one).await?;
        judge::issued_once(scene, &first(one)).await?;
        scene.virtual_mesh_says(one, "WaitingForPickup").await?;
        Ok(())
    });
}

#[test]
fn an_app_mesh_is_unsupported() {
    run(async |scene| {
        let name = "vm-app-mesh";
        let spec = MeshSpec { aws_app_mesh: Some(AwsAppMesh::default()), ..MeshSpec::default() };
        create(&scene.meshes(), Mesh::new(name, spec)).await?;
        scene.make_virtual_mesh(name, |_, _| ()).await?;
        let (state, message) = scene.virtual_mesh_says(name, "UnsupportedMesh").await?;
        ensure!(state == "INVALID" && message.contains("App Mesh"), "{state}: {message}");
        untouched(scene, name).await
    });
}

/// Nothing was asked for.
async fn untouched(scene: &Scene, mesh: &str) -> Result<()> {
    ensure!(scene.requests().get_opt(&first(mesh)).await?.is_none(), "a request was made all the same");
    Ok(())
}

#[test]
fn a_mesh_whose_name_is_longer_than_a_label_gets_its_certificate() {
    run(async |scene| {
        let mesh = format!("long-{}", "m".repeat(62));
        scene.make_mesh(&mesh).await?;
        scene.make_virtual_mesh("long", |spec, _| spec.meshes = vec![ResourceRef::new(&mesh, HOME)]).await?;
        let request = format!("{mesh}.long.1");
        scene.submit(&request, crate::request_for(&[])?).await?;
        judge::issued_once(scene, &request).await?;
        Ok(())
    });
}
