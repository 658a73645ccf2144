//! What is said of a mesh.

use meshroot_api::names::RequestName;
use meshroot_api::security::{ApprovalStatus, ThirdPartyApprovalWorkflow};
use meshroot_api::shared::State;
use meshroot_api::trust::Pickup;
use meshroot_api::{Reason, VirtualMeshCertificateSigningRequest as Request};

use super::View;
use crate::meshes::ControlPlane;
use crate::notice::Notice;

/// Somebody changed what was written for the mesh, and it is written anew. `by`: who changed it last, as the API server tells.
pub fn put_back(place: &ControlPlane, by: Option<&str>) -> Notice {
    let message = format!(
        "Secret {}/{} was changed by {}, and is as it was written again: whoever keeps changing it works against the agent, and \
         each change has istiod load another CA",
        place.namespace,
        place.secret,
        by.unwrap_or("somebody")
    );
    Notice::new(Reason::SecretChanged, message)
}

/// What keeps a request from being answered, if a person has to know. What the hub says of it is passed on whole; what
/// is made of it depends on its state.
pub(super) fn unanswered(name: &RequestName, request: &Request) -> Option<Notice> {
    if request.is_answered() {
        return None;
    }
    let status = request.status_or_default();
    if status.third_party_approval.approval_status == ApprovalStatus::Denied {
        return Some(denied(name, &status.third_party_approval));
    }
    let said = status.computed_status;
    let reason = match said.state {
        State::Invalid | State::Conflict => Reason::RequestRefused,
        State::ProcessingError => Reason::RequestFailing,
        State::Unknown | State::Accepted => return undecided(name, request),
    };
    Some(Notice::new(reason, format!("request {name}: {}", said.message)))
}

fn denied(name: &RequestName, workflow: &ThirdPartyApprovalWorkflow) -> Notice {
    let why = match workflow.person() {
        Some(person) => format!(" by {}: {}", person.user, person.message),
        None => format!(": {}", workflow.message),
    };
    let message = format!(
        "request {name} was denied{why}; it will not be asked for again until somebody runs `meshroot renew`"
    );
    Notice::new(Reason::Denied, message)
}

/// People are asked, unless the hub has not come to it: what it said before there was a CSR is out of date.
fn undecided(name: &RequestName, request: &Request) -> Option<Notice> {
    let said = request.status_or_default().computed_status.message;
    let waits = said.strip_prefix(Reason::WaitingForApproval.word())?.strip_prefix(": ")?;
    Some(Notice::new(Reason::WaitingForApproval, format!("request {name}: {waits}")))
}

/// How far the control plane is with the certificate of a request.
pub(super) fn of_pickup(view: &View<'_>, name: &RequestName, pickup: Pickup) -> Notice {
    let deployment = &view.control_plane.deployment;
    let (reason, message) = match pickup {
        Pickup::Confirmed => {
            (Reason::Loaded, format!("{deployment} uses the certificate of {name}"))
        }
        Pickup::RestartNeeded => return restart_needed(view),
        Pickup::Waiting => (
            Reason::Installed,
            format!(
                "the certificate of {name} is written; {deployment} was not seen to use it yet"
            ),
        ),
        Pickup::Unknown => (
            Reason::Installed,
            format!("the certificate of {name} is written; {deployment} cannot be asked from here"),
        ),
    };
    Notice::new(reason, message)
}

/// The control plane does not load by itself what is written.
pub(super) fn restart_needed(view: &View<'_>) -> Notice {
    let deployment = &view.control_plane.deployment;
    if view.restarts() {
        let message = format!("{deployment} loads this only at its start and is being restarted");
        return Notice::new(Reason::RestartNeeded, message);
    }
    let command = view.control_plane.restart_command();
    let mut message = format!("{deployment} loads this only at its start; run: {command}");
    if view.wants_restart() {
        let right = format!(
            "; or let the agent do it, which has no right to: meshroot cluster join … --restart {deployment}"
        );
        message.push_str(&right);
    }
    Notice::new(Reason::RestartNeeded, message)
}

/// The CA that the mesh goes on with cannot be read any more.
pub(super) fn unreadable(control_plane: &ControlPlane) -> Notice {
    let message = format!(
        "Secret {}/{}: ca-cert.pem cannot be read: somebody changed it while the mesh was taken over; put back what the \
         mesh had",
        control_plane.namespace, control_plane.secret
    );
    Notice::new(Reason::ForeignSecret, message)
}

/// What is installed is nothing that can be read, and the request that it answered is gone.
pub(super) fn lost(control_plane: &ControlPlane, name: &RequestName) -> Notice {
    let message = format!(
        "somebody deleted Secret {}/{}, or changed it so that it cannot be read, and request {name}, which it answered, \
         is gone: the hub asks with the next number",
        control_plane.namespace, control_plane.secret
    );
    Notice::new(Reason::ResponseInvalid, message)
}
