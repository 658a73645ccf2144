//! What holds an issuing key.

use meshroot_pki::{KeyError, KeyKind, PrivateKey, PublicKey};
use spki::AlgorithmIdentifierOwned;

/// Holds an issuing key and signs with it. The key itself never comes out.
pub trait Signer: Send + Sync + std::fmt::Debug {
    /// The public half.
    fn public_key(&self) -> &PublicKey;
    /// The algorithm of every signature that [`Signer::sign`] makes.
    fn algorithm(&self) -> AlgorithmIdentifierOwned;
    /// Whether a signature takes milliseconds (RSA, a device, a network): then it is made off async threads.
    fn is_slow(&self) -> bool;
    /// Signs the bytes of a TBSCertificate.
    fn sign(&self, tbs: &[u8]) -> Result<Vec<u8>, SignerError>;
}

/// Why a signer did not sign.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The key refused.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// An issuing key in this process's memory.
#[derive(Debug)]
pub struct MemorySigner(PrivateKey);

impl MemorySigner {
    /// Takes the key over.
    pub fn new(key: PrivateKey) -> Self {
        Self(key)
    }
}

impl Signer for MemorySigner {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn algorithm(&self) -> AlgorithmIdentifierOwned {
        self.0.signature_algorithm()
    }

    fn is_slow(&self) -> bool {
        !matches!(
            self.0.public_key().kind(),
            Some(KeyKind::EcdsaP256 | KeyKind::EcdsaP384 | KeyKind::Ed25519)
        )
    }

    fn sign(&self, tbs: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign(tbs)?)
    }
}
