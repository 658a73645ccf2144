//! Roots that the hub makes, or finds.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::Secret;
use meshroot_api::names::EARLIER_NAMESPACE;
use meshroot_pki::{Certificate, parse_bundle};
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use serde_json::json;

use crate::common::openssl::{AUTHORITY, OpenSsl};
use crate::common::{Scene, create, delete, file, judge, merge, secret, until};
use crate::{answer, first, run};

#[test]
fn the_root_of_an_earlier_installation_is_asked_about_and_then_used() {
    run(async |scene| {
        let name = "earlier-used";
        let earlier = found(scene, name).await?;
        merge(&scene.policies(), name, &json!({ "spec": { "root": { "earlier": "Use" } } }))
            .await?;
        answer(scene, name).await?;
        judge::issued_once(scene, &first(name)).await?;
        ensure!(roots_of(scene, name).await? == earlier, "another root was used");
        ensure!(stored(scene, name).await?.is_none(), "a root was made beside it");
        Ok(())
    });
}

#[test]
fn the_root_of_an_earlier_installation_is_asked_about_and_then_left_alone() {
    run(async |scene| {
        let name = "earlier-ignored";
        let earlier = found(scene, name).await?;
        merge(&scene.policies(), name, &json!({ "spec": { "root": { "earlier": "Ignore" } } }))
            .await?;
        answer(scene, name).await?;
        judge::issued_once(scene, &first(name)).await?;
        ensure!(roots_of(scene, name).await? != earlier, "the earlier root was used");
        let left = scene.hub_secrets(EARLIER_NAMESPACE).get(&secret_name(name)).await?;
        ensure!(
            parse_bundle(file(&left, "root-cert.pem")?)? == earlier,
            "the earlier Secret was changed"
        );
        Ok(())
    });
}

/// A virtual mesh whose name an earlier installation knew; until somebody answers there is no root.
async fn found(scene: &Scene, name: &str) -> Result<Vec<Certificate>> {
    let earlier = OpenSsl::new()?.certificate("Earlier root", AUTHORITY, None, "351231000000Z")?;
    let files = [("root-cert.pem", earlier.certificate.as_str()), ("key.pem", &earlier.key)];
    create(&scene.hub_secrets(EARLIER_NAMESPACE), secret(&secret_name(name), &files)).await?;
    scene.make_both(name, |_, _| ()).await?;
    let (state, message) = scene.virtual_mesh_says(name, "EarlierRootFound").await?;
    ensure!(state == "CONFLICT", "{state}: {message}");
    ensure!(message.contains(&format!("{EARLIER_NAMESPACE}/{}", secret_name(name))), "{message}");
    ensure!(stored(scene, name).await?.is_none(), "a root was made before anybody answered");
    Ok(parse_bundle(earlier.certificate.as_bytes())?)
}

#[test]
fn a_root_that_is_gone_or_was_changed_is_said_and_never_made_anew_and_used_again_once_it_is_back() {
    run(async |scene| {
        let names = ["root-deleted", "root-lacks-key", "root-exchanged"];
        let mut originals = Vec::new();
        for name in names {
            scene.make_both(name, |_, _| ()).await?;
            answer(scene, name).await?;
        }
        for name in names {
            judge::issued_once(scene, &first(name)).await?;
            let known = |policy: &meshroot_api::TrustPolicy| {
                policy.status.as_ref().is_some_and(|status| !status.roots.is_empty())
            };
            until("the policy knows the root", &scene.policies(), name, known).await?;
            let original = scene.hub_secrets(SYSTEM_NAMESPACE).get(&secret_name(name)).await?;
            originals.push(Secret {
                metadata: kube::core::ObjectMeta {
                    name: original.metadata.name.clone(),
                    ..Default::default()
                },
                ..original
            });
            delete(&scene.hub_secrets(SYSTEM_NAMESPACE), &secret_name(name)).await?;
        }
        let mut lacking = originals[1].clone();
        lacking.data.as_mut().unwrap().remove("key.pem");
        create(&scene.hub_secrets(SYSTEM_NAMESPACE), lacking).await?;
        let other = OpenSsl::new()?.certificate("Other root", AUTHORITY, None, "351231000000Z")?;
        let files = [("root-cert.pem", other.certificate.as_str()), ("key.pem", &other.key)];
        create(&scene.hub_secrets(SYSTEM_NAMESPACE), secret(&secret_name(names[2]), &files))
            .await?;
        // A hub that remembers nothing is the one that might make a new root.
        restart(scene).await?;
        for (name, reason, says) in [
            (names[0], "RootSecretMissing", "restore it from a backup"),
            (names[1], "RootSecretInvalid", "key.pem is missing"),
            (names[2], "RootSecretInvalid", "put the former root back"),
        ] {
            let (state, message) = scene.virtual_mesh_says(name, reason).await?;
            ensure!(state == "INVALID", "{name}: {state}: {message}");
            let place = format!("{SYSTEM_NAMESPACE}/{}", secret_name(name));
            ensure!(message.contains(says), "{name}: {message}");
            ensure!(name == names[2] || message.contains(&place), "{name}: {message}");
        }
        ensure!(stored(scene, names[0]).await?.is_none(), "a new root was made");
        for (name, original) in names.iter().zip(originals) {
            if *name != names[0] {
                delete(&scene.hub_secrets(SYSTEM_NAMESPACE), &secret_name(name)).await?;
            }
            create(&scene.hub_secrets(SYSTEM_NAMESPACE), original).await?;
        }
        for name in names {
            scene.virtual_mesh_says(name, "WaitingForPickup").await?;
        }
        Ok(())
    });
}

async fn restart(scene: &Scene) -> Result<()> {
    let mut fleet = scene.fleet.write().await;
    scene.start_hub(&mut fleet, None).await
}

fn secret_name(virtual_mesh: &str) -> String {
    format!("{virtual_mesh}-ca-certs")
}

async fn stored(scene: &Scene, virtual_mesh: &str) -> Result<Option<Secret>> {
    Ok(scene.hub_secrets(SYSTEM_NAMESPACE).get_opt(&secret_name(virtual_mesh)).await?)
}

async fn roots_of(scene: &Scene, name: &str) -> Result<Vec<Certificate>> {
    let response = scene.requests().get(&first(name)).await?.status_or_default().response;
    Ok(parse_bundle(&response.root_certificate.0)?)
}
