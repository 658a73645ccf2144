//! A bearer token that can be replaced while it is in use.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use http::HeaderValue;

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
}
