//! A real istiod loads a CA, follows its renewal and hands out certificates that work.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![allow(dead_code, reason = "only parts of the authority are used here")]

mod authority;

use authority::Authority;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::PostParams;
use meshroot_testkit::{
    ApiServer, Istiod, IstiodOptions, WorkloadCertificate, api_server, judges, tls, wait, workload,
};

async fn secrets(api: &ApiServer, namespace: &str) -> Api<Secret> {
    api.create_namespace(namespace).await.unwrap();
    Api::namespaced(api.admin_client().await.unwrap(), namespace)
}

async fn start(api: &ApiServer, namespace: &str, secret: &Secret) -> Istiod {
    let secrets = secrets(api, namespace).await;
    secrets.create(&PostParams::default(), secret).await.unwrap();
    let options = IstiodOptions { namespace: namespace.to_owned(), ..IstiodOptions::default() };
    Istiod::start(api, options).await.unwrap()
}

async fn workload(
    istiod: &Istiod,
    api: &ApiServer,
    name: &str,
    roots: &str,
) -> WorkloadCertificate {
    workload::certificate(istiod, api, "shop", name, roots).await.unwrap()
}

#[tokio::test]
async fn leaves_of_one_root_trust_each_other_and_refuse_an_unrelated_root() {
    let api = api_server::shared().await.unwrap();
    let (ours, theirs) = (Authority::create("ours"), Authority::create("theirs"));
    let east = start(api, "east", &ours.cacerts(&ours.intermediate("east", 30))).await;
    let west = start(api, "west", &ours.cacerts(&ours.intermediate("west", 30))).await;
    let other = start(api, "other", &theirs.cacerts(&theirs.intermediate("other", 30))).await;
    let web = workload(&east, api, "web", &ours.root).await;
    let db = workload(&west, api, "db", &ours.root).await;
    let stranger = workload(&other, api, "stranger", &theirs.root).await;

    assert_eq!(web.root_pem.trim(), ours.root.trim());
    tls::handshake(&web, &db, &ours.root, &ours.root).await.unwrap();
    tls::openssl_handshake(&web, &db, &ours.root, &ours.root).await.unwrap();

    // Each direction on its own: only the server, then only the client, meets a stranger.
    for (server, client, server_roots, client_roots) in [
        (&web, &stranger, &ours.root, &ours.root),
        (&stranger, &web, &ours.root, &ours.root),
        (&web, &db, &theirs.root, &ours.root),
        (&web, &db, &ours.root, &theirs.root),
    ] {
        let refusal = tls::handshake(server, client, server_roots, client_roots).await;
        assert!(refusal.unwrap_err().contains("UnknownIssuer"));
        let refusal = tls::openssl_handshake(server, client, server_roots, client_roots).await;
        refusal.unwrap_err();
    }
}

#[tokio::test]
async fn a_leaf_with_another_identity_is_refused() {
    let api = api_server::shared().await.unwrap();
    let ours = Authority::create("identity");
    let istiod = start(api, "identity", &ours.cacerts(&ours.intermediate("one", 30))).await;
    let honest = workload(&istiod, api, "honest", &ours.root).await;
    let mut thief = workload(&istiod, api, "thief", &ours.root).await;
    thief.spiffe_id.clone_from(&honest.spiffe_id);
    for (server, client) in [(&thief, &honest), (&honest, &thief)] {
        let refusal = tls::handshake(server, client, &ours.root, &ours.root).await;
        refusal.unwrap_err();
    }
}

#[tokio::test]
async fn a_renewed_intermediate_is_loaded_without_a_restart() {
    let api = api_server::shared().await.unwrap();
    let ours = Authority::create("renewed");
    let (first, second) = (ours.intermediate("first", 30), ours.intermediate("second", 60));
    let mut istiod = start(api, "renewed", &ours.cacerts(&first)).await;
    let pid = istiod.pid();
    let leaf = workload(&istiod, api, "web", &ours.root).await;
    judges::openssl_verify(&leaf.chain_pem, &first.certificate, &ours.root).unwrap();

    let secrets = secrets(api, "renewed").await;
    let renewed = ours.cacerts(&second);
    secrets.replace("cacerts", &PostParams::default(), &renewed).await.unwrap();
    let loaded = "Istiod certificates are reloaded";
    istiod.wait_for_log(loaded, wait::LIMIT).await.unwrap();
    assert_eq!(istiod.pid(), pid);
    let leaf = workload(&istiod, api, "web", &ours.root).await;
    judges::openssl_verify(&leaf.chain_pem, &second.certificate, &ours.root).unwrap();
    judges::openssl_verify(&leaf.chain_pem, &first.certificate, &ours.root).unwrap_err();
    let metrics = istiod.metrics().await.unwrap();
    assert!(metrics.contains("citadel_server_cert_chain_expiry_timestamp"));

    istiod.restart().await.unwrap();
    assert_ne!(istiod.pid(), pid);
    workload(&istiod, api, "web", &ours.root).await;
}
