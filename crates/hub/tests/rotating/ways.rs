//! Roots that are replaced while every workload goes on to verify every other.

use anyhow::{Result, ensure};
use jiff::SignedDuration;
use kube::Api;
use meshroot_api::IssuanceRecord;
use meshroot_api::networking::VirtualMeshSpec;
use meshroot_api::policy::{Gate, RootPhase, TrustPolicySpec};
use meshroot_api::rotation::{Step, Strategy};
use meshroot_api::shared::ResourceRef;
use meshroot_ca::{RootSpec, make_root};
use meshroot_pki::{Certificate, DistinguishedName, KeyKind, parse_bundle};
use meshroot_runtime::process::clock;
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use rstest::rstest;
use serde_json::json;

use crate::common::{HOME, Scene, create, merge, secret, until};
use crate::members::Members;
use crate::{all_are_at, ask, comes_to, rotations, run, settled, waits_for};

#[rstest]
#[case::cross_signed("cross", Strategy::Automatic, false, 3)]
#[case::cross_signed_and_live("cross-live", Strategy::CrossSigned, true, 5)]
#[case::bundle_first("bundle", Strategy::BundleFirst, false, 4)]
#[case::bundle_first_and_live("bundle-live", Strategy::BundleFirst, true, 4)]
fn a_root_is_replaced_and_no_workload_refuses_another(
    #[case] name: &'static str,
    #[case] strategy: Strategy,
    #[case] live: bool,
    #[case] most_loads: usize,
) {
    run(async |scene| {
        let (one, two) = (format!("{name}-one"), format!("{name}-two"));
        let meshes = [one.as_str(), two.as_str()];
        let mut members = settled(scene, name, &meshes, live).await?;
        let rotation = ask(scene, name, 2, strategy).await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        all_are_at(scene, &meshes, 2).await?;
        ensure!(members.handshakes > 100, "{} handshakes", members.handshakes);
        // The first certificate is one, and no step is told twice.
        ensure!(members.most_loads() <= most_loads + 1, "{} loads", members.most_loads());
        let records: Api<IssuanceRecord> = Api::namespaced(scene.hub.clone(), SYSTEM_NAMESPACE);
        let cross = records.get_opt(&rotation).await?;
        ensure!(cross.is_some() == (strategy != Strategy::BundleFirst), "recorded: {cross:?}");
        let policies = scene.policies();
        let policy = until("the policy is ready", &policies, name, |policy| {
            policy.status.as_ref().is_some_and(|status| status.waiting_for.is_empty())
        });
        let roots = policy.await?.status.unwrap_or_default().roots;
        let phases: Vec<_> = roots.iter().map(|root| root.phase).collect();
        ensure!(phases == [RootPhase::Signing, RootPhase::Removed], "{phases:?}");
        Ok(())
    });
}

#[rstest]
#[case::soon("back-soon", Step::Trusting)]
#[case::late("back-late", Step::Distrusting)]
fn a_rotation_is_rolled_back_and_the_next_one_goes_through(
    #[case] name: &'static str,
    #[case] from: Step,
) {
    run(async |scene| {
        let (one, two) = (format!("{name}-one"), format!("{name}-two"));
        let meshes = [one.as_str(), two.as_str()];
        let mut members = settled(scene, name, &meshes, false).await?;
        let rotation = ask(scene, name, 2, Strategy::Automatic).await?;
        comes_to(scene, &mut members, &rotation, from).await?;
        merge(&rotations(scene), &rotation, &json!({ "spec": { "rollback": true } })).await?;
        comes_to(scene, &mut members, &rotation, Step::RolledBack).await?;
        all_are_at(scene, &meshes, 1).await?;
        let next = ask(scene, name, 3, Strategy::Automatic).await?;
        comes_to(scene, &mut members, &next, Step::Complete).await?;
        all_are_at(scene, &meshes, 3).await?;
        Ok(())
    });
}

#[test]
fn a_mesh_joins_in_the_middle_of_a_rotation() {
    run(async |scene| {
        let name = "joined";
        let mut members = settled(scene, name, &["joined-one"], false).await?;
        let rotation = ask(scene, name, 2, Strategy::Automatic).await?;
        comes_to(scene, &mut members, &rotation, Step::Trusting).await?;
        scene.make_mesh("joined-two").await?;
        members.join("joined-two");
        let both = ["joined-one", "joined-two"];
        let meshes = both.map(|mesh| json!({ "name": mesh, "namespace": HOME }));
        merge(&scene.virtual_meshes(), name, &json!({ "spec": { "meshes": meshes } })).await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        let there = async || Ok(all_are_at(scene, &both, 2).await.is_ok());
        members.live_until("the second is there", there).await?;
        all_are_at(scene, &both, 2).await
    });
}

/// The hub begins by itself where the policy lets it.
#[rstest]
#[case::at_its_turn("in-time", None, true)]
#[case::later("too-early", Some(90), false)]
fn a_builtin_root_is_replaced_once_so_much_of_its_life_is_over(
    #[case] name: &'static str,
    #[case] percent: Option<u8>,
    #[case] begins: bool,
) {
    run(async |scene| {
        // 60 of its 100 days are over.
        let spec = RootSpec {
            key: KeyKind::EcdsaP256,
            subject: DistinguishedName::new("Example", name, &format!("{name} root 1"))?,
            lifetime: SignedDuration::from_hours(24 * 100),
        };
        let made = clock::now() - SignedDuration::from_hours(24 * 60);
        let (certificate, key) = make_root(&spec, made)?;
        let files =
            [("root-cert.pem", certificate.to_pem()), ("key.pem", key.to_pkcs8_pem().to_string())];
        let files: Vec<(&str, &str)> =
            files.iter().map(|(file, text)| (*file, text.as_str())).collect();
        create(&scene.hub_secrets(SYSTEM_NAMESPACE), secret(&format!("{name}-ca-certs"), &files))
            .await?;
        let mesh = format!("{name}-one");
        scene.make_mesh(&mesh).await?;
        let meshes = vec![ResourceRef::new(&mesh, HOME)];
        let change = |spec: &mut VirtualMeshSpec, policy: &mut TrustPolicySpec| {
            spec.meshes = meshes;
            policy.root.rotate_at_percent = Some(90);
            policy.root.rotate_gate = if begins { Gate::Confirm } else { Gate::Automatic };
        };
        scene.make_virtual_mesh(name, change).await?;
        let mut members = Members::new(scene, &[&mesh], false);
        let rotation = format!("{name}.2");
        // A mesh that nothing was told yet would be told of the new root at once, and nobody be asked.
        let ready = async || {
            let status = scene.virtual_meshes().get(name).await?.status.unwrap_or_default();
            Ok(status.certificate_status.message.starts_with("Ready: "))
        };
        members.live_until("it is ready", ready).await?;
        let turn = json!({ "spec": { "root": { "rotateAtPercent": percent } } });
        merge(&scene.policies(), name, &turn).await?;
        if begins {
            let there = async || Ok(rotations(scene).get_opt(&rotation).await?.is_some());
            members.live_until("the hub asks for another root", there).await?;
            waits_for(scene, &mut members, &rotation, "goes on with Reissuing:").await?;
            let confirmed = json!({ "spec": { "confirmedStep": "Distrusting" } });
            merge(&rotations(scene), &rotation, &confirmed).await?;
            let there = async || Ok(all_are_at(scene, &[&mesh], 2).await.is_ok());
            members.live_until("the mesh is at the new root", there).await?;
            comes_to(scene, &mut members, &rotation, Step::Complete).await?;
            let next = rotations(scene).get_opt(&format!("{name}.3")).await?;
            ensure!(next.is_none(), "another one was asked for");
            return Ok(());
        }
        ensure!(rotations(scene).get_opt(&rotation).await?.is_none(), "it began too early");
        all_are_under(scene, &mesh, &certificate).await
    });
}

/// A mesh trusts this root alone.
async fn all_are_under(scene: &Scene, mesh: &str, root: &Certificate) -> Result<()> {
    let trust = scene.trusts().get(mesh).await?;
    let anchors = parse_bundle(trust.spec.trust_anchors.as_bytes())?;
    ensure!(anchors == [root.clone()], "it trusts {}", anchors.len());
    Ok(())
}
