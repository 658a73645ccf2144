//! Virtual meshes that cannot be worked with say why.

use anyhow::{Result, ensure};
use kube::Api;
use kube::api::{Patch, PatchParams};
use meshroot_api::discovery::{AwsAppMesh, MeshSpec};
use meshroot_api::networking::{Empty, EnforceAccessControl, VirtualMeshSpec};
use meshroot_api::policy::ApprovalMode;
use meshroot_api::shared::ResourceRef;
use meshroot_api::{
    Bytes, Mesh, MeshTrust, TrustPolicy, VirtualMesh,
    VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use rstest::rstest;

use serde_json::json;

use crate::common::{HOME, Scene, create, delete, judge, merge, until};
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
        scene
            .make_both(name, |spec, _| spec.meshes.push(ResourceRef::new("nowhere", HOME)))
            .await?;
        let (state, message) = scene.virtual_mesh_says(name, "MeshMissing").await?;
        ensure!(
            state == "INVALID" && message.contains("meshroot-cluster-east/nowhere"),
            "{state}: {message}"
        );
        answer(scene, name).await?;
        judge::issued_once(scene, &first(name)).await?;
        Ok(())
    });
}

#[test]
fn a_mesh_that_a_second_virtual_mesh_names_stays_with_the_first_until_that_lets_it_go() {
    run(async |scene| {
        let (one, two) = ("twice-one", "twice-two");
        scene.make_both(one, |_, _| ()).await?;
        answer(scene, one).await?;
        judge::issued_once(scene, &first(one)).await?;
        let shared = vec![ResourceRef::new(one, HOME)];
        scene.make_virtual_mesh(two, |spec, _| spec.meshes = shared).await?;
        let (state, message) = scene.virtual_mesh_says(two, "MeshInTwoVirtualMeshes").await?;
        ensure!(state == "CONFLICT", "{state}: {message}");
        ensure!(message.contains("is in VirtualMesh meshroot-system/twice-one"), "{message}");
        scene.virtual_mesh_says(one, "WaitingForPickup").await?;
        let moved = format!("{one}.{two}.1");
        ensure!(scene.requests().get_opt(&moved).await?.is_none(), "it was asked for twice");
        delete(&scene.virtual_meshes(), one).await?;
        scene.submit(&moved, crate::request_for(&[&crate::identity(one)])?).await?;
        judge::issued_once(scene, &moved).await?;
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

#[test]
fn a_policy_that_is_taken_away_approves_nothing_and_is_asked_for_again() {
    run(async |scene| {
        let name = "policy-gone";
        scene.make_both(name, |_, policy| policy.approval.mode = ApprovalMode::ThirdParty).await?;
        answer(scene, name).await?;
        scene.request_says(&first(name), "WaitingForApproval").await?;
        let policy = scene.policies().get(name).await?;
        delete(&scene.policies(), name).await?;
        let (state, message) = scene.virtual_mesh_says(name, "PolicyMissing").await?;
        ensure!(state == "CONFLICT" && message.contains("create it again"), "{state}: {message}");
        ensure!(
            scene.policies().get_opt(name).await?.is_none(),
            "a default policy was made in its place"
        );
        ensure!(
            !scene.requests().get(&first(name)).await?.is_answered(),
            "what waited for a person was signed"
        );
        ensure!(scene.records().get_opt(&first(name)).await?.is_none(), "a decision was recorded");
        let mut again = policy.spec;
        again.approval.mode = ApprovalMode::Automatic;
        create(&scene.policies(), TrustPolicy::new(name, again)).await?;
        judge::issued_once(scene, &first(name)).await?;
        Ok(())
    });
}

#[test]
fn a_member_that_claims_that_all_is_well_does_not_speak_for_the_others() {
    run(async |scene| {
        let (mesh, other) = ("claims", "claims-other");
        scene.make_mesh(other).await?;
        scene.make_both(mesh, |spec, _| spec.meshes.push(ResourceRef::new(other, HOME))).await?;
        answer(scene, mesh).await?;
        judge::issued_once(scene, &first(mesh)).await?;
        let claim = json!({ "status": { "installed": first(mesh), "pickup": "Confirmed", "message": "Ready: all" } });
        let agent: Api<MeshTrust> = Api::namespaced(scene.agent.clone(), HOME);
        agent.patch_status(mesh, &PatchParams::default(), &Patch::Merge(&claim)).await?;
        let counted =
            |policy: &TrustPolicy| policy.status.as_ref().is_some_and(|status| status.loaded == 1);
        let policy = until("the claim is counted", &scene.policies(), mesh, counted).await?;
        let ready = policy.status.unwrap_or_default().conditions;
        let told: Vec<_> = ready.iter().map(|one| (&*one.type_, &*one.status)).collect();
        ensure!(told == [("Ready", "False"), ("Reconciling", "True")], "{ready:?}");
        Ok(())
    });
}

/// Nothing was asked for.
async fn untouched(scene: &Scene, mesh: &str) -> Result<()> {
    ensure!(
        scene.requests().get_opt(&first(mesh)).await?.is_none(),
        "a request was made all the same"
    );
    Ok(())
}

#[test]
fn a_mesh_whose_name_is_longer_than_a_label_gets_its_certificate() {
    run(async |scene| {
        let mesh = format!("long-{}", "m".repeat(62));
        scene.make_mesh(&mesh).await?;
        scene
            .make_virtual_mesh("long", |spec, _| spec.meshes = vec![ResourceRef::new(&mesh, HOME)])
            .await?;
        let request = format!("{mesh}.long.1");
        scene.submit(&request, crate::request_for(&[])?).await?;
        judge::issued_once(scene, &request).await?;
        Ok(())
    });
}

/// What becomes wrong with a virtual mesh after its member has a certificate, and the word for it.
#[rstest]
#[case("late-limited", "LimitedTrustUnsupported", json!({ "limited": {}, "shared": null }))]
#[case("late-access", "AccessControlUnsupported", json!({ "enforceAccessControl": true }))]
#[case("late-missing", "MeshMissing", json!({ "meshes": [
    { "name": "late-missing", "namespace": HOME }, { "name": "nowhere", "namespace": HOME },
] }))]
#[case("late-root", "RootSecretMissing", json!({ "certificateAuthority": { "builtin": null, "provided": {
    "certificate": { "name": "there-is-none", "namespace": "meshroot-system" },
} } }))]
fn what_was_issued_is_delivered_whatever_becomes_wrong_with_the_virtual_mesh(
    #[case] name: &str,
    #[case] reason: &str,
    #[case] spec: serde_json::Value,
) {
    run(async |scene| {
        scene.make_both(name, |_, _| ()).await?;
        let second = answered_and_renewed(scene, name).await?;
        merge(&scene.virtual_meshes(), name, &json!({ "spec": spec })).await?;
        scene.virtual_mesh_says(name, reason).await?;
        issue_behind_the_hubs_back(scene, name, &second).await
    });
}

#[test]
fn what_was_issued_is_delivered_to_a_mesh_that_another_virtual_mesh_claims_too() {
    run(async |scene| {
        let name = "late-claimed";
        scene.make_both(name, |_, _| ()).await?;
        let second = answered_and_renewed(scene, name).await?;
        let claims = "late-claims";
        let shared = vec![ResourceRef::new(name, HOME)];
        scene.make_virtual_mesh(claims, |spec, _| spec.meshes = shared).await?;
        scene.virtual_mesh_says(claims, "MeshInTwoVirtualMeshes").await?;
        scene.virtual_mesh_says(name, "WaitingForPickup").await?;
        issue_behind_the_hubs_back(scene, name, &second).await?;
        let claimed = format!("{name}.{claims}.1");
        ensure!(scene.requests().get_opt(&claimed).await?.is_none(), "it was asked for twice");
        delete(&scene.virtual_meshes(), claims).await
    });
}

#[test]
fn what_was_issued_is_delivered_when_the_policy_is_gone_by_then() {
    run(async |scene| {
        let name = "late-policy";
        scene.make_both(name, |_, _| ()).await?;
        let second = answered_and_renewed(scene, name).await?;
        delete(&scene.policies(), name).await?;
        scene.virtual_mesh_says(name, "PolicyMissing").await?;
        issue_behind_the_hubs_back(scene, name, &second).await
    });
}

#[test]
fn one_members_conflict_keeps_no_other_member_from_its_first_certificate() {
    run(async |scene| {
        let (name, twice) = ("settled", "settled-twice");
        scene.make_mesh(twice).await?;
        let member = || ResourceRef::new(twice, HOME);
        scene.make_virtual_mesh(twice, |spec, _| spec.meshes = vec![member()]).await?;
        until("the first has it", &scene.trusts(), twice, |_: &MeshTrust| true).await?;
        scene.make_both(name, |spec, _| spec.meshes.push(member())).await?;
        let (_, message) = scene.virtual_mesh_says(name, "MeshInTwoVirtualMeshes").await?;
        ensure!(message.contains(twice), "{message}");
        answer(scene, name).await?;
        judge::issued_once(scene, &first(name)).await?;
        Ok(())
    });
}

/// The first certificate is issued, and the second request exists without a CSR.
async fn answered_and_renewed(scene: &Scene, name: &str) -> Result<String> {
    answer(scene, name).await?;
    judge::issued_once(scene, &first(name)).await?;
    let named = |trust: &MeshTrust| trust.spec.request == first(name);
    until("MeshTrust names the first", &scene.trusts(), name, named).await?;
    let second = format!("{name}.{name}.2");
    let asked = scene.requests().get(&first(name)).await?;
    let mut next = Request::new(&second, asked.spec);
    next.spec.csr_data = Bytes::default();
    create(&scene.requests(), next).await?;
    Ok(second)
}

/// Answers the request in the hub's place, as a hub that stopped right after the answer left it, and sees that it is
/// delivered. What is answered is what the first was: the tests' agent looks at the name alone.
async fn issue_behind_the_hubs_back(scene: &Scene, name: &str, second: &str) -> Result<()> {
    let answer = scene.requests().get(&first(name)).await?.status_or_default().response;
    let answered = json!({ "status": { "response": answer } });
    let fleet = scene.fleet.read().await;
    let token = fleet.hub.service_account_token(SYSTEM_NAMESPACE, "meshroot-hub", "").await?;
    let hub: Api<Request> = Api::namespaced(fleet.hub.client_for_token(&token).await?, HOME);
    hub.patch_status(second, &PatchParams::default(), &Patch::Merge(&answered)).await?;
    let named = |trust: &MeshTrust| trust.spec.request == second;
    until("MeshTrust names the renewal", &scene.trusts(), name, named).await?;
    Ok(())
}

#[test]
fn a_changed_identity_is_asked_for_while_the_request_for_the_old_one_waits() {
    run(async |scene| {
        let name = "changes";
        scene.make_both(name, |_, policy| policy.approval.mode = ApprovalMode::ThirdParty).await?;
        answer(scene, name).await?;
        scene.request_says(&first(name), "WaitingForApproval").await?;
        let domain =
            json!({ "spec": { "istio": { "citadelInfo": { "trustDomain": "new.example" } } } });
        merge(&scene.meshes(), name, &domain).await?;
        let identity = format!("spiffe://new.example/ns/{name}/sa/istiod");
        let asks = |request: &Request| request.spec.cert_config.hosts == [identity.clone()];
        until("the next asks for it", &scene.requests(), &format!("{name}.{name}.2"), asks).await?;
        Ok(())
    });
}

#[test]
fn a_virtual_mesh_that_comes_back_before_its_policy_does_not_approve_what_waited_for_a_person() {
    run(async |scene| {
        let name = "comes-back";
        scene.make_both(name, |_, policy| policy.approval.mode = ApprovalMode::ThirdParty).await?;
        answer(scene, name).await?;
        scene.request_says(&first(name), "WaitingForApproval").await?;
        let made = scene.virtual_meshes().get(name).await?;
        delete(&scene.virtual_meshes(), name).await?;
        delete(&scene.policies(), name).await?;
        scene.request_says(&first(name), "UnknownVirtualMesh").await?;
        create(&scene.virtual_meshes(), VirtualMesh::new(name, made.spec)).await?;
        scene.virtual_mesh_says(name, "PolicyMissing").await?;
        ensure!(scene.policies().get_opt(name).await?.is_none(), "a default policy was made");
        ensure!(!scene.requests().get(&first(name)).await?.is_answered(), "it was signed");
        Ok(())
    });
}
