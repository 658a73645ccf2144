//! A program from its start to its end: `counter` is a whole one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod counter;
mod terms;

use std::path::Path;
use std::process::Command;

use apiserver::Server;
use clap::Parser;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, PostParams};
use kube::{Client, ResourceExt as _};
use meshroot_runtime::process::options::ProcessOptions;
use meshroot_testkit::http_text::fetch;
use meshroot_testkit::ports;
use meshroot_testkit::wait::{self, LIMIT};

#[derive(Parser)]
struct Options {
    #[command(flatten)]
    process: ProcessOptions,
}

fn options(kubeconfig: &Path, port: u16) -> ProcessOptions {
    let listen = format!("127.0.0.1:{port}");
    let arguments = ["counter", "--kubeconfig", kubeconfig.to_str().unwrap(), "--listen", &listen];
    Options::parse_from(arguments).process
}

fn config_map(name: &str, data: &serde_json::Value) -> ConfigMap {
    serde_json::from_value(serde_json::json!({ "metadata": { "name": name }, "data": data }))
        .unwrap()
}

async fn holder(leases: &Api<Lease>, name: &str) -> Option<String> {
    leases.get(name).await.unwrap().spec.unwrap().holder_identity
}

#[tokio::test]
async fn a_program_leads_follows_counts_its_failures_and_stops_at_a_signal() {
    let server = Server::open(apiserver::Options::default()).await.unwrap();
    let endpoint = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("kubeconfig");
    let text = endpoint.kubeconfig("test", "admin", server.admin_token().unwrap());
    std::fs::write(&kubeconfig, text).unwrap();
    let admin = Client::new(server.in_process(), "default");
    let maps: Api<ConfigMap> = Api::namespaced(admin.clone(), "default");
    let leases: Api<Lease> = Api::namespaced(admin, "default");
    let create = async |name, data| {
        maps.create(&PostParams::default(), &config_map(name, &data)).await.unwrap()
    };
    create("before", serde_json::json!({ "a": "1", "b": "2" })).await;

    let port = ports::free().unwrap();
    let running = tokio::spawn(counter::run(options(&kubeconfig, port)));
    let counted = async |name: &str, keys: &str| {
        let map = maps.get(name).await?;
        anyhow::ensure!(map.annotations().get("keys").is_some_and(|found| found == keys));
        Ok(())
    };
    wait::until("the old", LIMIT, async || counted("before", "2").await).await.unwrap();
    create("after", serde_json::json!({ "a": "1" })).await;
    wait::until("the new", LIMIT, async || counted("after", "1").await).await.unwrap();
    assert!(fetch(port, "/readyz").await.unwrap().contains("[+]watches ok"));
    assert!(holder(&leases, "counter").await.unwrap().starts_with("counter-"));

    create("empty", serde_json::Value::Null).await;
    wait::until("the failure", LIMIT, async || {
        let metrics = fetch(port, "/metrics").await?;
        anyhow::ensure!(metrics.contains("\nmeshroot_leader 1\n"), "{metrics}");
        let failures = "\nmeshroot_controller_failures_total{controller=\"count\"} ";
        anyhow::ensure!(metrics.contains(failures), "{metrics}");
        Ok(())
    })
    .await
    .unwrap();

    let own = std::process::id().to_string();
    assert!(Command::new("kill").args(["-TERM", &own]).status().unwrap().success());
    running.await.unwrap().unwrap();
    assert_eq!(holder(&leases, "counter").await, None, "the lease is released");
    assert!(fetch(port, "/readyz").await.is_err(), "nothing listens any more");
    server.shutdown().await;
}
