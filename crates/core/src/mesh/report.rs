//! MeshTrust.status: what was seen.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use meshroot_api::names::RequestName;
use meshroot_api::trust::{Loaded, MeshTrustStatus, Pickup, PutBack, Witness};
use meshroot_api::{MeshTrust, Reason};

use crate::notice::Notice;
use crate::pickup::{Seen, Written};
use crate::progress::LOADED;

/// What there is to say of one mesh.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Whether the certificate is used.
    pub pickup: Pickup,
    /// Who says so.
    pub witness: Option<Witness>,
    /// Reason and sentence.
    pub said: Notice,
    /// The request whose certificate is installed.
    pub installed: Option<String>,
    /// What the control plane has loaded.
    pub loaded: Option<Loaded>,
    /// Whether all that MeshTrust tells is written for the control plane, and `pickup` is about that.
    pub has_come: bool,
    /// Whether changed trust anchors are loaded while the control plane runs, where that could be seen.
    pub anchors_live: Option<bool>,
}

impl Report {
    /// What is installed and loaded stays as it was.
    pub fn unchanged(said: Notice, trust: &MeshTrust) -> Self {
        let before = trust.status.clone().unwrap_or_default();
        Self {
            pickup: before.pickup,
            witness: before.witness,
            said,
            installed: before.installed,
            loaded: before.loaded,
            has_come: false,
            anchors_live: None,
        }
    }

    /// Nothing is installed any more.
    pub(super) fn nothing(said: Notice) -> Self {
        let pickup = Pickup::Unknown;
        let (witness, installed, loaded, anchors_live) = (None, None, None, None);
        Self { pickup, witness, said, installed, loaded, has_come: false, anchors_live }
    }

    /// The CA that the mesh has goes on, with more trust anchors; nothing of ours is in use.
    pub(super) fn of_own(
        seen: &Seen,
        (pickup, witness): (Pickup, Option<Witness>),
        said: Notice,
    ) -> Self {
        // Confirmed is said of what MeshTrust names.
        let pickup = if pickup == Pickup::Confirmed { Pickup::Waiting } else { pickup };
        let anchors_live = seen.settings.map(|settings| settings.anchors_live);
        Self { pickup, witness, anchors_live, ..Self::nothing(said) }
    }

    /// Something is installed, and this was seen of it.
    pub(super) fn seen(
        name: &RequestName,
        written: &Written,
        seen: &Seen,
        (pickup, witness): (Pickup, Option<Witness>),
        said: Notice,
        now: Timestamp,
    ) -> Self {
        let loaded = (pickup == Pickup::Confirmed).then(|| Loaded {
            request: name.to_string(),
            fingerprint: written.intermediate.fingerprint().to_string(),
            serial: written.intermediate.serial().to_string(),
            roots: written.anchors.iter().map(ToString::to_string).collect(),
            not_before: Some(Time(written.intermediate.not_before())),
            not_after: Some(Time(written.intermediate.not_after())),
            leaf_lifetime_seconds: leaf_lifetime(seen, now),
        });
        Self {
            pickup,
            witness,
            said,
            installed: Some(name.to_string()),
            loaded,
            has_come: false,
            anchors_live: seen.settings.map(|settings| settings.anchors_live),
        }
    }

    /// The status of a MeshTrust with this; `None` where it says so already. `put_back`: what was just
    /// [put back](super::put_back).
    pub fn status(
        &self,
        trust: &MeshTrust,
        agent_version: &str,
        put_back: Option<&Notice>,
        now: Timestamp,
    ) -> Option<MeshTrustStatus> {
        let before = trust.status.clone().unwrap_or_default();
        let now = Time(Timestamp::from_second(now.as_second()).unwrap_or(now));
        let same = before.pickup == self.pickup && before.installed == self.installed;
        let status = MeshTrustStatus {
            pickup: self.pickup,
            witness: self.witness,
            message: brief(self.said.to_string(), 4096),
            put_back: match put_back {
                Some(said) => {
                    Some(PutBack { time: now.clone(), message: brief(said.message.clone(), 1024) })
                }
                None => before.put_back.clone(),
            },
            since: before.since.clone().filter(|_| same).or_else(|| Some(now.clone())),
            conditions: vec![self.condition(trust, &before, now)],
            installed: self.installed.clone(),
            // What was loaded before stays known until something else is seen.
            loaded: self.longest(before.loaded.as_ref()),
            agent_version: agent_version.to_owned(),
            observed_generation: trust.metadata.generation.filter(|_| self.has_come),
            anchors_live: self.anchors_live.unwrap_or(before.anchors_live),
        };
        (status != before).then_some(status)
    }

    /// What is loaded, with the longest lifetime of a leaf that was ever seen: those of before live on.
    fn longest(&self, before: Option<&Loaded>) -> Option<Loaded> {
        let mut loaded = self.loaded.clone().or_else(|| before.cloned())?;
        let former = before.and_then(|before| before.leaf_lifetime_seconds);
        loaded.leaf_lifetime_seconds = loaded.leaf_lifetime_seconds.max(former);
        Some(loaded)
    }

    /// Whether the reason is another one than was reported before.
    pub fn is_new(&self, trust: &MeshTrust) -> bool {
        let before = trust.status.as_ref().and_then(loaded);
        before.is_none_or(|condition| condition.reason != self.said.reason.word())
    }

    /// Whether a person may want to be told: what is on its ordinary way is not worth an event.
    pub fn is_noteworthy(&self) -> bool {
        !matches!(self.said.reason, Reason::Requested | Reason::Installed | Reason::WaitingForAgent)
    }

    fn condition(&self, trust: &MeshTrust, before: &MeshTrustStatus, now: Time) -> Condition {
        let status = match self.pickup {
            Pickup::Confirmed if self.installed.as_deref() == Some(trust.spec.request.as_str()) => {
                "True"
            }
            Pickup::Unknown => "Unknown",
            _ => "False",
        };
        let since = loaded(before).filter(|condition| condition.status == status);
        Condition {
            type_: LOADED.to_owned(),
            status: status.to_owned(),
            reason: self.said.reason.word().to_owned(),
            message: self.said.message.clone(),
            observed_generation: trust.metadata.generation,
            last_transition_time: since
                .map_or(now, |condition| condition.last_transition_time.clone()),
        }
    }
}

fn loaded(status: &MeshTrustStatus) -> Option<&Condition> {
    status.conditions.iter().find(|condition| condition.type_ == LOADED)
}

/// The API takes no more.
fn brief(mut message: String, most: usize) -> String {
    message.truncate(message.floor_char_boundary(most));
    message
}

/// The longest that a leaf lives: as one that was given a moment ago, or as workloads ask for by themselves. Not from its
/// own start on, which istiod puts two minutes into the past.
pub(super) fn leaf_lifetime(seen: &Seen, now: Timestamp) -> Option<i64> {
    let leaf = seen.workload_chain.as_ref().and_then(|chain| chain.first());
    let lifetime = leaf.map(|leaf| leaf.not_after().duration_since(now));
    let asked = seen.settings.map(|settings| settings.leaf_lifetime);
    lifetime.max(asked).map(|lifetime| rounded(lifetime.as_secs()))
}

/// To the next full minute where it is long: how long an answer took must not make it another one.
fn rounded(seconds: i64) -> i64 {
    let long = 10 * 60;
    if seconds < long { seconds + 1 } else { (seconds + 59) / 60 * 60 }
}
