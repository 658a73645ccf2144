//! What a plan says, done: one write a step.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use meshroot_api::{MeshTrust, Reason};
use meshroot_core::mesh::{self, Actions, Delivery, Found, Report, Step};
use meshroot_pki::Certificate;
use meshroot_runtime::kube::write::{FIELD_MANAGER, replace_status};
use meshroot_runtime::process::queue::Outcome;
use meshroot_runtime::process::{clock, crash};

use super::gather::Gathered;
use crate::agent::Agent;
use crate::controllers::renew;
use crate::error::AgentError;
use crate::meshes::Bundle;

/// Writes a certificate for the control plane.
pub(super) async fn install(
    agent: &Agent,
    gathered: &mut Gathered<'_>,
    delivery: Delivery,
    now: Timestamp,
) -> Result<(), AgentError> {
    gathered.facts.delivered = true;
    // What was seen was seen of something else.
    gathered.facts.seen = None;
    let key = match &delivery.request {
        Some(request) if !delivery.keeps => match gathered.take_key(request) {
            Some(key) => Some(key),
            // It is there: the plan turned on it.
            None => return Ok(()),
        },
        _ => None,
    };
    let bundle = Bundle { delivery, key };
    agent.check_leads()?;
    let (place, holding) = (&gathered.place, &gathered.holding);
    if gathered.adapter.install(place, holding, &bundle, now).await? {
        crash::point("agent-after-cacerts");
        agent.metrics.installed();
        let Delivery { request, chain, keeps, .. } = &bundle.delivery;
        let not_after = chain.first().map(Certificate::not_after).map(|end| end.to_string());
        let request = request.as_ref().map(ToString::to_string);
        tracing::info!(mesh = place.mesh, request, not_after, keeps, "{}", Reason::Installed);
        if matches!(&holding.found, Found::Ours(installed) if !installed.intact) {
            let by = holding.secret.as_ref().and_then(changed_by);
            let said = mesh::put_back(place, by.as_deref());
            tracing::warn!(mesh = place.mesh, message = said.message, "{}", said.reason);
            agent.report(&gathered.trust, place.reference(), &said, "Install").await;
            gathered.put_back = Some(said);
        }
    }
    Ok(())
}

/// Who changed it last, but for this agent: by the name that a client gives itself.
fn changed_by(secret: &Secret) -> Option<String> {
    let entries = secret.metadata.managed_fields.as_ref()?.iter();
    let others = entries.filter(|entry| entry.manager.as_deref() != Some(FIELD_MANAGER));
    let last = others.max_by_key(|entry| entry.time.as_ref().map(|time| time.0))?;
    last.manager.clone()
}

/// Does the steps in their order.
pub(super) async fn actions(
    agent: &Agent,
    gathered: &Gathered<'_>,
    actions: Actions,
    now: Timestamp,
) -> Result<Outcome, AgentError> {
    for step in actions.steps {
        take(agent, gathered, step, now).await?;
    }
    Ok(actions.again.map_or(Outcome::Done, Outcome::RequeueAfter))
}

async fn take(
    agent: &Agent,
    gathered: &Gathered<'_>,
    step: Step,
    now: Timestamp,
) -> Result<(), AgentError> {
    let place = &gathered.place;
    match step {
        Step::Renew { name, in_use, spec } => {
            renew::ask(agent, &gathered.trust, &name, &in_use, *spec).await?;
        }
        Step::Measure { not_after, late, pickup } => {
            agent.metrics.in_use(&place.mesh, not_after, late, pickup);
        }
        Step::Report(said) => report(agent, gathered, &said, now).await?,
        Step::NoteLoaded(is_loaded) => {
            agent.check_leads()?;
            // It was seen a moment ago, not when this turn began.
            let since = is_loaded.then(clock::now);
            gathered.adapter.note_loaded(place, &gathered.holding, since).await?;
        }
        Step::Restart(cause) => {
            agent.check_leads()?;
            if gathered.adapter.restart(place, &cause, now).await? {
                tracing::info!(mesh = place.mesh, cause, "control plane restarted");
            }
        }
        Step::Forget { requests, keys } => renew::forget(agent, &requests, &keys).await?,
    }
    Ok(())
}

/// Writes the status if it says something new, and publishes an event if the reason is a new one.
async fn report(
    agent: &Agent,
    gathered: &Gathered<'_>,
    report: &Report,
    now: Timestamp,
) -> Result<(), AgentError> {
    let trust = gathered.trust.as_ref();
    let (version, put_back) = (env!("CARGO_PKG_VERSION"), gathered.put_back.as_ref());
    let Some(status) = report.status(trust, version, put_back, now) else { return Ok(()) };
    agent.check_leads()?;
    let api: Api<MeshTrust> = Api::namespaced(agent.hub.clone(), &agent.namespace);
    let object = MeshTrust { status: Some(status), ..trust.clone() };
    replace_status(&api, &object).await?;
    if report.is_new(trust) {
        let said = &report.said;
        tracing::info!(mesh = gathered.place.mesh, message = said.message, "{}", said.reason);
        if report.is_noteworthy() {
            agent.report(trust, gathered.place.reference(), said, "Load").await;
        }
    }
    Ok(())
}
