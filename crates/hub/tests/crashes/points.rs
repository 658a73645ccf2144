//! Each named crash point of hub and agent, hit once.

use anyhow::{Context as _, Result, ensure};
use meshroot_api::names::RequestName;
use meshroot_pki::parse_bundle;
use meshroot_testkit::Fleet;
use meshroot_testkit::fleet::{AGENT_NAMESPACE, SYSTEM_NAMESPACE};
use rstest::rstest;
use serde_json::json;

use crate::common::{HOME, Scene, all, create, delete, file, judge, merge, secret, until};
use crate::run;

pub(crate) const ALL: [&str; 17] = [
    "hub-after-trust",
    "hub-before-record",
    "hub-after-claim",
    "hub-after-record",
    "hub-before-response",
    "hub-after-response",
    "root-before-secret",
    "root-after-secret",
    "agent-before-key",
    "agent-after-key",
    "agent-before-csr",
    "agent-after-csr",
    "agent-before-cacerts",
    "agent-after-cacerts",
    "agent-after-backup",
    "agent-before-renewal",
    "agent-after-renewal",
];

/// Each case has a mesh, a virtual mesh and a namespace of its own, all called like its point.
pub(crate) fn mesh_of(point: &str) -> &str {
    point
}

#[rstest]
#[case("hub-after-trust")]
#[case("hub-before-record")]
#[case("hub-after-claim")]
#[case("hub-after-record")]
#[case("hub-before-response")]
#[case("hub-after-response")]
#[case("root-before-secret")]
#[case("root-after-secret")]
fn a_hub_that_crashes_in_an_issuance_issues_one_certificate_under_one_root(#[case] point: &str) {
    run(async |scene| {
        let mut fleet = scene.fleet.write().await;
        let mesh = mesh_of(point);
        scene.start_hub(&mut fleet, Some(point)).await?;
        scene.make_both(mesh, |_, _| ()).await?;
        scene.hub_crashes_at(&mut fleet, point).await?;
        judge::installed(scene, mesh, &first(mesh)).await?;
        one_root(scene, mesh).await?;
        judge::ledger_is_a_chain(scene).await?;
        delete(&scene.virtual_meshes(), mesh).await
    });
}

#[rstest]
#[case("agent-before-key")]
#[case("agent-after-key")]
#[case("agent-before-csr")]
#[case("agent-after-csr")]
#[case("agent-before-cacerts")]
#[case("agent-after-cacerts")]
fn an_agent_that_crashes_in_an_issuance_loses_no_key_and_installs_one_certificate(
    #[case] point: &str,
) {
    run(async |scene| {
        let mut fleet = scene.fleet.write().await;
        let mesh = mesh_of(point);
        scene.start_agent(&mut fleet, Some(point)).await?;
        scene.make_both(mesh, |_, _| ()).await?;
        scene.agent_crashes_at(&mut fleet, point).await?;
        judge::installed(scene, mesh, &first(mesh)).await?;
        delete(&scene.virtual_meshes(), mesh).await
    });
}

#[test]
fn an_agent_that_crashes_while_it_adopts_has_one_backup_with_the_original_bytes() {
    let point = "agent-after-backup";
    run(async |scene| {
        let mut fleet = scene.fleet.write().await;
        let mesh = mesh_of(point);
        let files = [("ca-cert.pem", "theirs\n"), ("ca-key.pem", "theirs too\n"), ("more", "x")];
        create(&scene.secrets(mesh), secret("cacerts", &files)).await?;
        scene.start_agent(&mut fleet, Some(point)).await?;
        scene
            .make_both(mesh, |_, policy| policy.adopt = meshroot_api::policy::Adopt::Always)
            .await?;
        scene.agent_crashes_at(&mut fleet, point).await?;
        judge::installed(scene, mesh, &first(mesh)).await?;
        let mut backups = all(&scene.secrets(mesh)).await?;
        backups.retain(|one| {
            one.metadata.name.as_deref().unwrap_or_default().starts_with("cacerts-backup-")
        });
        ensure!(backups.len() == 1, "there are {} backups", backups.len());
        for (name, text) in files {
            ensure!(file(&backups[0], name)? == text.as_bytes(), "{name} is not what it was");
        }
        delete(&scene.virtual_meshes(), mesh).await
    });
}

#[rstest]
#[case("agent-before-renewal")]
#[case("agent-after-renewal")]
fn an_agent_that_crashes_in_a_renewal_goes_on_with_the_key_that_it_had_made(#[case] point: &str) {
    run(async |scene| {
        let mut fleet = scene.fleet.write().await;
        let mesh = mesh_of(point);
        let shortly = |policy: &mut meshroot_api::policy::TrustPolicySpec| {
            policy.intermediate.ttl = std::time::Duration::from_mins(5).into();
            policy.intermediate.renew_at_percent = Some(95);
        };
        scene.make_both(mesh, |_, policy| shortly(policy)).await?;
        judge::installed(scene, mesh, &first(mesh)).await?;
        scene.start_agent(&mut fleet, Some(point)).await?;
        renew_at(scene, mesh, 10).await?;
        crash_and_see_the_key_kept(scene, &mut fleet, point).await?;
        judge::issued_once(scene, &first_renewal(mesh)).await?;
        renew_at(scene, mesh, 95).await?;
        let newest = newest_of(scene, mesh).await?;
        judge::installed(scene, mesh, &newest).await?;
        for request in names_of(scene, mesh).await? {
            judge::issued_once(scene, &request.to_string()).await?;
        }
        delete(&scene.virtual_meshes(), mesh).await
    });
}

/// The key that was there at the crash is the one that the renewal is made with.
async fn crash_and_see_the_key_kept(scene: &Scene, fleet: &mut Fleet, point: &str) -> Result<()> {
    let name = format!("{}-key", first_renewal(mesh_of(point)));
    scene.agent_crashes_at(fleet, point).await?;
    let before = scene
        .secrets(AGENT_NAMESPACE)
        .get(&name)
        .await
        .context("the key was stored before the crash")?;
    judge::issued_once(scene, &first_renewal(mesh_of(point))).await?;
    let after = scene.secrets(AGENT_NAMESPACE).get(&name).await?;
    ensure!(
        before.metadata.uid == after.metadata.uid && before.data == after.data,
        "another key was made"
    );
    Ok(())
}

async fn renew_at(scene: &Scene, mesh: &str, percent: u8) -> Result<()> {
    merge(
        &scene.policies(),
        mesh,
        &json!({ "spec": { "intermediate": { "renewAtPercent": percent } } }),
    )
    .await?;
    let arrived = |trust: &meshroot_api::MeshTrust| trust.spec.renew_at_percent == percent;
    until("the policy reaches the MeshTrust", &scene.trusts(), mesh, arrived).await?;
    Ok(())
}

/// Every request of a mesh, oldest first.
async fn names_of(scene: &Scene, mesh: &str) -> Result<Vec<RequestName>> {
    let all = all(&scene.requests()).await?;
    let names =
        all.iter().filter_map(|request| RequestName::parse(request.metadata.name.as_deref()?));
    let mut names: Vec<RequestName> = names.filter(|name| name.mesh == mesh).collect();
    names.sort_by_key(|name| name.generation);
    Ok(names)
}

/// The newest request, once none follows any more.
async fn newest_of(scene: &Scene, mesh: &str) -> Result<String> {
    let settled = |trust: &meshroot_api::MeshTrust| {
        trust.status.as_ref().and_then(|status| status.installed.as_deref())
            == Some(trust.spec.request.as_str())
    };
    until("the newest is installed", &scene.trusts(), mesh, settled).await?;
    let newest = names_of(scene, mesh).await?.pop().context("there is no request")?;
    Ok(newest.to_string())
}

/// Exactly one root Secret, and the response and the MeshTrust name that root.
async fn one_root(scene: &Scene, mesh: &str) -> Result<()> {
    let mut secrets = all(&scene.hub_secrets(SYSTEM_NAMESPACE)).await?;
    secrets.retain(|one| one.metadata.name.as_deref().unwrap_or_default().contains(mesh));
    ensure!(secrets.len() == 1, "{} root Secrets", secrets.len());
    let root = parse_bundle(file(&secrets[0], "root-cert.pem")?)?;
    let response = scene.requests().get(&first(mesh)).await?.status_or_default().response;
    ensure!(parse_bundle(&response.root_certificate.0)? == root, "the response names another root");
    let trust = scene.trusts().get(mesh).await?;
    ensure!(
        parse_bundle(trust.spec.trust_anchors.as_bytes())? == root,
        "MeshTrust of {HOME}/{mesh} names another root"
    );
    Ok(())
}

fn first(mesh: &str) -> String {
    format!("{mesh}.{mesh}.1")
}

fn first_renewal(mesh: &str) -> String {
    format!("{mesh}.{mesh}.2")
}
