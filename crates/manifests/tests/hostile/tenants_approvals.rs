//! Who may approve on a virtual mesh of their own only, and one who may on none.

use meshroot_api::names::{ASKED_ANNOTATION, REASON_ANNOTATION};
use serde_json::{Value, json};

use crate::attempt::{Attempt, allowed, hold, no_right, refused};
use crate::call::{Step, apply, create, json_patch, merge, on_status, replace, status};
use crate::objects::{
    EAST, MESHES, TENANT, annotated, approval, asked, asks, by_admin, decision, demo, own, request,
    request_with, under_review, whole,
};
use crate::setup::Who::{Admin, Owner, Tenant};

#[tokio::test]
async fn who_approves_on_their_own_virtual_mesh_decides_on_no_other() {
    hold(&attempts()).await;
}

pub(crate) fn attempts() -> Vec<Attempt> {
    let groups = [
        decisions(),
        ways(),
        approvals(),
        forgeries(),
        changes(),
        keys(),
        marks(),
        early(),
        controls(),
        own_rights(),
    ];
    groups.into_iter().flatten().collect()
}

const NAME: &str = "system:serviceaccount:people:owner";
const MAY: &str = "by those who may approve on the virtual mesh";

/// A request of `virtual_mesh` that the hub asks about.
fn waiting(name: &str, virtual_mesh: &Value) -> Vec<Step> {
    let object = whole(EAST, name, virtual_mesh);
    vec![(Admin, create(&annotated(object, ASKED_ANNOTATION, "{}")))]
}

fn decisions() -> Vec<Attempt> {
    let rows = [
        ("another virtual mesh", "owner.1", demo()),
        (
            "one of the same name in another namespace",
            "owner.2",
            json!({ "name": "own", "namespace": MESHES }),
        ),
        ("one of the same name beside the request", "owner.3", json!({ "name": "own" })),
        (
            "one of the same name in a cluster",
            "owner.4",
            json!({ "name": "own", "cluster": TENANT }),
        ),
        ("none", "owner.5", json!({})),
        ("one whose name begins alike", "owner.6", json!({ "name": "owner", "namespace": TENANT })),
    ];
    let row = |(what, name, reference): (&str, &str, Value)| {
        let call = status(&request(EAST, name), decision("APPROVED", "CHG-1"));
        refused(format!("an owner approves a request of {what}"), Owner, call, MAY)
            .after(waiting(name, &reference))
    };
    rows.into_iter().map(row).collect()
}

fn ways() -> Vec<Attempt> {
    let of = |name: &str| request(EAST, name);
    let operation = json!([{ "op": "add", "path": "/status", "value": decision("APPROVED", "") }]);
    let patched = on_status(&of("owner.7"), json_patch(&of("owner.7"), operation));
    let whole = on_status(
        &of("owner.8"),
        replace(&of("owner.8"), json!({ "status": decision("APPROVED", "") })),
    );
    vec![
        refused("an owner approves another's request by JSON patch", Owner, patched, MAY)
            .after(under_review("owner.7")),
        refused("an owner approves another's request by writing it whole", Owner, whole, MAY)
            .after(under_review("owner.8")),
        refused(
            "an owner denies another's request",
            Owner,
            status(&of("owner.9"), decision("DENIED", "no")),
            MAY,
        )
        .after(under_review("owner.9")),
        refused(
            "an owner leaves a note on another's request",
            Owner,
            status(&of("owner.10"), decision("PENDING", "approved by admin")),
            MAY,
        )
        .after(under_review("owner.10")),
        no_right(
            "a tenant decides without a right to",
            Tenant,
            status(&of("owner.11"), decision("APPROVED", "")),
        )
        .after(under_review("owner.11")),
    ]
}

fn approvals() -> Vec<Attempt> {
    let rows = [
        ("another virtual mesh", demo()),
        (
            "one of the same name in another namespace",
            json!({ "name": "own", "namespace": MESHES }),
        ),
        ("one of the same name in a cluster", json!({ "name": "own", "cluster": "east" })),
        ("one of the same name beside the request", json!({ "name": "own" })),
    ];
    let row = |(what, reference): (&str, Value)| {
        let call = create(&approval(EAST, "owners.1", &reference));
        refused(format!("an owner writes an approval for {what}"), Owner, call, MAY)
    };
    let more = vec![
        refused(
            "an owner applies an approval for another virtual mesh",
            Owner,
            apply(&approval(EAST, "owners.2", &demo())),
            MAY,
        ),
        refused(
            "a tenant who may approve on none writes an approval at home",
            Tenant,
            create(&approval(TENANT, "owners.3", &own())),
            MAY,
        ),
        no_right(
            "a tenant writes an approval beside a cluster's requests",
            Tenant,
            create(&approval(EAST, "owners.4", &own())),
        ),
    ];
    rows.into_iter().map(row).chain(more).collect()
}

fn forgeries() -> Vec<Attempt> {
    let name = "spec.user is the name of whoever creates the RequestApproval";
    let rows = [
        ("under an administrator's name", "user", json!("admin"), name),
        ("under a name that begins like theirs", "user", json!(format!("{NAME}2")), name),
        ("without saying what", "sha256", json!(""), "spec.sha256"),
        ("a digest in capitals", "sha256", json!("AB".repeat(32)), "spec.sha256"),
        ("no request", "request", json!(""), "spec.request"),
    ];
    let row = |(how, field, value, part): (&str, &str, Value, _)| {
        let mut approval = approval(EAST, "forged.1", &own());
        approval["spec"][field] = value;
        refused(format!("an owner approves {how}"), Owner, create(&approval), part)
    };
    rows.into_iter().map(row).collect()
}

fn changes() -> Vec<Attempt> {
    let rows = [
        ("turns an approval to another request", "forged.2", json!({ "request": "other" })),
        (
            "turns an approval to another virtual mesh",
            "forged.3",
            json!({ "virtualMeshRef": demo() }),
        ),
        ("turns an approval to another digest", "forged.4", json!({ "sha256": "cd".repeat(32) })),
        ("passes an approval to another user", "forged.5", json!({ "user": "eve" })),
        ("gives another reason afterwards", "forged.6", json!({ "message": "CHG-2" })),
    ];
    let rows =
        rows.map(|(what, name, spec)| (what, name, merge(&vote(name), json!({ "spec": spec }))));
    let whole = replace(&vote("forged.7"), json!({ "spec": { "user": "admin" } }));
    let whole = ("writes a whole approval under another name", "forged.7", whole);
    let row = |(what, name, call)| {
        refused(format!("an owner {what}"), Owner, call, "an approval never changes")
            .after(vec![(Owner, create(&vote(name)))])
    };
    rows.into_iter().chain([whole]).map(row).collect()
}

/// An approval for the owner's own virtual mesh.
fn vote(name: &str) -> Value {
    approval(EAST, name, &own())
}

fn keys() -> Vec<Attempt> {
    let may = "a new request may carry it from those who may approve on the virtual mesh";
    let csr = json!({ "spec": { "csrData": "Q1NS" } });
    let of = |name: &str, reference: &Value| {
        request_with(TENANT, name, &json!({ "virtualMeshRef": reference }))
    };
    vec![
        refused(
            "an owner brings a key of their own for another virtual mesh",
            Owner,
            create(&whole(EAST, "keys.1", &demo())),
            may,
        ),
        refused(
            "a tenant who may approve on none brings a key for the virtual mesh of their namespace",
            Tenant,
            create(&whole(TENANT, "keys.2", &own())),
            may,
        ),
        refused(
            "a tenant adds a key to a request that is there",
            Tenant,
            merge(&of("keys.3", &own()), csr.clone()),
            may,
        )
        .after(by_admin(&of("keys.3", &own()))),
        refused(
            "an owner adds a key to a request of their own virtual mesh that is there",
            Owner,
            merge(&of("keys.4", &own()), csr),
            may,
        )
        .after(by_admin(&of("keys.4", &own()))),
    ]
}

fn marks() -> Vec<Attempt> {
    let of = |name: &str| whole(TENANT, name, &own());
    let says = json!({ "metadata": { "annotations": { REASON_ANNOTATION: "KeyCompromised" } } });
    vec![
        refused(
            "a tenant says that people were asked",
            Tenant,
            merge(&of("marks.1"), asks("{}")),
            "it is written by the hub only",
        )
        .after(by_admin(&of("marks.1"))),
        refused(
            "a tenant says of an old request that a key was stolen",
            Tenant,
            merge(&of("marks.2"), says),
            "is said by a new request",
        )
        .after(by_admin(&of("marks.2"))),
    ]
}

fn early() -> Vec<Attempt> {
    let decided = |name: &str| whole(EAST, name, &own());
    let approves = |name: &str| status(&decided(name), decision("APPROVED", "CHG-1"));
    let without = json!({ "virtualMeshRef": own() });
    vec![
        refused(
            "an owner approves what the hub has not asked",
            Owner,
            approves("marks.3"),
            "the hub has not asked anybody to approve this request yet",
        )
        .after(by_admin(&decided("marks.3"))),
        refused(
            "an owner approves what has no CSR",
            Owner,
            approves("marks.4"),
            "there is no spec.csrData to decide on yet",
        )
        .after(by_admin(&request_with(EAST, "marks.4", &without))),
        refused(
            "an owner decides alone where two are asked",
            Owner,
            status(&request(EAST, "marks.5"), decision("APPROVED", "")),
            MAY,
        )
        .after(asked("marks.5", "{\"approvals\":2}")),
    ]
}

fn controls() -> Vec<Attempt> {
    let message = "/status/thirdPartyApproval/message";
    let of = |name: &str| request(EAST, name);
    vec![
        allowed(
            "an owner approves a request of their own virtual mesh",
            Owner,
            status(&of("owned.1"), decision("APPROVED", "CHG-1")),
        )
        .after(waiting("owned.1", &own()))
        .leaving(message, json!("approved by system:serviceaccount:people:owner: CHG-1")),
        allowed(
            "what an owner says under another name is said under their own",
            Owner,
            status(&of("owned.2"), decision("DENIED", "denied by admin: no")),
        )
        .after(waiting("owned.2", &own()))
        .leaving(
            message,
            json!("denied by system:serviceaccount:people:owner: denied by admin: no"),
        ),
    ]
}

fn own_rights() -> Vec<Attempt> {
    vec![
        allowed(
            "an owner writes an approval, which has their name",
            Owner,
            create(&approval(EAST, "owned.3", &own())),
        )
        .leaving("/spec/user", json!("system:serviceaccount:people:owner")),
        allowed(
            "an owner brings a key for their own virtual mesh",
            Owner,
            create(&whole(EAST, "owned.4", &own())),
        ),
        allowed(
            "a tenant makes a request without a key",
            Tenant,
            create(&request_with(TENANT, "owned.5", &json!({ "virtualMeshRef": own() }))),
        ),
    ]
}
