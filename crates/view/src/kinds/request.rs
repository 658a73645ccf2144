//! Columns of requests and of the ledger.

use jiff::Timestamp;
use meshroot_api::record::Decision;
use meshroot_api::{
    IssuanceRecord, RequestApproval, VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_core::issuance::names;
use meshroot_pki::CertificateRequest;

use super::columns::{Column, age_of, column, until, wide};

pub(super) const REQUEST: &[Column<Request>] = &[
    column("VIRTUAL-MESH", |request, _| request.spec.virtual_mesh_ref.name.clone()),
    column("APPROVAL", |request, _| request.approval().word().to_owned()),
    column("STATE", |request, _| {
        request.status_or_default().computed_status.state.word().to_owned()
    }),
    column("AGE", age_of),
    wide("HOSTS", |request, _| request.spec.cert_config.hosts.join(",")),
    wide("KEY", |request, _| {
        csr(request, |csr| {
            format!("{} {}", csr.public_key().kind_name(), short(&csr.public_key().fingerprint()))
        })
    }),
    wide("FINGERPRINT", |request, _| csr(request, |csr| short(&csr.fingerprint()))),
    column("MESSAGE", message),
];

pub(super) const APPROVAL: &[Column<RequestApproval>] = &[
    column("REQUEST", |approval, _| approval.spec.request.clone()),
    column("USER", |approval, _| approval.spec.user.clone()),
    column("AGE", age_of),
    wide("SHA256", |approval, _| approval.spec.sha256.clone()),
    column("MESSAGE", |approval, _| approval.spec.message.clone()),
];

pub(super) const RECORD: &[Column<IssuanceRecord>] = &[
    column("VIRTUAL-MESH", |record, _| record.spec.virtual_mesh_ref.name.clone()),
    column("VERDICT", |record, _| format!("{:?}", record.spec.decision.verdict)),
    column("BY", |record, _| decided_by(&record.spec.decision)),
    column("SERIAL", |record, _| {
        record.spec.prepared.as_ref().map(|it| it.serial.clone()).unwrap_or_default()
    }),
    column("EXPIRES", |record, now| {
        until(record.spec.prepared.as_ref().map(|it| &it.not_after), now)
    }),
    column("AGE", age_of),
    wide("SEQUENCE", |record, _| record.spec.sequence.to_string()),
    wide("CSR", |record, _| record.spec.csr_sha256.clone()),
    wide("ISSUER", |record, _| {
        record.spec.prepared.as_ref().map(|it| it.issuer_sha256.clone()).unwrap_or_default()
    }),
    wide("MESSAGE", |record, _| record.spec.decision.message.clone()),
];

/// Who decided: the people, where people did.
pub fn decided_by(decision: &Decision) -> String {
    match decision.people.as_slice() {
        [] => decision.by.clone(),
        people => names(people),
    }
}

fn message(request: &Request, _: Timestamp) -> String {
    let status = request.status_or_default();
    if status.computed_status.message.is_empty() {
        status.third_party_approval.message
    } else {
        status.computed_status.message
    }
}

/// Something about the CSR; nothing while there is none.
fn csr(request: &Request, fact: impl Fn(&CertificateRequest) -> String) -> String {
    match request.spec.csr_data.0.as_slice() {
        [] => String::new(),
        data => CertificateRequest::parse(data)
            .map_or_else(|_| "unreadable".to_owned(), |csr| fact(&csr)),
    }
}

/// Enough of a digest to tell two apart at a glance; `describe` has all of it.
fn short(digest: &meshroot_pki::Fingerprint) -> String {
    digest.to_string().chars().take(16).collect()
}
