//! What a person decided, once it is written.

use meshroot_api::VirtualMeshCertificateSigningRequest as Request;
use meshroot_api::security::ApprovalStatus;
use meshroot_core::issuance::{Given, names};
use meshroot_pki::CertificateRequest;

use crate::{Sheet, full_name};

/// What was decided on, the digest and the hosts, and by whom.
pub fn sheet(request: &Request, decision: ApprovalStatus, user: &str, message: &str) -> Sheet {
    let mut sheet = Sheet::default();
    sheet.heading(format!("{} {}", decision.word(), full_name(&request.metadata)));
    match CertificateRequest::parse(&request.spec.csr_data.0) {
        Ok(csr) => {
            let key = csr.public_key();
            sheet.field("CSR SHA-256", csr.fingerprint().to_string());
            sheet.field("Key", format!("{} {}", key.kind_name(), key.fingerprint()));
        }
        Err(error) => sheet.field("CSR", format!("cannot be read: {error}")),
    }
    sheet.fields("Hosts", &request.spec.cert_config.hosts);
    sheet.field("Virtual mesh", request.spec.virtual_mesh_ref.to_string());
    sheet.field("By", user);
    sheet.field("Message", message);
    sheet
}

/// How many approvals there are, and whether that is enough.
pub fn count(given: &Given) -> String {
    let (have, required) = (given.people.len(), given.required);
    let names = names(&given.people);
    if given.is_enough() {
        format!("{have} of {required} ({names}): the hub signs it")
    } else {
        format!("{have} of {required} ({names})")
    }
}
