//! Signature algorithms: which identifiers mean what, exactly.

use aws_lc_rs::signature as aws;
use spki::AlgorithmIdentifierOwned;

use crate::key::KeyError;
use crate::oid;

/// Hash of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// A signature algorithm with its parameters checked. MD5 and SHA-1 do not exist here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureAlgorithm {
    RsaPkcs1(Hash),
    RsaPss(Hash),
    Ecdsa(Hash),
    Ed25519,
}

/// Content of `RSASSA-PSS-params` with SHA-256, MGF1 of the same hash, and a salt of its length
/// (RFC 4055 section 3.1), the only form that rustls-webpki accepts. The octets at
/// [`PSS_HASH_OFFSETS`] name the hash, the last one the salt's length.
const PSS_SHA256: [u8; 52] = [
    0xa0, 0x0f, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0xa1, 0x1c, 0x30, 0x1a, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08,
    0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0xa2,
    0x03, 0x02, 0x01, 0x20,
];
const PSS_HASH_OFFSETS: [usize; 2] = [14, 44];

impl SignatureAlgorithm {
    /// Reads an identifier, parameters included.
    pub(crate) fn read(identifier: &AlgorithmIdentifierOwned) -> Result<Self, KeyError> {
        let algorithm = match identifier.oid {
            oid::SHA256_WITH_RSA => Self::RsaPkcs1(Hash::Sha256),
            oid::SHA384_WITH_RSA => Self::RsaPkcs1(Hash::Sha384),
            oid::SHA512_WITH_RSA => Self::RsaPkcs1(Hash::Sha512),
            oid::ECDSA_WITH_SHA256 => Self::Ecdsa(Hash::Sha256),
            oid::ECDSA_WITH_SHA384 => Self::Ecdsa(Hash::Sha384),
            oid::ECDSA_WITH_SHA512 => Self::Ecdsa(Hash::Sha512),
            oid::ED25519 => Self::Ed25519,
            oid::RSASSA_PSS => return read_pss(identifier),
            _ => {
                return Err(KeyError::SignatureAlgorithm { algorithm: identifier.oid.to_string() });
            }
        };
        let parameters = identifier.parameters.as_ref();
        let as_defined = match algorithm {
            // NULL is written; its absence must be read too (RFC 4055 section 5).
            Self::RsaPkcs1(_) => parameters.is_none_or(der::asn1::Any::is_null),
            _ => parameters.is_none(),
        };
        if !as_defined {
            return Err(parameters_error(identifier));
        }
        Ok(algorithm)
    }

    /// Whether every peer that a mesh may have accepts the algorithm in a certificate.
    ///
    /// ECDSA with SHA-512 is missing from rustls-webpki built on `ring`, which also wants the NULL
    /// of RSA's parameters.
    pub(crate) fn is_accepted_by_every_peer(self, identifier: &AlgorithmIdentifierOwned) -> bool {
        let lacks_null = matches!(self, Self::RsaPkcs1(_)) && identifier.parameters.is_none();
        self != Self::Ecdsa(Hash::Sha512) && !lacks_null
    }
}

/// The library's verifier for RSA keys of 2048 to 8192 bits.
pub(crate) fn rsa_verifier(
    algorithm: SignatureAlgorithm,
) -> Option<&'static dyn aws::VerificationAlgorithm> {
    Some(match algorithm {
        SignatureAlgorithm::RsaPkcs1(Hash::Sha256) => &aws::RSA_PKCS1_2048_8192_SHA256,
        SignatureAlgorithm::RsaPkcs1(Hash::Sha384) => &aws::RSA_PKCS1_2048_8192_SHA384,
        SignatureAlgorithm::RsaPkcs1(Hash::Sha512) => &aws::RSA_PKCS1_2048_8192_SHA512,
        SignatureAlgorithm::RsaPss(Hash::Sha256) => &aws::RSA_PSS_2048_8192_SHA256,
        SignatureAlgorithm::RsaPss(Hash::Sha384) => &aws::RSA_PSS_2048_8192_SHA384,
        SignatureAlgorithm::RsaPss(Hash::Sha512) => &aws::RSA_PSS_2048_8192_SHA512,
        SignatureAlgorithm::Ecdsa(_) | SignatureAlgorithm::Ed25519 => return None,
    })
}

/// The library's verifier for P-256 keys.
pub(crate) fn p256_verifier(
    algorithm: SignatureAlgorithm,
) -> Option<&'static dyn aws::VerificationAlgorithm> {
    match algorithm {
        SignatureAlgorithm::Ecdsa(Hash::Sha256) => Some(&aws::ECDSA_P256_SHA256_ASN1),
        SignatureAlgorithm::Ecdsa(Hash::Sha384) => Some(&aws::ECDSA_P256_SHA384_ASN1),
        SignatureAlgorithm::Ecdsa(Hash::Sha512) => Some(&aws::ECDSA_P256_SHA512_ASN1),
        _ => None,
    }
}

/// The library's verifier for P-384 keys.
pub(crate) fn p384_verifier(
    algorithm: SignatureAlgorithm,
) -> Option<&'static dyn aws::VerificationAlgorithm> {
    match algorithm {
        SignatureAlgorithm::Ecdsa(Hash::Sha256) => Some(&aws::ECDSA_P384_SHA256_ASN1),
        SignatureAlgorithm::Ecdsa(Hash::Sha384) => Some(&aws::ECDSA_P384_SHA384_ASN1),
        SignatureAlgorithm::Ecdsa(Hash::Sha512) => Some(&aws::ECDSA_P384_SHA512_ASN1),
        _ => None,
    }
}

fn read_pss(identifier: &AlgorithmIdentifierOwned) -> Result<SignatureAlgorithm, KeyError> {
    let content = identifier.parameters.as_ref().map(der::asn1::Any::value).unwrap_or_default();
    [(Hash::Sha256, 1, 32), (Hash::Sha384, 2, 48), (Hash::Sha512, 3, 64)]
        .into_iter()
        .find(|(_, octet, salt)| content == pss_parameters(*octet, *salt))
        .map(|(hash, ..)| SignatureAlgorithm::RsaPss(hash))
        .ok_or(KeyError::PssParameters)
}

fn pss_parameters(hash_octet: u8, salt_length: u8) -> [u8; 52] {
    let mut parameters = PSS_SHA256;
    for offset in PSS_HASH_OFFSETS {
        parameters[offset] = hash_octet;
    }
    parameters[51] = salt_length;
    parameters
}

fn parameters_error(identifier: &AlgorithmIdentifierOwned) -> KeyError {
    KeyError::SignatureParameters { algorithm: identifier.oid.to_string() }
}
