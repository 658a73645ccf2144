//! Objects as YAML.

use serde_json::Value;

/// Writes objects as YAML documents with `---` between them: the order of the list, and within an
/// object `apiVersion`, `kind`, `metadata` first, then the other fields by name. The same objects give
/// the same text.
///
/// # Errors
/// None of the values that [`crate`] makes gives one.
pub fn to_yaml(objects: &[Value]) -> Result<String, serde_saphyr::ser::Error> {
    let mut options = serde_saphyr::SerializerOptions::default();
    // Rules and schemas are searched for by line: no text is folded.
    options.folded_wrap_chars = usize::MAX;
    let mut text = String::new();
    for (number, object) in objects.iter().enumerate() {
        if number > 0 {
            text.push_str("---\n");
        }
        text.push_str(&serde_saphyr::to_string_with_options(&Ordered(object), options.clone())?);
    }
    Ok(text)
}

/// An object whose first fields are those that a reader looks for first.
struct Ordered<'a>(&'a Value);

impl serde::Serialize for Ordered<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const FIRST: [&str; 3] = ["apiVersion", "kind", "metadata"];
        let Some(fields) = self.0.as_object() else {
            return self.0.serialize(serializer);
        };
        let first = FIRST.iter().filter_map(|name| fields.get_key_value(*name));
        let rest = fields.iter().filter(|(name, _)| !FIRST.contains(&name.as_str()));
        serializer.collect_map(first.chain(rest))
    }
}
