//! Which meshes a virtual mesh may take, and which policy may govern it.

use serde_json::{Value, json};

use crate::setup::{
    EAST, MESHES, Server, WEST, assert_refused, bind, create, patch, with_everything,
};

const SAYS: &str = "holds the verb `join` on it";

/// Lets `user` write virtual meshes and policies everywhere, and have meshes join by a rule: in one namespace, or in all.
async fn grant(server: &Server, user: &str, namespace: Option<&str>, names: &[&str]) {
    server.api.create_service_account("people", user).await.unwrap();
    let verbs = ["create", "update", "patch"];
    let write = json!({ "apiGroups": ["networking.zephyr.solo.io", "meshroot.dev"], "resources": ["virtualmeshes", "trustpolicies"], "verbs": verbs });
    let join = json!({ "apiGroups": ["discovery.zephyr.solo.io"], "resources": ["meshes"], "resourceNames": names, "verbs": ["join"] });
    bind(server, user, &format!("{user}-writes"), None, &[write]).await;
    bind(server, user, &format!("{user}-joins"), namespace, &[join]).await;
}

fn virtual_mesh(name: &str, members: &[(&str, &str)]) -> Value {
    let members: Vec<Value> = members
        .iter()
        .map(|(namespace, name)| json!({ "name": name, "namespace": namespace }))
        .collect();
    json!({
        "apiVersion": "networking.zephyr.solo.io/v1alpha1", "kind": "VirtualMesh",
        "metadata": { "name": name, "namespace": MESHES }, "spec": { "meshes": members },
    })
}

async fn write(server: &Server, user: &str, object: &Value) -> kube::Result<()> {
    create(&server.user(("people", user)).await, object).await.map(drop)
}

#[tokio::test]
async fn who_may_not_have_a_mesh_join_cannot_take_it() {
    let server = with_everything().await;
    grant(&server, "mallory", Some(EAST), &["mine"]).await;
    for (name, members) in [
        ("another", &[(EAST, "theirs")][..]),
        ("elsewhere", &[(WEST, "mine")]),
        ("beside", &[(EAST, "mine"), (EAST, "theirs")]),
    ] {
        assert_refused(write(&server, "mallory", &virtual_mesh(name, members)).await, SAYS);
    }
    write(&server, "mallory", &virtual_mesh("own", &[(EAST, "mine")])).await.unwrap();
    write(&server, "mallory", &virtual_mesh("empty", &[])).await.unwrap();
}

#[tokio::test]
async fn members_that_are_there_are_not_asked_about_again() {
    let server = with_everything().await;
    grant(&server, "olga", Some(EAST), &["hers"]).await;
    let taken = virtual_mesh("grows", &[(EAST, "theirs")]);
    create(&server.admin().await, &taken).await.unwrap();
    let olga = server.user(("people", "olga")).await;
    let grown = virtual_mesh("grows", &[(EAST, "theirs"), (EAST, "hers")]);
    patch(&olga, &taken, json!({ "spec": grown["spec"] })).await.unwrap();
    let more = virtual_mesh("grows", &[(EAST, "theirs"), (EAST, "hers"), (WEST, "more")]);
    assert_refused(patch(&olga, &taken, json!({ "spec": more["spec"] })).await, SAYS);
}

#[tokio::test]
async fn who_may_for_all_meshes_of_a_cluster_or_of_all_adds_many_at_once() {
    let server = with_everything().await;
    let many: Vec<(&str, String)> = (0..60).map(|number| (EAST, format!("m{number}"))).collect();
    let of_east: Vec<(&str, &str)> =
        many.iter().map(|(namespace, name)| (*namespace, name.as_str())).collect();
    let of_both = [of_east.clone(), vec![(WEST, "a")]].concat();
    grant(&server, "east-owner", Some(EAST), &[]).await;
    write(&server, "east-owner", &virtual_mesh("many", &of_east)).await.unwrap();
    assert_refused(write(&server, "east-owner", &virtual_mesh("both", &of_both)).await, SAYS);
    grant(&server, "platform", None, &[]).await;
    write(&server, "platform", &virtual_mesh("all", &of_both)).await.unwrap();
}

#[tokio::test]
async fn a_policy_is_for_a_virtual_mesh_of_its_own_namespace() {
    let server = with_everything().await;
    let policy = |name: &str, reference: Value| {
        json!({
            "apiVersion": "meshroot.dev/v1alpha1", "kind": "TrustPolicy",
            "metadata": { "name": name, "namespace": MESHES }, "spec": { "virtualMeshRef": reference },
        })
    };
    let admin = server.admin().await;
    let says = "a TrustPolicy is for a VirtualMesh of its own namespace";
    for reference in [
        json!({ "name": "prod", "namespace": "meshroot-system" }),
        json!({ "name": "prod", "cluster": "east" }),
    ] {
        assert_refused(create(&admin, &policy("reaches", reference)).await, says);
    }
    create(&admin, &policy("beside", json!({ "name": "own", "namespace": MESHES }))).await.unwrap();
    create(&admin, &policy("plain", json!({ "name": "own2" }))).await.unwrap();
}
