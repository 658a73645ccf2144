//! Label selectors: as text in a query (`k8s.io/apimachinery/pkg/labels`), as `metav1.LabelSelector` in an object.

mod parse;
mod validate;

use std::fmt;

use serde_json::Value;

use crate::{FieldError, Path};

/// Requirements on labels, all of which must hold. The default has none and selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Test {
    Equals(String),
    NotEquals(String),
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
    GreaterThan(i64),
    LessThan(i64),
}

impl LabelSelector {
    /// Reads a selector as a query holds it: `a=b,c in (d,e),!f`. The error is the text that the real server answers.
    pub fn parse(text: &str) -> Result<Self, String> {
        parse::requirements(text).map(Self::sorted)
    }

    /// Reads a `LabelSelector` object at `path`, or says what is wrong with it.
    pub fn read(selector: &Value, path: &Path<'_>) -> Result<Self, Vec<FieldError>> {
        let faults = validate::selector(selector, path);
        if !faults.is_empty() {
            return Err(faults);
        }
        let equal = selector["matchLabels"].as_object().into_iter().flatten();
        let mut requirements: Vec<Requirement> = equal
            .map(|(key, value)| Requirement { key: key.clone(), test: Test::Equals(text(value)) })
            .collect();
        let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
        requirements.extend(expressions.filter_map(Requirement::read));
        Ok(Self::sorted(requirements))
    }

    fn sorted(mut requirements: Vec<Requirement>) -> Self {
        requirements.sort_by(|one, other| one.key.cmp(&other.key));
        Self(requirements)
    }

    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an object is selected, given the value of each of its labels by key.
    pub fn matches<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        self.0.iter().all(|requirement| requirement.test.holds(label(&requirement.key)))
    }

    /// Whether labels as an object holds them, a map of strings, are selected.
    pub fn selects(&self, labels: &Value) -> bool {
        self.matches(|key| labels.get(key)?.as_str())
    }
}

impl Requirement {
    /// One of `matchExpressions`; `None` if its operator is not known.
    fn read(expression: &Value) -> Option<Self> {
        let values = expression["values"].as_array().into_iter().flatten().map(text);
        let test = match expression["operator"].as_str()? {
            "In" => Test::In(values.collect()),
            "NotIn" => Test::NotIn(values.collect()),
            "Exists" => Test::Exists,
            "DoesNotExist" => Test::DoesNotExist,
            _ => return None,
        };
        Some(Self { key: text(&expression["key"]), test })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Test {
    fn holds(&self, label: Option<&str>) -> bool {
        let number = || label?.parse::<i64>().ok();
        match self {
            Self::Equals(value) => label == Some(value),
            Self::NotEquals(value) => label != Some(value),
            Self::In(values) => label.is_some_and(|label| among(values, label)),
            Self::NotIn(values) => label.is_none_or(|label| !among(values, label)),
            Self::Exists => label.is_some(),
            Self::DoesNotExist => label.is_none(),
            Self::GreaterThan(bound) => number().is_some_and(|number| number > *bound),
            Self::LessThan(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

fn among(values: &[String], label: &str) -> bool {
    values.iter().any(|value| value == label)
}

/// The selector as text, sorted by key: `a=b,c in (d,e),!f`; empty if it selects everything.
impl fmt::Display for LabelSelector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, requirement) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(formatter, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.key;
        match &self.test {
            Test::Equals(value) => write!(formatter, "{key}={value}"),
            Test::NotEquals(value) => write!(formatter, "{key}!={value}"),
            Test::In(values) => write!(formatter, "{key} in ({})", sorted_list(values)),
            Test::NotIn(values) => write!(formatter, "{key} notin ({})", sorted_list(values)),
            Test::Exists => formatter.write_str(key),
            Test::DoesNotExist => write!(formatter, "!{key}"),
            Test::GreaterThan(bound) => write!(formatter, "{key}>{bound}"),
            Test::LessThan(bound) => write!(formatter, "{key}<{bound}"),
        }
    }
}

fn sorted_list(values: &[String]) -> String {
    let mut values: Vec<&str> = values.iter().map(String::as_str).collect();
    values.sort_unstable();
    values.join(",")
}

#[cfg(test)]
mod tests;
