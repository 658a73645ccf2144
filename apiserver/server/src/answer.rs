//! What the server answers.

pub(crate) mod presentation;

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, RETRY_AFTER, VARY, WARNING};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;

use crate::failure::Failure;
use crate::object::encoding;
use crate::request::accept::{Accepted, JSON, YAML};

/// The body of an answer; a watch's never ends by itself.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A whole answer.
pub(crate) struct Answer {
    code: StatusCode,
    content_type: &'static str,
    body: Body,
    warnings: Vec<String>,
    etag: Option<String>,
    retry_after: Option<u32>,
}

impl Answer {
    fn new(code: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self::streaming(code, content_type, Full::new(body.into()).boxed_unsync())
    }

    /// A body that is made while it is sent.
    pub(crate) fn streaming(code: StatusCode, content_type: &'static str, body: Body) -> Self {
        Self { code, content_type, body, warnings: Vec::new(), etag: None, retry_after: None }
    }

    /// JSON that is already encoded.
    pub(crate) fn encoded(code: StatusCode, json: impl Into<Bytes>) -> Self {
        Self::new(code, JSON, json)
    }

    /// A value in the format that the client accepts.
    pub(crate) fn value(code: StatusCode, accepted: Accepted, value: &Value) -> Self {
        if accepted.yaml {
            let text = serde_saphyr::to_string(value).unwrap_or_default();
            return Self::new(code, YAML, text);
        }
        Self::new(code, JSON, encoding::json(value))
    }

    /// A path that leads nowhere.
    pub(crate) fn page_not_found() -> Self {
        Self::text(StatusCode::NOT_FOUND, "404 page not found\n")
    }

    pub(crate) fn text(code: StatusCode, text: impl Into<String>) -> Self {
        Self::new(code, "text/plain; charset=utf-8", text.into())
    }

    pub(crate) fn failure(failure: &Failure) -> Self {
        let mut answer = Self::new(failure.code, JSON, encoding::json(&failure.to_json()));
        answer.retry_after = failure.retry_after;
        answer.warnings.clone_from(&failure.warnings);
        answer
    }

    pub(crate) fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        // Each is sent once, however often a write was tried.
        for warning in warnings {
            if !self.warnings.contains(&warning) {
                self.warnings.push(warning);
            }
        }
        self
    }

    pub(crate) fn with_etag(mut self, etag: String) -> Self {
        self.etag = Some(etag);
        self
    }

    pub(crate) fn with_content_type(mut self, content_type: &'static str) -> Self {
        self.content_type = content_type;
        self
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.code;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
        if let Some(etag) = self.etag.and_then(|etag| HeaderValue::try_from(etag).ok()) {
            headers.insert(ETAG, etag);
            headers.insert(VARY, HeaderValue::from_static("Accept"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        for warning in self.warnings {
            if let Ok(value) = HeaderValue::try_from(warning_header(&warning)) {
                headers.append(WARNING, value);
            }
        }
        response
    }
}

/// RFC 9110's former `Warning` header, as Kubernetes uses it: `299 - "text"`.
fn warning_header(text: &str) -> String {
    let mut quoted = String::new();
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => quoted.push(' '),
            letter => quoted.push(letter),
        }
    }
    format!("299 - \"{quoted}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_quoted() {
        assert_eq!(warning_header("unknown field \"a\"\n"), r#"299 - "unknown field \"a\" ""#);
    }
}
