//! What a person approves is what is signed.

use anyhow::{Result, ensure};
use kube::api::{Patch, PatchParams};
use meshroot_api::policy::ApprovalMode;
use meshroot_api::shared::State;
use meshroot_api::{Asked, Bytes, VirtualMeshCertificateSigningRequest as Request};
use serde_json::json;

use crate::common::{Scene, create, judge, merge};
use crate::{answer, first, run};

#[test]
fn what_was_shown_for_approval_is_signed_or_nothing_is_and_the_next_request_asks_anew() {
    run(async |scene| {
        let name = "frozen";
        scene.make_both(name, |_, policy| policy.approval.mode = ApprovalMode::ThirdParty).await?;
        answer(scene, name).await?;
        scene.request_says(&first(name), "WaitingForApproval").await?;
        let asked = Asked::of(&scene.requests().get(&first(name)).await?);
        ensure!(asked.is_some_and(|asked| asked.path_len == 0), "it is not said what is asked");
        merge(&scene.policies(), name, &json!({ "spec": { "intermediate": { "pathLen": 1 } } }))
            .await?;
        approve(scene, &first(name)).await?;
        let refused = scene.request_says(&first(name), "TermsChanged").await?;
        let message = refused.status_or_default().computed_status.message;
        ensure!(refused.state() == State::Conflict && message.contains("path length"), "{message}");
        ensure!(scene.records().get_opt(&first(name)).await?.is_none(), "a decision was recorded");
        let second = format!("{name}.{name}.2");
        scene.submit(&second, crate::request_for(&[&crate::identity(name)])?).await?;
        scene.request_says(&second, "WaitingForApproval").await?;
        let asked = Asked::of(&scene.requests().get(&second).await?);
        ensure!(asked.is_some_and(|asked| asked.path_len == 1), "the new terms are not asked for");
        approve(scene, &second).await?;
        judge::issued_once(scene, &second).await?;
        Ok(())
    });
}

async fn approve(scene: &Scene, request: &str) -> Result<()> {
    let approved = json!({ "status": { "thirdPartyApproval": { "approvalStatus": "APPROVED" } } });
    let parameters = PatchParams::default();
    scene.requests().patch_status(request, &parameters, &Patch::Merge(&approved)).await?;
    Ok(())
}

#[test]
fn a_request_that_waits_is_settled_once_a_later_one_has_its_certificate() {
    run(async |scene| {
        let name = "overtaken";
        scene.make_both(name, |_, policy| policy.approval.mode = ApprovalMode::ThirdParty).await?;
        answer(scene, name).await?;
        scene.request_says(&first(name), "WaitingForApproval").await?;
        let second = format!("{name}.{name}.2");
        let mut next = Request::new(&second, scene.requests().get(&first(name)).await?.spec);
        next.spec.csr_data = Bytes::default();
        create(&scene.requests(), next).await?;
        scene.submit(&second, crate::request_for(&[&crate::identity(name)])?).await?;
        scene.request_says(&second, "WaitingForApproval").await?;
        approve(scene, &second).await?;
        judge::issued_once(scene, &second).await?;
        scene.request_says(&first(name), "Superseded").await?;
        approve(scene, &first(name)).await?;
        scene.request_says(&first(name), "Superseded").await?;
        ensure!(!scene.requests().get(&first(name)).await?.is_answered(), "it was signed");
        Ok(())
    });
}
