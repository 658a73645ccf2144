use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::json;

use crate::program::{command, has, run};
use crate::stage::{hub, kubectl};

#[tokio::test]
async fn requests_are_listed_with_who_is_waited_for() {
    let hub = hub().await;
    let place = hub.place("listed").await;
    place.ask(1).await;
    place
        .status(1, json!({ "computedStatus": { "message": "waiting for the agent of listed" } }))
        .await;
    let table = hub.run(&["get", "vmcsr", "-n", &place.namespace]).yes();
    let age = table.lines().nth(1).unwrap().split_whitespace().nth(5).unwrap().to_owned();
    insta::assert_snapshot!(table.replace(&format!("{age:<6}"), "AGE   "));

    let wide = hub.run(&["get", "request", &place.request_name(1), "-o", "wide"]).yes();
    has(
        &wide,
        &["HOSTS", "KEY", "FINGERPRINT", "spiffe://cluster.local/ns/istio-system/sa/istiod"],
    );
    has(&hub.run(&["get", "vmcsr", "-A"]).yes(), &[&place.request_name(1)]);
}

#[tokio::test]
async fn for_programs_there_is_json_and_yaml() {
    let hub = hub().await;
    let place = hub.place("programs").await;
    place.ask(1).await;
    let one = hub.run(&["get", "vmcsr", &place.full_name(1), "-o", "json"]).yes();
    let one: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert_eq!(one["kind"], "VirtualMeshCertificateSigningRequest");
    assert_eq!(one["metadata"]["managedFields"], serde_json::Value::Null);
    let list = hub.run(&["get", "mesh", "-n", &place.namespace, "-o", "json"]).yes();
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    assert_eq!((&list["kind"], &list["items"][0]["kind"]), (&json!("List"), &json!("Mesh")));
    let yaml = hub.run(&["get", "mesh", "-n", &place.namespace, "-o", "yaml"]).yes();
    kubectl(hub.kubeconfig(), &["apply", "--dry-run=client", "-f", "-"], yaml.as_bytes()).yes();
}

#[tokio::test]
async fn an_overview_shows_every_kind_that_has_objects() {
    let hub = hub().await;
    let place = hub.place("overview").await;
    place.ask(1).await;
    let text = hub.run(&["get", "-n", &place.namespace]).yes();
    has(&text, &["mesh\nNAMESPACE", "vmcsr\nNAMESPACE"]);
    assert!(!text.contains("trustpolicy\n"), "{text}");
    has(&hub.run(&["get", "cluster"]).yes(), &["meshroot-system   overview"]);
}

#[tokio::test]
async fn an_empty_list_says_where_it_looked() {
    let hub = hub().await;
    let answer = hub.run(&["get", "vmcsr"]);
    assert_eq!((answer.code, answer.out.as_str()), (0, ""));
    has(&answer.err, &["no vmcsr in namespace default", "-A"]);
}

#[tokio::test]
async fn a_watch_prints_rows_as_they_change() {
    let hub = hub().await;
    let place = hub.place("watched").await;
    place.ask(1).await;
    let arguments = ["get", "vmcsr", "-n", &place.namespace, "--watch"];
    let mut child =
        command(Some(hub.kubeconfig()), &arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = move || lines.next().unwrap().unwrap();
    has(&next(), &["NAMESPACE", "MESSAGE"]);
    has(&next(), &[&place.request_name(1), "UNKNOWN"]);
    place
        .status(
            1,
            json!({ "computedStatus": { "state": "INVALID", "message": "host not allowed" } }),
        )
        .await;
    has(&next(), &[&place.request_name(1), "INVALID", "host not allowed"]);
    let api = place.requests(&hub.admin);
    api.delete(&place.request_name(1), &kube::api::DeleteParams::default()).await.unwrap();
    has(&next(), &[&place.request_name(1), "deleted"]);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_unknown_kind_lists_the_known_ones() {
    let answer = run(None, &["get", "vmx"]);
    assert_eq!(answer.code, 2, "{answer:?}");
    has(
        &answer.err,
        &["vm, trustpolicy, rotation, cluster, mesh, vmcsr, approval, meshtrust, record"],
    );
}

#[tokio::test]
async fn an_api_without_our_definitions_says_how_to_install_them() {
    let bare = meshroot_testkit::api_server::cluster("bare").await.unwrap();
    has(
        &run(Some(bare.kubeconfig_path()), &["get", "vm"]).no(3),
        &["knows no such resource", "meshroot install"],
    );
}
