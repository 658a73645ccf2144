//! What a request was answered with is what the ledger says, once.

use anyhow::{Context as _, Result, ensure};
use meshroot_api::record::Verdict;
use meshroot_api::security::ApprovalStatus;
use meshroot_api::{Asked, IssuanceRecord, VirtualMeshCertificateSigningRequest as Request};
use meshroot_pki::{Certificate, CertificateRequest, parse_bundle};

/// Holds an answered request against its record.
pub(crate) fn agrees(request: &Request, record: &IssuanceRecord) -> Result<()> {
    let name = request.metadata.name.as_deref().unwrap_or_default();
    let spec = &record.spec;
    ensure!(
        request.approval() != ApprovalStatus::Denied && spec.decision.verdict == Verdict::Approved,
        "{name} was denied and has a certificate"
    );
    let csr = CertificateRequest::parse(&request.spec.csr_data.0).context("csrData")?;
    let digest = csr.fingerprint().to_string();
    ensure!(spec.csr_sha256 == digest, "{name}: another PKCS#10 request was recorded");
    let certificate = certificate(request)?;
    let prepared = spec.prepared.as_ref().context("the record prepared nothing")?;
    let serial = certificate.serial().to_string();
    ensure!(
        prepared.serial.trim_start_matches('0') == serial.trim_start_matches('0'),
        "{name}: serial {} was recorded, {serial} was issued",
        prepared.serial
    );
    let signed = meshroot_pki::Fingerprint::of(certificate.tbs_der()).to_string();
    ensure!(prepared.tbs_sha256 == signed, "{name}: other bytes were recorded than signed");
    ensure!(certificate.public_key() == csr.public_key(), "{name}: it is for another key");
    if spec.decision.by == "third-party" { is_as_asked(request, record) } else { Ok(()) }
}

/// What people approved is what was prepared.
fn is_as_asked(request: &Request, record: &IssuanceRecord) -> Result<()> {
    let name = request.metadata.name.as_deref().unwrap_or_default();
    let prepared = record.spec.prepared.as_ref().context("the record prepared nothing")?;
    let asked = Asked::of(request).with_context(|| format!("{name}: nobody was asked"))?;
    ensure!(asked.csr_sha256 == record.spec.csr_sha256, "{name}: something else was asked");
    ensure!(
        asked.profile_sha256 == prepared.profile_sha256
            && asked.issuer_sha256 == prepared.issuer_sha256,
        "{name}: profile or issuer is another one than was asked"
    );
    Ok(())
}

/// The certificate that a request was answered with.
pub(crate) fn certificate(request: &Request) -> Result<Certificate> {
    let chain = parse_bundle(&request.status_or_default().response.ca_certificate.0)?;
    chain.into_iter().next().context("the answer is empty")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::judge::samples::answered;

    #[test]
    fn an_answer_that_is_what_was_recorded_holds() {
        let (request, record) = answered();
        agrees(&request, &record).unwrap();
    }

    #[test]
    fn each_thing_that_is_otherwise_than_recorded_is_found() {
        type Change = fn(&mut Request, &mut IssuanceRecord);
        let changes: [(Change, &str); 7] = [
            (
                |request, _| {
                    request.status.as_mut().unwrap().third_party_approval.approval_status =
                        ApprovalStatus::Denied;
                },
                "was denied",
            ),
            (|_, record| record.spec.decision.verdict = Verdict::Denied, "was denied"),
            (|_, record| record.spec.csr_sha256 = "x".to_owned(), "another PKCS#10"),
            (|_, record| record.spec.prepared = None, "prepared nothing"),
            (|_, record| record.spec.prepared.as_mut().unwrap().serial = "77".to_owned(), "serial"),
            (
                |_, record| record.spec.prepared.as_mut().unwrap().tbs_sha256 = "x".to_owned(),
                "other bytes",
            ),
            (|_, record| record.spec.decision.by = "third-party".to_owned(), "nobody was asked"),
        ];
        for (change, words) in changes {
            let (mut request, mut record) = answered();
            change(&mut request, &mut record);
            let error = format!("{:#}", agrees(&request, &record).unwrap_err());
            assert!(error.contains(words), "{words}: {error}");
        }
    }

    #[test]
    fn an_answer_under_other_terms_than_were_asked_is_found() {
        let (mut request, mut record) = answered();
        "third-party".clone_into(&mut record.spec.decision.by);
        let asked = |profile: &str| Asked {
            csr_sha256: record.spec.csr_sha256.clone(),
            profile_sha256: profile.to_owned(),
            lifetime: std::time::Duration::from_mins(5).into(),
            path_len: 0,
            issuer: String::new(),
            issuer_sha256: "issuer".to_owned(),
            approvals: 1,
        };
        let annotate = |request: &mut Request, asked: Asked| {
            let annotations = request.metadata.annotations.get_or_insert_default();
            annotations.insert(meshroot_api::names::ASKED_ANNOTATION.to_owned(), asked.to_string());
        };
        annotate(&mut request, asked("profile"));
        agrees(&request, &record).unwrap();
        annotate(&mut request, asked("another"));
        let error = agrees(&request, &record).unwrap_err().to_string();
        assert!(error.contains("than was asked"), "{error}");
    }
}
