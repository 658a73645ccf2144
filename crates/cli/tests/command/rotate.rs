use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use meshroot_api::rotation::RootRotationStatus;
use meshroot_api::shared::ResourceRef;
use meshroot_api::{RootRotation, TrustPolicy, VirtualMesh};
use serde_json::{Value, json};

use crate::certificates::root;
use crate::program::has;
use crate::stage::{Hub, Place, hub};

/// A virtual mesh with the policy that its hub made; no hub runs.
async fn virtual_mesh(hub: &Hub, name: &str) {
    let root =
        json!({ "fingerprint": "00".repeat(32), "subject": "CN=root 1", "phase": "Signing" });
    virtual_mesh_of(hub, name, &json!([]), &json!([root])).await;
}

/// One with these members, and these roots in the status of its policy.
async fn virtual_mesh_of(hub: &Hub, name: &str, meshes: &Value, roots: &Value) {
    let object = json!({
        "apiVersion": "networking.zephyr.solo.io/v1alpha1", "kind": "VirtualMesh",
        "metadata": { "name": name, "namespace": "meshroot-system" },
        "spec": { "meshes": meshes },
    });
    let meshes: Api<VirtualMesh> = Api::namespaced(hub.admin.clone(), "meshroot-system");
    meshes.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
    let policy = json!({
        "apiVersion": "meshroot.dev/v1alpha1", "kind": "TrustPolicy",
        "metadata": { "name": name, "namespace": "meshroot-system" },
        "spec": { "virtualMeshRef": { "name": name, "namespace": "meshroot-system" } },
    });
    let policies: Api<TrustPolicy> = Api::namespaced(hub.admin.clone(), "meshroot-system");
    policies
        .create(&PostParams::default(), &serde_json::from_value(policy).unwrap())
        .await
        .unwrap();
    let status = json!({ "status": { "roots": roots } });
    let (parameters, status) = (PatchParams::default(), Patch::Merge(&status));
    policies.patch_status(name, &parameters, &status).await.unwrap();
}

/// One whose only member was told that the goal is root 2, and nothing else yet.
async fn announced(hub: &Hub, name: &str) -> Place {
    let (place, root) = (hub.place(name).await, root("root 1"));
    let fingerprint = root.certificate.fingerprint().to_string();
    let new = "00".repeat(32);
    let meshes = json!([{ "name": place.mesh, "namespace": place.namespace }]);
    let roots = json!([
        { "number": 2, "fingerprint": new, "subject": "CN=root 2", "phase": "Signing", "replaces": 1, "crossSigned": true },
        { "number": 1, "fingerprint": fingerprint, "subject": "CN=root 1", "phase": "Retiring" },
    ]);
    virtual_mesh_of(hub, name, &meshes, &roots).await;
    place.trust(1, std::slice::from_ref(&root.certificate)).await;
    let told = json!({ "spec": { "rotation": {
        "virtualMesh": format!("meshroot-system/{name}"), "sends": { "issuer": fingerprint },
        "goal": { "sequence": 1, "number": 2, "root": new },
    } } });
    let (parameters, told) = (PatchParams::default(), Patch::Merge(&told));
    place.trusts(&place.hub).patch(&place.mesh, &parameters, &told).await.unwrap();
    place
}

fn rotations(hub: &Hub) -> Api<RootRotation> {
    Api::namespaced(hub.admin.clone(), "meshroot-system")
}

#[tokio::test]
async fn a_root_is_replaced_paused_and_rolled_back_by_the_object_that_is_created() {
    let hub = hub().await;
    virtual_mesh(&hub, "turns").await;
    has(
        &hub.run(&["rotate", "rollback", "turns"]).no(1),
        &[
            "no root of virtual mesh meshroot-system/turns is being replaced",
            "meshroot rotate root",
        ],
    );
    let asked = ["--way", "bundle-first", "--key", "ECDSA-P384", "--gate", "confirm"];
    let made = hub.run(&[&["rotate", "root", "turns"], asked.as_slice()].concat());
    has(&made.yes(), &["RootRotation meshroot-system/turns.2 created"]);
    let rotation = rotations(&hub).get("turns.2").await.unwrap();
    let spec = serde_json::to_value(&rotation.spec).unwrap();
    assert_eq!(
        (&spec["strategy"], &spec["newRoot"]["key"], &spec["gate"]),
        (&json!("BundleFirst"), &json!("ECDSA-P384"), &json!("Confirm"))
    );
    has(
        &hub.run(&["rotate", "confirm", "turns", "--yes"]).no(1),
        &["meshroot-system/turns: nothing waits for a confirmation now: Preparing"],
    );
    has(
        &hub.run(&["rotate", "root", "turns"]).no(1),
        &["is being replaced already", "RootRotation meshroot-system/turns.2", "rotate rollback"],
    );
    hub.run(&["rotate", "pause", "turns"]).yes();
    assert!(rotations(&hub).get("turns.2").await.unwrap().spec.paused);
    hub.run(&["rotate", "rollback", "turns"]).yes();
    let spec = rotations(&hub).get("turns.2").await.unwrap().spec;
    assert!(spec.rollback && !spec.paused, "{spec:?}");
}

#[tokio::test]
async fn the_next_number_follows_a_rotation_that_is_over() {
    let hub = hub().await;
    virtual_mesh(&hub, "again").await;
    hub.run(&["rotate", "root", "again"]).yes();
    let status = json!({ "status": RootRotationStatus { step: meshroot_api::rotation::Step::Complete, ..Default::default() } });
    let (parameters, status) = (PatchParams::default(), Patch::Merge(&status));
    rotations(&hub).patch_status("again.2", &parameters, &status).await.unwrap();
    has(
        &hub.run(&["rotate", "root", "again"]).yes(),
        &["RootRotation meshroot-system/again.3 created"],
    );
}

#[tokio::test]
async fn a_plan_changes_nothing_and_a_watch_ends_in_time() {
    let hub = hub().await;
    virtual_mesh(&hub, "plans").await;
    let plan = hub.run(&["rotate", "root", "plans", "--plan", "-o", "json"]).yes();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!((&plan["root"], &plan["blocked"]), (&json!(2), &Value::Null));
    assert!(rotations(&hub).get_opt("plans.2").await.unwrap().is_none());
    has(
        &hub.run(&["rotate", "root", "plans", "--watch", "--timeout", "1s"]).no(1),
        &[
            "RootRotation meshroot-system/plans.2 is not at its end after 1s",
            "continues without this command",
        ],
    );
}

#[tokio::test]
async fn what_cannot_be_rotated_is_named() {
    let hub = hub().await;
    has(&hub.run(&["rotate", "root", "nowhere"]).no(1), &["vm nowhere does not exist"]);
    has(&hub.run(&["trust", "nowhere"]).no(1), &["vm nowhere does not exist"]);
    let usage = hub.run(&["rotate", "root", "nowhere", "--key", "p256"]);
    assert_eq!(usage.code, 2, "{usage:?}");
    has(&usage.err, &["ECDSA-P384"]);
}

#[tokio::test]
async fn who_trusts_whom_is_shown_for_members_that_have_the_same_together() {
    let hub = hub().await;
    virtual_mesh(&hub, "trusts").await;
    let shown = hub.run(&["trust", "trusts"]).yes();
    has(&shown, &["VERIFIER", "AFTER-NEXT-STEP"]);
}

#[tokio::test]
async fn a_step_is_confirmed_by_somebody_who_was_shown_what_is_told_next() {
    let hub = hub().await;
    announced(&hub, "gated").await;
    let asked = json!({
        "apiVersion": "meshroot.dev/v1alpha1", "kind": "RootRotation",
        "metadata": { "name": "gated.2" },
        "spec": { "virtualMeshRef": { "name": "gated" }, "gate": "Confirm" },
    });
    let asked: RootRotation = serde_json::from_value(asked).unwrap();
    rotations(&hub).create(&PostParams::default(), &asked).await.unwrap();
    let plan = hub.run(&["rotate", "root", "gated", "--plan"]).yes();
    has(&plan, &["once Trusting is confirmed: meshroot rotate confirm meshroot-system/gated"]);
    let shown = ["Reissuing begins", "sends   intermediate of root 2, cross-certificate by root 1"];
    let refused = hub.run(&["rotate", "confirm", "gated"]).no(1);
    has(&refused, &["there is no terminal to ask at: nothing is changed", "gated --yes"]);
    assert_eq!(rotations(&hub).get("gated.2").await.unwrap().spec.confirmed_step, None);
    let confirmed = hub.run(&["rotate", "confirm", "gated", "--yes"]).yes();
    has(&confirmed, &shown);
    let spec = rotations(&hub).get("gated.2").await.unwrap().spec;
    assert_eq!(spec.confirmed_step, Some(meshroot_api::rotation::Step::Reissuing));
    has(&hub.run(&["rotate", "confirm", "gated", "--yes"]).no(1), &["nothing waits"]);
}

#[tokio::test]
async fn a_mesh_is_excluded_and_taken_in_again() {
    let hub = hub().await;
    let place = announced(&hub, "left").await;
    let excluded = async || rotations(&hub).get("left.2").await.unwrap().spec.excluded;
    let nobody = "no root of virtual mesh meshroot-system/left is being replaced";
    has(&hub.run(&["rotate", "exclude", "left", &place.mesh]).no(1), &[nobody]);
    has(&hub.run(&["rotate", "include", "left", &place.mesh]).no(1), &["has no RootRotation"]);
    let asked = json!({
        "apiVersion": "meshroot.dev/v1alpha1", "kind": "RootRotation",
        "metadata": { "name": "left.2" }, "spec": { "virtualMeshRef": { "name": "left" } },
    });
    let asked: RootRotation = serde_json::from_value(asked).unwrap();
    rotations(&hub).create(&PostParams::default(), &asked).await.unwrap();
    for (verb, part) in [
        ("exclude", "virtual mesh meshroot-system/left: no mesh other is in it"),
        ("include", "RootRotation meshroot-system/left.2: spec.excluded: no mesh other is in it"),
    ] {
        has(&hub.run(&["rotate", verb, "left", "other"]).no(1), &[part]);
    }
    hub.run(&["rotate", "exclude", "left", &place.mesh]).yes();
    assert_eq!(excluded().await, [ResourceRef::new(&place.mesh, &place.namespace)]);
    let again = hub.run(&["rotate", "exclude", "left", &place.mesh]).no(1);
    has(&again, &["is excluded already"]);
    let shown = hub.run(&["trust", "left"]).yes();
    has(&shown, &[&place.mesh, "intermediate of root 1 against root 1"]);
    hub.run(&["rotate", "include", "left", &format!("{}/{}", place.namespace, place.mesh)]).yes();
    assert_eq!(excluded().await, []);
    // Whoever hurried the others cuts nobody off who comes long after.
    let left = [ResourceRef::new(&place.mesh, &place.namespace)];
    let spec = json!({ "spec": { "taintOld": true, "acceptRefusals": true, "excluded": left } });
    let status = json!({ "status": { "step": "Complete" } });
    let parameters = PatchParams::default();
    rotations(&hub).patch("left.2", &parameters, &Patch::Merge(&spec)).await.unwrap();
    rotations(&hub).patch_status("left.2", &parameters, &Patch::Merge(&status)).await.unwrap();
    hub.run(&["rotate", "include", "left", &place.mesh]).yes();
    assert!(!rotations(&hub).get("left.2").await.unwrap().spec.accept_refusals);
}

#[tokio::test]
async fn a_root_of_ones_own_is_named_by_its_secret() {
    let hub = hub().await;
    virtual_mesh(&hub, "brings").await;
    let secret = ["--new-root", "meshroot-system/company-ca"];
    let both = [&["rotate", "root", "brings", "--key", "ECDSA-P256"], secret.as_slice()].concat();
    assert_eq!(hub.run(&both).code, 2);
    let nameless = hub.run(&["rotate", "root", "brings", "--new-root", "company-ca"]);
    assert_eq!(nameless.code, 2);
    has(&nameless.err, &["the Secret is named NAMESPACE/NAME"]);
    hub.run(&[&["rotate", "root", "brings"], secret.as_slice()].concat()).yes();
    let spec = rotations(&hub).get("brings.2").await.unwrap().spec;
    let provided = spec.new_root.provided.unwrap().certificate;
    assert_eq!(provided, ResourceRef::new("company-ca", "meshroot-system"));
}

#[tokio::test]
async fn a_stolen_key_is_told_and_the_plan_says_who_believes_it_until_when() {
    let hub = hub().await;
    let place = announced(&hub, "stolen").await;
    let untainted = hub.run(&["rotate", "root", "stolen", "--plan"]).yes();
    assert!(!untainted.contains("stolen, is trusted"), "{untainted}");
    let asked = json!({
        "apiVersion": "meshroot.dev/v1alpha1", "kind": "RootRotation",
        "metadata": { "name": "stolen.2" }, "spec": { "virtualMeshRef": { "name": "stolen" } },
    });
    let asked: RootRotation = serde_json::from_value(asked).unwrap();
    rotations(&hub).create(&PostParams::default(), &asked).await.unwrap();
    let plan = hub.run(&["rotate", "root", "stolen", "--plan", "--taint"]).yes();
    let trusted = "root 1, whose key is believed stolen, is trusted by workloads of";
    has(&plan, &[&format!("{trusted} {}/{} until ", place.namespace, place.mesh)]);
    assert!(!rotations(&hub).get("stolen.2").await.unwrap().spec.taint_old);
    let plan = hub.run(&["rotate", "root", "stolen", "--plan", "--taint", "-o", "json"]).yes();
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan["trustingTainted"][0]["mesh"]["name"], json!(place.mesh));
    let hurried = ["rotate", "root", "stolen", "--plan", "--taint", "--accept-refusals"];
    let plan = hub.run(&hurried).yes();
    let refused = format!(
        "accepted: workloads of {0}/{1} refuse workloads of {0}/{1}",
        place.namespace, place.mesh
    );
    has(&plan, &[&refused, " at the earliest; restart them to have it over sooner"]);
    assert_eq!(
        hub.run(&["rotate", "root", "stolen", "--accept-refusals"]).code,
        2,
        "only with --taint"
    );
    hub.run(&["rotate", "taint", "stolen"]).yes();
    let spec = rotations(&hub).get("stolen.2").await.unwrap().spec;
    assert!(spec.taint_old && !spec.accept_refusals);
    hub.run(&["rotate", "taint", "stolen", "--accept-refusals"]).yes();
    assert!(rotations(&hub).get("stolen.2").await.unwrap().spec.accept_refusals);
    let said = "Distrusting: root 1, whose key is believed stolen, is trusted by workloads of a";
    let status = RootRotationStatus {
        step: meshroot_api::rotation::Step::Distrusting,
        waiting_for: said.replace("Distrusting: ", ""),
        ..Default::default()
    };
    let (parameters, status) = (PatchParams::default(), Patch::Merge(json!({ "status": status })));
    rotations(&hub).patch_status("stolen.2", &parameters, &status).await.unwrap();
    let described = hub.run(&["describe", "vm", "meshroot-system/stolen"]).yes();
    has(&described, &["Root rotation", &format!("meshroot-system/stolen.2: {said}")]);
    virtual_mesh(&hub, "stolen-too").await;
    hub.run(&["rotate", "root", "stolen-too", "--taint"]).yes();
    assert!(rotations(&hub).get("stolen-too.2").await.unwrap().spec.taint_old);
}
