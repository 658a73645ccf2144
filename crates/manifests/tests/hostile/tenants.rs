//! A tenant of the hub's cluster, who writes virtual meshes, policies and rotations in a namespace of their own.

use serde_json::{Value, json};

use crate::attempt::{Attempt, allowed, hold, no_right, refused};
use crate::call::{apply, create, delete, json_patch, merge, read, replace, status};
use crate::objects::{
    EAST, MESHES, SYSTEM, TENANT, WEST, by_admin, demo, mesh, object, own, plain, record, request,
    virtual_mesh,
};
use crate::setup::Who::Tenant;

#[tokio::test]
async fn a_tenant_governs_no_mesh_but_their_own() {
    hold(&attempts()).await;
}

pub(crate) fn attempts() -> Vec<Attempt> {
    let groups = [members(), policies(), rules(), reach(), facts(), controls()];
    groups.into_iter().flatten().collect()
}

const JOIN: &str = "a Mesh joins by whoever holds the verb `join` on it";

fn members() -> Vec<Attempt> {
    let theirs = json!([{ "name": "theirs", "namespace": EAST }]);
    let taken = |name| by_admin(&virtual_mesh(name, &theirs));
    let add = |member: Value| json!([{ "op": "add", "path": "/spec/meshes/-", "value": member }]);
    let more = json!({ "name": "more", "namespace": EAST });
    let both = json!({ "spec": { "meshes": [theirs[0], more] } });
    let renamed = json!({ "spec": { "meshes": [more] } });
    let rows = [
        ("of a cluster", create(&virtual_mesh("takes-1", &theirs))),
        (
            "by its cluster's name",
            create(&virtual_mesh("takes-2", &json!([{ "name": "theirs", "cluster": "east" }]))),
        ),
        ("that is beside it", create(&virtual_mesh("takes-3", &json!([{ "name": "beside" }])))),
        ("without a name", create(&virtual_mesh("takes-4", &json!([{ "namespace": EAST }])))),
        (
            "among many of two clusters",
            create(&virtual_mesh(
                "takes-5",
                &json!([theirs[0], { "name": "a", "namespace": WEST }]),
            )),
        ),
        ("by a forced apply", apply(&virtual_mesh("takes-6", &theirs))),
        ("in a dry run", create(&virtual_mesh("takes-7", &theirs)).dry()),
    ];
    let row = |(how, call)| {
        refused(format!("a tenant's virtual mesh takes a Mesh {how}"), Tenant, call, JOIN)
    };
    let later = [
        (
            "a tenant adds a Mesh to those that an administrator let in",
            merge(&virtual_mesh("grows-1", &theirs), both),
        ),
        (
            "a tenant puts one Mesh in the place of another",
            replace(&virtual_mesh("grows-2", &theirs), renamed),
        ),
        (
            "a tenant appends a Mesh by JSON patch",
            json_patch(&virtual_mesh("grows-3", &theirs), add(more.clone())),
        ),
    ];
    let grows = ["grows-1", "grows-2", "grows-3"];
    let later = later.into_iter().zip(grows);
    let later = later
        .map(|((sentence, call), name)| refused(sentence, Tenant, call, JOIN).after(taken(name)));
    rows.into_iter().map(row).chain(later).collect()
}

fn policy(namespace: &str, name: &str, reference: &Value) -> Value {
    object("TrustPolicy", namespace, name, &json!({ "virtualMeshRef": reference }))
}

fn policies() -> Vec<Attempt> {
    let beside = "a TrustPolicy is for a VirtualMesh of its own namespace; create it there";
    let cluster = json!({ "name": "demo", "cluster": "east" });
    vec![
        refused(
            "a tenant's policy governs a virtual mesh of another namespace",
            Tenant,
            create(&policy(TENANT, "far", &demo())),
            beside,
        ),
        refused(
            "a tenant applies such a policy",
            Tenant,
            apply(&policy(TENANT, "far", &demo())),
            beside,
        ),
        refused(
            "a tenant's policy governs a virtual mesh by its cluster",
            Tenant,
            create(&policy(TENANT, "far", &cluster)),
            beside,
        ),
    ]
}

fn rules() -> Vec<Attempt> {
    let kept = policy(TENANT, "kept", &json!({ "name": "kept" }));
    let moved = json!({ "spec": { "virtualMeshRef": demo() } });
    let mut many = kept.clone();
    many["metadata"]["name"] = json!("many");
    many["spec"]["approval"] = json!({ "mode": "ThirdParty", "required": 17 });
    let mut lax = kept.clone();
    lax["spec"]["approval"] = json!({ "mode": "None" });
    vec![
        refused(
            "a tenant points a policy that is there to another virtual mesh",
            Tenant,
            merge(&kept, moved),
            "spec.virtualMeshRef never changes",
        )
        .after(by_admin(&kept)),
        refused(
            "a tenant asks for more people than a policy can",
            Tenant,
            create(&many),
            "spec.approval.required",
        ),
        refused("a tenant invents a mode of approval", Tenant, create(&lax), "spec.approval.mode"),
        no_right(
            "a tenant makes a policy beside another's virtual mesh",
            Tenant,
            create(&policy(MESHES, "demo", &demo())),
        ),
        no_right(
            "a tenant makes a policy in the hub's namespace",
            Tenant,
            create(&policy(SYSTEM, "any", &json!({ "name": "any" }))),
        ),
        no_right(
            "a tenant says how far a policy is",
            Tenant,
            status(&kept, json!({ "loaded": 7 })),
        ),
    ]
}

fn reach() -> Vec<Attempt> {
    let mut two_models = virtual_mesh("models", &json!([]));
    two_models["spec"]["shared"] = json!({});
    two_models["spec"]["limited"] = json!({});
    let demo_mesh = object("VirtualMesh", MESHES, "demo", &json!({}));
    vec![
        refused(
            "a tenant's virtual mesh has two models of trust",
            Tenant,
            create(&two_models),
            "set shared or limited, not both",
        ),
        no_right(
            "a tenant says that a virtual mesh is accepted",
            Tenant,
            status(
                &virtual_mesh("own", &json!([])),
                json!({ "configStatus": { "state": "ACCEPTED" } }),
            ),
        ),
        no_right("a tenant deletes another's virtual mesh", Tenant, delete(&demo_mesh))
            .after(by_admin(&demo_mesh)),
        no_right("a tenant makes a Mesh for a cluster", Tenant, create(&mesh(EAST, "tenants"))),
    ]
}

fn facts() -> Vec<Attempt> {
    vec![
        no_right(
            "a tenant makes a Mesh beside their virtual mesh",
            Tenant,
            create(&mesh(TENANT, "tenants")),
        ),
        no_right(
            "a tenant makes a request for a cluster",
            Tenant,
            create(&request(EAST, "tenants.1")),
        ),
        no_right(
            "a tenant reads the requests of a cluster",
            Tenant,
            read(&request(EAST, "tenants.1")),
        ),
        no_right(
            "a tenant writes a record of a revocation beside their virtual mesh",
            Tenant,
            create(&record(TENANT, "own.revoked.01")),
        ),
        no_right(
            "a tenant reads the root keys",
            Tenant,
            read(&plain("Secret", SYSTEM, "own-ca-certs")),
        ),
    ]
}

fn controls() -> Vec<Attempt> {
    let kept = virtual_mesh("let-in", &json!([{ "name": "theirs", "namespace": EAST }]));
    let named = json!({ "spec": { "displayName": "ours" } });
    vec![
        allowed(
            "a tenant makes a virtual mesh without members",
            Tenant,
            create(&virtual_mesh("empty", &json!([]))),
        ),
        allowed(
            "a tenant keeps the members that an administrator let in",
            Tenant,
            merge(&kept, named),
        )
        .after(by_admin(&kept)),
        allowed(
            "a tenant makes a policy beside their virtual mesh",
            Tenant,
            create(&policy(TENANT, "own", &own())),
        ),
    ]
}
