//! Start, end, and what is between them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use futures::StreamExt as _;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::WatchParams;
use meshroot_testkit::{Directory, tools};

use crate::program::{answer, has, run};
use crate::server::{API_ONLY, Served, WHOLE, Writer, written};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn holder(served: &Served) -> String {
    let leases: Api<Lease> = Api::namespaced(served.client().await, "meshroot-system");
    let lease = leases.get("meshroot-hub").await.unwrap();
    lease.spec.unwrap().holder_identity.unwrap_or_default()
}

#[tokio::test]
async fn a_hub_on_an_empty_directory_is_reached_with_the_kubeconfig_that_it_wrote() {
    let directory = Directory::create("serve").unwrap();
    let served = Served::start(&directory.join("deep/data"), WHOLE).await;
    assert_eq!(mode(&served.data), 0o700);
    assert_eq!(mode(&served.kubeconfig()), 0o600);
    assert_eq!(mode(&served.data.join("state.redb")), 0o600);
    assert_ne!(holder(&served).await, "");
    let log = served.process.log();
    has(&log, &["hub on https://127.0.0.1:", "export KUBECONFIG="]);
    assert!(!log.contains(&served.admin_token()));

    let answer_of_get = run(Some(&served.kubeconfig()), &["get", "vm", "-A"]);
    has(&answer_of_get.err, &["no vm in all namespaces"]);
    answer_of_get.yes();
    let kubectl = |arguments: &[&str]| {
        let mut command = Command::new(tools::path("kubectl").unwrap());
        answer(
            command
                .args(arguments)
                .env("KUBECONFIG", served.kubeconfig())
                .env("HOME", directory.path()),
            b"",
        )
    };
    has(&kubectl(&["get", "virtualmeshes", "-A"]).err, &["No resources found"]);
    has(&kubectl(&["auth", "whoami"]).yes(), &["system:masters"]);
    has(&kubectl(&["explain", "trustpolicy.spec.approval"]).yes(), &["FIELD: approval"]);
    has(&kubectl(&["-n", "meshroot-system", "get", "serviceaccounts"]).yes(), &["meshroot-hub"]);
}

#[tokio::test]
async fn the_kubeconfig_of_a_server_on_every_address_leads_to_it() {
    let directory = Directory::create("serve").unwrap();
    let served = Served::start_on("0.0.0.0:0", &directory.join("data"), API_ONLY).await;
    has(&served.address(), &["127.0.0.1:"]);
}

#[tokio::test]
async fn a_directory_and_a_port_are_used_by_one_process_at_a_time() {
    let directory = Directory::create("serve").unwrap();
    let served = Served::start(&directory.join("data"), API_ONLY).await;
    let unfinished = served.data.join("snapshot-1");
    std::fs::write(&unfinished, "").unwrap();
    let again = |data: &Path, address: &str| {
        run(None, &["serve", "--api-only", "--data", data.to_str().unwrap(), "--listen", address])
    };
    let told = again(&served.data, "127.0.0.1:0").no(1);
    has(&told, &["state.redb is in use by another process"]);
    assert!(
        unfinished.exists(),
        "the snapshot that a server is writing is not another one's to remove"
    );
    let told = again(&directory.join("other"), &served.address()).no(1);
    has(
        &told,
        &[
            &format!("listening on {} failed", served.address()),
            "fix: give another address with --listen",
        ],
    );
    assert_eq!(written(&served.client().await).await, 0);

    let address = served.address();
    served.process.stop();
    Served::start_on(&address, &served.data, API_ONLY).await.process.stop();
    assert!(!unfinished.exists(), "what a crash has left of a snapshot");
    // What was begun there without a port is gone on with.
    Served::start_on(&address, &directory.join("other"), API_ONLY).await;
}

#[tokio::test]
async fn sigterm_releases_the_lease_and_ends_with_success() {
    let directory = Directory::create("serve").unwrap();
    let served = Served::start(&directory.join("data"), WHOLE).await;
    let maps: Api<ConfigMap> = Api::all(served.client().await);
    let mut watch = maps.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    served.process.stop();
    let status = served.process.exit_status().unwrap();
    assert!(status.success(), "{status}: {}", served.process.evidence());
    has(&served.process.log(), &["lease released"]);
    while watch.next().await.is_some() {}

    let served = Served::start_on(&served.address(), &served.data, API_ONLY).await;
    assert_eq!(holder(&served).await, "");
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_and_the_administrator_stays() {
    let directory = Directory::create("serve").unwrap();
    let served = Served::start(&directory.join("data"), WHOLE).await;
    let kubeconfig = std::fs::read_to_string(served.kubeconfig()).unwrap();
    let client = served.client().await;
    let writer = Writer::start(client.clone());
    writer.reaches(50).await;
    served.process.kill_hard();
    let acknowledged = writer.end().await;

    let served = Served::start_on(&served.address(), &served.data, WHOLE).await;
    assert_eq!(std::fs::read_to_string(served.kubeconfig()).unwrap(), kubeconfig);
    // The client of before: it trusts the CA of before, and has the token of before.
    let there = written(&client).await;
    assert!(
        there == acknowledged || there == acknowledged + 1,
        "{there} of {acknowledged} are there"
    );
}
