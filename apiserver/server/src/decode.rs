//! Bodies of writes as objects: type, unknown fields, defaults.

pub(crate) mod agreement;
pub(crate) mod defaults;
pub(crate) mod document;
mod object_meta;
mod pruning;
mod shape;

use apiserver_kinds::Kind;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::object::metadata;
use crate::request::content_type::Format;
use crate::request::parameters::FieldValidation;
use crate::state::served::Served;

/// An object as a client sent it, without what its kind does not know.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) object: Value,
    pub(crate) warnings: Vec<String>,
}

/// Parses, checks the type, removes unknown fields and fills in defaults.
pub(crate) fn object(
    served: &Served,
    bytes: &[u8],
    format: Format,
    validation: FieldValidation,
) -> Result<Decoded, Failure> {
    let (mut object, duplicates) = typed(&served.kind, bytes, format)?;
    let warnings = normalise(served, &mut object, duplicates, validation)
        .map_err(|mismatch| Failure::bad_request(mismatch.message(&served.kind)))?;
    Ok(Decoded { object, warnings })
}

/// Parses and checks the type, nothing more: what server-side apply is given. The fields that are there twice come
/// with it.
pub(crate) fn typed(
    kind: &Kind,
    bytes: &[u8],
    format: Format,
) -> Result<(Value, Vec<String>), Failure> {
    let unreadable = |error: String| {
        let message =
            format!("the object provided is unrecognized (must be of type {}): {error}", kind.kind);
        Failure::bad_request(message)
    };
    let parsed = document::parse(bytes, format).map_err(unreadable)?;
    let mut object = parsed.value;
    if object.is_null() && !kind.custom {
        object = Value::Object(Map::new());
    }
    if !object.is_object() {
        return Err(unreadable("it is not a JSON object".to_owned()));
    }
    fill_in_type(kind, &mut object);
    agreement::same_type(kind, &object)?;
    let duplicates =
        parsed.duplicates.iter().map(|field| format!("duplicate field {field:?}")).collect();
    Ok((object, duplicates))
}

/// Built-in kinds may leave out a type that the path gives.
fn fill_in_type(kind: &Kind, object: &mut Value) {
    if kind.custom {
        return;
    }
    for (field, value) in [("apiVersion", kind.api_version()), ("kind", kind.kind.to_string())] {
        if object[field].is_null() || object[field] == "" {
            object[field] = value.into();
        }
    }
}

/// Why an object is not one of its kind.
#[derive(Debug)]
pub(crate) enum Mismatch {
    /// Fields that are unknown or there twice, where the client wants neither.
    Strict(Vec<String>),
    /// A value that a typed decoder cannot hold.
    Shape(String),
}

impl Mismatch {
    /// What is wrong, without the kind that the object is not.
    fn reason(&self) -> String {
        match self {
            Self::Strict(fields) => format!("strict decoding error: {}", fields.join(", ")),
            Self::Shape(reason) => reason.clone(),
        }
    }

    /// The object as it was sent cannot be read.
    pub(crate) fn message(&self, kind: &Kind) -> String {
        let (name, version) = (&kind.kind, &kind.version);
        format!("{name} in version {version:?} cannot be handled as a {name}: {}", self.reason())
    }

    /// A patched object; Kubernetes names the kind only where the shape is wrong.
    pub(crate) fn patch_message(&self, kind: &Kind) -> String {
        match self {
            Self::Strict(_) => self.reason(),
            Self::Shape(_) => self.message(kind),
        }
    }
}

/// Removes unknown fields and fills in defaults. What was unknown or there twice is an error, a warning or nothing,
/// as the client asked; the warnings are given back.
pub(crate) fn normalise(
    served: &Served,
    object: &mut Value,
    duplicates: Vec<String>,
    validation: FieldValidation,
) -> Result<Vec<String>, Mismatch> {
    shape::read(served, object).map_err(Mismatch::Shape)?;
    let mut found = duplicates;
    pruning::prune(served, object, &mut found);
    metadata::tidy(object);
    defaults::fill_in(served, object);
    if found.len() > MOST_WARNINGS {
        let more = found.len() - MOST_WARNINGS;
        found.truncate(MOST_WARNINGS);
        found.push(format!("and {more} more"));
    }
    match validation {
        FieldValidation::Ignore => Ok(Vec::new()),
        FieldValidation::Strict if !found.is_empty() => Err(Mismatch::Strict(found)),
        FieldValidation::Strict | FieldValidation::Warn => Ok(found),
    }
}

/// Brings what server-side apply has made into the form in which a typed decoder holds it, and fills in defaults. The
/// error says what it could not hold. A null in a custom object is kept, and refused later.
pub(crate) fn normalise_applied(served: &Served, object: &mut Value) -> Result<(), String> {
    shape::read(served, object)?;
    defaults::fill_in_applied(served, object);
    Ok(())
}

/// Brings what an admission policy has made of an object into the form of its kind, and fills in defaults. Built-in kinds
/// take nothing that they do not know; what a custom kind does not know is removed at the end ([`prune_mutated`]).
pub(crate) fn normalise_mutated(served: &Served, object: &mut Value) -> Result<(), String> {
    if served.kind.custom {
        defaults::fill_in_applied(served, object);
        return Ok(());
    }
    normalise(served, object, Vec::new(), FieldValidation::Strict)
        .map(drop)
        .map_err(|mismatch| mismatch.reason())
}

/// Removes what a custom kind does not know; the error says what metadata cannot hold.
pub(crate) fn prune_mutated(served: &Served, object: &mut Value) -> Result<(), String> {
    if served.kind.custom {
        shape::read(served, object)?;
        pruning::prune(served, object, &mut Vec::new());
        metadata::tidy(object);
    }
    Ok(())
}

/// The most unknown fields of one object that are listed.
const MOST_WARNINGS: usize = 50;
