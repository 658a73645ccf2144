//! Values that Go reads with a decoder of their own: whatever the decoder takes is valid, and stored as Go writes it.

mod bytes;
mod quantity;
mod time;

use apiserver_object::Path;
use apiserver_schema::{Additional, Decoder, Schema, Type};
use serde_json::Value;

pub(crate) use bytes::length as decoded_length;
pub(crate) use quantity::Quantity;

/// Brings every value of `object` that has a decoder into the form in which Go writes it, and removes declared fields that
/// are null, as a typed decoder takes them for absent ones. The error names the place and says what is wrong in Go's
/// words; it never holds the value of bytes. What has another JSON type than its schema says is left to the check of
/// types.
pub fn decode_values(schema: &Schema, object: &mut Value) -> Result<(), String> {
    walk(schema, object, &Path::Root)
}

fn walk(schema: &Schema, value: &mut Value, path: &Path<'_>) -> Result<(), String> {
    if let Some(decoder) = schema.decoder {
        return decode(decoder, value).map_err(|wrong| format!("{path}: {wrong}"));
    }
    match value {
        Value::Number(_) if schema.kind == Some(Type::Integer) => {
            let long = schema.checks.format.as_deref() != Some("int32");
            integer(value, long).map_err(|wrong| format!("{path}: {wrong}"))?;
        }
        Value::Array(entries) => {
            let Some(items) = schema.items.as_deref() else { return Ok(()) };
            for (index, entry) in entries.iter_mut().enumerate() {
                walk(items, entry, &Path::Index(path, index))?;
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                match (schema.properties.get(name), &schema.additional) {
                    (Some(below), _) => walk(below, field, &Path::Property(path, name))?,
                    (None, Additional::Values(below)) => {
                        fill_in(below, field);
                        walk(below, field, &Path::Bracket(path, name))?;
                        if below.decoder == Some(Decoder::Quantity) {
                            resource(field);
                        }
                    }
                    _ => {}
                }
            }
            // The first moment of all is null, and a field that is null is absent.
            fields.retain(|name, field| !field.is_null() || !schema.properties.contains_key(name));
        }
        _ => {}
    }
    Ok(())
}

fn decode(decoder: Decoder, value: &mut Value) -> Result<(), String> {
    let decoded = match (decoder, &*value) {
        (Decoder::Bytes, Value::Array(numbers)) => bytes::of_numbers(numbers)?,
        (Decoder::Bytes, Value::String(text)) => bytes::canonical(text)?,
        (Decoder::Quantity, Value::Null) => None,
        (Decoder::Quantity, value) => Some(Quantity::of(value)?.to_string().into()),
        (Decoder::IntOrString, Value::Number(_)) => return integer(value, false),
        (Decoder::Time, Value::String(text)) => Some(time::canonical(text, false)?),
        (Decoder::MicroTime, Value::String(text)) => Some(time::canonical(text, true)?),
        _ => None,
    };
    if let Some(decoded) = decoded {
        *value = decoded;
    }
    Ok(())
}

/// An entry of a map is there even if it is null: then it is what Go begins with.
fn fill_in(schema: &Schema, value: &mut Value) {
    if value.is_null() && schema.kind == Some(Type::String) {
        *value = "".into();
    }
}

/// The number of whole ones in a quantity that is stored; `None` where it cannot be read as one.
pub fn count_of_quantity(quantity: &Value) -> Option<u64> {
    Quantity::of(quantity).ok()?.whole()
}

/// A number as Go writes a quantity.
pub fn quantity_of_count(count: u64) -> String {
    Quantity::of(&count.into()).unwrap_or_default().to_string()
}

/// A number without a fraction, of 32 bits or 64.
fn integer(value: &mut Value, long: bool) -> Result<(), String> {
    let whole = value.as_i64().or_else(|| value.as_f64().and_then(whole));
    let bits = if long { 64 } else { 32 };
    let fits = whole.filter(|&whole| long || i32::try_from(whole).is_ok());
    let fits = fits.ok_or_else(|| {
        format!("json: cannot unmarshal number {value} into Go value of type int{bits}")
    })?;
    *value = fits.into();
    Ok(())
}

/// Up to what floating-point numbers have one form.
#[allow(clippy::cast_possible_truncation, reason = "it is whole and within range")]
fn whole(float: f64) -> Option<i64> {
    (float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0).then_some(float as i64)
}

/// A map of quantities is one of resources: they have thousandths and nothing finer, and what is null is none.
fn resource(value: &mut Value) {
    let quantity = Quantity::of(value).unwrap_or_default();
    *value = quantity.in_thousandths().to_string().into();
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::builtin;

    fn decoded(kind: &str, object: &Value) -> Result<Value, String> {
        let kinds = builtin();
        let kind = kinds.iter().find(|found| &*found.kind == kind).unwrap();
        let mut object = object.clone();
        decode_values(kind.schema(), &mut object).map(|()| object)
    }

    #[test]
    fn a_value_is_stored_as_go_writes_it() {
        for (kind, sent, stored) in [
            ("Secret", json!({"data": {"k": "dmFs\ndWU=\n"}}), json!({"data": {"k": "dmFsdWU="}})),
            ("ConfigMap", json!({"binaryData": {"k": [1]}}), json!({"binaryData": {"k": "AQ=="}})),
            (
                "Pod",
                json!({"spec": {"containers": [{"resources": {"limits": {"cpu": 0.5, "x/y": null}}}]}}),
                json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "500m", "x/y": "0"}}}]}}),
            ),
            (
                "Pod",
                json!({"spec": {"volumes": [{"emptyDir": {"sizeLimit": "0.0001"}}]}}),
                json!({"spec": {"volumes": [{"emptyDir": {"sizeLimit": "100u"}}]}}),
            ),
            (
                "Lease",
                json!({"spec": {"renewTime": "2026-01-01T01:00:00.000001+01:00"}}),
                json!({"spec": {"renewTime": "2026-01-01T00:00:00.000001Z"}}),
            ),
        ] {
            assert_eq!(decoded(kind, &sent).unwrap(), stored, "{sent}");
        }
    }

    #[test]
    fn a_declared_field_that_is_null_is_an_absent_one() {
        for (kind, sent, stored) in [
            (
                "Lease",
                json!({
                    "metadata": {"name": "a", "creationTimestamp": null, "labels": null},
                    "spec": {"holderIdentity": null, "leaseDurationSeconds": 5, "renewTime": "0001-01-01T00:00:00.000000Z"},
                }),
                json!({"metadata": {"name": "a"}, "spec": {"leaseDurationSeconds": 5}}),
            ),
            ("ConfigMap", json!({"data": {"k": null}}), json!({"data": {"k": ""}})),
        ] {
            assert_eq!(decoded(kind, &sent).unwrap(), stored, "{sent}");
        }
    }

    #[test]
    fn a_refusal_names_the_place_and_never_the_bytes() {
        for (kind, sent, said) in [
            (
                "Secret",
                json!({"data": {"k.pem": "plain text!"}}),
                "data[k.pem]: illegal base64 data at input byte 5",
            ),
            (
                "Pod",
                json!({"spec": {"containers": [{"resources": {"limits": {"cpu": "1x"}}}]}}),
                "spec.containers[0].resources.limits[cpu]: quantities must match the regular expression \
                 '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            ),
            (
                "Service",
                json!({"spec": {"ports": [{"targetPort": 1.5}]}}),
                "spec.ports[0].targetPort: json: cannot unmarshal number 1.5 into Go value of type int32",
            ),
        ] {
            assert_eq!(decoded(kind, &sent).unwrap_err(), said);
        }
    }
}
