//! What is written into the APIs before anything runs: as `meshroot install` and `meshroot cluster join` do it.

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};
use meshroot_manifests::{DEFAULT_MESH_NAMESPACE, hub_prerequisites, namespace};
use meshroot_runtime::kube::apply::{apply_all, install};
use meshroot_runtime::kube::call::CallError;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::DemoError;
use crate::control_plane::LEAF_LIFETIME;

/// Namespace of the workloads that ask for certificates.
pub(super) const WORKLOADS: &str = "demo";

/// What `meshroot install` prints, but for the pods: the hub runs in this process.
pub(super) async fn hub(admin: &Client) -> Result<(), DemoError> {
    let objects = hub_prerequisites(&[], Some("v1"))
        .map_err(|error| DemoError::Manifests(error.to_string()))?;
    Ok(install(admin, objects).await?)
}

/// What an Istio installation and a workload leave in a cluster.
pub(super) async fn mesh(admin: &Client, cluster: &str) -> Result<(), DemoError> {
    apply_all(admin, vec![namespace(DEFAULT_MESH_NAMESPACE), namespace(WORKLOADS)]).await?;
    Ok(apply_all(admin, vec![istiod(), workload_account(cluster)]).await?)
}

/// Name of the workload's ServiceAccount in a cluster.
pub(super) fn workload_name(cluster: &str) -> String {
    format!("workload-{cluster}")
}

/// A token of a ServiceAccount, for `audience` or for the API itself, that lives for `seconds` if the server allows it.
pub(super) async fn token(
    admin: &Client,
    (namespace, account): (&str, &str),
    audience: Option<&str>,
    seconds: i64,
) -> Result<Zeroizing<String>, DemoError> {
    let api: Api<ServiceAccount> = Api::namespaced(admin.clone(), namespace);
    let spec = TokenRequestSpec {
        audiences: audience.map(|audience| vec![audience.to_owned()]),
        expiration_seconds: Some(seconds),
        ..TokenRequestSpec::default()
    };
    let asked = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
    let answer = api.create_token_request(account, &PostParams::default(), &asked).await;
    let doing = format!("ask for a token of ServiceAccount {namespace}/{account}");
    let answer = answer.map_err(|error| CallError::about_secret(&doing, &error))?;
    let token = answer.status.and_then(|status| status.token).map(Zeroizing::new);
    token.ok_or(DemoError::NoToken { doing })
}

/// What discovery finds; no pod comes of it here.
fn istiod() -> Value {
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "istiod",
            "namespace": DEFAULT_MESH_NAMESPACE,
            "labels": { "app": "istiod", "istio.io/rev": "default" },
            "annotations": { "meshroot.dev/demo": "a stand-in within `meshroot demo`; there is no pod" },
        },
        "spec": {
            "selector": { "matchLabels": { "app": "istiod" } },
            "template": {
                "metadata": { "labels": { "app": "istiod" } },
                "spec": {
                    "serviceAccountName": "istiod",
                    "containers": [{
                        "name": "discovery",
                        "image": "meshroot-demo/istiod-stand-in:demo",
                        // What an agent reads of istiod before a root is replaced.
                        "env": [
                            { "name": "ISTIO_MULTIROOT_MESH", "value": "true" },
                            { "name": "MAX_WORKLOAD_CERT_TTL", "value": format!("{}s", LEAF_LIFETIME.as_secs()) },
                        ],
                    }],
                },
            },
        },
    })
}

fn workload_account(cluster: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": { "name": workload_name(cluster), "namespace": WORKLOADS },
    })
}
