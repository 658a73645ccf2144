//! Formats by name (Kubernetes' library `format`): `format.dns1123Label().validate(text)`.

use std::borrow::Cow;

use apiserver_object::names;
use apiserver_schema::is_of_format;
use cel_language::library::request_uri_fault;
use cel_language::{Call, Function, Opaque, Outcome, Run, Value};

/// What a format demands of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NamedFormat {
    Label,
    LabelPrefix,
    Subdomain,
    SubdomainPrefix,
    Label1035,
    Label1035Prefix,
    QualifiedName,
    LabelValue,
    Uri,
    Uuid,
    Byte,
    Date,
    DateTime,
}

pub(crate) const FUNCTIONS: &[Function] = &[
    constant("format.dns1123Label", |_| Ok(Value::opaque(NamedFormat::Label))),
    constant("format.dns1123LabelPrefix", |_| Ok(Value::opaque(NamedFormat::LabelPrefix))),
    constant("format.dns1123Subdomain", |_| Ok(Value::opaque(NamedFormat::Subdomain))),
    constant("format.dns1123SubdomainPrefix", |_| Ok(Value::opaque(NamedFormat::SubdomainPrefix))),
    constant("format.dns1035Label", |_| Ok(Value::opaque(NamedFormat::Label1035))),
    constant("format.dns1035LabelPrefix", |_| Ok(Value::opaque(NamedFormat::Label1035Prefix))),
    constant("format.qualifiedName", |_| Ok(Value::opaque(NamedFormat::QualifiedName))),
    constant("format.labelValue", |_| Ok(Value::opaque(NamedFormat::LabelValue))),
    constant("format.uri", |_| Ok(Value::opaque(NamedFormat::Uri))),
    constant("format.uuid", |_| Ok(Value::opaque(NamedFormat::Uuid))),
    constant("format.byte", |_| Ok(Value::opaque(NamedFormat::Byte))),
    constant("format.date", |_| Ok(Value::opaque(NamedFormat::Date))),
    constant("format.datetime", |_| Ok(Value::opaque(NamedFormat::DateTime))),
    Function::global("format.named", "string -> optional(kubernetes.NamedFormat)", |call| {
        let format = NamedFormat::read(call.text(0)?);
        Ok(format.map_or(Value::Optional(None), |format| Value::some(Value::opaque(format))))
    }),
    Function::member(
        "validate",
        "kubernetes.NamedFormat, string -> optional(list(string))",
        validate,
    ),
];

const fn constant(name: &'static str, run: Run) -> Function {
    Function::global(name, "-> kubernetes.NamedFormat", run)
}

fn validate<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let (format, text) = (call.opaque::<NamedFormat>(0)?, call.text(1)?);
    call.budget.take(text.len() as u64)?;
    let faults = format.faults(text);
    if faults.is_empty() {
        return Ok(Value::Optional(None));
    }
    let faults = faults.into_iter().map(Value::made);
    Ok(Value::some(Value::list(faults.collect())))
}

impl Opaque for NamedFormat {
    fn type_name(&self) -> &'static str {
        "kubernetes.NamedFormat"
    }

    fn equals(&self, other: &dyn Opaque) -> bool {
        other.downcast() == Some(self)
    }
}

impl NamedFormat {
    fn read(name: &str) -> Option<Self> {
        Some(match name {
            "dns1123Label" => Self::Label,
            "dns1123LabelPrefix" => Self::LabelPrefix,
            "dns1123Subdomain" => Self::Subdomain,
            "dns1123SubdomainPrefix" => Self::SubdomainPrefix,
            "dns1035Label" => Self::Label1035,
            "dns1035LabelPrefix" => Self::Label1035Prefix,
            "qualifiedName" => Self::QualifiedName,
            "labelValue" => Self::LabelValue,
            "uri" => Self::Uri,
            "uuid" => Self::Uuid,
            "byte" => Self::Byte,
            "date" => Self::Date,
            "datetime" => Self::DateTime,
            _ => return None,
        })
    }

    /// What is wrong with a text.
    fn faults(self, text: &str) -> Vec<String> {
        match self {
            Self::Label => names::label(text),
            Self::LabelPrefix => names::label(&masked(text)),
            Self::Subdomain => names::subdomain(text),
            Self::SubdomainPrefix => names::subdomain(&masked(text)),
            Self::Label1035 => names::label_1035(text),
            Self::Label1035Prefix => names::label_1035(&masked(text)),
            Self::QualifiedName => names::label_key(text),
            Self::LabelValue => names::label_value(text),
            Self::Uri => request_uri_fault(text).into_iter().collect(),
            Self::Uuid => unless(is_of_format("uuid", text), "does not match the UUID format"),
            Self::Byte => unless(is_of_format("byte", text), "invalid base64"),
            Self::Date => unless(is_of_format("date", text), "invalid date"),
            Self::DateTime => unless(is_of_format("datetime", text), "invalid datetime"),
        }
    }
}

fn unless(sound: bool, fault: &str) -> Vec<String> {
    if sound { Vec::new() } else { vec![fault.to_owned()] }
}

/// A prefix may end in a dash, as more comes after it: the real server reads an `a` for its last two characters.
fn masked(text: &str) -> Cow<'_, str> {
    let mut letters = text.chars();
    match (letters.next_back(), letters.next_back()) {
        (Some('-'), Some(_)) => Cow::Owned(format!("{}a", letters.as_str())),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use cel_language::{Environment, Evaluator, Program, shown};

    use crate::functions::{budget, functions};

    #[test]
    fn formats_demand_what_they_demand_on_a_real_server() {
        let environment =
            Environment { globals: Vec::new(), functions: functions(), messages: Vec::new() };
        let outcomes = include_str!("named_format/outcomes.tsv");
        for line in outcomes.lines().filter(|line| !line.starts_with('#')) {
            let (source, expected) = line.split_once('\t').unwrap();
            let program = Program::compile(source, &environment).unwrap();
            let budget = budget();
            let value = Evaluator::new(Vec::new(), &budget).run(&program).unwrap();
            assert_eq!(format!("{}|{}", value.type_name(), shown(&value)), expected, "{source}");
        }
    }
}
