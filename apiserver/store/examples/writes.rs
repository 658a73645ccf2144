//! Measures durable writes of 3 KiB values and the start-up of the store they leave.
//!
//! `cargo run --release -p apiserver-store --example writes -- DIRECTORY [SECONDS]`
//!
//! For 1, 8 and 64 concurrent writers it prints creations and replacements per second, and the time of one write. Then
//! it prints how long the file takes to open after a clean end and after a kill, which it brings about by copying the
//! open file.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use apiserver_store::{Change, Condition, Key, Labels, Object, Options, Store, Value, Write};

const SIZE: usize = 3 << 10;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let directory: PathBuf = arguments.next().context("usage: writes DIRECTORY [SECONDS]")?.into();
    let seconds = Duration::from_secs(arguments.next().map_or(Ok(3), |text| text.parse())?);
    println!("writers  creations/s  replacements/s  one write");
    for writers in [1, 8, 64] {
        let path = directory.join(format!("writes-{writers}"));
        let store = Store::open(&path, Options::default())?;
        let created = rate(&store, writers, seconds, true).await?;
        let replaced = rate(&store, writers, seconds, false).await?;
        let one = Duration::from_secs_f64(f64::from(u32::try_from(writers)?) / replaced);
        println!("{writers:>7}  {created:>11.0}  {replaced:>14.0}  {one:>9.2?}");
        store.close().await;
        std::fs::remove_file(path)?;
    }
    for objects in [1_000, 10_000, 30_000] {
        start_up(&directory, objects).await?;
    }
    Ok(())
}

/// Writes per second of `writers` tasks for `time`: new objects, or one object of each writer over and over.
async fn rate(store: &Store, writers: usize, time: Duration, create: bool) -> Result<f64> {
    let start = Instant::now();
    let tasks = (0..writers).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let (mut count, mut object) = (0u32, None);
            while start.elapsed() < time {
                let name = if create { format!("w{writer}-{count}") } else { format!("r{writer}") };
                let written = store.write(write(&name, object.as_deref())).await?;
                object = (!create).then_some(written);
                count += 1;
            }
            anyhow::Ok(count)
        })
    });
    let mut count = 0;
    for task in tasks.collect::<Vec<_>>() {
        count += task.await??;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

fn write(name: &str, object: Option<&Object>) -> Write {
    let value = Value {
        head: br#"{"metadata":{"resourceVersion":""#.to_vec(),
        tail: vec![b'x'; SIZE - 40],
    };
    let condition = object.map_or(Condition::Absent, |object| Condition::Revision(object.revision));
    let labels: Labels = Arc::new([("app".into(), "web".into())]);
    Write {
        key: Key::new("pods", "default", name),
        condition,
        change: Change::Put(value),
        labels,
        given: None,
    }
}

async fn start_up(directory: &Path, objects: usize) -> Result<()> {
    let (path, killed) = (directory.join("start"), directory.join("start-killed"));
    let store = Store::open(&path, Options::default())?;
    let writes: Vec<_> = (0..objects)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.write(write(&format!("o{number}"), None)).await })
        })
        .collect();
    for write in writes {
        write.await??;
    }
    std::fs::copy(&path, &killed)?;
    store.close().await;
    drop(store);
    for (path, end) in [(path, "a clean end"), (killed, "a kill")] {
        let start = Instant::now();
        let store = Store::open(&path, Options::default())?;
        let (time, length) = (start.elapsed(), std::fs::metadata(&path)?.len() >> 20);
        println!(
            "start-up of {} objects ({length} MiB) after {end}: {time:.0?}",
            store.count("pods")
        );
        drop(store);
        std::fs::remove_file(path)?;
    }
    Ok(())
}
