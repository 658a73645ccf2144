//! Form and format of an answer (`Accept`).

use http::HeaderMap;
use http::header::ACCEPT;

use crate::failure::Failure;

pub(crate) const JSON: &str = "application/json";
pub(crate) const YAML: &str = "application/yaml";

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

/// The object itself as JSON.
impl Default for Accepted {
    fn default() -> Self {
        Self { form: Form::Object, yaml: false }
    }
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
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("*/*");
        let mut clauses =
            accept.split(',').map(str::trim).filter(|clause| !clause.is_empty()).peekable();
        if clauses.peek().is_none() {
            return Ok(Self::default());
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

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn accepted(text: &'static str) -> Option<Accepted> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(text));
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
}
