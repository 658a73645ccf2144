//! What was found of a virtual mesh, and what its objects say of it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use meshroot_api::networking::VirtualMeshStatus;
use meshroot_api::policy::{RootStatus, TrustPolicyStatus};
use meshroot_api::shared::{State, Status};
use meshroot_api::{Reason, TrustPolicy, VirtualMesh};

use crate::notice::Notice;
use crate::progress::Progress;
use crate::refusal::Refusal;

/// Type of the condition that a TrustPolicy carries.
pub const READY: &str = "Ready";
/// Type of the condition by which tools (kstatus) tell what goes on by itself.
const RECONCILING: &str = "Reconciling";
/// Type of the condition by which they tell what waits for somebody.
pub const STALLED: &str = "Stalled";
/// Type of the condition that one carries while its signing root is near its end.
pub const ROOT_ENDING: &str = "RootEnding";
/// Type of the condition that one carries while the key of a revoked certificate is believed.
pub const KEY_EXPOSED: &str = "KeyExposed";

/// What was found of a virtual mesh.
#[derive(Clone, Debug)]
pub struct Findings {
    /// What there is to say of the specification.
    pub config: Notice,
    /// What there is to say of the members' certificates.
    pub certificates: Notice,
    /// How far the members are, where that could be found.
    pub progress: Option<Progress>,
    /// The roots, where they could be read.
    pub roots: Option<Vec<RootStatus>>,
    /// What there is to say of the end of the signing root, if that is near.
    pub root_ends: Option<Notice>,
    /// What there is to say of the keys of revoked certificates that are still believed.
    pub exposed: Option<Notice>,
}

impl Findings {
    /// Nothing can be done with the virtual mesh.
    pub fn refused(refusal: Refusal) -> Self {
        let notice = Notice::from(refusal);
        Self {
            config: notice.clone(),
            certificates: notice,
            progress: None,
            roots: None,
            root_ends: None,
            exposed: None,
        }
    }

    /// The specification is valid, and there is no root to work with.
    pub fn without_root(refusal: Refusal) -> Self {
        Self {
            config: valid(),
            certificates: refusal.into(),
            progress: None,
            roots: None,
            root_ends: None,
            exposed: None,
        }
    }

    /// The members are worked on. `fault`: what is wrong with the first member that is named wrongly.
    pub fn of_members(progress: Progress, roots: Vec<RootStatus>, fault: Option<Refusal>) -> Self {
        let certificates = progress.summary.clone();
        let config = fault.map_or_else(valid, Notice::from);
        let (progress, roots) = (Some(progress), Some(roots));
        Self { config, certificates, progress, roots, root_ends: None, exposed: None }
    }

    /// The same, with what there is to say of the end of the signing root.
    #[must_use]
    pub fn with_root_end(self, root_ends: Option<Notice>) -> Self {
        Self { root_ends, ..self }
    }

    /// The same, with what there is to say of the keys of revoked certificates.
    #[must_use]
    pub fn with_exposed(self, exposed: Option<Notice>) -> Self {
        Self { exposed, ..self }
    }

    /// The status of the virtual mesh.
    pub fn virtual_mesh_status(&self) -> VirtualMeshStatus {
        let not_ours = |what| {
            Status::new(
                State::Accepted,
                format!(
                    "{what} is not acted upon: Meshroot issues certificates, it routes no traffic"
                ),
            )
        };
        VirtualMeshStatus {
            federation_status: not_ours("federation"),
            certificate_status: self.certificates.status(),
            config_status: self.config.status(),
            access_control_enforcement_status: not_ours("access control"),
        }
    }

    /// The status of the virtual mesh's policy. What cannot be found at the moment stays as it was.
    pub fn policy_status(&self, policy: &TrustPolicy, now: &Time) -> TrustPolicyStatus {
        let before = policy.status.clone().unwrap_or_default();
        let waiting_for =
            if self.is_ready() { String::new() } else { self.certificates.to_string() };
        let (members, issued, loaded) = match &self.progress {
            Some(progress) => (progress.members, progress.issued, progress.loaded),
            None => (before.members, before.issued, before.loaded),
        };
        TrustPolicyStatus {
            observed_generation: policy.metadata.generation,
            conditions: std::iter::once(self.ready(policy, &before, now))
                .chain(
                    self.passing().map(|(kind, notice)| {
                        condition(kind, "True", notice, (policy, &before), now)
                    }),
                )
                .chain(self.kept_exposure(&before))
                .collect(),
            waiting_since: match self.is_ready() {
                true => None,
                false if before.waiting_for == waiting_for => before.waiting_since,
                false => Some(now.clone()),
            },
            waiting_for,
            // What members trust stays written down while the Secret cannot be read.
            roots: self.roots.clone().unwrap_or(before.roots),
            members,
            issued,
            loaded,
        }
    }

    /// Whether there is something to tell that was not told before: the reason is another one than the policy's
    /// condition has, or, where there is no policy, than the virtual mesh's status shows.
    pub fn are_news(&self, virtual_mesh: &VirtualMesh, policy: Option<&TrustPolicy>) -> bool {
        let before = virtual_mesh.status.clone().unwrap_or_default();
        let reason = policy.map(|policy| {
            ready(&policy.status.clone().unwrap_or_default())
                .and_then(|condition| Reason::from_word(&condition.reason))
        });
        before.certificate_status != self.certificates.status()
            && reason != Some(Some(self.certificates.reason))
    }

    /// Whether every member has its certificate and uses it.
    pub fn is_ready(&self) -> bool {
        self.certificates.reason == Reason::Ready
    }

    /// What there is to tell of the end of the signing root that was not told before.
    pub fn news_of_root_end(&self, policy: &TrustPolicy) -> Option<&Notice> {
        let told = policy.status.iter().flat_map(|status| &status.conditions);
        self.root_ends.as_ref().filter(|_| !told.into_iter().any(|one| one.type_ == ROOT_ENDING))
    }

    /// What is there only while it is so: how kstatus tells what goes on by itself from what waits for somebody, and the
    /// end of the root.
    fn passing(&self) -> impl Iterator<Item = (&'static str, &Notice)> {
        let progress = match self.certificates.reason.state() {
            _ if self.is_ready() => None,
            State::Invalid | State::Conflict => Some((STALLED, &self.certificates)),
            _ => Some((RECONCILING, &self.certificates)),
        };
        let ending = self.root_ends.as_ref().map(|notice| (ROOT_ENDING, notice));
        let exposed = self.exposed.as_ref().map(|notice| (KEY_EXPOSED, notice));
        progress.into_iter().chain(ending).chain(exposed)
    }

    /// While the roots cannot be read, who believes what was revoked is not known to be another than before.
    fn kept_exposure(&self, before: &TrustPolicyStatus) -> Option<Condition> {
        let known = before.conditions.iter().find(|one| one.type_ == KEY_EXPOSED);
        known.filter(|_| self.roots.is_none()).cloned()
    }

    fn ready(&self, policy: &TrustPolicy, before: &TrustPolicyStatus, now: &Time) -> Condition {
        let status = if self.is_ready() { "True" } else { "False" };
        condition(READY, status, &self.certificates, (policy, before), now)
    }
}

/// A condition, which has its time from when its status last changed.
fn condition(
    kind: &str,
    status: &str,
    said: &Notice,
    (policy, before): (&TrustPolicy, &TrustPolicyStatus),
    now: &Time,
) -> Condition {
    let same = |one: &&Condition| one.type_ == kind && one.status == status;
    let since = before.conditions.iter().find(same).map(|one| one.last_transition_time.clone());
    Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: said.reason.word().to_owned(),
        message: said.message.clone(),
        observed_generation: policy.metadata.generation,
        last_transition_time: since.unwrap_or_else(|| now.clone()),
    }
}

fn ready(status: &TrustPolicyStatus) -> Option<Condition> {
    status.conditions.iter().find(|one| one.type_ == READY).cloned()
}

fn valid() -> Notice {
    Notice::new(Reason::Valid, "the specification was accepted")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use meshroot_api::networking::VirtualMeshSpec;
    use meshroot_api::policy::TrustPolicySpec;

    fn at(second: i64) -> Time {
        Time(Timestamp::from_second(second).unwrap())
    }

    fn missing() -> Findings {
        Findings::without_root(Refusal::new(Reason::RootSecretMissing, "put it back"))
    }

    fn progress(reason: Reason, loaded: u32) -> Findings {
        let summary = Notice::new(reason, "so it is");
        let root = RootStatus { fingerprint: "ab".into(), ..RootStatus::default() };
        let progress = Progress { members: 2, issued: 2, loaded, late: 0, summary };
        Findings::of_members(progress, vec![root], None)
    }

    fn policy(status: Option<TrustPolicyStatus>) -> TrustPolicy {
        let mut policy = TrustPolicy::new("demo", TrustPolicySpec::default());
        policy.metadata.generation = Some(3);
        policy.status = status;
        policy
    }

    #[test]
    fn roots_and_counts_stay_written_down_while_they_cannot_be_found() {
        let before = progress(Reason::Ready, 2).policy_status(&policy(None), &at(1));
        assert_eq!((before.waiting_for.as_str(), &before.waiting_since), ("", &None));
        let after = missing().policy_status(&policy(Some(before.clone())), &at(2));
        assert_eq!((after.members, after.issued, after.loaded), (2, 2, 2));
        assert_eq!(after.roots, before.roots);
        assert_eq!(after.waiting_for, "RootSecretMissing: put it back");
        assert_eq!(after.waiting_since, Some(at(2)));
    }

    #[test]
    fn times_change_only_with_what_they_are_about() {
        let first = progress(Reason::Issuing, 0).policy_status(&policy(None), &at(1));
        let again =
            progress(Reason::Issuing, 0).policy_status(&policy(Some(first.clone())), &at(2));
        assert_eq!(again, first);
        let other =
            progress(Reason::WaitingForPickup, 0).policy_status(&policy(Some(first)), &at(3));
        assert_eq!(other.waiting_since, Some(at(3)));
        assert_eq!(other.conditions[0].last_transition_time, at(1), "still not ready");
        let ready = progress(Reason::Ready, 2).policy_status(&policy(Some(other)), &at(4));
        assert_eq!(ready.conditions[0].last_transition_time, at(4));
        assert_eq!(ready.conditions[0].observed_generation, Some(3));
    }

    #[test]
    fn a_reason_is_told_once() {
        let mut virtual_mesh = VirtualMesh::new("demo", VirtualMeshSpec::default());
        let found = progress(Reason::Issuing, 0);
        assert!(found.are_news(&virtual_mesh, Some(&policy(None))));
        let told = policy(Some(found.policy_status(&policy(None), &at(1))));
        assert!(!found.are_news(&virtual_mesh, Some(&told)), "the policy says so already");
        assert!(progress(Reason::Ready, 2).are_news(&virtual_mesh, Some(&told)));
        let gone = Findings::refused(Refusal::new(Reason::PolicyMissing, "create it again"));
        assert!(gone.are_news(&virtual_mesh, None));
        virtual_mesh.status = Some(gone.virtual_mesh_status());
        assert!(!gone.are_news(&virtual_mesh, None), "the virtual mesh says so already");
    }

    #[test]
    fn what_waits_for_somebody_is_told_from_what_goes_on_by_itself() {
        let types = |found: &Findings| {
            let conditions = found.policy_status(&policy(None), &at(1)).conditions;
            conditions.into_iter().map(|one| (one.type_, one.status)).collect::<Vec<_>>()
        };
        let expected = |ready: &str, other: Option<&str>| {
            let true_ = |kind: &str| (kind.to_owned(), "True".to_owned());
            std::iter::once(("Ready".to_owned(), ready.to_owned()))
                .chain(other.map(true_))
                .collect::<Vec<_>>()
        };
        assert_eq!(types(&progress(Reason::Ready, 2)), expected("True", None));
        assert_eq!(types(&progress(Reason::Issuing, 0)), expected("False", Some("Reconciling")));
        assert_eq!(types(&missing()), expected("False", Some("Stalled")));
        let status = missing().policy_status(&policy(None), &at(1));
        assert_eq!(status.observed_generation, Some(3));
    }

    #[test]
    fn who_believes_a_stolen_key_stays_written_down_while_the_roots_cannot_be_read() {
        let exposed = Some(Notice::new(Reason::Revoked, "believed"));
        let before =
            progress(Reason::Ready, 2).with_exposed(exposed).policy_status(&policy(None), &at(1));
        let is_said = |status: &TrustPolicyStatus| {
            status.conditions.iter().find(|one| one.type_ == KEY_EXPOSED).cloned()
        };
        assert!(is_said(&before).is_some());
        let unread = missing().policy_status(&policy(Some(before.clone())), &at(2));
        assert_eq!(is_said(&unread), is_said(&before));
        let over = progress(Reason::Ready, 2).policy_status(&policy(Some(unread)), &at(3));
        assert_eq!(is_said(&over), None);
    }

    #[test]
    fn a_root_that_ends_soon_is_a_condition_of_its_own_told_once() {
        let ends = Some(Notice::new(Reason::RootEnds, "soon"));
        let found = progress(Reason::Ready, 2).with_root_end(ends);
        let fresh = policy(None);
        assert_eq!(found.news_of_root_end(&fresh).unwrap().reason, Reason::RootEnds);
        let status = found.policy_status(&fresh, &at(5));
        let told = |one: &Condition| (one.type_.clone(), one.status.clone(), one.reason.clone());
        let told: Vec<_> = status.conditions.iter().map(told).collect();
        let texts =
            |one: (&str, &str, &str)| (one.0.to_owned(), one.1.to_owned(), one.2.to_owned());
        assert_eq!(
            told,
            [("Ready", "True", "Ready"), ("RootEnding", "True", "RootEnds")].map(texts)
        );
        let known = policy(Some(status));
        assert!(found.news_of_root_end(&known).is_none());
        assert_eq!(found.policy_status(&known, &at(9)).conditions[1].last_transition_time, at(5));
        let replaced = progress(Reason::Ready, 2).policy_status(&known, &at(9));
        assert_eq!(replaced.conditions.len(), 1);
    }
}
