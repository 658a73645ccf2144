//! A decision carries the name of whoever writes it, and no other.

use kube::Client;
use meshroot_api::names::{ASKED_ANNOTATION, KEY_BROUGHT_BY_ANNOTATION};
use meshroot_api::record::{LONGEST_FACTS, LONGEST_USER};
use meshroot_api::security::{ApprovalStatus, ThirdPartyApprovalWorkflow};
use serde_json::{Value, json};

use crate::approval::{approve, csr_for, grant};
use crate::setup::{
    EAST, MESHES, Server, WEST, asked, assert_refused, bind, create, delete, issuance_record, name,
    patch, patch_status, request, request_approval, resource, with_everything,
    without_mutating_policies,
};

fn demo() -> Value {
    json!({ "name": "demo", "namespace": MESHES })
}

/// The name that the server knows a user of these tests by.
fn full(user: &str) -> String {
    format!("system:serviceaccount:people:{user}")
}

/// A client of one who may approve on the virtual mesh `demo`, by status and by RequestApproval.
async fn approver(server: &Server, user: &str) -> Client {
    grant(server, user, MESHES, &[approve(&["demo"])]).await;
    let approvals = json!({
        "apiGroups": ["meshroot.dev"], "resources": ["requestapprovals"],
        "verbs": ["create", "delete", "patch", "update"],
    });
    bind(server, user, &format!("{user}-approvals"), None, &[approvals]).await;
    server.user(("people", user)).await
}

async fn waiting(server: &Server, name: &str) -> Value {
    let mut object = asked(request(EAST, name, &csr_for(&demo())));
    object["metadata"]["annotations"][KEY_BROUGHT_BY_ANNOTATION] = json!("admin");
    create(&server.admin().await, &object).await.unwrap();
    object
}

async fn decide(
    client: &Client,
    object: &Value,
    decision: &str,
    message: &str,
) -> kube::Result<()> {
    let decision = json!({ "approvalStatus": decision, "message": message });
    patch_status(client, object, json!({ "thirdPartyApproval": decision })).await.map(drop)
}

/// Who decided, and what they said, as the hub reads it.
async fn decided(server: &Server, object: &Value) -> (String, String) {
    let client = server.admin().await;
    let object = resource(&client, object).get(name(object)).await.unwrap();
    let workflow = object.data["status"]["thirdPartyApproval"].clone();
    let workflow: ThirdPartyApprovalWorkflow = serde_json::from_value(workflow).unwrap();
    let person = workflow.person().unwrap();
    (person.user, person.message)
}

#[tokio::test]
async fn the_server_puts_the_name_of_whoever_decides_before_what_they_say() {
    let server = with_everything().await;
    let client = approver(&server, "stamped").await;
    let cases = [
        ("APPROVED", "", ""),
        ("APPROVED", "CHG-1: urgent", "CHG-1: urgent"),
        ("DENIED", "not today", "not today"),
        // Claims are only what somebody says.
        ("APPROVED", "approved by eve: CHG-2", "approved by eve: CHG-2"),
        (
            "APPROVED",
            "denied by system:serviceaccount:people:stamped",
            "denied by system:serviceaccount:people:stamped",
        ),
        ("APPROVED", "approved by system:serviceaccount:people:stamped: mine", "mine"),
        (
            "APPROVED",
            "approved by system:serviceaccount:people:stampede: x",
            "approved by system:serviceaccount:people:stampede: x",
        ),
    ];
    for (number, (decision, message, said)) in cases.iter().enumerate() {
        let object = waiting(&server, &format!("stamped.{number}")).await;
        decide(&client, &object, decision, message).await.unwrap();
        assert_eq!(
            decided(&server, &object).await,
            (full("stamped"), (*said).to_owned()),
            "{message}"
        );
    }
}

#[tokio::test]
async fn without_mutating_policies_a_decision_must_name_its_writer() {
    let server = without_mutating_policies().await;
    let client = approver(&server, "named").await;
    let object = waiting(&server, "named.1").await;
    for message in [
        "",
        "CHG-1",
        "approved by eve: CHG-1",
        "approved by system:serviceaccount:people:name",
        "approved by system:serviceaccount:people:named2: x",
        "approved by system:serviceaccount:people:named:x",
        "denied by system:serviceaccount:people:named: x",
        " approved by system:serviceaccount:people:named: x",
    ] {
        let result = decide(&client, &object, "APPROVED", message).await;
        assert_refused(result, "a decision names whoever writes it: `approved by NAME: why`");
    }
    let message = format!("approved by {}: CHG-1", full("named"));
    decide(&client, &object, "APPROVED", &message).await.unwrap();
    assert_eq!(decided(&server, &object).await, (full("named"), "CHG-1".to_owned()));
    let without = request_approval(EAST, "named.2", &demo());
    assert_refused(create(&client, &without).await, "spec.user is the name of whoever creates");
    let mut with = without;
    with["spec"]["user"] = json!(full("named"));
    create(&client, &with).await.unwrap();
}

#[tokio::test]
async fn what_was_decided_is_rewritten_by_nobody_who_may_decide() {
    let server = with_everything().await;
    let (first, second) = (approver(&server, "first").await, approver(&server, "second").await);
    let object = waiting(&server, "rewritten.1").await;
    decide(&first, &object, "APPROVED", "CHG-1").await.unwrap();
    let mine = format!("approved by {}: CHG-1", full("second"));
    for (client, message) in [(&second, mine.as_str()), (&second, "x"), (&first, "CHG-2")] {
        let result = decide(client, &object, "APPROVED", message).await;
        assert_refused(result, "is final once it is APPROVED or DENIED");
    }
    assert_eq!(decided(&server, &object).await, (full("first"), "CHG-1".to_owned()));
}

#[tokio::test]
async fn one_status_does_not_stand_for_several_people_but_one_denial_does() {
    let server = with_everything().await;
    let client = approver(&server, "alone").await;
    let mut object = request(EAST, "alone.1", &csr_for(&demo()));
    object["metadata"]["annotations"] = json!({ ASKED_ANNOTATION: "{\"approvals\":2}" });
    create(&server.admin().await, &object).await.unwrap();
    let result = decide(&client, &object, "APPROVED", "CHG-1").await;
    assert_refused(result, "several people must approve this request, each with a RequestApproval");
    decide(&client, &object, "DENIED", "no").await.unwrap();
}

#[tokio::test]
async fn an_approval_is_of_whoever_creates_it() {
    let server = with_everything().await;
    let client = approver(&server, "voter").await;
    let approval = request_approval(EAST, "voter.1", &demo());
    let created = create(&client, &approval).await.unwrap();
    assert_eq!(created.data["spec"]["user"], json!(full("voter")));
    let mut forged = request_approval(EAST, "voter.2", &demo());
    for user in ["eve", "system:serviceaccount:people:vote", "admin", " "] {
        forged["spec"]["user"] = json!(user);
        assert_refused(create(&client, &forged).await, "spec.user is the name of whoever creates");
    }
    // Not even by whoever may do everything.
    forged["spec"]["user"] = json!(full("voter"));
    let admin = server.admin().await;
    assert_refused(create(&admin, &forged).await, "spec.user is the name of whoever creates");
}

#[tokio::test]
async fn an_approval_is_given_by_those_who_may_on_that_virtual_mesh() {
    let server = with_everything().await;
    let client = approver(&server, "limited").await;
    for virtual_mesh in [
        json!({ "name": "other", "namespace": MESHES }),
        json!({ "name": "demo", "namespace": EAST }),
        json!({ "name": "demo", "cluster": "east" }),
        json!({ "name": "demo" }),
        json!({}),
    ] {
        let approval = request_approval(EAST, "limited.1", &virtual_mesh);
        assert_refused(
            create(&client, &approval).await,
            "those who may approve on the virtual mesh",
        );
    }
}

#[tokio::test]
async fn an_agent_neither_gives_nor_withdraws_an_approval_whatever_its_roles_say() {
    let server = with_everything().await;
    let admin = server.admin().await;
    let rules = [
        json!({ "apiGroups": ["meshroot.dev"], "resources": ["requestapprovals"], "verbs": ["*"] }),
        approve(&["demo"]),
    ];
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": { "name": "agents-that-approve" }, "rules": rules,
    });
    create(&admin, &role).await.unwrap();
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": { "name": "agents-that-approve" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "agents-that-approve" },
        "subjects": [{ "kind": "ServiceAccount", "name": "meshroot-agent", "namespace": WEST }],
    });
    create(&admin, &binding).await.unwrap();
    let agent = server.agent(WEST).await;
    let own = request_approval(WEST, "agent.1", &demo());
    assert_refused(create(&agent, &own).await, "never by an agent");
    create(&admin, &own).await.unwrap();
    assert_refused(delete(&agent, &own).await, "is never deleted by an agent");
    delete(&admin, &own).await.unwrap();
}

#[tokio::test]
async fn an_approval_never_changes() {
    let server = with_everything().await;
    let admin = server.admin().await;
    let approval = request_approval(EAST, "kept.1", &demo());
    create(&admin, &approval).await.unwrap();
    for change in [
        json!({ "sha256": "cd".repeat(32) }),
        json!({ "user": "eve" }),
        json!({ "request": "kept.2" }),
        json!({ "message": "another" }),
    ] {
        let result = patch(&admin, &approval, json!({ "spec": change })).await;
        assert_refused(result, "an approval never changes");
    }
}

/// A record that the server refuses would hold up its whole ledger.
#[tokio::test]
async fn the_longest_record_of_a_decision_by_people_is_taken() {
    let server = with_everything().await;
    let time = "2026-01-01T00:00:00Z";
    let person =
        json!({ "user": "ü".repeat(LONGEST_USER), "message": "ü".repeat(1024), "time": time });
    let mut record = issuance_record(EAST, "longest.1");
    record["spec"]["facts"] = json!("ü".repeat(LONGEST_FACTS));
    record["spec"]["decision"]["people"] = json!(vec![person; 16]);
    record["spec"]["decision"]["message"] = json!("ü".repeat(16 * 1026));
    record["spec"]["decision"]["askedSha256"] = json!("ab".repeat(32));
    create(&server.hub().await, &record).await.unwrap();
    let long = ThirdPartyApprovalWorkflow::signed(
        ApprovalStatus::Approved,
        &"ü".repeat(16 * 1026),
        &"ü".repeat(16 * 1026),
    );
    let object = waiting(&server, "longest.2").await;
    let decision = json!({ "approvalStatus": "APPROVED", "message": long });
    patch_status(&server.hub().await, &object, json!({ "thirdPartyApproval": decision }))
        .await
        .unwrap();
}

#[tokio::test]
async fn whoever_brings_a_key_is_named_by_the_server() {
    let server = with_everything().await;
    let client = approver(&server, "bringer").await;
    let bare = request(EAST, "bringer.1", &csr_for(&demo()));
    let mut labelled = request(EAST, "bringer.2", &csr_for(&demo()));
    labelled["metadata"]["annotations"] = json!({ "note": "kept" });
    for object in [bare, labelled] {
        let created = create(&client, &object).await.unwrap();
        let annotations = created.metadata.annotations.unwrap();
        assert_eq!(annotations[KEY_BROUGHT_BY_ANNOTATION], full("bringer"));
        let change = json!({ "metadata": { "annotations": { KEY_BROUGHT_BY_ANNOTATION: null } } });
        let admin = server.admin().await;
        assert_refused(patch(&admin, &object, change).await, "key-brought-by");
    }
    let mut forged = request(EAST, "bringer.3", &csr_for(&demo()));
    forged["metadata"]["annotations"] = json!({ KEY_BROUGHT_BY_ANNOTATION: "eve" });
    assert_refused(create(&client, &forged).await, "key-brought-by");
    let mut empty = request(EAST, "bringer.4", &json!({ "virtualMeshRef": demo() }));
    create(&client, &empty).await.unwrap();
    empty["metadata"] = json!({
        "name": "bringer.5", "namespace": EAST,
        "annotations": { KEY_BROUGHT_BY_ANNOTATION: full("bringer") },
    });
    assert_refused(create(&client, &empty).await, "no other request names anybody");
    let unstamped = without_mutating_policies().await;
    let client = approver(&unstamped, "bringer").await;
    let bare = request(EAST, "bringer.1", &csr_for(&demo()));
    assert_refused(create(&client, &bare).await, "names whoever creates it");
}

#[tokio::test]
async fn an_agent_gives_a_request_no_owner_with_whose_end_it_would_go() {
    let server = with_everything().await;
    let agent = server.agent(EAST).await;
    let owner = json!([{ "apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "u" }]);
    let mut object = request(EAST, "owned.1", &json!({ "virtualMeshRef": demo() }));
    create(&agent, &object).await.unwrap();
    let change = json!({ "metadata": { "ownerReferences": owner } });
    assert_refused(patch(&agent, &object, change).await, "gives a request no owner");
    object["metadata"] = json!({ "name": "owned.2", "namespace": EAST, "ownerReferences": owner });
    assert_refused(create(&agent, &object).await, "gives a request no owner");
}

#[tokio::test]
async fn an_approval_is_withdrawn_by_its_giver_or_by_those_who_may_approve_there() {
    let server = with_everything().await;
    let (giver, peer) = (approver(&server, "giver").await, approver(&server, "peer").await);
    grant(&server, "stranger", MESHES, &[approve(&["other"])]).await;
    let approvals = json!({
        "apiGroups": ["meshroot.dev"], "resources": ["requestapprovals"], "verbs": ["delete"],
    });
    bind(&server, "stranger", "stranger-approvals", None, &[approvals]).await;
    let stranger = server.user(("people", "stranger")).await;
    for (number, other) in [(1, &giver), (2, &peer)] {
        let approval = request_approval(EAST, &format!("giver.{number}"), &demo());
        create(&giver, &approval).await.unwrap();
        assert_refused(delete(&stranger, &approval).await, "is withdrawn by whoever gave it");
        delete(other, &approval).await.unwrap();
    }
}

#[tokio::test]
async fn an_approval_counts_for_a_minute_at_least() {
    let server = with_everything().await;
    let admin = server.admin().await;
    let policy = |valid_for: &str| {
        json!({
            "apiVersion": "meshroot.dev/v1alpha1", "kind": "TrustPolicy",
            "metadata": { "name": format!("valid-for-{}", valid_for.len()), "namespace": MESHES },
            "spec": { "virtualMeshRef": { "name": "x" }, "approval": { "validFor": valid_for } },
        })
    };
    for wrong in ["0s", "-1h", "59s", "week", "", "1d"] {
        assert_refused(
            create(&admin, &policy(wrong)).await,
            "a length of time of a minute or more",
        );
    }
    for right in ["60s", "1h30m"] {
        create(&admin, &policy(right)).await.unwrap();
    }
}
