//! Public keys, read strictly from `SubjectPublicKeyInfo`.

use std::fmt;

use aws_lc_rs::signature::{self as aws, UnparsedPublicKey};
use der::asn1::{ObjectIdentifier, UintRef};
use der::{Decode, Encode, Sequence};
use num_bigint::BigUint;
use spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::algorithm::{self, SignatureAlgorithm};
use crate::block_list::BlockList;
use crate::fingerprint::Fingerprint;
use crate::gate;
use crate::key::{KeyError, KeyKind};
use crate::material::Material;
use crate::oid;
use crate::tlv;

/// A public key: canonical DER, and for RSA and the two curves a key that is well formed.
///
/// A key may be well formed and still be refused by [`PublicKey::check_strength`]; kinds that are
/// never accepted are read too, so that the refusal can name them.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    spki_der: Vec<u8>,
    /// Content of the `subjectPublicKey` BIT STRING.
    bits: Vec<u8>,
    material: Material,
}

/// `RSAPublicKey` of RFC 8017 appendix A.1.1.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    exponent: UintRef<'a>,
}

impl PublicKey {
    /// Reads a DER `SubjectPublicKeyInfo`: canonical, no trailing bytes, points on their curve.
    pub fn from_spki_der(der: &[u8]) -> Result<Self, KeyError> {
        tlv::check_frame(der)?;
        let malformed = |_| KeyError::Malformed { structure: "SubjectPublicKeyInfo" };
        let info = SubjectPublicKeyInfoOwned::from_der(der).map_err(malformed)?;
        if info.to_der().map_err(malformed)? != der {
            return Err(KeyError::NotCanonical);
        }
        let bits = info
            .subject_public_key
            .as_bytes()
            .ok_or(KeyError::Malformed { structure: "subjectPublicKey" })?;
        Ok(Self {
            spki_der: der.to_vec(),
            bits: bits.to_vec(),
            material: read_material(&info.algorithm, bits)?,
        })
    }

    /// The exact `SubjectPublicKeyInfo` that was read.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// The kind in words, for example `RSA-1024` or `ECDSA-P521`.
    pub fn kind_name(&self) -> String {
        match &self.material {
            Material::Rsa { modulus, .. } => format!("RSA-{}", modulus.bits()),
            Material::EcdsaP256 => KeyKind::EcdsaP256.to_string(),
            Material::EcdsaP384 => KeyKind::EcdsaP384.to_string(),
            Material::Ed25519 { .. } => KeyKind::Ed25519.to_string(),
            Material::Other(name) => name.clone(),
        }
    }

    /// The kind, if it is one that this product generates.
    pub fn kind(&self) -> Option<KeyKind> {
        match &self.material {
            Material::Rsa { modulus, .. } => match modulus.bits() {
                2048 => Some(KeyKind::Rsa2048),
                3072 => Some(KeyKind::Rsa3072),
                4096 => Some(KeyKind::Rsa4096),
                _ => None,
            },
            Material::EcdsaP256 => Some(KeyKind::EcdsaP256),
            Material::EcdsaP384 => Some(KeyKind::EcdsaP384),
            Material::Ed25519 { .. } => Some(KeyKind::Ed25519),
            Material::Other(_) => None,
        }
    }

    /// SHA-256 of the `SubjectPublicKeyInfo`.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.spki_der)
    }

    /// The key identifier of RFC 7093 method 1: SHA-256 of the BIT STRING's content, cut to 160 bits.
    pub fn key_identifier(&self) -> [u8; 20] {
        let mut identifier = [0; 20];
        identifier.copy_from_slice(&Fingerprint::of(&self.bits).as_bytes()[..20]);
        identifier
    }

    /// Checks a signature over `message`. Keys that the gate refuses by kind or size verify nothing.
    pub fn verify(
        &self,
        algorithm: &AlgorithmIdentifierOwned,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), KeyError> {
        let read = SignatureAlgorithm::read(algorithm)?;
        if matches!(self.material, Material::Rsa { .. }) {
            // The library would say that the signature is wrong, which it may not be.
            gate::check_kind(&self.material)?;
        }
        let verifier = match &self.material {
            Material::Rsa { .. } => algorithm::rsa_verifier(read),
            Material::EcdsaP256 => algorithm::p256_verifier(read),
            Material::EcdsaP384 => algorithm::p384_verifier(read),
            Material::Ed25519 { .. } if read == SignatureAlgorithm::Ed25519 => {
                Some(&aws::ED25519 as &dyn aws::VerificationAlgorithm)
            }
            Material::Ed25519 { .. } | Material::Other(_) => None,
        };
        let verifier = verifier.ok_or_else(|| KeyError::SignatureKey {
            algorithm: algorithm.oid.to_string(),
            kind: self.kind_name(),
        })?;
        UnparsedPublicKey::new(verifier, &self.bits).verify(message, signature).map_err(|_| {
            KeyError::SignatureInvalid { kind: self.kind_name(), fingerprint: self.fingerprint() }
        })
    }

    /// The key gate: refuses what a certificate authority must not certify.
    ///
    /// RSA of 2048 to 8192 bits with an odd modulus, exponent 65537, no factor below 752, no ROCA
    /// fingerprint, no close primes and more than one prime; ECDSA on P-256 or P-384; Ed25519 but for
    /// points of small order; no key whose private half is published ([`BlockList::published`]).
    pub fn check_strength(&self) -> Result<(), KeyError> {
        gate::check(&self.material)?;
        self.check_not_on(BlockList::published())
    }

    /// Refuses a key that is on this list.
    pub fn check_not_on(&self, list: &BlockList) -> Result<(), KeyError> {
        list.check(self.fingerprint(), &self.material)
    }

    pub(crate) fn material(&self) -> &Material {
        &self.material
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} {})", self.kind_name(), self.fingerprint())
    }
}

/// `SubjectPublicKeyInfo` around an RSA modulus and exponent.
pub(crate) fn rsa_spki_der(modulus: &[u8], exponent: &[u8]) -> Result<Vec<u8>, der::Error> {
    let key = RsaPublicKey { modulus: UintRef::new(modulus)?, exponent: UintRef::new(exponent)? };
    let parameters = Some(der::asn1::Any::null());
    spki_der(oid::RSA_ENCRYPTION, parameters, &key.to_der()?)
}

/// `SubjectPublicKeyInfo` around the bits of a key.
pub(crate) fn spki_der(
    oid: ObjectIdentifier,
    parameters: Option<der::asn1::Any>,
    bits: &[u8],
) -> Result<Vec<u8>, der::Error> {
    SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned { oid, parameters },
        subject_public_key: der::asn1::BitString::from_bytes(bits)?,
    }
    .to_der()
}

fn read_material(algorithm: &AlgorithmIdentifierOwned, bits: &[u8]) -> Result<Material, KeyError> {
    match algorithm.oid {
        oid::RSA_ENCRYPTION => read_rsa(algorithm, bits),
        oid::EC_PUBLIC_KEY => read_ec(algorithm, bits),
        oid::ED25519 => read_ed25519(algorithm, bits),
        other => Ok(Material::Other(oid::key_name(&other))),
    }
}

fn read_rsa(algorithm: &AlgorithmIdentifierOwned, bits: &[u8]) -> Result<Material, KeyError> {
    // RFC 3279 section 2.3.1: the parameters must be NULL.
    if !algorithm.parameters.as_ref().is_some_and(der::asn1::Any::is_null) {
        return Err(KeyError::Parameters { kind: "RSA".to_owned() });
    }
    let key = RsaPublicKey::from_der(bits)
        .map_err(|_| KeyError::Malformed { structure: "RSAPublicKey" })?;
    Ok(Material::Rsa {
        modulus: BigUint::from_bytes_be(key.modulus.as_bytes()),
        exponent: BigUint::from_bytes_be(key.exponent.as_bytes()),
    })
}

fn read_ec(algorithm: &AlgorithmIdentifierOwned, bits: &[u8]) -> Result<Material, KeyError> {
    let parameters = algorithm.parameters.as_ref();
    let Some(curve) = parameters.and_then(|any| any.decode_as::<ObjectIdentifier>().ok()) else {
        return Ok(Material::Other("ECDSA with unnamed curve".to_owned()));
    };
    let (material, verifier): (_, &'static aws::EcdsaVerificationAlgorithm) = match curve {
        oid::P256 => (Material::EcdsaP256, &aws::ECDSA_P256_SHA256_ASN1),
        oid::P384 => (Material::EcdsaP384, &aws::ECDSA_P384_SHA384_ASN1),
        other => return Ok(Material::Other(format!("ECDSA-{}", oid::key_name(&other)))),
    };
    // Go reads uncompressed points only (RFC 5480 section 2.2 makes them the mandatory form).
    let uncompressed = bits.first() == Some(&0x04);
    if !uncompressed || UnparsedPublicKey::new(verifier, bits).parse().is_err() {
        let kind = match material {
            Material::EcdsaP256 => KeyKind::EcdsaP256,
            _ => KeyKind::EcdsaP384,
        };
        return Err(KeyError::Point { kind: kind.to_string() });
    }
    Ok(material)
}

fn read_ed25519(algorithm: &AlgorithmIdentifierOwned, bits: &[u8]) -> Result<Material, KeyError> {
    let kind = || KeyKind::Ed25519.to_string();
    // RFC 8410 section 3: the parameters must be absent.
    if algorithm.parameters.is_some() {
        return Err(KeyError::Parameters { kind: kind() });
    }
    let point = <[u8; 32]>::try_from(bits).map_err(|_| KeyError::Point { kind: kind() })?;
    if UnparsedPublicKey::new(&aws::ED25519, bits).parse().is_err() {
        return Err(KeyError::Point { kind: kind() });
    }
    Ok(Material::Ed25519 { point })
}
