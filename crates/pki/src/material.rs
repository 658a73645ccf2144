//! What a public key is made of, as far as it is looked at.

use num_bigint::BigUint;

/// What the key is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Material {
    Rsa {
        modulus: BigUint,
        exponent: BigUint,
    },
    EcdsaP256,
    EcdsaP384,
    Ed25519 {
        point: [u8; 32],
    },
    /// Never accepted, known by name only.
    Other(String),
}
