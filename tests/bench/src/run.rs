//! What is measured, in which order, and how it is told.

use anyhow::{Context as _, Result};
use meshroot_testkit::{Binary, tools};

use crate::account::{Cost, resident_mib};
use crate::agent_run::AgentRun;
use crate::baseline::{self, Baseline};
use crate::clusters::{Scene, WORKLOAD};
use crate::issuance::{self, Phase};
use crate::options::{Group, Options};
use crate::requests::Requests;
use crate::table::{Aim, Table};
use crate::{certificate_request, hub_embedded, neighbour, quiet, rotation, server};

const PARTS: [&str; 3] = ["etcd", "kube-apiserver", "kubectl"];

pub(crate) async fn run(options: &Options) -> Result<()> {
    tools::check(&PARTS)?;
    let processors = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    println!("{processors} processors, load {}", std::fs::read_to_string("/proc/loadavg")?.trim());
    if options.includes(Group::Server) {
        server::run(options).await?;
    }
    if options.includes(Group::HubEmbedded) {
        hub_embedded::run(options).await?;
    }
    if options.includes(Group::Neighbour) {
        neighbour::run(options).await?;
    }
    if options.includes(Group::Rotation) {
        rotation::run(options).await?;
    }
    if options.includes(Group::Issuance) {
        hub_on_kube_apiserver(options).await?;
    }
    Ok(())
}

async fn hub_on_kube_apiserver(options: &Options) -> Result<()> {
    let mut table = Table::default();
    let mut scene = Scene::prepare().await?;
    let csrs = certificate_request::many(options.requests)?;
    let alone = baseline::measure(&scene, &csrs).await?;
    table.section("The API server alone: the same writes by the same clients, no hub");
    table.row("requests created", Aim::None, alone.creations, "/s");
    table.row("csrData + record + response", Aim::None, alone.answers, "/s");
    table.row("that is, writes", Aim::None, alone.writes, "/s");
    hub_alone(options, &mut table, &mut scene, &alone).await?;
    with_agent(options, &mut table, &mut scene).await?;
    println!("\nload {}", std::fs::read_to_string("/proc/loadavg")?.trim());
    table.print();
    Ok(())
}

async fn hub_alone(
    options: &Options,
    table: &mut Table,
    scene: &mut Scene,
    alone: &Baseline,
) -> Result<()> {
    let members = scene.make_meshes(options.requests).await?;
    scene.fleet.start_hub(&[]).await?;
    hub(scene)?.wait_for_log(" leads fence=", meshroot_testkit::wait::LIMIT).await?;
    let requests = Requests::follow(scene);
    let (per_second, cost) = issuance::ask(scene, &requests, &members).await?;
    table.section(
        "Requests: from the VirtualMesh to a request of each member that waits for its agent",
    );
    table.row("requests made", Aim::None, per_second, "/s");
    costs(table, &cost, members.len(), None);

    let first = issuance::first(scene, &requests, &members).await?;
    table.section("First certificates: from the first csrData to the last response");
    phase(table, &first, alone, members.len(), 3.0);
    let memory = resident_mib(hub(scene)?.pid())?;
    table.row(
        &format!("hub: resident memory with {} requests", members.len()),
        Aim::AtMost(60.0),
        memory,
        "MiB",
    );
    let calm = quiet::watch(&scene.admin, &scene.processes().await?, options.quiet_seconds).await?;
    silence(table, "hub's API", &calm);

    let renewals = issuance::renewals(scene, &requests, &members).await?;
    table.section("Renewals: from the first request with csrData to the last response");
    phase(table, &renewals, alone, members.len(), 3.0);
    table.row(
        "renewals/s to first certificates/s",
        Aim::None,
        renewals.per_second / first.per_second,
        "",
    );
    trouble(table, "hub", hub(scene)?);
    Ok(())
}

async fn with_agent(options: &Options, table: &mut Table, scene: &mut Scene) -> Result<()> {
    let [small, large] = options.installs;
    let mut run = AgentRun::start(scene, small + large).await?;
    let agent = |scene: &Scene| -> Result<u32> {
        Ok(scene.fleet.cluster(WORKLOAD)?.agent.as_ref().context("the agent runs")?.pid())
    };
    let idle = resident_mib(agent(scene)?)?;
    let mut rates = Vec::new();
    for count in [small, large] {
        let installs = run.install(scene, &format!("fleet-{count}"), count).await?;
        table.section(&format!(
            "With key and Secret, {count} meshes in one cluster: from the VirtualMesh to the last cacerts"
        ));
        table.row("certificates installed", Aim::None, installs.per_second, "/s");
        table.row(
            "agent: CPU per certificate",
            Aim::None,
            installs.local.cpu_each("agent", count),
            "ms",
        );
        costs(table, &installs.on_hub, count, None);
        note_writes(table, "in the cluster", &installs.local, count);
        rates.push(installs.per_second);
    }
    table.row(
        &format!("rate with {large} meshes to rate with {small}"),
        Aim::AtLeast(0.8),
        rates[1] / rates[0],
        "",
    );
    table.section("Steady state");
    table.row("agent: resident memory before its first mesh", Aim::None, idle, "MiB");
    let memory = resident_mib(agent(scene)?)?;
    table.row(
        &format!("agent: resident memory with {} meshes", small + large),
        Aim::AtMost(20.0),
        memory,
        "MiB",
    );
    table.row(
        "hub: resident memory at the end",
        Aim::None,
        resident_mib(hub(scene)?.pid())?,
        "MiB",
    );
    let processes = scene.processes().await?;
    let (on_hub, local) = tokio::try_join!(
        quiet::watch(&scene.admin, &processes, options.quiet_seconds),
        quiet::watch(&run.local, &processes, options.quiet_seconds)
    )?;
    silence(table, "hub's API", &on_hub);
    silence(table, "cluster's API", &local);
    let running = scene.fleet.cluster(WORKLOAD)?.agent.as_ref().context("the agent runs")?;
    trouble(table, "agent", running);
    trouble(table, "hub", hub(scene)?);
    Ok(())
}

fn phase(table: &mut Table, phase: &Phase, alone: &Baseline, count: usize, aim: f64) {
    table.row("certificates", Aim::None, phase.per_second, "/s");
    table.row(
        "to the same writes without a hub",
        Aim::AtLeast(0.5),
        phase.per_second / alone.answers,
        "",
    );
    table.row("from an agent's write to the answer: median", Aim::None, phase.latency[0], "ms");
    table.row("from an agent's write to the answer: 99 of 100", Aim::None, phase.latency[1], "ms");
    costs(table, &phase.cost, count, Some(aim));
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn costs(table: &mut Table, cost: &Cost, count: usize, aim: Option<f64>) {
    // The sums of the virtual mesh are written twice a second at most, however many certificates there are.
    let sums = cost.of(" virtualmeshes/status") + cost.of(" trustpolicies/status");
    let each = (cost.writes() - sums) as f64 / count as f64;
    let aim = aim.map_or(Aim::None, Aim::AtMost);
    table.row("writes each, but for the sums of the virtual mesh", aim, each, "");
    note_writes(table, "on the hub", cost, count);
    if cost.refusals() > 0 {
        table.note(&format!("refused writes: {:?}", cost.refused));
    }
    table.row("hub: CPU each", Aim::AtMost(0.5), cost.cpu_each("hub", count), "ms");
    for (row, process) in [
        ("kube-apiserver: CPU each", "kube-apiserver"),
        ("etcd: CPU each", "etcd"),
        ("the benchmark's clients: CPU each", "client"),
    ] {
        table.row(row, Aim::None, cost.cpu_each(process, count), "ms");
    }
}

#[allow(clippy::cast_precision_loss)] // far below 2^52
fn note_writes(table: &mut Table, place: &str, cost: &Cost, count: usize) {
    for (what, number) in &cost.done {
        table.note(&format!(
            "{place}: {what}: {number} ({:.2} each)",
            *number as f64 / count as f64
        ));
    }
}

fn silence(table: &mut Table, place: &str, calm: &Cost) {
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    let writes = (calm.writes() + calm.of(" events")) as f64;
    table.row(
        &format!("{place}: writes in {:.0} s of nothing to do", calm.seconds),
        Aim::AtMost(0.0),
        writes,
        "",
    );
    table.note(&format!("all: {:?}", calm.done));
    let share = |name: &str| calm.cpu_each(name, 1) / calm.seconds / 10.0;
    table.note(&format!(
        "CPU meanwhile: hub {:.2} %, agent {:.2} % of one processor",
        share("hub"),
        share("agent")
    ));
}

/// What was tried again, and other warnings, as the process logged them.
fn trouble(table: &mut Table, name: &str, process: &Binary) {
    let log = process.logs();
    let (again, others): (Vec<&str>, Vec<&str>) = log
        .lines()
        .filter(|line| line.contains(" WARN ") || line.contains(" ERROR "))
        .partition(|line| line.contains("will try again"));
    #[allow(clippy::cast_precision_loss)] // far below 2^52
    table.row(
        &format!("{name}: reconciliations that failed and were tried again"),
        Aim::AtMost(0.0),
        again.len() as f64,
        "",
    );
    table.note(&format!("{} other warnings", others.len()));
    again
        .iter()
        .chain(&others)
        .take(4)
        .for_each(|line| table.note(&line.chars().take(240).collect::<String>()));
}

fn hub(scene: &Scene) -> Result<&Binary> {
    scene.fleet.hub_process.as_ref().context("the hub runs")
}
