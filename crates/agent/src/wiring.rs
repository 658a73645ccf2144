//! From changes to keys, and from keys to controllers, while this agent leads in its cluster.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use kube::Resource;
use meshroot_api::names::RequestName;
use meshroot_cluster::queue::{self, Outcome};
use meshroot_cluster::shutdown::Shutdown;
use meshroot_cluster::telemetry::Telemetry;
use meshroot_cluster::watch::Watched;
use serde::de::DeserializeOwned;

use crate::agent::Agent;
use crate::controllers::{discovery, mesh, request};
use crate::error::AgentError;

const CONCURRENCY: usize = 16;

/// Works whenever this agent leads, until the shutdown.
pub(crate) async fn work(agent: Arc<Agent>, telemetry: &Telemetry, shutdown: &Shutdown) {
    let synced = telemetry.readiness("watches");
    if !agent.synced().await {
        return;
    }
    synced.set(true);
    let mut leadership = agent.leadership.clone();
    while !shutdown.is_triggered() {
        tokio::select! {
            fence = leadership.wait_until_leader() => tracing::info!(fence = fence.0, "this agent leads in its cluster"),
            () = shutdown.wait() => return,
        }
        agent.metrics.leader.set(1);
        let term = Shutdown::manual();
        let working = lead(Arc::clone(&agent), &term);
        tokio::pin!(working);
        tokio::select! {
            () = &mut working => {}
            () = leadership.lost() => tracing::warn!("this agent no longer leads in its cluster"),
            () = shutdown.wait() => {}
        }
        term.trigger();
        working.await;
        agent.metrics.leader.set(0);
    }
}

async fn lead(agent: Arc<Agent>, term: &Shutdown) {
    agent.discovery_queue.add(());
    tokio::join!(
        follow(&agent.requests, term, |name| agent.request_queue.add(name)),
        follow(&agent.trusts, term, |name| trust_changed(&agent, name)),
        follow(&agent.meshes, term, |name| mesh_changed(&agent, name)),
        follow(&agent.deployments, term, |_| agent.discovery_queue.add_after((), Duration::from_millis(100))),
        queue::run(agent.discovery_queue.clone(), 1, term.clone(), |key| controller(
            &agent,
            "discovery",
            key,
            discovery::reconcile
        )),
        queue::run(agent.request_queue.clone(), CONCURRENCY, term.clone(), |key| controller(
            &agent,
            "request",
            key,
            request::reconcile
        )),
        queue::run(agent.mesh_queue.clone(), CONCURRENCY, term.clone(), |key| controller(
            &agent,
            "mesh",
            key,
            mesh::reconcile
        )),
    );
}

fn trust_changed(agent: &Agent, mesh: String) {
    // A request that came before its MeshTrust waited for it.
    reconsider(agent, &mesh);
    agent.mesh_queue.add(mesh);
}

fn mesh_changed(agent: &Agent, mesh: String) {
    reconsider(agent, &mesh);
    agent.mesh_queue.add(mesh);
}

fn reconsider(agent: &Agent, mesh: &str) {
    let Some(trust) = agent.trust(mesh) else { return };
    if let Some(current) = RequestName::parse(&trust.spec.request) {
        agent.request_queue.add(current.to_string());
    }
}

fn controller<K, F, R>(
    agent: &Arc<Agent>,
    name: &'static str,
    key: K,
    reconcile: R,
) -> impl Future<Output = Outcome> + use<K, F, R>
where
    K: Debug + Clone + Send,
    R: Fn(Arc<Agent>, K) -> F,
    F: Future<Output = Result<Outcome, AgentError>> + Send + 'static,
{
    let (agent, work) = (Arc::clone(agent), reconcile(Arc::clone(agent), key.clone()));
    async move {
        match work.await {
            Ok(outcome) => outcome,
            Err(error) => {
                let outcome = error.outcome();
                if outcome == Outcome::Retry {
                    agent.metrics.failed(name);
                    tracing::warn!(controller = name, ?key, %error, "will try again");
                } else {
                    tracing::debug!(controller = name, ?key, %error, "will look again");
                }
                outcome
            }
        }
    }
}

async fn follow<K>(watched: &Watched<K>, term: &Shutdown, changed: impl Fn(String))
where
    K: Resource<DynamicType: Default + Eq + Hash + Clone + Send + Sync>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + Sync
        + 'static,
{
    let mut changes = watched.changes();
    loop {
        tokio::select! {
            () = term.wait() => return,
            next = changes.next() => match next {
                Some(object) => changed(object.name),
                None => return,
            },
        }
    }
}
