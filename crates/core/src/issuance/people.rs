//! Who approved a request.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use meshroot_api::policy::ApprovalPolicy;
use meshroot_api::record::Person;
use meshroot_api::security::ApprovalStatus;
use meshroot_api::{Asked, RequestApproval, VirtualMeshCertificateSigningRequest as Request};

use super::approval_digest;
use crate::membership::Key;

/// Who approved a request so far, and how many have to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Different people, those who approved first coming first, and no more than are needed.
    pub people: Vec<Person>,
    /// So many are needed.
    pub required: usize,
    /// From then on one of them counts no longer, if nobody decides before.
    pub until: Option<Timestamp>,
}

impl Given {
    /// Those who approved `request`, by its status and by `approvals`, whatever else these are for.
    ///
    /// The names are facts: the API server lets nobody write another one than their own. An approval that was withdrawn
    /// before another was given is not among them: both come by one watch, in their order.
    pub fn to<'a>(
        request: &Request,
        approvals: impl IntoIterator<Item = &'a RequestApproval>,
        policy: &ApprovalPolicy,
        now: Timestamp,
    ) -> Self {
        let asked = Asked::of(request).map_or(1, |asked| asked.approvals);
        let mut given = Self {
            people: Vec::new(),
            required: usize::from(policy.required().max(asked)),
            until: None,
        };
        let digest = approval_digest(request).map(|digest| digest.to_string());
        let mut counted: Vec<(Timestamp, Person)> = Vec::new();
        for approval in approvals {
            let end = digest.as_deref().and_then(|digest| end(request, digest, approval, policy));
            let (Some(end), Some(person)) = (end.filter(|end| *end > now), person(approval)) else {
                continue;
            };
            counted.push((end, person));
        }
        let workflow = request.status_or_default().third_party_approval;
        let in_status =
            workflow.person().filter(|_| workflow.approval_status == ApprovalStatus::Approved);
        counted.extend(in_status.map(|person| (Timestamp::MAX, person)));
        counted.sort_by(|(_, one), (_, other)| {
            (one.time.0, &one.user).cmp(&(other.time.0, &other.user))
        });
        for (end, person) in counted {
            if !given.is_enough() && given.people.iter().all(|other| other.user != person.user) {
                given.people.push(person);
                given.until = Some(given.until.map_or(end, |until| until.min(end)));
            }
        }
        given
    }

    /// Whether enough people approved.
    pub fn is_enough(&self) -> bool {
        self.people.len() >= self.required
    }

    /// What they said, for people.
    pub fn message(&self) -> String {
        said(&self.people)
    }
}

/// What `people` said, each once.
fn said(people: &[Person]) -> String {
    let mut messages: Vec<&str> = Vec::new();
    for message in people.iter().map(|person| person.message.as_str()) {
        if !message.is_empty() && !messages.contains(&message) {
            messages.push(message);
        }
    }
    messages.join("; ")
}

/// Names of `people`, for people.
pub fn names(people: &[Person]) -> String {
    people.iter().map(|person| person.user.as_str()).collect::<Vec<_>>().join(", ")
}

fn person(approval: &RequestApproval) -> Option<Person> {
    let created = approval.metadata.creation_timestamp.as_ref()?;
    let spec = &approval.spec;
    (!spec.user.is_empty()).then(|| Person {
        user: spec.user.clone(),
        message: spec.message.clone(),
        time: Time(created.0),
    })
}

/// Until when an approval counts for this very request; `None` where it is for another one, or withdrawn.
fn end(
    request: &Request,
    digest: &str,
    approval: &RequestApproval,
    policy: &ApprovalPolicy,
) -> Option<Timestamp> {
    let (own, spec) = (Key::of(request), &approval.spec);
    let namespace = approval.metadata.namespace.as_deref().unwrap_or_default();
    let is_for = namespace == own.namespace
        && spec.request == own.name
        && spec.sha256 == digest
        && approval.metadata.deletion_timestamp.is_none()
        && Key::resolve(&spec.virtual_mesh_ref, namespace)
            == Key::resolve(&request.spec.virtual_mesh_ref, &own.namespace);
    let created = approval.metadata.creation_timestamp.as_ref().filter(|_| is_for)?.0;
    Some(created.checked_add(policy.valid_for()).unwrap_or(Timestamp::MAX))
}
