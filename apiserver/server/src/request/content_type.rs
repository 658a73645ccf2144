//! The format of a request's body (`Content-Type`).

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::failure::Failure;

/// The formats that a body may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Yaml,
    /// Kubernetes' own kinds only; what typed clients in Go send.
    Protobuf,
}

/// How a patch is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PatchType {
    /// RFC 6902.
    Json,
    /// RFC 7386.
    Merge,
    /// Kubernetes' own, for built-in kinds.
    StrategicMerge,
    /// Server-side apply.
    Apply,
}

const JSON: &str = "application/json";
const YAML: &str = "application/yaml";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC_MERGE_PATCH: &str = "application/strategic-merge-patch+json";
const APPLY_PATCH: &str = "application/apply-patch+yaml";

fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or(JSON).split(';').next().unwrap_or_default().trim()
}

impl Format {
    /// The format of an object. Protobuf is for Kubernetes' own kinds only.
    pub(crate) fn of_object(headers: &HeaderMap, custom: bool) -> Result<Self, Failure> {
        match content_type(headers) {
            PROTOBUF if custom => Err(Failure::unsupported_media_type(&[JSON, YAML, PROTOBUF])),
            _ => Self::of_options(headers),
        }
    }

    /// The format of options, which are of no custom kind.
    pub(crate) fn of_options(headers: &HeaderMap) -> Result<Self, Failure> {
        match content_type(headers) {
            "" | JSON => Ok(Self::Json),
            YAML => Ok(Self::Yaml),
            PROTOBUF => Ok(Self::Protobuf),
            _ => Err(Failure::unsupported_media_type(&[JSON, YAML, PROTOBUF])),
        }
    }
}

impl PatchType {
    /// The patch that a body is; any kind of patch, whatever the kind of the object.
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Failure> {
        match content_type(headers) {
            JSON_PATCH => Ok(Self::Json),
            MERGE_PATCH => Ok(Self::Merge),
            STRATEGIC_MERGE_PATCH => Ok(Self::StrategicMerge),
            APPLY_PATCH => Ok(Self::Apply),
            _ => Err(Failure::unsupported_media_type(&[
                JSON_PATCH,
                MERGE_PATCH,
                APPLY_PATCH,
                STRATEGIC_MERGE_PATCH,
            ])),
        }
    }

    /// Custom kinds have no strategic merge patch.
    pub(crate) fn check_custom(self) -> Result<(), Failure> {
        if self == Self::StrategicMerge {
            return Err(Failure::unsupported_media_type(&[JSON_PATCH, MERGE_PATCH, APPLY_PATCH]));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(content_type: &'static str) -> HeaderMap {
        [(CONTENT_TYPE, HeaderValue::from_static(content_type))].into_iter().collect()
    }

    #[test]
    fn the_format_of_a_body_is_its_content_type() {
        let cases = [
            ("", false, Some(Format::Json)),
            ("application/json; charset=utf-8", true, Some(Format::Json)),
            ("application/yaml", true, Some(Format::Yaml)),
            ("application/vnd.kubernetes.protobuf", false, Some(Format::Protobuf)),
            ("application/vnd.kubernetes.protobuf", true, None),
            ("text/plain", false, None),
        ];
        for (text, custom, expected) in cases {
            assert_eq!(Format::of_object(&headers(text), custom).ok(), expected, "{text}");
        }
        assert_eq!(Format::of_object(&HeaderMap::new(), true).ok(), Some(Format::Json));
        let options = Format::of_options(&headers("application/vnd.kubernetes.protobuf"));
        assert_eq!(options.ok(), Some(Format::Protobuf));
    }

    #[test]
    fn the_type_of_a_patch_is_its_content_type() {
        let read = |text| PatchType::read(&headers(text)).ok();
        assert_eq!(read("application/apply-patch+yaml"), Some(PatchType::Apply));
        assert_eq!(read("application/json-patch+json"), Some(PatchType::Json));
        assert_eq!(read("application/json"), None);
    }
}
