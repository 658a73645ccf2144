//! Requests: checked, decided, recorded, signed, answered.

mod issue;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use kube::Api;
use meshroot_api::names::{ASKED_ANNOTATION, RequestName};
use meshroot_api::record::{Decision as Recorded, LONGEST_FACTS, Verdict};
use meshroot_api::security::{
    ApprovalStatus, VirtualMeshCertificateSigningRequestStatus as RequestStatus,
};
use meshroot_api::shared::State;
use meshroot_api::{
    Asked, IssuanceRecord, Mesh, Reason, RequestApproval, TrustPolicy, VirtualMesh,
    VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_core::issuance::{self, Checked, Consent, Decided, Decision, Given, Snapshot};
use meshroot_core::membership::Key;
use meshroot_core::rules::{self, Last};
use meshroot_core::{Notice, Refusal, renewal};
use meshroot_pki::{CertificateRequest, Host, PublicKey};
use meshroot_runtime::kube::write::{replace, replace_status};
use meshroot_runtime::process::clock;
use meshroot_runtime::process::queue::Outcome;
use tokio::time::Instant;

use super::revocation;
use crate::budgets;
use crate::error::HubError;
use crate::hub::Hub;
use crate::ledger::{Entry, wire_time};
use crate::modes::Mode;
use crate::standings::ARRIVES;

/// Brings one request as far as it can go.
pub(crate) async fn reconcile(hub: Arc<Hub>, key: Key) -> Result<Outcome, HubError> {
    let Some(request) = hub.request(&key.namespace, &key.name) else {
        hub.standings.forget(&key);
        return Ok(Outcome::Done);
    };
    let outcome = decided(Arc::clone(&hub), key, Arc::clone(&request)).await;
    // Whatever keeps it from being answered.
    match revocation::due(&hub, &request).await? {
        None => outcome,
        Some(left) => Ok(outcome?.within(left)),
    }
}

async fn decided(hub: Arc<Hub>, key: Key, request: Arc<Request>) -> Result<Outcome, HubError> {
    if request.is_answered() {
        hub.standings.forget(&key);
        return Ok(Outcome::Done);
    }
    if request.metadata.deletion_timestamp.is_some() {
        return Ok(Outcome::Done);
    }
    if hub.standings.is_answered(&request, Instant::now()) {
        return Ok(Outcome::RequeueAfter(ARRIVES));
    }
    // What a hub claimed and did not record is decided already.
    let settled = hub.ledgers.settle(&key.namespace).await;
    let place = Place::gather(&hub, request)?;
    let outcome = match settled {
        Ok(()) => place.apply(&hub, place.decide(&hub)).await,
        Err(error) => Err(error),
    };
    let said = |error: &HubError| error.quota_full().or_else(|| error.ledger_unavailable());
    match outcome.as_ref().err().and_then(said) {
        Some(refusal) => place.refuse(&hub, refusal).await,
        None => outcome,
    }
}

/// What is to be said of a request that nobody has answered, by the decision on it as things are now.
pub(super) fn notice(hub: &Hub, request: &Arc<Request>) -> Option<Notice> {
    if let Some(said) = hub.standings.notice(request) {
        return Some(said);
    }
    match Place::gather(hub, Arc::clone(request)).ok()?.decide(hub) {
        Decision::Wait(notice) => Some(notice),
        Decision::Ask { given, because, .. } => {
            Some(issuance::waiting_for_approval(request, &given, &because))
        }
        Decision::Refuse(refusal) | Decision::Deny { refusal, .. } => Some(refusal.into()),
        Decision::Answered | Decision::Issue { .. } | Decision::Resume { .. } => None,
    }
}

/// An agent that is well answers a request within this time: saying before that it is waited for would be one more
/// write, and would get in the way of the agent's own.
const PROMPT: Duration = Duration::from_secs(2);

/// How often a request is looked at that waits for the new root.
const HELD: Duration = Duration::from_secs(5);

/// A creation in the future, by a clock that is ahead of ours, is old.
fn is_young(request: &Request, now: Timestamp) -> bool {
    let created = request.metadata.creation_timestamp.as_ref().map(|time| time.0);
    let age = created.and_then(|created| Duration::try_from(now.duration_since(created)).ok());
    age.is_some_and(|age| age < PROMPT)
}

/// A request and the objects around it.
struct Place {
    key: Key,
    request: Arc<Request>,
    virtual_mesh_key: Key,
    record: Option<Arc<IssuanceRecord>>,
    virtual_mesh: Option<Arc<VirtualMesh>>,
    policy: Option<Arc<TrustPolicy>>,
    mesh: Option<Arc<Mesh>>,
}

impl Place {
    fn gather(hub: &Hub, request: Arc<Request>) -> Result<Self, HubError> {
        let key = Key::of(request.as_ref());
        let virtual_mesh_key = Key::resolve(&request.spec.virtual_mesh_ref, &key.namespace);
        Ok(Self {
            record: hub
                .records
                .object(Some(&key.namespace), &key.name)
                .or_else(|| hub.ledgers.completed(&key)),
            virtual_mesh: hub.virtual_mesh(&virtual_mesh_key),
            policy: hub.policy(&virtual_mesh_key)?,
            mesh: mesh_of(hub, &key, &request),
            virtual_mesh_key,
            request,
            key,
        })
    }

    fn decide(&self, hub: &Hub) -> Decision {
        issuance::decide(&Snapshot {
            request: &self.request,
            record: self.record.as_ref().map(|record| &record.spec),
            virtual_mesh: self.virtual_mesh.as_deref(),
            policy: self.policy.as_ref().map(|policy| &policy.spec),
            mesh: self.mesh.as_deref(),
            superseded: self.superseded(hub),
            far_ahead: self.far_ahead(hub),
            membership: &hub.membership(),
            mesh_of_host: &|host: &Host| self.other_mesh(hub, host),
            holder_of_key: &|key: &PublicKey| {
                hub.keys.holder(&self.virtual_mesh_key, key.fingerprint().to_string(), &self.key)
            },
            last: &|| self.last(hub),
            approvals: &|| self.approvals(hub),
            blocked: &hub.blocked,
            now: clock::now(),
        })
    }

    async fn apply(&self, hub: &Hub, decision: Decision) -> Result<Outcome, HubError> {
        match decision {
            Decision::Answered => Ok(Outcome::Done),
            Decision::Wait(notice)
                if notice.reason == Reason::WaitingForAgent
                    && is_young(&self.request, clock::now()) =>
            {
                Ok(Outcome::RequeueAfter(PROMPT))
            }
            Decision::Wait(notice) => {
                say(hub, &self.request, notice).await?;
                Ok(Outcome::Done)
            }
            Decision::Ask { .. } | Decision::Issue { .. }
                if let Some((number, until)) = self.waits_for_root(hub).await? =>
            {
                self.hold(hub, number, until).await
            }
            Decision::Ask { checked, given, because } => {
                self.ask(hub, &checked, &given, &because).await
            }
            Decision::Refuse(refusal) => self.refuse(hub, refusal).await,
            Decision::Deny { refusal, decided } => self.deny(hub, refusal, decided).await,
            Decision::Issue { checked, decided } => {
                if let Some(from) = hub.budgets.wait(&self.key, clock::now()) {
                    return self.postpone(hub, from).await;
                }
                if let Err(holder) = self.take_key(hub, &checked) {
                    return self.refuse(hub, issuance::key_reused(&holder)).await;
                }
                let decision = self.recorded(Verdict::Approved, decided);
                self.issue(hub, &checked, decision, None).await
            }
            Decision::Resume { checked } => self.resume(hub, &checked).await,
        }
    }

    /// Says why nothing is signed; what passes by itself is tried again. What was denied by a rule is denied in its status.
    async fn refuse(&self, hub: &Hub, refusal: Refusal) -> Result<Outcome, HubError> {
        say(hub, &self.request, refusal.clone().into()).await?;
        match refusal.reason.state() {
            State::ProcessingError => Err(refusal.into()),
            _ => Ok(Outcome::Done),
        }
    }

    /// Says from when on the mesh may have another certificate, and looks again then.
    async fn postpone(&self, hub: &Hub, from: Timestamp) -> Result<Outcome, HubError> {
        let message = format!(
            "this mesh had {} certificates or denials within an hour; the next may be issued from {from}: look at what asks for them",
            budgets::MOST
        );
        say(hub, &self.request, Notice::new(Reason::BudgetSpent, message)).await?;
        let left = Duration::try_from(from.duration_since(clock::now())).unwrap_or_default();
        Ok(Outcome::RequeueAfter(left + Duration::from_secs(1)))
    }

    /// Where a root whose key is believed stolen would sign: its number, and until when the mesh can go on with the
    /// certificate that it has. Who has none is issued one.
    async fn waits_for_root(&self, hub: &Hub) -> Result<Option<(u32, Timestamp)>, HubError> {
        let (Some(virtual_mesh), Some(policy), Some(mesh)) =
            (&self.virtual_mesh, &self.policy, &self.mesh)
        else {
            return Ok(None);
        };
        // What is wrong with the root is said by who needs it.
        let Ok(Mode::Planned(rotation)) = hub.mode(virtual_mesh, policy).await else {
            return Ok(None);
        };
        let mesh = Key::of(mesh.as_ref());
        let Some(number) = rotation.tainted().filter(|root| rotation.issuer(&mesh) == Some(*root))
        else {
            return Ok(None);
        };
        let told = hub.trust(&mesh).filter(|trust| hub.is_told_of(trust, &self.virtual_mesh_key));
        let in_use = told.and_then(|trust| {
            let record = hub.records.object(Some(&mesh.namespace), &trust.spec.request)?;
            record.spec.prepared.clone()
        });
        let percent = policy.spec.intermediate.renew_at_percent();
        let late = in_use
            .map(|in_use| renewal::late(in_use.not_before.0, in_use.not_after.0, percent))
            .filter(|late| *late > clock::now());
        Ok(late.map(|late| (number, late)))
    }

    async fn hold(&self, hub: &Hub, number: u32, until: Timestamp) -> Result<Outcome, HubError> {
        let message = format!(
            "root {number}, whose key is believed stolen, would sign it: the certificate in use is good until {until} at \
             least, and it waits as long for the new root"
        );
        say(hub, &self.request, Notice::new(Reason::RootReplaced, message)).await?;
        let left = Duration::try_from(until.duration_since(clock::now())).unwrap_or_default();
        Ok(Outcome::RequeueAfter(left.min(HELD)))
    }

    /// Freezes what a person is asked to approve, and then says that it is waited for.
    async fn ask(
        &self,
        hub: &Hub,
        checked: &Checked,
        given: &Given,
        because: &str,
    ) -> Result<Outcome, HubError> {
        let asked = match self.signing(hub, checked, None).await {
            Ok(signing) => signing.asked,
            Err(HubError::Refused(refusal)) => return self.refuse(hub, refusal).await,
            Err(error) => return Err(error),
        };
        let request = match Consent::of(&self.request, &asked) {
            Ok(Consent::Asked) => Arc::clone(&self.request),
            Ok(Consent::ToAsk) => Arc::new(freeze(hub, &self.request, &asked).await?),
            Err(refusal) => return self.refuse(hub, refusal).await,
        };
        say(hub, &request, issuance::waiting_for_approval(&request, given, because)).await?;
        let left = given
            .until
            .and_then(|until| Duration::try_from(until.duration_since(clock::now())).ok());
        // Whoever approved long ago is then waited for again.
        Ok(left.map_or(Outcome::Done, |left| Outcome::RequeueAfter(left + Duration::from_secs(1))))
    }

    async fn deny(
        &self,
        hub: &Hub,
        refusal: Refusal,
        decided: Decided,
    ) -> Result<Outcome, HubError> {
        // Without a request that can be read there is nothing that the ledger could hold.
        if let Ok(csr) = issuance::read(&self.request) {
            let is_by_people = decided.by == issuance::THIRD_PARTY;
            // An agent may ask as often as it likes for what a rule denies.
            if let Some(from) = hub.budgets.wait(&self.key, clock::now()).filter(|_| !is_by_people)
            {
                return self.postpone(hub, from).await;
            }
            let decision = self.recorded(Verdict::Denied, decided);
            let people = issuance::names(&decision.people);
            self.entry(hub, &csr, decision.clone()).write(None).await?;
            hub.budgets.recorded(&self.key, clock::now());
            tracing::info!(target: "audit", request = %self.key, csr_sha256 = %csr.fingerprint(), by = decision.by, people, why = decision.message, "denied");
        }
        self.refuse(hub, refusal).await
    }

    fn recorded(&self, verdict: Verdict, decided: Decided) -> Recorded {
        let Decided { by, message, people } = decided;
        let asked_sha256 = if people.is_empty() { String::new() } else { self.asked_digest() };
        let time = wire_time(clock::now());
        Recorded { verdict, by: by.to_owned(), message, time, people, asked_sha256 }
    }

    /// What stands for all that people were shown; empty where nobody was asked.
    fn asked_digest(&self) -> String {
        let digest = issuance::approval_digest(&self.request);
        digest.map(|digest| digest.to_string()).unwrap_or_default()
    }

    /// What rules see of it, as JSON; empty where something of it is not there.
    fn facts(&self, csr: &CertificateRequest) -> String {
        let (Some(mesh), Some(virtual_mesh), Some(policy)) =
            (&self.mesh, &self.virtual_mesh, &self.policy)
        else {
            return String::new();
        };
        let facts = rules::facts(&self.request, csr, (mesh, virtual_mesh), &policy.spec);
        let text = serde_json::to_string(&facts).unwrap_or_default();
        if text.chars().count() > LONGEST_FACTS { String::new() } else { text }
    }

    /// The last certificate of the mesh in this virtual mesh, by the ledgers.
    fn last(&self, hub: &Hub) -> Option<Last> {
        let mesh = Key::of(self.mesh.as_deref()?);
        let records = hub.records.store().state();
        let records = records
            .iter()
            .map(|record| (record.metadata.namespace.as_deref().unwrap_or_default(), &record.spec));
        Last::before(&self.key, (&mesh, &self.virtual_mesh_key), records)
    }

    fn approvals(&self, hub: &Hub) -> Vec<Arc<RequestApproval>> {
        let is_own = |approval: &Arc<RequestApproval>| {
            approval.spec.request == self.key.name
                && approval.metadata.namespace.as_deref() == Some(&self.key.namespace)
        };
        hub.approvals.store().state().into_iter().filter(is_own).collect()
    }

    /// # Errors
    /// The request that has the key already.
    fn take_key(&self, hub: &Hub, checked: &Checked) -> Result<(), Key> {
        let key = checked.csr().public_key().fingerprint().to_string();
        hub.keys.reserve(self.virtual_mesh_key.clone(), key, &self.key)
    }

    /// Whether a later request of this mesh in this virtual mesh was answered.
    fn superseded(&self, hub: &Hub) -> bool {
        let later = |own: &RequestName| {
            // None comes after the highest number that there is.
            let name = Some(own.next()).filter(|next| next != own)?.to_string();
            let request = hub.request(&self.key.namespace, &name);
            let recorded = || hub.records.object(Some(&self.key.namespace), &name).is_some();
            (request.is_some() || recorded()).then_some(request)
        };
        let mut name = RequestName::parse(&self.key.name);
        while let Some(own) = name {
            let Some(request) = later(&own) else { return false };
            if request.is_some_and(|request| request.is_answered()) {
                return true;
            }
            name = Some(own.next());
        }
        false
    }

    fn far_ahead(&self, hub: &Hub) -> bool {
        let is_recorded = |name: &RequestName| {
            hub.records.object(Some(&self.key.namespace), &name.to_string()).is_some()
        };
        let name = RequestName::parse(&self.key.name);
        name.is_some_and(|name| renewal::is_far_ahead(&name, is_recorded))
    }

    fn other_mesh(&self, hub: &Hub, host: &Host) -> Option<Key> {
        let own = self.mesh.as_ref().map(|mesh| Key::of(mesh.as_ref()));
        let membership = hub.membership();
        // An agent may write Meshes: one that nobody has taken into a virtual mesh takes no identity from the others.
        // One that went while another hub led is still in the index.
        let mut holders =
            hub.identities.holders(host).into_iter().filter(|key| hub.mesh(key).is_some());
        holders.find(|key| Some(key) != own.as_ref() && membership.virtual_mesh(key).is_some())
    }

    fn entry<'a>(&self, hub: &'a Hub, csr: &CertificateRequest, decision: Recorded) -> Entry<'a> {
        Entry {
            ledgers: &hub.ledgers,
            request: self.key.clone(),
            uid: self.request.metadata.uid.clone().unwrap_or_default(),
            virtual_mesh_ref: self.request.spec.virtual_mesh_ref.clone(),
            csr: csr.fingerprint(),
            public_key: csr.public_key().fingerprint(),
            decision,
            facts: self.facts(csr),
        }
    }
}

/// By name; for names of the original system by identity, where exactly one mesh of the cluster has it.
fn mesh_of(hub: &Hub, key: &Key, request: &Request) -> Option<Arc<Mesh>> {
    if let Some(name) = RequestName::parse(&key.name) {
        return hub.mesh(&Key::new(&key.namespace, name.mesh));
    }
    let hosts = request.spec.cert_config.hosts.iter().filter_map(|host| host.parse::<Host>().ok());
    let holders: BTreeSet<Key> = hosts.flat_map(|host| hub.identities.holders(&host)).collect();
    let in_cluster = holders.iter().filter(|mesh| mesh.namespace == key.namespace);
    let mut matching = in_cluster
        .filter_map(|mesh| hub.mesh(mesh))
        .filter(|mesh| issuance::matches(request, mesh));
    matching.next().filter(|_| matching.next().is_none())
}

/// Says in the request's status what is so; writes, and publishes an event, only if it was not said before.
async fn say(hub: &Hub, request: &Request, notice: Notice) -> Result<(), HubError> {
    hub.standings.said(request, &notice);
    let mut status = request.status_or_default();
    let said = notice.status();
    if status.computed_status == said {
        return Ok(());
    }
    status.computed_status = said;
    let workflow = &mut status.third_party_approval;
    if notice.reason == Reason::Denied && workflow.approval_status == ApprovalStatus::Pending {
        workflow.approval_status = ApprovalStatus::Denied;
        // In no words that name a person.
        let said = notice.message.strip_prefix(ApprovalStatus::Denied.signature());
        said.unwrap_or(&notice.message).clone_into(&mut workflow.message);
        workflow.last_updated_time = Some(wire_time(clock::now()));
    }
    write(hub, request, status).await?;
    hub.metrics.decided(notice.reason);
    if notice.reason != Reason::WaitingForAgent {
        hub.report(request, &notice, "Decide").await;
    }
    Ok(())
}

/// Writes what is asked into the request, which says it from then on.
async fn freeze(hub: &Hub, request: &Request, asked: &Asked) -> Result<Request, HubError> {
    hub.fence()?;
    let mut next = request.clone();
    let annotations = next.metadata.annotations.get_or_insert_default();
    annotations.insert(ASKED_ANNOTATION.to_owned(), asked.to_string());
    let namespace = request.metadata.namespace.clone().unwrap_or_default();
    let api: Api<Request> = Api::namespaced(hub.client.clone(), &namespace);
    Ok(replace(&api, &next).await?)
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
