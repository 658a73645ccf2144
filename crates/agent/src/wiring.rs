//! Which kinds the agent follows, what each change queues, and who works on the queues.

use std::sync::Arc;
use std::time::Duration;

use meshroot_api::names::RequestName;
use meshroot_runtime::process::service::Controllers;
use meshroot_runtime::process::telemetry::Telemetry;

use crate::agent::Agent;
use crate::controllers::{discovery, mesh, request};

const CONCURRENCY: usize = 16;
/// A rollout changes a Deployment many times, and whoever deletes Meshes deletes several: it is looked at once.
const TOGETHER: Duration = Duration::from_millis(100);

/// What the agent does while it leads in its cluster.
pub(crate) fn controllers(
    agent: &Arc<Agent>,
    resync_period: Duration,
    telemetry: &Telemetry,
) -> Controllers<Agent> {
    let controllers = Controllers::new(agent, telemetry)
        .begin(|agent| agent.discovery_queue.add(agent.cluster.clone()))
        .look_again(resync_period, look_again)
        .follow(&agent.requests, |agent, object| agent.request_queue.add(object.name))
        .follow(&agent.trusts, |agent, object| mesh_changed(agent, object.name))
        .follow(&agent.meshes, |agent, object| {
            // One that somebody deleted or changed is made again, or its mesh gets no certificate meanwhile.
            agent.discovery_queue.add_after(agent.cluster.clone(), TOGETHER);
            mesh_changed(agent, object.name);
        })
        .reconcile("discovery", &agent.discovery_queue, 1, discovery::reconcile)
        .reconcile("request", &agent.request_queue, CONCURRENCY, request::reconcile)
        .reconcile("mesh", &agent.mesh_queue, CONCURRENCY, mesh::reconcile);
    agent.deployments.iter().fold(controllers, |controllers, deployments| {
        controllers.follow(deployments, |agent, _| {
            agent.discovery_queue.add_after(agent.cluster.clone(), TOGETHER);
        })
    })
}

/// Everything, as if it had just changed; what is as it should be costs no write.
fn look_again(agent: &Agent) {
    agent.discovery_queue.add(agent.cluster.clone());
    agent.requests.keys().for_each(|request| agent.request_queue.add(request.name));
    agent.meshes.keys().for_each(|mesh| agent.mesh_queue.add(mesh.name));
}

/// The mesh's Mesh or MeshTrust is another one: a request that came before its MeshTrust waited for it.
fn mesh_changed(agent: &Agent, mesh: String) {
    let trust = agent.trust(&mesh);
    if let Some(current) = trust.and_then(|trust| RequestName::parse(&trust.spec.request)) {
        agent.request_queue.add(current.to_string());
    }
    agent.mesh_queue.add(mesh);
}
