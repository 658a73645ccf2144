//! Certificates that are taken back: which, since when, and who believes them all the same.

use jiff::{SignedDuration, Timestamp};
use meshroot_api::names::{REASON_ANNOTATION, RequestName};
use meshroot_api::record::{IssuanceRecordSpec, PreparedCertificate, Verdict};
use meshroot_api::{Reason, VirtualMeshCertificateSigningRequest as Request};
use meshroot_pki::{Certificate, RevocationList, Revoked};

use crate::membership::{self, Key};
use crate::notice::Notice;

/// So long the new certificate is waited for: whoever stole the key may keep the mesh from asking for one.
pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// The name of a request that says that the key of its mesh is believed stolen: what was issued before it is to be revoked.
pub fn asked(request: &Request) -> Option<RequestName> {
    let annotations = request.metadata.annotations.as_ref();
    let reason = annotations.and_then(|all| all.get(REASON_ANNOTATION));
    let is_asked = reason.is_some_and(|reason| reason == Reason::KeyCompromised.word());
    request.metadata.name.as_deref().and_then(RequestName::parse).filter(|_| is_asked)
}

/// How long what such a request asks for has to wait; `None` where it has not: the mesh has its new certificate, or had
/// [`LONGEST_WAIT`] for it since the request was created, whatever became of it.
pub fn waits(request: &Request, now: Timestamp) -> Option<SignedDuration> {
    let created = request.metadata.creation_timestamp.as_ref()?.0;
    let left = LONGEST_WAIT.saturating_sub(now.duration_since(created));
    (!request.is_answered() && left.is_positive()).then_some(left)
}

/// What a request that says that a key was stolen is about.
#[derive(Debug)]
pub struct Stolen<'a> {
    namespace: &'a str,
    by: RequestName,
    /// By the API server.
    created: Timestamp,
}

impl<'a> Stolen<'a> {
    /// `None` where it says no such thing.
    pub fn read(request: &'a Request) -> Option<Self> {
        Some(Self {
            by: asked(request)?,
            namespace: request.metadata.namespace.as_deref().unwrap_or_default(),
            created: request.metadata.creation_timestamp.as_ref()?.0,
        })
    }

    /// What an entry of the ledger issued to the mesh before, where that can be revoked: it has not ended.
    ///
    /// Nothing that an agent writes counts: neither the virtual mesh that the request names, nor the number alone. Before are
    /// all that were decided before the request was created, in whichever virtual mesh, and those of a lower number. Whoever
    /// had one key of a mesh may have had each.
    pub fn issued<'b>(
        &self,
        namespace: &str,
        entry: &'b IssuanceRecordSpec,
        now: Timestamp,
    ) -> Option<&'b PreparedCertificate> {
        let name = RequestName::parse(&entry.request.name)?;
        let is_lower =
            name.virtual_mesh == self.by.virtual_mesh && name.generation < self.by.generation;
        let is_before = name != self.by && (is_lower || entry.decision.time.0 < self.created);
        let is_meant = namespace == self.namespace && name.mesh == self.by.mesh && is_before;
        let prepared = entry.prepared.as_ref().filter(|_| is_meant)?;
        (entry.decision.verdict == Verdict::Approved && prepared.not_after.0 > now)
            .then_some(prepared)
    }
}

/// Why, for the ledger.
pub fn because(certificate: &Key, by: &str) -> String {
    format!("the key of {certificate} is believed stolen, says {by}")
}

/// Whether a list that was made before is good for another while: the same certificates are on it, and not half of its
/// life is over, or it ends with its issuer.
pub fn is_current(
    list: &RevocationList,
    issuer: &Certificate,
    entries: &[Revoked],
    now: Timestamp,
) -> bool {
    let (from, until) = (list.this_update(), list.next_update());
    let half = from + until.duration_since(from) / 2;
    let good_until = if until >= issuer.not_after() { until } else { half };
    let has = |entry: &Revoked| list.entries().contains(entry);
    is_of(list, issuer)
        && list.entries().len() == entries.len()
        && entries.iter().all(has)
        && (from..good_until).contains(&now)
}

/// Whether a list was made by this issuer.
pub fn is_of(list: &RevocationList, issuer: &Certificate) -> bool {
    list.names(issuer) && list.verify_signed_by(issuer).is_ok()
}

/// A revoked certificate, and the meshes whose workloads trust a root that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// What the ledger says of it.
    pub because: String,
    /// When it ends by itself.
    pub until: Timestamp,
    /// Who believes it.
    pub by: Vec<Key>,
    /// Whether the root that it leads to is being replaced.
    pub is_leaving: bool,
    /// Why it is on no revocation list that could be made, where it is so.
    pub no_list: Option<String>,
}

/// Says who believes what was revoked, and until when; `None` where nobody does.
pub fn exposure(all: &[Exposed], virtual_mesh: &Key) -> Option<Notice> {
    let believed = all.iter().filter(|one| !one.by.is_empty());
    let worst = believed.clone().max_by_key(|one| one.until)?;
    let more = match believed.count() - 1 {
        0 => String::new(),
        more => format!("; and so it is with {more} more"),
    };
    let sooner = if worst.is_leaving {
        "or until its root, which is being replaced, is trusted no more".to_owned()
    } else {
        format!("sooner where the root is replaced: meshroot rotate root {virtual_mesh}")
    };
    let no_list = worst.no_list.as_ref();
    let no_list = no_list.map(|why| format!("; no revocation list says so: {why}"));
    let message = format!(
        "{}; workloads of {} believe what it signs until {}, {sooner}{}{more}",
        worst.because,
        membership::named(worst.by.iter()).unwrap_or_default(),
        worst.until,
        no_list.unwrap_or_default()
    );
    Some(Notice::new(Reason::Revoked, message))
}
