//! An agent that reaches for what is not its cluster's.

use serde_json::{Value, json};

use crate::attempt::{Attempt, allowed, hold, no_right, refused};
use crate::call::{create, delete, list, merge, read, replace, status, token};
use crate::objects::{
    EAST, SYSTEM, WEST, approval, by_admin, by_hub, claim, demo, lease, mesh, mesh_trust, object,
    plain, record, request,
};
use crate::setup::Who::Agent;
use crate::setup::binding;

#[tokio::test]
async fn an_agent_reaches_nothing_but_its_own_namespace() {
    hold(&attempts()).await;
}

pub(crate) fn attempts() -> Vec<Attempt> {
    let groups =
        [elsewhere(), leases(), ledger(), secrets(), tokens(), powers(), kinds(), controls()];
    groups.into_iter().flatten().collect()
}

fn event(namespace: &str) -> Value {
    let mut event = plain("Event", namespace, "seen");
    for (field, value) in [
        ("eventTime", json!("2026-01-01T00:00:00.000000Z")),
        ("reportingController", json!("meshroot.dev/agent")),
        ("reportingInstance", json!("one")),
        ("action", json!("Look")),
        ("reason", json!("Seen")),
        ("type", json!("Normal")),
        ("regarding", json!({ "kind": "Mesh", "name": "m", "namespace": namespace })),
    ] {
        event[field] = value;
    }
    event
}

fn elsewhere() -> Vec<Attempt> {
    let west = request(WEST, "west.1");
    let trust = mesh_trust(WEST, "west");
    let pickup = json!({ "pickup": "Confirmed" });
    let everywhere = plain("VirtualMeshCertificateSigningRequest", "", "any");
    vec![
        no_right("an agent makes a request for another cluster", Agent, create(&west)),
        no_right(
            "an agent adds a CSR to another cluster's request",
            Agent,
            merge(&west, json!({ "spec": { "csrData": "Q1NS" } })),
        ),
        no_right("an agent reads another cluster's requests", Agent, list(&west)),
        no_right("an agent reads the requests of all clusters", Agent, list(&everywhere)),
        no_right("an agent makes a Mesh for another cluster", Agent, create(&mesh(WEST, "west"))),
        no_right("an agent says what another cluster has loaded", Agent, status(&trust, pickup))
            .after(by_hub(&trust)),
    ]
}

fn leases() -> Vec<Attempt> {
    let mut strayed = request(EAST, "strayed.1");
    strayed["metadata"]["namespace"] = json!(WEST);
    vec![
        no_right(
            "an agent takes another cluster's Lease",
            Agent,
            merge(&lease(WEST, "meshroot-agent"), json!({ "spec": { "holderIdentity": "east" } })),
        )
        .after(by_admin(&lease(WEST, "meshroot-agent"))),
        no_right(
            "an agent makes a Lease for another cluster",
            Agent,
            create(&lease(WEST, "another")),
        ),
        no_right(
            "an agent takes the hub's Lease",
            Agent,
            merge(&lease(SYSTEM, "meshroot-hub"), json!({ "spec": { "holderIdentity": "east" } })),
        )
        .after(by_admin(&lease(SYSTEM, "meshroot-hub"))),
        no_right("an agent writes another cluster's events", Agent, create(&event(WEST))),
        refused(
            "an agent names another cluster's namespace in its own",
            Agent,
            create(&strayed).at(&request(EAST, "strayed.1")),
            "does not match the namespace",
        ),
    ]
}

fn ledger() -> Vec<Attempt> {
    let entry = record(EAST, "agents.1");
    let approved = json!({ "spec": { "decision": { "verdict": "Approved" } } });
    let told = mesh_trust(EAST, "told");
    let anchors = json!({ "spec": { "trustAnchors": "another" } });
    vec![
        no_right(
            "an agent writes a record of what was never decided",
            Agent,
            create(&record(EAST, "agents.2")),
        ),
        no_right("an agent rewrites a record", Agent, merge(&entry, approved))
            .after(by_hub(&entry)),
        no_right("an agent deletes a record", Agent, delete(&entry)),
        no_right("an agent reads the ledger", Agent, list(&entry)),
        no_right("an agent reads how far its ledger has come", Agent, read(&claim()))
            .after(by_hub(&claim())),
        no_right(
            "an agent sets its ledger back",
            Agent,
            replace(&claim(), json!({ "data": { "entry": "{}" } })),
        ),
        no_right(
            "an agent claims a number in another ledger",
            Agent,
            create(&plain("ConfigMap", SYSTEM, "meshroot-ledger.meshroot-cluster-west")),
        ),
        no_right("an agent tells itself what to trust", Agent, merge(&told, anchors))
            .after(by_hub(&told)),
        no_right("an agent makes a MeshTrust", Agent, create(&mesh_trust(EAST, "untold"))),
        no_right("an agent deletes what it was told", Agent, delete(&told)),
    ]
}

fn secrets() -> Vec<Attempt> {
    let root = plain("Secret", SYSTEM, "demo-ca-certs");
    let mut forever = plain("Secret", EAST, "forever");
    forever["type"] = json!("kubernetes.io/service-account-token");
    forever["metadata"]["annotations"] =
        json!({ "kubernetes.io/service-account.name": "meshroot-agent" });
    vec![
        no_right("an agent reads the root key", Agent, read(&root)).after(by_admin(&root)),
        no_right("an agent lists the hub's Secrets", Agent, list(&root)),
        no_right(
            "an agent reads a Secret beside its requests",
            Agent,
            read(&plain("Secret", EAST, "any")),
        ),
        no_right("an agent makes itself a token without an end", Agent, create(&forever)),
    ]
}

fn tokens() -> Vec<Attempt> {
    vec![
        no_right(
            "an agent asks for a token of the hub",
            Agent,
            token(SYSTEM, "meshroot-hub", 3600),
        ),
        no_right(
            "an agent asks for a token of another agent",
            Agent,
            token(WEST, "meshroot-agent", 3600),
        ),
        no_right(
            "an agent asks for a token of another account of its namespace",
            Agent,
            token(EAST, "default", 3600),
        ),
        refused(
            "an agent asks for a token of a day more than thirty",
            Agent,
            token(EAST, "meshroot-agent", 31 * 86_400),
            "an agent's token lives 30 days (2592000) at most",
        ),
        refused(
            "an agent asks for a token of a hundred years",
            Agent,
            token(EAST, "meshroot-agent", 3_155_760_000),
            "an agent's token lives 30 days (2592000) at most",
        ),
    ]
}

fn powers() -> Vec<Attempt> {
    let mine = || list(&request(EAST, "any"));
    let quota = plain("ResourceQuota", EAST, "meshroot-agent");
    let policy = plain("ValidatingAdmissionPolicyBinding", "", "meshroot-requests");
    let hub = "system:serviceaccount:meshroot-system:meshroot-hub";
    let account = (EAST, "meshroot-agent");
    vec![
        no_right(
            "an agent is taken for the hub",
            Agent,
            mine().pretending(hub, "system:serviceaccounts"),
        ),
        no_right(
            "an agent is taken for an administrator",
            Agent,
            mine().pretending("admin", "system:masters"),
        )
        .in_other_words(),
        no_right(
            "an agent gives itself the rights of its namespace's administrator",
            Agent,
            create(&binding("rise", EAST, "ClusterRole", "admin", account)),
        ),
        no_right(
            "an agent gives itself all rights",
            Agent,
            create(&binding("rise", "", "ClusterRole", "cluster-admin", account)),
        ),
        no_right("an agent lifts a policy", Agent, delete(&policy)),
        no_right("an agent lifts its limits", Agent, delete(&quota)),
    ]
}

fn kinds() -> Vec<Attempt> {
    let cluster = object("KubernetesCluster", SYSTEM, "more", &json!({}));
    let virtual_mesh = object("VirtualMesh", EAST, "mine", &json!({}));
    let policy_of_mine =
        object("TrustPolicy", EAST, "mine", &json!({ "virtualMeshRef": { "name": "mine" } }));
    vec![
        no_right("an agent makes a further cluster", Agent, create(&cluster)),
        no_right("an agent makes a virtual mesh", Agent, create(&virtual_mesh)),
        no_right("an agent makes a policy that approves by itself", Agent, create(&policy_of_mine)),
        no_right(
            "an agent approves its own request by an object",
            Agent,
            create(&approval(EAST, "mine.1", &demo())),
        ),
        no_right(
            "an agent withdraws what others approved",
            Agent,
            delete(&approval(EAST, "theirs.1", &demo())),
        )
        .after(by_admin(&approval(EAST, "theirs.1", &demo()))),
        no_right(
            "an agent deletes a Mesh that a virtual mesh counts on",
            Agent,
            delete(&mesh(EAST, "counted")),
        )
        .after(by_admin(&mesh(EAST, "counted"))),
    ]
}

fn controls() -> Vec<Attempt> {
    let told = mesh_trust(EAST, "reported");
    vec![
        allowed("an agent makes a Mesh", Agent, create(&mesh(EAST, "own"))),
        allowed(
            "an agent says what it has loaded",
            Agent,
            status(&told, json!({ "pickup": "Confirmed" })),
        )
        .after(by_hub(&told)),
        allowed("an agent makes its Lease", Agent, create(&lease(EAST, "meshroot-agent"))),
        allowed("an agent writes an event", Agent, create(&event(EAST))),
        allowed("an agent reads its own requests", Agent, list(&request(EAST, "any"))),
        allowed(
            "an agent asks for a token of thirty days",
            Agent,
            token(EAST, "meshroot-agent", 2_592_000),
        ),
    ]
}
