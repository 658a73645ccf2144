//! Requests to the API server, and its answers in comparable form.

use std::collections::BTreeSet;

use apiserver_object::FieldError;
use kube::{Client, Error};
use meshroot_testkit::api_server;
use serde_json::{Value, json};

pub(crate) const GROUP: &str = "schema.example.org";
pub(crate) const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/// Where the schema of a definition with one version is.
pub(crate) const SCHEMA_PATH: &str = "spec.validation.openAPIV3Schema";

/// A client with all rights.
pub(crate) async fn client() -> Client {
    api_server::shared().await.unwrap().admin_client().await.unwrap()
}

/// What the server answers: the object, or field, reason and message of each cause.
#[derive(Debug)]
pub(crate) enum Answer {
    Object(Value),
    Refused { causes: Causes, message: String },
}

pub(crate) type Causes = BTreeSet<(String, String, String)>;

pub(crate) async fn send(client: &Client, method: &str, path: &str, body: &Value) -> Answer {
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(serde_json::to_vec(body).unwrap())
        .unwrap();
    match client.request::<Value>(request).await {
        Ok(object) => Answer::Object(object),
        Err(Error::Api(status)) => {
            let causes = status.details.iter().flat_map(|details| &details.causes);
            let cause = |cause: &kube::core::response::StatusCause| {
                (cause.field.clone(), cause.reason.clone(), cause.message.clone())
            };
            Answer::Refused { causes: causes.map(cause).collect(), message: status.message.clone() }
        }
        Err(other) => panic!("{method} {path}: {other}"),
    }
}

pub(crate) fn causes(errors: &[FieldError]) -> Causes {
    errors
        .iter()
        .map(|error| (error.field.clone(), error.reason().to_owned(), error.body()))
        .collect()
}

/// A definition with one version of this schema.
pub(crate) fn definition(plural: &str, kind: &str, schema: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{GROUP}") },
        "spec": {
            "group": GROUP,
            "scope": "Cluster",
            "names": { "plural": plural, "singular": kind.to_lowercase(), "kind": kind, "listKind": format!("{kind}List") },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } }],
        },
    })
}
