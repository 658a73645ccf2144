//! A tenant who replaces roots.

use serde_json::{Value, json};

use crate::attempt::{Attempt, allowed, hold, no_right, refused};
use crate::call::{create, merge, status};
use crate::objects::{TENANT, by_admin, demo, object, own};
use crate::setup::Who::{Hub, Tenant};

#[tokio::test]
async fn a_tenant_replaces_no_root_but_their_own() {
    hold(&attempts()).await;
}

pub(crate) fn attempts() -> Vec<Attempt> {
    let groups = [rotations(), numbers(), steps(), controls()];
    groups.into_iter().flatten().collect()
}

fn rotation(name: &str, reference: &Value, rest: &Value) -> Value {
    let mut spec = rest.clone();
    spec["virtualMeshRef"] = reference.clone();
    object("RootRotation", TENANT, name, &spec)
}

fn rotations() -> Vec<Attempt> {
    let beside = "a RootRotation is for a VirtualMesh of its own namespace; create it there";
    let called = "a RootRotation is called <virtual mesh>.<number of the new root>";
    let of = |name: &str| create(&rotation(name, &own(), &json!({})));
    let cluster = json!({ "name": "own", "cluster": "east" });
    vec![
        refused(
            "a tenant replaces the root of another's virtual mesh",
            Tenant,
            create(&rotation("demo.2", &demo(), &json!({}))),
            beside,
        ),
        refused(
            "a tenant replaces a root by the name of a cluster",
            Tenant,
            create(&rotation("own.2", &cluster, &json!({}))),
            beside,
        ),
        refused("a tenant replaces the first root by the first", Tenant, of("own.1"), called),
        refused("a tenant writes the number of a root in two ways", Tenant, of("own.02"), called),
    ]
}

fn numbers() -> Vec<Attempt> {
    let called = "a RootRotation is called <virtual mesh>.<number of the new root>";
    let of = |name: &str| create(&rotation(name, &own(), &json!({})));
    let refuses = json!({ "acceptRefusals": true });
    let two = json!({ "newRoot": { "key": "RSA-2048", "provided": {} } });
    vec![
        refused("a tenant counts roots past all measure", Tenant, of("own.9999999"), called),
        refused(
            "a tenant calls a rotation after another virtual mesh",
            Tenant,
            of("demo.2"),
            called,
        ),
        refused(
            "a tenant has workloads refuse each other for nothing",
            Tenant,
            create(&rotation("own.3", &own(), &refuses)),
            "spec.acceptRefusals",
        ),
        refused(
            "a tenant's new root is of two kinds",
            Tenant,
            create(&rotation("own.4", &own(), &two)),
            "spec.newRoot.key is that of a root that the hub makes",
        ),
    ]
}

fn steps() -> Vec<Attempt> {
    let none = json!({});
    let taint = json!({ "taintOld": true });
    let back = json!({ "rollback": true });
    let no_way = "nobody goes back to a root whose key is believed stolen";
    let key = json!({ "newRoot": { "key": "Ed25519" } });
    let turned = json!({ "virtualMeshRef": demo() });
    let step = json!({ "confirmedStep": "Complete" });
    let trusted = json!({ "taintOld": null });
    let rows = [
        ("believes a stolen key again", "own.11", &taint, trusted, "spec.taintOld is never unset"),
        ("goes back to a stolen key", "own.12", &taint, back.clone(), no_way),
        ("changes the root midway", "own.13", &none, key, "spec.newRoot never changes"),
        ("turns a rotation", "own.14", &none, turned, "spec.virtualMeshRef never changes"),
        ("confirms what nobody waits at", "own.15", &none, step, "spec.confirmedStep"),
    ];
    let row = |(what, name, before, change, part): (&str, &str, &Value, Value, _)| {
        let call = merge(&rotation(name, &own(), &none), json!({ "spec": change }));
        refused(format!("a tenant {what}"), Tenant, call, part).after(by_admin(&rotation(
            name,
            &own(),
            before,
        )))
    };
    let complete = json!({ "step": "Complete" });
    let object = |name: &str| rotation(name, &own(), &none);
    let done = vec![(Hub, status(&object("own.10"), complete.clone()))];
    let rolls = merge(&object("own.10"), json!({ "spec": back }));
    let more = [
        refused("a tenant rolls back what is complete", Tenant, rolls, "and nothing leads back")
            .after([by_admin(&object("own.10")), done].concat()),
        no_right("a tenant completes a rotation", Tenant, status(&object("own.16"), complete))
            .after(by_admin(&object("own.16"))),
    ];
    rows.into_iter().map(row).chain(more).collect()
}

fn controls() -> Vec<Attempt> {
    let replaces = create(&rotation("own.2", &own(), &json!({})));
    vec![allowed("a tenant replaces the root of their virtual mesh", Tenant, replaces)]
}
