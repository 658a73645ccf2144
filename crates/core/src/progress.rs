//! How far a virtual mesh is, from how far each member is.

use meshroot_api::Reason;
use meshroot_api::trust::Pickup;

use crate::membership::Key;
use crate::notice::Notice;

/// One member.
#[derive(Clone, Debug)]
pub struct Member {
    /// The mesh.
    pub mesh: Key,
    /// Whether the newest request was answered with a certificate.
    pub issued: bool,
    /// Whether the control plane uses it.
    pub pickup: Pickup,
    /// What is wrong or waited for, where something is.
    pub trouble: Option<Notice>,
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
    Progress { members: total, issued, loaded, summary: summary(members, total, issued, loaded) }
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
            format!("all {total} members have a certificate, {loaded} were seen to use it"),
        );
    }
    Notice::new(Reason::Ready, format!("all {total} members have a certificate and use it"))
}

/// 0 first.
fn urgency(reason: Reason) -> u8 {
    use meshroot_api::shared::State;
    match reason.state() {
        State::Conflict | State::Invalid => 0,
        State::ProcessingError => 1,
        State::Unknown => 2,
        State::Accepted => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str, issued: bool, pickup: Pickup, trouble: Option<Reason>) -> Member {
        let trouble = trouble.map(|reason| Notice::new(reason, "why"));
        Member { mesh: Key::new("meshroot-cluster-east", name), issued, pickup, trouble }
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
