//! From what is derived from a Rust type to a schema that Kubernetes and its users like.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

/// Finishes the schema of a whole object.
pub(super) fn finish_root(root: &mut JSONSchemaProps) {
    // Derived: "Auto-generated derived type for …Spec", and the kind again as the title.
    root.title = None;
    root.description = part(root, "spec").and_then(|spec| spec.description.clone());
    if let Some(status) =
        root.properties.as_mut().and_then(|properties| properties.get_mut("status"))
    {
        without_defaults(status);
    }
    finish(root);
}

fn finish(schema: &mut JSONSchemaProps) {
    // Absent is the one way to leave a field out; `null` is another spelling that clients would have to know.
    schema.nullable = None;
    schema.description = schema.description.take().map(|text| prose(&text));
    plain_integer(schema);
    for (name, property) in schema.properties.iter_mut().flatten() {
        finish(property);
        if name == "conditions" {
            // One condition of a type: server-side apply merges by it instead of replacing the list.
            property.x_kubernetes_list_type = Some("map".to_owned());
            property.x_kubernetes_list_map_keys = Some(vec!["type".to_owned()]);
        }
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = schema.items.as_mut() {
        finish(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = schema.additional_properties.as_mut() {
        finish(values);
    }
}

/// Kubernetes knows the integer formats `int32` and `int64`; an unsigned type becomes the next larger
/// one with its bounds.
fn plain_integer(schema: &mut JSONSchemaProps) {
    let (format, maximum) = match schema.format.as_deref() {
        Some("uint8") => ("int32", Some(f64::from(u8::MAX))),
        Some("uint16") => ("int32", Some(f64::from(u16::MAX))),
        Some("uint32") => ("int64", Some(f64::from(u32::MAX))),
        Some("uint64") => ("int64", None),
        _ => return,
    };
    schema.format = Some(format.to_owned());
    schema.minimum = schema.minimum.or(Some(0.0));
    schema.maximum = schema.maximum.or(maximum);
}

/// A status says what was seen; nothing in it is made up by the server.
fn without_defaults(schema: &mut JSONSchemaProps) {
    schema.default = None;
    schema.properties.iter_mut().flatten().for_each(|(_, property)| without_defaults(property));
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = schema.items.as_mut() {
        without_defaults(items);
    }
}

/// A doc comment as running text: lines joined, paragraphs kept, links to Rust items turned into words.
fn prose(comment: &str) -> String {
    let paragraphs =
        comment.split("\n\n").map(|paragraph| paragraph.lines().collect::<Vec<_>>().join(" "));
    paragraphs.collect::<Vec<_>>().join("\n\n").replace("[`", "`").replace("`]", "`")
}

fn part<'a>(schema: &'a JSONSchemaProps, name: &str) -> Option<&'a JSONSchemaProps> {
    schema.properties.as_ref()?.get(name)
}
