//! Certificates that are revoked, as a list has them.

use der::Encode;
use jiff::Timestamp;
use x509_cert::ext::pkix::CrlReason;

use crate::serial::Serial;

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Serial number of the certificate.
    pub serial: Serial,
    /// Since when it is revoked.
    pub since: Timestamp,
    /// Why, where the list says it.
    pub reason: Option<RevocationReason>,
}

/// Why a certificate is revoked (RFC 5280 section 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationReason(CrlReason);

impl RevocationReason {
    /// The key of a CA is, or may be, in other hands.
    pub const CA_COMPROMISE: Self = Self(CrlReason::CaCompromise);

    /// The name in RFC 5280.
    pub fn name(self) -> &'static str {
        match self.0 {
            CrlReason::Unspecified => "unspecified",
            CrlReason::KeyCompromise => "keyCompromise",
            CrlReason::CaCompromise => "cACompromise",
            CrlReason::AffiliationChanged => "affiliationChanged",
            CrlReason::Superseded => "superseded",
            CrlReason::CessationOfOperation => "cessationOfOperation",
            CrlReason::CertificateHold => "certificateHold",
            CrlReason::RemoveFromCRL => "removeFromCRL",
            CrlReason::PrivilegeWithdrawn => "privilegeWithdrawn",
            CrlReason::AaCompromise => "aACompromise",
        }
    }
}

impl Encode for RevocationReason {
    fn encoded_len(&self) -> der::Result<der::Length> {
        self.0.encoded_len()
    }

    fn encode(&self, encoder: &mut impl der::Writer) -> der::Result<()> {
        self.0.encode(encoder)
    }
}

impl From<CrlReason> for RevocationReason {
    fn from(reason: CrlReason) -> Self {
        Self(reason)
    }
}
