//! `fieldsV1`: a set of fields as JSON.

use std::borrow::Cow;

use apiserver_object::go_text;
use serde_json::{Map, Value};

use crate::element::Element;
use crate::field_set::{FieldSet, Node};

/// A `fieldsV1` that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("fieldsV1 has the key {key:?}, which names no path element")]
pub(crate) struct FieldsV1Error {
    pub(crate) key: String,
}

/// Reads a set. Keys of an unknown kind are left out, like the real server does.
pub(crate) fn decode(fields: &Value) -> Result<FieldSet<'_>, FieldsV1Error> {
    match fields {
        Value::Object(map) => decode_map(map).map(|(set, _)| set),
        Value::Null => Ok(FieldSet::new()),
        other => Err(FieldsV1Error { key: other.to_string() }),
    }
}

/// The set below a field, and whether the field itself is in the set.
fn decode_map(map: &Map<String, Value>) -> Result<(FieldSet<'_>, bool), FieldsV1Error> {
    let mut member = false;
    let mut nodes = Vec::with_capacity(map.len());
    for (key, value) in map {
        if key == "." {
            member = true;
            continue;
        }
        let Some(element) = decode_element(key)? else { continue };
        let Value::Object(below) = value else { return Err(FieldsV1Error { key: key.clone() }) };
        let (children, member) = decode_map(below)?;
        nodes.push(Node { element, member, children });
    }
    let set = FieldSet::from_unsorted(nodes);
    let member = member || set.is_empty();
    Ok((set, member))
}

fn decode_element(key: &str) -> Result<Option<Element<'_>>, FieldsV1Error> {
    let refuse = || FieldsV1Error { key: key.to_owned() };
    let Some((kind, text)) = key.split_at_checked(2) else { return Err(refuse()) };
    match kind {
        "f:" => Ok(Some(Element::Field(text))),
        "v:" => serde_json::from_str(text)
            .map(|value| Some(Element::Value(Cow::Owned(value))))
            .map_err(|_| refuse()),
        "i:" => text.parse().map(|index| Some(Element::Index(index))).map_err(|_| refuse()),
        "k:" => {
            let map: Map<String, Value> = serde_json::from_str(text).map_err(|_| refuse())?;
            let mut pairs: Vec<_> = map
                .into_iter()
                .map(|(name, value)| (Cow::Owned(name), Cow::Owned(value)))
                .collect();
            pairs.sort_by(|left: &(Cow<'_, str>, _), right| left.0.cmp(&right.0));
            Ok(Some(Element::Key(pairs)))
        }
        _ if kind.ends_with(':') => Ok(None),
        _ => Err(refuse()),
    }
}

/// Writes a set.
pub(crate) fn encode(set: &FieldSet<'_>) -> Value {
    encode_level(set, false)
}

fn encode_level(set: &FieldSet<'_>, member: bool) -> Value {
    let mut map = Map::new();
    if member && !set.is_empty() {
        map.insert(".".to_owned(), Value::Object(Map::new()));
    }
    for node in &set.nodes {
        map.insert(encode_element(&node.element), encode_level(&node.children, node.member));
    }
    Value::Object(map)
}

fn encode_element(element: &Element<'_>) -> String {
    match element {
        Element::Field(name) => ["f:", name].concat(),
        Element::Value(value) => format!("v:{}", html_safe(&go_text::scalar(value))),
        Element::Index(index) => format!("i:{index}"),
        Element::Key(pairs) => {
            let mut out = String::from("k:{");
            for (index, (name, value)) in pairs.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&html_safe(&Value::from(name.as_ref()).to_string()));
                out.push(':');
                out.push_str(&html_safe(&go_text::scalar(value)));
            }
            out.push('}');
            out
        }
    }
}

/// JSON text as Go writes it: `<`, `>`, `&` and the line separators escaped.
pub(crate) fn html_safe(text: &str) -> Cow<'_, str> {
    if !text.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        match character {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{decode, encode};

    #[test]
    fn every_kind_of_path_element_is_read_and_written() {
        let fields = json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}, "f:with:colon": {}, "f:": {}}},
            "f:list": {"k:{\"name\":\"x\",\"port\":80}": {".": {}, "f:y": {}}, "v:\"a\"": {}, "v:1.5": {}, "v:true": {}, "i:3": {}},
        });
        let set = decode(&fields).unwrap();
        assert_eq!(encode(&set), fields);
        let paths = set.paths();
        for path in [
            ".metadata.labels",
            ".metadata.labels.app",
            ".list[name=\"x\",port=80].y",
            ".list[=\"a\"]",
            ".list[3]",
        ] {
            assert!(paths.iter().any(|found| found == path), "{path} in {paths:?}");
        }
    }

    #[test]
    fn keys_come_out_sorted_and_with_go_s_escapes() {
        let set = json!({"k:{\"port\":1.0,\"name\":\"<a>\"}": {}, "v:\"&\"": {}});
        let written = encode(&decode(&set).unwrap());
        assert_eq!(
            written,
            json!({"k:{\"name\":\"\\u003ca\\u003e\",\"port\":1}": {}, "v:\"\\u0026\"": {}})
        );
    }

    #[test]
    fn unknown_elements_are_left_out_and_broken_ones_are_refused() {
        assert_eq!(
            encode(&decode(&json!({"x:future": {}, "f:a": {"z:q": {}}})).unwrap()),
            json!({"f:a": {}})
        );
        for broken in ["a", "", "fa", "v:", "v:{", "i:x", "k:[]", "k:{\"a\"", "é:"] {
            assert!(decode(&json!({broken: {}})).is_err(), "{broken:?}");
        }
        assert!(decode(&json!({"f:a": 5})).is_err());
        assert!(decode(&json!("f:a")).is_err());
    }
}
