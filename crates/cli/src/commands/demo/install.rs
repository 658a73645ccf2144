//! What is written into the APIs before anything runs: as `meshroot install` and `meshroot cluster join` do it.

use std::ffi::OsString;
use std::path::Path;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::api::PostParams;
use kube::{Api, Client};
use meshroot_manifests::{DEFAULT_MESH_NAMESPACE, namespace};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::clusters::HUB;
use crate::arguments;
use crate::commands::cluster;
use crate::commands::install::apply_all;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Namespace of the workloads that ask for certificates.
pub(super) const WORKLOADS: &str = "demo";

/// What an Istio installation and a workload leave in a cluster.
pub(super) async fn mesh(admin: &Client, cluster: &str) -> Result<(), Failure> {
    apply_all(admin, vec![namespace(DEFAULT_MESH_NAMESPACE), namespace(WORKLOADS)]).await?;
    apply_all(admin, vec![istiod(), workload_account(cluster)]).await
}

/// `meshroot cluster join CLUSTER --hub-context hub --context CLUSTER`.
pub(super) async fn join(kubeconfig: &Path, name: &str) -> Result<(), Failure> {
    let mut words: Vec<OsString> = [
        "meshroot",
        "cluster",
        "join",
        name,
        "--hub-context",
        HUB,
        "--context",
        name,
        "--kubeconfig",
    ]
    .map(OsString::from)
    .into();
    words.push(kubeconfig.into());
    let parsed = arguments::parse(words.into_iter());
    let parsed = parsed.map_err(|error| {
        Failure::no(format!("cluster join does not know its arguments: {error}"))
    })?;
    let arguments::Command::Cluster(asked) = parsed.command else {
        return Err(Failure::no("cluster join is another command by now"));
    };
    cluster::run(&parsed.global, &asked, &mut Terminal::to(std::io::sink())).await
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
) -> Result<Zeroizing<String>, Failure> {
    let api: Api<ServiceAccount> = Api::namespaced(admin.clone(), namespace);
    let spec = TokenRequestSpec {
        audiences: audience.map(|audience| vec![audience.to_owned()]),
        expiration_seconds: Some(seconds),
        ..TokenRequestSpec::default()
    };
    let asked = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
    let answer = api.create_token_request(account, &PostParams::default(), &asked).await;
    let doing = format!("ask for a token of ServiceAccount {namespace}/{account}");
    let answer = answer.map_err(|error| Failure::api_about_secret(&doing, &error))?;
    let token = answer.status.and_then(|status| status.token).map(Zeroizing::new);
    token.ok_or_else(|| Failure::no(format!("could not {doing}: the answer holds none")))
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
                    "containers": [{ "name": "discovery", "image": "meshroot-demo/istiod-stand-in:demo" }],
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
