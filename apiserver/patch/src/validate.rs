//! Whether an applied configuration has the types of its schema.

use std::collections::BTreeSet;
use std::fmt;

use apiserver_object::go_text;
use serde_json::Value;

use crate::atom::{Form, ListAtom, MapAtom, Scalar, Shape};
use crate::element::Element;

/// Every place where a configuration does not fit its schema, in the words of structured-merge-diff.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TypeErrors(pub(crate) Vec<(String, String)>);

impl fmt::Display for TypeErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = |(path, text): &(String, String)| {
            if path.is_empty() { text.clone() } else { format!("{path}: {text}") }
        };
        match self.0.as_slice() {
            [only] => formatter.write_str(&one(only)),
            many => {
                let lines: Vec<_> = many.iter().map(|error| format!("  {}", one(error))).collect();
                write!(formatter, "errors:\n{}", lines.join("\n"))
            }
        }
    }
}

/// Checks types, unknown fields and, unless duplicates are allowed, that no list entry is there twice.
pub(crate) fn validate(
    shape: Shape<'_>,
    value: &Value,
    duplicates: bool,
) -> Result<(), TypeErrors> {
    let mut walk = Walk { path: Vec::new(), errors: TypeErrors::default(), duplicates };
    walk.visit(shape, value);
    if walk.errors.0.is_empty() { Ok(()) } else { Err(walk.errors) }
}

struct Walk<'a> {
    path: Vec<Element<'a>>,
    errors: TypeErrors,
    duplicates: bool,
}

impl<'a> Walk<'a> {
    fn refuse(&mut self, text: String) {
        let path = self.path.iter().map(ToString::to_string).collect();
        self.errors.0.push((path, text));
    }

    fn visit(&mut self, shape: Shape<'a>, value: &'a Value) {
        match (shape.atom().deduce(Some(value)).form(), value) {
            (_, Value::Null) => {}
            (Form::Scalar(scalar), value) => self.visit_scalar(scalar, value),
            (Form::List(atom), Value::Array(items)) => self.visit_list(atom, items),
            (Form::Map(atom), Value::Object(map)) => self.visit_map(atom, map),
            (Form::List(_), other) => {
                self.refuse(format!("expected list, got {}", interface(other)));
            }
            (Form::Map(_), other) => self.refuse(format!("expected map, got {}", interface(other))),
        }
    }

    fn visit_scalar(&mut self, scalar: Scalar, value: &Value) {
        let fits = match scalar {
            Scalar::Any => !matches!(value, Value::Array(_) | Value::Object(_)),
            Scalar::Number => value.is_number(),
            Scalar::String => value.is_string(),
            Scalar::Boolean => value.is_boolean(),
        };
        if fits {
            return;
        }
        self.refuse(match scalar {
            Scalar::Any => format!("expected any scalar, got {}", interface(value)),
            Scalar::Number => {
                format!("expected numeric (int or float), got {}", go_text::type_name(value))
            }
            Scalar::String => format!("expected string, got {}", detailed(value)),
            Scalar::Boolean => format!("expected boolean, got {}", interface(value)),
        });
    }

    fn visit_list(&mut self, atom: ListAtom<'a>, items: &'a [Value]) {
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let element = if atom.atomic {
                Element::Index(i64::try_from(index).unwrap_or(i64::MAX))
            } else {
                match atom.element_of(item) {
                    Ok(element) => element,
                    Err(error) => return self.refuse(format!("element {index}: {}", error.0)),
                }
            };
            if !atom.atomic && !seen.insert(element.clone()) && !self.duplicates {
                self.refuse(format!("duplicate entries for key {element}"));
            }
            self.path.push(element);
            self.visit(atom.items, item);
            self.path.pop();
        }
    }

    fn visit_map(&mut self, atom: MapAtom<'a>, map: &'a serde_json::Map<String, Value>) {
        for (key, value) in map {
            self.path.push(Element::Field(key));
            let Some(shape) = atom.declared(key).or_else(|| atom.element()) else {
                self.refuse("field not declared in schema".to_owned());
                self.path.pop();
                return;
            };
            self.visit(shape, value);
            self.path.pop();
        }
    }
}

/// `%v` of structured-merge-diff's wrapper around a value.
fn interface(value: &Value) -> String {
    format!("&{{{}}}", go_text::plain(value))
}

/// `%#v` of the same wrapper.
fn detailed(value: &Value) -> String {
    let inner = match value {
        Value::String(text) => go_text::quoted(text),
        Value::Array(_) | Value::Object(_) => {
            format!("{}{}", go_text::type_name(value), go_braces(value))
        }
        other => other.to_string(),
    };
    format!("&value.valueUnstructured{{Value:{inner}}}")
}

fn go_braces(value: &Value) -> String {
    let one = |value: &Value| match value {
        Value::String(text) => go_text::quoted(text),
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Array(_) | Value::Object(_) => {
            format!("{}{}", go_text::type_name(value), go_braces(value))
        }
        other => other.to_string(),
    };
    match value {
        Value::Array(items) => {
            format!("{{{}}}", items.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        Value::Object(map) => {
            let pairs: Vec<_> = map
                .iter()
                .map(|(key, value)| format!("{}:{}", go_text::quoted(key), one(value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        _ => String::new(),
    }
}
