//! One etcd, which can serve many API servers.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::OnceCell;

use crate::process::{self, Failure, Process, with_free_ports};
use crate::{Directory, http_text, ports, tools, wait};

/// A running etcd with an empty store in a temporary directory.
#[derive(Debug)]
pub struct Etcd {
    process: Process,
    place: Place,
}

/// What stays the same when etcd is restarted.
#[derive(Debug)]
struct Place {
    directory: Directory,
    port: u16,
    url: String,
    peer: String,
    durability: Durability,
}

/// Whether what is acknowledged is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durability {
    /// As in production: fsync before each acknowledgement.
    Synced,
    /// The store need not survive the machine, and fsync costs each write milliseconds.
    Unsynced,
}

/// The etcd of this process, started when first asked for; it lives until the process ends.
pub async fn shared() -> Result<&'static Etcd> {
    static SHARED: OnceCell<Etcd> = OnceCell::const_new();
    SHARED.get_or_try_init(Etcd::start).await
}

impl Etcd {
    /// Starts etcd and returns when it is healthy. It does not sync its files: fast, and enough for tests.
    pub async fn start() -> Result<Self> {
        with_free_ports(async || Self::start_once(Durability::Unsynced).await).await
    }

    /// Starts etcd as in production: what it acknowledges is on the disk.
    pub async fn start_durable() -> Result<Self> {
        with_free_ports(async || Self::start_once(Durability::Synced).await).await
    }

    /// Ends it with SIGKILL, if it runs, and starts it again: same address, same store.
    pub async fn restart(&mut self) -> Result<()> {
        self.process.kill_hard();
        self.process = run(&self.place).await.map_err(anyhow::Error::from)?;
        Ok(())
    }

    /// The client URL.
    pub fn url(&self) -> &str {
        &self.place.url
    }

    /// The child process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    async fn start_once(durability: Durability) -> Result<Self, Failure> {
        let (port, peer) = (ports::free()?, ports::free()?);
        let (url, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer}"));
        let place = Place { directory: Directory::create("etcd")?, port, url, peer, durability };
        Ok(Self { process: run(&place).await?, place })
    }
}

async fn run(place: &Place) -> Result<Process, Failure> {
    // Nobody reads the store afterwards: there is nothing to be gentle with.
    let log = place.directory.join("etcd.log");
    let process = Process::spawn("etcd", command(place)?, log)?.with_grace(Duration::ZERO);
    let health = async || http_text::fetch(place.port, "/health").await;
    process.ready(wait::LIMIT, health).await?;
    Ok(process)
}

fn command(place: &Place) -> Result<Command> {
    let mut command = process::command(tools::path("etcd")?);
    command
        .arg("--data-dir")
        .arg(place.directory.join("data"))
        .args(["--listen-client-urls", &place.url])
        .args(["--advertise-client-urls", &place.url])
        .args(["--listen-peer-urls", &place.peer])
        .args(["--initial-advertise-peer-urls", &place.peer])
        .args(["--initial-cluster", &format!("default={}", place.peer)])
        .args(["--log-level", "warn"]);
    if place.durability == Durability::Unsynced {
        command.arg("--unsafe-no-fsync");
    }
    Ok(command)
}
