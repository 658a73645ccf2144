//! The simple JSON paths of printer columns and of the `scale` subresource: `.a.b`, `.a[0]`, `.a['b']`, `.a[*]`,
//! `.a[?(@.type=="Ready")].status`.

use serde_json::Value;

/// A JSON path, read once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(i64),
    Every,
    Where { path: Vec<String>, equals: bool, value: String },
}

impl Path {
    /// Reads a path; `None` if it is none of the simple ones.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('[') {
                let end = bracket_end(after)?;
                steps.push(Step::bracketed(after.get(..end)?)?);
                rest = after.get(end + 1..)?;
            } else {
                rest = rest.strip_prefix('.')?;
                let (name, after) = field(rest);
                if !name.is_empty() {
                    steps.push(if name == "*" { Step::Every } else { Step::Field(name) });
                }
                rest = after;
            }
        }
        Some(Self(steps))
    }

    /// All values at the path.
    pub(crate) fn find<'a>(&self, object: &'a Value) -> Vec<&'a Value> {
        let mut found = vec![object];
        for step in &self.0 {
            found = found.into_iter().flat_map(|value| step.apply(value)).collect();
        }
        found
    }

    /// The names of a path that only goes through fields.
    pub(crate) fn fields(&self) -> Option<Vec<&str>> {
        self.0
            .iter()
            .map(|step| if let Step::Field(name) = step { Some(name.as_str()) } else { None })
            .collect()
    }
}

/// A field's name up to the next `.` or `[`; a backslash takes the meaning from the sign after it.
fn field(text: &str) -> (String, &str) {
    let mut name = String::new();
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '.' | '[' => return (name, text.get(at..).unwrap_or_default()),
            '\\' => name.extend(signs.next().map(|(_, sign)| sign)),
            _ => name.push(sign),
        }
    }
    (name, "")
}

/// Where the bracket ends that `text` is the inside of; brackets in quotes do not count.
fn bracket_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, sign) in text.char_indices() {
        match (quote, sign) {
            (Some(open), sign) if sign == open => quote = None,
            (None, '"' | '\'') => quote = Some(sign),
            (None, ']') => return Some(at),
            _ => {}
        }
    }
    None
}

fn unquote(text: &str) -> Option<&str> {
    let inside = |quote| text.strip_prefix(quote)?.strip_suffix(quote);
    inside('"').or_else(|| inside('\''))
}

impl Step {
    fn bracketed(text: &str) -> Option<Self> {
        let text = text.trim();
        if text == "*" {
            return Some(Self::Every);
        }
        if let Some(name) = unquote(text) {
            return Some(Self::Field(name.to_owned()));
        }
        if let Some(condition) = text.strip_prefix("?(").and_then(|text| text.strip_suffix(')')) {
            return Self::condition(condition);
        }
        text.parse().ok().map(Self::Index)
    }

    fn condition(text: &str) -> Option<Self> {
        let ((left, right), equals) = match (text.split_once("=="), text.split_once("!=")) {
            (Some(sides), _) => (sides, true),
            (None, Some(sides)) => (sides, false),
            (None, None) => return None,
        };
        let path = Path::read(left.trim().strip_prefix('@')?)?;
        let path = path.fields()?.into_iter().map(str::to_owned).collect();
        let right = right.trim();
        Some(Self::Where { path, equals, value: unquote(right).unwrap_or(right).to_owned() })
    }

    fn apply<'a>(&self, value: &'a Value) -> Vec<&'a Value> {
        let entries = || value.as_array().map(Vec::as_slice).unwrap_or_default();
        match self {
            Self::Field(name) => value.get(name).into_iter().collect(),
            Self::Index(at) if *at < 0 => entries()
                .iter()
                .rev()
                .nth(usize::try_from(-at - 1).unwrap_or(usize::MAX))
                .into_iter()
                .collect(),
            Self::Index(at) => {
                usize::try_from(*at).ok().and_then(|at| entries().get(at)).into_iter().collect()
            }
            Self::Every => match value {
                Value::Array(entries) => entries.iter().collect(),
                Value::Object(fields) => fields.values().collect(),
                _ => Vec::new(),
            },
            Self::Where { path, equals, value: wanted } => {
                entries().iter().filter(|entry| holds(entry, path, *equals, wanted)).collect()
            }
        }
    }
}

fn holds(entry: &Value, path: &[String], equals: bool, wanted: &str) -> bool {
    let found = path.iter().try_fold(entry, |value, name| value.get(name));
    let same = match found {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Bool(flag)) => wanted == if *flag { "true" } else { "false" },
        Some(Value::Number(number)) => wanted.parse::<f64>().ok() == number.as_f64(),
        Some(_) => false,
        None => return false,
    };
    same == equals
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_finds_what_it_names() {
        let object = json!({"spec": {"a.b": 1, "list": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}]}});
        let cases = [
            (".spec['a.b']", vec![json!(1)]),
            (r".spec.a\.b", vec![json!(1)]),
            (".spec.list[0].type", vec![json!("Ready")]),
            (".spec.list[-1].type", vec![json!("Other")]),
            (".spec.list[*].type", vec![json!("Ready"), json!("Other")]),
            (r#".spec.list[?(@.type=="Ready")].status"#, vec![json!("True")]),
            (".spec.list[?(@.type=='Other')].status", vec![json!("False")]),
            (".spec.list[?(@.type!='Other')].status", vec![json!("True")]),
            (".spec.none.deeper", vec![]),
        ];
        for (text, wanted) in cases {
            let found: Vec<Value> =
                Path::read(text).unwrap().find(&object).into_iter().cloned().collect();
            assert_eq!(found, wanted, "{text}");
        }
    }

    #[test]
    fn a_path_that_is_not_simple_is_refused() {
        for text in ["spec", ".a[", ".a[x]", ".a[?(@.b)]"] {
            assert_eq!(Path::read(text), None, "{text}");
        }
    }
}
