//! Renewals of meshes without a running control plane: what is in use can only be guessed, so nothing is forgotten.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use meshroot_api::names::RequestName;
use meshroot_api::policy::{KeyAlgorithm, TrustPolicySpec};
use meshroot_api::trust::MeshTrust;
use meshroot_pki::KeyKind;
use meshroot_testkit::fleet::AGENT_NAMESPACE;
use serde_json::json;

use crate::common::{Scene, all, delete, judge, merge, until, until_within};
use crate::{request, run};

/// Renewal of a certificate for five minutes begins 30 to 45 s after it was issued.
fn soon(policy: &mut TrustPolicySpec) {
    policy.intermediate.ttl = Duration::from_mins(5).into();
    policy.intermediate.renew_at_percent = Some(15);
}

#[test]
fn a_certificate_is_renewed_when_its_time_has_come_and_not_before() {
    run(async |scene| {
        let mesh = "by-time";
        scene.make_both(mesh, |_, policy| soon(policy)).await?;
        judge::installed(scene, mesh, &request(mesh, 1)).await?;
        let first = judge::issued_once(scene, &request(mesh, 1)).await?;
        let limit = Duration::from_secs(75);
        let renewal = until_within(
            "the renewal is there",
            &scene.requests(),
            &request(mesh, 2),
            limit,
            |_| true,
        )
        .await?;
        merge(
            &scene.policies(),
            mesh,
            &json!({ "spec": { "intermediate": { "renewAtPercent": 95 } } }),
        )
        .await?;
        let made = renewal.metadata.creation_timestamp.context("it says when it was made")?.0;
        let due = meshroot_core::renewal::due(&first, mesh, 15);
        let late = made.duration_since(due).as_secs();
        ensure!((-1..=10).contains(&late), "it was made {late} s after it was due");
        judge::installed(scene, mesh, &request(mesh, 2)).await?;
        let second = judge::issued_once(scene, &request(mesh, 2)).await?;
        ensure!(second.public_key() != first.public_key(), "the renewal has the old key");
        // Nobody can say whether the new one is in use.
        scene.requests().get(&request(mesh, 1)).await.context("the old request is kept")?;
        scene
            .secrets(AGENT_NAMESPACE)
            .get(&key_of(mesh, 1))
            .await
            .context("the old key is kept")?;
        Ok(())
    });
}

#[test]
fn a_renewal_needs_nothing_of_the_request_before_it() {
    run(async |scene| {
        let mesh = "request-gone";
        scene
            .make_both(mesh, |_, policy| {
                policy.intermediate.ttl = Duration::from_mins(5).into();
                policy.intermediate.renew_at_percent = Some(95);
            })
            .await?;
        judge::installed(scene, mesh, &request(mesh, 1)).await?;
        delete(&scene.requests(), &request(mesh, 1)).await?;
        // Due 15 to 30 s after it was issued.
        merge(
            &scene.policies(),
            mesh,
            &json!({ "spec": { "intermediate": { "renewAtPercent": 10 } } }),
        )
        .await?;
        until("the renewal is there", &scene.requests(), &request(mesh, 2), |_| true).await?;
        merge(
            &scene.policies(),
            mesh,
            &json!({ "spec": { "intermediate": { "renewAtPercent": 95 } } }),
        )
        .await?;
        settled(scene, mesh).await?;
        let newest = generations(scene, mesh).await?.pop().context("there is a request")?;
        judge::installed(scene, mesh, &request(mesh, newest)).await?;
        ensure!(
            scene.requests().get_opt(&request(mesh, 1)).await?.is_none(),
            "the deleted request was made again"
        );
        Ok(())
    });
}

#[test]
fn a_certificate_that_is_deleted_together_with_its_request_is_followed_by_the_next() {
    run(async |scene| {
        let mesh = "both-gone";
        scene.make_both(mesh, |_, _| ()).await?;
        judge::installed(scene, mesh, &request(mesh, 1)).await?;
        delete(&scene.requests(), &request(mesh, 1)).await?;
        delete(&scene.secrets(mesh), "cacerts").await?;
        until("the next request is there", &scene.requests(), &request(mesh, 2), |_| true).await?;
        judge::installed(scene, mesh, &request(mesh, 2)).await?;
        settled(scene, mesh).await
    });
}

#[test]
fn another_type_of_key_in_the_policy_is_asked_for_exactly_once() {
    run(async |scene| {
        let mesh = "key-type";
        scene.make_both(mesh, |_, _| ()).await?;
        judge::installed(scene, mesh, &request(mesh, 1)).await?;
        merge(
            &scene.policies(),
            mesh,
            &json!({ "spec": { "intermediate": { "key": "ECDSA-P384" } } }),
        )
        .await?;
        judge::installed(scene, mesh, &request(mesh, 2)).await?;
        let second = judge::issued_once(scene, &request(mesh, 2)).await?;
        ensure!(
            second.public_key().kind() == Some(KeyKind::EcdsaP384),
            "{}",
            second.public_key().kind_name()
        );
        let asked =
            scene.requests().get(&request(mesh, 2)).await?.metadata.annotations.unwrap_or_default();
        ensure!(
            asked.get("meshroot.dev/reason").map(String::as_str) == Some("PolicyChanged"),
            "{asked:?}"
        );
        settled(scene, mesh).await?;
        // Looked at again for another reason, nothing more is asked for.
        merge(&scene.policies(), mesh, &json!({ "spec": { "restart": "Automatic" } })).await?;
        let arrived =
            |trust: &MeshTrust| trust.spec.restart == meshroot_api::policy::Restart::Automatic;
        let trust =
            until("the policy reaches the MeshTrust", &scene.trusts(), mesh, arrived).await?;
        ensure!(trust.spec.key == KeyAlgorithm::EcdsaP384, "{:?}", trust.spec.key);
        ensure!(generations(scene, mesh).await? == [1, 2], "{:?}", generations(scene, mesh).await?);
        Ok(())
    });
}

#[test]
fn a_renewal_that_cannot_be_made_is_said_once_and_not_again_and_again() {
    run(async |scene| {
        let mesh = "key-gone";
        let keep = |policy: &mut TrustPolicySpec| {
            policy.intermediate.ttl = Duration::from_mins(5).into();
            policy.intermediate.renew_at_percent = Some(95);
        };
        scene.make_both(mesh, |_, policy| keep(policy)).await?;
        judge::installed(scene, mesh, &request(mesh, 1)).await?;
        delete(&scene.secrets(AGENT_NAMESPACE), &key_of(mesh, 1)).await?;
        delete(&scene.requests(), &request(mesh, 1)).await?;
        merge(
            &scene.policies(),
            mesh,
            &json!({ "spec": { "intermediate": { "renewAtPercent": 10 } } }),
        )
        .await?;
        let says = |trust: &MeshTrust| {
            trust
                .status
                .as_ref()
                .is_some_and(|status| status.message.contains("`meshroot renew` asks now"))
        };
        let said = until("the agent says so", &scene.trusts(), mesh, says).await?;
        {
            let fleet = scene.fleet.read().await;
            let agent = fleet.cluster("east")?.agent.as_ref().context("the agent runs")?;
            agent.reconciles("mesh", mesh, 3).await?;
        }
        let later = scene.trusts().get(mesh).await?;
        ensure!(
            later.metadata.resource_version == said.metadata.resource_version,
            "MeshTrust was written again"
        );
        Ok(())
    });
}

async fn settled(scene: &Scene, mesh: &str) -> Result<()> {
    let is = |trust: &MeshTrust| {
        trust.status.as_ref().and_then(|status| status.installed.as_deref())
            == Some(trust.spec.request.as_str())
    };
    until("the newest is installed", &scene.trusts(), mesh, is).await?;
    Ok(())
}

async fn generations(scene: &Scene, mesh: &str) -> Result<Vec<u32>> {
    let all = all(&scene.requests()).await?;
    let names =
        all.iter().filter_map(|request| RequestName::parse(request.metadata.name.as_deref()?));
    let mut numbers: Vec<u32> =
        names.filter(|name| name.mesh == mesh).map(|name| name.generation).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn key_of(mesh: &str, generation: u32) -> String {
    format!("{}-key", request(mesh, generation))
}
