//! The embedded server as a process: stopped and brought back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use meshroot_testkit::ApiServer;

#[tokio::test]
async fn a_restarted_server_has_its_address_its_tokens_and_its_objects() {
    let mut server = ApiServer::embedded("restart").await.unwrap();
    let token = server.service_account_token("kept", "reader", "").await.unwrap();
    let (url, pid) = (server.url(), server.pid());
    server.restart().await.unwrap();
    assert_eq!(server.url(), url);
    assert_ne!(server.pid(), pid);
    server.admin_client().await.unwrap().apiserver_version().await.unwrap();
    let reader = server.client_for_token(&token).await.unwrap();
    assert_eq!(whoami(&reader).await, "system:serviceaccount:kept:reader");
}

async fn whoami(client: &kube::Client) -> String {
    let api: kube::Api<SelfSubjectReview> = kube::Api::all(client.clone());
    let review =
        api.create(&kube::api::PostParams::default(), &SelfSubjectReview::default()).await.unwrap();
    review.status.unwrap().user_info.unwrap().username.unwrap()
}
