//! Keys that a kube-apiserver signs service-account tokens with.

use anyhow::{Context, Result};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;

/// A new P-256 key pair as PEM: (PKCS#8 private key, SubjectPublicKeyInfo).
pub(crate) fn generate() -> Result<(String, String)> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
        .context("cannot generate a P-256 key")?;
    let private = key.to_pkcs8v1().context("cannot encode the P-256 key as PKCS#8")?;
    let public = key.public_key().as_der().context("cannot encode the P-256 public key")?;
    Ok((pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", public.as_ref())))
}

/// An unguessable token: 32 hexadecimal digits.
pub(crate) fn random_token() -> Result<String> {
    let mut bytes = [0_u8; 16];
    aws_lc_rs::rand::SecureRandom::fill(&SystemRandom::new(), &mut bytes)
        .context("no random bytes")?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// RFC 7468 text of one block.
fn pem(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    let encoded = base64::engine::general_purpose::STANDARD.encode(der);
    for (index, letter) in encoded.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text + &format!("\n-----END {label}-----\n")
}
