//! Values that a typed decoder cannot hold.

use apiserver_kinds::Kind;
use apiserver_object::Fault;
use serde_json::Value;

use crate::decode::object_meta;
use crate::state::served::Served;

/// Says what a typed decoder could not hold: in metadata always, in built-in kinds anywhere.
pub(super) fn check(served: &Served, object: &Value) -> Result<(), String> {
    let kind = &served.kind;
    let errors = match object.get("metadata") {
        _ if !kind.custom => served.validator().validate(object, None),
        None | Some(Value::Null) => return Ok(()),
        Some(metadata) => object_meta::validator().validate_below("metadata", metadata, None),
    };
    let wrong = errors.iter().find(|error| error.fault == Fault::TypeInvalid);
    wrong.map_or_else(|| check_micro_times(kind, object), |error| Err(error.to_string()))
}

/// Times with microseconds, which no other form is taken for.
const MICRO_TIMES: [(&str, &str); 4] = [
    ("Lease", "/spec/acquireTime"),
    ("Lease", "/spec/renewTime"),
    ("Event", "/eventTime"),
    ("Event", "/series/lastObservedTime"),
];

fn check_micro_times(kind: &Kind, object: &Value) -> Result<(), String> {
    for (_, place) in MICRO_TIMES.iter().filter(|(of, _)| !kind.custom && *of == kind.kind.as_ref())
    {
        let Some(text) = object.pointer(place).and_then(Value::as_str) else { continue };
        let fraction = text.get(19..).and_then(|rest| rest.strip_prefix('.')).unwrap_or_default();
        let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if digits != 6 {
            let field = place.trim_start_matches('/').replace('/', ".");
            return Err(format!("{field}: {text:?} has no six digits of a second"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn lease() -> Arc<Kind> {
        apiserver_kinds::builtin().into_iter().find(|kind| kind.kind.as_ref() == "Lease").unwrap()
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
