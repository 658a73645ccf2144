//! Paths that are no resources: health, version, discovery, OpenAPI.

mod discovery;
mod health;
mod metrics;
mod openapi;
mod openid;
pub(crate) mod snapshot;

use http::header::IF_NONE_MATCH;
use http::request::Parts;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::answer::Answer;
use crate::api::Api;
use crate::failure::Failure;
use crate::object::encoding;
use crate::request::accept::Accepted;

pub(crate) fn answer(api: &Api, parts: &Parts, path: &str) -> Result<Answer, Failure> {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return Err(Failure::method_not_allowed());
    }
    let path: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match path.as_slice() {
        [check @ ("healthz" | "readyz" | "livez")] => Ok(health::answer(check, parts)),
        ["healthz" | "readyz" | "livez", "ping"] => Ok(Answer::text(StatusCode::OK, "ok")),
        ["metrics"] => Ok(metrics::answer(api)),
        ["version"] => Ok(document(&apiserver_kinds::version())),
        [".well-known", "openid-configuration"] => Ok(openid::configuration(api)),
        ["openid", "v1", "jwks"] => Ok(openid::keys(api)),
        ["openapi", rest @ ..] => Ok(openapi::answer(api, parts, rest)),
        ["api" | "apis", ..] => discovery::answer(api, parts, &path),
        _ => Ok(Answer::page_not_found()),
    }
}

fn document(document: &Value) -> Answer {
    Answer::value(StatusCode::OK, Accepted::default(), document)
}

/// A document, unless the client has it.
fn tagged(parts: &Parts, document: &Value, etag: String) -> Answer {
    let etag = if etag.starts_with('"') { etag } else { format!("\"{etag}\"") };
    if parts.headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes()) {
        return Answer::text(StatusCode::NOT_MODIFIED, "").with_etag(etag);
    }
    Answer::encoded(StatusCode::OK, encoding::json(document)).with_etag(etag)
}
