//! A process that writes is killed, over and over.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use std::{
    io::{BufRead, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use apiserver_store::{Key, Object, Options, Store};
use bytes::Bytes;
use common::{create, delete, disk::Random, ledger::Ledger, times, update};

const PATH: &str = "MESHROOT_STORE_UNDER_TEST";
const KILLS: u64 = 120;

fn options() -> Options {
    Options { history_events: 1_000_000, history_bytes: usize::MAX, ..Options::default() }
}

/// The child: opens the store and writes for ever, with a line on its output for each acknowledged change.
///
/// It is a test so that the test's own binary can be the child; without the variable it does nothing.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(path) = std::env::var_os(PATH) else { return };
    let store = Store::open(Path::new(&path), options()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let tasks: Vec<_> =
        (0..8).map(|writer| runtime.spawn(write_for_ever(store.clone(), writer))).collect();
    runtime.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
}

async fn write_for_ever(store: Store, writer: u64) {
    let mut random = Random(writer ^ store.revision() << 8);
    loop {
        let (collection, name) = (
            if writer.is_multiple_of(2) { "pods" } else { "secrets" },
            format!("w{writer}-{}", random.below(20)),
        );
        let text = format!("{:016x}", random.next()).repeat(1 + random.index(180));
        let (object, deleted) = match store.read(collection, "n", &name) {
            None => (create(&store, collection, "n", &name, &text).await.unwrap(), false),
            Some(object) if random.chance(30) => (delete(&store, &object).await.unwrap(), true),
            Some(object) => (update(&store, &object, &text).await.unwrap(), false),
        };
        let json = str::from_utf8(&object.json).unwrap();
        // One write call of one line: a pipe takes it whole or, if it is longer, the last line is cut by the kill.
        let line = format!("ack {} {deleted} {collection} {name} {json}\n", object.revision);
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    }
}

/// The acknowledged change that a line tells; none for other output and for a line that the kill cut off.
fn acknowledged(line: &str) -> Option<(Object, bool)> {
    let mut words = line.strip_prefix("ack ")?.strip_suffix('\n')?.splitn(5, ' ');
    let (revision, deleted) = (words.next()?.parse().ok()?, words.next()? == "true");
    let (collection, name, json) = (words.next()?, words.next()?, words.next()?);
    let json = Bytes::copy_from_slice(json.as_bytes());
    let key = Key::new(collection, "n", name);
    Some((Object { key, revision, created: 0, json, labels: Arc::new([]) }, deleted))
}

/// Runs the child until it made `acks` changes, then kills it. Answers what it acknowledged.
fn run_and_kill(path: &Path, acks: u64) -> Vec<(Object, bool)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "child_that_writes_until_it_is_killed",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(PATH, path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (mut changes, mut line) = (Vec::new(), String::new());
    while (changes.len() as u64) < acks && output.read_line(&mut line).unwrap() > 0 {
        changes.extend(acknowledged(&line));
        line.clear();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said between the last line and its end counts too.
    while output.read_line(&mut line).unwrap() > 0 {
        changes.extend(acknowledged(&line));
        line.clear();
    }
    changes
}

#[test]
fn no_acknowledged_change_is_lost_when_the_process_is_killed() {
    (1..=times()).for_each(kill_often);
}

/// One store, opened after each kill.
fn kill_often(seed: u64) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let (mut ledger, mut random) = (Ledger::default(), Random(seed));
    let mut slowest = Duration::ZERO;
    for kill in 0..KILLS {
        // One kill in eight comes before the first change: while the file is made, opened or repaired.
        let acks = if kill % 8 == 0 { 0 } else { random.below(120) };
        let changes = run_and_kill(&path, acks);
        assert!(changes.len() as u64 >= acks, "the child ended by itself");
        for (object, deleted) in &changes {
            ledger.note(object, *deleted);
        }
        let start = Instant::now();
        let store = Store::open(&path, options()).unwrap();
        slowest = slowest.max(start.elapsed());
        ledger.check(&store, random.next());
    }
    let length = std::fs::metadata(&path).unwrap().len() >> 20;
    println!(
        "{KILLS} kills, {} changes, {length} MiB, slowest start-up {slowest:.0?}",
        ledger.len()
    );
    assert!(ledger.len() as u64 > 20 * KILLS);
}
