//! Tokens of lists that come in pages (`continue`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::failure::Failure;

/// Where the next page begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Continue {
    pub(super) revision: u64,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Continue {
    pub(super) fn encode(&self) -> String {
        let start = format!("{}/{}", self.namespace, self.name);
        URL_SAFE_NO_PAD.encode(
            json!({ "v": "meta.k8s.io/v1", "rv": self.revision, "start": start }).to_string(),
        )
    }

    pub(super) fn decode(text: &str) -> Result<Self, Failure> {
        let read = || {
            let bytes = URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
            let token: Value = serde_json::from_slice(&bytes).ok()?;
            let (namespace, name) = token["start"].as_str()?.split_once('/')?;
            let revision = token["rv"].as_u64()?;
            // Names have no slash: what has one leads elsewhere.
            if name.contains('/') || namespace == ".." || name == ".." {
                return None;
            }
            Some(Self { revision, namespace: namespace.to_owned(), name: name.to_owned() })
        };
        read().ok_or_else(|| {
            Failure::bad_request("continue key is not valid: it was not made by this server")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_continue_token_comes_back_as_it_was() {
        let next = Continue { revision: 7, namespace: "a".to_owned(), name: "b".to_owned() };
        assert_eq!(Continue::decode(&next.encode()).unwrap(), next);
        assert!(Continue::decode("x").is_err());
    }
}
