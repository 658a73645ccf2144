//! One mesh: gathers what is known of it, lets `meshroot_core::mesh` plan, and applies the plan.

mod apply;
mod gather;

use std::sync::Arc;

use jiff::Timestamp;
use meshroot_core::mesh::{self, Plan};
use meshroot_runtime::process::clock;
use meshroot_runtime::process::queue::Outcome;

use crate::agent::Agent;
use crate::error::AgentError;
use gather::Gathered;

/// Brings one mesh as far as it can go: what verifies is installed, seen in use, renewed in time; then the old is
/// forgotten.
pub(crate) async fn reconcile(agent: Arc<Agent>, name: String) -> Result<Outcome, AgentError> {
    let Some(mut gathered) = Gathered::begin(&agent, &name) else {
        if agent.mesh(&name).is_none() {
            agent.metrics.forget(&name);
        }
        return Ok(Outcome::Done);
    };
    let now = clock::now();
    match proceed(&agent, &mut gathered, now).await {
        // For people to read; every other failure is tried again.
        Err(AgentError::Refused(refusal)) => {
            let said = mesh::refused(refusal, &gathered.trust);
            apply::actions(&agent, &gathered, said, now).await
        }
        outcome => outcome,
    }
}

/// Plans, and finds out what the plan turns on, until there is one that can be carried out.
async fn proceed(
    agent: &Agent,
    gathered: &mut Gathered<'_>,
    now: Timestamp,
) -> Result<Outcome, AgentError> {
    gathered.find(now).await?;
    loop {
        match mesh::plan(&gathered.view(), now) {
            Plan::Look(fact) => {
                if !gathered.look(agent, fact, now).await? {
                    return Ok(Outcome::Done);
                }
            }
            Plan::Install(delivery) => {
                apply::install(agent, gathered, *delivery, now).await?;
                gathered.find(now).await?;
            }
            Plan::Do(actions) => return apply::actions(agent, gathered, actions, now).await,
        }
    }
}
