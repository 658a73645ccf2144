//! Control planes that run in this cluster become Mesh objects on the hub.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use meshroot_api::{Mesh, names};
use meshroot_runtime::kube::write::{Retry, create_if_absent, replace};
use meshroot_runtime::process::queue::Outcome;

use crate::agent::Agent;
use crate::error::AgentError;
use crate::meshes::Discovered;

/// Configuration that names the trust domain is not followed, so it is read again.
const AGAIN: Duration = Duration::from_mins(5);

/// Makes and corrects the Mesh objects of this cluster. Those that somebody wrote by hand are left alone.
pub(crate) async fn reconcile(agent: Arc<Agent>, _cluster: String) -> Result<Outcome, AgentError> {
    let mut refused = None;
    for (adapter, deployments) in agent.control_planes() {
        for deployment in deployments.store().state() {
            // Whatever is wrong with one, others are discovered all the same.
            match adapter.discover(&deployment, &agent.cluster).await {
                Ok(Some(discovered)) => {
                    if let Err(error) = write(&agent, discovered).await {
                        say_if_refused(&agent, &deployment, &error).await;
                        refused = Some(error);
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!(deployment = deployment.metadata.name, %error, "control plane not read");
                    say_if_refused(&agent, &deployment, &error).await;
                }
            }
        }
    }
    refused.map_or(Ok(Outcome::RequeueAfter(AGAIN)), Err)
}

/// What only a person can mend is told where they look: the control plane is in no other list.
async fn say_if_refused(agent: &Agent, deployment: &Deployment, error: &AgentError) {
    let user_must_act = match error {
        AgentError::Refused(_) => true,
        AgentError::Write(error) => error.retry() == Retry::UserMustAct,
        _ => false,
    };
    if user_must_act {
        agent.report_undiscovered(deployment, error).await;
    }
}

async fn write(agent: &Agent, discovered: Discovered) -> Result<(), AgentError> {
    let api: Api<Mesh> = Api::namespaced(agent.hub.clone(), &agent.namespace);
    match agent.mesh(&discovered.name) {
        None => {
            agent.check_leads()?;
            create_if_absent(&api, &mesh(agent, &discovered)).await?;
            tracing::info!(mesh = discovered.name, "control plane found");
        }
        Some(found) if !names::is_ours(&found.metadata) => {}
        Some(found) => {
            let mut next = found.as_ref().clone();
            next.spec.clone_from(&discovered.spec);
            annotate(&mut next.metadata, &discovered);
            if next == *found {
                return Ok(());
            }
            agent.check_leads()?;
            replace(&api, &next).await?;
            tracing::info!(mesh = discovered.name, "control plane changed");
        }
    }
    Ok(())
}

fn mesh(agent: &Agent, discovered: &Discovered) -> Mesh {
    let mut mesh = Mesh::new(&discovered.name, discovered.spec.clone());
    let mut labels = names::labels();
    labels.insert(names::CLUSTER_LABEL.to_owned(), agent.cluster.clone());
    mesh.metadata = ObjectMeta {
        name: Some(discovered.name.clone()),
        namespace: Some(agent.namespace.clone()),
        labels: Some(labels),
        annotations: Some(discovered.annotations.clone()).filter(|all| !all.is_empty()),
        ..ObjectMeta::default()
    };
    annotate(&mut mesh.metadata, discovered);
    mesh
}

/// Says whether the mesh has a CA of its own; as it was where that could not be read.
fn annotate(metadata: &mut ObjectMeta, discovered: &Discovered) {
    let own = match &discovered.own_authority {
        Ok(own) => own.as_ref().and_then(|own| serde_json::to_string(own).ok()),
        Err(error) => {
            tracing::debug!(mesh = discovered.name, %error, "its CA was not read");
            return;
        }
    };
    let name = names::OWN_AUTHORITY_ANNOTATION;
    match own {
        Some(own) => {
            metadata.annotations.get_or_insert_default().insert(name.to_owned(), own);
        }
        None => {
            if let Some(annotations) = &mut metadata.annotations {
                annotations.remove(name);
            }
        }
    }
}
