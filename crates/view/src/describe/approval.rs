//! A decision of a person, once it is written.

use meshroot_api::VirtualMeshCertificateSigningRequest as Request;
use meshroot_api::security::ApprovalStatus;
use meshroot_pki::CertificateRequest;

use crate::{Sheet, full_name};

/// What was decided on: the digest and the hosts.
pub fn sheet(request: &Request, decision: ApprovalStatus, message: &str) -> Sheet {
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
    sheet.field("Message", message);
    sheet
}
