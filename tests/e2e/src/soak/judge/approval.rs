//! Nothing is decided by the policy while people decide, and nothing by people that they did not say.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use meshroot_api::policy::ApprovalMode;
use meshroot_api::record::Verdict;
use meshroot_api::{IssuanceRecord, TrustPolicy, VirtualMesh};

use super::ledger::name;

/// A decision takes a moment between being made and being written, and creations are dated to the second.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(5);

/// Who may say that something is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InForce {
    Policy,
    People,
    /// The virtual mesh or its policy is not there, or there are two.
    Nobody,
}

/// Who may decide for a virtual mesh, by what there is.
pub(crate) fn in_force<'a>(
    virtual_mesh: &str,
    virtual_meshes: impl IntoIterator<Item = &'a VirtualMesh>,
    policies: impl IntoIterator<Item = &'a TrustPolicy>,
) -> InForce {
    let mut named = virtual_meshes.into_iter().map(|one| one.metadata.name.as_deref());
    let is_there = named.any(|name| name == Some(virtual_mesh));
    let of_it = |one: &&TrustPolicy| one.spec.virtual_mesh_ref.name == virtual_mesh;
    let mut policies = policies.into_iter().filter(of_it);
    match (is_there, policies.next(), policies.next()) {
        (true, Some(policy), None) if policy.spec.approval.mode == ApprovalMode::Automatic => {
            InForce::Policy
        }
        (true, Some(_), None) => InForce::People,
        _ => InForce::Nobody,
    }
}

/// Who might decide for each virtual mesh, and since when.
#[derive(Debug, Default)]
pub(crate) struct Timeline(BTreeMap<String, Vec<(Timestamp, InForce)>>);

impl Timeline {
    pub(crate) fn note(&mut self, virtual_mesh: &str, now: Timestamp, in_force: InForce) {
        let all = self.0.entry(virtual_mesh.to_owned()).or_default();
        if all.last().is_none_or(|(_, last)| *last != in_force) {
            all.push((now, in_force));
        }
    }

    /// Whether the policy might decide at about that time.
    fn allowed_policy(&self, virtual_mesh: &str, at: Timestamp) -> bool {
        let all = self.0.get(virtual_mesh).map_or(&[][..], Vec::as_slice);
        let ends = all.iter().skip(1).map(|(from, _)| Some(*from)).chain([None]);
        all.iter().zip(ends).any(|((from, in_force), end)| {
            *in_force == InForce::Policy
                && from.duration_since(at) <= TOLERANCE
                && end.is_none_or(|end| at.duration_since(end) <= TOLERANCE)
        })
    }
}

/// What the soak's people said, by the digest of the PKCS#10 request.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) approved: BTreeSet<String>,
    pub(crate) denied: BTreeSet<String>,
}

/// A record in the ledger is what was decided by whoever might.
pub(crate) fn check(record: &IssuanceRecord, timeline: &Timeline, said: &Said) -> Result<()> {
    let (spec, name) = (&record.spec, name(record));
    if spec.decision.verdict == Verdict::Denied {
        return Ok(());
    }
    ensure!(!said.denied.contains(&spec.csr_sha256), "{name} was denied and is to be signed");
    match spec.decision.by.as_str() {
        "third-party" => {
            ensure!(
                said.approved.contains(&spec.csr_sha256),
                "{name} is to be signed, and nobody approved its PKCS#10 request {}",
                spec.csr_sha256
            );
        }
        "policy" => {
            let at = record.metadata.creation_timestamp.as_ref().context("it has no time")?.0;
            ensure!(
                timeline.allowed_policy(&spec.virtual_mesh_ref.name, at),
                "{name} was approved by the policy at {at}, when no policy did; in force were {:?}",
                timeline.0.get(&spec.virtual_mesh_ref.name)
            );
        }
        other => bail!("{name} was decided by {other:?}"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use meshroot_api::networking::VirtualMeshSpec;
    use meshroot_api::policy::TrustPolicySpec;
    use meshroot_api::shared::ResourceRef;

    use super::*;
    use crate::soak::judge::samples::{later, now, record};

    fn decided_by(by: &str) -> IssuanceRecord {
        let mut record = record(1);
        by.clone_into(&mut record.spec.decision.by);
        record
    }

    fn timeline(all: &[(i64, InForce)]) -> Timeline {
        let mut timeline = Timeline::default();
        for (second, in_force) in all {
            timeline.note("demo", later(*second), *in_force);
        }
        timeline
    }

    #[test]
    fn a_policy_that_decides_while_people_or_nobody_may_is_found() {
        let record = decided_by("policy");
        for other in [InForce::People, InForce::Nobody] {
            let late = timeline(&[(-60, InForce::Policy), (-6, other), (6, InForce::Policy)]);
            let error = check(&record, &late, &Said::default()).unwrap_err().to_string();
            assert!(error.contains("when no policy did"), "{error}");
            for near in
                [[(-60, InForce::Policy), (-4, other)], [(-60, other), (4, InForce::Policy)]]
            {
                check(&record, &timeline(&near), &Said::default()).unwrap();
            }
        }
        assert!(check(&record, &Timeline::default(), &Said::default()).is_err());
    }

    #[test]
    fn an_approval_that_nobody_gave_for_these_bytes_is_found() {
        let record = decided_by("third-party");
        let (people, mut said) = (timeline(&[(-60, InForce::People)]), Said::default());
        said.approved.insert("csr-2".to_owned());
        let error = check(&record, &people, &said).unwrap_err().to_string();
        assert!(error.contains("nobody approved"), "{error}");
        said.approved.insert("csr-1".to_owned());
        check(&record, &people, &said).unwrap();
    }

    #[test]
    fn what_was_denied_and_is_signed_is_found_whoever_decides() {
        let always = timeline(&[(-60, InForce::Policy)]);
        let said = Said {
            approved: BTreeSet::from(["csr-1".to_owned()]),
            denied: BTreeSet::from(["csr-1".to_owned()]),
        };
        for by in ["policy", "third-party"] {
            let error = check(&decided_by(by), &always, &said).unwrap_err().to_string();
            assert!(error.contains("was denied"), "{error}");
        }
        let mut denied = decided_by("third-party");
        denied.spec.decision.verdict = Verdict::Denied;
        check(&denied, &always, &said).unwrap();
        assert!(check(&decided_by("somebody"), &always, &Said::default()).is_err());
    }

    #[test]
    fn one_policy_beside_its_virtual_mesh_is_in_force_and_nothing_else() {
        let demo = VirtualMesh::new("demo", VirtualMeshSpec::default());
        let policy = |name: &str, mode| {
            let mut spec = TrustPolicySpec {
                virtual_mesh_ref: ResourceRef::new("demo", "meshroot-system"),
                ..TrustPolicySpec::default()
            };
            spec.approval.mode = mode;
            TrustPolicy::new(name, spec)
        };
        let (automatic, people) =
            (policy("a", ApprovalMode::Automatic), policy("b", ApprovalMode::ThirdParty));
        assert_eq!(in_force("demo", [&demo], [&automatic]), InForce::Policy);
        assert_eq!(in_force("demo", [&demo], [&people]), InForce::People);
        assert_eq!(in_force("demo", [&demo], []), InForce::Nobody);
        assert_eq!(in_force("demo", [&demo], [&automatic, &people]), InForce::Nobody);
        assert_eq!(in_force("demo", [], [&automatic]), InForce::Nobody);
        assert_eq!(in_force("other", [&demo], [&automatic]), InForce::Nobody);
        assert!(now() < later(1));
    }
}
