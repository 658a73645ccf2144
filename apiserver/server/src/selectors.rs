//! Label and field selectors (`k8s.io/apimachinery/pkg/labels`, `…/fields`).

use apiserver_kinds::Kind;
use serde_json::Value;

use crate::status::Failure;

/// Requirements on labels, all of which must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LabelSelector(Vec<LabelRequirement>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct LabelRequirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Exists,
    Absent,
    Greater,
    Less,
}

impl LabelSelector {
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let refused =
            |why: String| Failure::bad_request(format!("unable to parse requirement: {why}"));
        let requirements = split(text).into_iter().map(|part| requirement(&part).map_err(refused));
        requirements.collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn matches(&self, labels: &[(Box<str>, Box<str>)]) -> bool {
        self.0.iter().all(|requirement| {
            let found = labels.iter().find(|(key, _)| key.as_ref() == requirement.key);
            requirement.holds(found.map(|(_, value)| value.as_ref()))
        })
    }
}

impl LabelRequirement {
    fn holds(&self, value: Option<&str>) -> bool {
        let listed = value.is_some_and(|value| self.values.iter().any(|one| one == value));
        let number = |text: &str| text.parse::<i64>().ok();
        let bound = self.values.first().and_then(|bound| number(bound));
        match self.operator {
            Operator::In => listed,
            Operator::NotIn => !listed,
            Operator::Exists => value.is_some(),
            Operator::Absent => value.is_none(),
            Operator::Greater => {
                value.and_then(number).zip(bound).is_some_and(|(value, bound)| value > bound)
            }
            Operator::Less => {
                value.and_then(number).zip(bound).is_some_and(|(value, bound)| value < bound)
            }
        }
    }
}

/// Splits at commas outside of parentheses.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_i32;
    for letter in text.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if letter == ',' && depth == 0 {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    if parts.len() == 1 && parts[0].trim().is_empty() {
        parts.clear();
    }
    parts
}

fn requirement(text: &str) -> Result<LabelRequirement, String> {
    let text = text.trim();
    let (key, operator, values) = if let Some(key) = text.strip_prefix('!') {
        (key, Operator::Absent, Vec::new())
    } else if let Some((key, values)) = set(text, " notin ") {
        (key, Operator::NotIn, values?)
    } else if let Some((key, values)) = set(text, " in ") {
        (key, Operator::In, values?)
    } else if let Some((key, value)) = text.split_once("!=") {
        (key, Operator::NotIn, vec![value.trim().to_owned()])
    } else if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        (key, Operator::In, vec![value.trim().to_owned()])
    } else if let Some((key, value)) = text.split_once('>') {
        (key, Operator::Greater, vec![value.trim().to_owned()])
    } else if let Some((key, value)) = text.split_once('<') {
        (key, Operator::Less, vec![value.trim().to_owned()])
    } else {
        (text, Operator::Exists, Vec::new())
    };
    let key = key.trim().to_owned();
    check_key(&key)?;
    values.iter().try_for_each(|value| check_value(value))?;
    Ok(LabelRequirement { key, operator, values })
}

fn set<'a>(text: &'a str, word: &str) -> Option<(&'a str, Result<Vec<String>, String>)> {
    // `a in (b)` and `a in(b)` are both taken.
    let spaced = text.find(word).map(|at| (at, at + word.len()));
    let tight =
        || text.find(&format!("{}(", word.trim_end())).map(|at| (at, at + word.trim_end().len()));
    let (at, after) = spaced.or_else(tight)?;
    let listed = text[after..].trim();
    let inside = listed.strip_prefix('(').and_then(|listed| listed.strip_suffix(')'));
    let values =
        inside.map(|inside| inside.split(',').map(|value| value.trim().to_owned()).collect());
    Some((&text[..at], values.ok_or_else(|| format!("found {listed:?}, expected: '('"))))
}

fn check_key(key: &str) -> Result<(), String> {
    let (prefix, name) =
        key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let good = is_label_name(name) && !name.is_empty() && prefix.is_none_or(is_subdomain);
    if good {
        Ok(())
    } else {
        Err(format!("<nil>: Invalid value: {key:?}: a label key is [prefix/]name"))
    }
}

fn check_value(value: &str) -> Result<(), String> {
    if is_label_name(value) {
        return Ok(());
    }
    Err(format!(
        "<nil>: Invalid value: {value:?}: a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'"
    ))
}

fn is_label_name(text: &str) -> bool {
    let inner = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'-' | b'_' | b'.');
    let bytes = text.as_bytes();
    let ends = |end: Option<&u8>| end.is_none_or(u8::is_ascii_alphanumeric);
    bytes.len() <= 63
        && bytes.iter().all(|letter| inner(*letter))
        && ends(bytes.first())
        && ends(bytes.last())
}

fn is_subdomain(text: &str) -> bool {
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let inner =
            |letter: &u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || *letter == b'-';
        !bytes.is_empty()
            && bytes.iter().all(inner)
            && bytes[0] != b'-'
            && bytes[bytes.len() - 1] != b'-'
    };
    text.len() <= 253 && text.split('.').all(label)
}

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
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_label_selector_selects_as_kubernetes_does() {
        let labels: Vec<(Box<str>, Box<str>)> =
            vec![("a".into(), "1".into()), ("x/y".into(), "z".into())];
        let cases = [
            ("", true),
            ("a", true),
            ("!a", false),
            ("b", false),
            ("!b", true),
            ("a=1", true),
            ("a==1,x/y=z", true),
            ("a!=1", false),
            ("b!=1", true),
            ("a in (1,2)", true),
            ("a in (2, 3)", false),
            ("a notin (2,3),x/y", true),
            ("b notin (1)", true),
            ("a>0", true),
            ("a<1", false),
        ];
        for (text, expected) in cases {
            assert_eq!(LabelSelector::parse(text).unwrap().matches(&labels), expected, "{text}");
        }
    }

    #[test]
    fn a_label_selector_that_cannot_be_read_is_refused() {
        for text in ["a=b c", "a in 1", "-a", "a=_", "=1", "a,,b"] {
            assert!(LabelSelector::parse(text).is_err(), "{text}");
        }
    }

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
