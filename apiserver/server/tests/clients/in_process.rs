//! kube-rs on a server in the same process.

use std::time::Duration;

use apiserver::{Options, Server, User};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{
    DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

#[tokio::test]
async fn kube_creates_lists_watches_patches_and_deletes_without_a_connection() {
    let server = Server::open(Options::default()).await.unwrap();
    let client = Client::new(server.in_process(), "default");
    assert!(client.apiserver_version().await.is_ok());
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let begin = maps.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    let mut watch = Box::pin(maps.watch(&WatchParams::default(), &begin).await.unwrap());
    let object: ConfigMap =
        serde_json::from_value(json!({ "metadata": { "name": "a" }, "data": { "a": "b" } }))
            .unwrap();
    let created = maps.create(&PostParams::default(), &object).await.unwrap();
    assert!(created.uid().is_some());
    let again = maps.create(&PostParams::default(), &object).await.unwrap_err();
    assert!(
        matches!(&again, kube::Error::Api(status) if status.code == 409 && status.reason == "AlreadyExists"),
        "{again}"
    );
    let apply = json!({ "apiVersion": "v1", "kind": "ConfigMap", "data": { "c": "d" } });
    let applied =
        maps.patch("a", &PatchParams::apply("test"), &Patch::Apply(&apply)).await.unwrap();
    assert_eq!(applied.data.unwrap().len(), 2);
    assert_eq!(maps.list(&ListParams::default()).await.unwrap().items.len(), 1);
    maps.delete("a", &DeleteParams::default()).await.unwrap();
    let mut kinds = Vec::new();
    while kinds.len() < 3 {
        let event = tokio::time::timeout(Duration::from_secs(10), watch.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        kinds.push(match event {
            WatchEvent::Added(_) => "added",
            WatchEvent::Modified(_) => "modified",
            WatchEvent::Deleted(_) => "deleted",
            WatchEvent::Bookmark(_) => continue,
            WatchEvent::Error(status) => panic!("{status:?}"),
        });
    }
    assert_eq!(kinds, ["added", "modified", "deleted"]);
    server.shutdown().await;
    let ended = tokio::time::timeout(Duration::from_secs(10), async {
        while watch.next().await.is_some() {}
    })
    .await;
    assert!(ended.is_ok(), "the watch outlives the server");
}

#[tokio::test]
async fn somebody_without_roles_is_refused_in_process_too() {
    let server = Server::open(Options::default()).await.unwrap();
    let nobody = User::authenticated("nobody", Vec::new());
    let maps: Api<ConfigMap> =
        Api::default_namespaced(Client::new(server.in_process_as(nobody), "default"));
    let error = maps.list(&ListParams::default()).await.unwrap_err();
    assert!(
        matches!(&error, kube::Error::Api(status) if status.code == 403 && status.message.contains("nobody")),
        "{error}"
    );
}
