//! Semantic versions (Kubernetes' library, on the Go package `blang/semver`).

use std::cmp::Ordering;

use crate::fault::Fault;
use crate::function::{Call, Function};
use crate::go_text::quoted;
use crate::value::{Opaque, Outcome, Value};

const COMPARED: &str = "kubernetes.Semver, kubernetes.Semver -> bool";

pub(super) const FUNCTIONS: &[Function] = &[
    Function::global(
        "semver",
        "string -> kubernetes.Semver; string, bool -> kubernetes.Semver",
        |call| parsed(call)?.map(Value::opaque).map_err(Fault::new),
    ),
    Function::global("isSemver", "string -> bool; string, bool -> bool", |call| {
        Ok(Value::Bool(parsed(call)?.is_ok()))
    }),
    Function::member("major", "kubernetes.Semver -> int", |call| number(call, |one| one.major)),
    Function::member("minor", "kubernetes.Semver -> int", |call| number(call, |one| one.minor)),
    Function::member("patch", "kubernetes.Semver -> int", |call| number(call, |one| one.patch)),
    Function::member("isGreaterThan", COMPARED, |call| Ok(Value::Bool(compared(call)?.is_gt()))),
    Function::member("isLessThan", COMPARED, |call| Ok(Value::Bool(compared(call)?.is_lt()))),
    Function::member("compareTo", "kubernetes.Semver, kubernetes.Semver -> int", |call| {
        Ok(Value::Int(compared(call)? as i64))
    }),
];

/// A version. Its order is that of its fields: a version without a pre-release comes after those with one.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    release: Release,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Release {
    Pre(Vec<Identifier>),
    Final,
}

/// A part of a pre-release: numbers come before words.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Identifier {
    Number(u64),
    Word(String),
}

impl Opaque for Version {
    fn type_name(&self) -> &'static str {
        "kubernetes.Semver"
    }

    fn equals(&self, other: &dyn Opaque) -> bool {
        other.downcast() == Some(self)
    }
}

/// The outer fault is one of types, the inner one of the text.
fn parsed(call: &Call<'_, '_>) -> Result<Result<Version, String>, Fault> {
    let text = call.text(0)?;
    Ok(match call.values.get(1) {
        Some(lenient) if lenient.truth()? => normalized(text).and_then(|text| parse(&text)),
        _ => parse(text),
    })
}

fn number<'a>(call: &Call<'_, 'a>, read: fn(&Version) -> u64) -> Outcome<'a> {
    let number = read(call.opaque(0)?);
    // As Go converts it.
    Ok(Value::Int(number.cast_signed()))
}

fn compared(call: &Call<'_, '_>) -> Result<Ordering, Fault> {
    Ok(call.opaque::<Version>(0)?.cmp(call.opaque(1)?))
}

/// Without the leading `v` and leading zeros, with the numbers that are missing.
fn normalized(text: &str) -> Result<String, String> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let mut parts: Vec<String> = text.splitn(3, '.').map(without_zeros).collect();
    if parts.len() < 3 && parts.last().is_some_and(|last| last.contains(['+', '-'])) {
        return Err("short version cannot contain PreRelease/Build meta data".to_owned());
    }
    parts.resize(3, "0".to_owned());
    Ok(parts.join("."))
}

fn without_zeros(part: &str) -> String {
    let rest = part.trim_start_matches('0');
    match rest.starts_with(|first: char| first.is_ascii_digit()) {
        _ if part.len() < 2 => part.to_owned(),
        true => rest.to_owned(),
        false => format!("0{rest}"),
    }
}

fn parse(text: &str) -> Result<Version, String> {
    if text.is_empty() {
        return Err("Version string empty".to_owned());
    }
    let parts: Vec<&str> = text.splitn(3, '.').collect();
    let &[major, minor, rest] = parts.as_slice() else {
        return Err("No Major.Minor.Patch elements found".to_owned());
    };
    let (major, minor) = (numeric("major", major)?, numeric("minor", minor)?);
    let (rest, build) = match rest.split_once('+') {
        Some((rest, build)) => (rest, Some(build)),
        None => (rest, None),
    };
    let (patch, pre) = match rest.split_once('-') {
        Some((patch, pre)) => (patch, Some(pre)),
        None => (rest, None),
    };
    let patch = numeric("patch", patch)?;
    let release = match pre {
        Some(pre) => Release::Pre(pre.split('.').map(identifier).collect::<Result<_, _>>()?),
        None => Release::Final,
    };
    for part in build.into_iter().flat_map(|build| build.split('.')) {
        check_build(part)?;
    }
    Ok(Version { major, minor, patch, release })
}

fn numeric(name: &str, text: &str) -> Result<u64, String> {
    if !is_number(text) {
        return Err(format!("Invalid character(s) found in {name} number {}", quoted(text)));
    }
    if has_leading_zero(text) {
        let name = format!("{}{}", name[..1].to_ascii_uppercase(), &name[1..]);
        return Err(format!("{name} number must not contain leading zeroes {}", quoted(text)));
    }
    parsed_number(text)
}

fn parsed_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| {
        let why = if text.is_empty() { "invalid syntax" } else { "value out of range" };
        format!("strconv.ParseUint: parsing {}: {why}", quoted(text))
    })
}

fn identifier(text: &str) -> Result<Identifier, String> {
    if text.is_empty() {
        return Err("Prerelease is empty".to_owned());
    }
    if !is_number(text) {
        return if is_word(text) {
            Ok(Identifier::Word(text.to_owned()))
        } else {
            Err(format!("Invalid character(s) found in prerelease {}", quoted(text)))
        };
    }
    if has_leading_zero(text) {
        let text = quoted(text);
        return Err(format!("Numeric PreRelease version must not contain leading zeroes {text}"));
    }
    parsed_number(text).map(Identifier::Number)
}

fn check_build(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("Build meta data is empty".to_owned());
    }
    if !is_word(text) {
        return Err(format!("Invalid character(s) found in build meta data {}", quoted(text)));
    }
    Ok(())
}

/// So is the empty text.
fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn has_leading_zero(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0')
}
