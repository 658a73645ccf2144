//! Requests to the real server.

use serde_json::Value;

/// Sends a request; the HTTP status and the object that came back.
pub(crate) async fn send(
    client: &kube::Client,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let content = body.map(|body| serde_json::to_vec(body).unwrap()).unwrap_or_default();
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(kube::client::Body::from(content))
        .unwrap();
    let response = client.send(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect_bytes().await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// Sends a request that must succeed.
pub(crate) async fn must(
    client: &kube::Client,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Value {
    let (status, answer) = send(client, method, path, body).await;
    assert!(status < 300, "{method} {path}: {answer}");
    answer
}

/// A client of the shared server.
pub(crate) async fn client() -> kube::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let server = meshroot_testkit::api_server::shared().await.unwrap();
    server.admin_client().await.unwrap()
}
