//! How far a virtual mesh is, from how far each member is.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use meshroot_api::Reason;
use meshroot_api::names::RequestName;
use meshroot_api::shared::State;
use meshroot_api::trust::{MeshTrustStatus, Pickup};

use crate::membership::Key;
use crate::notice::Notice;
use crate::refusal::Refusal;

/// What is known of one member that has a MeshTrust.
#[derive(Clone, Debug)]
pub struct View<'a> {
    /// The request that MeshTrust names, or the mesh's first in its virtual mesh.
    pub current: &'a RequestName,
    /// Whether that one was answered.
    pub answered: bool,
    /// When its certificate was recorded, by the ledger.
    pub recorded: Option<Timestamp>,
    /// What is wrong with the member itself.
    pub fault: Option<Refusal>,
    /// What is said of the newest request, where that one is open.
    pub open: Option<Notice>,
    /// What the agent reports.
    pub reported: &'a MeshTrustStatus,
}

/// One member.
#[derive(Clone, Debug)]
pub struct Member {
    /// The mesh.
    pub mesh: Key,
    /// Whether the newest request was answered with a certificate.
    pub issued: bool,
    /// Whether the control plane uses it.
    pub pickup: Pickup,
    /// Whether a certificate was issued minutes ago and the mesh does not have it.
    pub is_late: bool,
    /// What is wrong or waited for, where something is.
    pub trouble: Option<Notice>,
}

/// An agent that is well installs what was issued within seconds.
const DELIVERED_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// The moment, not the age: what is said must not change each minute.
fn not_delivered(request: &str, since: Timestamp) -> Notice {
    let message = format!(
        "the certificate of {request} was issued {since} and the mesh does not have it: see whether the cluster's agent \
         runs and reaches the hub"
    );
    Notice::new(Reason::NotDelivered, message)
}

impl Member {
    /// One of which nothing is known yet, or that cannot be worked with.
    pub fn blank(mesh: &Key, trouble: Option<Notice>) -> Self {
        let pickup = Pickup::Unknown;
        Self { mesh: mesh.clone(), issued: false, pickup, is_late: false, trouble }
    }

    /// How far a member is by now.
    pub fn new(mesh: &Key, view: &View<'_>, now: Timestamp) -> Self {
        let current = view.current.to_string();
        let in_use = view.reported.installed.as_deref() == Some(current.as_str());
        let issued = view.answered || in_use;
        // A mesh that had a CA of its own takes days: that is told where nothing of ours is in use yet.
        let is_taken = reason(view.reported) == Some(Reason::TakingOver);
        let is_ordinary = is_taken && in_use && view.reported.pickup == Pickup::Confirmed;
        let of_pickup =
            || (issued && !is_ordinary).then(|| pickup_trouble(view.reported)).flatten();
        let since = view.recorded.filter(|_| view.answered && !in_use && !is_taken);
        let late = since.filter(|since| now.duration_since(*since) > DELIVERED_WITHIN);
        let fault = view.fault.clone().map(Notice::from);
        Self {
            mesh: mesh.clone(),
            issued,
            pickup: if in_use { view.reported.pickup } else { Pickup::Unknown },
            is_late: late.is_some(),
            trouble: fault
                .or_else(|| view.open.as_ref().and_then(request_trouble))
                .or_else(of_pickup)
                .or_else(|| late.map(|since| not_delivered(&current, since))),
        }
    }
}

/// What is said of a request, unless it is on its ordinary way.
fn request_trouble(said: &Notice) -> Option<Notice> {
    (said.reason != Reason::WaitingForAgent).then(|| Notice::new(said.reason, brief(&said.message)))
}

/// An agent is believed when it reports trouble of its own mesh, never that all is well with the others.
fn pickup_trouble(reported: &MeshTrustStatus) -> Option<Notice> {
    let said = loaded(reported)?;
    let reason = reason(reported)?;
    let ordinary = matches!(reason, Reason::Installed | Reason::Requested)
        || reason.state() == State::Accepted;
    (!ordinary).then(|| Notice::new(reason, brief(&said.message)))
}

fn loaded(reported: &MeshTrustStatus) -> Option<&Condition> {
    reported.conditions.iter().find(|condition| condition.type_ == LOADED)
}

fn reason(reported: &MeshTrustStatus) -> Option<Reason> {
    Reason::from_word(&loaded(reported)?.reason)
}

/// One member's text goes into the status of all: it may not crowd the others out.
fn brief(sentence: &str) -> &str {
    &sentence[..sentence.floor_char_boundary(1024)]
}

/// All members together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many there are.
    pub members: u32,
    /// How many have a certificate.
    pub issued: u32,
    /// How many use it.
    pub loaded: u32,
    /// How many have been without it for minutes after it was issued.
    pub late: u32,
    /// The one line: `Ready`, or what is waited for.
    pub summary: Notice,
}

/// Sums the members up. What needs a person is named before what only takes time.
pub fn sum(members: &[Member]) -> Progress {
    let count = |test: &dyn Fn(&Member) -> bool| {
        u32::try_from(members.iter().filter(|one| test(one)).count()).unwrap_or(u32::MAX)
    };
    let total = count(&|_| true);
    let issued = count(&|one| one.issued);
    let loaded = count(&|one| one.issued && one.pickup == Pickup::Confirmed);
    let late = count(&|one| one.is_late);
    let summary = summary(members, total, issued, loaded);
    Progress { members: total, issued, loaded, late, summary }
}

fn summary(members: &[Member], total: u32, issued: u32, loaded: u32) -> Notice {
    let worst = members
        .iter()
        .filter_map(|one| Some((one, one.trouble.as_ref()?)))
        .min_by_key(|(_, trouble)| urgency(trouble.reason));
    if let Some((member, trouble)) = worst {
        let message = format!(
            "{} of {total} issued, {loaded} loaded; {}: {}",
            issued, member.mesh, trouble.message
        );
        return Notice::new(trouble.reason, message);
    }
    if issued < total {
        return Notice::new(
            Reason::Issuing,
            format!("{issued} of {total} members have a certificate"),
        );
    }
    if loaded < total {
        return Notice::new(
            Reason::WaitingForPickup,
            format!("{issued} of {total} members have a certificate, {loaded} were seen to use it"),
        );
    }
    Notice::new(Reason::Ready, format!("{loaded} of {total} members have a certificate and use it"))
}

/// Type of the condition that a MeshTrust carries.
pub const LOADED: &str = "Loaded";

/// 0 first.
fn urgency(reason: Reason) -> u8 {
    match reason.state() {
        State::Conflict | State::Invalid => 0,
        State::ProcessingError => 1,
        State::Unknown => 2,
        State::Accepted => 3,
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;

    /// A member of which the agent reports this, with a request that is answered or of which this is said.
    fn seen(installed: bool, reported: Reason, open: Option<Reason>) -> Member {
        let current = RequestName::first("a", "demo");
        let status = MeshTrustStatus {
            pickup: Pickup::Confirmed,
            installed: installed.then(|| current.to_string()),
            conditions: vec![Condition {
                type_: LOADED.to_owned(),
                status: "Unknown".to_owned(),
                reason: reported.word().to_owned(),
                message: "x".repeat(2000),
                observed_generation: None,
                last_transition_time: Time(jiff::Timestamp::UNIX_EPOCH),
            }],
            ..MeshTrustStatus::default()
        };
        let view = View {
            current: &current,
            answered: open.is_none(),
            recorded: None,
            fault: None,
            open: open.map(|reason| Notice::new(reason, "of the request")),
            reported: &status,
        };
        Member::new(&Key::new("meshroot-cluster-east", "a"), &view, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn what_was_issued_and_is_not_installed_minutes_later_is_told_until_it_is() {
        let current = RequestName::first("a", "demo");
        let late = |answered, installed: bool, minutes| {
            let installed = installed.then(|| current.to_string());
            let reported = MeshTrustStatus { installed, ..MeshTrustStatus::default() };
            let recorded = Some(Timestamp::UNIX_EPOCH);
            let view = View {
                current: &current,
                answered,
                recorded,
                fault: None,
                open: None,
                reported: &reported,
            };
            let now = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes);
            let member = Member::new(&Key::new("meshroot-cluster-east", "a"), &view, now);
            (member.is_late, member.trouble.map(|trouble| trouble.reason))
        };
        assert_eq!(late(true, false, 6), (true, Some(Reason::NotDelivered)));
        assert_eq!(late(true, false, 4), (false, None));
        assert_eq!(late(true, true, 6), (false, None));
        assert_eq!(late(false, false, 6), (false, None), "recorded, and not answered yet");
    }

    #[test]
    fn what_is_wrong_with_the_member_itself_is_told_first_and_takes_nothing_away() {
        let current = RequestName::first("a", "demo");
        let reported = MeshTrustStatus {
            pickup: Pickup::Confirmed,
            installed: Some(current.to_string()),
            ..MeshTrustStatus::default()
        };
        let fault = Some(Refusal::new(Reason::MeshInTwoVirtualMeshes, "twice"));
        let view = View {
            current: &current,
            answered: true,
            recorded: None,
            fault,
            open: None,
            reported: &reported,
        };
        let member = Member::new(&Key::new("e", "a"), &view, Timestamp::UNIX_EPOCH);
        assert_eq!((member.issued, member.pickup), (true, Pickup::Confirmed));
        assert_eq!(
            member.trouble.map(|trouble| trouble.reason),
            Some(Reason::MeshInTwoVirtualMeshes)
        );
    }

    #[test]
    fn the_trouble_of_a_member_is_that_of_its_open_request_and_then_what_its_agent_reports() {
        let cases = [
            // installed, the agent reports, the open request's notice: issued, pickup, trouble
            (true, Reason::Loaded, None, true, Pickup::Confirmed, None),
            (true, Reason::Installed, None, true, Pickup::Confirmed, None),
            (false, Reason::Requested, None, true, Pickup::Unknown, None),
            (
                false,
                Reason::ForeignSecret,
                None,
                true,
                Pickup::Unknown,
                Some(Reason::ForeignSecret),
            ),
            (
                false,
                Reason::ForeignSecret,
                Some(Reason::WaitingForAgent),
                false,
                Pickup::Unknown,
                None,
            ),
            (
                false,
                Reason::Loaded,
                Some(Reason::Denied),
                false,
                Pickup::Unknown,
                Some(Reason::Denied),
            ),
            (
                true,
                Reason::RestartNeeded,
                Some(Reason::WaitingForAgent),
                true,
                Pickup::Confirmed,
                Some(Reason::RestartNeeded),
            ),
            (
                true,
                Reason::RestartNeeded,
                Some(Reason::WaitingForApproval),
                true,
                Pickup::Confirmed,
                Some(Reason::WaitingForApproval),
            ),
        ];
        for (installed, reported, open, issued, pickup, trouble) in cases {
            let member = seen(installed, reported, open);
            let found = member.trouble.as_ref().map(|trouble| trouble.reason);
            assert_eq!(
                (member.issued, member.pickup, found),
                (issued, pickup, trouble),
                "{installed} {reported} {open:?}"
            );
        }
    }

    #[test]
    fn one_members_text_is_cut() {
        let trouble = seen(true, Reason::RestartNeeded, None).trouble;
        assert_eq!(trouble.map(|trouble| trouble.message.len()), Some(1024));
    }

    fn member(name: &str, issued: bool, pickup: Pickup, trouble: Option<Reason>) -> Member {
        let trouble = trouble.map(|reason| Notice::new(reason, "why"));
        let mesh = Key::new("meshroot-cluster-east", name);
        Member { mesh, issued, pickup, is_late: false, trouble }
    }

    #[test]
    fn a_virtual_mesh_is_ready_only_when_every_member_uses_its_certificate() {
        let mut members = vec![
            member("a", true, Pickup::Confirmed, None),
            member("b", true, Pickup::Waiting, None),
        ];
        assert_eq!(sum(&members).summary.reason, Reason::WaitingForPickup);
        members[1].pickup = Pickup::Confirmed;
        assert_eq!(sum(&members).summary.reason, Reason::Ready);
    }

    #[test]
    fn what_needs_a_person_is_named_before_what_only_takes_time() {
        let members = [
            member("a", false, Pickup::Unknown, Some(Reason::WaitingForAgent)),
            member("b", false, Pickup::Unknown, Some(Reason::WeakKey)),
        ];
        let summary = sum(&members).summary;
        assert_eq!(summary.reason, Reason::WeakKey);
        assert!(summary.message.contains("/b"));
    }

    #[test]
    fn a_virtual_mesh_without_members_is_ready() {
        assert_eq!(sum(&[]).summary.reason, Reason::Ready);
    }
}
