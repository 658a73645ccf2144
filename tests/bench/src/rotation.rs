//! A root is replaced under hundreds of members, each way: what is written for each member and step, and what it costs the
//! hub.

mod agents;
mod told;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use kube::api::PostParams;
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use meshroot_testkit::wait;
use serde_json::json;

use crate::account::{Cost, Reading, forget_peak, peak_mib};
use crate::clusters::Scene;
use crate::objects::{self, Member, POLICY, ROTATION, VIRTUAL_MESH};
use crate::options::Options;
use crate::requests::LIMIT;
use crate::table::{Aim, Table};
use agents::Agents;
use told::Told;

const NAME: &str = "bench";
/// How often the step is asked for.
const LOOK: Duration = Duration::from_millis(50);

pub(crate) async fn run(options: &Options) -> Result<()> {
    let mut table = Table::default();
    let mut scene = Scene::prepare().await?;
    let members = scene.make_meshes(options.members).await?;
    scene.fleet.start_hub(&[]).await?;
    hub(&scene)?.wait_for_log(" leads fence=", wait::LIMIT).await?;
    let told = Told::follow(&scene);
    let _agents = Agents::follow(&scene, options.members * 4)?;
    settle(&scene, &members).await?;
    for (number, way) in [(2, "CrossSigned"), (3, "BundleFirst")] {
        rotate(&mut table, &scene, &told, members.len(), (number, way)).await?;
    }
    println!("\nload {}", std::fs::read_to_string("/proc/loadavg")?.trim());
    table.print();
    Ok(())
}

/// Every member has its first certificate, and uses it.
async fn settle(scene: &Scene, members: &[Member]) -> Result<()> {
    let parameters = PostParams::default();
    POLICY.api(&scene.admin, SYSTEM_NAMESPACE).create(&parameters, &objects::policy(NAME)).await?;
    let virtual_meshes = VIRTUAL_MESH.api(&scene.admin, SYSTEM_NAMESPACE);
    virtual_meshes.create(&parameters, &objects::virtual_mesh(NAME, members)).await?;
    let ready = format!("Ready: {0} of {0} ", members.len());
    let attempt = async || {
        let status = &virtual_meshes.get(NAME).await?.data["status"]["certificateStatus"];
        let message = status["message"].as_str().unwrap_or_default();
        ensure!(message.starts_with(&ready), "{message}");
        Ok(())
    };
    wait::until("all use their first certificate", LIMIT, attempt).await
}

async fn rotate(
    table: &mut Table,
    scene: &Scene,
    told: &Told,
    members: usize,
    (number, way): (u32, &str),
) -> Result<()> {
    let pid = hub(scene)?.pid();
    forget_peak(pid)?;
    told.forget();
    let began = Instant::now();
    let steps = follow(scene, number, way).await?;
    let took = began.elapsed().as_secs_f64();
    let peak = peak_mib(pid)?;
    table.section(&format!("{way}, {members} members, by the step that the rotation was at"));
    let mut hub_seconds = 0.0;
    for (step, cost) in &steps {
        table.row(&format!("{step}: wall time"), Aim::None, cost.seconds, "s");
        let cpu = cost.cpu_each("hub", members);
        table.row(&format!("{step}: hub, CPU a member"), Aim::None, cpu, "ms");
        hub_seconds += cpu;
        note_writes(table, cost, members);
    }
    table.section(&format!("{way}, {members} members, altogether"));
    table.row("wall time", Aim::None, took, "s");
    table.row("hub: CPU a member", Aim::None, hub_seconds, "ms");
    table.row("hub: peak of resident memory", Aim::None, peak, "MiB");
    let all: Vec<&Cost> = steps.iter().map(|(_, cost)| cost).collect();
    for what in [
        "PUT meshtrusts",
        "POST virtualmeshcertificatesigningrequests",
        "PUT configmaps",
        "POST issuancerecords",
        "PUT virtualmeshcertificatesigningrequests/status",
    ] {
        let count: u64 = all.iter().map(|cost| cost.of(what)).sum();
        table.row(&format!("{what}, for a member"), Aim::None, each(count, members), "");
    }
    for what in ["rootrotations/status", "trustpolicies/status", "virtualmeshes/status", " events"]
    {
        let count: u64 = all.iter().map(|cost| cost.of(what)).sum();
        table.row(&format!("{what}, for a member"), Aim::None, each(count, members), "");
    }
    let refused: u64 = all.iter().map(|cost| cost.refusals()).sum();
    table.row("writes refused, for a member", Aim::None, each(refused, members), "");
    let lines = told.lines()?;
    for line in &lines {
        table.row(
            &format!("MeshTrust: {}, writes for a member at most", line.tells),
            Aim::AtMost(1.0),
            each(line.most, 1),
            "",
        );
        table.note(&format!("{} members, {} writes", line.members, line.writes));
    }
    for line in &lines {
        ensure!(line.most == 1, "{} was written {} times for one member", line.tells, line.most);
        ensure!(line.members == members, "{} members were told {}", line.members, line.tells);
    }
    Ok(())
}

/// Asks for a rotation; what each step cost, in their order.
async fn follow(scene: &Scene, number: u32, way: &str) -> Result<Vec<(String, Cost)>> {
    let (name, processes) = (format!("{NAME}.{number}"), scene.processes().await?);
    let spec = json!({
        "virtualMeshRef": { "name": NAME, "namespace": SYSTEM_NAMESPACE }, "strategy": way,
    });
    let rotations = ROTATION.api(&scene.admin, SYSTEM_NAMESPACE);
    let mut last = Reading::take(&scene.admin, &processes).await?;
    let asked = ROTATION.object(SYSTEM_NAMESPACE, &name, &spec);
    rotations.create(&PostParams::default(), &asked).await?;
    let (mut at, mut steps, began) = ("Preparing".to_owned(), Vec::new(), Instant::now());
    loop {
        let status = &rotations.get(&name).await?.data["status"];
        let step = status["step"].as_str().unwrap_or("Preparing").to_owned();
        if step != at {
            // What is written for a while after the end belongs to it.
            if step == "Complete" {
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
            let now = Reading::take(&scene.admin, &processes).await?;
            steps.push((std::mem::replace(&mut at, step), last.until(&now)));
            last = now;
        }
        if at == "Complete" {
            return Ok(steps);
        }
        ensure!(began.elapsed() < LIMIT, "{at}: {}", status["waitingFor"]);
        tokio::time::sleep(LOOK).await;
    }
}

fn note_writes(table: &mut Table, cost: &Cost, members: usize) {
    for (what, count) in &cost.done {
        table.note(&format!("{what}: {count} ({:.2} a member)", each(*count, members)));
    }
    if cost.refusals() > 0 {
        table.note(&format!("refused writes: {:?}", cost.refused));
    }
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn each(count: u64, members: usize) -> f64 {
    count as f64 / members as f64
}

fn hub(scene: &Scene) -> Result<&meshroot_testkit::Binary> {
    scene.fleet.hub_process.as_ref().context("the hub runs")
}
