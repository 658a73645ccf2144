//! The hub on the embedded API server in one process, as `meshroot serve` runs it; the benchmark plays the agents of
//! eight clusters, over TLS.

pub(crate) mod scene;
pub(crate) mod watching;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use meshroot_testkit::wait;
use serde_json::json;

use crate::account::{cpu_by_thread, cpu_seconds, resident_mib};
use crate::certificate_request;
use crate::comparison::median;
use crate::connection::{Call, once};
use crate::objects::{self, Member, POLICY, REQUEST, TRUST, VIRTUAL_MESH, request_spec};
use crate::options::Options;
use crate::requests::LIMIT;
use crate::table::{Aim, Table};
use scene::{Scene, spread};
use watching::Watching;

const NAME: &str = "bench";

/// What SPIRE mints a second on such a machine without recording requests as objects; the aim is a little more.
const AIM: f64 = 1500.0;

pub(crate) async fn run(options: &Options) -> Result<()> {
    let mut table = Table::default();
    let scene = Scene::prepare().await?;
    let members = scene.make_meshes(options.certificates).await?;
    let watching = Watching::follow(&scene.agents).await?;
    table.section(
        "The hub on the embedded server, one process: requests, from the VirtualMesh until each member has one",
    );
    let asked = ask(&scene, &watching, &members).await?;
    report(&mut table, &asked, Aim::None);
    table.section("… first certificates: from the first csrData to the last response");
    let filled = fill(&scene, &watching, &members).await?;
    report(&mut table, &filled, Aim::None);
    let mut renewals = Vec::new();
    for round in 0..options.rounds {
        let generation = 2 + u32::try_from(round)?;
        renewals.push(renew(&scene, &watching, &members, generation).await?);
    }
    table.section("… renewals: from the first request with csrData to the last response; requested, recorded, issued");
    for renewal in &renewals {
        report(&mut table, renewal, Aim::None);
    }
    table.row(
        "certificates, median",
        Aim::AtLeast(AIM),
        median(renewals.iter().map(Phase::per_second).collect()),
        "/s",
    );
    table.row("memory at the end", Aim::None, resident_mib(scene.pid())?, "MiB");
    let warnings = scene.warnings();
    table.note(&format!("{} warnings logged", warnings.len()));
    warnings
        .iter()
        .take(4)
        .for_each(|line| table.note(&line.chars().take(240).collect::<String>()));
    println!("\nload {}", std::fs::read_to_string("/proc/loadavg")?.trim());
    table.print();
    Ok(())
}

/// What a phase came to.
struct Phase {
    count: usize,
    /// Until the last client has its answer.
    seconds: f64,
    /// Writes of the store, heartbeats and events included, until the sums are right.
    writes: u64,
    /// CPU seconds of the server with the hub, and of the benchmark, until the last client has its answer.
    cpu: [f64; 2],
    /// The server's CPU seconds until the sums are right, by names of threads.
    threads: BTreeMap<String, f64>,
}

impl Phase {
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    fn per_second(&self) -> f64 {
        self.count as f64 / self.seconds
    }
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn report(table: &mut Table, phase: &Phase, aim: Aim) {
    let each = |seconds: f64| seconds * 1000.0 / phase.count as f64;
    table.row("each second", aim, phase.per_second(), "/s");
    table.row(
        "writes each, all that the store counted",
        Aim::None,
        phase.writes as f64 / phase.count as f64,
        "",
    );
    table.row("server and hub: CPU each until answered", Aim::None, each(phase.cpu[0]), "ms");
    table.row("the benchmark's clients: CPU each", Aim::None, each(phase.cpu[1]), "ms");
    let processors = [0, 1].map(|side| phase.cpu[side] / phase.seconds);
    table.note(&format!(
        "processors in use: server and hub {:.2}, clients {:.2}",
        processors[0], processors[1]
    ));
    let threads =
        phase.threads.iter().map(|(name, seconds)| format!("{name} {:.3} ms", each(*seconds)));
    table.note(&format!(
        "CPU each by threads, to the end: {}",
        threads.collect::<Vec<_>>().join(", ")
    ));
}

/// The counters when a phase begins.
struct Begin {
    revision: u64,
    cpu: [f64; 2],
    threads: BTreeMap<String, f64>,
    at: Instant,
}

impl Begin {
    async fn now(scene: &Scene) -> Result<Self> {
        let revision = scene.revision().await?;
        Ok(Self {
            revision,
            cpu: cpu(scene)?,
            threads: cpu_by_thread(scene.pid())?,
            at: Instant::now(),
        })
    }

    /// The cost until the last answer, then until what follows is done.
    async fn until(
        self,
        scene: &Scene,
        last: Instant,
        count: usize,
        settled: impl Future<Output = Result<()>>,
    ) -> Result<Phase> {
        let now = cpu(scene)?;
        let cpu = [0, 1].map(|side| now[side] - self.cpu[side]);
        settled.await?;
        let mut threads = cpu_by_thread(scene.pid())?;
        for (name, seconds) in &mut threads {
            *seconds -= self.threads.get(name).copied().unwrap_or_default();
        }
        threads.retain(|_, seconds| *seconds >= 0.01);
        let writes = scene.revision().await? - self.revision;
        Ok(Phase {
            count,
            seconds: last.duration_since(self.at).as_secs_f64(),
            writes,
            cpu,
            threads,
        })
    }
}

fn cpu(scene: &Scene) -> Result<[f64; 2]> {
    Ok([cpu_seconds(scene.pid())?, cpu_seconds(std::process::id())?])
}

/// The virtual mesh is made; ends when each member has a request that waits for its agent.
async fn ask(scene: &Scene, watching: &Watching, members: &[Member]) -> Result<Phase> {
    let (count, generation) = (members.len(), ending(1));
    let post = async |path: String, body: Vec<u8>| {
        once(scene.admin(), Call::post(path, body)).await.map(drop)
    };
    post(POLICY.path(SYSTEM_NAMESPACE), serde_json::to_vec(&objects::policy(NAME))?).await?;
    let virtual_mesh = serde_json::to_vec(&objects::virtual_mesh(NAME, members))?;
    let begin = Begin::now(scene).await?;
    post(VIRTUAL_MESH.path(SYSTEM_NAMESPACE), virtual_mesh).await?;
    watching.until("each member has a request", (count, &generation), |_| true).await?;
    let settled = async {
        // Whom a request waits for is said after a while: not meanwhile, or it would meet the agents' answers.
        let what = "each request says whom it waits for";
        watching.until(what, (count, &generation), |state| state.waits).await.map(drop)
    };
    begin.until(scene, Instant::now(), count, settled).await
}

/// Every agent answers its requests.
async fn fill(scene: &Scene, watching: &Watching, members: &[Member]) -> Result<Phase> {
    let mut csrs = certificate_request::many(members.len())?.into_iter();
    let mut calls = Vec::new();
    for (namespace, endpoint) in &scene.agents {
        let list = once(endpoint, Call::get(REQUEST.path(namespace))).await?;
        for item in list["items"].as_array().context("the list has no items")? {
            let mut request = item.clone();
            request["spec"]["csrData"] =
                json!(csrs.next().context("there are more requests than members")?);
            let name = item["metadata"]["name"].as_str().context("a request has no name")?;
            if let (Some(body), Some(metadata)) =
                (request.as_object(), item["metadata"].as_object())
            {
                let (mut body, mut metadata) = (body.clone(), metadata.clone());
                body.remove("status");
                metadata.remove("managedFields");
                body.insert("metadata".to_owned(), metadata.into());
                calls.push((
                    namespace.clone(),
                    Call::put(
                        format!("{}/{name}", REQUEST.path(namespace)),
                        serde_json::to_vec(&body)?,
                    ),
                ));
            }
        }
    }
    measure(scene, watching, calls, 1).await
}

/// Every agent makes the request of the next generation.
async fn renew(
    scene: &Scene,
    watching: &Watching,
    members: &[Member],
    generation: u32,
) -> Result<Phase> {
    let csrs = certificate_request::many(members.len())?;
    let call = |(member, csr): (&Member, String)| {
        let spec = request_spec(NAME, &member.identity(), Some(&csr));
        let request = REQUEST.object(&member.namespace, &member.request(NAME, generation), &spec);
        Ok((
            member.namespace.clone(),
            Call::post(REQUEST.path(&member.namespace), serde_json::to_vec(&request)?),
        ))
    };
    let calls = members.iter().zip(csrs).map(call).collect::<Result<_>>()?;
    measure(scene, watching, calls, generation).await
}

async fn measure(
    scene: &Scene,
    watching: &Watching,
    calls: Vec<(String, Call)>,
    generation: u32,
) -> Result<Phase> {
    let (count, connections) = (calls.len(), scene.connections().await?);
    let begin = Begin::now(scene).await?;
    spread(connections, calls).await?;
    let asked = (count, ending(generation));
    let answered = watching
        .until("all are answered", (asked.0, &asked.1), |state| state.answered.is_some())
        .await?;
    let last = answered.context("nothing was answered")?;
    begin.until(scene, last, count, settled(scene, count, generation)).await
}

fn ending(generation: u32) -> String {
    format!(".{NAME}.{generation}")
}

/// The sums and the MeshTrusts follow within a second; they belong to the cost.
async fn settled(scene: &Scene, count: usize, generation: u32) -> Result<()> {
    let attempt = async || {
        let policy =
            once(scene.admin(), Call::get(format!("{}/{NAME}", POLICY.path(SYSTEM_NAMESPACE))))
                .await?;
        ensure!(policy["status"]["issued"] == count, "issued: {}", policy["status"]);
        let (mut current, ending) = (0, ending(generation));
        for (namespace, endpoint) in &scene.agents {
            let list = once(endpoint, Call::get(TRUST.path(namespace))).await?;
            let all = list["items"].as_array().context("the list has no items")?;
            let newest =
                |request: Option<&str>| request.is_some_and(|name| name.ends_with(&ending));
            current += all.iter().filter(|trust| newest(trust["spec"]["request"].as_str())).count();
        }
        ensure!(current == count, "{current} of {count} MeshTrusts name generation {generation}");
        Ok(())
    };
    // Each look reads thousands of objects: not more often than needed.
    tokio::time::sleep(Duration::from_secs(1)).await;
    wait::until("TrustPolicy and MeshTrusts follow", LIMIT, attempt).await
}
