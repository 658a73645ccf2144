//! Secrets that hold the token of a ServiceAccount (`kubernetes.io/service-account-token`).

use apiserver_store as store;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use crate::object::metadata;

/// Names the account.
pub(crate) const ACCOUNT: &str = "kubernetes.io/service-account.name";
/// Its uid, once it was found.
pub(crate) const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";
/// Keys of the data.
pub(crate) const TOKEN: &str = "token";
pub(crate) const CA: &str = "ca.crt";
pub(crate) const NAMESPACE: &str = "namespace";

const TYPE: &str = "kubernetes.io/service-account-token";
/// A Secret with this label holds a token that is not accepted.
const INVALID_SINCE: &str = "kubernetes.io/legacy-token-invalid-since";

/// The Secret, where it is one of these. Looks for the word before it parses anything.
pub(crate) fn read(stored: &store::Object) -> Option<Value> {
    memchr::memmem::find(&stored.json, TYPE.as_bytes())?;
    let secret: Value = serde_json::from_slice(&stored.json).ok()?;
    (secret["type"] == TYPE).then_some(secret)
}

pub(crate) fn annotation<'a>(secret: &'a Value, key: &str) -> &'a str {
    secret["metadata"]["annotations"][key].as_str().unwrap_or_default()
}

pub(crate) fn annotate(secret: &mut Value, key: &str, value: &str) {
    let annotations = metadata::of(secret).entry("annotations").or_insert_with(|| json!({}));
    annotations[key] = value.into();
}

/// An entry of any Secret's data; empty where it is not there.
pub(crate) fn entry(secret: &Value, key: &str) -> Vec<u8> {
    let encoded = secret["data"][key].as_str().unwrap_or_default();
    BASE64.decode(encoded).unwrap_or_default()
}

pub(crate) fn put(secret: &mut Value, key: &str, value: &[u8]) {
    if !secret["data"].is_object() {
        secret["data"] = json!({});
    }
    secret["data"][key] = BASE64.encode(value).into();
}

pub(crate) fn is_marked_invalid(secret: &Value) -> bool {
    secret["metadata"]["labels"][INVALID_SINCE].as_str().is_some_and(|since| !since.is_empty())
}
