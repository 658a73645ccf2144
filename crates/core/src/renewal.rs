//! When a certificate is renewed, and what may be forgotten afterwards.

use jiff::{SignedDuration, Timestamp};
use meshroot_api::names::RequestName;
use meshroot_pki::{Certificate, Fingerprint};

/// Most that the jitter takes off, as a fraction of the lifetime.
const JITTER: f64 = 0.05;

/// An intermediate's validity begins this much before it was issued (profile of `docs/issuance.md`).
const BACKDATED: SignedDuration = SignedDuration::from_mins(10);

/// When the renewal of a certificate begins: at `renew_at` of its life since it was issued, less up to 5 % of it.
///
/// Counted from the issuance, not from the backdated start: else a short-lived certificate would be due when it
/// arrives, and again and again.
///
/// The jitter depends on the mesh's name and the certificate only, so that every restart comes to the same time
/// and meshes that were issued together are not renewed together.
pub fn due(certificate: &Certificate, mesh: &str, renew_at: f64) -> Timestamp {
    let validity = certificate.not_after().duration_since(certificate.not_before());
    let issued = certificate.not_before() + BACKDATED.min(validity / 3 * 2);
    let lifetime = certificate.not_after().duration_since(issued);
    let seconds =
        lifetime.as_secs_f64() * (renew_at.clamp(0.1, 0.95) - JITTER * chance(certificate, mesh));
    issued + SignedDuration::try_from_secs_f64(seconds.floor()).unwrap_or(lifetime)
}

/// A number from 0 to 1 that is the same for the same mesh and certificate.
fn chance(certificate: &Certificate, mesh: &str) -> f64 {
    let seed = Fingerprint::of(format!("{mesh} {}", certificate.fingerprint()).as_bytes());
    let [high, low, ..] = *seed.as_bytes();
    f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX)
}

/// The requests that may be forgotten once `in_use`, of the virtual mesh that the mesh is in now, is confirmed in use:
/// older ones, and those of a virtual mesh that the mesh has left.
pub fn superseded<'a>(
    in_use: &RequestName,
    all: impl IntoIterator<Item = &'a RequestName>,
) -> Vec<&'a RequestName> {
    all.into_iter()
        .filter(|other| other.mesh == in_use.mesh)
        .filter(|other| {
            other.virtual_mesh != in_use.virtual_mesh || other.generation < in_use.generation
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(mesh: &str, generation: u32) -> RequestName {
        RequestName { mesh: mesh.into(), virtual_mesh: "demo".into(), generation }
    }

    #[test]
    fn older_requests_of_the_same_mesh_and_those_of_a_virtual_mesh_it_left_are_superseded() {
        let left = RequestName { virtual_mesh: "left".into(), ..name("a", 7) };
        let all = [name("a", 1), name("a", 2), name("a", 3), name("b", 1), left.clone()];
        assert_eq!(superseded(&name("a", 2), &all), vec![&name("a", 1), &left]);
    }
}
