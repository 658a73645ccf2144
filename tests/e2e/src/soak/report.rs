//! What a soak did and found, in figures.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::world::World;

/// Prints the figures.
pub(crate) async fn print(world: &World) -> Result<()> {
    let counts = world.diary.counts();
    println!("What was done:");
    for (what, count) in &counts {
        println!("  {count:>5}  {what}");
    }
    let (requests, figures) = {
        let seen = world.watcher.seen();
        let it = &seen.figures;
        let figures = format!(
            "{} certificates installed, {} records and {} answers judged; the shortest time that a certificate in use \
             had left was {} s",
            it.installed,
            it.judged_records,
            it.judged_answers,
            it.least_left.unwrap_or_default()
        );
        (seen.requests.len(), figures)
    };
    println!("What was seen: {figures}; {requests} requests are left");
    footprints(world, "at the end").await
}

/// Memory and handles, so that growth can be seen from round to round.
pub(crate) async fn footprints(world: &World, when: &str) -> Result<()> {
    let all = world.processes.footprints().await?;
    let words: Vec<String> = all
        .iter()
        .map(|it| format!("{} {} MiB, {} handles", it.name, it.resident_kib / 1024, it.handles))
        .collect();
    world.diary.say(&format!("{when}: {}", words.join("; ")));
    Ok(())
}

/// Writes whole logs into a directory.
pub(crate) async fn write_logs(world: &World, directory: &Path) -> Result<()> {
    std::fs::create_dir_all(directory)
        .with_context(|| format!("cannot create {}", directory.display()))?;
    for (name, log) in world.processes.logs().await? {
        let path = directory.join(format!("{name}.log"));
        std::fs::write(&path, log).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
