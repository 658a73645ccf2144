//! One mesh: install what verifies, see that it is loaded, renew before it ends, then forget the old.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use meshroot_api::names::RequestName;
use meshroot_api::policy::Restart;
use meshroot_api::security::ApprovalStatus;
use meshroot_api::trust::{Pickup, Witness};
use meshroot_api::{Mesh, MeshTrust, Reason, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::pickup::{self, Written};
use meshroot_core::{Refusal, identity, lint, renewal};
use meshroot_pki::{Certificate, parse_bundle};
use meshroot_runtime::process::queue::Outcome;
use meshroot_runtime::process::{clock, crash};

use super::renew;
use super::status::{self, Report};
use crate::agent::Agent;
use crate::error::AgentError;
use crate::meshes::Bundle;
use crate::meshes::istio::{Found, Installed, Istio, Place};

/// How often a control plane is asked that has not shown the new certificate yet.
const ASK_SOON: Duration = Duration::from_secs(2);
/// How often, once it has not for minutes.
const ASK_LATER: Duration = Duration::from_secs(30);
/// How often one is asked that has: files and control planes change behind our back.
const ASK_AGAIN: Duration = Duration::from_mins(1);

/// Brings one mesh as far as it can go.
pub(crate) async fn reconcile(agent: Arc<Agent>, name: String) -> Result<Outcome, AgentError> {
    let (Some(trust), Some(mesh)) = (agent.trust(&name), agent.mesh(&name)) else {
        return Ok(Outcome::Done);
    };
    let Some(place) = Istio::place(&mesh) else { return Ok(Outcome::Done) };
    let now = clock::now();
    match bring_forward(&agent, &trust, &mesh, &place, now).await {
        Ok(outcome) => Ok(outcome),
        Err(AgentError::Refused(refusal)) => {
            let report = Report::refused(&refusal, &trust);
            status::write(&agent, &trust, &place, report, now).await?;
            Ok(Outcome::RequeueAfter(ASK_LATER))
        }
        Err(error) => Err(error),
    }
}

async fn bring_forward(
    agent: &Agent,
    trust: &MeshTrust,
    mesh: &Mesh,
    place: &Place,
    now: Timestamp,
) -> Result<Outcome, AgentError> {
    let wanted = parse_name(&trust.spec.request)?;
    let roots = anchors(trust)?;
    let mut found = agent.istio.find(place).await?;
    let request = agent.request(&wanted);
    let answered = request.as_ref().filter(|request| request.is_answered());
    if let Some(request) = answered.filter(|_| !is_settled(&found, &wanted, &roots)) {
        let bundle = verify(agent, &wanted, request, mesh, roots.clone(), now).await?;
        agent.check_leads()?;
        if agent.istio.install(place, found, &bundle, trust.spec.adopt, now).await? {
            crash::point("agent-after-cacerts");
            agent.metrics.installed();
            let end = bundle.chain.first().map(|certificate| certificate.not_after().to_string());
            tracing::info!(
                mesh = place.mesh,
                request = bundle.request,
                not_after = end,
                "{}",
                Reason::Installed
            );
        }
        found = agent.istio.find(place).await?;
    }
    match found {
        Found::Ours(installed) => follow_up(agent, trust, place, &installed, &roots, now).await,
        Found::Nothing | Found::Foreign(_) => {
            waiting(agent, trust, place, &wanted, request.as_deref(), now).await
        }
    }
}

/// True where `cacerts` holds what it should, untouched: the key Secret need not be read again.
fn is_settled(found: &Found, wanted: &RequestName, roots: &[Certificate]) -> bool {
    let Found::Ours(installed) = found else { return false };
    installed.intact
        && installed.request == wanted.to_string()
        && installed.anchors.iter().eq(roots
            .iter()
            .map(Certificate::fingerprint)
            .collect::<Vec<_>>()
            .iter())
}

/// Nothing is installed yet: says what is waited for, and a denial in particular.
async fn waiting(
    agent: &Agent,
    trust: &MeshTrust,
    place: &Place,
    wanted: &RequestName,
    request: Option<&Request>,
    now: Timestamp,
) -> Result<Outcome, AgentError> {
    // A request that is on its ordinary way says so itself, and brings this mesh up again when it is answered.
    let refusal = request.map(|request| unanswered(wanted, request));
    let refusal = refusal
        .filter(|refusal| !matches!(refusal.reason, Reason::Requested | Reason::WaitingForAgent));
    let Some(refusal) = refusal else { return Ok(Outcome::Done) };
    status::write(agent, trust, place, Report::refused(&refusal, trust), now).await?;
    Ok(Outcome::Done)
}

fn unanswered(name: &RequestName, request: &Request) -> Refusal {
    let status = request.status_or_default();
    if status.third_party_approval.approval_status == ApprovalStatus::Denied {
        let why = status.third_party_approval.message;
        return Refusal::new(
            Reason::Denied,
            format!(
                "request {name} was denied: {why}; it will not be asked for again until somebody runs `meshroot renew`"
            ),
        );
    }
    match Reason::split(&status.computed_status.message) {
        Some((reason, sentence)) => Refusal::new(reason, format!("request {name}: {sentence}")),
        None => Refusal::new(Reason::Requested, format!("request {name} waits for the hub")),
    }
}

/// Something of ours is installed: is it in use, is it time for the next, can the old be forgotten?
async fn follow_up(
    agent: &Agent,
    trust: &MeshTrust,
    place: &Place,
    installed: &Installed,
    roots: &[Certificate],
    now: Timestamp,
) -> Result<Outcome, AgentError> {
    let Some(intermediate) = installed.intermediate.clone() else {
        let message = format!(
            "somebody changed Secret {}/cacerts so that it cannot be read, and the request that it answered is gone; run `meshroot renew`",
            place.namespace
        );
        return Err(Refusal::new(Reason::ForeignSecret, message).into());
    };
    let name = parse_name(&installed.request)?;
    let written = Written {
        intermediate: intermediate.clone(),
        anchors: installed.anchors.clone(),
        at: installed.written,
    };
    let seen = agent.istio.observe(place, roots, now).await;
    let (state, witness) = pickup::judge(&written, &seen, now);
    agent.metrics.in_use(&place.mesh, intermediate.not_after().as_second(), state);
    let due = renewal::due(&intermediate, &place.mesh, trust.spec.renew_at);
    // Before the status: what stands in the way of a renewal is said in the same write, not in a second one that the
    // next look takes back.
    let refused =
        if due <= now { refusal_of(renew::begin(agent, trust, &name).await)? } else { None };
    let trouble = refused.or_else(|| next_trouble(agent, &name));
    let report = Report::seen(
        &name,
        &written,
        &seen,
        state,
        witness,
        &explain(place, &name, state, trust, trouble.as_ref()),
    );
    status::write(agent, trust, place, report, now).await?;
    act_on(agent, trust, place, &name, state, witness, now).await?;
    Ok(Outcome::RequeueAfter(next_look(state, installed.written, due, now)))
}

/// A refusal is for people to read; every other failure is tried again.
fn refusal_of(outcome: Result<(), AgentError>) -> Result<Option<Refusal>, AgentError> {
    match outcome {
        Ok(()) => Ok(None),
        Err(AgentError::Refused(refusal)) => Ok(Some(refusal)),
        Err(error) => Err(error),
    }
}

async fn act_on(
    agent: &Agent,
    trust: &MeshTrust,
    place: &Place,
    name: &RequestName,
    state: Pickup,
    witness: Option<Witness>,
    now: Timestamp,
) -> Result<(), AgentError> {
    match state {
        Pickup::Confirmed => renew::forget_superseded(agent, trust, name).await,
        Pickup::RestartNeeded if trust.spec.restart == Restart::Automatic && witness.is_some() => {
            agent.check_leads()?;
            if agent.istio.restart(place, &name.to_string(), now).await? {
                tracing::info!(mesh = place.mesh, request = %name, "control plane restarted");
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn explain(
    place: &Place,
    name: &RequestName,
    state: Pickup,
    trust: &MeshTrust,
    trouble: Option<&Refusal>,
) -> Refusal {
    if let Some(trouble) = trouble {
        return trouble.clone();
    }
    match state {
        Pickup::Confirmed => Refusal::new(
            Reason::Loaded,
            format!("{} uses the certificate of {name}", place.deployment),
        ),
        Pickup::RestartNeeded if trust.spec.restart == Restart::Automatic => Refusal::new(
            Reason::RestartNeeded,
            format!("{} loads this only at its start and is being restarted", place.deployment),
        ),
        Pickup::RestartNeeded => Refusal::new(
            Reason::RestartNeeded,
            format!(
                "{} loads this only at its start; run: {}",
                place.deployment,
                place.restart_command()
            ),
        ),
        Pickup::Waiting => Refusal::new(
            Reason::Installed,
            format!(
                "the certificate of {name} is written; {} was not seen to use it yet",
                place.deployment
            ),
        ),
        Pickup::Unknown => Refusal::new(
            Reason::Installed,
            format!(
                "the certificate of {name} is written; {} cannot be asked from here",
                place.deployment
            ),
        ),
    }
}

/// What keeps the renewal of the certificate in use from being issued, if a person has to know.
fn next_trouble(agent: &Agent, in_use: &RequestName) -> Option<Refusal> {
    let next = in_use.next();
    let request = agent.request(&next).filter(|request| !request.is_answered())?;
    let refusal = unanswered(&next, &request);
    (!matches!(refusal.reason, Reason::Requested | Reason::WaitingForAgent)).then_some(refusal)
}

/// Often at first, ever less often the longer nothing is to be seen, and in time for the renewal.
fn next_look(state: Pickup, written: Timestamp, due: Timestamp, now: Timestamp) -> Duration {
    let until_due = Duration::try_from(due.duration_since(now)).unwrap_or(ASK_SOON).max(ASK_SOON);
    if state == Pickup::Confirmed {
        return ASK_AGAIN.min(until_due);
    }
    let waited = Duration::try_from(now.duration_since(written)).unwrap_or(ASK_SOON);
    (waited / 4).clamp(ASK_SOON, ASK_LATER).min(until_due)
}

/// The response, checked against what this cluster asked for: own key, path to the anchors, identity, linter.
async fn verify(
    agent: &Agent,
    name: &RequestName,
    request: &Request,
    mesh: &Mesh,
    roots: Vec<Certificate>,
    now: Timestamp,
) -> Result<Bundle, AgentError> {
    let refuse = |reason, what: String| {
        Refusal::new(reason, format!("request {name}, status.response.caCertificate: {what}"))
    };
    let response = request.status_or_default().response;
    let chain = parse_bundle(&response.ca_certificate.0)
        .map_err(|error| refuse(Reason::ResponseInvalid, error.to_string()))?;
    let Some(kept) = agent.keys.find(name).await? else {
        return Err(refuse(
            Reason::ResponseInvalid,
            "there is no key for it in this cluster; run `meshroot renew`".into(),
        )
        .into());
    };
    let intermediate =
        chain.first().ok_or_else(|| refuse(Reason::ResponseInvalid, "is empty".into()))?;
    if intermediate.public_key() != kept.private_key.public_key() {
        return Err(
            refuse(Reason::ResponseInvalid, "the certificate is for another key".into()).into()
        );
    }
    check_identity(intermediate, mesh, &request.spec.cert_config.hosts)
        .map_err(|what| refuse(Reason::ResponseInvalid, what))?;
    if let Some(finding) = lint::istio(&chain, &roots, now).first() {
        return Err(
            refuse(Reason::LintRefused, format!("{} ({})", finding.message, finding.rule)).into()
        );
    }
    Ok(Bundle { request: name.to_string(), chain, roots, key: kept.private_key })
}

fn check_identity(intermediate: &Certificate, mesh: &Mesh, asked: &[String]) -> Result<(), String> {
    let mut names: Vec<String> = intermediate.hosts().iter().map(ToString::to_string).collect();
    let mut asked: Vec<String> = asked.to_vec();
    names.sort();
    asked.sort();
    asked.dedup();
    if names != asked {
        return Err(format!(
            "the certificate is named [{}], asked was [{}]",
            names.join(", "),
            asked.join(", ")
        ));
    }
    let own = identity::of(&mesh.spec).unwrap_or_default();
    if !own.is_empty() && !names.contains(&own) {
        return Err(format!("the certificate is not named {own}, the mesh's identity"));
    }
    Ok(())
}

fn anchors(trust: &MeshTrust) -> Result<Vec<Certificate>, Refusal> {
    parse_bundle(trust.spec.trust_anchors.as_bytes()).map_err(|error| {
        Refusal::new(Reason::ResponseInvalid, format!("MeshTrust spec.trustAnchors: {error}"))
    })
}

fn parse_name(name: &str) -> Result<RequestName, Refusal> {
    RequestName::parse(name).ok_or_else(|| {
        Refusal::new(Reason::ResponseInvalid, format!("{name:?} is no name of a request"))
    })
}
