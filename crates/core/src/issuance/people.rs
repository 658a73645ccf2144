//! Who approved a request.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use meshroot_api::names::KEY_BROUGHT_BY_ANNOTATION;
use meshroot_api::policy::ApprovalPolicy;
use meshroot_api::record::Person;
use meshroot_api::security::{ApprovalStatus, ThirdPartyApprovalWorkflow};
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
        if workflow.approval_status == ApprovalStatus::Approved {
            counted.extend(decider(&workflow, now).map(|person| (Timestamp::MAX, person)));
        }
        if let Some(user) = brought_by(request) {
            // Who may approve may ask for a CA in their own hands, where one person is enough.
            counted.retain(|(_, person)| person.user != user);
            let bringer = (given.required == 1).then(|| bringer(request, user, now));
            counted.extend(bringer.map(|person| (Timestamp::MAX, person)));
        }
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

/// Who brought the key of a request, where that was not the cluster's agent.
pub fn brought_by(request: &Request) -> Option<&str> {
    let annotations = request.metadata.annotations.as_ref()?;
    let user = annotations.get(KEY_BROUGHT_BY_ANNOTATION)?.as_str();
    (!user.is_empty()).then_some(user)
}

fn bringer(request: &Request, user: &str, now: Timestamp) -> Person {
    let created = request.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
    let message = "brought the key".to_owned();
    Person { user: user.to_owned(), message, time: Time(created) }
}

/// Who decided by the request's status. The time there is what the client says: it is taken where it can be right.
pub(super) fn decider(workflow: &ThirdPartyApprovalWorkflow, now: Timestamp) -> Option<Person> {
    let mut person = workflow.person()?;
    let age = now.duration_since(person.time.0);
    if age > LONGEST_AGE || age < -LONGEST_AHEAD {
        person.time = Time(Timestamp::from_second(now.as_second()).unwrap_or(now));
    }
    Some(person)
}

/// A hub may have been away for a day when somebody decided.
const LONGEST_AGE: SignedDuration = SignedDuration::from_hours(24);
/// By how much clocks differ.
const LONGEST_AHEAD: SignedDuration = SignedDuration::from_mins(5);

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
