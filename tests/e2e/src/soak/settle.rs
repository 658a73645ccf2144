//! Whether everything is well again, once nothing is disturbed; and what is said of what is not.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use kube::{Api, Client};
use meshroot_api::names::RequestName;
use meshroot_api::trust::Pickup;
use meshroot_api::{MeshTrust, TrustPolicy};
use meshroot_testkit::fleet::{SYSTEM_NAMESPACE, cluster_namespace, mesh_name};
use meshroot_testkit::wait;
use tokio::time::Instant;

use super::now;
use super::plan::CLUSTERS;
use super::wanted::DEMO;
use super::watch::is_spoiled;
use super::world::World;

/// Within this time after the last disturbance was undone, every member is well.
pub(crate) const LIMIT: Duration = Duration::from_mins(2);
/// An agent pauses between two requests for a tenth of a certificate's validity, which is 90 s.
const RENEWAL: Duration = Duration::from_secs(90 + LIMIT.as_secs());
/// What the policy waits for where only a mesh's budget holds up its next certificate.
const BUDGET: &str = "BudgetSpent: ";
/// Lines of each log in a report.
const LINES: usize = 40;

/// So long it must last: a hub that has just been started has not yet said what is wrong.
const LASTING: Duration = Duration::from_secs(8);

/// Waits until every member uses a certificate of its own virtual mesh, and goes on to do so.
pub(crate) async fn wait(world: &World) -> Result<()> {
    let mut since = None;
    let attempt = async || {
        if let Err(error) = is_well(world).await {
            since = None;
            return Err(error);
        }
        let lasted = since.get_or_insert_with(Instant::now).elapsed();
        ensure!(lasted >= LASTING, "all is well, for {lasted:?} only");
        Ok(())
    };
    wait::until("every member is well", LIMIT, attempt).await
}

/// Waits until each mesh has another certificate than now: nothing is stranded whose renewal goes on by itself.
pub(crate) async fn each_renews(world: &World) -> Result<()> {
    let installed = || -> Vec<_> {
        let seen = world.watcher.seen();
        CLUSTERS.iter().map(|cluster| seen.request(cluster)).collect()
    };
    let before = installed();
    let attempt = async || {
        let now = installed();
        let stays = before.iter().zip(&now).any(|(before, now)| now.is_none() || before == now);
        ensure!(!stays, "before {before:?}, now {now:?}");
        is_well(world).await
    };
    wait::until("each mesh renews by itself", RENEWAL, attempt).await
}

async fn is_well(world: &World) -> Result<()> {
    world.processes.check_all_run().await?;
    for cluster in CLUSTERS {
        member(world, &world.hub, cluster).await.with_context(|| cluster.to_owned())?;
    }
    let policies: Api<TrustPolicy> = Api::namespaced(world.hub.clone(), SYSTEM_NAMESPACE);
    let policy = policies.get(DEMO).await?;
    let status = policy.status.context("the policy has no status")?;
    let is_ready = status.conditions.iter().any(|one| one.type_ == "Ready" && one.status == "True");
    // After 30 certificates within an hour a renewal waits for a while by design; the members' own certificates were seen.
    let is_ready = is_ready || status.waiting_for.starts_with(BUDGET);
    ensure!(
        is_ready && [status.members, status.issued, status.loaded] == [2, 2, 2],
        "TrustPolicy {DEMO}: ready {is_ready}, {} members, {} issued, {} loaded; {}",
        status.members,
        status.issued,
        status.loaded,
        status.waiting_for
    );
    Ok(())
}

async fn member(world: &World, hub: &Client, cluster: &str) -> Result<()> {
    let trusts: Api<MeshTrust> = Api::namespaced(hub.clone(), &cluster_namespace(cluster));
    let trust = trusts.get(&mesh_name(cluster)).await?;
    let status = trust.status.unwrap_or_default();
    let request = RequestName::parse(&trust.spec.request).context("MeshTrust names no request")?;
    ensure!(request.virtual_mesh == DEMO, "its certificate is {request}: {}", status.message);
    ensure!(
        status.pickup == Pickup::Confirmed
            && status.installed.as_deref() == Some(&trust.spec.request),
        "{request} is {}, installed {:?}: {}",
        status.pickup.word(),
        status.installed,
        status.message
    );
    let seen = world.watcher.seen();
    let secret = seen.cacerts.get(cluster).context("there is no cacerts")?;
    ensure!(!is_spoiled(secret), "cacerts is still spoiled");
    let left = seen.left(cluster, now()).context("cacerts cannot be read")?;
    ensure!(left > 0, "its certificate has ended");
    Ok(())
}

/// What there is to see of what is stuck.
pub(crate) async fn evidence(world: &World) -> String {
    const KINDS: &str = "virtualmeshes,trustpolicies,meshes,meshtrusts,vmcsr";
    let mut all = Vec::new();
    let questions: [&[&str]; 3] = [
        &["get", KINDS, "-A", "-o", "wide"],
        &["get", "meshtrusts", "-A", "-o", "jsonpath={range .items[*]}{.status}{\"\\n\"}{end}"],
        &["get", "events.events.k8s.io", "-A", "--sort-by=.metadata.creationTimestamp"],
    ];
    for question in questions {
        let answer = world.kubectl("hub", question).await.unwrap_or_else(|error| error.to_string());
        all.push(format!("--- {}\n{}\n", question[1], end(&answer)));
    }
    for (name, log) in world.processes.logs().await.unwrap_or_default() {
        all.push(format!("--- log of {name}\n{}\n", end(&log)));
    }
    all.concat()
}

fn end(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
