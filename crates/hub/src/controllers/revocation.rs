//! What is revoked, and the lists that say so.

use std::sync::Arc;

use jiff::SignedDuration;
use meshroot_api::policy::RootStatus;
use meshroot_api::record::{Decision, IssuanceRecordSpec, PreparedCertificate, Verdict};
use meshroot_api::{
    Reason, TrustPolicy, VirtualMesh, VirtualMeshCertificateSigningRequest as Request, names,
};
use meshroot_ca::{Issuer, RevocationError, revocation_list};
use meshroot_core::Notice;
use meshroot_core::membership::{self, Key};
use meshroot_core::revocation::{self, Exposed};
use meshroot_pki::{RevocationList, Revoked, read_revocation_lists};
use meshroot_runtime::process::{clock, crash};

use crate::authority::{Root, Roots};
use crate::error::HubError;
use crate::hub::Hub;
use crate::ledger::{Entry, wire_time};
use crate::modes::Mode;

/// Records that what was issued to a mesh before `request` is revoked, where that was asked for because of its key. One entry
/// at a time, so that a hub that dies goes on where it was.
pub(crate) async fn earlier(hub: &Hub, request: &Request) -> Result<(), HubError> {
    let key = Key::of(request);
    let virtual_mesh = Key::resolve(&request.spec.virtual_mesh_ref, &key.namespace);
    let Some(by) = revocation::revoking(request) else { return Ok(()) };
    let mut records = hub.records.store().state();
    records.retain(|record| {
        record.metadata.namespace.as_ref() == Some(&key.namespace)
            && revocation::is_before(&record.spec.request.name, &by)
    });
    for record in records {
        let certificate = Key::of(record.as_ref());
        let now = clock::now();
        let Some(prepared) = revocation::issued(&record.spec, &virtual_mesh, now) else { continue };
        let place = Key::new(
            &virtual_mesh.namespace,
            names::revocation(&virtual_mesh.name, &prepared.serial),
        );
        if hub.records.object(Some(&place.namespace), &place.name).is_some() {
            continue;
        }
        let why = revocation::because(&certificate, &key.name);
        hub.fence()?;
        hub.ledgers.settle(&place.namespace).await?;
        let Some(entry) = entry(hub, &record.spec, prepared, place, why.clone()) else { continue };
        entry.write(Some(prepared.clone())).await?;
        crash::point("hub-after-revocation");
        tracing::info!(target: "audit", request = %certificate, serial = prepared.serial, issuer = prepared.issuer_sha256, not_after = %prepared.not_after.0, why, "revoked");
        hub.metrics.decided(Reason::Revoked);
        let message = format!("{why}: serial {} is revoked", prepared.serial);
        hub.report(request, &Notice::new(Reason::Revoked, message), "Revoke").await;
    }
    Ok(())
}

fn entry<'a>(
    hub: &'a Hub,
    issued: &IssuanceRecordSpec,
    prepared: &PreparedCertificate,
    place: Key,
    message: String,
) -> Option<Entry<'a>> {
    Some(Entry {
        ledgers: &hub.ledgers,
        request: place,
        // The same whenever it is asked for.
        uid: prepared.tbs_sha256.clone(),
        virtual_mesh_ref: issued.virtual_mesh_ref.clone(),
        csr: issued.csr_sha256.parse().ok()?,
        public_key: issued.public_key_sha256.parse().ok()?,
        decision: Decision {
            verdict: Verdict::Revoked,
            by: "request".to_owned(),
            message,
            time: wire_time(clock::now()),
        },
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
    let now = clock::now();
    let mut exposed = Vec::new();
    for (number, root) in roots.all() {
        let issuer = root.issuer.certificate().fingerprint().to_string();
        let revoked = hub.revocations.of_issuer(&issuer, now);
        if revoked.is_empty() {
            continue;
        }
        let by = match mode {
            Mode::Steady => membership::members(virtual_mesh).collect(),
            Mode::Planned(rotation) => rotation.trusting(number),
        };
        let is_leaving =
            matches!(mode, Mode::Planned(rotation) if rotation.goal().number != number);
        exposed.extend(revoked.iter().map(|one| Exposed {
            because: one.because.clone(),
            until: one.not_after,
            by: by.clone(),
            is_leaving,
        }));
        let entries: Vec<Revoked> = revoked.into_iter().map(|one| one.entry).collect();
        let fingerprint = root.issuer.root().fingerprint().to_string();
        if let Some(status) = shown.iter_mut().find(|status| status.fingerprint == fingerprint) {
            status.revocation_list = list(hub, policy, root, &fingerprint, &entries).await?;
        }
    }
    let key = Key::of(virtual_mesh);
    let believed = exposed.iter().filter(|one| !one.by.is_empty()).count();
    hub.metrics.exposed(&key.to_string(), believed);
    Ok(revocation::exposure(&exposed, &key))
}

/// The list that the policy's status has, where that is good for another while; a new one otherwise, or none where who signs
/// may sign no lists.
async fn list(
    hub: &Hub,
    policy: &TrustPolicy,
    root: &Root,
    fingerprint: &str,
    entries: &[Revoked],
) -> Result<String, HubError> {
    let mut before = policy.status.iter().flat_map(|status| &status.roots);
    let before = before.find(|status| status.fingerprint == fingerprint);
    let before = before.map(|status| status.revocation_list.as_str()).unwrap_or_default();
    let issuer = Arc::clone(&root.issuer);
    let is_current = |list: &RevocationList| {
        revocation::is_current(list, issuer.certificate(), entries, clock::now())
    };
    let lists = read_revocation_lists(before.as_bytes()).unwrap_or_default();
    if lists.first().is_some_and(is_current) {
        return Ok(before.to_owned());
    }
    hub.fence()?;
    let known = lists.into_iter().next();
    match sign(issuer, entries.to_vec(), known, super::lifetime(policy)).await {
        Ok(list) => {
            let (issuer, entries) = (list.issuer(), list.entries().len());
            let (number, next_update) = (list.number(), list.next_update());
            tracing::info!(target: "audit", %issuer, number = number.map(ToString::to_string), entries, %next_update, "revocation list signed");
            Ok(list.to_pem())
        }
        Err(error) => {
            tracing::warn!(policy = %Key::of(policy), "no revocation list: {error}");
            Ok(before.to_owned())
        }
    }
}

async fn sign(
    issuer: Arc<Issuer>,
    entries: Vec<Revoked>,
    before: Option<RevocationList>,
    lifetime: SignedDuration,
) -> Result<RevocationList, RevocationError> {
    let sign = move || revocation_list(&issuer, &entries, before.as_ref(), lifetime, clock::now());
    // RSA takes milliseconds.
    tokio::task::spawn_blocking(sign).await.unwrap_or(Err(RevocationError::Cancelled))
}
