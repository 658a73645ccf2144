//! `cacerts` that somebody else wrote.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use meshroot_api::policy::Adopt;
use meshroot_api::trust::MeshTrust;
use rstest::rstest;
use serde_json::json;

use crate::common::openssl::{AUTHORITY, OpenSsl, Pair};
use crate::common::{Scene, all, create, file, judge, merge, secret, until};
use crate::{request, run};

const LATER: &str = "351231000000Z";

#[test]
fn a_ca_of_somebody_else_is_left_alone_and_it_is_said_that_it_does_not_chain_to_the_root() {
    run(async |scene| {
        let other = OpenSsl::new()?.certificate("Their CA", AUTHORITY, None, LATER)?;
        refused(scene, "foreign-other", &ca_secret(&other, &other), &["Their CA", "does not chain"])
            .await
    });
}

#[test]
fn what_is_no_ca_at_all_is_left_alone_and_said() {
    run(async |scene| {
        let nonsense = secret("cacerts", &[("note", "do not touch")]);
        refused(scene, "foreign-nonsense", &nonsense, &["no Istio CA"]).await
    });
}

#[test]
fn a_ca_of_somebody_else_under_the_same_root_is_left_alone_and_it_is_said_that_it_chains() {
    run(async |scene| {
        let mesh = "foreign-ours";
        let openssl = OpenSsl::new()?;
        let root = openssl.certificate("Company root", AUTHORITY, None, LATER)?;
        let below = format!("{AUTHORITY}authorityKeyIdentifier=keyid\n");
        let by_hand = openssl.certificate("By hand", &below, Some(&root), LATER)?;
        let files = [("root-cert.pem", root.certificate.as_str()), ("key.pem", &root.key)];
        create(&scene.hub_secrets("meshroot-system"), secret("foreign-root", &files)).await?;
        create(&scene.secrets(mesh), ca_secret(&by_hand, &root)).await?;
        let provided = json!({ "spec": { "certificateAuthority": { "provided": { "certificate": {
            "name": "foreign-root", "namespace": "meshroot-system" } } } } });
        let provided = serde_json::from_value(provided["spec"]["certificateAuthority"].clone())?;
        scene.make_both(mesh, |spec, _| spec.certificate_authority = provided).await?;
        says(scene, mesh, "ForeignSecret", &["By hand", "chains to this virtual mesh's root"]).await
    });
}

async fn refused(scene: &Scene, mesh: &str, there: &Secret, words: &[&str]) -> Result<()> {
    let before = create(&scene.secrets(mesh), there.clone()).await?;
    scene.make_both(mesh, |_, _| ()).await?;
    says(scene, mesh, "ForeignSecret", words).await?;
    let (state, _) = scene.virtual_mesh_says(mesh, "ForeignSecret").await?;
    ensure!(state == "CONFLICT", "the virtual mesh says {state}");
    let after = scene.secrets(mesh).get("cacerts").await?;
    ensure!(after.metadata.resource_version == before.metadata.resource_version, "it was written");
    ensure!(backups(scene, mesh).await?.is_empty(), "a backup was made of what is left alone");
    // Asked to, the agent takes it over by itself.
    merge(&scene.policies(), mesh, &json!({ "spec": { "adopt": "AtOnce" } })).await?;
    judge::installed(scene, mesh, &request(mesh, 1)).await
}

/// A Secret that cannot simply be written over.
type Change = fn(&mut Secret);

#[rstest]
#[case::plain("foreign-adopted", |_: &mut Secret| ())]
#[case::another_type("foreign-type", |secret: &mut Secret| {
    secret.type_ = Some("example.org/ca".into());
})]
#[case::immutable("foreign-immutable", |secret: &mut Secret| secret.immutable = Some(true))]
fn an_adopted_ca_is_replaced_after_its_original_was_kept(
    #[case] mesh: &str,
    #[case] change: Change,
) {
    run(async |scene| {
        let other = OpenSsl::new()?.certificate("Their CA", AUTHORITY, None, LATER)?;
        let mut there = ca_secret(&other, &other);
        change(&mut there);
        let there = create(&scene.secrets(mesh), there).await?;
        scene.make_both(mesh, |_, policy| policy.adopt = Adopt::AtOnce).await?;
        judge::installed(scene, mesh, &request(mesh, 1)).await?;
        let kept = backups(scene, mesh).await?;
        ensure!(kept.len() == 1, "there are {} backups", kept.len());
        ensure!(
            kept[0].data == there.data && kept[0].type_ == there.type_,
            "the backup is not what was there"
        );
        let now = scene.secrets(mesh).get("cacerts").await?;
        ensure!(now.type_.as_deref() == Some("Opaque"), "cacerts is of type {:?}", now.type_);
        ensure!(
            file(&now, "ca-cert.pem")? != other.certificate.as_bytes(),
            "it still holds theirs"
        );
        Ok(())
    });
}

#[test]
fn an_adopted_ca_goes_on_at_first_beside_the_roots_of_the_virtual_mesh() {
    run(async |scene| {
        let mesh = "foreign-steps";
        let other = OpenSsl::new()?.certificate("Their CA", AUTHORITY, None, LATER)?;
        let there = create(&scene.secrets(mesh), ca_secret(&other, &other)).await?;
        scene.make_both(mesh, |_, policy| policy.adopt = Adopt::Always).await?;
        let root = other.certificate.trim();
        let trusts_both = |secret: &Secret| {
            let roots = file(secret, "root-cert.pem").unwrap_or_default();
            let roots = String::from_utf8_lossy(roots).into_owned();
            roots.contains(root) && roots.matches("BEGIN CERTIFICATE").count() == 2
        };
        let what = "both roots are trusted";
        let taken = until(what, &scene.secrets(mesh), "cacerts", trusts_both).await?;
        for name in ["ca-cert.pem", "ca-key.pem", "cert-chain.pem"] {
            ensure!(file(&taken, name)? == file(&there, name)?, "{name} has changed");
        }
        let kept = backups(scene, mesh).await?;
        ensure!(kept.len() == 1 && kept[0].data == there.data, "the backup is not what was there");
        // istiod publishes other anchors in this namespace.
        let words = ["goes on with the CA that the mesh has", "Their CA"];
        says(scene, mesh, "RestartNeeded", &words).await
    });
}

async fn backups(scene: &Scene, namespace: &str) -> Result<Vec<Secret>> {
    let mut secrets = all(&scene.secrets(namespace)).await?;
    secrets.retain(|one| {
        one.metadata.name.as_deref().unwrap_or_default().starts_with("cacerts-backup-")
    });
    Ok(secrets)
}

async fn says(scene: &Scene, mesh: &str, reason: &str, words: &[&str]) -> Result<()> {
    let message = |trust: &MeshTrust| trust.status.clone().unwrap_or_default().message;
    let what = format!("the MeshTrust of {mesh} says {reason}");
    let starts = |trust: &MeshTrust| message(trust).starts_with(&format!("{reason}: "));
    let said = message(&until(&what, &scene.trusts(), mesh, starts).await?);
    let missing = words.iter().find(|word| !said.contains(**word));
    missing.map_or(Ok(()), |word| Err(anyhow::anyhow!("{word:?} is not said"))).context(said)
}

/// `cacerts` as people make it by hand.
fn ca_secret(pair: &Pair, root: &Pair) -> Secret {
    let files = [
        ("ca-cert.pem", pair.certificate.as_str()),
        ("ca-key.pem", &pair.key),
        ("cert-chain.pem", &pair.certificate),
        ("root-cert.pem", &root.certificate),
    ];
    secret("cacerts", &files)
}
