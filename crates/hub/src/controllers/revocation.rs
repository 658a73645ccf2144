//! What is revoked, and the lists that say so.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use kube::Api;
use meshroot_api::policy::RootStatus;
use meshroot_api::record::{Decision, PreparedCertificate, Verdict};
use meshroot_api::shared::ResourceRef;
use meshroot_api::{
    IssuanceRecord, Reason, TrustPolicy, VirtualMesh,
    VirtualMeshCertificateSigningRequest as Request, names,
};
use meshroot_ca::{Issuer, RevocationError, revocation_list};
use meshroot_core::Notice;
use meshroot_core::membership::{self, Key};
use meshroot_core::revocation::{self, Exposed, Stolen};
use meshroot_pki::{RevocationList, Revoked, read_revocation_lists};
use meshroot_runtime::kube::write::replace;
use meshroot_runtime::process::{clock, crash};

use crate::authority::{Root, Roots};
use crate::error::HubError;
use crate::hub::Hub;
use crate::ledger::{Entry, wire_time};
use crate::modes::Mode;
use crate::revocations::Revocation;

/// Records that what was issued to a mesh before `request` is revoked, where that says that its key was stolen and has waited
/// for long enough. What is left of the time that it has to wait.
pub(crate) async fn due(hub: &Hub, request: &Request) -> Result<Option<Duration>, HubError> {
    if revocation::asked(request).is_none() {
        return Ok(None);
    }
    if let Some(left) = revocation::waits(request, clock::now()) {
        return Ok(Some(Duration::try_from(left).unwrap_or_default()));
    }
    earlier(hub, request).await?;
    if !request.is_answered() {
        close(hub, request).await?;
    }
    Ok(None)
}

/// Says of a request that was not answered in time that all is revoked because of which it was made: it is one like any other
/// from then on, and may be forgotten.
async fn close(hub: &Hub, request: &Request) -> Result<(), HubError> {
    hub.fence()?;
    let mut next = request.clone();
    let annotations = next.metadata.annotations.get_or_insert_default();
    annotations.insert(names::REASON_ANNOTATION.to_owned(), Reason::Revoked.word().to_owned());
    let api: Api<Request> = Api::namespaced(hub.client.clone(), &Key::of(request).namespace);
    replace(&api, &next).await?;
    Ok(())
}

/// The same at once: there is a new certificate. One entry at a time, so that a hub that dies goes on where it was; one that
/// cannot be made keeps no other from being made.
pub(crate) async fn earlier(hub: &Hub, request: &Request) -> Result<(), HubError> {
    let Some(stolen) = Stolen::read(request) else { return Ok(()) };
    let mut outcome = Ok(());
    for record in hub.records.store().state() {
        let namespace = record.metadata.namespace.as_deref().unwrap_or_default();
        if let Some(prepared) = stolen.issued(namespace, &record.spec, clock::now()) {
            let revoked = revoke(hub, request, &record, prepared).await;
            outcome = outcome.and(revoked);
        }
    }
    outcome
}

async fn revoke(
    hub: &Hub,
    request: &Request,
    record: &IssuanceRecord,
    prepared: &PreparedCertificate,
) -> Result<(), HubError> {
    let certificate = Key::of(record);
    let virtual_mesh = Key::resolve(&record.spec.virtual_mesh_ref, &certificate.namespace);
    let name = names::revocation(&virtual_mesh.name, &prepared.serial);
    let place = Key::new(&virtual_mesh.namespace, name);
    let found = hub.records.object(Some(&place.namespace), &place.name);
    if found.is_some_and(|found| found.spec.decision.verdict == Verdict::Revoked) {
        return Ok(());
    }
    let why = revocation::because(&certificate, &Key::of(request).name);
    hub.fence()?;
    hub.ledgers.settle(&place.namespace).await?;
    let entry = entry(hub, (record, prepared), (place, &virtual_mesh), why.clone());
    let Some(entry) = entry else { return Ok(()) };
    entry.write(Some(prepared.clone())).await?;
    crash::point("hub-after-revocation");
    tracing::info!(target: "audit", request = %certificate, serial = prepared.serial, issuer = prepared.issuer_sha256, not_after = %prepared.not_after.0, why, "revoked");
    hub.metrics.decided(Reason::Revoked);
    let message = format!("{why}: serial {} is revoked", prepared.serial);
    hub.report(request, &Notice::new(Reason::Revoked, message), "Revoke").await;
    Ok(())
}

fn entry<'a>(
    hub: &'a Hub,
    (record, prepared): (&IssuanceRecord, &PreparedCertificate),
    (place, virtual_mesh): (Key, &Key),
    message: String,
) -> Option<Entry<'a>> {
    let issued = &record.spec;
    Some(Entry {
        ledgers: &hub.ledgers,
        request: place,
        // The same whenever it is asked for.
        uid: prepared.tbs_sha256.clone(),
        virtual_mesh_ref: ResourceRef::new(&virtual_mesh.name, &virtual_mesh.namespace),
        csr: issued.csr_sha256.parse().ok()?,
        public_key: issued.public_key_sha256.parse().ok()?,
        decision: Decision {
            verdict: Verdict::Revoked,
            by: "request".to_owned(),
            message,
            time: wire_time(clock::now()),
            people: Vec::new(),
            asked_sha256: String::new(),
        },
        facts: String::new(),
    })
}

/// The list of what signs under each root, into what is shown of that root, and what there is to say of who believes what is
/// on it.
pub(super) async fn show(
    hub: &Hub,
    (virtual_mesh, policy): (&VirtualMesh, &TrustPolicy),
    roots: &Roots,
    mode: &Mode,
    shown: &mut [RootStatus],
) -> Result<Option<Notice>, HubError> {
    let key = Key::of(virtual_mesh);
    let mut by_root: BTreeMap<u32, Vec<Revocation>> = BTreeMap::new();
    for revoked in hub.revocations.of(&key, clock::now()) {
        // Of a root that is gone nobody can say more.
        let Some((number, _)) = roots.above(revoked.issuer) else { continue };
        by_root.entry(number).or_default().push(revoked);
    }
    let mut exposed = Vec::new();
    for (number, revoked) in by_root {
        let Some(root) = roots.get(number) else { continue };
        let by = match mode {
            Mode::Steady => membership::members(virtual_mesh).collect(),
            Mode::Planned(rotation) => rotation.believing(number),
        };
        let is_leaving =
            matches!(mode, Mode::Planned(rotation) if rotation.goal().number != number);
        let entries: Vec<Revoked> = revoked.iter().map(|one| one.entry.clone()).collect();
        let fingerprint = root.issuer.root().fingerprint().to_string();
        let known = listed(policy, root, &fingerprint);
        let (listed, no_list) = match current(hub, policy, root, known.clone(), entries).await? {
            Ok(list) => (Some(list), None),
            Err(error) => {
                tracing::warn!(policy = %Key::of(policy), "no revocation list: {error}");
                (known, Some(error.to_string()))
            }
        };
        if let Some(status) = shown.iter_mut().find(|status| status.fingerprint == fingerprint) {
            status.revocation_list = listed.map(|list| list.to_pem()).unwrap_or_default();
        }
        exposed.extend(revoked.into_iter().map(|one| Exposed {
            because: one.because,
            until: one.not_after,
            by: by.clone(),
            is_leaving,
            no_list: no_list.clone(),
        }));
    }
    let believed = exposed.iter().filter(|one| !one.by.is_empty()).count();
    hub.metrics.exposed(&key.to_string(), believed);
    Ok(revocation::exposure(&exposed, &key))
}

/// The list that the policy's status has, where it is of what signs under this root.
fn listed(policy: &TrustPolicy, root: &Root, fingerprint: &str) -> Option<RevocationList> {
    let mut before = policy.status.iter().flat_map(|status| &status.roots);
    let before = before.find(|status| status.fingerprint == fingerprint)?;
    let lists = read_revocation_lists(before.revocation_list.as_bytes()).unwrap_or_default();
    lists.into_iter().next().filter(|list| revocation::is_of(list, root.issuer.certificate()))
}

fn audit(list: &RevocationList) {
    let (issuer, entries) = (list.issuer(), list.entries().len());
    let (number, next_update) = (list.number(), list.next_update());
    tracing::info!(target: "audit", %issuer, number = number.map(ToString::to_string), entries, %next_update, "revocation list signed");
}

/// The list with these entries: the one that is known, where that is good for another while, or a new one.
async fn current(
    hub: &Hub,
    policy: &TrustPolicy,
    root: &Root,
    known: Option<RevocationList>,
    entries: Vec<Revoked>,
) -> Result<Result<RevocationList, NoList>, HubError> {
    let signer = root.issuer.certificate();
    let is_current =
        |list: &RevocationList| revocation::is_current(list, signer, &entries, clock::now());
    match known {
        Some(list) if is_current(&list) => Ok(Ok(list)),
        _ if entries.len() > MOST_ENTRIES => Ok(Err(NoList::TooLong(entries.len()))),
        before => {
            hub.fence()?;
            let lifetime = super::lifetime(policy);
            let signed = sign(Arc::clone(&root.issuer), entries, before, lifetime).await;
            Ok(signed.inspect(audit))
        }
    }
}

/// So many entries fit into [`RootStatus::revocation_list`], with the longest serial numbers that there are.
const MOST_ENTRIES: usize = 3000;

/// Why there is no list of all that is revoked.
#[derive(Debug, thiserror::Error)]
enum NoList {
    #[error(transparent)]
    Revocation(#[from] RevocationError),
    #[error(
        "{0} entries take more room than there is; replace the root, and the list of the next one is short"
    )]
    TooLong(usize),
    #[error("this hub is ending")]
    Cancelled,
}

async fn sign(
    issuer: Arc<Issuer>,
    entries: Vec<Revoked>,
    before: Option<RevocationList>,
    lifetime: SignedDuration,
) -> Result<RevocationList, NoList> {
    let sign = move || revocation_list(&issuer, &entries, before.as_ref(), lifetime, clock::now());
    // RSA takes milliseconds.
    Ok(tokio::task::spawn_blocking(sign).await.map_err(|_| NoList::Cancelled)??)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use meshroot_api::policy::LONGEST_REVOCATION_LIST;
    use meshroot_ca::{MemorySigner, RootSpec, make_root};
    use meshroot_pki::{DistinguishedName, KeyKind, RevocationReason, Serial};

    use super::*;

    #[test]
    fn the_longest_list_fits_into_the_field_that_has_it() {
        let now = clock::now();
        let spec = RootSpec {
            subject: DistinguishedName::new("Meshroot", "long", "long").unwrap(),
            key: KeyKind::EcdsaP256,
            lifetime: SignedDuration::from_hours(48),
        };
        let (root, key) = make_root(&spec, now).unwrap();
        let signer = Box::new(MemorySigner::new(key));
        let issuer = Issuer::new(&[root], Vec::new(), signer, now).unwrap();
        let entry = |number: usize| {
            let mut octets = [0xff; 20];
            (octets[0], octets[1]) = (0x7f, u8::try_from(number % 251).unwrap());
            octets[2..10].copy_from_slice(&number.to_be_bytes());
            let reason = Some(RevocationReason::CA_COMPROMISE);
            Revoked { serial: Serial::new(&octets), since: now, reason }
        };
        let entries: Vec<Revoked> = (0..MOST_ENTRIES).map(entry).collect();
        let lifetime = SignedDuration::from_hours(24);
        let list = revocation_list(&issuer, &entries, None, lifetime, now).unwrap();
        assert!(list.to_pem().len() <= LONGEST_REVOCATION_LIST, "{}", list.to_pem().len());
    }
}
