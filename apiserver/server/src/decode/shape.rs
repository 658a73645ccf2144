//! Values that a typed decoder cannot hold, and those that it reads in a way of its own.

use apiserver_kinds as kinds;
use apiserver_object::Fault;
use serde_json::Value;

use crate::decode::object_meta;
use crate::state::served::Served;

/// Reads what Go reads with a decoder of its own, then says what a typed decoder could not hold: in metadata always, in
/// built-in kinds anywhere.
pub(super) fn read(served: &Served, object: &mut Value) -> Result<(), String> {
    let wrong = if served.kind.custom {
        let Some(metadata) = object.get_mut("metadata").filter(|found| !found.is_null()) else {
            return Ok(());
        };
        let validator = object_meta::validator();
        kinds::decode_values(validator.schema(), metadata)
            .map_err(|wrong| format!("metadata.{wrong}"))?;
        validator.validate_below("metadata", metadata, None)
    } else {
        kinds::decode_values(served.schema(), object)?;
        served.validator().validate(object, None)
    };
    let wrong = wrong.iter().find(|error| error.fault == Fault::TypeInvalid);
    wrong.map_or(Ok(()), |error| Err(error.to_string()))
}
