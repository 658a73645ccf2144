//! Sidecars of real istiods take each other, and nobody of an unrelated root.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![allow(dead_code, reason = "only parts of the authority are used here")]

mod authority;

use std::time::Duration;

use authority::Authority;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::PostParams;
use meshroot_testkit::sidecar::Workload;
use meshroot_testkit::{ApiServer, Istiod, IstiodOptions, Sidecar, api_server, envoy};

/// Each cluster of its own: istiods of different roots overwrite what the other publishes.
async fn cluster(root: &Authority, name: &str) -> (ApiServer, Istiod) {
    let api = api_server::cluster(name).await.unwrap();
    let options = IstiodOptions { cluster_id: name.to_owned(), ..IstiodOptions::default() };
    api.create_namespace(&options.namespace).await.unwrap();
    let client = api.admin_client().await.unwrap();
    let secrets: Api<Secret> = Api::namespaced(client, &options.namespace);
    let cacerts = root.cacerts(&root.intermediate(name, 30));
    secrets.create(&PostParams::default(), &cacerts).await.unwrap();
    let istiod = Istiod::start(&api, options).await.unwrap();
    (api, istiod)
}

fn workload<'a>((api, istiod): &'a (ApiServer, Istiod), name: &'a str) -> Workload<'a> {
    let lifetime = Duration::from_mins(10);
    Workload { istiod, api, namespace: "shop", service_account: name, lifetime }
}

#[tokio::test]
async fn sidecars_take_each_other_by_one_root_and_refuse_an_unrelated_one() {
    let east = cluster(&Authority::create("ours"), "east").await;
    let pair = Sidecar::pair(workload(&east, "web"), workload(&east, "db")).await.unwrap();
    for sidecar in &pair {
        for _ in 0..3 {
            sidecar.request().await.unwrap();
        }
    }
    for sidecar in &pair {
        let counts = sidecar.counts().await.unwrap();
        // No connection is used twice, no session resumed.
        assert_eq!(counts["cluster.peer.ssl.handshake"], 3, "{counts:?}");
        assert_eq!(counts["listener.inbound.ssl.handshake"], 3, "{counts:?}");
        assert_eq!(counts["cluster.peer.ssl.session_reused"], 0, "{counts:?}");
        assert_eq!(counts["listener.inbound.ssl.session_reused"], 0, "{counts:?}");
    }

    let other = cluster(&Authority::create("theirs"), "other").await;
    let pair = Sidecar::pair(workload(&east, "web"), workload(&other, "stranger")).await.unwrap();
    for sidecar in &pair {
        let refusal = format!("{:#}", sidecar.request().await.unwrap_err());
        assert!(refusal.contains(envoy::REFUSAL), "{refusal}");
    }
    let counts = pair[0].counts().await.unwrap();
    assert_eq!(counts["cluster.peer.ssl.fail_verify_error"], 1, "{counts:?}");
}
