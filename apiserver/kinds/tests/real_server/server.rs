//! Requests to the real server.

use std::sync::Arc;

use anyhow::Result;
use apiserver_kinds::Kind;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use kube::Client;
use serde_json::{Value, json};

pub(crate) const AGGREGATED: &str =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
pub(crate) const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// The server of this test run. Each test has its own connection, as each has its own runtime.
pub(crate) struct Server {
    client: Client,
}

impl Server {
    pub(crate) async fn connect() -> Result<Self> {
        Ok(Self { client: meshroot_testkit::api_server::shared().await?.admin_client().await? })
    }

    /// The answer, also if it is a `Status` that refuses.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        accept: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let bytes = body.map(ToString::to_string).unwrap_or_default().into_bytes();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("accept", accept)
            .header("content-type", "application/json")
            .body(kube::client::Body::from(bytes))?;
        let response = self.client.send(request).await?;
        let body = response.into_body().collect().await?.to_bytes();
        Ok(serde_json::from_slice(&body)?)
    }

    pub(crate) async fn read(&self, path: &str) -> Result<Value> {
        self.send(Method::GET, path, "application/json", None).await
    }

    /// Creates an object; that it exists already is fine.
    pub(crate) async fn create(&self, object: &Value) -> Result<Value> {
        let path = collection(object);
        let answer = self.send(Method::POST, &path, "application/json", Some(object)).await?;
        let refused = answer["kind"] == "Status" && answer["reason"] != "AlreadyExists";
        anyhow::ensure!(!refused, "{path}: {answer}");
        Ok(answer)
    }

    /// What the server would answer to a creation.
    pub(crate) async fn try_create(&self, object: &Value) -> Result<Value> {
        let path = format!("{}?dryRun=All", collection(object));
        self.send(Method::POST, &path, "application/json", Some(object)).await
    }

    pub(crate) async fn namespace(&self, name: &str) -> Result<()> {
        self.create(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
            .await
            .map(drop)
    }
}

/// The built-in kind of an object.
pub(crate) fn kind_of(object: &Value) -> Arc<Kind> {
    let found = apiserver_kinds::builtin().into_iter().find(|kind| {
        kind.api_version() == object["apiVersion"].as_str().unwrap()
            && *kind.kind == *object["kind"].as_str().unwrap()
    });
    found.unwrap_or_else(|| panic!("no such kind: {object}"))
}

/// The path of the objects among which an object is.
pub(crate) fn collection(object: &Value) -> String {
    let api_version = object["apiVersion"].as_str().unwrap();
    let plural = match object["kind"].as_str().unwrap() {
        "Widget" => "widgets".to_owned(),
        _ => kind_of(object).plural.to_string(),
    };
    let root = if api_version.contains('/') { "/apis" } else { "/api" };
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{root}/{api_version}/namespaces/{namespace}/{plural}"),
        None => format!("{root}/{api_version}/{plural}"),
    }
}
