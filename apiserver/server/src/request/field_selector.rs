//! Field selectors (`k8s.io/apimachinery/pkg/fields`).

use apiserver_kinds::Kind;
use serde_json::Value;

use crate::failure::Failure;

/// The name in `metadata.name=NAME`, where the selector has this requirement.
pub(crate) fn one_name(selector: &str) -> Option<&str> {
    let mut parts = selector.split(',').filter_map(|part| part.split_once('='));
    let (_, name) =
        parts.find(|(field, name)| field.trim() == "metadata.name" && !name.starts_with('='))?;
    (!name.is_empty()).then_some(name)
}

/// Requirements on fields, all of which must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FieldSelector(Vec<FieldRequirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct FieldRequirement {
    field: String,
    equal: bool,
    value: String,
}

impl FieldSelector {
    /// Reads a selector on a kind.
    pub(crate) fn read(kind: &Kind, text: &str) -> Result<Self, Failure> {
        Self::parse(
            text,
            &kind.selectable_fields,
            !kind.custom && kind.selectable_fields.is_empty(),
        )
    }

    /// `selectable` are the fields that the kind knows beside name and namespace; `plain`: it is a built-in kind that
    /// knows none.
    fn parse(text: &str, selectable: &[String], plain: bool) -> Result<Self, Failure> {
        let mut requirements = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let requirement = field_requirement(part).ok_or_else(|| {
                Failure::bad_request(format!(
                    "invalid selector: '{part}'; can't understand '{part}'"
                ))
            })?;
            if requirement.value.contains('=') && !part.contains("\\=") {
                return Err(Failure::bad_request(
                    "invalid field selector: unescaped character in value: 61",
                ));
            }
            let known =
                matches!(requirement.field.as_str(), "metadata.name" | "metadata.namespace")
                    || selectable.contains(&requirement.field);
            if !known {
                let field = &requirement.field;
                // As Kubernetes says it of kinds that know no field of their own.
                let message = if plain {
                    format!(
                        "{field:?} is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
                    )
                } else {
                    format!("field label not supported: {field}")
                };
                return Err(Failure::bad_request(message));
            }
            requirements.push(requirement);
        }
        Ok(Self(requirements))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the object's JSON must be looked into.
    pub(crate) fn needs_object(&self) -> bool {
        self.0.iter().any(|requirement| !requirement.field.starts_with("metadata."))
    }

    pub(crate) fn matches(&self, namespace: &str, name: &str, object: &Value) -> bool {
        self.0.iter().all(|requirement| {
            let found = match requirement.field.as_str() {
                "metadata.name" => name.to_owned(),
                "metadata.namespace" => namespace.to_owned(),
                field => text_at(object, field),
            };
            (found == requirement.value) == requirement.equal
        })
    }
}

fn field_requirement(text: &str) -> Option<FieldRequirement> {
    let (field, value, equal) = if let Some((field, value)) = text.split_once("!=") {
        (field, value, false)
    } else {
        let (field, value) = text.split_once("==").or_else(|| text.split_once('='))?;
        (field, value, true)
    };
    let value = value.replace("\\,", ",").replace("\\=", "=").replace("\\\\", "\\");
    Some(FieldRequirement { field: field.trim().to_owned(), equal, value })
}

/// The field as text, `""` where it is absent.
fn text_at(object: &Value, field: &str) -> String {
    let found =
        field.trim_start_matches('.').split('.').try_fold(object, |object, part| object.get(part));
    match found {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_selector_selects_known_fields_only() {
        let object = serde_json::json!({ "type": "Opaque", "spec": { "n": 3 } });
        let known = ["type".to_owned(), "spec.n".to_owned()];
        let matches = |text: &str| {
            FieldSelector::parse(text, &known, false).unwrap().matches("ns", "me", &object)
        };
        assert!(matches("type=Opaque,metadata.name=me"));
        assert!(matches("spec.n=3"));
        assert!(!matches("type!=Opaque"));
        assert!(!matches("metadata.namespace=other"));
        assert!(FieldSelector::parse("data.x=1", &known, false).is_err());
        assert!(FieldSelector::parse("type", &known, false).is_err());
        assert!(FieldSelector::parse("type=a=b", &known, false).is_err());
    }
}
