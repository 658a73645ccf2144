//! The ledger of issuance: one chain of IssuanceRecords in each cluster's namespace.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::ListParams;
use kube::{Api, Client};
use meshroot_api::record::{Decision, IssuanceRecordSpec, PreparedCertificate, RecordedRequest};
use meshroot_api::shared::ResourceRef;
use meshroot_api::{IssuanceRecord, MeshTrust, Reason, names};
use meshroot_ca::{Facts, Ledger};
use meshroot_core::ledger::End;
use meshroot_core::membership::Key;
use meshroot_core::trust;
use meshroot_pki::Fingerprint;
use meshroot_runtime::kube::lease::{Fence, Leadership};
use meshroot_runtime::kube::watch::Watched;
use meshroot_runtime::kube::write::{Written, create_if_absent};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, sleep_until};

use crate::error::HubError;
use crate::metrics::Metrics;

/// Nobody led before.
const FIRST_TERM: u64 = 1;
/// How long a write of a former leader may take to arrive.
const UNDER_WAY: Duration = Duration::from_secs(1);

/// The chains of all namespaces.
pub(crate) struct Ledgers {
    client: Client,
    records: Watched<IssuanceRecord>,
    leadership: Leadership,
    /// Where each namespace's chain ends, as far as this term of leadership knows.
    ends: Mutex<HashMap<String, Arc<AsyncMutex<Option<Known>>>>>,
    /// The present term, and from when on it may write.
    terms: Mutex<Option<(Fence, Instant)>>,
    /// Which say, beside the records, how far each ledger had come.
    trusts: Watched<MeshTrust>,
    metrics: Metrics,
}

/// Where a chain ends, in one term of leadership.
#[derive(Clone, Debug)]
struct Known {
    fence: Fence,
    end: End,
}

/// One entry to be made.
pub(crate) struct Entry<'a> {
    pub(crate) ledgers: &'a Ledgers,
    pub(crate) request: Key,
    pub(crate) uid: String,
    pub(crate) virtual_mesh_ref: ResourceRef,
    pub(crate) csr: Fingerprint,
    pub(crate) public_key: Fingerprint,
    pub(crate) decision: Decision,
}

impl Ledger for Entry<'_> {
    type Error = HubError;

    async fn append(&self, facts: &Facts) -> Result<(), HubError> {
        self.write(Some(prepared(facts))).await
    }
}

impl Entry<'_> {
    /// Makes the entry at the end of its namespace's chain. The very same entry is fine, another one is not.
    pub(crate) async fn write(
        &self,
        prepared: Option<PreparedCertificate>,
    ) -> Result<(), HubError> {
        let chain = self.ledgers.chain(&self.request.namespace);
        let mut end = chain.lock().await;
        let fence = self.ledgers.fence()?;
        let last = match end.take() {
            Some(known) if known.fence == fence => known,
            // A new term: others may have written since.
            _ => self.read_end(fence).await?,
        };
        let spec = self.spec(prepared, &last);
        let after = End::after(&spec);
        let record = record(&self.request, spec);
        // Entries never change, so one that the local copy has needs no second look.
        if self.known().is_some_and(|known| same(&known.spec, &record.spec)) {
            *end = Some(last);
            return Ok(());
        }
        self.ledgers.fence()?;
        match create_if_absent(&self.records(), &record).await? {
            Written::Created(_) => {
                *end = Some(Known { fence, end: after });
                Ok(())
            }
            Written::Existed(found) if same(&found.spec, &record.spec) => {
                // Of this chain as it is known, or of one that must be read again.
                *end = Some(last).filter(|last| found.spec.sequence <= last.end.sequence);
                Ok(())
            }
            Written::Existed(_) => {
                Err(HubError::LedgerConflict { request: self.request.to_string() })
            }
        }
    }

    fn known(&self) -> Option<Arc<IssuanceRecord>> {
        self.ledgers.records.object(Some(&self.request.namespace), &self.request.name)
    }

    fn spec(&self, prepared: Option<PreparedCertificate>, last: &Known) -> IssuanceRecordSpec {
        IssuanceRecordSpec {
            request: RecordedRequest { name: self.request.name.clone(), uid: self.uid.clone() },
            virtual_mesh_ref: self.virtual_mesh_ref.clone(),
            csr_sha256: self.csr.to_string(),
            public_key_sha256: self.public_key.to_string(),
            decision: self.decision.clone(),
            prepared,
            sequence: last.end.sequence + 1,
            previous_sha256: last.end.digest.clone(),
            fence: last.fence.0,
        }
    }

    async fn read_end(&self, fence: Fence) -> Result<Known, HubError> {
        self.ledgers.settled(fence).await;
        let all = self
            .records()
            .list(&ListParams::default())
            .await
            .map_err(|error| HubError::ReadLedger(Box::new(error)))?;
        let last = all.items.iter().map(|record| &record.spec).max_by_key(|spec| spec.sequence);
        let found = last.map(End::after).unwrap_or_default();
        Ok(Known { fence, end: self.ledgers.checked(&self.request.namespace, found) })
    }

    fn records(&self) -> Api<IssuanceRecord> {
        Api::namespaced(self.ledgers.client.clone(), &self.request.namespace)
    }
}

impl Ledgers {
    pub(crate) fn new(
        client: Client,
        records: Watched<IssuanceRecord>,
        trusts: Watched<MeshTrust>,
        leadership: Leadership,
        metrics: Metrics,
    ) -> Self {
        Self {
            client,
            records,
            trusts,
            leadership,
            metrics,
            ends: Mutex::default(),
            terms: Mutex::default(),
        }
    }

    /// The end of a ledger as the records have it, or, where MeshTrusts tell of a later one, that: a number that was
    /// used is not used again, and the entry after the gap names the entry that is gone.
    fn checked(&self, namespace: &str, found: End) -> End {
        let trusts = self.trusts.store().state();
        let of_namespace =
            trusts.iter().filter(|trust| trust.metadata.namespace.as_deref() == Some(namespace));
        let Some(later) = found.later(of_namespace.filter_map(|trust| trust::ledger_end(trust)))
        else {
            return found;
        };
        self.metrics.decided(Reason::LedgerCut);
        tracing::error!(
            target: "audit", namespace, records = found.sequence, known = later.sequence,
            "{}: entries of the ledger were taken away; it goes on after them", Reason::LedgerCut
        );
        later
    }

    /// Waits, once a term, until what the leader before had under way is there: it asked whether it leads right before
    /// it wrote, but somebody may take the Lease from it between the two, and two entries would have one number.
    async fn settled(&self, fence: Fence) {
        if fence.0 == FIRST_TERM {
            return;
        }
        let from = {
            let mut terms = self.terms.lock().unwrap_or_else(PoisonError::into_inner);
            match *terms {
                Some((known, from)) if known == fence => from,
                _ => terms.insert((fence, Instant::now() + UNDER_WAY)).1,
            }
        };
        sleep_until(from).await;
    }

    fn fence(&self) -> Result<Fence, HubError> {
        self.leadership.state().ok_or(HubError::NotLeader)
    }

    fn chain(&self, namespace: &str) -> Arc<AsyncMutex<Option<Known>>> {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(ends.entry(namespace.to_owned()).or_default())
    }
}

/// What was prepared, read back from an entry.
pub(crate) fn facts(prepared: &PreparedCertificate) -> Option<Facts> {
    Some(Facts {
        serial: unhex(&prepared.serial)?,
        tbs: prepared.tbs_sha256.parse().ok()?,
        issuer: prepared.issuer_sha256.parse().ok()?,
        not_before: prepared.not_before.0,
        not_after: prepared.not_after.0,
        profile: prepared.profile_sha256.parse().ok()?,
    })
}

fn prepared(facts: &Facts) -> PreparedCertificate {
    PreparedCertificate {
        serial: hex(&facts.serial),
        tbs_sha256: facts.tbs.to_string(),
        issuer_sha256: facts.issuer.to_string(),
        not_before: Time(facts.not_before),
        not_after: Time(facts.not_after),
        profile_sha256: facts.profile.to_string(),
    }
}

fn same(found: &IssuanceRecordSpec, wanted: &IssuanceRecordSpec) -> bool {
    found.request == wanted.request
        && found.csr_sha256 == wanted.csr_sha256
        && found.prepared == wanted.prepared
        && found.decision.verdict == wanted.decision.verdict
}

fn record(request: &Key, spec: IssuanceRecordSpec) -> IssuanceRecord {
    let mut record = IssuanceRecord::new(&request.name, spec);
    record.metadata = ObjectMeta {
        name: Some(request.name.clone()),
        namespace: Some(request.namespace.clone()),
        labels: Some(names::labels()),
        ..ObjectMeta::default()
    };
    record
}

/// Times are kept in whole seconds, as they are on the wire.
pub(crate) fn wire_time(now: Timestamp) -> Time {
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
