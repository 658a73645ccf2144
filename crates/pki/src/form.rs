//! What DER is, by its outer form: so that a refusal can say what was given instead.

use std::fmt;

use crate::tlv;

/// A structure that people hand in where a certificate, a request or a key belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DerForm {
    /// X.509 certificate (RFC 5280).
    Certificate,
    /// PKCS#10 request (RFC 2986).
    Request,
    /// Certificate revocation list (RFC 5280 section 5).
    RevocationList,
    /// Private key in PKCS#8 (RFC 5958), PKCS#1 (RFC 8017) or SEC1 (RFC 5915).
    PrivateKey,
    /// Encrypted private key (RFC 5958 section 3).
    EncryptedPrivateKey,
    /// Public key (`SubjectPublicKeyInfo`).
    PublicKey,
    /// PKCS#7 or CMS, such as a `.p7b` of certificates (RFC 5652).
    Pkcs7,
    /// PKCS#12: certificates and keys under a password (RFC 7292).
    Pkcs12,
}

/// `pkcs-7` (1.2.840.113549.1.7), encoded, without its last arc.
const PKCS7_ARC: [u8; 10] = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const CONTEXT_0: u8 = 0xa0;

impl DerForm {
    /// Tells the form of one DER value; `None` for what is none of these. Content is not judged.
    pub fn of(der: &[u8]) -> Option<Self> {
        tlv::check_frame(der).ok()?;
        if der.first() != Some(&SEQUENCE) {
            return None;
        }
        let members = tlv::members(der).ok()?;
        let tags: Vec<u8> = members.iter().map(|member| member[0]).collect();
        match (tags.as_slice(), members.as_slice()) {
            ([INTEGER, SEQUENCE, ..], [_, content, ..]) if is_pkcs7(content) => Some(Self::Pkcs12),
            ([0x06, CONTEXT_0], [oid, _]) if oid.starts_with(&PKCS7_ARC) => Some(Self::Pkcs7),
            (
                [INTEGER, SEQUENCE, OCTET_STRING, ..]
                | [INTEGER, OCTET_STRING, ..]
                | [INTEGER, INTEGER, INTEGER, INTEGER, INTEGER, ..],
                _,
            ) => Some(Self::PrivateKey),
            ([SEQUENCE, OCTET_STRING], _) => Some(Self::EncryptedPrivateKey),
            ([SEQUENCE, BIT_STRING], _) => Some(Self::PublicKey),
            ([SEQUENCE, SEQUENCE, BIT_STRING], [signed, ..]) => signed_form(signed),
            _ => None,
        }
    }

    /// How to get from it what is asked for, where there is a command for that.
    pub fn conversion(self) -> Option<&'static str> {
        match self {
            Self::Pkcs12 => Some(
                "openssl pkcs12 -in FILE -nokeys -out certificates.pem (and -nocerts -nodes for the key)",
            ),
            Self::Pkcs7 => {
                Some("openssl pkcs7 -inform DER -in FILE -print_certs -out certificates.pem")
            }
            Self::EncryptedPrivateKey => Some("openssl pkey -in FILE -out key.pem"),
            _ => None,
        }
    }
}

/// How to get certificates from a PEM block of this label, where there is a command for that.
pub(crate) fn conversion_of_block(label: &str) -> Option<&'static str> {
    match label {
        // The certificate is followed by OpenSSL's own trust settings, which nobody else reads.
        "TRUSTED CERTIFICATE" => Some("openssl x509 -in FILE -out certificate.pem"),
        "PKCS7" | "CMS" => Some("openssl pkcs7 -in FILE -print_certs -out certificates.pem"),
        _ => None,
    }
}

fn is_pkcs7(content: &[u8]) -> bool {
    tlv::members(content)
        .is_ok_and(|members| members.first().is_some_and(|member| member.starts_with(&PKCS7_ARC)))
}

/// A certificate, a request and a revocation list are each signed; what is signed tells which.
fn signed_form(signed: &[u8]) -> Option<DerForm> {
    let members = tlv::members(signed).ok()?;
    let tags: Vec<u8> = members.iter().map(|member| member[0]).collect();
    match tags.as_slice() {
        [CONTEXT_0, INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, ..]
        | [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, ..] => {
            Some(DerForm::Certificate)
        }
        [INTEGER, SEQUENCE, SEQUENCE] | [INTEGER, SEQUENCE, SEQUENCE, CONTEXT_0] => {
            Some(DerForm::Request)
        }
        [INTEGER, SEQUENCE, SEQUENCE, UTC_TIME | GENERALIZED_TIME, ..]
        | [SEQUENCE, SEQUENCE, UTC_TIME | GENERALIZED_TIME, ..] => Some(DerForm::RevocationList),
        _ => None,
    }
}

impl fmt::Display for DerForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "a certificate",
            Self::Request => "a PKCS#10 certificate request",
            Self::RevocationList => "a certificate revocation list",
            Self::PrivateKey => "a private key",
            Self::EncryptedPrivateKey => "an encrypted private key",
            Self::PublicKey => "a public key",
            Self::Pkcs7 => "PKCS#7 (CMS)",
            Self::Pkcs12 => "PKCS#12 (certificates and keys under a password)",
        })
    }
}
