//! When a certificate is renewed.

use jiff::{SignedDuration, Timestamp};
use meshroot_pki::{Certificate, Fingerprint};

/// Most that the jitter takes off, as a share of the time until the certificate's turn. What was issued at once, as when a
/// root is replaced, is renewed over so long a time that no week has three times the renewals that weeks have in the mean;
/// with less, all would renew in the same days for years.
const MOST_JITTER: f64 = 0.4;

/// An intermediate's validity begins this much before it was issued (profile of `docs/issuance.md`).
const BACKDATED: SignedDuration = SignedDuration::from_mins(10);

/// When the renewal of a certificate begins: at `percent` of its life since it was issued, less up to two fifths of
/// the time until then.
///
/// Counted from the issuance, not from the backdated start: else a short-lived certificate would be due when it
/// arrives, and again and again.
///
/// The jitter depends on the mesh's name and the certificate only, so that every restart comes to the same time
/// and meshes that were issued together are not renewed together.
pub fn due(certificate: &Certificate, mesh: &str, percent: u8) -> Timestamp {
    let (issued, lifetime) = life(certificate.not_before(), certificate.not_after());
    let share = 1.0 - MOST_JITTER * jitter(certificate, mesh);
    let percent = f64::from(percent.clamp(10, 95)) * share;
    let seconds = lifetime.as_secs_f64() * percent / 100.0;
    issued + SignedDuration::try_from_secs_f64(seconds.floor()).unwrap_or(lifetime)
}

/// When the hub asks for the certificate after one whose request is gone, if the agent, whose turn comes first, has not:
/// with the request and what is kept beside the key both gone it cannot. Half of what is left from the agent's turn on.
pub fn late(not_before: Timestamp, not_after: Timestamp, percent: u8) -> Timestamp {
    let (_, lifetime) = life(not_before, not_after);
    not_after - lifetime * i32::from(100 - percent.clamp(10, 95)) / 200
}

/// When a certificate was issued, and how long it lives from then on.
fn life(not_before: Timestamp, not_after: Timestamp) -> (Timestamp, SignedDuration) {
    let issued = not_before + BACKDATED.min(not_after.duration_since(not_before) / 3 * 2);
    (issued, not_after.duration_since(issued))
}

/// A number from 0 to 1 that is the same for the same mesh and certificate.
fn jitter(certificate: &Certificate, mesh: &str) -> f64 {
    let seed = Fingerprint::of(format!("{mesh} {}", certificate.fingerprint()).as_bytes());
    let [high, low, ..] = *seed.as_bytes();
    f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX)
}
