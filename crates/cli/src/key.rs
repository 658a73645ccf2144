//! Kinds of key as people type them.

use meshroot_api::policy::KeyAlgorithm;

/// Reads a kind of key by its name in the API, such as `ECDSA-P256`.
pub(crate) fn parse_key(text: &str) -> Result<KeyAlgorithm, String> {
    let read = serde_json::from_value(serde_json::Value::from(text));
    read.map_err(|_| {
        format!("{text:?} is not a kind of key; write RSA-3072, RSA-4096, ECDSA-P256, ECDSA-P384 or Ed25519")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_as_in_the_api() {
        assert_eq!(parse_key("ECDSA-P256").unwrap(), KeyAlgorithm::EcdsaP256);
        assert!(parse_key("p256").unwrap_err().contains("RSA-4096"));
    }
}
