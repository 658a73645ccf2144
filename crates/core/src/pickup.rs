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
}

/// What was written for the control plane.
#[derive(Clone, Debug)]
pub struct Written {
    /// The intermediate.
    pub intermediate: Certificate,
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
        return (judge_chain(written, chain, now), Some(Witness::WorkloadCertificate));
    }
    if let Some(not_after) = seen.metric_not_after {
        let same = close(not_after, written.intermediate.not_after().as_second());
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

fn judge_chain(written: &Written, chain: &[Certificate], now: Timestamp) -> Pickup {
    if chain.iter().skip(1).any(|certificate| certificate == &written.intermediate) {
        return Pickup::Confirmed;
    }
    let known_root = chain.last().is_some_and(|root| written.anchors.contains(&root.fingerprint()));
    if !known_root {
        // Self-signed, or another root: istiod loads neither change while it runs.
        return Pickup::RestartNeeded;
    }
    waiting_or(false, written, now)
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
