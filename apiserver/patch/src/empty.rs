//! What an object of a built-in kind holds before anyone wrote to it.

use apiserver_schema::{Schema, Type};
use serde_json::{Map, Value};

/// The object of a built-in kind with nothing in it, from the schema that the real server publishes: some fields are
/// always there (`spec`, `status` and `spec.template` of a Deployment, published with the default `{}`), and required
/// fields are there without a value. They are in nobody's hands: the real server leaves them out of the `fieldsV1` of
/// whoever creates the object. To be set as `default` at the root of the kind's schema, where [`crate::track`] and
/// [`crate::apply`] look for it. Custom resources have no such fields, and no such default.
pub fn empty_object(schema: &Schema) -> Value {
    Value::Object(empty_fields(schema))
}

fn empty_fields(schema: &Schema) -> Map<String, Value> {
    let mut fields = Map::new();
    for (name, property) in &schema.properties {
        let is_object = property.kind == Some(Type::Object) || property.kind.is_none();
        match &property.default {
            Some(Value::Object(_)) if is_object => {
                fields.insert(name.clone(), empty_object(property));
            }
            None if schema.checks.required.contains(name) => {
                fields.insert(name.clone(), Value::Null);
            }
            _ => {}
        }
    }
    fields
}
