//! Bodies of writes as objects: type, unknown fields, defaults.

use std::sync::{Arc, OnceLock};

use apiserver_kinds::{self as kinds, Kind};
use apiserver_object::{Fault, FieldError};
use apiserver_schema::{Additional, Schema, Validator};
use serde_json::{Map, Value};

use crate::body::{self, Format};
use crate::catalog::Served;
use crate::encode;
use crate::metadata;
use crate::parameters::FieldValidation;
use crate::status::Failure;

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
    let warnings = normalise(served, &mut object, duplicates, validation)?;
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
    let parsed = body::parse(bytes, format).map_err(unreadable)?;
    let mut object = parsed.value;
    if object.is_null() && !kind.custom {
        object = Value::Object(Map::new());
    }
    if !object.is_object() {
        return Err(unreadable("it is not a JSON object".to_owned()));
    }
    fill_in_type(kind, &mut object);
    same_type(kind, &object)?;
    let duplicates =
        parsed.duplicates.iter().map(|field| format!("duplicate field {field:?}")).collect();
    Ok((object, duplicates))
}

/// Built-in kinds may leave out what the path says.
fn fill_in_type(kind: &Kind, object: &mut Value) {
    if kind.custom {
        return;
    }
    for (field, value) in
        [("apiVersion", encode::api_version(kind)), ("kind", kind.kind.to_string())]
    {
        if object[field].is_null() || object[field] == "" {
            object[field] = value.into();
        }
    }
}

/// The object says that it is of the kind and version that the path names.
pub(crate) fn same_type(kind: &Kind, object: &Value) -> Result<(), Failure> {
    let (told_version, told_kind) = (object["apiVersion"].as_str(), object["kind"].as_str());
    let expected = encode::api_version(kind);
    if told_kind.is_none_or(str::is_empty) {
        return Err(Failure::bad_request("Object 'Kind' is missing in the body of the request"));
    }
    if told_version == Some(&expected) && told_kind == Some(&kind.kind) {
        return Ok(());
    }
    let told = told_version.unwrap_or_default();
    if told_kind == Some(&kind.kind) && told != expected {
        let message = format!(
            "the API version in the data ({told}) does not match the expected API version ({expected})"
        );
        return Err(Failure::bad_request(message));
    }
    let told_kind = told_kind.unwrap_or_default();
    if kind.custom && told == expected {
        let error = FieldError::new(Fault::Invalid, "kind", format!("must be {}", kind.kind));
        let error = error.with_value(told_kind.into());
        return Err(Failure::invalid_as(told_kind, &kind.group, metadata::name(object), &[error]));
    }
    let message = format!("{told_kind} in version {told:?} cannot be handled as a {}", kind.kind);
    Err(Failure::bad_request(message))
}

/// A patch does not change the version of a custom object.
pub(crate) fn same_version(kind: &Kind, object: &Value) -> Result<(), Failure> {
    let (told, expected) =
        (object["apiVersion"].as_str().unwrap_or_default(), encode::api_version(kind));
    if !kind.custom || told == expected {
        return Ok(());
    }
    let error = FieldError::new(Fault::Invalid, "apiVersion", format!("must be {expected}"))
        .with_value(told.into());
    let group = told.split_once('/').map_or("", |(group, _)| group);
    Err(Failure::invalid_as(
        object["kind"].as_str().unwrap_or_default(),
        group,
        metadata::name(object),
        &[error],
    ))
}

/// The name in the body is the one in the path.
pub(crate) fn same_name(object: &Value, name: &str) -> Result<(), Failure> {
    let told = metadata::name(object);
    if told == name {
        return Ok(());
    }
    if told.is_empty() {
        let message = format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        );
        return Err(Failure::bad_request(message));
    }
    let message =
        format!("the name of the object ({told}) does not match the name on the URL ({name})");
    Err(Failure::bad_request(message))
}

/// Removes unknown fields and fills in defaults. What was unknown or there twice is an error, a warning or nothing,
/// as the client asked; the warnings are given back.
pub(crate) fn normalise(
    served: &Served,
    object: &mut Value,
    duplicates: Vec<String>,
    validation: FieldValidation,
) -> Result<Vec<String>, Failure> {
    let kind = &served.kind;
    let mut found = duplicates;
    if kind.custom {
        drop_nulls(object_meta().schema(), &mut object["metadata"]);
    } else {
        drop_nulls(served.schema(), object);
    }
    check_shape(served, object)?;
    let unknown = served.validator().prune(object, true);
    found.extend(unknown.iter().map(|field| format!("unknown field {field:?}")));
    found.extend(prune_metadata(object));
    if served.embeds_objects() {
        prune_embedded(served.schema(), object, "", &mut found);
    }
    metadata::tidy(object);
    defaults(served, object);
    if found.len() > MOST_WARNINGS {
        let more = found.len() - MOST_WARNINGS;
        found.truncate(MOST_WARNINGS);
        found.push(format!("and {more} more"));
    }
    if found.is_empty() || validation == FieldValidation::Ignore {
        return Ok(Vec::new());
    }
    if validation == FieldValidation::Strict {
        let message = format!(
            "{} in version {:?} cannot be handled as a {}: strict decoding error: {}",
            kind.kind,
            kind.version,
            kind.kind,
            found.join(", ")
        );
        return Err(Failure::bad_request(message));
    }
    Ok(found)
}

/// Unknown fields that are told of one object.
const MOST_WARNINGS: usize = 50;

/// The shape of ObjectMeta, which is the same for every kind.
fn object_meta() -> &'static Validator {
    static OBJECT_META: OnceLock<Validator> = OnceLock::new();
    OBJECT_META.get_or_init(|| {
        let config_map =
            kinds::builtin().into_iter().find(|kind| kind.kind.as_ref() == "ConfigMap");
        let schema = config_map.and_then(|kind| kind.schema().properties.get("metadata").cloned());
        Validator::compile(Arc::new(schema.unwrap_or_default()))
    })
}

fn prune_metadata(object: &mut Value) -> Vec<String> {
    let removed = object_meta().prune(&mut object["metadata"], false);
    removed.into_iter().map(|field| format!("unknown field \"metadata.{field}\"")).collect()
}

/// The same for objects within the object.
fn prune_embedded(schema: &Schema, value: &mut Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(entries) => {
            let Some(items) = schema.items.as_deref() else { return };
            for (index, entry) in entries.iter_mut().enumerate() {
                prune_embedded(items, entry, &format!("{path}[{index}]"), found);
            }
        }
        Value::Object(fields) => {
            let dot = if path.is_empty() { "" } else { "." };
            for (name, field) in fields.iter_mut() {
                let below = match (schema.properties.get(name), &schema.additional) {
                    _ if schema.embedded_resource && name == "metadata" => {
                        let removed = object_meta().prune(field, false);
                        let unknown =
                            |name: &String| format!("unknown field \"{path}.metadata.{name}\"");
                        found.extend(removed.iter().map(unknown));
                        continue;
                    }
                    (Some(below), _) => below,
                    (None, Additional::Values(below)) => below,
                    _ => continue,
                };
                prune_embedded(below, field, &format!("{path}{dot}{name}"), found);
            }
        }
        _ => {}
    }
}

/// Removes fields that are null: a typed decoder takes them for absent ones. Clients in Go write
/// `creationTimestamp: null` into all that they create.
fn drop_nulls(schema: &Schema, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, field| !field.is_null() || !schema.properties.contains_key(name));
            for (name, field) in
                fields.iter_mut().filter(|(_, field)| field.is_object() || field.is_array())
            {
                match (schema.properties.get(name), &schema.additional) {
                    (Some(below), _) => drop_nulls(below, field),
                    (None, Additional::Values(below)) => drop_nulls(below, field),
                    _ => {}
                }
            }
        }
        Value::Array(entries) => {
            let Some(items) = schema.items.as_deref() else { return };
            for entry in entries {
                drop_nulls(items, entry);
            }
        }
        _ => {}
    }
}

/// Times with microseconds, which no other form is taken for.
const MICRO_TIMES: [(&str, &str); 4] = [
    ("Lease", "/spec/acquireTime"),
    ("Lease", "/spec/renewTime"),
    ("Event", "/eventTime"),
    ("Event", "/series/lastObservedTime"),
];

fn check_micro_times(kind: &Kind, object: &Value) -> Result<(), Failure> {
    for (_, place) in MICRO_TIMES.iter().filter(|(of, _)| !kind.custom && *of == kind.kind.as_ref())
    {
        let Some(text) = object.pointer(place).and_then(Value::as_str) else { continue };
        let fraction = text.get(19..).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default();
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits != 6 {
            let (name, version) = (&kind.kind, &kind.version);
            return Err(Failure::bad_request(format!(
                "{name} in version {version:?} cannot be handled as a {name}: {}: {text:?} has no six digits of a second",
                place.trim_start_matches('/').replace('/', ".")
            )));
        }
    }
    Ok(())
}

/// Values that a typed decoder cannot hold: in metadata always, in built-in kinds anywhere.
fn check_shape(served: &Served, object: &Value) -> Result<(), Failure> {
    let kind = &served.kind;
    let errors = match object.get("metadata") {
        _ if !kind.custom => served.validator().validate(object, None),
        None | Some(Value::Null) => return Ok(()),
        Some(metadata) => object_meta().validate_below("metadata", metadata, None),
    };
    let wrong = errors.iter().find(|error| error.fault == Fault::TypeInvalid);
    let Some(error) = wrong else { return check_micro_times(kind, object) };
    let (name, version) = (&kind.kind, &kind.version);
    Err(Failure::bad_request(format!(
        "{name} in version {version:?} cannot be handled as a {name}: {error}"
    )))
}

/// Defaults of what server-side apply has made, where a null that says nothing is refused later.
pub(crate) fn defaults_of_applied(served: &Served, object: &mut Value) {
    if served.kind.custom {
        served.validator().apply_defaults_keeping_nulls(object);
    } else {
        drop_nulls(served.schema(), object);
        defaults(served, object);
    }
}

/// Defaults of the schema, and those of a built-in kind.
pub(crate) fn defaults(served: &Served, object: &mut Value) {
    if served.kind.custom {
        served.validator().apply_defaults(object);
    } else {
        kinds::default_builtin(&served.kind, object);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lease() -> Arc<Kind> {
        kinds::builtin().into_iter().find(|kind| kind.kind.as_ref() == "Lease").unwrap()
    }

    #[test]
    fn a_field_that_is_null_is_an_absent_one() {
        let mut object = json!({
            "metadata": { "name": "a", "creationTimestamp": null, "labels": null },
            "spec": { "holderIdentity": null, "leaseDurationSeconds": 5 },
        });
        drop_nulls(lease().schema(), &mut object);
        assert_eq!(
            object,
            json!({ "metadata": { "name": "a" }, "spec": { "leaseDurationSeconds": 5 } })
        );
    }

    #[test]
    fn a_null_in_a_map_is_left_to_the_defaults() {
        let config_map =
            kinds::builtin().into_iter().find(|kind| kind.kind.as_ref() == "ConfigMap").unwrap();
        let mut object = json!({ "data": { "k": null } });
        drop_nulls(config_map.schema(), &mut object);
        assert_eq!(object, json!({ "data": { "k": null } }));
    }

    #[test]
    fn a_time_of_a_lease_has_six_digits_of_a_second() {
        let fits = |time: &str| {
            check_micro_times(&lease(), &json!({ "spec": { "renewTime": time } })).is_ok()
        };
        assert!(fits("2026-01-01T00:00:00.000001Z"));
        assert!(!fits("2026-01-01T00:00:00Z"));
        assert!(!fits("2026-01-01T00:00:00.001Z"));
    }
}
