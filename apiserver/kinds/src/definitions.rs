//! Shapes of built-in kinds, from the types of `k8s-openapi`.

use apiserver_schema::{Additional, Decoder, Schema, Type};
use k8s_openapi::schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value};

use crate::annotations;

/// Adds a type and all that it refers to to a generator, and answers a reference to it.
pub(crate) type Definition = fn(&mut SchemaGenerator) -> k8s_openapi::schemars::Schema;

/// The definition of `T`.
pub(crate) fn definition<T: JsonSchema>(
    generator: &mut SchemaGenerator,
) -> k8s_openapi::schemars::Schema {
    generator.subschema_for::<T>()
}

/// Where an OpenAPI v3 document keeps its schemas.
pub(crate) const SCHEMAS: &str = "/components/schemas";
const REFERENCE: &str = "#/components/schemas/";

/// A generator that writes references as OpenAPI v3 has them.
pub(crate) fn generator() -> SchemaGenerator {
    let mut settings = SchemaSettings::openapi3();
    settings.definitions_path = SCHEMAS.into();
    settings.transforms.clear();
    settings.into_generator()
}

/// The name of a definition: `io.k8s.api.core.v1.Secret`.
pub(crate) fn name(definition: Definition) -> String {
    let reference = definition(&mut generator());
    referred(reference.as_value()).unwrap_or_default().to_owned()
}

/// The name that a schema refers to, also where it wraps the reference to add a description.
pub(crate) fn referred(schema: &Value) -> Option<&str> {
    let direct = schema.get("$ref").and_then(Value::as_str);
    let wrapped = || schema.get("allOf")?.get(0)?.get("$ref")?.as_str();
    direct.or_else(wrapped)?.strip_prefix(REFERENCE)
}

/// The structural schema of a definition, references resolved.
pub(crate) fn schema(definition: Definition) -> Schema {
    let mut generator = generator();
    let reference = definition(&mut generator);
    let definitions = generator.take_definitions(false);
    Reader { definitions: &definitions, open: Vec::new() }.read(reference.as_value())
}

/// Reads definitions; `open` names those that are being read, so that recursion ends.
struct Reader<'a> {
    definitions: &'a Map<String, Value>,
    open: Vec<&'a str>,
}

impl<'a> Reader<'a> {
    fn read(&mut self, node: &'a Value) -> Schema {
        let Some(name) = referred(node) else { return self.inline(node, "") };
        match self.definitions.get(name) {
            Some(definition) if !self.open.contains(&name) => {
                self.open.push(name);
                let schema = self.inline(definition, name);
                self.open.pop();
                schema
            }
            _ => Schema {
                kind: Some(Type::Object),
                preserve_unknown_fields: true,
                ..Schema::default()
            },
        }
    }

    fn inline(&mut self, node: &'a Value, name: &str) -> Schema {
        let mut schema = Schema { kind: kind(node), ..Schema::default() };
        schema.checks.format = node.get("format").and_then(Value::as_str).map(str::to_owned);
        schema.int_or_string =
            node.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) || name == QUANTITY;
        schema.decoder = decoder(name, &schema);
        if schema.decoder == Some(Decoder::Bytes) {
            // Base64 as a format of custom kinds is narrower: it has no lines, and nothing is none.
            schema.checks.format = None;
        }
        schema.preserve_unknown_fields =
            node.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
        if schema.int_or_string {
            schema.kind = None;
        } else if schema.kind.is_none() || ANYTHING.contains(&name) {
            schema.preserve_unknown_fields = true;
            schema.kind = None;
        }
        if let Some(Value::Object(properties)) = node.get("properties") {
            for (key, value) in properties {
                let mut property = self.read(value);
                annotations::annotate(name, key, &mut property);
                schema.properties.insert(key.clone(), property);
            }
        }
        match node.get("additionalProperties") {
            Some(Value::Bool(true)) => schema.additional = Additional::Anything,
            Some(values @ Value::Object(_)) => {
                schema.additional = Additional::Values(Box::new(self.read(values)));
            }
            _ => {}
        }
        schema.items = node.get("items").map(|items| Box::new(self.read(items)));
        annotations::annotate_definition(name, &mut schema);
        schema
    }
}

const QUANTITY: &str = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const MICRO_TIME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime";

/// The decoder of a definition of this name (empty where a value has none) and schema.
fn decoder(name: &str, schema: &Schema) -> Option<Decoder> {
    match (name, schema.checks.format.as_deref()) {
        (QUANTITY, _) => Some(Decoder::Quantity),
        (MICRO_TIME, _) => Some(Decoder::MicroTime),
        (_, Some("date-time")) => Some(Decoder::Time),
        (_, Some("byte")) => Some(Decoder::Bytes),
        _ => schema.int_or_string.then_some(Decoder::IntOrString),
    }
}

/// Definitions whose values may be of any type.
const ANYTHING: [&str; 5] = [
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1",
];

fn kind(node: &Value) -> Option<Type> {
    Some(match node.get("type")?.as_str()? {
        "object" => Type::Object,
        "array" => Type::Array,
        "string" => Type::String,
        "integer" => Type::Integer,
        "number" => Type::Number,
        "boolean" => Type::Boolean,
        _ => return None,
    })
}
