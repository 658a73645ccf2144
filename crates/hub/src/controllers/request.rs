//! Requests: checked, decided, recorded, signed, answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::Api;
use meshroot_api::record::{Decision as Recorded, IssuanceRecordSpec, Verdict};
use meshroot_api::security::{
    ApprovalStatus, Response, VirtualMeshCertificateSigningRequestStatus as RequestStatus,
};
use meshroot_api::shared::Status;
use meshroot_api::{
    Bytes, Mesh, Reason, TrustPolicy, VirtualMesh, VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_ca::{
    Issued, Issuer, Order, PrepareError, Prepared, Profile, ProfileSpec,
    Recorded as RecordedCertificate,
};
use meshroot_core::issuance::{self, Checked, Decision, Snapshot};
use meshroot_core::membership::Key;
use meshroot_core::{Notice, Refusal, identity};
use meshroot_pki::{CertificateRequest, Host, to_bundle};
use meshroot_runtime::kube::write::replace_status;
use meshroot_runtime::process::queue::Outcome;
use meshroot_runtime::process::{clock, crash};

use crate::answered::ARRIVES;
use crate::error::HubError;
use crate::hub::Hub;
use crate::ledger::{Entry, facts, wire_time};

/// Brings one request as far as it can go.
pub(crate) async fn reconcile(hub: Arc<Hub>, key: Key) -> Result<Outcome, HubError> {
    let request = hub.request(&key.namespace, &key.name).filter(|request| !request.is_answered());
    let Some(request) = request else {
        hub.answered.forget(&key);
        return Ok(Outcome::Done);
    };
    let uid = request.metadata.uid.as_deref().unwrap_or_default();
    if request.metadata.deletion_timestamp.is_some() {
        return Ok(Outcome::Done);
    }
    if hub.answered.contains(&key, uid, Instant::now()) {
        return Ok(Outcome::RequeueAfter(ARRIVES));
    }
    let place = Place::gather(&hub, &key, &request)?;
    if let Some(record) = hub.records.object(Some(&key.namespace), &key.name) {
        return continue_recorded(&hub, &request, &place, &record.spec).await;
    }
    match decide(&hub, &request, &place) {
        Decision::Answered => Ok(Outcome::Done),
        Decision::Wait(notice)
            if notice.reason == Reason::WaitingForAgent && is_young(&request, clock::now()) =>
        {
            Ok(Outcome::RequeueAfter(PROMPT))
        }
        Decision::Refuse(refusal) if refusal.reason == Reason::Denied => {
            deny(&hub, &request, refusal).await
        }
        Decision::Wait(notice) => say(&hub, &request, notice).await,
        Decision::Refuse(refusal) => say(&hub, &request, refusal).await,
        Decision::Issue { checked, by, message } => {
            let decision = Recorded {
                verdict: Verdict::Approved,
                by: by.to_owned(),
                message,
                time: wire_time(clock::now()),
            };
            issue(&hub, &request, &place, &checked, decision, None).await
        }
    }
}

/// An agent that is well answers a request within this time: saying before that it is waited for would be one more
/// write, and would get in the way of the agent's own.
const PROMPT: Duration = Duration::from_secs(2);

/// A creation in the future, by a clock that is ahead of ours, is old.
fn is_young(request: &Request, now: Timestamp) -> bool {
    let created = request.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let age = created.and_then(|created| Duration::try_from(now.duration_since(created)).ok());
    age.is_some_and(|age| age < PROMPT)
}

/// The objects around a request.
struct Place {
    key: Key,
    virtual_mesh: Option<Arc<VirtualMesh>>,
    policy: Option<Arc<TrustPolicy>>,
    mesh: Option<Arc<Mesh>>,
}

impl Place {
    fn gather(hub: &Hub, key: &Key, request: &Request) -> Result<Self, HubError> {
        let virtual_mesh_key = Key::resolve(&request.spec.virtual_mesh_ref, &key.namespace);
        let virtual_mesh = hub.virtual_mesh(&virtual_mesh_key);
        let policy = hub.policy(&virtual_mesh_key)?;
        let mesh = mesh_of(hub, key, request);
        Ok(Self { key: key.clone(), virtual_mesh, policy, mesh })
    }

    /// Virtual mesh, policy and mesh, all of which a decision to issue implies.
    fn whole(&self) -> Result<(&VirtualMesh, &TrustPolicy, &Mesh), Refusal> {
        match (&self.virtual_mesh, &self.policy, &self.mesh) {
            (Some(virtual_mesh), Some(policy), Some(mesh)) => Ok((virtual_mesh, policy, mesh)),
            (Some(_), None, _) => {
                Err(Refusal::new(Reason::RootUnavailable, "the TrustPolicy is not there yet"))
            }
            _ => Err(Refusal::new(Reason::UnknownMesh, "the VirtualMesh or the Mesh is gone")),
        }
    }
}

/// By name; for names of the original system by identity, where exactly one mesh of the cluster has it.
fn mesh_of(hub: &Hub, key: &Key, request: &Request) -> Option<Arc<Mesh>> {
    if let Some(name) = meshroot_api::names::RequestName::parse(&key.name) {
        return hub.mesh(&Key::new(&key.namespace, name.mesh));
    }
    let mut matching = hub.meshes.store().state();
    matching.retain(|mesh| {
        mesh.metadata.namespace.as_deref() == Some(&key.namespace)
            && issuance::matches(request, mesh)
    });
    if matching.len() == 1 { matching.pop() } else { None }
}

fn decide(hub: &Hub, request: &Request, place: &Place) -> Decision {
    let no_hosts = Vec::new();
    let policy = place.policy.as_ref().map(|policy| &policy.spec);
    let virtual_mesh_key = Key::resolve(&request.spec.virtual_mesh_ref, &place.key.namespace);
    issuance::decide(&Snapshot {
        request,
        virtual_mesh: place.virtual_mesh.as_deref(),
        mesh: place.mesh.as_deref(),
        allowed_hosts: policy.map_or(&no_hosts, |policy| &policy.hosts.allow),
        mode: policy.map(|policy| policy.approval.mode).unwrap_or_default(),
        mesh_of_host: &|host: &Host| other_mesh(hub, place, host),
        earlier_use: &|csr| {
            let public_key = csr.public_key().fingerprint().to_string();
            hub.keys.reserve(virtual_mesh_key.clone(), public_key, &place.key)
        },
    })
}

fn other_mesh(hub: &Hub, place: &Place, host: &Host) -> Option<Key> {
    let own = place.mesh.as_ref().map(|mesh| Key::of(mesh.as_ref()));
    let membership = hub.membership();
    let all = hub.meshes.store().state();
    let others = all.iter().filter(|mesh| identity::host(&mesh.spec).as_ref() == Some(host));
    // An agent may write Meshes: one that nobody has taken into a virtual mesh takes no identity from the others.
    others
        .map(|mesh| Key::of(mesh.as_ref()))
        .find(|key| Some(key) != own.as_ref() && membership.virtual_mesh(key) != Ok(None))
}

/// The decision is in the ledger: what it says is done, whatever the policy says now.
async fn continue_recorded(
    hub: &Hub,
    request: &Request,
    place: &Place,
    record: &IssuanceRecordSpec,
) -> Result<Outcome, HubError> {
    if record.request.uid != request.metadata.uid.clone().unwrap_or_default() {
        let message = "the ledger has an entry for an earlier request of this name, which was deleted; ask for a renewal";
        return say(hub, request, Refusal::new(Reason::RecordMismatch, message)).await;
    }
    let Some(prepared) = &record.prepared else {
        return say(hub, request, issuance::denial(&record.decision.message)).await;
    };
    // Written after the decision was recorded and before it was answered: a denial is final, and nothing was signed
    // that anybody has seen.
    let workflow = request.status_or_default().third_party_approval;
    if workflow.approval_status == ApprovalStatus::Denied {
        return say(hub, request, issuance::denial(&workflow.message)).await;
    }
    let csr = match issuance::read(request) {
        Ok(csr) if csr.fingerprint().to_string() == record.csr_sha256 => csr,
        _ => {
            let message =
                "spec.csrData is not what the ledger's decision is about; ask for a renewal";
            return say(hub, request, Refusal::new(Reason::RecordMismatch, message)).await;
        }
    };
    let checked = match issuance::hosts(&request.spec.cert_config) {
        Ok(hosts) => Checked { csr, hosts },
        Err(refusal) => return say(hub, request, refusal).await,
    };
    issue(hub, request, place, &checked, record.decision.clone(), facts(prepared)).await
}

async fn issue(
    hub: &Hub,
    request: &Request,
    place: &Place,
    checked: &Checked,
    decision: Recorded,
    recorded: Option<meshroot_ca::Facts>,
) -> Result<Outcome, HubError> {
    let (virtual_mesh, policy, mesh) = match place.whole() {
        Ok(whole) => whole,
        Err(refusal) => return say_and_fail(hub, request, refusal).await,
    };
    let issuer = match hub.issuer(virtual_mesh, policy).await {
        Ok(issuer) => issuer,
        Err(refusal) => return say_and_fail(hub, request, unavailable(&refusal)).await,
    };
    let prepared = match prepare(request, virtual_mesh, policy, mesh, checked, &issuer, recorded) {
        Ok(prepared) => prepared,
        Err(refusal) => return say(hub, request, refusal).await,
    };
    let entry = entry(hub, request, &checked.csr, decision.clone());
    crash::point("hub-before-record");
    let certificate = prepared.record(&entry).await?;
    crash::point("hub-after-record");
    let started = Instant::now();
    let issued = match sign(certificate, Arc::clone(&issuer)).await {
        Ok(issued) => issued,
        Err(refusal) => return say_and_fail(hub, request, refusal).await,
    };
    hub.metrics.issued(&Key::of(virtual_mesh).to_string(), started.elapsed().as_secs_f64());
    crash::point("hub-before-response");
    answer(hub, request, &issued, &issuer, &decision).await?;
    crash::point("hub-after-response");
    audit(place, checked, &issued, &decision);
    hub.metrics.decided(Reason::Issued);
    Ok(Outcome::Done)
}

fn prepare(
    request: &Request,
    virtual_mesh: &VirtualMesh,
    policy: &TrustPolicy,
    mesh: &Mesh,
    checked: &Checked,
    issuer: &Issuer,
    recorded: Option<meshroot_ca::Facts>,
) -> Result<Prepared, Refusal> {
    let impossible =
        |error: &dyn std::fmt::Display| Refusal::new(Reason::ProfileImpossible, error.to_string());
    let profile = profile(policy)?;
    let (mesh_name, generation) = issuance::subject_parts(request, &Key::of(mesh).name);
    let organization = match request.spec.cert_config.org.as_str() {
        "" => identity::organization(request.spec.cert_config.mesh_type),
        organization => organization,
    };
    let virtual_mesh = Key::of(virtual_mesh).name;
    let order = Order::new(
        &checked.csr,
        organization,
        &virtual_mesh,
        &mesh_name,
        &generation,
        checked.hosts.clone(),
        profile,
    )
    .map_err(|error| impossible(&error))?;
    let prepared = match recorded {
        Some(facts) => Prepared::resume(order, issuer, &facts),
        None => Prepared::new(order, issuer, clock::now()),
    };
    prepared.map_err(|error| match error {
        PrepareError::RecordMismatch { .. } => {
            Refusal::new(Reason::RecordMismatch, error.to_string())
        }
        error => impossible(&error),
    })
}

/// The validated profile of a policy.
pub(crate) fn profile(policy: &TrustPolicy) -> Result<Profile, Refusal> {
    let spec = &policy.spec.intermediate;
    let lifetime = std::time::Duration::from(spec.ttl);
    let lifetime = jiff::SignedDuration::try_from(lifetime).unwrap_or(jiff::SignedDuration::MAX);
    Profile::try_from(ProfileSpec { lifetime, path_len: spec.path_len }).map_err(|error| {
        Refusal::new(Reason::SpecInvalid, format!("TrustPolicy {}: {error}", Key::of(policy)))
    })
}

fn entry<'a>(
    hub: &'a Hub,
    request: &Request,
    csr: &CertificateRequest,
    decision: Recorded,
) -> Entry<'a> {
    Entry {
        hub,
        request: Key::of(request),
        uid: request.metadata.uid.clone().unwrap_or_default(),
        virtual_mesh_ref: request.spec.virtual_mesh_ref.clone(),
        csr: csr.fingerprint(),
        public_key: csr.public_key().fingerprint(),
        decision,
    }
}

async fn sign(recorded: RecordedCertificate, issuer: Arc<Issuer>) -> Result<Issued, Refusal> {
    let failed =
        |error: &dyn std::fmt::Display| Refusal::new(Reason::SigningFailed, error.to_string());
    let now = clock::now();
    if !issuer.signer().is_slow() {
        return recorded.sign(&issuer, now).map_err(|error| failed(&error));
    }
    let signed = tokio::task::spawn_blocking(move || recorded.sign(&issuer, now)).await;
    signed.map_err(|error| failed(&error))?.map_err(|error| failed(&error))
}

async fn answer(
    hub: &Hub,
    request: &Request,
    issued: &Issued,
    issuer: &Issuer,
    decision: &Recorded,
) -> Result<(), HubError> {
    let mut status = request.status_or_default();
    status.response = Response {
        ca_certificate: Bytes::from(issued.to_pem()),
        root_certificate: Bytes::from(to_bundle(issuer.roots())),
    };
    if status.third_party_approval.approval_status != ApprovalStatus::Approved {
        status.third_party_approval.approval_status = ApprovalStatus::Approved;
        status.third_party_approval.message =
            format!("approved by {}: {}", decision.by, decision.message);
        status.third_party_approval.last_updated_time = Some(decision.time.clone());
    }
    let certificate = issued.certificate();
    let message = format!(
        "{}: serial {}, valid until {}",
        Reason::Issued,
        certificate.serial(),
        certificate.not_after()
    );
    status.computed_status = Status::new(Reason::Issued.state(), message);
    write(hub, request, status).await?;
    hub.answered.add(
        Key::of(request),
        request.metadata.uid.clone().unwrap_or_default(),
        Instant::now(),
    );
    Ok(())
}

async fn deny(hub: &Hub, request: &Request, refusal: Refusal) -> Result<Outcome, HubError> {
    let workflow = request.status_or_default().third_party_approval;
    // Without a request that can be read there is nothing that the ledger could hold.
    if let Ok(csr) = issuance::read(request) {
        let decision = Recorded {
            verdict: Verdict::Denied,
            by: "third-party".to_owned(),
            message: workflow.message.clone(),
            time: workflow.last_updated_time.clone().unwrap_or_else(|| wire_time(clock::now())),
        };
        entry(hub, request, &csr, decision).write(None).await?;
        tracing::info!(target: "audit", request = %Key::of(request), csr_sha256 = %csr.fingerprint(), by = "third-party", why = workflow.message, "denied");
    }
    say(hub, request, refusal).await
}

/// Says in the request's status what is so; writes, and publishes an event, only if it was not said before.
async fn say(hub: &Hub, request: &Request, notice: impl Into<Notice>) -> Result<Outcome, HubError> {
    let notice = notice.into();
    let mut status = request.status_or_default();
    let said = notice.status();
    if status.computed_status != said {
        status.computed_status = said;
        write(hub, request, status).await?;
        hub.metrics.decided(notice.reason);
        if notice.reason != Reason::WaitingForAgent {
            hub.report(request, &notice, "Decide").await;
        }
    }
    Ok(Outcome::Done)
}

async fn say_and_fail(hub: &Hub, request: &Request, refusal: Refusal) -> Result<Outcome, HubError> {
    say(hub, request, refusal.clone()).await?;
    Err(refusal.into())
}

fn unavailable(refusal: &Refusal) -> Refusal {
    Refusal::new(Reason::RootUnavailable, format!("{}: {}", refusal.reason, refusal.message))
}

async fn write(hub: &Hub, request: &Request, status: RequestStatus) -> Result<(), HubError> {
    hub.fence()?;
    let namespace = request.metadata.namespace.clone().unwrap_or_default();
    let api: Api<Request> = Api::namespaced(hub.client.clone(), &namespace);
    let mut next = request.clone();
    next.status = Some(status);
    replace_status(&api, &next).await?;
    Ok(())
}

fn audit(place: &Place, checked: &Checked, issued: &Issued, decision: &Recorded) {
    let certificate = issued.certificate();
    tracing::info!(
        target: "audit",
        request = %place.key,
        csr_sha256 = %checked.csr.fingerprint(),
        by = decision.by,
        why = decision.message,
        serial = %certificate.serial(),
        fingerprint = %certificate.fingerprint(),
        issuer = %certificate.issuer(),
        not_after = %certificate.not_after(),
        "issued"
    );
}
