//! The real server, and the kinds that are written.

use apiserver_schema::{Schema, Type};
use http::Request;
use kube::Client;
use kube::core::Status;
use meshroot_testkit::{api_server, wait};
use serde_json::{Map, Value, json};

use crate::openapi;
use crate::play::Play;

pub(crate) struct Rig {
    pub(crate) client: Client,
    pub(crate) namespace: String,
}

/// A kind and where its objects are.
pub(crate) struct Kind {
    pub(crate) api_version: String,
    pub(crate) name: &'static str,
    pub(crate) collection: String,
    pub(crate) schema: Schema,
    /// Whether a custom resource: kept as sent, not in a Go type.
    pub(crate) is_custom: bool,
    pub(crate) has_status: bool,
}

impl Rig {
    pub(crate) async fn new(namespace: &str) -> Self {
        let server = api_server::shared().await.unwrap();
        server.create_namespace(namespace).await.unwrap();
        Self { client: server.admin_client().await.unwrap(), namespace: namespace.to_owned() }
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        content: &str,
        body: &Value,
    ) -> Result<Value, Status> {
        let request = Request::builder().method(method).uri(path).header("Content-Type", content);
        let request = request.body(body.to_string().into_bytes()).unwrap();
        match self.client.request::<Value>(request).await {
            Ok(value) => Ok(value),
            Err(kube::Error::Api(status)) => Err(*status),
            Err(error) => panic!("{method} {path}: {error}"),
        }
    }

    async fn get(&self, path: &str) -> Result<Value, Status> {
        self.send("GET", path, "application/json", &json!(null)).await
    }

    /// A built-in kind with the schema the server publishes.
    pub(crate) async fn builtin(
        &self,
        group: &str,
        name: &'static str,
        definition: &str,
        plural: &str,
    ) -> Kind {
        let prefix = if group == "v1" { "api/v1".to_owned() } else { format!("apis/{group}") };
        let document = self.get(&format!("/openapi/v3/{prefix}")).await.unwrap();
        let all = document["components"]["schemas"].as_object().unwrap();
        let mut schema = openapi::schema(&all[definition], all);
        schema.default = Some(empty_object(&schema));
        Kind {
            api_version: group.to_owned(),
            name,
            collection: format!("/{prefix}/namespaces/{}/{plural}", self.namespace),
            has_status: schema.properties.contains_key("status"),
            schema,
            is_custom: false,
        }
    }

    /// Installs a CustomResourceDefinition and waits until it is served.
    pub(crate) async fn custom(&self, definition: &Value) -> Kind {
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        self.send("POST", path, "application/json", definition).await.unwrap();
        let spec = &definition["spec"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (group, plural) = (text(&spec["group"]), text(&spec["names"]["plural"]));
        let collection = format!("/apis/{group}/v1/namespaces/{}/{plural}", self.namespace);
        let served = async || Ok(self.get(&collection).await.map(drop)?);
        wait::until(&format!("{plural} are served"), wait::LIMIT, served).await.unwrap();
        let schema = openapi::schema(
            &spec["versions"][0]["schema"]["openAPIV3Schema"],
            &serde_json::Map::new(),
        );
        Kind {
            api_version: format!("{group}/v1"),
            name: Box::leak(text(&spec["names"]["kind"]).into_boxed_str()),
            collection,
            schema,
            is_custom: true,
            has_status: true,
        }
    }

    pub(crate) fn play<'r>(&'r self, kind: &'r Kind, name: &str) -> Play<'r> {
        Play::new(self, kind, name)
    }
}

/// What an object of a built-in kind holds before anyone wrote to it, as the schema that the real server publishes says
/// it: fields with the default `{}` (`spec`, `status` and `spec.template` of a Deployment) are always there, and
/// required fields are there without a value.
fn empty_object(schema: &Schema) -> Value {
    Value::Object(empty_fields(schema))
}

fn empty_fields(schema: &Schema) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, property) in &schema.properties {
        let is_object = property.kind == Some(Type::Object) || property.kind.is_none();
        match &property.default {
            Some(Value::Object(_)) if is_object => {
                fields.insert(name.clone(), empty_object(property));
            }
            None if schema.checks.required.contains(name) => {
                fields.insert(name.clone(), Value::Null);
            }
            _ => {}
        }
    }
    fields
}
