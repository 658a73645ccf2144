//! Kinds of keys, and everything that can be wrong with one.

use std::fmt;
use std::str::FromStr;

use crate::pem::PemError;
use crate::tlv::TlvError;

/// A kind of key that this product generates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// RSA with a modulus of 2048 bits.
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    Rsa3072,
    /// RSA with a modulus of 4096 bits.
    Rsa4096,
    /// ECDSA on NIST P-256.
    EcdsaP256,
    /// ECDSA on NIST P-384.
    EcdsaP384,
    /// Ed25519.
    Ed25519,
}

impl KeyKind {
    /// All kinds, weakest RSA first.
    pub const ALL: [Self; 6] = [
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::Ed25519,
    ];

    /// The name used in configuration, status and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rsa2048 => "RSA-2048",
            Self::Rsa3072 => "RSA-3072",
            Self::Rsa4096 => "RSA-4096",
            Self::EcdsaP256 => "ECDSA-P256",
            Self::EcdsaP384 => "ECDSA-P384",
            Self::Ed25519 => "Ed25519",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for KeyKind {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| KeyError::UnknownKind { kind: text.to_owned() })
    }
}

/// Why a key cannot be read, is refused, or cannot do what it was asked.
///
/// No variant carries key material.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text names no kind of key.
    #[error(
        "{kind:?} is not a kind of key; use RSA-2048, RSA-3072, RSA-4096, ECDSA-P256, ECDSA-P384 or Ed25519"
    )]
    UnknownKind {
        /// The text.
        kind: String,
    },
    /// The PEM is broken.
    #[error("the private key cannot be read: {0}")]
    Pem(#[from] PemError),
    /// A certificate was found where a private key belongs.
    #[error("a certificate was found where a private key belongs; give the key's file instead")]
    CertificateFound,
    /// Another block was found where a private key belongs.
    #[error("a {label} block was found where a private key belongs")]
    WrongBlock {
        /// The block's label.
        label: String,
    },
    /// More than one block was found.
    #[error("{count} PEM blocks were found where exactly one private key belongs")]
    SeveralBlocks {
        /// How many.
        count: usize,
    },
    /// An `EC PARAMETERS` block was found, which istiod refuses.
    #[error(
        "an EC PARAMETERS block was found beside the private key; remove it (openssl ecparam -genkey -noout writes none)"
    )]
    EcParameters,
    /// The key is encrypted.
    #[error("the private key is encrypted; decrypt it first (openssl pkey)")]
    Encrypted,
    /// The DER's frame is broken.
    #[error("the key cannot be read: {0}")]
    Frame(#[from] TlvError),
    /// A structure is not what its standard says.
    #[error("the {structure} cannot be read")]
    Malformed {
        /// The ASN.1 type's name.
        structure: &'static str,
    },
    /// The encoding is not the one that DER allows.
    #[error("the public key is not in canonical DER")]
    NotCanonical,
    /// The algorithm's parameters are not those its standard demands.
    #[error(
        "the parameters of the {kind} key are not those of its standard (RFC 3279, RFC 5480, RFC 8410)"
    )]
    Parameters {
        /// Kind of the key.
        kind: String,
    },
    /// The curve point is compressed, not on the curve, or the point at infinity.
    #[error("the public key of the {kind} key is not an uncompressed point on its curve")]
    Point {
        /// Kind of the key.
        kind: String,
    },
    /// The private key contradicts itself.
    #[error("the private {kind} key is inconsistent or damaged")]
    Inconsistent {
        /// Kind of the key.
        kind: String,
    },

    /// The key gate: kind of key.
    #[error(
        "{kind} keys are not accepted; use RSA-2048 to RSA-8192, ECDSA-P256, ECDSA-P384 or Ed25519"
    )]
    KindRefused {
        /// Kind of the key.
        kind: String,
    },
    /// The key gate: modulus too short.
    #[error("an RSA modulus of {bits} bits is too short; use at least 2048")]
    RsaModulusTooShort {
        /// Bits of the modulus.
        bits: u64,
    },
    /// The key gate: modulus too long.
    #[error("an RSA modulus of {bits} bits is too long; use at most 8192")]
    RsaModulusTooLong {
        /// Bits of the modulus.
        bits: u64,
    },
    /// The key gate: even modulus.
    #[error("the RSA modulus is even; generate a new key")]
    RsaModulusEven,
    /// The key gate: exponent.
    #[error("the RSA exponent is {exponent}, it must be 65537; generate a new key")]
    RsaExponent {
        /// The exponent, or how long it is.
        exponent: String,
    },
    /// The key gate: a small factor.
    #[error("the RSA modulus is divisible by {factor}; generate a new key")]
    RsaSmallFactor {
        /// The factor.
        factor: u32,
    },
    /// The key gate: ROCA.
    #[error(
        "the RSA modulus has the ROCA fingerprint (CVE-2017-15361) and can be factored; generate a new key with other software"
    )]
    RsaRoca,
    /// The key gate: primes too close.
    #[error(
        "the RSA primes are so close that the modulus can be factored (Fermat); generate a new key with other software"
    )]
    RsaClosePrimes,
    /// An RSA modulus that is a prime or a prime's power, so that whoever sees it can compute the private key.
    #[error("the RSA modulus is a prime or the power of one; make a new key")]
    RsaOnePrime,
    /// An Ed25519 point of small order (RFC 8032 section 5.1): anybody can sign for it.
    #[error("the Ed25519 public key is a point of small order; make a new key")]
    Ed25519SmallOrder,
    /// The key gate: on a list of keys that others have.
    #[error(
        "key {fingerprint} is on the block list {entry}: others may have its private key; make a new key"
    )]
    Blocked {
        /// Fingerprint of the public key.
        fingerprint: crate::Fingerprint,
        /// Name of the list, line, and what the line says of the key.
        entry: String,
    },

    /// The signature algorithm is not one that is checked.
    #[error(
        "signature algorithm {algorithm} is not accepted; use SHA-256 or better with RSA, ECDSA or Ed25519"
    )]
    SignatureAlgorithm {
        /// Its object identifier.
        algorithm: String,
    },
    /// The signature algorithm has other parameters than its standard demands.
    #[error(
        "the parameters of signature algorithm {algorithm} are not those of its standard (RFC 4055, RFC 5758, RFC 8410)"
    )]
    SignatureParameters {
        /// Its object identifier.
        algorithm: String,
    },
    /// RSA-PSS with a combination that peers do not check alike.
    #[error(
        "the RSA-PSS signature needs one of SHA-256, SHA-384 and SHA-512 for digest and mask, and a salt as long as the \
         digest (openssl: -sigopt rsa_pss_saltlen:digest)"
    )]
    PssParameters,
    /// The signature algorithm belongs to another kind of key.
    #[error("signature algorithm {algorithm} cannot be used with {kind} keys")]
    SignatureKey {
        /// Its object identifier.
        algorithm: String,
        /// Kind of the key.
        kind: String,
    },
    /// The signature is wrong.
    #[error("the signature was not made by {kind} key {fingerprint} over these bytes")]
    SignatureInvalid {
        /// Kind of the key.
        kind: String,
        /// Fingerprint of the public key.
        fingerprint: crate::Fingerprint,
    },

    /// The cryptographic library could not generate a key.
    #[error("the cryptographic library could not generate a key of kind {kind}")]
    Generate {
        /// Kind of the key.
        kind: KeyKind,
    },
    /// The cryptographic library could not sign.
    #[error("the cryptographic library could not sign with the {kind} key")]
    Sign {
        /// Kind of the key.
        kind: String,
    },
}
