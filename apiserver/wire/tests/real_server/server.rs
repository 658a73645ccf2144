//! The real server, asked in YAML, answering in JSON or protobuf.

use apiserver_wire::MEDIA_TYPE;
use http::Request;
use http_body_util::BodyExt;
use kube::Client;
use kube::client::Body;
use meshroot_testkit::api_server;
use serde_json::Value;

pub(crate) const NAMESPACE: &str = "protobuf";
const JSON: &str = "application/json";

pub(crate) struct Server {
    client: Client,
}

/// One answer in both forms.
pub(crate) struct Answers {
    pub(crate) path: String,
    pub(crate) json: Value,
    pub(crate) protobuf: Vec<u8>,
}

impl Server {
    pub(crate) async fn new() -> Self {
        let server = api_server::shared().await.unwrap();
        server.create_namespace(NAMESPACE).await.unwrap();
        Self { client: server.admin_client().await.unwrap() }
    }

    /// Does what the first line of `document` says, `# VERB PATH`, with the rest as the body.
    pub(crate) async fn play(&self, document: &str) -> Answers {
        let (line, body) = document.trim_start().split_once('\n').unwrap();
        let (verb, path) = line.strip_prefix("# ").unwrap().split_once(' ').unwrap();
        match verb {
            "ASK" => self.both("POST", path, body).await,
            "GET" => self.object(path).await,
            "APPLY" => {
                let query = format!("{path}?fieldManager=test&force=true");
                self.send("PATCH", &query, "application/apply-patch+yaml", JSON, body).await;
                self.object(path.strip_suffix("/status").unwrap()).await
            }
            "POST" => {
                let created = self.send("POST", path, "application/yaml", JSON, body).await;
                let created = json(&created);
                let name = created["metadata"]["name"].as_str().unwrap().replace(' ', "%20");
                self.object(&format!("{path}/{name}")).await
            }
            _ => panic!("{line}"),
        }
    }

    /// The object as it stands: the server's own controllers may be writing to a new one.
    async fn object(&self, path: &str) -> Answers {
        for _ in 0..100 {
            let answers = self.both("GET", path, "").await;
            if answers.json == json(&self.send("GET", path, JSON, JSON, "").await) {
                return answers;
            }
        }
        panic!("{path} does not come to rest");
    }

    async fn both(&self, method: &str, path: &str, body: &str) -> Answers {
        let text = self.send(method, path, "application/yaml", JSON, body).await;
        let protobuf = self.send(method, path, "application/yaml", MEDIA_TYPE, body).await;
        Answers { path: path.to_owned(), json: json(&text), protobuf }
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        content: &str,
        accept: &str,
        body: &str,
    ) -> Vec<u8> {
        let request = Request::builder().method(method).uri(path).header("Content-Type", content);
        let request =
            request.header("Accept", accept).body(Body::from(body.as_bytes().to_vec())).unwrap();
        let answer = self.client.send(request).await.unwrap();
        let status = answer.status();
        let bytes = answer.into_body().collect().await.unwrap().to_bytes().to_vec();
        assert!(
            status.is_success(),
            "{method} {path}: {status}: {}",
            String::from_utf8_lossy(&bytes)
        );
        bytes
    }
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}
