//! The key that a policy asks for.

use meshroot_api::policy::KeyAlgorithm;
use meshroot_pki::KeyKind;

/// The kind of key that a policy's word means.
pub fn kind(algorithm: KeyAlgorithm) -> KeyKind {
    match algorithm {
        KeyAlgorithm::Rsa2048 => KeyKind::Rsa2048,
        KeyAlgorithm::Rsa3072 => KeyKind::Rsa3072,
        KeyAlgorithm::Rsa4096 => KeyKind::Rsa4096,
        KeyAlgorithm::EcdsaP256 => KeyKind::EcdsaP256,
        KeyAlgorithm::EcdsaP384 => KeyKind::EcdsaP384,
        KeyAlgorithm::Ed25519 => KeyKind::Ed25519,
    }
}
