use kube::Api;
use kube::api::ListParams;
use meshroot_api::RequestApproval;
use meshroot_api::security::ApprovalStatus;
use meshroot_testkit::wait;
use serde_json::json;

use crate::certificates::{intermediate_spec, root};
use crate::program::{has, run};
use crate::stage::{Hub, Place, file, hub};

/// The approvals in a place: who gave them, and what they said.
async fn approvals(hub: &Hub, place: &Place) -> Vec<(String, String)> {
    let api: Api<RequestApproval> = Api::namespaced(hub.admin.clone(), &place.namespace);
    let all = api.list(&ListParams::default()).await.unwrap();
    all.items.into_iter().map(|it| (it.spec.user, it.spec.message)).collect()
}

#[tokio::test]
async fn an_approval_names_what_was_approved_by_whom_and_why() {
    let hub = hub().await;
    let place = hub.place("approve").await;
    place.policy(&hub.admin, "demo").await;
    place.ask(1).await;
    let csr = place.csr(1).await;
    let told = hub.run(&["approve", &place.request_name(1), "--message", "CHG-1234"]).yes();
    has(&told, &["APPROVED", &csr.fingerprint().to_string(), "spiffe://cluster.local", "CHG-1234"]);
    has(&told, &["1 of 1 (admin): the hub signs it"]);
    let request = place.requests(&hub.admin).get(&place.request_name(1)).await.unwrap();
    assert_eq!(request.approval(), ApprovalStatus::Pending, "the hub says when it is decided");
    let given = ("admin".to_owned(), "CHG-1234".to_owned());
    assert_eq!(approvals(&hub, &place).await, std::slice::from_ref(&given));
    let described = hub.run(&["describe", "vmcsr", &place.full_name(1)]).yes();
    has(&described, &["1 of 1", "admin, ", "CHG-1234"]);
    has(&hub.run(&["get", "approvals", "-n", &place.namespace]).yes(), &["admin", "CHG-1234"]);

    // Once more is no second one.
    let json = hub.run(&["approve", &place.full_name(1), "-m", "again", "-o", "json"]).yes();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["items"][0]["spec"]["user"], "admin");
    assert_eq!(approvals(&hub, &place).await, [("admin".to_owned(), "again".to_owned())]);
}

#[tokio::test]
async fn an_approval_is_withdrawn_by_who_gave_it_until_it_is_decided() {
    let hub = hub().await;
    let place = hub.place("withdrawn").await;
    place.ask(1).await;
    place.csr(1).await;
    let name = place.full_name(1);
    let none = hub.run(&["approve", &name, "--withdraw"]).no(1);
    has(&none, &["has no approval of admin", "meshroot describe vmcsr"]);
    hub.run(&["approve", &name]).yes();
    has(&hub.run(&["approve", &name, "--withdraw"]).yes(), &["by admin is withdrawn"]);
    assert!(approvals(&hub, &place).await.is_empty());
    hub.run(&["deny", &name, "--message", "no"]).yes();
    has(&hub.run(&["approve", &name, "--withdraw"]).no(1), &["was DENIED already"]);
    hub.run(&["approve", "--withdraw"]).no(2);
    hub.run(&["approve", &name, "--withdraw", "--message", "x"]).no(2);
}

#[tokio::test]
async fn a_denial_is_final_and_names_who_and_why() {
    let hub = hub().await;
    let place = hub.place("refused").await;
    place.ask(1).await;
    place.csr(1).await;
    let told = hub.run(&["deny", &place.full_name(1), "--message", "CHG-1234"]).yes();
    has(&told, &["DENIED", "CHG-1234", "admin"]);
    let request = place.requests(&hub.admin).get(&place.request_name(1)).await.unwrap();
    let decision = request.status_or_default().third_party_approval;
    assert_eq!(decision.message, "denied by admin: CHG-1234");
    assert!(decision.last_updated_time.is_some());
    let again = hub.run(&["approve", &place.full_name(1)]).no(1);
    has(&again, &["DENIED already", "CHG-1234", "s ago)"]);
    let denied = hub.run(&["deny", &place.full_name(1), "--message", "no"]).no(1);
    has(&denied, &["DENIED already", "  see: vmcsr", "  fix: "]);
}

#[tokio::test]
async fn without_a_name_and_without_a_terminal_nothing_is_approved() {
    let hub = hub().await;
    has(&hub.run(&["approve"]).no(2), &["there is no terminal to ask at", "meshroot get vmcsr -A"]);
}

#[tokio::test]
async fn an_approval_of_what_describe_showed_is_refused_for_anything_else() {
    let hub = hub().await;
    let place = hub.place("shown").await;
    place.ask(1).await;
    place.csr(1).await;
    let shown = hub.run(&["describe", "vmcsr", &place.request_name(1)]).yes();
    let digest = shown.split("--sha256 ").nth(1).and_then(|rest| rest.split_whitespace().next());
    let digest = digest.unwrap_or_default().to_owned();
    assert_eq!(digest.len(), 64, "{shown}");
    let other = "0".repeat(64);
    let text = hub.run(&["approve", &place.request_name(1), "--sha256", &other]).no(1);
    has(&text, &["is not what was shown", &digest, "meshroot describe vmcsr"]);
    hub.run(&["approve", &place.request_name(1), "--sha256", &digest]).yes();
    let two = [&*place.request_name(1), &*place.request_name(2)];
    hub.run(&["approve", two[0], two[1], "--sha256", &digest]).no(2);
}

#[tokio::test]
async fn a_request_without_a_csr_can_neither_be_approved_nor_denied() {
    let hub = hub().await;
    let place = hub.place("nocsr").await;
    place.ask(1).await;
    let text = hub.run(&["approve", &place.request_name(1)]).no(1);
    has(&text, &["nothing to decide on yet: the agent of nocsr", "field spec.csrData"]);
    hub.run(&["deny", &place.request_name(1), "--message", "x"]).no(1);
}

#[tokio::test]
async fn a_csr_that_cannot_be_read_can_only_be_denied() {
    let hub = hub().await;
    let place = hub.place("junk").await;
    place.ask(1).await;
    place.csr_data(1, b"junk").await;
    has(
        &hub.run(&["approve", &place.request_name(1)]).no(1),
        &["cannot be approved", "cannot be read"],
    );
    let told =
        hub.run(&["deny", &place.request_name(1), "--message", "no CSR", "-o", "json"]).yes();
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["items"][0]["status"]["thirdPartyApproval"]["approvalStatus"], "DENIED");
}

#[tokio::test]
async fn an_answered_request_is_beyond_decision() {
    let hub = hub().await;
    let place = hub.place("answered").await;
    place.ask(1).await;
    let csr = place.csr(1).await;
    let root = root("root");
    let certificate = root.certify(&intermediate_spec("a 1"), csr.public_key());
    place.answer(1, &[certificate], std::slice::from_ref(&root.certificate)).await;
    let text = hub.run(&["deny", &place.request_name(1), "--message", "late"]).no(1);
    has(&text, &["answered with a certificate already", "field status.response"]);
}

#[tokio::test]
async fn a_name_in_two_namespaces_must_say_which_and_nothing_is_decided_before_all_can_be() {
    let hub = hub().await;
    let (one, other) = (hub.place("twice-a").await, hub.place("twice-b").await);
    one.ask(1).await;
    one.csr(1).await;
    let name = one.request_name(1);
    let copy = json!({
        "apiVersion": "security.zephyr.solo.io/v1alpha1", "kind": "VirtualMeshCertificateSigningRequest",
        "metadata": { "name": name, "namespace": other.namespace }, "spec": {},
    });
    let copy = serde_json::from_value(copy).unwrap();
    other.requests(&other.hub).create(&kube::api::PostParams::default(), &copy).await.unwrap();

    let text = hub.run(&["approve", &name]).no(1);
    has(
        &text,
        &[
            "exists in 2 namespaces",
            &format!("{}/{name}", one.namespace),
            &format!("{}/{name}", other.namespace),
        ],
    );
    let second = format!("{}/{name}", other.namespace);
    hub.run(&["approve", &one.full_name(1), &second]).no(1);
    assert!(approvals(&hub, &one).await.is_empty());
    hub.run(&["approve", &name, "-n", &one.namespace]).yes();
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let hub = hub().await;
    has(
        &hub.run(&["approve", "nobody.demo.1"]).no(1),
        &["does not exist in any namespace", "meshroot get vmcsr -A"],
    );
    has(
        &hub.run(&["approve", "default/nobody.demo.1"]).no(1),
        &["default/nobody.demo.1 does not exist"],
    );
}

#[tokio::test]
async fn who_may_not_approve_is_told_which_role_allows_it() {
    let hub = hub().await;
    let place = hub.place("forbidden").await;
    place.ask(1).await;
    place.csr(1).await;
    let directory = tempfile::tempdir().unwrap();
    // Reads everything, writes nothing.
    let token = hub.server.service_account_token("default", "reader", "").await.unwrap();
    let kubeconfig = file(&directory, "kubeconfig", hub.server.kubeconfig(&token, "reader"));
    let name = place.full_name(1);
    has(
        &run(Some(&kubeconfig), &["approve", &name]).no(3),
        &["do not allow it", "meshroot-viewer"],
    );

    let grant = [
        "create",
        "clusterrolebinding",
        "reader",
        "--clusterrole=meshroot-viewer",
        "--serviceaccount=default:reader",
    ];
    crate::stage::kubectl(hub.kubeconfig(), &grant, b"").yes();
    let text = run(Some(&kubeconfig), &["approve", &name, "-v"]).no(3);
    has(&text, &["could not approve request", "meshroot-approver", "  cause: "]);
}

#[tokio::test]
async fn the_policy_refuses_an_agent_that_approves_itself() {
    let hub = hub().await;
    let place = hub.place("selfish").await;
    place.ask(1).await;
    place.csr(1).await;
    let directory = tempfile::tempdir().unwrap();
    let token =
        hub.server.service_account_token(&place.namespace, "meshroot-agent", "").await.unwrap();
    let kubeconfig = file(&directory, "kubeconfig", hub.server.kubeconfig(&token, "agent"));
    let name = place.full_name(1);
    let refused = async || {
        let answer = run(Some(&kubeconfig), &["approve", &name]);
        anyhow::ensure!(answer.code == 3, "{answer:?}");
        Ok(())
    };
    wait::until("the agent is refused", wait::LIMIT, refused).await.unwrap();
}

#[test]
fn a_denial_needs_a_reason() {
    assert_eq!(run(None, &["deny", "a.demo.1"]).code, 2);
}

#[tokio::test]
async fn an_empty_reason_is_none() {
    let hub = hub().await;
    has(&hub.run(&["deny", "a.demo.1", "--message", " "]).no(2), &["--message is empty"]);
}

#[test]
fn an_api_that_cannot_be_reached_is_exit_code_3() {
    let directory = tempfile::tempdir().unwrap();
    let config = json!({
        "clusters": [{ "name": "gone", "cluster": { "server": "https://127.0.0.1:1" } }],
        "users": [{ "name": "gone", "user": { "token": "very-secret" } }],
        "contexts": [{ "name": "gone", "context": { "cluster": "gone", "user": "gone" } }],
        "current-context": "gone",
    });
    let kubeconfig = file(&directory, "kubeconfig", config.to_string());
    let text = run(Some(&kubeconfig), &["approve", "a.demo.1", "-v"]).no(3);
    has(
        &text,
        &[
            "no answer from the server",
            "  fix: nothing listens at that address: check --kubeconfig and --context",
        ],
    );
    assert!(!text.contains("very-secret"), "{text}");
    has(
        &run(Some(&kubeconfig), &["get", "vm", "--context", "other"]).no(3),
        &["has no context \"other\"", "gone"],
    );
}
