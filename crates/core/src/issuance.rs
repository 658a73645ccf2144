//! What becomes of one request: the checks before anything is signed, and the decision.

mod asked;
mod checked;
mod checks;
mod people;

use std::sync::Arc;

use jiff::Timestamp;
use meshroot_api::names::RequestName;
use meshroot_api::policy::{RuleOutcome, TrustPolicySpec};
use meshroot_api::record::{Decision as Recorded, IssuanceRecordSpec, Person};
use meshroot_api::security::{ApprovalStatus, ThirdPartyApprovalWorkflow};
use meshroot_api::{
    Asked, Mesh, Reason, RequestApproval, VirtualMesh, VirtualMeshCertificateSigningRequest,
};
use meshroot_pki::{BlockList, Host, PublicKey};

use crate::identity;
use crate::membership::{Key, Membership};
use crate::notice::Notice;
use crate::refusal::Refusal;
use crate::rules::{self, Last};

pub use asked::{Consent, approval_digest};
pub use checked::Checked;
pub use checks::read;
pub use people::{Given, brought_by, names};

/// All that is looked at.
pub struct Snapshot<'a> {
    /// The request.
    pub request: &'a VirtualMeshCertificateSigningRequest,
    /// The ledger's entry under the request's name, if there is one.
    pub record: Option<&'a IssuanceRecordSpec>,
    /// The virtual mesh that it refers to, if that exists.
    pub virtual_mesh: Option<&'a VirtualMesh>,
    /// The policy of that virtual mesh, if there is one.
    pub policy: Option<&'a TrustPolicySpec>,
    /// The mesh that it is for, if one was found.
    pub mesh: Option<&'a Mesh>,
    /// Whether a later request of the same mesh in the same virtual mesh was answered.
    pub superseded: bool,
    /// Whether its number is [far](crate::renewal::is_far_ahead) above all that the ledger knows.
    pub far_ahead: bool,
    /// Which mesh is in which virtual mesh.
    pub membership: &'a Membership,
    /// The mesh other than this one, if any, whose identity a host is. Asked only for hosts that are not the mesh's own.
    pub mesh_of_host: &'a dyn Fn(&Host) -> Option<Key>,
    /// The other request in the virtual mesh, if any, that has a public key. Only looked up: a key is taken when the
    /// decision to issue is carried out.
    pub holder_of_key: &'a dyn Fn(&PublicKey) -> Option<Key>,
    /// The last certificate of the mesh in this virtual mesh. Asked only where there are rules.
    pub last: &'a dyn Fn() -> Option<Last>,
    /// Approvals that people gave, of this request among others. Asked only where people decide.
    pub approvals: &'a dyn Fn() -> Vec<Arc<RequestApproval>>,
    /// Keys that the operator wants refused.
    pub blocked: &'a BlockList,
    /// The time.
    pub now: Timestamp,
}

/// What to do with a request.
#[derive(Debug)]
pub enum Decision {
    /// Nothing: it was answered.
    Answered,
    /// Wait; nothing is signed.
    Wait(Notice),
    /// Ask a person to approve this, and wait; nothing is signed.
    Ask {
        /// What would be signed.
        checked: Box<Checked>,
        /// Who approved it so far.
        given: Given,
        /// Why people are asked: by which rule, or whose key it is; empty where it is the policy's mode.
        because: String,
    },
    /// Do not sign it as things are.
    Refuse(Refusal),
    /// Record that it was denied, and say so. Never sign it.
    Deny {
        /// What is said.
        refusal: Refusal,
        /// Who denied it.
        decided: Decided,
    },
    /// Take its key, record and sign it.
    Issue {
        /// What to sign.
        checked: Box<Checked>,
        /// Who approved it.
        decided: Decided,
    },
    /// It was approved and recorded: sign what the ledger says.
    Resume {
        /// What to sign.
        checked: Box<Checked>,
    },
}

/// Who decided on a request, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// `policy`, `rule` or `third-party`.
    pub by: &'static str,
    /// Why, for people.
    pub message: String,
    /// Who, where people did.
    pub people: Vec<Person>,
}

/// Who decides, in the ledger's words.
pub const THIRD_PARTY: &str = "third-party";
const POLICY: &str = "policy";
const RULE: &str = "rule";

/// Decides on a request. The same snapshot always gives the same decision, and nothing is changed by it.
pub fn decide(snapshot: &Snapshot<'_>) -> Decision {
    if snapshot.request.is_answered() {
        return Decision::Answered;
    }
    let decided = match snapshot.record {
        Some(record) => decide_recorded(snapshot, record),
        None => decide_anew(snapshot),
    };
    decided.unwrap_or_else(Decision::Refuse)
}

fn decide_anew(snapshot: &Snapshot<'_>) -> Result<Decision, Refusal> {
    let request = snapshot.request;
    let workflow = request.status_or_default().third_party_approval;
    if workflow.approval_status == ApprovalStatus::Denied {
        return Ok(Decision::Deny {
            refusal: denial(&workflow),
            decided: by_denier(&workflow, snapshot.now),
        });
    }
    let place = checks::place(snapshot)?;
    if request.spec.csr_data.0.is_empty() {
        let message =
            "waiting for the cluster's agent to make a key and a certificate signing request";
        return Ok(Decision::Wait(Notice::new(Reason::WaitingForAgent, message)));
    }
    let checked = Box::new(checks::request(snapshot, &place)?);
    let policy = snapshot.policy.ok_or_else(policy_not_there)?;
    let judged = rules::judge(&policy.approval.rules, || place.case(snapshot, &checked, policy));
    // A key that somebody brought is approved by people alone, once they were told what would be signed.
    let brought_by = people::brought_by(request);
    let outcome = judged.under(policy.approval.mode, brought_by.is_some());
    let because = judged.because;
    let is_asked = brought_by.is_none() || Asked::text(request).is_some();
    Ok(match outcome {
        RuleOutcome::Deny => deny_by_rule(because),
        RuleOutcome::Approve if workflow.approval_status == ApprovalStatus::Pending => {
            Decision::Issue { checked, decided: by_nobody(because) }
        }
        outcome => {
            let given = given(snapshot, policy);
            if given.is_enough() && is_asked {
                Decision::Issue { checked, decided: by_people(given) }
            } else if outcome == RuleOutcome::Approve {
                Decision::Issue { checked, decided: by_nobody(because) }
            } else if is_nameless(&workflow) {
                return Err(approver_unknown());
            } else {
                let because = match brought_by {
                    Some(user) => format!("its key was brought by {user}"),
                    None if because.is_empty() => because,
                    None => format!("rule {because}"),
                };
                Decision::Ask { checked, given, because }
            }
        }
    })
}

fn given(snapshot: &Snapshot<'_>, policy: &TrustPolicySpec) -> Given {
    let approvals = (snapshot.approvals)();
    let approvals = approvals.iter().map(Arc::as_ref);
    Given::to(snapshot.request, approvals, &policy.approval, snapshot.now)
}

/// Whether it was approved by somebody who is not named.
fn is_nameless(workflow: &ThirdPartyApprovalWorkflow) -> bool {
    workflow.approval_status == ApprovalStatus::Approved && workflow.person().is_none()
}

fn by_people(given: Given) -> Decided {
    Decided { by: THIRD_PARTY, message: given.message(), people: given.people }
}

/// By the rule that is named, else by the policy's mode.
fn by_nobody(because: String) -> Decided {
    let people = Vec::new();
    if because.is_empty() {
        return Decided { by: POLICY, message: "approval mode Automatic".to_owned(), people };
    }
    Decided { by: RULE, message: because, people }
}

fn by_denier(workflow: &ThirdPartyApprovalWorkflow, now: Timestamp) -> Decided {
    let people: Vec<Person> = people::decider(workflow, now).into_iter().collect();
    let message = people.first().map_or(&workflow.message, |person| &person.message).clone();
    Decided { by: THIRD_PARTY, message, people }
}

fn deny_by_rule(because: String) -> Decision {
    let refusal = denied(RULE, &because);
    Decision::Deny { refusal, decided: Decided { by: RULE, message: because, people: Vec::new() } }
}

fn approver_unknown() -> Refusal {
    let message = "was approved, and its message does not say by whom: the admission policies of `meshroot install` demand \
                   that and were not in force; apply them, and the next request asks anew";
    Refusal::new(Reason::ApproverUnknown, message)
}

/// The decision is in the ledger: what it says is done, whatever the policy says now.
fn decide_recorded(
    snapshot: &Snapshot<'_>,
    record: &IssuanceRecordSpec,
) -> Result<Decision, Refusal> {
    let request = snapshot.request;
    if record.request.uid != request.metadata.uid.as_deref().unwrap_or_default() {
        let message = "the ledger has an entry for an earlier request of this name, which was deleted; ask for a renewal";
        return Err(Refusal::new(Reason::RecordMismatch, message));
    }
    let Some(prepared) = &record.prepared else {
        return Err(recorded_denial(&record.decision));
    };
    // Written after the decision was recorded and before it was answered: a denial is final, and nothing was signed
    // that anybody has seen.
    let workflow = request.status_or_default().third_party_approval;
    if workflow.approval_status == ApprovalStatus::Denied {
        return Err(denial(&workflow));
    }
    if prepared.not_after.0 <= snapshot.now {
        let message = format!(
            "the ledger's entry is for a certificate that ended {} and was not signed before; the next request takes \
             its place",
            prepared.not_after.0
        );
        return Err(Refusal::new(Reason::RecordExpired, message));
    }
    let checked = checks::recorded(snapshot, record)?;
    Ok(Decision::Resume { checked: Box::new(checked) })
}

fn policy_not_there() -> Refusal {
    Refusal::new(Reason::RootUnavailable, "the TrustPolicy is not there yet")
}

/// A request of which another one has the key.
pub fn key_reused(holder: &Key) -> Refusal {
    let message = format!(
        "spec.csrData: request {holder} used this key already; a new request needs a new key"
    );
    Refusal::new(Reason::KeyReused, message)
}

/// Name and generation that the certificate's subject carries: from the request's name, or for names of the
/// original system the mesh's name and the request's.
pub fn subject_parts(
    request: &VirtualMeshCertificateSigningRequest,
    mesh: &str,
) -> (String, String) {
    let name = request.metadata.name.as_deref().unwrap_or_default();
    match RequestName::parse(name) {
        Some(parsed) => (parsed.mesh, parsed.generation.to_string()),
        None => (
            mesh.to_owned(),
            request.metadata.uid.as_deref().unwrap_or(name).chars().take(8).collect(),
        ),
    }
}

/// Whether a mesh can be the one that a request of the original system, whose name says nothing, is for.
pub fn matches(request: &VirtualMeshCertificateSigningRequest, mesh: &Mesh) -> bool {
    let config = &request.spec.cert_config;
    mesh.spec.mesh_type() == Some(config.mesh_type)
        && identity::of(&mesh.spec).is_some_and(|identity| config.hosts.contains(&identity))
}

/// What is said of a denied request, by its status.
fn denial(workflow: &ThirdPartyApprovalWorkflow) -> Refusal {
    match workflow.person() {
        Some(person) => denied(&person.user, &person.message),
        None => denied("a third party", &workflow.message),
    }
}

/// The same, when it is read again from the ledger.
fn recorded_denial(decision: &Recorded) -> Refusal {
    let by = match decision.people.as_slice() {
        [] if decision.by == THIRD_PARTY => "a third party".to_owned(),
        [] => decision.by.clone(),
        people => names(people),
    };
    denied(&by, &decision.message)
}

fn denied(by: &str, message: &str) -> Refusal {
    let why = if message.is_empty() { String::new() } else { format!(": {message}") };
    Refusal::new(
        Reason::Denied,
        format!("denied by {by}{why}; ask for a renewal once the cause is settled"),
    )
}

/// What is said of a request that people have to decide on.
pub fn waiting_for_approval(
    request: &VirtualMeshCertificateSigningRequest,
    given: &Given,
    because: &str,
) -> Notice {
    let key = Key::of(request);
    let digest = approval_digest(request).map(|digest| format!(" --sha256 {digest}"));
    let whom = match (given.people.len(), given.required) {
        (_, 1) => "somebody to approve".to_owned(),
        (0, required) => format!("{required} people to approve"),
        (have, required) => {
            let (names, left) = (names(&given.people), required - have);
            let more = if left == 1 { "person" } else { "people" };
            format!("{left} more {more} to approve, {have} of {required} did ({names}),")
        }
    };
    let because = if because.is_empty() { String::new() } else { format!(" ({because})") };
    let message = format!(
        "waiting for {whom} what `meshroot describe vmcsr {key}` shows{because}: meshroot approve {key}{}",
        digest.unwrap_or_default()
    );
    Notice::new(Reason::WaitingForApproval, message)
}
