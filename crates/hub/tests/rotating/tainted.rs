//! Roots whose key is believed stolen.

use std::time::Duration;

use anyhow::{Result, ensure};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use meshroot_api::names::RequestName;
use meshroot_api::rotation::{Step, Strategy};
use meshroot_api::{Bytes, VirtualMeshCertificateSigningRequest as Request};
use meshroot_pki::parse_bundle;
use serde_json::{Value, json};

use crate::common::{Scene, create, merge};
use crate::{all_are_at, ask, comes_to, rotations, run, settled, waits_for};

const STOLEN: &str = "root 1, whose key is believed stolen, is trusted by workloads of";

async fn set(scene: &Scene, rotation: &str, spec: Value) -> Result<()> {
    merge(&rotations(scene), rotation, &json!({ "spec": spec })).await?;
    Ok(())
}

#[test]
fn a_stolen_root_is_replaced_and_it_is_said_who_trusts_it_until_when() {
    run(async |scene| {
        let (name, meshes) = ("stolen", ["stolen-one", "stolen-two"]);
        let mut members = settled(scene, name, &meshes, true).await?;
        let rotation = ask(scene, name, 2, Strategy::Automatic).await?;
        set(scene, &rotation, json!({ "taintOld": true })).await?;
        waits_for(scene, &mut members, &rotation, STOLEN).await?;
        let said = rotations(scene).get(&rotation).await?.status.unwrap_or_default().waiting_for;
        ensure!(said.contains("/stolen-one") && said.contains(" at the earliest"), "{said}");
        for (spec, part) in [
            (json!({ "taintOld": false }), "spec.taintOld is never unset"),
            (json!({ "taintOld": null }), "spec.taintOld is never unset"),
            (
                json!({ "rollback": true }),
                "nobody goes back to a root whose key is believed stolen",
            ),
        ] {
            let refused = format!("{:#}", set(scene, &rotation, spec).await.unwrap_err());
            ensure!(refused.contains(part), "{refused}");
        }
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        all_are_at(scene, &meshes, 2).await?;
        let status = rotations(scene).get(&rotation).await?.status.unwrap_or_default();
        let complete = status.conditions.iter().find(|one| one.type_ == "Complete");
        ensure!(complete.is_some_and(|one| !one.message.contains("stolen, is")), "{complete:?}");
        Ok(())
    });
}

/// Workloads keep what they had for an hour, and each step would last two.
#[test]
fn who_accepts_refusals_is_rid_of_a_stolen_root_before_workloads_have_renewed() {
    run(async |scene| {
        let (name, meshes) = ("hurried", ["hurried-one", "hurried-two"]);
        let mut members = settled(scene, name, &meshes, true).await?;
        members.hurry(Duration::from_hours(1));
        let rotation = ask(scene, name, 2, Strategy::Automatic).await?;
        let alone = format!(
            "{:#}",
            set(scene, &rotation, json!({ "acceptRefusals": true })).await.unwrap_err()
        );
        ensure!(alone.contains("set spec.taintOld too"), "{alone}");
        let mut born = rotations(scene).get(&rotation).await?;
        born.metadata = ObjectMeta { name: Some(format!("{name}.3")), ..ObjectMeta::default() };
        born.spec.accept_refusals = true;
        let refused = format!("{:#}", create(&rotations(scene), born).await.unwrap_err());
        ensure!(refused.contains("set spec.taintOld too"), "{refused}");
        set(scene, &rotation, json!({ "taintOld": true })).await?;
        waits_for(
            scene,
            &mut members,
            &rotation,
            ": the longest lifetime of a leaf after it was loaded",
        )
        .await?;
        ensure!(!members.is_any_refused()?, "nobody has accepted that");
        set(scene, &rotation, json!({ "acceptRefusals": true })).await?;
        waits_for(scene, &mut members, &rotation, "accepted: workloads of").await?;
        let is_out = async || {
            let mut anchors = String::new();
            for mesh in meshes {
                anchors += &scene.trusts().get(mesh).await?.spec.trust_anchors;
            }
            let anchors = parse_bundle(anchors.as_bytes())?;
            Ok(anchors.iter().all(|anchor| anchor.subject().to_string().contains("root 2 ")))
        };
        members.live_until("nobody is told to trust root 1", is_out).await?;
        ensure!(members.is_any_refused()?, "older workloads are refused");
        let status = rotations(scene).get(&rotation).await?.status.unwrap_or_default();
        ensure!(status.step != Step::Complete && status.waiting_for.contains(STOLEN), "{status:?}");
        Ok(())
    });
}

#[test]
fn a_renewal_that_can_wait_is_not_signed_by_a_stolen_root() {
    run(async |scene| {
        let (name, mesh) = ("holds", "holds-one");
        let mut members = settled(scene, name, &[mesh], false).await?;
        let rotation = ask(scene, name, 2, Strategy::BundleFirst).await?;
        set(scene, &rotation, json!({ "gate": "Confirm", "taintOld": true })).await?;
        waits_for(scene, &mut members, &rotation, "goes on with").await?;
        // One that is not excluded and not gated asks for its new certificate by itself.
        let current = scene.trusts().get(mesh).await?.spec.request;
        let first = scene.requests().get(&current).await?;
        let next = RequestName::parse(&current).map(|name| name.next().to_string());
        let next = next.unwrap_or_default();
        let mut spec = first.spec.clone();
        spec.csr_data = Bytes::default();
        let mut request = Request::new(&next, spec);
        let labels = first.metadata.labels.clone();
        request.metadata = ObjectMeta { name: Some(next.clone()), labels, ..ObjectMeta::default() };
        create(&scene.requests(), request).await?;
        let held = async || {
            let status = scene.requests().get(&next).await?.status_or_default().computed_status;
            Ok(status.message.contains("would sign it"))
        };
        members.live_until("the renewal waits", held).await?;
        set(scene, &rotation, json!({ "gate": "Automatic" })).await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        all_are_at(scene, &[mesh], 2).await?;
        let answer = scene.requests().get(&next).await?.status_or_default().response;
        let chain = parse_bundle(&answer.ca_certificate.0)?;
        ensure!(
            chain[0].issuer().to_string().contains("root 2 "),
            "it is of {}",
            chain[0].issuer()
        );
        Ok(())
    });
}
