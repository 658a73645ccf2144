//! Identifiers that the server chooses: UIDs and generated names.

use aws_lc_rs::rand;

/// A random UUID (RFC 9562, version 4).
pub(crate) fn new_uid() -> String {
    let mut bytes = random::<16>();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// The longest generated name; a longer prefix is cut.
const LONGEST_GENERATED: usize = 63;

const SUFFIX_LETTERS: &[u8; 32] = b"bcdfghjklmnpqrstvwxz2456789bcdfg";

const SUFFIX_LENGTH: usize = 5;

/// A name from `generateName`: the prefix and five letters without vowels.
pub(crate) fn generated_name(prefix: &str) -> String {
    let end = prefix.len().min(LONGEST_GENERATED - SUFFIX_LENGTH);
    let end = (0..=end).rev().find(|end| prefix.is_char_boundary(*end)).unwrap_or(0);
    let suffix =
        random::<SUFFIX_LENGTH>().map(|byte| char::from(SUFFIX_LETTERS[usize::from(byte & 31)]));
    prefix[..end].chars().chain(suffix).collect()
}

fn random<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    // The system's generator does not fail once it is seeded; without it no name may be given away twice.
    if rand::fill(&mut bytes).is_err() {
        std::process::abort();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_a_version_4_uuid() {
        let uid = new_uid();
        assert_eq!(uid.len(), 36);
        assert_eq!(&uid[14..15], "4");
        assert_ne!(uid, new_uid());
    }

    #[test]
    fn a_generated_name_has_the_prefix_and_fits_a_label() {
        assert!(generated_name("a-").starts_with("a-"));
        assert_eq!(generated_name("a-").len(), 7);
        assert_eq!(generated_name(&"x".repeat(200)).len(), LONGEST_GENERATED);
    }
}
