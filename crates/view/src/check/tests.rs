use serde_json::{Value, json};

use super::*;

const NOW: &str = "2026-11-28T12:00:00Z";
const EAST: &str = "meshroot-cluster-east";

/// A hub where all is well, as JSON: each test spoils one thing.
fn well() -> Value {
    let at = |time: &str| format!("2026-11-28T{time}Z");
    let lease = |namespace: &str, name: &str| {
        json!({
            "metadata": { "name": name, "namespace": namespace },
            "spec": { "renewTime": at("11:59:50.000000") },
        })
    };
    let metadata = |namespace: &str, name: &str| {
        json!({
            "name": name, "namespace": namespace, "generation": 1, "creationTimestamp": at("08:00:00"),
        })
    };
    let reference = json!({ "name": "demo", "namespace": "meshroot-system" });
    json!({
        "hub": lease("meshroot-system", "meshroot-hub"),
        "agent": lease(EAST, "meshroot-agent"),
        "cluster": {
            "apiVersion": "discovery.zephyr.solo.io/v1alpha1", "kind": "KubernetesCluster",
            "metadata": metadata("meshroot-system", "east"), "spec": {},
        },
        "mesh": {
            "apiVersion": "discovery.zephyr.solo.io/v1alpha1", "kind": "Mesh",
            "metadata": metadata(EAST, "istio"), "spec": {},
        },
        "virtualMesh": {
            "apiVersion": "networking.zephyr.solo.io/v1alpha1", "kind": "VirtualMesh",
            "metadata": metadata("meshroot-system", "demo"),
            "spec": { "meshes": [{ "name": "istio", "namespace": EAST }] },
        },
        "policy": {
            "apiVersion": "meshroot.dev/v1alpha1", "kind": "TrustPolicy",
            "metadata": metadata("meshroot-system", "demo"),
            "spec": { "virtualMeshRef": reference },
            "status": {
                "observedGeneration": 1,
                "roots": [{
                    "fingerprint": "ab", "subject": "CN=demo root 1", "phase": "Signing",
                    "notAfter": "2036-11-28T12:00:00Z",
                }],
            },
        },
        "trust": {
            "apiVersion": "meshroot.dev/v1alpha1", "kind": "MeshTrust",
            "metadata": metadata(EAST, "istio"),
            "spec": { "request": "istio.demo.1", "trustAnchors": "", "key": "ECDSA-P256" },
            "status": {
                "pickup": "Confirmed", "installed": "istio.demo.1",
                "loaded": {
                    "request": "istio.demo.1", "fingerprint": "cd", "serial": "01",
                    "notBefore": "2026-11-01T00:00:00Z", "notAfter": "2027-02-01T00:00:00Z",
                },
                "conditions": [{
                    "type": "Loaded", "status": "True", "reason": "Loaded", "message": "",
                    "lastTransitionTime": at("08:00:00"),
                }],
            },
        },
        "request": {
            "apiVersion": "security.zephyr.solo.io/v1alpha1", "kind": "VirtualMeshCertificateSigningRequest",
            "metadata": metadata(EAST, "istio.demo.1"),
            "spec": { "virtualMeshRef": reference, "certConfig": {} },
            "status": {
                "response": { "caCertificate": "YQ==", "rootCertificate": "YQ==" },
                "computedStatus": { "state": "ACCEPTED", "message": "Issued: …" },
            },
        },
    })
}

/// What is there of each kind; `null` is not.
fn snapshot(objects: &Value) -> Snapshot {
    fn all<K: serde::de::DeserializeOwned>(objects: &Value, names: &[&str]) -> Vec<K> {
        let there = names.iter().map(|name| objects[*name].clone()).filter(|one| !one.is_null());
        there.map(|one| serde_json::from_value(one).unwrap()).collect()
    }
    Snapshot {
        virtual_meshes: all(objects, &["virtualMesh"]),
        policies: all(objects, &["policy"]),
        rotations: all(objects, &["rotation"]),
        meshes: all(objects, &["mesh"]),
        trusts: all(objects, &["trust"]),
        requests: all(objects, &["request", "newer"]),
        clusters: all(objects, &["cluster"]),
        leases: all(objects, &["hub", "agent"]),
        now: NOW.parse().unwrap(),
    }
}

/// The lines that come when the value at each pointer is another one.
fn found(changes: &[(&str, Value)]) -> Vec<String> {
    let mut objects = well();
    for (pointer, value) in changes {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        objects.pointer_mut(parent).unwrap()[field] = value.clone();
    }
    check(&snapshot(&objects)).iter().map(ToString::to_string).collect()
}

#[track_caller]
fn only(changes: &[(&str, Value)], line: &str) {
    let found = found(changes);
    assert!(
        matches!(&found[..], [one] if one.starts_with(line)),
        "{line:?} is not all of {found:#?}"
    );
}

#[test]
fn nothing_is_found_where_all_is_well() {
    assert_eq!(found(&[]), Vec::<String>::new());
}

#[test]
fn a_hub_and_agents_that_are_not_heard_are_problems() {
    only(
        &[("/hub/spec/renewTime", json!("2026-11-28T11:58:00.000000Z"))],
        "problem  Lease meshroot-system/meshroot-hub: the hub was last heard 2m ago: nothing is issued or delivered; next: ",
    );
    only(
        &[("/hub", Value::Null)],
        "problem  Lease meshroot-system/meshroot-hub: the hub was never heard",
    );
    only(
        &[("/agent/spec/renewTime", json!("2026-11-28T11:58:00.000000Z"))],
        "problem  cluster meshroot-system/east: its agent was last heard 2m ago: none of its meshes is renewed; next: ",
    );
    only(
        &[("/agent", Value::Null)],
        "problem  cluster meshroot-system/east: its agent was never heard",
    );
}

#[test]
fn what_a_virtual_mesh_waits_for_is_a_problem_once_somebody_must_act_or_it_takes_long() {
    let waits = |since: &str| {
        [
            ("/policy/status/waitingFor", json!("Issuing: 0 of 1 members have a certificate")),
            ("/policy/status/waitingSince", json!(format!("2026-11-28T{since}Z"))),
        ]
    };
    let line = |level| format!("{level:<8} vm meshroot-system/demo: Issuing: 0 of 1 members");
    only(&waits("11:51:00"), &line("note"));
    only(&waits("11:49:00"), &line("problem"));
    let stalled = json!([{
        "type": "Stalled", "status": "True", "reason": "RootSecretMissing", "message": "",
        "lastTransitionTime": NOW,
    }]);
    let [waiting, since] = waits("11:59:59");
    only(&[waiting, since, ("/policy/status/conditions", stalled)], &line("problem"));
}

#[test]
fn a_policy_that_the_hub_has_not_looked_at_is_told() {
    only(
        &[("/policy/metadata/generation", json!(2))],
        "problem  trustpolicy meshroot-system/demo: the hub has not looked at it as it is now; next: meshroot describe vm",
    );
}

#[test]
fn a_virtual_mesh_without_a_policy_says_itself_what_is_missing() {
    let said = json!({ "certificateStatus": { "state": "CONFLICT", "message": "PolicyMissing: create it again" } });
    only(
        &[("/policy", Value::Null), ("/virtualMesh/status", said)],
        "problem  vm meshroot-system/demo: PolicyMissing: create it again; next: meshroot describe vm meshroot-system/demo",
    );
    only(
        &[("/policy", Value::Null)],
        "problem  vm meshroot-system/demo: the hub says nothing of it",
    );
}

#[test]
fn a_root_that_ends_or_has_ended_is_a_problem() {
    only(
        &[("/policy/status/roots/0/notAfter", json!(NOW))],
        "problem  vm meshroot-system/demo: its root CN=demo root 1 ended 2026-11-28T12:00:00Z; next: docs/roots.md",
    );
    let ending = json!([{
        "type": "RootEnding", "status": "True", "reason": "RootEnds", "message": "it ends soon",
        "lastTransitionTime": NOW,
    }]);
    only(
        &[("/policy/status/conditions", ending)],
        "problem  vm meshroot-system/demo: it ends soon",
    );
}

#[test]
fn a_rotation_that_runs_is_a_note_and_a_stalled_one_a_problem() {
    let rotation = |generation: u32, status: Value| {
        let rotation = json!({
            "apiVersion": "meshroot.dev/v1alpha1", "kind": "RootRotation",
            "metadata": {
                "name": "demo.2", "namespace": "meshroot-system", "generation": generation,
                "creationTimestamp": "2026-11-28T08:00:00Z",
            },
            "spec": { "virtualMeshRef": { "name": "demo" } }, "status": status,
        });
        [("/rotation", rotation)]
    };
    let status = |step: &str, stalled: &str| {
        json!({
            "step": step, "waitingFor": "workloads of istio may still send it", "observedGeneration": 1,
            "conditions": [{
                "type": "Stalled", "status": stalled, "reason": "RootReplaced", "message": "",
                "lastTransitionTime": NOW,
            }],
        })
    };
    let line =
        |level| format!("{level:<8} rotation meshroot-system/demo.2: Trusting: workloads of istio");
    only(&rotation(1, status("Trusting", "False")), &line("note"));
    only(&rotation(1, status("Trusting", "True")), &line("problem"));
    assert_eq!(found(&rotation(1, status("Complete", "False"))), [""; 0]);
    only(
        &rotation(2, status("Complete", "False")),
        "problem  rotation meshroot-system/demo.2: the hub has not looked at it as it is now",
    );
}

#[test]
fn a_certificate_that_ends_before_it_is_renewed_is_a_problem() {
    let ends = |time: &str| [("/trust/status/loaded/notAfter", json!(time))];
    only(
        &ends("2026-11-30T00:00:00Z"),
        "problem  meshtrust meshroot-cluster-east/istio: the certificate that it uses ends 2026-11-30T00:00:00Z, and its \
         renewal is late; next: meshroot describe mesh meshroot-cluster-east/istio",
    );
    only(
        &ends("2026-11-28T11:59:59Z"),
        "problem  meshtrust meshroot-cluster-east/istio: the certificate that it uses ended",
    );
    assert_eq!(
        found(&ends("2026-12-07T00:00:00Z")),
        Vec::<String>::new(),
        "the agent's turn has come, half of the rest has not"
    );
}

#[test]
fn what_an_agent_reports_of_its_mesh_is_told_by_how_much_it_matters() {
    let says = |reason: &str, pickup: &str, since: &str| {
        let condition = json!([{
            "type": "Loaded", "status": "False", "reason": reason, "message": "so it is",
            "lastTransitionTime": format!("2026-11-28T{since}Z"),
        }]);
        vec![("/trust/status/conditions", condition), ("/trust/status/pickup", json!(pickup))]
    };
    let line = |level, reason| {
        format!("{level:<8} meshtrust meshroot-cluster-east/istio: {reason}: so it is")
    };
    only(&says("Requested", "Waiting", "11:59:00"), &line("note", "Requested"));
    only(&says("Requested", "Waiting", "11:40:00"), &line("problem", "Requested"));
    only(&says("RootWouldChange", "Unknown", "11:59:00"), &line("problem", "RootWouldChange"));
    only(&says("Installed", "RestartNeeded", "11:59:00"), &line("problem", "Installed"));
    assert_eq!(
        found(&says("WaitingForApproval", "Unknown", "08:00:00")),
        Vec::<String>::new(),
        "its request says so"
    );
}

#[test]
fn what_somebody_changed_behind_the_agents_back_is_told_for_a_day() {
    let changed = |time: &str| {
        let message = "Secret istio-system/cacerts was changed by argocd, and is as it was";
        ("/trust/status/putBack", json!({ "time": time, "message": message }))
    };
    only(
        &[changed("2026-11-28T11:00:00Z")],
        "note     meshtrust meshroot-cluster-east/istio: 60m ago: Secret istio-system/cacerts was changed by argocd",
    );
    assert_eq!(found(&[changed("2026-11-27T11:00:00Z")]), Vec::<String>::new());
}

#[test]
fn the_newest_request_of_a_mesh_is_told_until_it_is_answered() {
    let newer = |state: &str, message: &str, created: &str| {
        let mut request = well()["request"].clone();
        request["metadata"]["name"] = json!("istio.demo.2");
        request["metadata"]["creationTimestamp"] = json!(format!("2026-11-28T{created}Z"));
        request["status"] = json!({ "computedStatus": { "state": state, "message": message } });
        [("/newer", request)]
    };
    let line = |level, said| format!("{level:<8} vmcsr meshroot-cluster-east/istio.demo.2: {said}");
    only(&newer("UNKNOWN", "WaitingForAgent: …", "11:59:00"), &line("note", "WaitingForAgent"));
    only(&newer("UNKNOWN", "WaitingForAgent: …", "11:00:00"), &line("problem", "WaitingForAgent"));
    only(
        &newer("UNKNOWN", "WaitingForApproval: …", "08:00:00"),
        &line("note", "WaitingForApproval"),
    );
    only(&newer("INVALID", "WeakKey: …", "11:59:59"), &line("problem", "WeakKey"));
    only(&newer("UNKNOWN", "", "11:00:00"), &line("problem", "nobody has said anything of it"));
}

#[test]
fn an_earlier_request_that_was_never_answered_is_no_finding() {
    let mut newer = well()["request"].clone();
    newer["metadata"]["name"] = json!("istio.demo.2");
    let dead = json!({ "computedStatus": { "state": "CONFLICT", "message": "Superseded: …" } });
    assert_eq!(found(&[("/newer", newer), ("/request/status", dead)]), Vec::<String>::new());
}

#[test]
fn a_mesh_in_no_virtual_mesh_is_told_with_what_to_add() {
    only(
        &[("/virtualMesh/spec/meshes", json!([]))],
        "note     mesh meshroot-cluster-east/istio: it is in no virtual mesh; next: add {name: istio, namespace: \
         meshroot-cluster-east} to spec.meshes",
    );
}

#[test]
fn settings_that_could_be_stronger_are_notes() {
    let cases = [
        (
            "/policy/spec/root",
            json!({ "key": "RSA-2048" }),
            "spec.root.key: RSA-2048 is the weakest",
        ),
        (
            "/policy/spec/root",
            json!({ "key": "Ed25519" }),
            "spec.root.key: NSS, mbedTLS, BearSSL and pyca",
        ),
        (
            "/policy/spec/intermediate",
            json!({ "ttl": "9600h" }),
            "spec.intermediate.ttl: a stolen key of a mesh is believed for up to 400 days",
        ),
        (
            "/policy/spec/intermediate",
            json!({ "renewAtPercent": 90 }),
            "spec.intermediate.renewAtPercent: 90 leaves 10 %",
        ),
        (
            "/policy/spec/intermediate",
            json!({ "pathLen": 1 }),
            "spec.intermediate.pathLen: 1: whoever has a mesh's key",
        ),
    ];
    for (pointer, value, said) in cases {
        only(&[(pointer, value)], &format!("note     trustpolicy meshroot-system/demo: {said}"));
    }
}

#[test]
fn problems_come_first() {
    let lines = found(&[("/virtualMesh/spec/meshes", json!([])), ("/hub", Value::Null)]);
    assert!(lines[0].starts_with("problem") && lines[1].starts_with("note"), "{lines:#?}");
}

#[test]
fn a_revoked_certificate_that_is_believed_is_a_problem_with_the_rotation_as_the_next_step() {
    let conditions = json!([{
        "type": "KeyExposed", "status": "True", "reason": "Revoked", "message": "the key of a is believed stolen",
        "lastTransitionTime": "2026-11-28T08:00:00Z",
    }]);
    assert_eq!(
        found(&[("/policy/status/conditions", conditions)]),
        [
            "problem  vm meshroot-system/demo: the key of a is believed stolen; next: meshroot rotate root meshroot-system/demo --plan"
        ]
    );
}
