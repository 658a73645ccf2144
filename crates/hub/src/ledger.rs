//! The ledger of issuance: one chain of IssuanceRecords in each cluster's namespace.

mod claims;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::ListParams;
use kube::{Api, Client};
use meshroot_api::record::{Decision, IssuanceRecordSpec, PreparedCertificate, RecordedRequest};
use meshroot_api::shared::ResourceRef;
use meshroot_api::{
    IssuanceRecord, Reason, VirtualMeshCertificateSigningRequest as Request, names,
};
use meshroot_ca::{Facts, Ledger};
use meshroot_core::ledger::End;
use meshroot_core::membership::Key;
use meshroot_pki::Fingerprint;
use meshroot_runtime::kube::lease::{Fence, Leadership};
use meshroot_runtime::kube::watch::Watched;
use meshroot_runtime::kube::write::{Written, create_if_absent};
use meshroot_runtime::process::crash;
use tokio::sync::Mutex as AsyncMutex;

use self::claims::{Claim, Claims};
use crate::error::HubError;
use crate::metrics::Metrics;

/// The chains of all namespaces.
pub(crate) struct Ledgers {
    client: Client,
    records: Watched<IssuanceRecord>,
    leadership: Leadership,
    /// Where each namespace's chain ends, as far as this term of leadership knows.
    ends: Mutex<HashMap<String, Arc<AsyncMutex<Option<Known>>>>>,
    /// In which term each namespace was settled, and what was recorded then.
    settled: Mutex<Settled>,
    claims: Claims,
    metrics: Metrics,
}

/// By namespace: the term, and the record of its newest claim.
type Settled = HashMap<String, (Fence, Option<Arc<IssuanceRecord>>)>;

/// Where a chain ends, in one term of leadership.
#[derive(Clone, Debug)]
struct Known {
    fence: Fence,
    end: End,
    claim: Option<Claim>,
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
    /// What rules saw, as JSON.
    pub(crate) facts: String,
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
            _ => self.ledgers.read_end(&self.request.namespace, fence).await?,
        };
        let record = record(&self.request.namespace, self.spec(prepared, &last.end, fence));
        if let Some(found) = self.found().await? {
            *end = Some(last);
            return agrees(&found, &record);
        }
        self.ledgers.fence()?;
        let after = End::after(&record.spec);
        let claim =
            self.ledgers.claims.claim(&self.request.namespace, last.claim, &record.spec).await?;
        crash::point("hub-after-claim");
        self.ledgers.create(&record).await?;
        *end = Some(Known { fence, end: after, claim: Some(claim) });
        Ok(())
    }

    /// This request's record. Entries never change, so one that the local copy has needs no second look.
    async fn found(&self) -> Result<Option<Arc<IssuanceRecord>>, HubError> {
        let Key { namespace, name } = &self.request;
        if let Some(copy) = self.ledgers.records.object(Some(namespace), name) {
            return Ok(Some(copy));
        }
        Ok(self.ledgers.read(namespace, name).await?.map(Arc::new))
    }

    fn spec(
        &self,
        prepared: Option<PreparedCertificate>,
        last: &End,
        fence: Fence,
    ) -> IssuanceRecordSpec {
        IssuanceRecordSpec {
            request: RecordedRequest { name: self.request.name.clone(), uid: self.uid.clone() },
            virtual_mesh_ref: self.virtual_mesh_ref.clone(),
            csr_sha256: self.csr.to_string(),
            public_key_sha256: self.public_key.to_string(),
            decision: self.decision.clone(),
            prepared,
            facts: self.facts.clone(),
            sequence: last.sequence + 1,
            previous_sha256: last.digest.clone(),
            fence: fence.0,
        }
    }
}

impl Ledgers {
    pub(crate) fn new(
        client: Client,
        namespace: &str,
        records: Watched<IssuanceRecord>,
        leadership: Leadership,
        metrics: Metrics,
    ) -> Self {
        let claims = Claims::new(client.clone(), namespace);
        Self {
            client,
            records,
            leadership,
            ends: Mutex::default(),
            settled: Mutex::default(),
            claims,
            metrics,
        }
    }

    /// Records what was claimed and not recorded, once a term and namespace: before anything else is decided there.
    pub(crate) async fn settle(&self, namespace: &str) -> Result<(), HubError> {
        let fence = self.fence()?;
        if self.settled().get(namespace).is_some_and(|(settled, _)| *settled == fence) {
            return Ok(());
        }
        let chain = self.chain(namespace);
        let mut end = chain.lock().await;
        if end.as_ref().is_none_or(|known| known.fence != fence) {
            *end = Some(self.read_end(namespace, fence).await?);
        }
        Ok(())
    }

    /// A request's record, where that is of the newest claim when its namespace was settled: the local copy may not have it
    /// yet.
    pub(crate) fn completed(&self, request: &Key) -> Option<Arc<IssuanceRecord>> {
        let settled = self.settled();
        let (_, completed) = settled.get(&request.namespace)?;
        completed.clone().filter(|record| Key::of(record.as_ref()) == *request)
    }

    fn settled(&self) -> MutexGuard<'_, Settled> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the ledger ends: at its newest claim, or, where nothing was ever claimed, at its newest record.
    async fn read_end(&self, namespace: &str, fence: Fence) -> Result<Known, HubError> {
        let Some(claim) = self.claims.newest(namespace).await? else {
            let all =
                self.records_of(namespace).list(&ListParams::default()).await.map_err(unread)?;
            let end = newest(all.items.iter().map(|record| &record.spec));
            self.settled().insert(namespace.to_owned(), (fence, None));
            return Ok(Known { fence, end, claim: None });
        };
        let known = self.copied_end(namespace);
        let (end, completed) = if known.sequence > claim.end().sequence {
            // The claims are older than the records, as after a restore of the hub's namespace alone.
            (known, None)
        } else {
            (claim.end(), self.complete(namespace, &claim).await?)
        };
        self.settled().insert(namespace.to_owned(), (fence, completed.map(Arc::new)));
        Ok(Known { fence, end, claim: Some(claim) })
    }

    /// A hub may have died between its claim and its record: a request that waits gets the record that was claimed for
    /// it. Otherwise the record was there, and somebody took it away.
    async fn complete(
        &self,
        namespace: &str,
        claim: &Claim,
    ) -> Result<Option<IssuanceRecord>, HubError> {
        let RecordedRequest { name, uid } = &claim.entry.request;
        match self.read(namespace, name).await? {
            Some(record) if End::after(&record.spec) == claim.end() => Ok(Some(record)),
            None if self.waits(namespace, name, uid).await? => {
                let record = record(namespace, claim.entry.clone());
                self.create(&record).await?;
                Ok(Some(record))
            }
            _ => {
                self.cut(namespace, &claim.end());
                Ok(None)
            }
        }
    }

    /// Whether something waits for this entry: a request, or a cross-certificate, whose entry has no request.
    async fn waits(&self, namespace: &str, name: &str, uid: &str) -> Result<bool, HubError> {
        if uid.parse::<Fingerprint>().is_ok() {
            return Ok(true);
        }
        let requests: Api<Request> = Api::namespaced(self.client.clone(), namespace);
        let request = requests.get_opt(name).await.map_err(unread)?;
        Ok(request.is_some_and(|request| {
            request.metadata.uid.as_deref() == Some(uid) && !request.is_answered()
        }))
    }

    async fn read(&self, namespace: &str, name: &str) -> Result<Option<IssuanceRecord>, HubError> {
        self.records_of(namespace).get_opt(name).await.map_err(unread)
    }

    async fn create(&self, record: &IssuanceRecord) -> Result<(), HubError> {
        let namespace = record.metadata.namespace.as_deref().unwrap_or_default();
        match create_if_absent(&self.records_of(namespace), record).await? {
            Written::Created(_) => Ok(()),
            Written::Existed(found) => agrees(&found, record),
        }
    }

    fn records_of(&self, namespace: &str) -> Api<IssuanceRecord> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// The end as far as the local copy has it.
    fn copied_end(&self, namespace: &str) -> End {
        let records = self.records.store().state();
        let of_namespace =
            records.iter().filter(|record| record.metadata.namespace.as_deref() == Some(namespace));
        newest(of_namespace.map(|record| &record.spec))
    }

    /// A number that was used is not used again, and the entry after the gap names the entry that is gone.
    fn cut(&self, namespace: &str, end: &End) {
        self.metrics.decided(Reason::LedgerCut);
        tracing::error!(
            target: "audit", namespace, sequence = end.sequence, digest = end.digest,
            "{}: the ledger's newest entry was taken away; it goes on after it", Reason::LedgerCut
        );
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

/// The same entry is there, under whatever number.
fn agrees(found: &IssuanceRecord, wanted: &IssuanceRecord) -> Result<(), HubError> {
    if same(&found.spec, &wanted.spec) {
        return Ok(());
    }
    Err(HubError::LedgerConflict { request: Key::of(wanted).to_string() })
}

fn same(found: &IssuanceRecordSpec, wanted: &IssuanceRecordSpec) -> bool {
    found.request == wanted.request
        && found.csr_sha256 == wanted.csr_sha256
        && found.prepared == wanted.prepared
        && found.decision.verdict == wanted.decision.verdict
}

/// The end after the newest of these entries.
fn newest<'a>(entries: impl Iterator<Item = &'a IssuanceRecordSpec>) -> End {
    entries.max_by_key(|entry| entry.sequence).map(End::after).unwrap_or_default()
}

fn unread(error: kube::Error) -> HubError {
    HubError::ReadLedger(Box::new(error))
}

fn record(namespace: &str, spec: IssuanceRecordSpec) -> IssuanceRecord {
    let name = spec.request.name.clone();
    let mut record = IssuanceRecord::new(&name, spec);
    record.metadata = ObjectMeta {
        name: Some(name),
        namespace: Some(namespace.to_owned()),
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

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
