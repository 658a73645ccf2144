//! Private keys: made here, read here, used here, shown nowhere.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use der::asn1::{Any, AnyRef, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Reader, SliceReader, TagMode, TagNumber};
use spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef};
use zeroize::Zeroizing;

use crate::key::{KeyError, KeyKind};
use crate::oid;
use crate::pem::{self, PemError};
use crate::public_key::{self, PublicKey};
use crate::tlv;

/// A private key. It is wiped on drop, cannot be copied, and prints as its kind only.
pub struct PrivateKey {
    /// As the library writes it: PKCS#8 version 1.
    pkcs8: Zeroizing<Vec<u8>>,
    pair: Pair,
    public_key: PublicKey,
}

enum Pair {
    Rsa(RsaKeyPair),
    EcdsaP256(EcdsaKeyPair),
    EcdsaP384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl PrivateKey {
    /// Makes a new key from the system's random source. RSA takes seconds: keep it off async threads.
    pub fn generate(kind: KeyKind) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Generate { kind };
        let rsa = |size| RsaKeyPair::generate(size).map(Pair::Rsa).map_err(failed);
        let pair = match kind {
            KeyKind::Rsa2048 => rsa(KeySize::Rsa2048)?,
            KeyKind::Rsa3072 => rsa(KeySize::Rsa3072)?,
            KeyKind::Rsa4096 => rsa(KeySize::Rsa4096)?,
            KeyKind::EcdsaP256 => Pair::EcdsaP256(
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(failed)?,
            ),
            KeyKind::EcdsaP384 => Pair::EcdsaP384(
                EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).map_err(failed)?,
            ),
            KeyKind::Ed25519 => Pair::Ed25519(Ed25519KeyPair::generate().map_err(failed)?),
        };
        Self::from_pair(pair)
    }

    /// Reads one PEM block: PKCS#8 (`PRIVATE KEY`), PKCS#1 (`RSA PRIVATE KEY`) or SEC1
    /// (`EC PRIVATE KEY`). The key must pass [`PublicKey::check_strength`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let block = only_block(pem)?;
        tlv::check_frame(&block.der)?;
        match block.label.as_str() {
            "PRIVATE KEY" => Self::from_pkcs8(&block.der),
            "RSA PRIVATE KEY" => Self::from_pkcs1(&block.der),
            "EC PRIVATE KEY" => Self::from_sec1(&block.der),
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                Err(KeyError::CertificateFound)
            }
            "EC PARAMETERS" => Err(KeyError::EcParameters),
            "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encrypted),
            _ => Err(KeyError::WrongBlock { label: block.label }),
        }
    }

    /// PKCS#8 PEM (`PRIVATE KEY`), which every mesh reads; ends in one line feed.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(pem::encode("PRIVATE KEY", &self.pkcs8))
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Signs `message` by [`PrivateKey::signature_algorithm`]. ECDSA signatures are DER.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let failed = |_| KeyError::Sign { kind: self.public_key.kind_name() };
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(failed)?;
                Ok(signature)
            }
            Pair::EcdsaP256(pair) | Pair::EcdsaP384(pair) => {
                let signature = pair.sign(&random, message).map_err(failed)?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Ed25519(pair) => {
                let signature = pair.try_sign(message).map_err(failed)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }

    /// The algorithm of [`PrivateKey::sign`]: ECDSA with SHA-256 (P-256) or SHA-384 (P-384),
    /// RSA PKCS#1 v1.5 with SHA-256, or Ed25519.
    pub fn signature_algorithm(&self) -> AlgorithmIdentifierOwned {
        let (oid, parameters) = match &self.pair {
            Pair::Rsa(_) => (oid::SHA256_WITH_RSA, Some(Any::null())),
            Pair::EcdsaP256(_) => (oid::ECDSA_WITH_SHA256, None),
            Pair::EcdsaP384(_) => (oid::ECDSA_WITH_SHA384, None),
            Pair::Ed25519(_) => (oid::ED25519, None),
        };
        AlgorithmIdentifierOwned { oid, parameters }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let (algorithm, key) = read_pkcs8(der)
            .map_err(|_| KeyError::Malformed { structure: "PKCS#8 PrivateKeyInfo" })?;
        match algorithm.oid {
            oid::RSA_ENCRYPTION => Self::from_pkcs1(key),
            oid::EC_PUBLIC_KEY => {
                let curve = algorithm
                    .parameters
                    .and_then(|any| any.decode_as::<ObjectIdentifier>().ok())
                    .ok_or_else(|| KeyError::KindRefused {
                        kind: "ECDSA with unnamed curve".to_owned(),
                    })?;
                let curve = EcdsaCurve::find(&curve)?;
                Self::from_ecdsa(curve, EcdsaKeyPair::from_pkcs8(curve.signing, der))
            }
            oid::ED25519 => {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                    .map_err(|_| inconsistent(KeyKind::Ed25519.name()))?;
                Self::from_checked_pair(Pair::Ed25519(pair))
            }
            other => Err(KeyError::KindRefused { kind: oid::key_name(&other) }),
        }
    }

    fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        // The public half first: the library would refuse a weak key without naming the weakness.
        let spki = read_pkcs1_public(der)
            .map_err(|_| KeyError::Malformed { structure: "PKCS#1 RSAPrivateKey" })?;
        let public_key = PublicKey::from_spki_der(&spki)?;
        public_key.check_strength()?;
        let pair = RsaKeyPair::from_der(der).map_err(|_| inconsistent(&public_key.kind_name()))?;
        Self::from_checked_pair(Pair::Rsa(pair))
    }

    fn from_sec1(der: &[u8]) -> Result<Self, KeyError> {
        let malformed = KeyError::Malformed { structure: "SEC1 ECPrivateKey" };
        let curve = read_sec1_curve(der).map_err(|_| malformed.clone())?;
        let curve = EcdsaCurve::find(&curve.ok_or(malformed)?)?;
        Self::from_ecdsa(curve, EcdsaKeyPair::from_private_key_der(curve.signing, der))
    }

    fn from_ecdsa(
        curve: &EcdsaCurve,
        pair: Result<EcdsaKeyPair, KeyRejected>,
    ) -> Result<Self, KeyError> {
        let pair = pair.map_err(|_| inconsistent(curve.kind.name()))?;
        Self::from_checked_pair((curve.wrap)(pair))
    }

    fn from_checked_pair(pair: Pair) -> Result<Self, KeyError> {
        let key = Self::from_pair(pair)?;
        key.public_key.check_strength()?;
        Ok(key)
    }

    fn from_pair(pair: Pair) -> Result<Self, KeyError> {
        let malformed = KeyError::Malformed { structure: "key of the cryptographic library" };
        let spki = pair_spki_der(&pair).map_err(|_| malformed.clone())?;
        Ok(Self {
            pkcs8: pair_pkcs8(&pair).map_err(|_| malformed)?,
            public_key: PublicKey::from_spki_der(&spki)?,
            pair,
        })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public_key.kind_name())
    }
}

fn only_block(pem: &[u8]) -> Result<pem::Block, KeyError> {
    let mut blocks = pem::blocks(pem).map_err(|error| match error {
        // The headers of old OpenSSL's encrypted keys (RFC 1421 Proc-Type and DEK-Info).
        PemError::Headers { ref label, .. } if label.ends_with("PRIVATE KEY") => {
            KeyError::Encrypted
        }
        other => KeyError::Pem(other),
    })?;
    if blocks.len() > 1 {
        if blocks.iter().any(|block| block.label == "EC PARAMETERS") {
            return Err(KeyError::EcParameters);
        }
        return Err(KeyError::SeveralBlocks { count: blocks.len() });
    }
    blocks.pop().ok_or(KeyError::Pem(PemError::Empty))
}

fn inconsistent(kind: &str) -> KeyError {
    KeyError::Inconsistent { kind: kind.to_owned() }
}

/// `PrivateKeyInfo` of RFC 5208, or `OneAsymmetricKey` of RFC 5958: algorithm and inner key.
fn read_pkcs8(der: &[u8]) -> Result<(AlgorithmIdentifierRef<'_>, &[u8]), der::Error> {
    let mut reader = SliceReader::new(der)?;
    let parts = reader.sequence(|reader| {
        reader.decode::<u8>()?;
        let algorithm = reader.decode::<AlgorithmIdentifierRef<'_>>()?;
        let key = reader.decode::<&OctetStringRef>()?;
        while !reader.is_finished() {
            reader.decode::<AnyRef<'_>>()?; // attributes, public key
        }
        Ok::<_, der::Error>((algorithm, key.as_bytes()))
    })?;
    reader.finish()?;
    Ok(parts)
}

/// The public half of `RSAPrivateKey` (RFC 8017 appendix A.1.2).
fn read_pkcs1_public(der: &[u8]) -> Result<Vec<u8>, der::Error> {
    let mut reader = SliceReader::new(der)?;
    let spki = reader.sequence(|reader| {
        reader.decode::<u8>()?;
        let modulus = reader.decode::<UintRef<'_>>()?;
        let exponent = reader.decode::<UintRef<'_>>()?;
        while !reader.is_finished() {
            reader.decode::<AnyRef<'_>>()?; // the private half is the library's
        }
        public_key::rsa_spki_der(modulus.as_bytes(), exponent.as_bytes())
    })?;
    reader.finish()?;
    Ok(spki)
}

/// The curve that an `ECPrivateKey` (RFC 5915 section 3) names, if it names one.
fn read_sec1_curve(der: &[u8]) -> Result<Option<ObjectIdentifier>, der::Error> {
    let mut reader = SliceReader::new(der)?;
    let curve = reader.sequence(|reader| {
        reader.decode::<u8>()?;
        reader.decode::<&OctetStringRef>()?;
        let curve = reader.context_specific(TagNumber(0), TagMode::Explicit)?;
        while !reader.is_finished() {
            reader.decode::<AnyRef<'_>>()?; // the public point is the library's
        }
        Ok::<_, der::Error>(curve)
    })?;
    reader.finish()?;
    Ok(curve)
}

/// What differs between the two curves.
struct EcdsaCurve {
    oid: ObjectIdentifier,
    kind: KeyKind,
    signing: &'static EcdsaSigningAlgorithm,
    wrap: fn(EcdsaKeyPair) -> Pair,
}

const ECDSA_CURVES: &[EcdsaCurve] = &[
    EcdsaCurve {
        oid: oid::P256,
        kind: KeyKind::EcdsaP256,
        signing: &ECDSA_P256_SHA256_ASN1_SIGNING,
        wrap: Pair::EcdsaP256,
    },
    EcdsaCurve {
        oid: oid::P384,
        kind: KeyKind::EcdsaP384,
        signing: &ECDSA_P384_SHA384_ASN1_SIGNING,
        wrap: Pair::EcdsaP384,
    },
];

impl EcdsaCurve {
    fn find(curve: &ObjectIdentifier) -> Result<&'static Self, KeyError> {
        ECDSA_CURVES.iter().find(|known| known.oid == *curve).ok_or_else(|| KeyError::KindRefused {
            kind: format!("ECDSA-{}", oid::key_name(curve)),
        })
    }
}

fn pair_pkcs8(pair: &Pair) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
    Ok(Zeroizing::new(match pair {
        Pair::Rsa(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair)?.as_ref().to_vec(),
        Pair::EcdsaP256(pair) | Pair::EcdsaP384(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
        Pair::Ed25519(pair) => AsDer::<Pkcs8V1Der<'_>>::as_der(pair)?.as_ref().to_vec(),
    }))
}

fn pair_spki_der(pair: &Pair) -> Result<Vec<u8>, der::Error> {
    match pair {
        Pair::Rsa(pair) => {
            public_key::spki_der(oid::RSA_ENCRYPTION, Some(Any::null()), pair.public_key().as_ref())
        }
        Pair::EcdsaP256(pair) => ecdsa_spki_der(oid::P256, pair),
        Pair::EcdsaP384(pair) => ecdsa_spki_der(oid::P384, pair),
        Pair::Ed25519(pair) => public_key::spki_der(oid::ED25519, None, pair.public_key().as_ref()),
    }
}

fn ecdsa_spki_der(curve: ObjectIdentifier, pair: &EcdsaKeyPair) -> Result<Vec<u8>, der::Error> {
    let parameters = Some(Any::encode_from(&curve)?);
    public_key::spki_der(oid::EC_PUBLIC_KEY, parameters, pair.public_key().as_ref())
}
