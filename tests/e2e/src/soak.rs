//! A soak: conflicts made and settled, objects deleted and made again, processes killed, clocks wrong, for minutes; all
//! the while nothing expires and nothing is signed that nobody approved, and after it nothing is stranded.
//!
//! - [`plan`], [`random`]: what is disturbed when, by a seed
//! - [`disturb`], [`wanted`], [`people`]: who does it
//! - [`watch`], [`judge`]: who sees it, and what must hold
//! - [`settle`], [`report`], [`diary`]: whether all is well again, and what is said

mod diary;
mod disturb;
mod judge;
mod people;
mod plan;
mod random;
mod report;
mod settle;
mod wanted;
mod watch;
mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use meshroot_testkit::fleet::HubApi;
use meshroot_testkit::tools;

use world::World;

const PARTS: [&str; 3] = ["etcd", "kube-apiserver", "kubectl"];

/// How long, and what.
pub(crate) struct Soak {
    pub(crate) lasts: Duration,
    pub(crate) seed: u64,
    /// Where the logs of hub and agents are written at the end.
    pub(crate) logs: Option<PathBuf>,
}

/// Soaks; an error where something was found.
pub(crate) async fn run(soak: &Soak, hub: HubApi) -> Result<()> {
    tools::check(&PARTS)?;
    println!("A soak of {} s with seed {}", soak.lasts.as_secs(), soak.seed);
    let world = Arc::new(World::start(soak.seed, hub).await?);
    let _watches = watch::start(&world.watcher, &world.hub, &world.clusters);
    let people = tokio::spawn(people::work(Arc::clone(&world)));
    world.wanted.lock().await.undo().await?;
    let outcome = rounds(&world, soak.lasts).await;
    people.abort();
    report::print(&world).await?;
    if let Some(directory) = &soak.logs {
        report::write_logs(&world, directory).await?;
    }
    outcome?;
    let findings = world.diary.findings();
    ensure!(findings == 0, "{findings} findings, see above");
    Ok(())
}

/// Rounds of disturbances, each followed by a quiet time in which everything settles.
async fn rounds(world: &Arc<World>, lasts: Duration) -> Result<()> {
    settle(world, "before the first round").await?;
    for number in 0.. {
        let plan = plan::round(world.seed, number);
        world.diary.say(&format!("round {number}: {} disturbances", plan.len()));
        world.set_quiet(false);
        disturb::round(world, &plan).await;
        world.set_quiet(true);
        // Each disturbance was undone by itself; one that failed is not left behind.
        world.wanted.lock().await.undo().await?;
        world.processes.start_all().await?;
        settle(world, &format!("after round {number}")).await?;
        if world.diary.elapsed() >= lasts {
            break;
        }
    }
    unless_stranded(world, "at the end", settle::each_renews(world).await).await
}

async fn unless_stranded(world: &World, when: &str, outcome: Result<()>) -> Result<()> {
    if let Err(error) = outcome {
        bail!("stranded {when}: {error:#}\n{}", settle::evidence(world).await);
    }
    Ok(())
}

async fn settle(world: &World, when: &str) -> Result<()> {
    let begun = tokio::time::Instant::now();
    unless_stranded(world, when, settle::wait(world).await).await?;
    world.diary.say(&format!("{when}: all well after {:.1} s", begun.elapsed().as_secs_f64()));
    report::footprints(world, when).await.context("reading /proc")
}

/// The true time, which wrong clocks are held against.
#[allow(clippy::disallowed_methods)] // a judge from outside: it does not ask the product what time it is
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
