//! What a certificate is asked for under the policy as it is now, and when that asks for a renewal.

use meshroot_api::VirtualMeshCertificateSigningRequest as Request;
use meshroot_api::names;
use meshroot_api::policy::KeyAlgorithm;
use meshroot_api::record::IssuanceRecordSpec;
use meshroot_api::security::CertConfig;
use meshroot_pki::{CertificateRequest, Fingerprint};

use crate::key;

/// What the certificate of one mesh is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms<'a> {
    /// Digest of the profile.
    pub profile: Fingerprint,
    /// Fingerprint of the certificate that signs.
    pub issuer: Fingerprint,
    /// The key that the agent is to make.
    pub key: KeyAlgorithm,
    /// What the certificate is to say.
    pub config: &'a CertConfig,
}

impl Terms<'_> {
    /// SHA-256 over the canonical text of the terms: what a request says that it was made for, so that terms that cannot
    /// be met are asked for once.
    ///
    /// The text is version 1, and stands in requests that there are: the fields in this order with a space between, the
    /// hosts quoted in a list. A further field needs version 2, whose text begins with a line that says so.
    pub fn digest(&self) -> Fingerprint {
        let Self { profile, issuer, key, config } = self;
        let CertConfig { hosts, org, mesh_type: _ } = config;
        let hosts: Vec<String> = hosts.iter().map(|host| format!("\"{host}\"")).collect();
        let text = format!("{profile} {issuer} {} [{}] {org}", key.word(), hosts.join(", "));
        Fingerprint::of(text.as_bytes())
    }

    /// Whether a renewal is to be asked for: the newest request of a mesh was answered, it was not made for these terms,
    /// and what was issued for it, by the ledger, does not meet them.
    pub fn ask_for_renewal(&self, newest: &Request, record: Option<&IssuanceRecordSpec>) -> bool {
        let annotations = newest.metadata.annotations.as_ref();
        let made_for = annotations.and_then(|all| all.get(names::POLICY_ANNOTATION));
        newest.is_answered()
            && made_for != Some(&self.digest().to_string())
            && !self.are_met(newest, record)
    }

    /// Where the ledger does not know what was issued, nothing can be held against it.
    fn are_met(&self, request: &Request, record: Option<&IssuanceRecordSpec>) -> bool {
        let Some(prepared) = record.and_then(|record| record.prepared.as_ref()) else {
            return true;
        };
        if prepared.profile_sha256 != self.profile.to_string()
            || prepared.issuer_sha256 != self.issuer.to_string()
            || request.spec.cert_config != *self.config
        {
            return false;
        }
        let Ok(csr) = CertificateRequest::parse(&request.spec.csr_data.0) else { return true };
        csr.public_key().kind() == Some(key::kind(self.key))
    }
}
