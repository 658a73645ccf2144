//! From changes to keys, and from keys to controllers, while this agent leads in its cluster.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use meshroot_api::names::RequestName;
use meshroot_runtime::process::options::while_leading;
use meshroot_runtime::process::queue::{self, Outcome};
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_runtime::process::telemetry::Telemetry;

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
    let (leadership, leads) = (agent.leadership.clone(), agent.metrics.leader.clone());
    while_leading(leadership, &leads, shutdown, |term| lead(Arc::clone(&agent), term)).await;
}

async fn lead(agent: Arc<Agent>, term: Shutdown) {
    let term = &term;
    agent.discovery_queue.add(());
    tokio::join!(
        agent.requests.follow(term, |object| agent.request_queue.add(object.name)),
        agent.trusts.follow(term, |object| trust_changed(&agent, object.name)),
        agent.meshes.follow(term, |object| mesh_changed(&agent, object.name)),
        agent
            .deployments
            .follow(term, |_| agent.discovery_queue.add_after((), Duration::from_millis(100))),
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
