//! The root is replaced four times while workloads of two real istiods shake hands without a pause.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use meshroot_testkit::binary::RECONCILIATIONS;
use meshroot_testkit::fleet::{
    HubApi, MESH_NAMESPACE, SYSTEM_NAMESPACE, cluster_namespace, mesh_name,
};
use meshroot_testkit::{Fleet, IstiodOptions, tools};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::progress::Progress;
use crate::scenario::VIRTUAL_MESH;
use crate::sidecars::Sidecars;
use crate::workloads::Workloads;

pub(crate) const CLUSTERS: [&str; 2] = ["east", "west"];
/// How long istiods let workloads' certificates live.
pub(crate) const LEAF: Duration = Duration::from_secs(12);
/// How long one rotation may take.
const LIMIT: Duration = Duration::from_mins(6);

const PARTS: [&str; 6] =
    ["etcd", "kube-apiserver", "kubectl", "pilot-discovery", "pilot-agent", "envoy"];

/// Brings two istiods into a virtual mesh, and replaces its root: by a cross-certificate and bundle first, with multi-root
/// on and off.
pub(crate) async fn run(progress: &mut Progress, hub: HubApi) -> Result<()> {
    tools::check(&PARTS)?;
    let mut fleet = start(progress, hub).await?;
    let mut workloads = Workloads::start(&fleet, &CLUSTERS, LEAF).await?;
    let sidecars = Sidecars::start(&fleet, CLUSTERS, LEAF).await?;
    progress.done("sidecars of both send each other requests");
    progress.title("Cross-signed, multi-root on: no istiod is restarted");
    rotate(progress, &mut fleet, &mut workloads, &sidecars, 2, &[], 0).await?;
    progress.title("Bundle first, multi-root on: no istiod is restarted");
    rotate(progress, &mut fleet, &mut workloads, &sidecars, 3, &["--way", "bundle-first"], 0)
        .await?;
    progress.title("Cross-signed, multi-root off: one restart of each istiod");
    for cluster in CLUSTERS {
        configure(&fleet, cluster, false)?;
        fleet.cluster_mut(cluster)?.istiod.as_mut().context("istiod runs")?.set_multi_root(false);
        restart(&mut fleet, cluster).await?;
        let settled = |trust: &Value| trust["status"]["anchorsLive"].is_null();
        let place = (&*cluster_namespace(cluster), "meshtrust", &*mesh_name(cluster));
        fleet.until("the agent sees that anchors take a restart", place, settled).await?;
    }
    rotate(progress, &mut fleet, &mut workloads, &sidecars, 4, &["--way", "cross-signed"], 1)
        .await?;
    progress.title("Bundle first, multi-root off: two restarts of each istiod");
    rotate(progress, &mut fleet, &mut workloads, &sidecars, 5, &["--way", "bundle-first"], 2).await
}

async fn start(progress: &mut Progress, hub: HubApi) -> Result<Fleet> {
    progress.title("A hub and two clusters, whose istiods give certificates for 12 seconds");
    let mut fleet = Fleet::prepare_audited(hub, &CLUSTERS).await?;
    for cluster in CLUSTERS {
        configure(&fleet, cluster, true)?;
        let options = IstiodOptions {
            cluster_id: cluster.to_owned(),
            multi_root: true,
            leaf_lifetime: Some(LEAF),
            ..IstiodOptions::default()
        };
        fleet.start_istiod_with(cluster, options).await?;
    }
    fleet.start_hub(&[RECONCILIATIONS]).await?;
    for cluster in CLUSTERS {
        fleet.start_agent(cluster, &[]).await?;
    }
    fleet.kubectl("hub", &["apply", "-f", "-"], Some(&format!("{POLICY}---{VIRTUAL_MESH}")))?;
    for cluster in CLUSTERS {
        let place = (&*cluster_namespace(cluster), "meshtrust", &*mesh_name(cluster));
        fleet
            .until("its first certificate is installed", place, |trust| {
                trust["status"]["pickup"] == "RestartNeeded"
            })
            .await?;
        restart(&mut fleet, cluster).await?;
        fleet
            .until("its first certificate is in use", place, |trust| {
                trust["status"]["pickup"] == "Confirmed"
            })
            .await?;
    }
    progress.done("both in one virtual mesh, their first certificates in use");
    Ok(fleet)
}

/// One rotation from its plan to its end, under handshakes; what `--plan` said is what was told.
async fn rotate(
    progress: &mut Progress,
    fleet: &mut Fleet,
    workloads: &mut Workloads,
    sidecars: &Sidecars,
    number: u32,
    how: &[&str],
    restarts: usize,
) -> Result<()> {
    let words = [&["--context", "hub", "rotate", "root", "demo"], how].concat();
    let plan = fleet.meshroot(&[&words[..], &["--plan", "-o", "json"]].concat())?;
    let plan: Value = serde_json::from_str(&plan)?;
    let mut told = Told::new(fleet)?;
    let pids = pids(fleet)?;
    // Before it begins: an agent may ask for the first restart at once.
    let mut restarted_for = restarted(fleet)?;
    fleet.meshroot(&words)?;
    let name = format!("demo.{number}");
    let began = Instant::now();
    let mut restarted_so_often = 0;
    let before = taken(workloads, sidecars);
    loop {
        workloads.turn(fleet).await?;
        sidecars.check().await?;
        told.look(fleet)?;
        restarted_so_often += restart_where_asked(fleet, &mut restarted_for).await?;
        let rotation = fleet.object(SYSTEM_NAMESPACE, "rootrotation", &name)?;
        if rotation["status"]["step"] == "Complete" {
            break;
        }
        ensure!(
            began.elapsed() < LIMIT,
            "not complete after {restarted_so_often} restarts: {}",
            rotation["status"]
        );
    }
    let made = taken(workloads, sidecars);
    let [by_rustls, by_openssl, there, back] = [0, 1, 2, 3].map(|kind| made[kind] - before[kind]);
    ensure!(there > 0 && back > 0, "sidecars sent {there} requests there, {back} back");
    ensure!(restarted_so_often == restarts * CLUSTERS.len(), "{restarted_so_often} restarts");
    ensure!(restarts > 0 || self::pids(fleet)? == pids, "an istiod was restarted");
    progress.done(&format!(
        "root {number}: {by_rustls} handshakes, {by_openssl} by OpenSSL, {there} there and {back} back by Envoy, \
         none refused; {restarted_so_often} restarts"
    ));
    let (planned, happened) = (planned(&plan, &told.first), told.of);
    ensure!(planned == happened, "planned was {planned:#?}, what happened is {happened:#?}");
    progress.done("what --plan said is what each member was told, step by step");
    let trust = fleet.meshroot(&["--context", "hub", "trust", "demo", "-o", "json"])?;
    let pairs: Value = serde_json::from_str(&trust)?;
    let all = pairs["items"].as_array().context("pairs")?;
    ensure!(!all.is_empty() && all.iter().all(|pair| pair["now"] == true), "{pairs}");
    Ok(())
}

/// How often workloads took each other: by rustls, by OpenSSL, and by Envoy there and back.
fn taken(workloads: &Workloads, sidecars: &Sidecars) -> [usize; 4] {
    let [there, back] = sidecars.taken();
    [workloads.handshakes, workloads.by_openssl, there, back]
}

type Positions = BTreeMap<String, Vec<String>>;

/// By mesh, what it is told one after the other: chain, then anchors, each where it changes from what was first.
fn planned(plan: &Value, first: &BTreeMap<String, (String, String)>) -> (Positions, Positions) {
    let mut told = (Positions::new(), Positions::new());
    for step in plan["steps"].as_array().into_iter().flatten() {
        for member in step["members"].as_array().into_iter().flatten() {
            let mesh = text(&member["mesh"]["name"]);
            let (sends, trusts) = (text(&member["sends"]), text(&member["trusts"]));
            note_change(&mut told, first, &mesh, sends, trusts);
        }
    }
    told
}

fn note_change(
    told: &mut (Positions, Positions),
    first: &BTreeMap<String, (String, String)>,
    mesh: &str,
    sends: String,
    trusts: String,
) {
    if sends != first[mesh].0 || told.0.contains_key(mesh) {
        note(&mut told.0, mesh, sends);
    }
    if trusts != first[mesh].1 || told.1.contains_key(mesh) {
        note(&mut told.1, mesh, trusts);
    }
}

fn note(positions: &mut Positions, mesh: &str, position: String) {
    let all = positions.entry(mesh.to_owned()).or_default();
    if all.last() != Some(&position) {
        all.push(position);
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// What members are told while a rotation goes on.
struct Told {
    /// Names of the roots, by fingerprint.
    of: (Positions, Positions),
    first: BTreeMap<String, (String, String)>,
}

impl Told {
    fn new(fleet: &Fleet) -> Result<Self> {
        let mut told = Self { of: Default::default(), first: BTreeMap::new() };
        for cluster in CLUSTERS {
            let position = Self::read(fleet, cluster)?;
            told.first.insert(mesh_name(cluster), position);
        }
        Ok(told)
    }

    /// Notes what is not what it began with.
    fn look(&mut self, fleet: &Fleet) -> Result<()> {
        for cluster in CLUSTERS {
            let (sends, trusts) = Self::read(fleet, cluster)?;
            let mesh = mesh_name(cluster);
            note_change(&mut self.of, &self.first, &mesh, sends, trusts);
        }
        Ok(())
    }

    /// In the words of the plan.
    fn read(fleet: &Fleet, cluster: &str) -> Result<(String, String)> {
        let trust = fleet.object(&cluster_namespace(cluster), "meshtrust", &mesh_name(cluster))?;
        let numbers = numbers(fleet)?;
        let name = |root: &Value| {
            numbers.get(root.as_str().unwrap_or_default()).cloned().unwrap_or_default()
        };
        let telling = &trust["spec"]["rotation"];
        let own = format!("intermediate of {}", name(&telling["sends"]["issuer"]));
        let sends = match &telling["sends"]["through"] {
            _ if telling.is_null() => "intermediate of root 1".to_owned(),
            Value::Null => own,
            through => format!("{own}, cross-certificate by {}", name(through)),
        };
        let anchors = meshroot_pki::parse_bundle(text(&trust["spec"]["trustAnchors"]).as_bytes())?;
        let mut trusts: Vec<String> =
            anchors.iter().map(|one| name(&json!(one.fingerprint().to_string()))).collect();
        trusts.sort();
        Ok((sends, trusts.join(" + ")))
    }
}

/// What each root is called, by its fingerprint.
fn numbers(fleet: &Fleet) -> Result<BTreeMap<String, String>> {
    let policy = fleet.object(SYSTEM_NAMESPACE, "trustpolicy", "demo")?;
    let roots = policy["status"]["roots"].as_array().cloned().unwrap_or_default();
    let of = |root: &Value| {
        Some((text(&root["fingerprint"]), format!("root {}", root["number"].as_u64()?)))
    };
    let mut all: BTreeMap<String, String> = roots.iter().filter_map(of).collect();
    // The policy may not tell of the newest one yet.
    for rotation in 2..=5 {
        if let Ok(found) =
            fleet.object(SYSTEM_NAMESPACE, "rootrotation", &format!("demo.{rotation}"))
        {
            all.insert(text(&found["status"]["newRoot"]), format!("root {rotation}"));
        }
    }
    Ok(all)
}

/// What istiod is set up with, as its agent reads it.
pub(crate) fn configure(fleet: &Fleet, cluster: &str, multi_root: bool) -> Result<()> {
    let environment = json!([
        { "name": "ISTIO_MULTIROOT_MESH", "value": multi_root.to_string() },
        { "name": "MAX_WORKLOAD_CERT_TTL", "value": format!("{}s", LEAF.as_secs()) },
    ]);
    let containers = json!([{ "name": "discovery", "env": environment }]);
    let patch = json!({ "spec": { "template": { "spec": { "containers": containers } } } });
    let words = ["-n", MESH_NAMESPACE, "patch", "deployment", "istiod", "--type=strategic", "-p"];
    fleet.kubectl(cluster, &[&words[..], &[&patch.to_string()]].concat(), None)?;
    Ok(())
}

/// Restarts, as kubelet does, each istiod that its agent wants restarted for something else than `for_before` says.
pub(crate) async fn restart_where_asked(
    fleet: &mut Fleet,
    for_before: &mut BTreeMap<String, String>,
) -> Result<usize> {
    let mut count = 0;
    for cluster in CLUSTERS {
        let now = restarted(fleet)?.remove(cluster).unwrap_or_default();
        if for_before.get(cluster) != Some(&now) {
            restart(fleet, cluster).await?;
            count += 1;
            for_before.insert(cluster.to_owned(), now);
        }
    }
    Ok(count)
}

/// When the agents last asked for a restart.
pub(crate) fn restarted(fleet: &Fleet) -> Result<BTreeMap<String, String>> {
    let of = |cluster: &str| -> Result<(String, String)> {
        let deployment = fleet.object_in(cluster, MESH_NAMESPACE, "deployment", "istiod")?;
        let annotations = &deployment["spec"]["template"]["metadata"]["annotations"];
        Ok((cluster.to_owned(), text(&annotations["kubectl.kubernetes.io/restartedAt"])))
    };
    CLUSTERS.into_iter().map(of).collect()
}

fn pids(fleet: &Fleet) -> Result<Vec<u32>> {
    let of = |cluster: &&str| {
        anyhow::Ok(fleet.cluster(cluster)?.istiod.as_ref().context("istiod runs")?.pid())
    };
    CLUSTERS.iter().map(of).collect()
}

async fn restart(fleet: &mut Fleet, cluster: &str) -> Result<()> {
    fleet.cluster_mut(cluster)?.istiod.as_mut().context("istiod runs")?.restart().await
}

const POLICY: &str = r"
apiVersion: meshroot.dev/v1alpha1
kind: TrustPolicy
metadata: {name: demo, namespace: meshroot-system}
spec:
  virtualMeshRef: {name: demo, namespace: meshroot-system}
  root: {key: ECDSA-P256}
  restart: Automatic
";
