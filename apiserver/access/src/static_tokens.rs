//! Tokens that do not end: 32 random bytes each, of which the server keeps only the SHA-256.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use apiserver_object::User;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::token_digest::{TokenDigest, digest_of};

/// Why the tokens' file is not accepted or a token could not be made.
#[derive(Debug, thiserror::Error)]
pub enum StaticTokensError {
    /// The operating system gave no randomness.
    #[error("no randomness for a token")]
    NoRandomness,
    /// The file is not the JSON that [`StaticTokens::to_json`] writes.
    #[error("the file of tokens is not the JSON that this server writes: {0}")]
    NotJson(#[from] serde_json::Error),
    /// A digest is not 64 hexadecimal digits.
    #[error("the file of tokens has a sha256 for user {user:?} that is not 64 hexadecimal digits")]
    NotDigest {
        /// Whose token it is.
        user: String,
    },
}

/// Tokens and whose they are.
#[derive(Debug, Default)]
pub struct StaticTokens {
    users: Vec<(TokenDigest, Arc<User>)>,
}

#[derive(Serialize, Deserialize)]
struct File {
    tokens: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    sha256: String,
    name: String,
    #[serde(default)]
    uid: String,
    #[serde(default)]
    groups: Vec<String>,
    #[serde(default)]
    extra: BTreeMap<String, Vec<String>>,
}

impl StaticTokens {
    /// Makes a token for the user. The token is returned once and not kept.
    pub fn issue(&mut self, user: User) -> Result<Zeroizing<String>, StaticTokensError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        aws_lc_rs::rand::fill(bytes.as_mut()).map_err(|_| StaticTokensError::NoRandomness)?;
        let token = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_ref()));
        self.insert(&token, user);
        Ok(token)
    }

    /// Accepts a token that was made elsewhere; a token of at least 32 random bytes is the caller's duty.
    pub fn insert(&mut self, token: &str, user: User) {
        self.users.push((digest_of(token), Arc::new(user)));
    }

    /// Takes away every token of the user with this name; says how many there were.
    pub fn revoke(&mut self, name: &str) -> usize {
        let before = self.users.len();
        self.users.retain(|(_, user)| user.name != name);
        before - self.users.len()
    }

    /// Whose token it is. Takes as long for a wrong token as for a right one.
    pub fn user(&self, token: &str) -> Option<Arc<User>> {
        let digest = digest_of(token);
        let mut found = None;
        for (known, user) in &self.users {
            if verify_slices_are_equal(known, &digest).is_ok() {
                found = Some(user);
            }
        }
        found.map(Arc::clone)
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// The text for the server's file (mode 0600): digests and users, no token.
    pub fn to_json(&self) -> Result<String, StaticTokensError> {
        let entry = |(digest, user): &(TokenDigest, Arc<User>)| Entry {
            sha256: hexadecimal(digest),
            name: user.name.clone(),
            uid: user.uid.clone(),
            groups: user.groups.clone(),
            extra: user.extra.clone(),
        };
        Ok(serde_json::to_string_pretty(&File { tokens: self.users.iter().map(entry).collect() })?)
    }

    /// Reads what [`Self::to_json`] wrote.
    pub fn from_json(text: &str) -> Result<Self, StaticTokensError> {
        let file: File = serde_json::from_str(text)?;
        let user = |entry: Entry| {
            let digest = digest_from(&entry.sha256)
                .ok_or_else(|| StaticTokensError::NotDigest { user: entry.name.clone() })?;
            let user =
                User { name: entry.name, uid: entry.uid, groups: entry.groups, extra: entry.extra };
            Ok((digest, Arc::new(user)))
        };
        let users = file.tokens.into_iter().map(user).collect::<Result<_, StaticTokensError>>()?;
        Ok(Self { users })
    }
}

/// Lower-case hexadecimal digits of the bytes.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn digest_from(text: &str) -> Option<TokenDigest> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (index, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_after_a_restart_and_is_not_in_the_file() {
        let mut tokens = StaticTokens::default();
        let admin = User::authenticated("admin", vec!["system:masters".to_owned()]);
        let token = tokens.issue(admin.clone()).unwrap();
        assert_eq!(token.len(), 43);
        let text = tokens.to_json().unwrap();
        assert!(!text.contains(token.as_str()));
        let again = StaticTokens::from_json(&text).unwrap();
        assert_eq!(*again.user(&token).unwrap(), admin);
        assert!(again.user("x").is_none());
        assert!(again.user("").is_none());
    }

    #[test]
    fn a_revoked_user_has_no_token() {
        let mut tokens = StaticTokens::default();
        let first = tokens.issue(User::authenticated("a", Vec::new())).unwrap();
        let second = tokens.issue(User::authenticated("b", Vec::new())).unwrap();
        assert_eq!(tokens.revoke("a"), 1);
        assert!(tokens.user(&first).is_none());
        assert_eq!(tokens.user(&second).unwrap().name, "b");
    }

    #[test]
    fn a_damaged_file_is_refused() {
        assert!(matches!(StaticTokens::from_json("{"), Err(StaticTokensError::NotJson(_))));
        let text = r#"{"tokens":[{"sha256":"12","name":"a"}]}"#;
        let error = StaticTokens::from_json(text).unwrap_err();
        assert!(error.to_string().contains("user \"a\""), "{error}");
    }
}
