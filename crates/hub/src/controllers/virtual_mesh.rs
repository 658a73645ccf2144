//! Virtual meshes: a policy where there is none, and how far all members are.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta, Time};
use kube::Api;
use meshroot_api::names::{self, RequestName};
use meshroot_api::networking::VirtualMeshStatus;
use meshroot_api::policy::{TrustPolicySpec, TrustPolicyStatus};
use meshroot_api::shared::{ResourceRef, State, Status};
use meshroot_api::trust::Pickup;
use meshroot_api::{Reason, TrustPolicy, VirtualMesh};
use meshroot_ca::Issuer;
use meshroot_core::membership::{self, Key};
use meshroot_core::progress::{self, Member, Progress};
use meshroot_core::{Notice, Refusal, identity};
use meshroot_runtime::kube::write::{create_if_absent, replace_status};
use meshroot_runtime::process::clock;
use meshroot_runtime::process::queue::Outcome;

use crate::authority::root_status;
use crate::error::HubError;
use crate::hub::Hub;
use crate::ledger::wire_time;

/// How often a virtual mesh is looked at without any change: a root Secret may have been taken away.
const AGAIN: Duration = Duration::from_mins(1);

/// Brings the status of one virtual mesh, and of its policy, up to date.
pub(crate) async fn reconcile(hub: Arc<Hub>, key: Key) -> Result<Outcome, HubError> {
    let Some(virtual_mesh) = hub.virtual_mesh(&key) else {
        hub.authority.forget(&key);
        return Ok(Outcome::Done);
    };
    if virtual_mesh.metadata.deletion_timestamp.is_some() {
        return Ok(Outcome::Done);
    }
    let policy = match hub.policy(&key) {
        Ok(Some(policy)) => policy,
        Ok(None) if had_policy(&hub, &virtual_mesh) => {
            return report(&hub, &virtual_mesh, None, &Findings::refused(policy_gone(&key))).await;
        }
        Ok(None) => return make_policy(&hub, &key).await,
        Err(refusal) => {
            return report(&hub, &virtual_mesh, None, &Findings::refused(refusal)).await;
        }
    };
    let membership = hub.membership();
    let findings =
        match membership::validate(&virtual_mesh, &membership, |mesh| hub.mesh(mesh).is_some()) {
            Err(refusal) => Findings::refused(refusal),
            Ok(()) => gather(&hub, &virtual_mesh, &policy).await,
        };
    report(&hub, &virtual_mesh, Some(&policy), &findings).await
}

/// What there is to say of a virtual mesh.
struct Findings {
    config: Notice,
    certificates: Notice,
    progress: Option<Progress>,
    issuer: Option<Arc<Issuer>>,
}

impl Findings {
    fn refused(refusal: Refusal) -> Self {
        let notice = Notice::from(refusal);
        Self { config: notice.clone(), certificates: notice, progress: None, issuer: None }
    }
}

async fn gather(hub: &Hub, virtual_mesh: &VirtualMesh, policy: &TrustPolicy) -> Findings {
    let valid = Notice::new(Reason::Valid, "the specification was accepted");
    let issuer = match hub.issuer(virtual_mesh, policy).await {
        Ok(issuer) => issuer,
        Err(refusal) => {
            return Findings {
                config: valid,
                certificates: refusal.into(),
                progress: None,
                issuer: None,
            };
        }
    };
    issuer_changed(hub, virtual_mesh, &issuer);
    let virtual_mesh_name = Key::of(virtual_mesh).name;
    let members: Vec<Member> = membership::members(virtual_mesh)
        .map(|mesh| member(hub, &mesh, &virtual_mesh_name))
        .collect();
    let progress = progress::sum(&members);
    hub.metrics.members(&Key::of(virtual_mesh).to_string(), &progress);
    Findings {
        config: valid,
        certificates: progress.summary.clone(),
        progress: Some(progress),
        issuer: Some(issuer),
    }
}

/// A signing certificate that was replaced in its Secret makes every member's certificate one to renew.
fn issuer_changed(hub: &Hub, virtual_mesh: &VirtualMesh, issuer: &Issuer) {
    let fingerprint = issuer.certificate().fingerprint();
    let version =
        fingerprint.as_bytes().first_chunk().map_or(0, |first| i64::from_be_bytes(*first));
    if hub.generations.changed("Issuer", &Key::of(virtual_mesh), Some(version)) {
        membership::members(virtual_mesh).for_each(|mesh| hub.member_queue.add(mesh));
    }
}

fn member(hub: &Hub, mesh: &Key, virtual_mesh: &str) -> Member {
    let blank =
        |trouble| Member { mesh: mesh.clone(), issued: false, pickup: Pickup::Unknown, trouble };
    if let Some(Err(refusal)) = hub.mesh(mesh).map(|object| identity::cert_config(&object)) {
        return blank(Some(refusal.into()));
    }
    let Some(trust) = hub.trust(mesh) else { return blank(None) };
    // A mesh that has just come from another virtual mesh still has that one's request here.
    let current = RequestName::parse(&trust.spec.request)
        .filter(|name| name.virtual_mesh == virtual_mesh)
        .unwrap_or_else(|| RequestName::first(&mesh.name, virtual_mesh));
    let next = hub.request(&mesh.namespace, &current.next().to_string());
    let request = hub.request(&mesh.namespace, &current.to_string());
    let status = trust.status.clone().unwrap_or_default();
    let in_use = status.installed.as_deref() == Some(current.to_string().as_str());
    let issued = request.as_ref().is_some_and(|request| request.is_answered()) || in_use;
    let undecided = next.or(request).filter(|request| !request.is_answered());
    let trouble = undecided
        .and_then(|request| trouble(&request.status_or_default().computed_status))
        .or_else(|| issued.then(|| pickup_trouble(&status)).flatten());
    let pickup = if in_use { status.pickup } else { Pickup::Unknown };
    Member { mesh: mesh.clone(), issued, pickup, trouble }
}

/// What a request's status says, unless it is on its ordinary way.
fn trouble(status: &Status) -> Option<Notice> {
    let (reason, sentence) = Reason::split(&status.message)?;
    (!matches!(reason, Reason::WaitingForAgent | Reason::Issued))
        .then(|| Notice::new(reason, brief(sentence)))
}

fn pickup_trouble(status: &meshroot_api::trust::MeshTrustStatus) -> Option<Notice> {
    let (reason, sentence) = Reason::split(&status.message)?;
    // An agent is believed when it reports trouble of its own mesh, never that all is well with the others.
    let ordinary = matches!(reason, Reason::Installed | Reason::Requested)
        || reason.state() == State::Accepted;
    (!ordinary).then(|| Notice::new(reason, brief(sentence)))
}

/// One member's text goes into the status of all: it may not crowd the others out.
fn brief(sentence: &str) -> &str {
    &sentence[..sentence.floor_char_boundary(1024)]
}

/// A virtual mesh that was worked on had a policy, by default or by hand. Making a default one in the place of one that
/// is gone could approve what was waiting for a person.
fn had_policy(hub: &Hub, virtual_mesh: &VirtualMesh) -> bool {
    virtual_mesh.status.is_some() || hub.has_issued(&Key::of(virtual_mesh))
}

fn policy_gone(key: &Key) -> Refusal {
    let message = format!(
        "the TrustPolicy of VirtualMesh {key} is gone and with it who approves; create it again (spec.virtualMeshRef: \
         {{name: {}, namespace: {}}}): nothing is signed before",
        key.name, key.namespace
    );
    Refusal::new(Reason::PolicyMissing, message)
}

async fn make_policy(hub: &Hub, key: &Key) -> Result<Outcome, HubError> {
    hub.fence()?;
    let spec = TrustPolicySpec {
        virtual_mesh_ref: ResourceRef::new(&key.name, &key.namespace),
        ..Default::default()
    };
    let mut policy = TrustPolicy::new(&key.name, spec);
    policy.metadata = ObjectMeta {
        name: Some(key.name.clone()),
        namespace: Some(key.namespace.clone()),
        labels: Some(names::labels()),
        ..ObjectMeta::default()
    };
    create_if_absent(&Api::namespaced(hub.client.clone(), &key.namespace), &policy).await?;
    // The watch brings the policy and with it the virtual mesh again.
    Ok(Outcome::RequeueAfter(Duration::from_secs(5)))
}

async fn report(
    hub: &Hub,
    virtual_mesh: &VirtualMesh,
    policy: Option<&TrustPolicy>,
    findings: &Findings,
) -> Result<Outcome, HubError> {
    if let Some(policy) = policy {
        write_policy_status(hub, policy, findings).await?;
    }
    write_virtual_mesh_status(hub, virtual_mesh, findings).await?;
    Ok(Outcome::RequeueAfter(AGAIN))
}

async fn write_virtual_mesh_status(
    hub: &Hub,
    virtual_mesh: &VirtualMesh,
    findings: &Findings,
) -> Result<(), HubError> {
    let not_ours = |what| {
        Status::new(State::Accepted, format!("{what} is not acted upon: Meshroot does trust"))
    };
    let status = VirtualMeshStatus {
        federation_status: not_ours("federation"),
        certificate_status: findings.certificates.status(),
        config_status: findings.config.status(),
        access_control_enforcement_status: not_ours("access control"),
    };
    let before = virtual_mesh.status.clone().unwrap_or_default();
    if before == status {
        return Ok(());
    }
    hub.fence()?;
    let mut next = virtual_mesh.clone();
    next.status = Some(status);
    replace_status(&api(hub, virtual_mesh), &next).await?;
    if Reason::split(&before.certificate_status.message).map(|(reason, _)| reason)
        != Some(findings.certificates.reason)
    {
        hub.report(virtual_mesh, &findings.certificates, "Reconcile").await;
    }
    Ok(())
}

async fn write_policy_status(
    hub: &Hub,
    policy: &TrustPolicy,
    findings: &Findings,
) -> Result<(), HubError> {
    let before = policy.status.clone().unwrap_or_default();
    let now = clock::now();
    let ready = findings.certificates.reason == Reason::Ready;
    let waiting_for = if ready { String::new() } else { findings.certificates.to_string() };
    let progress = findings.progress.as_ref();
    let mut status = TrustPolicyStatus {
        // What members trust stays written down while the Secret cannot be read.
        roots: findings
            .issuer
            .as_ref()
            .map_or_else(|| before.roots.clone(), |issuer| root_status(issuer)),
        waiting_since: if before.waiting_for == waiting_for {
            before.waiting_since.clone()
        } else {
            Some(wire_time(now))
        },
        waiting_for,
        members: progress.map_or(before.members, |progress| progress.members),
        issued: progress.map_or(before.issued, |progress| progress.issued),
        loaded: progress.map_or(before.loaded, |progress| progress.loaded),
        conditions: vec![condition(policy, &before, &findings.certificates, ready, now)],
    };
    if ready {
        status.waiting_since = None;
    }
    if status == before {
        return Ok(());
    }
    hub.fence()?;
    let mut next = policy.clone();
    next.status = Some(status);
    replace_status(&api(hub, policy), &next).await?;
    Ok(())
}

fn condition(
    policy: &TrustPolicy,
    before: &TrustPolicyStatus,
    said: &Notice,
    ready: bool,
    now: Timestamp,
) -> Condition {
    let status = if ready { "True" } else { "False" };
    let since = before.conditions.iter().find(|one| one.type_ == "Ready" && one.status == status);
    Condition {
        type_: "Ready".to_owned(),
        status: status.to_owned(),
        reason: said.reason.word().to_owned(),
        message: said.message.clone(),
        observed_generation: policy.metadata.generation,
        last_transition_time: since
            .map_or_else(|| wire_time(now), |one| Time(one.last_transition_time.0)),
    }
}

fn api<K>(hub: &Hub, object: &K) -> Api<K>
where
    K: kube::Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>,
{
    Api::namespaced(hub.client.clone(), object.meta().namespace.as_deref().unwrap_or_default())
}
