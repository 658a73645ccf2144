//! The body agrees with the path: type, version and name.

use apiserver_kinds::Kind;
use apiserver_object::{Fault, FieldError};
use serde_json::Value;

use crate::failure::Failure;
use crate::object::metadata;

/// The object has the kind and version that the path names.
pub(crate) fn same_type(kind: &Kind, object: &Value) -> Result<(), Failure> {
    let (version, name) = (object["apiVersion"].as_str(), object["kind"].as_str());
    let expected = kind.api_version();
    if name.is_none_or(str::is_empty) {
        return Err(Failure::bad_request("Object 'Kind' is missing in the body of the request"));
    }
    if version == Some(&expected) && name == Some(&kind.kind) {
        return Ok(());
    }
    let version = version.unwrap_or_default();
    if name == Some(&kind.kind) && version != expected {
        let message = format!(
            "the API version in the data ({version}) does not match the expected API version ({expected})"
        );
        return Err(Failure::bad_request(message));
    }
    let name = name.unwrap_or_default();
    if kind.custom && version == expected {
        let error = FieldError::new(Fault::Invalid, "kind", format!("must be {}", kind.kind));
        let error = error.with_value(name.into());
        return Err(Failure::invalid_as(name, &kind.group, metadata::name(object), &[error]));
    }
    let message = format!("{name} in version {version:?} cannot be handled as a {}", kind.kind);
    Err(Failure::bad_request(message))
}

/// A patch does not change the version of a custom object.
pub(crate) fn same_version(kind: &Kind, object: &Value) -> Result<(), Failure> {
    let (version, expected) =
        (object["apiVersion"].as_str().unwrap_or_default(), kind.api_version());
    if !kind.custom || version == expected {
        return Ok(());
    }
    let error = FieldError::new(Fault::Invalid, "apiVersion", format!("must be {expected}"))
        .with_value(version.into());
    let group = version.split_once('/').map_or("", |(group, _)| group);
    Err(Failure::invalid_as(
        object["kind"].as_str().unwrap_or_default(),
        group,
        metadata::name(object),
        &[error],
    ))
}

/// The name in the body is the one in the path.
pub(crate) fn same_name(object: &Value, name: &str) -> Result<(), Failure> {
    let found = metadata::name(object);
    if found == name {
        return Ok(());
    }
    if found.is_empty() {
        let message = format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        );
        return Err(Failure::bad_request(message));
    }
    let message =
        format!("the name of the object ({found}) does not match the name on the URL ({name})");
    Err(Failure::bad_request(message))
}
