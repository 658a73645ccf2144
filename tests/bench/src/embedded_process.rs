//! `meshroot serve` as a process of its own.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use meshroot_testkit::process::{self, Process};
use meshroot_testkit::{Binary, Directory, ports, wait};

use crate::connection::{Endpoint, is_ready};

/// What runs beside the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Serves {
    Api,
    ApiAndHub,
}

/// A running `meshroot serve` on a file in a temporary directory.
pub(crate) struct EmbeddedProcess {
    process: Process,
    directory: Directory,
    port: u16,
    serves: Serves,
    pub(crate) endpoint: Endpoint,
    /// From the start of the program until `/readyz` was `ok`.
    pub(crate) took: Duration,
}

impl EmbeddedProcess {
    pub(crate) async fn start(serves: Serves) -> Result<Self> {
        let (directory, port) = (Directory::create("embedded")?, ports::free()?);
        let started = Instant::now();
        let process = spawn(&directory, port, serves)?;
        let endpoint = ready(&process, &directory).await?;
        Ok(Self { process, directory, port, serves, endpoint, took: started.elapsed() })
    }

    /// Ends it as a crash would, if it still runs, and starts it again on the same file.
    pub(crate) async fn restart(&mut self) -> Result<()> {
        self.process.kill_hard();
        let started = Instant::now();
        self.process = spawn(&self.directory, self.port, self.serves)?;
        self.endpoint = ready(&self.process, &self.directory).await?;
        self.took = started.elapsed();
        Ok(())
    }

    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// The administrator's.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        kubeconfig(&self.directory)
    }
}

fn kubeconfig(directory: &Directory) -> PathBuf {
    directory.join("data/admin.kubeconfig")
}

fn spawn(directory: &Directory, port: u16, serves: Serves) -> Result<Process> {
    let mut command = process::command(Binary::path("meshroot")?);
    command.arg("serve").arg("--data").arg(directory.join("data"));
    command.args(["--listen", &format!("127.0.0.1:{port}")]);
    match serves {
        Serves::Api => command.arg("--api-only"),
        Serves::ApiAndHub => command.args(["--metrics", "127.0.0.1:0"]),
    };
    Process::spawn("meshroot serve", command, directory.join("log"))
}

/// Tries each millisecond: the whole start is a matter of a few.
async fn ready(process: &Process, directory: &Directory) -> Result<Endpoint> {
    let deadline = Instant::now() + wait::LIMIT;
    loop {
        let attempt = async {
            let endpoint = Endpoint::of_kubeconfig(&kubeconfig(directory))?;
            is_ready(&endpoint).await?;
            Ok::<_, anyhow::Error>(endpoint)
        };
        match attempt.await {
            Ok(endpoint) => return Ok(endpoint),
            Err(error) if process.exit_status().is_some() || Instant::now() > deadline => {
                bail!("{error:#}; {}", process.evidence());
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}
