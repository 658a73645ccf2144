//! What a person is asked to approve.

use kube::core::Duration;
use serde::{Deserialize, Serialize};

use crate::VirtualMeshCertificateSigningRequest as Request;
use crate::names::ASKED_ANNOTATION;

/// What a person is asked to approve beside what the request's `spec`, which never changes, says: the profile and the
/// issuer that are signed with, as they were when the hub asked.
///
/// It stands as JSON in the annotation [`ASKED_ANNOTATION`], set once and by the hub only, so that it outlives a lost
/// status. What is signed after an approval is this, or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// SHA-256 of the DER of the PKCS#10 request, 64 hexadecimal digits; so are the other digests.
    pub csr_sha256: String,
    /// Digest of the profile.
    pub profile_sha256: String,
    /// Lifetime of the certificate; it ends with its issuer at the latest.
    pub lifetime: Duration,
    /// Path length of the certificate.
    pub path_len: u8,
    /// Subject of the certificate that signs (RFC 4514).
    pub issuer: String,
    /// SHA-256 of the DER of the certificate that signs.
    pub issuer_sha256: String,
    /// How many people must approve it, at the least. Where it is one, a status that says APPROVED does as well; the
    /// API server looks at whether this stands here.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub approvals: u8,
}

fn one() -> u8 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands it a reference")]
fn is_one(approvals: &u8) -> bool {
    *approvals <= 1
}

/// As it stands in the annotation.
impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| std::fmt::Error)?)
    }
}

impl Asked {
    /// What was asked of a request; `None` where nothing was asked yet, or what stands there cannot be read.
    pub fn of(request: &Request) -> Option<Self> {
        serde_json::from_str(Self::text(request)?).ok()
    }

    /// Whether what is signed is the same. How many approve it is not signed.
    pub fn is_same(&self, other: &Self) -> bool {
        Self { approvals: other.approvals, ..self.clone() } == *other
    }

    /// What tells it from `other`, for people.
    pub fn difference(&self, other: &Self) -> &'static str {
        if self.csr_sha256 != other.csr_sha256 {
            "another CSR"
        } else if self.profile_sha256 != other.profile_sha256 {
            "another lifetime or path length"
        } else {
            "another issuer"
        }
    }

    /// As it stands in the annotation.
    pub fn text(request: &Request) -> Option<&str> {
        let annotations = request.metadata.annotations.as_ref()?;
        annotations.get(ASKED_ANNOTATION).map(String::as_str)
    }
}
