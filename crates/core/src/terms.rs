//! What a certificate is asked for under the policy as it is now, and when that asks for a renewal.

use meshroot_api::VirtualMeshCertificateSigningRequest as Request;
use meshroot_api::names;
use meshroot_api::policy::KeyAlgorithm;
use meshroot_api::record::IssuanceRecordSpec;
use meshroot_api::security::CertConfig;
use meshroot_api::shared::State;
use meshroot_pki::{CertificateRequest, Fingerprint, Host};

use crate::key;
use crate::renewal::{Cause, Standing};

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
    /// Hosts that it may say beside those, by the policy. A host more that is allowed changes nothing for anybody.
    pub allowed_hosts: &'a [String],
}

impl Terms<'_> {
    /// SHA-256 over the canonical text of the terms: what a request says that it was made for, so that terms that cannot
    /// be met are asked for once.
    ///
    /// The text is version 1, and stands in requests that there are: the fields in this order with a space between, the
    /// hosts quoted in a list. A further field needs version 2, whose text begins with a line that says so.
    pub fn digest(&self) -> Fingerprint {
        let Self { profile, issuer, key, config, allowed_hosts: _ } = self;
        let CertConfig { hosts, org, mesh_type: _ } = config;
        let hosts: Vec<String> = hosts.iter().map(|host| format!("\"{host}\"")).collect();
        let text = format!("{profile} {issuer} {} [{}] {org}", key.word(), hosts.join(", "));
        Fingerprint::of(text.as_bytes())
    }

    /// On whose account the hub asks for another request after the newest one of a mesh, if it does.
    ///
    /// After one that the ledger or a later change of terms has overtaken, always. Else never after one that was made for
    /// these terms: what they cannot bring about is asked for once. Else where it asks for other names than the mesh has,
    /// where what was issued for it, by the ledger, does not meet the terms, and where it can never be answered.
    pub fn asks_for_another(
        &self,
        newest: &Request,
        record: Option<&IssuanceRecordSpec>,
    ) -> Option<Cause> {
        let standing = Standing::of(newest);
        let is_named_well = self.take(&newest.spec.cert_config);
        if standing == Standing::Dead && newest.state() == State::Conflict {
            return Some(if is_named_well { Cause::Policy } else { Cause::Identity });
        }
        let annotations = newest.metadata.annotations.as_ref();
        let made_for = annotations.and_then(|all| all.get(names::POLICY_ANNOTATION));
        let issuer =
            record.and_then(|record| Some(record.prepared.as_ref()?.issuer_sha256.as_str()));
        let is_of_another = issuer.is_some_and(|issuer| issuer != self.issuer.to_string());
        // While a root is replaced, what was asked for under one may be signed under another.
        if made_for == Some(&self.digest().to_string()) && !is_of_another {
            return None;
        }
        if !is_named_well {
            return Some(Cause::Identity);
        }
        let unmet = standing == Standing::Answered && !self.are_met(newest, record);
        (unmet || standing == Standing::Dead).then_some(Cause::Policy)
    }

    /// Whether a request may ask for this: what the mesh is, and beside that hosts that the policy allows.
    fn take(&self, asked: &CertConfig) -> bool {
        let CertConfig { hosts, org, mesh_type } = self.config;
        let is_own = |host: &&String| hosts.contains(host);
        let more_allowed = || asked.hosts.iter().all(|host| is_own(&host) || self.allows(host));
        asked.mesh_type == *mesh_type
            && asked.org == *org
            && hosts.iter().all(|host| asked.hosts.contains(host))
            && more_allowed()
    }

    fn allows(&self, host: &str) -> bool {
        let host = host.parse::<Host>();
        host.is_ok_and(|host| {
            self.allowed_hosts.iter().any(|allowed| allowed.parse().as_ref() == Ok(&host))
        })
    }

    /// Where the ledger does not know what was issued, nothing can be held against it.
    fn are_met(&self, request: &Request, record: Option<&IssuanceRecordSpec>) -> bool {
        let Some(prepared) = record.and_then(|record| record.prepared.as_ref()) else {
            return true;
        };
        if prepared.profile_sha256 != self.profile.to_string()
            || prepared.issuer_sha256 != self.issuer.to_string()
        {
            return false;
        }
        let Ok(csr) = CertificateRequest::parse(&request.spec.csr_data.0) else { return true };
        csr.public_key().kind() == Some(key::kind(self.key))
    }
}
