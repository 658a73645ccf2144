//! A hostile neighbour: how long one cluster waits for certificates on the hub of `meshroot serve`, alone and while
//! another cluster, at its limits, writes as fast as it may. Both in turn, in one run.

mod hostile;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;

use crate::account::resident_mib;
use crate::certificate_request;
use crate::connection::{Call, Connection, once};
use crate::hub_embedded::scene::Scene;
use crate::hub_embedded::watching::Watching;
use crate::objects::{self, MESH, Member, POLICY, REQUEST, VIRTUAL_MESH, request_spec};
use crate::options::Options;
use crate::table::{Aim, Table};
use hostile::Hostile;

const VIRTUAL: &str = "bench";
/// Meshes of the measured cluster; with a request of each in each round it stays within its own limits.
const MESHES: usize = 60;
/// Pairs of rounds: alone, then with the neighbour.
const PAIRS: u32 = 2;
/// How much longer it may take.
const AIM: f64 = 1.5;

pub(crate) async fn run(_options: &Options) -> Result<()> {
    let mut table = Table::default();
    let mut scene = Scene::start().await?;
    for cluster in ["honest", "hostile"] {
        scene.join(cluster).await?;
    }
    let members = members(&scene, 0, MESHES);
    let hostile = Hostile::fill(&scene).await?;
    let honest = Honest::prepare(&scene, members, &hostile).await?;
    let holds = hostile.ask(&scene, &honest.members).await?;
    table.section("A neighbour at its limits: from an agent's request with csrData to the answer");
    table.note(&format!("the neighbour holds {holds}"));
    let [mut alone, mut beside] = [Vec::new(), Vec::new()];
    let mut writes = [0; 2];
    for pair in 0..PAIRS {
        alone.extend(honest.renew(2 + 2 * pair).await?);
        let attack = hostile.attack().await?;
        beside.extend(honest.renew(3 + 2 * pair).await?);
        let made = attack.end().await?;
        writes = [writes[0] + made[0], writes[1] + made[1]];
    }
    report(&mut table, &mut alone, &mut beside);
    table.note(&format!("the neighbour made {} writes, and {} were refused", writes[0], writes[1]));
    table.row("memory at the end", Aim::None, resident_mib(scene.pid())?, "MiB");
    table.note(&format!("{} warnings logged", scene.warnings().len()));
    println!("\nload {}", std::fs::read_to_string("/proc/loadavg")?.trim());
    table.print();
    Ok(())
}

fn report(table: &mut Table, alone: &mut [f64], beside: &mut [f64]) {
    for (name, share) in [("median", 50), ("99 of 100", 99)] {
        let figures = [percentile(alone, share), percentile(beside, share)];
        table.row(&format!("alone: {name}"), Aim::None, figures[0], "ms");
        table.row(&format!("with the neighbour: {name}"), Aim::None, figures[1], "ms");
        table.row(&format!("ratio: {name}"), Aim::AtMost(AIM), figures[1] / figures[0], "");
    }
}

fn percentile(values: &mut [f64], share: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len() * share / 100).min(values.len() - 1)).copied().unwrap_or(f64::NAN)
}

/// So many meshes of one of the clusters.
fn members(scene: &Scene, cluster: usize, count: usize) -> Vec<Member> {
    let (namespace, _) = &scene.agents[cluster];
    let member = |number: usize| {
        let installation = format!("mesh-{number:03}");
        let cluster = namespace.trim_start_matches("meshroot-cluster-");
        let name = format!("istio-{installation}-{cluster}");
        // One identity for each mesh of the hub.
        let installation = format!("{installation}-{cluster}");
        Member { namespace: namespace.clone(), name, installation }
    };
    (0..count).map(member).collect()
}

/// The measured cluster.
struct Honest<'a> {
    scene: &'a Scene,
    members: Vec<Member>,
    watching: Watching,
}

impl<'a> Honest<'a> {
    /// Each mesh has its first certificate. The neighbour has meshes in the same virtual mesh.
    async fn prepare(scene: &'a Scene, members: Vec<Member>, hostile: &Hostile) -> Result<Self> {
        let watching = Watching::follow(&scene.agents[..1]).await?;
        let mut admin = scene.admin().connect().await?;
        for member in &members {
            let body = serde_json::to_vec(&member.mesh())?;
            admin.discard(Call::post(MESH.path(&member.namespace), body)).await?;
        }
        let policy = serde_json::to_vec(&objects::policy(VIRTUAL))?;
        admin.discard(Call::post(POLICY.path(SYSTEM_NAMESPACE), policy)).await?;
        let all = [members.clone(), hostile.members.clone()].concat();
        let virtual_mesh = serde_json::to_vec(&objects::virtual_mesh(VIRTUAL, &all))?;
        admin.discard(Call::post(VIRTUAL_MESH.path(SYSTEM_NAMESPACE), virtual_mesh)).await?;
        watching
            .until("each mesh has a request", (MESHES, &format!(".{VIRTUAL}.1")), |_| true)
            .await?;
        let honest = Self { scene, members, watching };
        honest.first().await?;
        Ok(honest)
    }

    async fn first(&self) -> Result<()> {
        let mut agent = self.connect().await?;
        for (member, csr) in self.members.iter().zip(certificate_request::many(MESHES)?) {
            let name = member.request(VIRTUAL, 1);
            let patch = serde_json::json!({ "spec": { "csrData": csr } }).to_string();
            let path = format!("{}/{name}", REQUEST.path(&member.namespace));
            agent.discard(Call::merge_patch(path, patch)).await?;
            self.watching.answered(&name).await?;
        }
        Ok(())
    }

    async fn connect(&self) -> Result<Connection> {
        self.scene.agents[0].1.connect().await
    }

    /// One certificate after the other, one for each mesh; how long each took, in milliseconds.
    async fn renew(&self, generation: u32) -> Result<Vec<f64>> {
        let mut agent = self.connect().await?;
        let mut took = Vec::new();
        for (member, csr) in self.members.iter().zip(certificate_request::many(MESHES)?) {
            let name = member.request(VIRTUAL, generation);
            let spec = request_spec(VIRTUAL, &member.identity(), Some(&csr));
            let request = REQUEST.object(&member.namespace, &name, &spec);
            let call = Call::post(REQUEST.path(&member.namespace), serde_json::to_vec(&request)?);
            let sent = Instant::now();
            agent.discard(call).await?;
            let answered = self.watching.answered(&name).await?;
            took.push(answered.duration_since(sent).as_secs_f64() * 1000.0);
        }
        Ok(took)
    }
}

/// How many objects a collection holds in a namespace.
async fn count(scene: &Scene, path: &str) -> Result<usize> {
    let list = once(scene.admin(), Call::get(path)).await?;
    Ok(list["items"].as_array().context("the list has no items")?.len())
}

/// Long enough for the neighbour to be under way.
const UNDER_WAY: Duration = Duration::from_secs(1);
