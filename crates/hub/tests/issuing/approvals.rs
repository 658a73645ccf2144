//! What a person approves is what is signed.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use k8s_openapi::api::rbac::v1::ClusterRoleBinding;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use meshroot_api::approval::RequestApprovalSpec;
use meshroot_api::policy::{ApprovalMode, TrustPolicySpec};
use meshroot_api::shared::State;
use meshroot_api::{
    Asked, Bytes, RequestApproval, VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_core::issuance::approval_digest;
use serde_json::json;

use crate::common::{Scene, create, delete, judge, merge, message_of, until};
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

const PEOPLE: &str = "people";

/// The name that the API server knows one of them by.
fn full(user: &str) -> String {
    format!("system:serviceaccount:{PEOPLE}:{user}")
}

/// A client of one who may approve.
async fn approver(scene: &Scene, user: &str) -> Result<Client> {
    let metadata = json!({ "name": format!("{PEOPLE}-{user}") });
    let binding: ClusterRoleBinding = serde_json::from_value(json!({
        "metadata": metadata,
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "meshroot-approver" },
        "subjects": [{ "kind": "ServiceAccount", "name": user, "namespace": PEOPLE }],
    }))?;
    let server = &scene.fleet.read().await.hub;
    // Several tests ask for the same people.
    let _ = Api::all(scene.hub.clone()).create(&PostParams::default(), &binding).await;
    let _ = server.create_namespace(PEOPLE).await;
    let token = server.service_account_token(PEOPLE, user, "").await?;
    server.client_for_token(&token).await
}

/// Approves what `request` asks, and leaves it to the API server to say who that is.
async fn give(scene: &Scene, request: &str, user: &str, message: &str) -> Result<String> {
    let request = scene.requests().get(request).await?;
    let digest = approval_digest(&request).map(|it| it.to_string()).unwrap_or_default();
    give_of(scene, &request, user, (digest, message)).await
}

async fn give_of(
    scene: &Scene,
    request: &Request,
    user: &str,
    (sha256, message): (String, &str),
) -> Result<String> {
    let spec = RequestApprovalSpec {
        request: request.metadata.name.clone().unwrap_or_default(),
        virtual_mesh_ref: request.spec.virtual_mesh_ref.clone(),
        sha256,
        user: String::new(),
        message: message.to_owned(),
    };
    let approval = RequestApproval::of(request, user, spec);
    let namespace = request.metadata.namespace.clone().unwrap_or_default();
    let api = Api::namespaced(approver(scene, user).await?, &namespace);
    let created: RequestApproval = create(&api, approval).await?;
    Ok(created.metadata.name.unwrap_or_default())
}

/// Waits until it is said of a request that people are waited for, and how.
async fn waits(scene: &Scene, request: &str, how: &str) -> Result<Request> {
    let says = |request: &Request| message_of(request).contains(how);
    until(&format!("{request} says {how:?}"), &scene.requests(), request, says).await
}

fn by_two(policy: &mut TrustPolicySpec) {
    policy.approval.mode = ApprovalMode::ThirdParty;
    policy.approval.required = Some(2);
}

#[test]
fn two_people_approve_before_it_is_signed_and_the_ledger_says_who_on_which_bytes() {
    run(async |scene| {
        let name = "two-people";
        scene.make_both(name, |_, policy| by_two(policy)).await?;
        answer(scene, name).await?;
        let asked = waits(scene, &first(name), "waiting for 2 people").await?;
        let digest = approval_digest(&asked).map(|it| it.to_string()).unwrap_or_default();
        let alice = give(scene, &first(name), "alice", "CHG-1").await?;
        waits(scene, &first(name), &format!("1 of 2 did ({})", full("alice"))).await?;
        // Taken back before it was enough: it does not count when bob approves.
        delete(&scene.approvals(), &alice).await?;
        waits(scene, &first(name), "waiting for 2 people").await?;
        give(scene, &first(name), "bob", "looks right").await?;
        waits(scene, &first(name), &format!("1 of 2 did ({})", full("bob"))).await?;
        give(scene, &first(name), "alice", "CHG-2").await?;
        judge::issued_once(scene, &first(name)).await?;
        let decision = scene.records().get(&first(name)).await?.spec.decision;
        let people: BTreeSet<_> =
            decision.people.iter().map(|it| (it.user.clone(), it.message.clone())).collect();
        let expected =
            [(full("alice"), "CHG-2".to_owned()), (full("bob"), "looks right".to_owned())];
        ensure!(people == BTreeSet::from(expected), "{people:?}");
        ensure!(decision.by == "third-party" && decision.asked_sha256 == digest, "{decision:?}");
        let workflow = scene.requests().get(&first(name)).await?.status_or_default();
        let said = workflow.third_party_approval.message;
        ensure!(said.starts_with("approved by ") && said.contains("looks right"), "{said}");
        Ok(())
    });
}

#[test]
fn an_approval_of_other_bytes_does_not_count_and_one_denial_is_enough() {
    run(async |scene| {
        let name = "other-bytes";
        scene.make_both(name, |_, policy| by_two(policy)).await?;
        answer(scene, name).await?;
        let request = waits(scene, &first(name), "waiting for 2 people").await?;
        give_of(scene, &request, "mallory", ("ab".repeat(32), "")).await?;
        give(scene, &first(name), "alice", "").await?;
        waits(scene, &first(name), &format!("1 of 2 did ({})", full("alice"))).await?;
        let denied = json!({ "approvalStatus": "DENIED", "message": "not this week" });
        let patch = Patch::Merge(json!({ "status": { "thirdPartyApproval": denied } }));
        let requests: Api<Request> = Api::namespaced(
            approver(scene, "bob").await?,
            request.metadata.namespace.as_deref().unwrap_or_default(),
        );
        requests.patch_status(&first(name), &PatchParams::default(), &patch).await?;
        scene.request_says(&first(name), "Denied").await?;
        give(scene, &first(name), "carol", "").await?;
        let record =
            until("the denial is recorded", &scene.records(), &first(name), |_| true).await?;
        let people = record.spec.decision.people;
        ensure!(people.len() == 1 && people[0].user == full("bob"), "{people:?}");
        ensure!(people[0].message == "not this week", "{people:?}");
        ensure!(record.spec.prepared.is_none(), "something was prepared");
        Ok(())
    });
}
