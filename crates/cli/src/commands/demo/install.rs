//! What is written into the APIs before anything runs: as `meshroot install` and `meshroot cluster join` do it.

use std::ffi::OsString;
use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::PostParams;
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client};
use meshroot_api::manifests::{DEFAULT_MESH_NAMESPACE, namespace};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::clusters::HUB;
use crate::arguments;
use crate::commands::cluster::apply::apply;
use crate::commands::{cluster, install};
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Namespace of the workloads that ask for certificates.
pub(super) const WORKLOADS: &str = "demo";

/// What `meshroot install` prints, but for the pods: the hub runs in this process.
pub(crate) async fn hub(admin: &Client) -> Result<(), Failure> {
    let mut objects = install::objects(&install::Arguments::default())?;
    objects.retain(|object| object["kind"] != "Deployment" && object["kind"] != "PodDisruptionBudget");
    let is_first = |object: &Value| object["kind"] == "Namespace" || object["kind"] == "CustomResourceDefinition";
    let (first, rest) = objects.into_iter().partition(is_first);
    apply_all(admin, first).await?;
    tokio::try_join!(apply_all(admin, rest), established(admin))?;
    Ok(())
}

/// What an Istio installation and a workload leave in a cluster.
pub(super) async fn mesh(admin: &Client, cluster: &str) -> Result<(), Failure> {
    apply_all(admin, vec![namespace(DEFAULT_MESH_NAMESPACE), namespace(WORKLOADS)]).await?;
    apply_all(admin, vec![istiod(), workload_account(cluster)]).await
}

/// `meshroot cluster join CLUSTER --hub-context hub --context CLUSTER`.
pub(super) async fn join(kubeconfig: &Path, name: &str) -> Result<(), Failure> {
    let mut words: Vec<OsString> =
        ["meshroot", "cluster", "join", name, "--hub-context", HUB, "--context", name, "--kubeconfig"]
            .map(OsString::from)
            .into();
    words.push(kubeconfig.into());
    let parsed = arguments::parse(words.into_iter());
    let parsed = parsed.map_err(|error| Failure::no(format!("cluster join does not know its arguments: {error}")))?;
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

/// Applies objects, several at a time.
pub(super) async fn apply_all(client: &Client, objects: Vec<Value>) -> Result<(), Failure> {
    let all = stream::iter(objects).map(|object| async move { apply(client, &object, false).await.map(drop) });
    all.buffer_unordered(AT_A_TIME).try_collect().await
}

/// Until the API serves every kind that was installed.
async fn established(client: &Client) -> Result<(), Failure> {
    for definition in meshroot_api::manifests::crds() {
        let name = definition.metadata.name.unwrap_or_default();
        let api: Api<CustomResourceDefinition> = Api::all(client.clone());
        let served = await_condition(api, &name, conditions::is_crd_established()).await;
        served.map_err(|error| {
            Failure::unreachable(format!("could not wait until {name} is served: {error}")).caused_by(&error)
        })?;
    }
    Ok(())
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

const AT_A_TIME: usize = 8;
