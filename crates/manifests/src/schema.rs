//! From what is derived from a Rust type to a schema that Kubernetes and its users like.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
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
    bound(schema, LONGEST_NAME);
    for (name, property) in schema.properties.iter_mut().flatten() {
        if TEXTS.contains(&name.as_str()) {
            bound(property, LONGEST_TEXT);
        }
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

/// Takes enums also as they were spelled before they followed the custom of Kubernetes (`THIRD_PARTY`), so that what
/// lies in a repository or a backup goes in as it is. Goes, with the aliases in `api`, in the release after this one.
pub(super) fn take_former_words(schema: &mut JSONSchemaProps) {
    if let Some(words) = &mut schema.enum_ {
        let former: Vec<_> = words.iter().filter_map(former_word).collect();
        words.extend(former);
    }
    schema.properties.iter_mut().flatten().for_each(|(_, property)| take_former_words(property));
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = schema.items.as_mut() {
        take_former_words(items);
    }
}

/// `THIRD_PARTY` of `ThirdParty`; nothing of names that are not ours, such as `Ed25519`.
fn former_word(JSON(word): &JSON) -> Option<JSON> {
    let word = word.as_str()?;
    if !word.chars().all(|letter| letter.is_ascii_alphabetic()) {
        return None;
    }
    let mut former = String::new();
    for letter in word.chars() {
        if letter.is_ascii_uppercase() && !former.is_empty() {
            former.push('_');
        }
        former.push(letter.to_ascii_uppercase());
    }
    Some(JSON(former.into()))
}

/// Fields that hold sentences; what others hold is a name, a digest or a number.
const TEXTS: &[&str] = &["message", "waitingFor", "subject", "by", "displayName"];
const LONGEST_TEXT: i64 = 32_768;
/// A name of Kubernetes has at most 253 characters, a trust domain 255.
const LONGEST_NAME: i64 = 255;
const LONGEST_LIST: i64 = 1_000;

/// Whoever may write an object must not make it as large as the server takes: all of them are kept in memory.
fn bound(schema: &mut JSONSchemaProps, longest: i64) {
    match schema.type_.as_deref() {
        Some("string")
            if schema.enum_.is_none() && schema.format.as_deref() != Some("date-time") =>
        {
            schema.max_length.get_or_insert(longest);
        }
        Some("array") => {
            schema.max_items.get_or_insert(LONGEST_LIST);
        }
        _ => {}
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
