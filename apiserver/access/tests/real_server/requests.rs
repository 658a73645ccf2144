//! Requests to the real server as JSON.

use anyhow::{Context, Result, bail};
use kube::Client;
use serde_json::Value;

pub(crate) const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// The real server with the administrator's rights.
pub(crate) async fn administrator() -> Result<Client> {
    meshroot_testkit::api_server::shared().await?.admin_client().await
}

pub(crate) async fn post(client: &Client, path: &str, body: &Value) -> Result<Value> {
    let request = http::Request::post(path).header("content-type", "application/json");
    Ok(client.request(request.body(serde_json::to_vec(body)?)?).await?)
}

pub(crate) async fn get(client: &Client, path: &str) -> Result<Value> {
    Ok(client.request(http::Request::get(path).body(Vec::new())?).await?)
}

/// The message with which the server refuses a request; with a user, in that user's name.
pub(crate) async fn refusal(
    client: &Client,
    user: Option<&str>,
    path: &str,
    body: &Value,
) -> Result<String> {
    let request = http::Request::post(path).header("content-type", "application/json");
    let request = match user {
        Some(user) => {
            request.header("impersonate-user", user).header("impersonate-group", "access-group")
        }
        None => request,
    };
    match client.request::<Value>(request.body(serde_json::to_vec(body)?)?).await {
        Ok(answer) => bail!("not refused: {answer}"),
        Err(kube::Error::Api(status)) => Ok(status.message.clone()),
        Err(error) => Err(error).context("no answer"),
    }
}

/// Creates a role or binding where its kind and namespace say.
pub(crate) async fn create(client: &Client, object: &Value) -> Result<()> {
    let plural = format!("{}s", object["kind"].as_str().context("kind")?.to_lowercase());
    let path = match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{RBAC}/namespaces/{namespace}/{plural}"),
        None => format!("{RBAC}/{plural}"),
    };
    post(client, &path, object).await.with_context(|| object.to_string())?;
    Ok(())
}
