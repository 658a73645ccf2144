//! A private key on P-256 (NIST SP 800-186), made and held by aws-lc-rs.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use x509_cert::der::pem::{self, LineEnding};
use zeroize::Zeroizing;

const LABEL: &str = "PRIVATE KEY";

/// Why a key could not be made, read or used. Never carries a part of the key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// The operating system or the library refused to make a key.
    #[error("a P-256 key could not be made")]
    NotMade,
    /// The text is no `PRIVATE KEY` PEM block.
    #[error("the key is not one PEM block labelled {LABEL:?}; give PKCS#8 PEM")]
    NotPem,
    /// The block holds no PKCS#8 P-256 key.
    #[error("the key is not a PKCS#8 ECDSA P-256 private key")]
    NotP256,
    /// The key could not be written out.
    #[error("the key could not be encoded as PKCS#8")]
    NotEncoded,
    /// The library refused to sign.
    #[error("nothing could be signed with the key")]
    NotSigned,
}

/// A private key on P-256. Its bytes leave it only through [`Self::pkcs8_pem`].
pub struct P256Key {
    pair: EcdsaKeyPair,
}

impl P256Key {
    /// Makes a new key from the operating system's randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
            .map_err(|_| KeyError::NotMade)?;
        Ok(Self { pair })
    }

    /// Reads a key from PKCS#8 PEM.
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, KeyError> {
        let (label, der) = pem::decode_vec(text.as_bytes()).map_err(|_| KeyError::NotPem)?;
        let der = Zeroizing::new(der);
        if label != LABEL {
            return Err(KeyError::NotPem);
        }
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der)
            .map_err(|_| KeyError::NotP256)?;
        Ok(Self { pair })
    }

    /// The key as PKCS#8 PEM, for a file that only its owner can read.
    pub fn pkcs8_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let der = self.pkcs8_der()?;
        pem::encode_string(LABEL, LineEnding::LF, &der)
            .map(Zeroizing::new)
            .map_err(|_| KeyError::NotEncoded)
    }

    /// The key as PKCS#8 DER.
    pub(crate) fn pkcs8_der(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let document = self.pair.to_pkcs8v1().map_err(|_| KeyError::NotEncoded)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// The public key as an uncompressed point (SEC 1 2.3.3).
    pub(crate) fn public_point(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// The signature of a message, as DER (ECDSA with SHA-256).
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature =
            self.pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::NotSigned)?;
        Ok(signature.as_ref().to_vec())
    }

    /// The public key as `SubjectPublicKeyInfo` DER.
    pub(crate) fn public_key_info(&self) -> Result<Vec<u8>, KeyError> {
        let der: PublicKeyX509Der<'_> =
            self.pair.public_key().as_der().map_err(|_| KeyError::NotEncoded)?;
        Ok(der.as_ref().to_vec())
    }
}

impl fmt::Debug for P256Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("P256Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_pem() {
        let key = P256Key::generate().unwrap();
        let again = P256Key::from_pkcs8_pem(&key.pkcs8_pem().unwrap()).unwrap();
        assert_eq!(key.public_point(), again.public_point());
    }

    #[test]
    fn what_is_not_a_p256_key_is_refused() {
        assert_eq!(P256Key::from_pkcs8_pem("x").unwrap_err(), KeyError::NotPem);
        let text = pem::encode_string(LABEL, LineEnding::LF, b"not a key").unwrap();
        assert_eq!(P256Key::from_pkcs8_pem(&text).unwrap_err(), KeyError::NotP256);
        let text = pem::encode_string("CERTIFICATE", LineEnding::LF, b"x").unwrap();
        assert_eq!(P256Key::from_pkcs8_pem(&text).unwrap_err(), KeyError::NotPem);
    }

    #[test]
    fn debug_shows_nothing_of_the_key() {
        assert_eq!(format!("{:?}", P256Key::generate().unwrap()), "P256Key(..)");
    }
}
