//! A sidecar as a pod has it, without the pod: istio-agent, which gets certificates of istiod, and the Envoy that it
//! starts and gives them to.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use serde_json::{Value, json};

use crate::envoy::configuration::{Configuration, Ports, secret};
use crate::envoy::{self, Counts};
use crate::process::{self, Failure, Process, with_free_ports};
use crate::projected_secret::Follower;
use crate::workload::{TOKEN_AUDIENCE, spiffe_id};
use crate::{ApiServer, Directory, Istiod, ProjectedSecret, http_text, tools, wait};

/// What istiod publishes its trust anchors in, in each namespace.
const ROOTS: &str = "istio-ca-root-cert";

/// Where istio-agent gives secrets to Envoy, in its working directory.
const SECRETS: &str = "./var/run/secrets/workload-spiffe-uds/socket";

/// Whose sidecar it is.
#[derive(Clone, Copy)]
pub struct Workload<'a> {
    /// Its control plane.
    pub istiod: &'a Istiod,
    /// Its cluster.
    pub api: &'a ApiServer,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its service account; both are created unless they exist.
    pub service_account: &'a str,
    /// How long a certificate lives that the agent asks for.
    pub lifetime: Duration,
}

impl Workload<'_> {
    fn spiffe_id(&self) -> String {
        spiffe_id(self.namespace, self.service_account)
    }
}

/// A running sidecar. It takes one peer, whose identity it knows, in both directions: a plain request to it goes to the
/// peer on a new connection of mutual TLS, and what the peer sends is answered.
pub struct Sidecar {
    process: Process,
    ports: Ports,
    _roots: Follower,
    _directory: Directory,
}

impl Sidecar {
    /// Starts two, each the other's peer, and returns when both have their certificates.
    pub async fn pair(one: Workload<'_>, other: Workload<'_>) -> Result<[Self; 2]> {
        with_free_ports(async || {
            let ports = [Ports::free()?, Ports::free()?];
            let first = Self::spawn(one, ports[0], other, ports[1]).await?;
            let second = Self::spawn(other, ports[1], one, ports[0]).await?;
            first.ready().await?;
            second.ready().await?;
            Ok([first, second])
        })
        .await
    }

    /// Sends a request to the peer. The error has Envoy's response flags and what its TLS said.
    pub async fn request(&self) -> Result<()> {
        http_text::fetch(self.ports.outbound, "/").await.map(drop)
    }

    /// What its Envoy counted of mutual TLS, both ways: `cluster.peer.ssl.…` and `listener.inbound.ssl.…`.
    pub async fn counts(&self) -> Result<Counts> {
        envoy::tls_counts(self.ports.admin).await
    }

    /// The end of what agent and Envoy wrote, for errors.
    pub fn evidence(&self) -> String {
        self.process.evidence()
    }

    async fn spawn(own: Workload<'_>, ports: Ports, peer: Workload<'_>, at: Ports) -> Result<Self> {
        let name = format!("sidecar-{}", own.service_account);
        let directory = Directory::create(&name)?;
        let roots = mount(&directory, own).await?;
        let configuration = Configuration {
            name: &name,
            ports,
            peer: at.inbound,
            tls: tls(&peer.spiffe_id()),
            secrets: Some(SECRETS),
        };
        directory.write("envoy.json", configuration.to_json().to_string())?;
        let command = agent(&directory, own, ports)?;
        // A sidecar that is not to be drained needs no time to end.
        let process =
            Process::spawn(&name, command, directory.join("log"))?.with_grace(Duration::ZERO);
        Ok(Self { process, ports, _roots: roots, _directory: directory })
    }

    async fn ready(&self) -> Result<(), Failure> {
        let probe = async || http_text::fetch(self.ports.admin, "/ready").await;
        self.process.ready(wait::LIMIT, probe).await.map(drop)
    }
}

/// What the pod's annotations say: no page of health, which would be served on all addresses.
const ANNOTATIONS: &str = "status.sidecar.istio.io/port=\"0\"\n";

/// What kubelet mounts into a pod: annotations, a token, and the trust anchors, which it follows.
async fn mount(directory: &Directory, own: Workload<'_>) -> Result<Follower> {
    let Workload { api, namespace, service_account, .. } = own;
    let token = api.service_account_token(namespace, service_account, TOKEN_AUDIENCE).await?;
    std::fs::create_dir_all(directory.join("etc/istio/pod"))?;
    directory.write("etc/istio/pod/annotations", ANNOTATIONS)?;
    std::fs::create_dir_all(directory.join("var/run/secrets/tokens"))?;
    directory.write("var/run/secrets/tokens/istio-token", token)?;
    let roots = ProjectedSecret::create(directory.join("var/run/secrets/istio"))?;
    let client = api.admin_client().await?;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let published = async || maps.get(ROOTS).await.map(drop).context("no trust anchors yet");
    wait::until("istiod publishes its trust anchors", wait::LIMIT, published).await?;
    roots.sync_from::<ConfigMap>(&client, namespace, ROOTS).await?;
    Ok(roots.follow::<ConfigMap>(client, namespace, ROOTS))
}

/// As istiod configures it where mutual TLS is `STRICT`: certificate and trust anchors from the agent, and one identity
/// that the peer must have.
fn tls(peer: &str) -> Value {
    let identity = json!({ "san_type": "URI", "matcher": { "exact": peer } });
    json!({
        "tls_certificate_sds_secret_configs": [secret("default")],
        "combined_validation_context": {
            "default_validation_context": { "match_typed_subject_alt_names": [identity] },
            "validation_context_sds_secret_config": secret("ROOTCA"),
        },
    })
}

fn agent(directory: &Directory, own: Workload<'_>, ports: Ports) -> Result<Command> {
    let proxy = json!({
        "discoveryAddress": own.istiod.ca_address(),
        "binaryPath": start_of_envoy(directory)?,
        "customConfigFile": "envoy.json",
        "proxyAdminPort": ports.admin,
        "concurrency": 1,
    });
    let mut command = process::command(tools::path("pilot-agent")?);
    command
        .current_dir(directory.path())
        .env_clear()
        .env("POD_NAME", own.service_account)
        .env("POD_NAMESPACE", own.namespace)
        .env("SERVICE_ACCOUNT", own.service_account)
        .env("INSTANCE_IP", "127.0.0.1")
        .env("ISTIO_META_CLUSTER_ID", own.istiod.cluster_id())
        .env("ISTIOD_SAN", own.istiod.server_name())
        .env("SECRET_TTL", format!("{}s", own.lifetime.as_secs()))
        .env("ECC_SIGNATURE_ALGORITHM", "ECDSA")
        .env("PROXY_CONFIG", proxy.to_string())
        .args(["proxy", "sidecar", "--meshConfig", "/dev/null"]);
    Ok(command)
}

/// A program that is Envoy, and that the kernel kills when the agent dies.
fn start_of_envoy(directory: &Directory) -> Result<String> {
    let command = process::command(tools::path("envoy")?);
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| format!("'{}'", word.display())).collect();
    let script = format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "));
    let path = directory.write("envoy", script)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))?;
    Ok(path.display().to_string())
}
