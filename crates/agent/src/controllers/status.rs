//! MeshTrust.status: what was seen, written only when it changed.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::Api;
use meshroot_api::names::RequestName;
use meshroot_api::trust::{Loaded, MeshTrustStatus, Pickup, Witness};
use meshroot_api::{MeshTrust, Reason};
use meshroot_core::Refusal;
use meshroot_core::pickup::{Seen, Written};
use meshroot_runtime::kube::write::replace_status;

use crate::agent::Agent;
use crate::error::AgentError;
use crate::meshes::istio::Place;

/// What there is to say of one mesh.
pub(crate) struct Report {
    pickup: Pickup,
    witness: Option<Witness>,
    said: Refusal,
    installed: Option<String>,
    loaded: Option<Loaded>,
}

impl Report {
    /// Nothing new could be installed; what is installed and loaded stays as it was.
    pub(crate) fn refused(refusal: &Refusal, trust: &MeshTrust) -> Self {
        let before = trust.status.clone().unwrap_or_default();
        Self {
            pickup: before.pickup,
            witness: before.witness,
            said: refusal.clone(),
            installed: before.installed,
            loaded: before.loaded,
        }
    }

    /// Something is installed, and this was seen of it.
    pub(crate) fn seen(
        name: &RequestName,
        written: &Written,
        seen: &Seen,
        pickup: Pickup,
        witness: Option<Witness>,
        said: &Refusal,
    ) -> Self {
        let loaded = (pickup == Pickup::Confirmed).then(|| Loaded {
            request: name.to_string(),
            fingerprint: written.intermediate.fingerprint().to_string(),
            serial: written.intermediate.serial().to_string(),
            roots: written.anchors.iter().map(ToString::to_string).collect(),
            not_before: Some(Time(written.intermediate.not_before())),
            not_after: Some(Time(written.intermediate.not_after())),
            leaf_lifetime_seconds: leaf_lifetime(seen),
        });
        Self { pickup, witness, said: said.clone(), installed: Some(name.to_string()), loaded }
    }
}

/// Writes the status if it says something new, and publishes an event if the reason is a new one.
pub(crate) async fn write(
    agent: &Agent,
    trust: &MeshTrust,
    place: &Place,
    report: Report,
    now: Timestamp,
) -> Result<(), AgentError> {
    let before = trust.status.clone().unwrap_or_default();
    let said = report.said.clone();
    let status = next(trust, &before, report, now);
    if status == before {
        return Ok(());
    }
    agent.check_leads()?;
    let mut object = trust.clone();
    object.status = Some(status);
    replace_status(&Api::<MeshTrust>::namespaced(agent.hub.clone(), &agent.namespace), &object)
        .await?;
    if Reason::split(&before.message).map(|(reason, _)| reason) != Some(said.reason) {
        tracing::info!(mesh = place.mesh, message = said.message, "{}", said.reason);
        if !matches!(said.reason, Reason::Requested | Reason::Installed | Reason::WaitingForAgent) {
            agent.report(trust, Some(place.reference()), &said, "Load").await;
        }
    }
    Ok(())
}

fn next(
    trust: &MeshTrust,
    before: &MeshTrustStatus,
    report: Report,
    now: Timestamp,
) -> MeshTrustStatus {
    let seconds = Time(Timestamp::from_second(now.as_second()).unwrap_or(now));
    let same = before.pickup == report.pickup && before.installed == report.installed;
    MeshTrustStatus {
        pickup: report.pickup,
        witness: report.witness,
        message: brief(report.said.to_string()),
        since: if same && before.since.is_some() {
            before.since.clone()
        } else {
            Some(seconds.clone())
        },
        conditions: vec![condition(trust, before, &report, seconds)],
        installed: report.installed,
        // What was loaded before stays known until something else is seen.
        loaded: report.loaded.or_else(|| before.loaded.clone()),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// The API takes messages of up to 4096 characters.
fn brief(mut message: String) -> String {
    message.truncate(message.floor_char_boundary(4096));
    message
}

fn condition(trust: &MeshTrust, before: &MeshTrustStatus, report: &Report, now: Time) -> Condition {
    let status = match report.pickup {
        Pickup::Confirmed if report.installed.as_deref() == Some(trust.spec.request.as_str()) => {
            "True"
        }
        Pickup::Unknown => "Unknown",
        _ => "False",
    };
    let since = before.conditions.iter().find(|one| one.type_ == "Loaded" && one.status == status);
    Condition {
        type_: "Loaded".to_owned(),
        status: status.to_owned(),
        reason: report.said.reason.word().to_owned(),
        message: report.said.message.clone(),
        observed_generation: trust.metadata.generation,
        last_transition_time: since.map_or(now, |one| one.last_transition_time.clone()),
    }
}

fn leaf_lifetime(seen: &Seen) -> Option<i64> {
    let leaf = seen.workload_chain.as_ref()?.first()?;
    Some(leaf.not_after().duration_since(leaf.not_before()).as_secs())
}
