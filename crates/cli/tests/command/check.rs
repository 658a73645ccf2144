use serde_json::{Value, json};

use crate::program::{has, run};
use crate::stage::{file, hub};

#[tokio::test]
async fn a_note_is_shown_and_a_problem_is_a_no() {
    let hub = hub().await;
    let place = hub.place("checked").await;
    let check = |more: &[&str]| hub.run(&[&["check", "-n", &place.namespace], more].concat());
    let shown = check(&[]);
    has(&shown.err, &["no problem in "]);
    has(
        &shown.yes(),
        &[
            "note     mesh meshroot-cluster-checked/istio-istio-system-checked: it is in no virtual mesh; next: add ",
        ],
    );

    place.ask(1).await;
    let refused =
        json!({ "computedStatus": { "state": "INVALID", "message": "WeakKey: make another" } });
    place.status(1, refused).await;
    let shown = check(&["-o", "json"]);
    let list: Value = serde_json::from_str(&shown.out).unwrap();
    let first = &list["items"][0];
    assert_eq!(first["level"], "Problem");
    assert_eq!(first["kind"], "VirtualMeshCertificateSigningRequest");
    assert_eq!(first["message"], "WeakKey: make another");
    has(&shown.no(1), &["error: 1 problem in "]);
    has(
        &check(&[]).out,
        &["problem  vmcsr meshroot-cluster-checked/istio-istio-system-checked.demo.1: WeakKey"],
    );
}

#[tokio::test]
async fn who_may_not_read_everything_gets_no_answer() {
    let hub = hub().await;
    let place = hub.place("unchecked").await;
    let token =
        hub.server.service_account_token(&place.namespace, "meshroot-agent", "").await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = file(&directory, "kubeconfig", hub.server.kubeconfig(&token, "agent"));
    has(
        &run(Some(&kubeconfig), &["check"]).no(3),
        &["could not list the heartbeats (Leases)", "forbidden"],
    );
}
