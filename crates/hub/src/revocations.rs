//! What was revoked, by virtual mesh.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use meshroot_api::IssuanceRecord;
use meshroot_api::record::Verdict;
use meshroot_core::membership::Key;
use meshroot_pki::{Fingerprint, RevocationReason, Revoked, Serial};

use crate::ledger::unhex;

/// Built from the ledger; grows with it.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    /// By digest of what was signed, and of these each once.
    known: Mutex<HashMap<Key, BTreeMap<String, Revocation>>>,
}

/// A certificate that was revoked.
#[derive(Clone, Debug)]
pub(crate) struct Revocation {
    /// Fingerprint of the certificate that issued it.
    pub(crate) issuer: Option<Fingerprint>,
    /// The entry of the revocation list.
    pub(crate) entry: Revoked,
    /// When it ends by itself.
    pub(crate) not_after: Timestamp,
    /// Why, and whose it is.
    pub(crate) because: String,
}

impl Revocations {
    /// Learns from an entry of the ledger.
    pub(crate) fn learn(&self, record: &IssuanceRecord) {
        let (decision, prepared) = (&record.spec.decision, &record.spec.prepared);
        let Some(prepared) = prepared.as_ref().filter(|_| decision.verdict == Verdict::Revoked)
        else {
            return;
        };
        let Some(serial) = unhex(&prepared.serial) else { return };
        let revocation = Revocation {
            issuer: prepared.issuer_sha256.parse().ok(),
            entry: Revoked {
                serial: Serial::new(&serial),
                since: decision.time.0,
                reason: Some(RevocationReason::CA_COMPROMISE),
            },
            not_after: prepared.not_after.0,
            because: decision.message.clone(),
        };
        let namespace = record.metadata.namespace.as_deref().unwrap_or_default();
        let virtual_mesh = Key::resolve(&record.spec.virtual_mesh_ref, namespace);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let of_mesh = known.entry(virtual_mesh).or_default();
        of_mesh.insert(prepared.tbs_sha256.clone(), revocation);
    }

    /// What was issued for this virtual mesh, is revoked, and has not ended.
    pub(crate) fn of(&self, virtual_mesh: &Key, now: Timestamp) -> Vec<Revocation> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let all = known.get(virtual_mesh).into_iter().flat_map(BTreeMap::values);
        all.filter(|revocation| revocation.not_after > now).cloned().collect()
    }
}
