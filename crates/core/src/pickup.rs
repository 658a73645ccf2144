//! Whether a control plane uses what was written for it, from what was seen.

use jiff::{SignedDuration, Timestamp};
use meshroot_api::trust::{Pickup, Witness};
use meshroot_pki::{Certificate, Fingerprint};

/// What was seen of a control plane.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The chain that came with a workload certificate, leaf first, as the control plane's CA service gave it.
    pub workload_chain: Option<Vec<Certificate>>,
    /// End of the intermediate's validity by the control plane's own metric, in seconds since the epoch.
    pub metric_not_after: Option<i64>,
    /// Fingerprints of the trust anchors that the control plane publishes.
    pub published_anchors: Option<Vec<Fingerprint>>,
    /// How the control plane is set up, where that could be read.
    pub settings: Option<Settings>,
}

/// How a control plane is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether changed trust anchors are loaded while it runs.
    pub anchors_live: bool,
    /// The longest that a workload's certificate lives which the workload itself asks for.
    pub leaf_lifetime: SignedDuration,
}

/// What was written for the control plane.
#[derive(Clone, Debug)]
pub struct Written {
    /// The intermediate.
    pub intermediate: Certificate,
    /// What is sent above each leaf, the intermediate first.
    pub chain: Vec<Certificate>,
    /// The trust anchors.
    pub anchors: Vec<Fingerprint>,
    /// When it was written, as far as known.
    pub at: Timestamp,
}

/// A control plane that shows nothing new for this long does not follow its files: kubelet takes up to 90 s to
/// project a Secret, and istiod's watch ends for good at its first error.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

/// Judges, by the strongest witness there is.
pub fn judge(written: &Written, seen: &Seen, now: Timestamp) -> (Pickup, Option<Witness>) {
    if let Some(chain) = &seen.workload_chain {
        let is_live = seen.settings.is_some_and(|settings| settings.anchors_live);
        return (judge_chain(written, chain, is_live, now), Some(Witness::WorkloadCertificate));
    }
    if let Some(not_after) = seen.metric_not_after {
        let published = seen.published_anchors.as_ref();
        let same = close(not_after, written.intermediate.not_after().as_second())
            && published.is_none_or(|published| same_set(published, &written.anchors));
        return (waiting_or(same, written, now), Some(Witness::Metric));
    }
    match &seen.published_anchors {
        // The anchors say nothing about the intermediate: they can only deny.
        Some(anchors) if *anchors != written.anchors => {
            (Pickup::RestartNeeded, Some(Witness::PublishedAnchors))
        }
        Some(_) => (waiting_or(false, written, now), Some(Witness::PublishedAnchors)),
        None => (Pickup::Unknown, None),
    }
}

/// What comes above the leaf: the chain that was written, then the trust anchors.
fn judge_chain(written: &Written, chain: &[Certificate], is_live: bool, now: Timestamp) -> Pickup {
    let given: Vec<Fingerprint> = chain.iter().skip(1).map(Certificate::fingerprint).collect();
    let sent = written.chain.iter().map(Certificate::fingerprint);
    let all: Vec<Fingerprint> = sent.chain(written.anchors.iter().copied()).collect();
    if chain.iter().skip(1).any(|one| *one == written.intermediate) && same_set(&given, &all) {
        return Pickup::Confirmed;
    }
    let is_other =
        |one: &Certificate| one.is_self_issued() && !written.anchors.contains(&one.fingerprint());
    let known = written.anchors.iter().filter(|anchor| given.contains(anchor)).count();
    let differ = known < written.anchors.len() || chain.iter().skip(1).any(is_other);
    if known == 0 || differ && !is_live {
        // Self-signed, or other roots: istiod loads neither change while it runs.
        return Pickup::RestartNeeded;
    }
    waiting_or(false, written, now)
}

fn same_set(one: &[Fingerprint], other: &[Fingerprint]) -> bool {
    one.iter().all(|fingerprint| other.contains(fingerprint))
        && other.iter().all(|fingerprint| one.contains(fingerprint))
}

fn waiting_or(confirmed: bool, written: &Written, now: Timestamp) -> Pickup {
    if confirmed {
        Pickup::Confirmed
    } else if now.duration_since(written.at) > PATIENCE {
        Pickup::RestartNeeded
    } else {
        Pickup::Waiting
    }
}

/// The metric is a float that is printed with nine digits.
fn close(a: i64, b: i64) -> bool {
    (a - b).abs() <= 5
}
