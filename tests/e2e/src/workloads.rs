//! Workloads of several clusters, two in each, that renew as sidecars do and shake hands with each other all the time.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use meshroot_testkit::{Fleet, WorkloadCertificate, tls, workload};
use tokio::time::Instant;

/// The workloads, and how often they took each other.
pub(crate) struct Workloads {
    lifetime: Duration,
    all: Vec<Workload>,
    /// Whether workloads of different clusters do not take each other yet.
    pub(crate) apart: bool,
    /// By rustls.
    pub(crate) handshakes: usize,
    /// By OpenSSL.
    pub(crate) by_openssl: usize,
    rounds: usize,
}

struct Workload {
    cluster: String,
    account: String,
    certificate: WorkloadCertificate,
    since: Instant,
}

/// How often a round is made with OpenSSL too, which starts processes.
const WITH_OPENSSL: usize = 10;

impl Workloads {
    pub(crate) async fn start(
        fleet: &Fleet,
        clusters: &[&str],
        lifetime: Duration,
    ) -> Result<Self> {
        let mut all = Vec::new();
        for cluster in clusters {
            for number in 0..2_u32 {
                let account = format!("app-{number}");
                let roots = published(fleet, cluster).await?;
                let certificate = ask(fleet, cluster, &account, &roots).await?;
                // The two renew at different times: what one still has, the other may have lost.
                let since = Instant::now() - lifetime / 4 * number;
                all.push(Workload { cluster: (*cluster).to_owned(), account, certificate, since });
            }
        }
        Ok(Self { lifetime, all, apart: false, handshakes: 0, by_openssl: 0, rounds: 0 })
    }

    /// Renews what is due, and lets each take each.
    ///
    /// # Errors
    /// Somebody was refused, or could not renew before the end.
    pub(crate) async fn turn(&mut self, fleet: &Fleet) -> Result<()> {
        for one in &mut self.all {
            if one.since.elapsed() < self.lifetime / 2 {
                continue;
            }
            match ask(fleet, &one.cluster, &one.account, &one.certificate.root_pem).await {
                Ok(certificate) => {
                    one.certificate = certificate;
                    one.since = Instant::now();
                }
                // Its istiod is being restarted: what there is goes on until it ends.
                Err(error) => ensure!(
                    one.since.elapsed() < self.lifetime,
                    "{} of {} could not renew: {error:#}",
                    one.account,
                    one.cluster
                ),
            }
        }
        self.rounds += 1;
        for server in &self.all {
            for client in &self.all {
                if self.apart && client.cluster != server.cluster {
                    continue;
                }
                let about = || {
                    format!(
                        "{} of {} and {} of {}",
                        client.account, client.cluster, server.account, server.cluster
                    )
                };
                let (server, client) = (&server.certificate, &client.certificate);
                let taken =
                    tls::handshake(server, client, &server.root_pem, &client.root_pem).await;
                taken.map_err(anyhow::Error::msg).with_context(about)?;
                self.handshakes += 1;
                if self.rounds % WITH_OPENSSL == 1 {
                    let taken =
                        tls::openssl_handshake(server, client, &server.root_pem, &client.root_pem)
                            .await;
                    taken.map_err(anyhow::Error::msg).with_context(about)?;
                    self.by_openssl += 1;
                }
            }
        }
        Ok(())
    }
}

async fn ask(
    fleet: &Fleet,
    cluster: &str,
    account: &str,
    roots: &str,
) -> Result<WorkloadCertificate> {
    let cluster = fleet.cluster(cluster)?;
    let istiod = cluster.istiod.as_ref().context("istiod runs")?;
    // As a sidecar, which follows what istiod publishes: what it trusted before may be gone.
    let asked = workload::certificate(istiod, &cluster.api, "shop", account, roots).await;
    if asked.is_ok() {
        return asked;
    }
    let roots = published(fleet, &cluster.name).await?;
    workload::certificate(istiod, &cluster.api, "shop", account, &roots).await
}

async fn published(fleet: &Fleet, cluster: &str) -> Result<String> {
    crate::scenario::published_roots(&fleet.cluster(cluster)?.api).await
}
