//! What is done, and what must be seen.

use anyhow::{Context as _, Result, ensure};
use meshroot_testkit::binary::RECONCILIATIONS;
use meshroot_testkit::fleet::{
    Cluster, HubApi, MESH_NAMESPACE, SYSTEM_NAMESPACE, cluster_namespace, mesh_name,
};
use meshroot_testkit::{
    Binary, Fleet, Istiod, IstiodOptions, WorkloadCertificate, api_server, judges, tls, tools,
    wait, workload,
};
use serde_json::Value;

use crate::leaks;
use crate::progress::Progress;
use crate::rights;

const CLUSTERS: [&str; 2] = ["east", "west"];
const PARTS: [&str; 5] = ["etcd", "kube-apiserver", "kubectl", "pilot-discovery", "zlint"];
pub(crate) const VIRTUAL_MESH: &str = r"
apiVersion: networking.zephyr.solo.io/v1alpha1
kind: VirtualMesh
metadata: {name: demo, namespace: meshroot-system}
spec:
  meshes:
  - {name: istio-istio-system-east, namespace: meshroot-cluster-east}
  - {name: istio-istio-system-west, namespace: meshroot-cluster-west}
";

/// `hold` keeps everything running before the shutdown, until Ctrl-C.
pub(crate) async fn run(progress: &mut Progress, hub: HubApi, hold: bool) -> Result<()> {
    tools::check(&PARTS)?;
    let mut fleet = start(progress, hub).await?;
    first_issuance(progress, &mut fleet).await?;
    trust(progress, &fleet).await?;
    renewal(progress, &fleet).await?;
    third_party(progress, &fleet).await?;
    denial(progress, &fleet).await?;
    let keys = leaks::check(&fleet)?;
    progress
        .done(&format!("no part of {keys} private keys in the hub's API, in events or in logs"));
    let rights = rights::check(&fleet)?;
    progress.done(&format!(
        "{rights} rights of hub and agents, none wider than what they were used for"
    ));
    if hold {
        println!(
            "Everything runs. In another terminal:\n  export KUBECONFIG={}",
            fleet.kubeconfigs()?.to_string_lossy()
        );
        println!("  {} --context hub get\nCtrl-C ends it.", Binary::path("meshroot")?.display());
        tokio::signal::ctrl_c().await?;
    }
    stop(progress, fleet)
}

async fn start(progress: &mut Progress, hub: HubApi) -> Result<Fleet> {
    progress.title("A hub and two clusters, joined with the CLI");
    let mut fleet = Fleet::prepare_audited(hub, &CLUSTERS).await?;
    let servers = match hub {
        HubApi::KubeApiserver => "three kube-apiservers",
        HubApi::Embedded => "the hub's API embedded, two kube-apiservers",
    };
    progress.done(&format!(
        "{servers}; meshroot install | kubectl apply; meshroot cluster join east, west"
    ));
    for cluster in CLUSTERS {
        fleet.start_istiod(cluster).await?;
    }
    progress.done("istiod in each cluster, self-signed as after an installation");
    fleet.start_hub(&[RECONCILIATIONS]).await?;
    for cluster in CLUSTERS {
        fleet.start_agent(cluster, &[]).await?;
    }
    for cluster in CLUSTERS {
        let place = (&*cluster_namespace(cluster), "mesh", &*mesh_name(cluster));
        fleet.until("the agent finds its istiod", place, |_| true).await?;
    }
    progress.done("hub and agents run; both istiods were found");
    Ok(fleet)
}

async fn first_issuance(progress: &mut Progress, fleet: &mut Fleet) -> Result<()> {
    progress.title("First issuance, approved by policy");
    fleet.kubectl("hub", &["apply", "-f", "-"], Some(VIRTUAL_MESH))?;
    for cluster in CLUSTERS {
        accepted(fleet, cluster, 1).await?;
    }
    progress
        .done("key made in each cluster, request approved, recorded, signed (RSA-4096 root made)");
    for cluster in CLUSTERS {
        let seen = pickup(fleet, cluster, 1, "RestartNeeded").await?;
        let command = format!("kubectl -n {MESH_NAMESPACE} rollout restart deployment/istiod");
        ensure!(
            seen["status"]["message"].as_str().unwrap_or_default().contains(&command),
            "the command is not named: {}",
            seen["status"]["message"]
        );
    }
    progress.done(
        "cacerts written; the self-signed istiods need a restart, and MeshTrust names the command",
    );
    restarted_by_policy(fleet).await?;
    progress.done(
        "spec.restart: Automatic in the TrustPolicy; each agent restarts its istiod's Deployment",
    );
    for cluster in CLUSTERS {
        fleet.cluster_mut(cluster)?.istiod.as_mut().context("istiod runs")?.restart().await?;
    }
    for cluster in CLUSTERS {
        pickup(fleet, cluster, 1, "Confirmed").await?;
    }
    fleet.kubectl(
        "hub",
        &[
            "-n",
            SYSTEM_NAMESPACE,
            "wait",
            "--for=condition=Ready",
            "trustpolicy/demo",
            "--timeout=30s",
        ],
        None,
    )?;
    progress
        .done("istiods restarted; a workload certificate from each confirms; TrustPolicy is Ready");
    for cluster in CLUSTERS {
        judge(fleet, cluster, 1)?;
    }
    progress.done("OpenSSL and zlint judge root and intermediates");
    Ok(())
}

/// There are no pods here: what would restart them is looked for, and then done by hand.
async fn restarted_by_policy(fleet: &Fleet) -> Result<()> {
    let automatic = r#"{"spec":{"restart":"Automatic"}}"#;
    let patch =
        ["-n", SYSTEM_NAMESPACE, "patch", "trustpolicy", "demo", "--type=merge", "-p", automatic];
    fleet.kubectl("hub", &patch, None)?;
    for cluster in CLUSTERS {
        let restarted = async || {
            let deployment = fleet.object_in(cluster, MESH_NAMESPACE, "deployment", "istiod")?;
            let annotations = &deployment["spec"]["template"]["metadata"]["annotations"];
            ensure!(
                !annotations["kubectl.kubernetes.io/restartedAt"].is_null(),
                "not restarted yet: {annotations}"
            );
            Ok(())
        };
        let outcome =
            wait::until("the agent restarts istiod's Deployment", wait::LIMIT, restarted).await;
        outcome.with_context(|| evidence(fleet))?;
    }
    Ok(())
}

async fn trust(progress: &mut Progress, fleet: &Fleet) -> Result<()> {
    progress.title("Mutual TLS between the clusters");
    let (east, west) = (leaf(fleet, "east").await?, leaf(fleet, "west").await?);
    handshakes(&east, &west).await?;
    progress.done("east ↔ west: rustls and OpenSSL, both ways");
    let stranger = stranger().await?;
    let refused = tls::handshake(&east, &stranger, &east.root_pem, &east.root_pem).await;
    ensure!(refused.is_err(), "a certificate of an unrelated istiod was accepted as a client");
    let refused = tls::handshake(&stranger, &west, &stranger.root_pem, &west.root_pem).await;
    ensure!(refused.is_err(), "a certificate of an unrelated istiod was accepted as a server");
    progress.done("an unrelated istiod's certificate is refused as client and as server");
    Ok(())
}

async fn renewal(progress: &mut Progress, fleet: &Fleet) -> Result<()> {
    progress.title("Renewal in east");
    let pid = istiod(fleet.cluster("east")?)?.pid();
    let before = leaf(fleet, "east").await?;
    fleet.meshroot(&[
        "--context",
        "hub",
        "renew",
        &mesh_name("east"),
        "-n",
        &cluster_namespace("east"),
    ])?;
    accepted(fleet, "east", 2).await?;
    pickup(fleet, "east", 2, "Confirmed").await?;
    ensure!(istiod(fleet.cluster("east")?)?.pid() == pid, "istiod was restarted");
    progress.done("meshroot renew: new key, new certificate, picked up by the running istiod");
    let (east, west) = (leaf(fleet, "east").await?, leaf(fleet, "west").await?);
    ensure!(upper(&before) != upper(&east), "the leaf still comes from the old intermediate");
    handshakes(&east, &west).await?;
    handshakes(&before, &west).await?;
    progress.done("east ↔ west again, with a new leaf and with one of the old intermediate");
    let gone = async || {
        let old = fleet.object(&cluster_namespace("east"), "vmcsr", &request("east", 1));
        ensure!(old.is_err(), "the old request is still there");
        let key = fleet.object_in(
            "east",
            SYSTEM_NAMESPACE,
            "secret",
            &format!("{}-key", request("east", 1)),
        );
        ensure!(key.is_err(), "the old key is still there");
        Ok(())
    };
    wait::until("the old request and its key are deleted", wait::LIMIT, gone).await?;
    fleet
        .object(&cluster_namespace("east"), "issuancerecord", &request("east", 1))
        .context("the ledger keeps the old entry")?;
    progress.done("old request and key deleted, ledger entry kept");
    for cluster in &fleet.clusters {
        let agent = cluster.agent.as_ref().context("the agent runs")?;
        agent.wait_for_log("token for the hub renewed", wait::LIMIT).await?;
    }
    progress.done("each agent has renewed its token for the hub by itself");
    Ok(())
}

/// Touches a request, and waits until the hub has looked at it, a few times.
async fn look_again(fleet: &Fleet, namespace: &str, request: &str) -> Result<()> {
    let hub = fleet.hub_process.as_ref().context("the hub runs")?;
    for number in 0..5 {
        let key = format!("{namespace}/{request}");
        let looked = hub.reconciles("request", &key, 1);
        let annotation = format!("example.com/look={number}");
        let touch = async {
            let words = ["-n", namespace, "annotate", "--overwrite", "vmcsr", request, &annotation];
            fleet.kubectl("hub", &words, None).map(drop)
        };
        tokio::try_join!(looked, touch)?;
    }
    Ok(())
}

async fn third_party(progress: &mut Progress, fleet: &Fleet) -> Result<()> {
    progress.title("Approval by a third party in west");
    let mode = r#"{"spec":{"approval":{"mode":"ThirdParty"}}}"#;
    fleet.kubectl(
        "hub",
        &["-n", SYSTEM_NAMESPACE, "patch", "trustpolicy", "demo", "--type=merge", "-p", mode],
        None,
    )?;
    fleet.meshroot(&[
        "--context",
        "hub",
        "renew",
        &mesh_name("west"),
        "-n",
        &cluster_namespace("west"),
    ])?;
    let (namespace, name) = (cluster_namespace("west"), request("west", 2));
    let waits = |object: &Value| message(object).starts_with("WaitingForApproval");
    fleet.until("the request waits for approval", (&namespace, "vmcsr", &name), waits).await?;
    look_again(fleet, &namespace, &name).await?;
    let still = fleet.object(&namespace, "vmcsr", &name)?;
    ensure!(
        still["status"]["response"].is_null(),
        "something was signed while the request was PENDING"
    );
    ensure!(
        fleet.object(&namespace, "issuancerecord", &name).is_err(),
        "a decision was recorded while the request was PENDING"
    );
    progress.done("PENDING, and the hub has looked again and again: nothing signed");
    fleet.meshroot(&[
        "--context",
        "hub",
        "approve",
        &format!("{namespace}/{name}"),
        "--message",
        "CHG-1234",
    ])?;
    accepted(fleet, "west", 2).await?;
    pickup(fleet, "west", 2, "Confirmed").await?;
    let record = fleet.object(&namespace, "issuancerecord", &name)?;
    ensure!(
        record["spec"]["decision"]["by"] == "third-party",
        "the ledger names {}",
        record["spec"]["decision"]
    );
    ensure!(
        record["spec"]["decision"]["message"] == "CHG-1234",
        "the ledger names {}",
        record["spec"]["decision"]
    );
    let person = &record["spec"]["decision"]["people"][0];
    ensure!(
        person["user"].as_str().is_some_and(|user| !user.is_empty()),
        "the ledger does not name who approved: {}",
        record["spec"]["decision"]
    );
    progress.done("meshroot approve: signed, installed, loaded; the ledger names who approved");
    let (east, west) = (leaf(fleet, "east").await?, leaf(fleet, "west").await?);
    handshakes(&east, &west).await?;
    progress.done("east ↔ west again");
    Ok(())
}

async fn denial(progress: &mut Progress, fleet: &Fleet) -> Result<()> {
    progress.title("Denial in west");
    let (namespace, name) = (cluster_namespace("west"), request("west", 3));
    fleet.meshroot(&["--context", "hub", "renew", &mesh_name("west"), "-n", &namespace])?;
    let waits = |object: &Value| message(object).starts_with("WaitingForApproval");
    fleet.until("the request waits for approval", (&namespace, "vmcsr", &name), waits).await?;
    fleet.meshroot(&[
        "--context",
        "hub",
        "deny",
        &format!("{namespace}/{name}"),
        "--message",
        "not this week",
    ])?;
    let invalid = |object: &Value| object["status"]["computedStatus"]["state"] == "INVALID";
    fleet.until("the request is INVALID", (&namespace, "vmcsr", &name), invalid).await?;
    let says = |object: &Value| {
        object["status"]["message"].as_str().unwrap_or_default().contains("not this week")
    };
    fleet.until("the agent says so", (&namespace, "meshtrust", &mesh_name("west")), says).await?;
    let undo = r#"{"status":{"thirdPartyApproval":{"approvalStatus":"APPROVED"}}}"#;
    let refused = fleet.kubectl(
        "hub",
        &[
            "-n",
            &namespace,
            "patch",
            "vmcsr",
            &name,
            "--subresource=status",
            "--type=merge",
            "-p",
            undo,
        ],
        None,
    );
    ensure!(refused.is_err(), "a denial was turned into an approval");
    pickup(fleet, "west", 2, "Confirmed").await?;
    progress.done("DENIED is final, the agent says so, the certificate in use stays");
    Ok(())
}

fn stop(progress: &mut Progress, mut fleet: Fleet) -> Result<()> {
    progress.title("Shutdown");
    for cluster in &mut fleet.clusters {
        let agent = cluster.agent.take().context("the agent runs")?;
        agent.stop();
        ensure!(
            agent.logs().contains("agent stopped"),
            "the agent of {} did not stop by itself:\n{}",
            cluster.name,
            agent.logs()
        );
    }
    let hub = fleet.hub_process.take().context("the hub runs")?;
    hub.stop();
    ensure!(hub.logs().contains("hub stopped"), "the hub did not stop by itself:\n{}", hub.logs());
    let lease = fleet.object(SYSTEM_NAMESPACE, "lease", "meshroot-hub")?;
    ensure!(
        lease["spec"]["holderIdentity"].as_str().unwrap_or_default().is_empty(),
        "the lease was not released"
    );
    progress.done("agents and hub stop on SIGTERM and release their leases");
    Ok(())
}

async fn accepted(fleet: &Fleet, cluster: &str, generation: u32) -> Result<Value> {
    let (namespace, name) = (cluster_namespace(cluster), request(cluster, generation));
    let test = |object: &Value| object["status"]["computedStatus"]["state"] == "ACCEPTED";
    let outcome = fleet
        .until(&format!("request {name} is ACCEPTED"), (&namespace, "vmcsr", &name), test)
        .await;
    outcome.with_context(|| evidence(fleet))
}

async fn pickup(fleet: &Fleet, cluster: &str, generation: u32, state: &str) -> Result<Value> {
    let (namespace, name, request) =
        (cluster_namespace(cluster), mesh_name(cluster), request(cluster, generation));
    let test = |object: &Value| {
        object["status"]["pickup"] == state && object["status"]["installed"] == request.as_str()
    };
    let outcome =
        fleet.until(&format!("{request} is {state}"), (&namespace, "meshtrust", &name), test).await;
    outcome.with_context(|| evidence(fleet))
}

fn judge(fleet: &Fleet, cluster: &str, generation: u32) -> Result<()> {
    let object =
        fleet.object(&cluster_namespace(cluster), "vmcsr", &request(cluster, generation))?;
    let part = |name: &str| -> Result<String> {
        let text = object["status"]["response"][name].as_str().context("the response is there")?;
        Ok(String::from_utf8(base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text)?)?)
    };
    let (intermediate, root) = (part("caCertificate")?, part("rootCertificate")?);
    judges::openssl_verify(&intermediate, "", &root).map_err(anyhow::Error::msg)?;
    for pem in [&intermediate, &root] {
        let findings = judges::zlint(pem)?;
        ensure!(findings.is_empty(), "zlint finds {findings:?}");
    }
    Ok(())
}

async fn leaf(fleet: &Fleet, cluster: &str) -> Result<WorkloadCertificate> {
    let cluster = fleet.cluster(cluster)?;
    let roots = published_roots(&cluster.api).await?;
    workload::certificate(istiod(cluster)?, &cluster.api, "shop", "app", &roots).await
}

/// The trust anchors that istiod publishes.
pub(crate) async fn published_roots(api: &meshroot_testkit::ApiServer) -> Result<String> {
    use k8s_openapi::api::core::v1::ConfigMap;
    let maps: kube::Api<ConfigMap> =
        kube::Api::namespaced(api.admin_client().await?, MESH_NAMESPACE);
    let attempt = async || {
        let map = maps.get("istio-ca-root-cert").await?;
        map.data
            .and_then(|mut data| data.remove("root-cert.pem"))
            .context("the ConfigMap has no root-cert.pem")
    };
    wait::until("istiod publishes its roots", wait::LIMIT, attempt).await
}

async fn stranger() -> Result<WorkloadCertificate> {
    let api = api_server::cluster("stranger").await?;
    let istiod = Istiod::start(&api, IstiodOptions::default()).await?;
    let roots = published_roots(&api).await?;
    workload::certificate(&istiod, &api, "shop", "app", &roots).await
}

async fn handshakes(one: &WorkloadCertificate, two: &WorkloadCertificate) -> Result<()> {
    for (server, client) in [(one, two), (two, one)] {
        tls::handshake(server, client, &server.root_pem, &client.root_pem)
            .await
            .map_err(anyhow::Error::msg)?;
        tls::openssl_handshake(server, client, &server.root_pem, &client.root_pem)
            .await
            .map_err(anyhow::Error::msg)?;
    }
    Ok(())
}

fn upper(leaf: &WorkloadCertificate) -> &str {
    leaf.chain_pem
        .split_inclusive("-----END CERTIFICATE-----\n")
        .next()
        .map_or("", |first| &leaf.chain_pem[first.len()..])
}

fn istiod(cluster: &Cluster) -> Result<&Istiod> {
    cluster.istiod.as_ref().context("istiod runs")
}

fn request(cluster: &str, generation: u32) -> String {
    format!("{}.demo.{generation}", mesh_name(cluster))
}

fn message(object: &Value) -> &str {
    object["status"]["computedStatus"]["message"].as_str().unwrap_or_default()
}

/// The ends of the logs, for a failure's report.
fn evidence(fleet: &Fleet) -> String {
    let tail = |name: &str, log: &str| {
        let lines: Vec<&str> = log.lines().rev().take(15).collect();
        format!("\n--- {name}\n{}\n", lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
    };
    let hub = fleet.hub_process.iter().map(|hub| tail("hub", &hub.logs()));
    let agents =
        fleet.clusters.iter().filter_map(|one| Some(tail(&one.name, &one.agent.as_ref()?.logs())));
    hub.chain(agents).collect()
}
