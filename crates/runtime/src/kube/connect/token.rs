//! A bearer token that can be replaced while it is in use.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;

/// A bearer token in memory. Clones share it; replacing it counts from the next call on.
#[derive(Clone, Default)]
pub struct SharedToken(Arc<RwLock<Option<HeaderValue>>>);

impl SharedToken {
    /// A token to begin with.
    #[must_use]
    pub fn new(token: impl AsRef<str>) -> Self {
        let shared = Self::default();
        shared.set(token);
        shared
    }

    /// Replaces the token; white space around it is cut off. One that is empty or cannot stand in an HTTP header
    /// leaves none, and calls fail until the next one is set.
    pub fn set(&self, token: impl AsRef<str>) {
        let header = header(token.as_ref().trim());
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = header;
    }

    /// Whether there is a token to send.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.header().is_some()
    }

    /// For the header `Authorization`; marked as sensitive.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for SharedToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_set() { "SharedToken(set)" } else { "SharedToken(unset)" })
    }
}

/// A bearer token in a file, which somebody may renew.
pub(super) struct TokenFile {
    path: PathBuf,
    held: SharedToken,
    read_at: Mutex<Option<Instant>>,
}

impl TokenFile {
    pub(super) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), held: SharedToken::default(), read_at: Mutex::new(None) }
    }

    /// As client-go does: read anew each minute, and what was read last counts where the file has no token now.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        let mut read_at = self.read_at.lock().unwrap_or_else(PoisonError::into_inner);
        if read_at.is_none_or(|at| at.elapsed() >= REREAD) {
            *read_at = Some(Instant::now());
            let text = std::fs::read_to_string(&self.path).unwrap_or_default();
            if header(text.trim()).is_some() {
                self.held.set(text);
            }
        }
        self.held.header()
    }
}

const REREAD: Duration = Duration::from_mins(1);

fn header(token: &str) -> Option<HeaderValue> {
    let mut value =
        HeaderValue::try_from(format!("Bearer {token}")).ok().filter(|_| !token.is_empty())?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown() {
        assert_eq!(format!("{:?}", SharedToken::new("secret")), "SharedToken(set)");
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_in_a_file_is_read_anew_each_minute_and_kept_while_there_is_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        std::fs::write(&path, "first\n").unwrap();
        let file = TokenFile::new(&path);
        assert_eq!(file.header().unwrap(), "Bearer first");
        std::fs::write(&path, "second\n").unwrap();
        assert_eq!(file.header().unwrap(), "Bearer first");
        tokio::time::advance(REREAD).await;
        assert_eq!(file.header().unwrap(), "Bearer second");
        std::fs::write(&path, "").unwrap();
        tokio::time::advance(REREAD).await;
        assert_eq!(file.header().unwrap(), "Bearer second");
    }
}
