//! Remembering from what a real part was built.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};

/// The digest of all that decides what a build gives. Each input is preceded by its length, so
/// that no two different lists of inputs give the same digest.
pub(crate) fn digest(inputs: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for input in inputs {
        hash.update(u64::try_from(input.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(input);
    }
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The file beside the binaries that holds the digest of one binary's last build.
pub(crate) struct Stamp {
    path: PathBuf,
}

impl Stamp {
    pub(crate) fn of(directory: &Path, binary: &str) -> Self {
        let path = directory.join("stamps").join(binary);
        Self { path }
    }

    pub(crate) fn holds(&self, digest: &str) -> bool {
        std::fs::read_to_string(&self.path).is_ok_and(|held| held == digest)
    }

    pub(crate) fn write(&self, digest: &str) -> Result<()> {
        let parent = self.path.parent().unwrap_or(&self.path);
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&self.path, digest))
            .with_context(|| format!("cannot write {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_byte_from_one_input_to_the_next_changes_the_digest() {
        assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
    }

    #[test]
    fn a_stamp_holds_only_the_digest_that_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let stamp = Stamp::of(directory.path(), "etcd");
        assert!(!stamp.holds("1"));
        stamp.write("1").unwrap();
        assert!(stamp.holds("1") && !stamp.holds("2"));
    }
}
