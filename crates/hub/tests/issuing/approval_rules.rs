//! Approval rules decide before anybody is asked.

use anyhow::{Result, ensure};
use meshroot_api::policy::{ApprovalMode, ApprovalRule, RuleOutcome, TrustPolicySpec};
use meshroot_api::record::Verdict;
use meshroot_api::security::ApprovalStatus;
use meshroot_api::shared::State;
use meshroot_api::{Facts, VirtualMesh};
use serde_json::json;

use crate::common::{Scene, judge, merge, message_of, until};
use crate::{answer, first, run};

fn rule(name: &str, when: &str, then: RuleOutcome) -> ApprovalRule {
    ApprovalRule { name: name.to_owned(), when: when.to_owned(), then, message: "CHG-7".to_owned() }
}

fn with(policy: &mut TrustPolicySpec, rules: &[ApprovalRule]) {
    policy.approval.mode = ApprovalMode::ThirdParty;
    policy.approval.rules = rules.to_vec();
}

#[test]
fn a_new_mesh_asks_and_its_unchanged_renewal_is_approved_by_a_rule_that_the_ledger_names() {
    run(async |scene| {
        let name = "routine";
        let routine = rule("unchanged", "renewal && changes == []", RuleOutcome::Approve);
        scene.make_both(name, |_, policy| with(policy, &[routine])).await?;
        answer(scene, name).await?;
        scene.request_says(&first(name), "WaitingForApproval").await?;
        // The first is approved by the policy, and kept in the ledger with what rules see.
        let automatic = json!({ "spec": { "approval": { "mode": "Automatic" } } });
        merge(&scene.policies(), name, &automatic).await?;
        judge::issued_once(scene, &first(name)).await?;
        let asks = json!({ "spec": { "approval": { "mode": "ThirdParty" } } });
        merge(&scene.policies(), name, &asks).await?;
        let second = format!("{name}.{name}.2");
        renew(scene, name, &second).await?;
        judge::issued_once(scene, &second).await?;
        let record = scene.records().get(&second).await?.spec;
        ensure!(record.decision.by == "rule", "{:?}", record.decision);
        ensure!(record.decision.message == "unchanged: CHG-7", "{:?}", record.decision);
        let facts: Facts = serde_json::from_str(&record.facts)?;
        ensure!(facts.request.number == 2 && facts.mesh.cluster == "east", "{facts:?}");
        let said = scene.requests().get(&second).await?.status_or_default().third_party_approval;
        ensure!(said.message == "approved by rule: unchanged: CHG-7", "{said:?}");
        Ok(())
    });
}

/// The next request of a mesh, as a person asks for it, with a CSR.
async fn renew(scene: &Scene, mesh: &str, name: &str) -> Result<()> {
    let mut next = meshroot_api::VirtualMeshCertificateSigningRequest::new(
        name,
        scene.requests().get(&first(mesh)).await?.spec,
    );
    next.spec.csr_data = meshroot_api::Bytes::default();
    crate::common::create(&scene.requests(), next).await?;
    scene.submit(name, crate::request_for(&[&crate::identity(mesh)])?).await
}

#[test]
fn a_rule_that_denies_denies_for_good_in_status_and_ledger() {
    run(async |scene| {
        let name = "frozen-rule";
        let freeze = rule("freeze", "certificate.pathLen == 0", RuleOutcome::Deny);
        scene
            .make_both(name, |_, policy| {
                with(policy, &[freeze]);
                policy.approval.mode = ApprovalMode::Automatic;
            })
            .await?;
        answer(scene, name).await?;
        let denied = scene.request_says(&first(name), "Denied").await?;
        ensure!(denied.approval() == ApprovalStatus::Denied, "its status says {:?}", denied.status);
        ensure!(message_of(&denied).contains("denied by rule: freeze: CHG-7"), "{denied:?}");
        let record = until("it is recorded", &scene.records(), &first(name), |_| true).await?.spec;
        ensure!(record.decision.verdict == Verdict::Denied, "{:?}", record.decision);
        ensure!(record.decision.by == "rule" && record.prepared.is_none(), "{record:?}");
        ensure!(record.decision.people.is_empty(), "{:?}", record.decision);
        // Once said, it is so whatever the policy says.
        let none = json!({ "spec": { "approval": { "rules": null } } });
        merge(&scene.policies(), name, &none).await?;
        scene.request_says(&first(name), "Denied").await?;
        ensure!(!scene.requests().get(&first(name)).await?.is_answered(), "it was signed");
        Ok(())
    });
}

#[test]
fn rules_that_cannot_be_compiled_approve_nothing_and_the_virtual_mesh_says_where_they_are_wrong() {
    run(async |scene| {
        let name = "broken-rule";
        let broken = rule("wrong", "request.user == 'x'", RuleOutcome::Approve);
        scene
            .make_both(name, |_, policy| {
                with(policy, &[broken]);
                policy.approval.mode = ApprovalMode::Automatic;
            })
            .await?;
        answer(scene, name).await?;
        let waits = scene.request_says(&first(name), "WaitingForApproval").await?;
        ensure!(message_of(&waits).contains("(wrong): when, line:column 1:8"), "{waits:?}");
        let says = |mesh: &VirtualMesh| {
            let config = mesh.status.clone().unwrap_or_default().config_status;
            config.state == State::Invalid && config.message.contains("rules[0] (wrong): when")
        };
        until("the virtual mesh says so", &scene.virtual_meshes(), name, says).await?;
        let put_right = json!({ "spec": { "approval": { "rules": [
            { "name": "right", "when": "request.number == 1", "then": "Approve" },
        ] } } });
        merge(&scene.policies(), name, &put_right).await?;
        judge::issued_once(scene, &first(name)).await?;
        Ok(())
    });
}
