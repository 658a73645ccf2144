//! The two servers that are compared.

use std::time::{Duration, Instant};

use anyhow::Result;
use meshroot_testkit::{ApiServer, Etcd};

use crate::account::{cpu_seconds, resident_mib};
use crate::connection::Endpoint;
use crate::embedded_process::{EmbeddedProcess, Serves};

/// A server, with a store that survives the machine.
pub(super) enum Subject {
    Real(Box<Real>),
    Embedded(Box<EmbeddedProcess>),
}

/// etcd with fsync, and kube-apiserver.
pub(super) struct Real {
    etcd: Etcd,
    api: ApiServer,
    endpoint: Endpoint,
    took: Duration,
}

impl Subject {
    pub(super) async fn real() -> Result<Self> {
        let started = Instant::now();
        let etcd = Etcd::start_durable().await?;
        let api = ApiServer::start(&etcd, "bench").await?;
        let took = started.elapsed();
        Ok(Self::Real(Box::new(Real { endpoint: Endpoint::of(&api)?, etcd, api, took })))
    }

    pub(super) async fn embedded() -> Result<Self> {
        Ok(Self::Embedded(Box::new(EmbeddedProcess::start(Serves::Api).await?)))
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Real(real) => &real.endpoint,
            Self::Embedded(embedded) => &embedded.endpoint,
        }
    }

    /// From the start of the program, or of the first of the two, until `/readyz` was `ok`.
    pub(super) fn took(&self) -> Duration {
        match self {
            Self::Real(real) => real.took,
            Self::Embedded(embedded) => embedded.took,
        }
    }

    /// CPU seconds so far, of both processes where there are two.
    pub(super) fn cpu(&self) -> Result<f64> {
        self.pids().into_iter().map(cpu_seconds).sum()
    }

    /// Resident memory in MiB, of both processes where there are two.
    pub(super) fn resident(&self) -> Result<f64> {
        self.pids().into_iter().map(resident_mib).sum()
    }

    /// SIGKILL, to both where there are two.
    pub(super) fn kill(&self) {
        match self {
            Self::Real(real) => {
                real.api.process().kill_hard();
                real.etcd.process().kill_hard();
            }
            Self::Embedded(embedded) => embedded.process().kill_hard(),
        }
    }

    /// Starts it again on what it has stored, after a SIGKILL if it still runs.
    pub(super) async fn restart(&mut self) -> Result<()> {
        match self {
            Self::Real(real) => {
                real.api.stop();
                let started = Instant::now();
                real.etcd.restart().await?;
                real.api.restart().await?;
                real.took = started.elapsed();
            }
            Self::Embedded(embedded) => embedded.restart().await?,
        }
        Ok(())
    }

    fn pids(&self) -> Vec<u32> {
        match self {
            Self::Real(real) => vec![real.etcd.process().pid(), real.api.pid()],
            Self::Embedded(embedded) => vec![embedded.process().pid()],
        }
    }
}
