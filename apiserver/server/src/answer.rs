//! What the server answers, and in which form the client wants it.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, RETRY_AFTER, WARNING};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;

use crate::body::Body;
use crate::encode;
use crate::status::Failure;

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";
/// What a client may ask for, as kube-apiserver lists it.
const REPRESENTATIONS: [&str; 3] = [JSON, YAML, "application/json;stream=watch"];

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// The object itself.
    Object,
    /// `as=Table`: rows for people.
    Table,
    /// The same in the version that came before, `v1beta1`.
    TableBeta,
    /// `as=PartialObjectMetadata`: metadata only.
    Metadata,
    /// `as=PartialObjectMetadataList`: of each object metadata only.
    MetadataList,
    /// `as=APIGroupDiscoveryList`: all groups in one document.
    Discovery,
}

/// Form and format that a client accepts best among those that this server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accepted {
    pub(crate) form: Form,
    pub(crate) yaml: bool,
}

impl Form {
    /// Rows for people, in either version.
    pub(crate) const fn is_table(self) -> bool {
        matches!(self, Self::Table | Self::TableBeta)
    }
}

impl Accepted {
    /// Reads `Accept`; the first that can be served wins. Weights are not looked at, as clients sort by preference.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Failure> {
        let accept = headers
            .get(http::header::ACCEPT)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("*/*");
        let mut clauses =
            accept.split(',').map(str::trim).filter(|clause| !clause.is_empty()).peekable();
        if clauses.peek().is_none() {
            return Ok(Self { form: Form::Object, yaml: false });
        }
        clauses.find_map(Self::clause).ok_or_else(|| Failure::not_acceptable(&REPRESENTATIONS))
    }

    fn clause(clause: &str) -> Option<Self> {
        let mut parts = clause.split(';').map(str::trim);
        let yaml = match parts.next()? {
            JSON | "*/*" => false,
            YAML => true,
            _ => return None,
        };
        let parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
        let parameter =
            |key: &str| parameters.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        let form = match (parameter("as"), parameter("g"), parameter("v")) {
            (None, ..) => Form::Object,
            (Some("Table"), Some("meta.k8s.io"), Some("v1")) => Form::Table,
            (Some("Table"), Some("meta.k8s.io"), Some("v1beta1")) => Form::TableBeta,
            (Some("PartialObjectMetadata"), Some("meta.k8s.io"), Some("v1")) => Form::Metadata,
            (Some("PartialObjectMetadataList"), Some("meta.k8s.io"), Some("v1")) => {
                Form::MetadataList
            }
            (Some("APIGroupDiscoveryList"), Some("apidiscovery.k8s.io"), Some("v2")) => {
                Form::Discovery
            }
            _ => return None,
        };
        Some(Self { form, yaml })
    }
}

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
        Self::new(code, JSON, encode::json(value))
    }

    pub(crate) fn text(code: StatusCode, text: impl Into<String>) -> Self {
        Self::new(code, "text/plain; charset=utf-8", text.into())
    }

    pub(crate) fn failure(failure: &Failure) -> Self {
        let mut answer = Self::new(failure.code, JSON, encode::json(&failure.to_json()));
        answer.retry_after = failure.retry_after;
        answer.warnings.clone_from(&failure.warnings);
        answer
    }

    pub(crate) fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        // Each is said once, however often a write was tried.
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
        headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
        if let Some(etag) = self.etag.and_then(|etag| HeaderValue::try_from(etag).ok()) {
            headers.insert(ETAG, etag);
            headers.insert(http::header::VARY, HeaderValue::from_static("Accept"));
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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn accepted(text: &'static str) -> Option<Accepted> {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::ACCEPT, HeaderValue::from_static(text));
        Accepted::read(&headers).ok()
    }

    #[test]
    fn the_first_form_that_can_be_served_is_taken() {
        let cases = [
            ("application/json", Some((Form::Object, false))),
            ("application/vnd.kubernetes.protobuf,application/json", Some((Form::Object, false))),
            ("application/yaml", Some((Form::Object, true))),
            (
                "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
                Some((Form::Table, false)),
            ),
            (
                "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
                Some((Form::TableBeta, false)),
            ),
            (
                "application/json;as=Table;v=v2;g=meta.k8s.io,application/json",
                Some((Form::Object, false)),
            ),
            (
                "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
                Some((Form::MetadataList, false)),
            ),
            (
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
                Some((Form::Discovery, false)),
            ),
            ("*/*", Some((Form::Object, false))),
            ("text/plain", None),
            ("application/vnd.kubernetes.protobuf", None),
        ];
        for (text, expected) in cases {
            assert_eq!(
                accepted(text).map(|accepted| (accepted.form, accepted.yaml)),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn a_warning_is_quoted() {
        assert_eq!(warning_header("unknown field \"a\"\n"), r#"299 - "unknown field \"a\" ""#);
    }
}
