//! Kubeconfig files for one cluster and one bearer token.

use base64::Engine as _;
use serde_json::json;

/// Renders a kubeconfig (JSON, which is YAML too) whose only context is `context`.
pub fn render(url: &str, ca_pem: &str, token: &str, context: &str) -> String {
    let ca = base64::engine::general_purpose::STANDARD.encode(ca_pem);
    let config = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": context,
            "cluster": { "server": url, "certificate-authority-data": ca },
        }],
        "users": [{ "name": context, "user": { "token": token } }],
        "contexts": [{ "name": context, "context": { "cluster": context, "user": context } }],
        "current-context": context,
    });
    format!("{config:#}\n")
}
