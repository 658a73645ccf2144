//! PKCS#10 requests with P-256 keys, made before the clock starts.

use std::str::FromStr as _;

use anyhow::{Context as _, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use x509_cert::attr::Attributes;
use x509_cert::der::asn1::{Any, BitString, ObjectIdentifier};
use x509_cert::der::pem::LineEnding;
use x509_cert::der::{Encode as _, EncodePem as _};
use x509_cert::name::Name;
use x509_cert::request::{CertReq, CertReqInfo, Version};
use x509_cert::spki::{AlgorithmIdentifier, SubjectPublicKeyInfo};

// RFC 5480, sections 2.1.1 and 2.1.1.1; RFC 5758, section 3.2.
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

/// So many requests, each with a key of its own, as `spec.csrData` takes them: PEM in base64.
pub(crate) fn many(count: usize) -> Result<Vec<String>> {
    (0..count).map(|_| one()).collect()
}

fn one() -> Result<String> {
    let key =
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).ok().context("no key was made")?;
    let info = CertReqInfo {
        version: Version::V1,
        subject: Name::from_str("CN=benchmark,OU=bench,O=Istio")?,
        public_key: SubjectPublicKeyInfo {
            algorithm: AlgorithmIdentifier {
                oid: EC_PUBLIC_KEY,
                parameters: Some(Any::from(P256)),
            },
            subject_public_key: BitString::from_bytes(key.public_key().as_ref())?,
        },
        attributes: Attributes::default(),
    };
    let signature =
        key.sign(&SystemRandom::new(), &info.to_der()?).ok().context("nothing was signed")?;
    let request = CertReq {
        info,
        algorithm: AlgorithmIdentifier { oid: ECDSA_WITH_SHA256, parameters: None },
        signature: BitString::from_bytes(signature.as_ref())?,
    };
    Ok(BASE64_STANDARD.encode(request.to_pem(LineEnding::LF)?))
}
