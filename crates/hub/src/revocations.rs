//! What was revoked, by the certificate that issued it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use meshroot_api::IssuanceRecord;
use meshroot_api::record::Verdict;
use meshroot_pki::{RevocationReason, Revoked, Serial};

use crate::ledger::unhex;

/// Built from the ledger; grows with it.
#[derive(Debug, Default)]
pub(crate) struct Revocations {
    /// Fingerprint of the issuing certificate and serial number in hex → what is revoked.
    known: Mutex<HashMap<String, BTreeMap<String, Revocation>>>,
}

/// A certificate that was revoked.
#[derive(Clone, Debug)]
pub(crate) struct Revocation {
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
            entry: Revoked {
                serial: Serial::new(&serial),
                since: decision.time.0,
                reason: Some(RevocationReason::CA_COMPROMISE),
            },
            not_after: prepared.not_after.0,
            because: decision.message.clone(),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let of_issuer = known.entry(prepared.issuer_sha256.clone()).or_default();
        of_issuer.insert(prepared.serial.clone(), revocation);
    }

    /// What this issuer revoked and has not ended, by serial number.
    pub(crate) fn of_issuer(&self, issuer: &str, now: Timestamp) -> Vec<Revocation> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let all = known.get(issuer).into_iter().flat_map(BTreeMap::values);
        all.filter(|revocation| revocation.not_after > now).cloned().collect()
    }
}
