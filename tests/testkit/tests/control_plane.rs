//! The control planes themselves: up, kept apart, killed and brought back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::Api;
use kube::api::PostParams;
use meshroot_testkit::api_server;

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(serde_json::json!({ "metadata": { "name": name } })).unwrap()
}

#[tokio::test]
async fn two_clusters_on_one_etcd_share_nothing() {
    let east = api_server::cluster("east").await.unwrap();
    let west = api_server::cluster("east").await.unwrap();
    east.create_namespace("shop").await.unwrap();
    let api: Api<Namespace> = Api::all(west.admin_client().await.unwrap());
    assert!(api.get_opt("shop").await.unwrap().is_none());
    let foreign = west.client_for_token(east.admin_token()).await.unwrap();
    let refusal = Api::<Namespace>::all(foreign).get("default").await.unwrap_err();
    assert!(matches!(refusal, kube::Error::Api(status) if status.code == 401));
}

#[tokio::test]
async fn a_restarted_cluster_keeps_its_address_objects_and_tokens() {
    let mut api = api_server::cluster("restarted").await.unwrap();
    let (url, pid) = (api.url(), api.pid());
    let client = api.admin_client().await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    let created = maps.create(&PostParams::default(), &config_map("kept")).await;
    created.unwrap();
    let token = api.service_account_token("default", "app", "").await.unwrap();

    api.process().kill_hard();
    api.restart().await.unwrap();

    assert_eq!(api.url(), url);
    assert_ne!(api.pid(), pid);
    let client = api.admin_client().await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    assert!(maps.get_opt("kept").await.unwrap().is_some());
    let client = api.client_for_token(&token).await.unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(client, "default");
    let refusal = maps.get("kept").await.unwrap_err();
    assert!(
        matches!(&refusal, kube::Error::Api(status) if status.code == 403),
        "a service account without a role is known, and may do nothing: {refusal}"
    );
}
