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
    url: String,
    _directory: Directory,
}

/// The etcd of this process, started when first asked for; it lives until the process ends.
pub async fn shared() -> Result<&'static Etcd> {
    static SHARED: OnceCell<Etcd> = OnceCell::const_new();
    SHARED.get_or_try_init(Etcd::start).await
}

impl Etcd {
    /// Starts etcd and returns when it is healthy.
    pub async fn start() -> Result<Self> {
        with_free_ports(Self::start_once).await
    }

    /// The client URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The child process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    async fn start_once() -> Result<Self, Failure> {
        let directory = Directory::create("etcd")?;
        let (client, peer) = (ports::free()?, ports::free()?);
        let url = format!("http://127.0.0.1:{client}");
        let command = command(&directory, &url, &format!("http://127.0.0.1:{peer}"))?;
        // Nobody reads the store afterwards: there is nothing to be gentle with.
        let process = Process::spawn("etcd", command, directory.join("etcd.log"))?.with_grace(Duration::ZERO);
        let health = async || http_text::fetch(client, "/health").await;
        process.ready(wait::LIMIT, health).await?;
        Ok(Self { process, url, _directory: directory })
    }
}

fn command(directory: &Directory, client: &str, peer: &str) -> Result<Command> {
    let mut command = process::command(tools::path("etcd")?);
    command
        .arg("--data-dir")
        .arg(directory.join("data"))
        .args(["--listen-client-urls", client])
        .args(["--advertise-client-urls", client])
        .args(["--listen-peer-urls", peer])
        .args(["--initial-advertise-peer-urls", peer])
        .args(["--initial-cluster", &format!("default={peer}")])
        .args(["--log-level", "warn"])
        // The store need not survive the machine, and fsync costs each write milliseconds.
        .arg("--unsafe-no-fsync");
    Ok(command)
}
