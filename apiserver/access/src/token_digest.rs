//! What is kept of a secret text, to know it again.

use aws_lc_rs::digest::{SHA256, digest};

/// SHA-256 of a token.
pub(crate) type TokenDigest = [u8; 32];

/// SHA-256 of a secret text, the only form in which it is kept.
pub(crate) fn digest_of(token: impl AsRef<[u8]>) -> TokenDigest {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, token.as_ref()).as_ref());
    bytes
}
