//! Documents in JSON, YAML and protobuf as JSON values.

use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::request::content_type::Format;

/// A parsed body and the fields that were there twice.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) value: Value,
    pub(crate) duplicates: Vec<String>,
}

/// Parses JSON or YAML; the deepest nesting is 128, far below what a stack holds.
pub(crate) fn parse(bytes: &[u8], format: Format) -> Result<Parsed, String> {
    match format {
        Format::Json => parse_json(bytes),
        Format::Protobuf => {
            let value = apiserver_wire::decode(bytes).map_err(|error| error.to_string())?;
            Ok(Parsed { value, duplicates: Vec::new() })
        }
        Format::Yaml => {
            let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
            // A message shows nothing of the document, which may hold a secret.
            let value = serde_saphyr::from_str(text)
                .map_err(|error| error.without_snippet().to_string())?;
            Ok(Parsed { value, duplicates: Vec::new() })
        }
    }
}

fn parse_json(bytes: &[u8]) -> Result<Parsed, String> {
    let mut duplicates = Vec::new();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let seed = Seed { path: &Path::Root, duplicates: &mut duplicates, depth: 0 };
    let value = seed.deserialize(&mut deserializer).map_err(|error| error.to_string())?;
    deserializer.end().map_err(|error| error.to_string())?;
    Ok(Parsed { value, duplicates })
}

/// Where in a document the parser is; written out only where a key is noted.
enum Path<'a> {
    Root,
    Field(&'a Path<'a>, &'a str),
    Index(&'a Path<'a>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Path::Root, name) => write!(formatter, "{name}"),
            Self::Field(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Index(parent, index) => write!(formatter, "{parent}[{index}]"),
        }
    }
}

/// Builds a `Value` as `serde_json` does, and notes each key that an object has twice.
struct Seed<'a> {
    path: &'a Path<'a>,
    duplicates: &'a mut Vec<String>,
    depth: usize,
}

/// The deepest nesting of a body. The field owners that are noted beside an object nest a few levels deeper than it, and
/// what is stored must be read again: `serde_json` reads 128 levels.
const DEEPEST: usize = 100;

impl Seed<'_> {
    fn deeper<E: serde::de::Error>(&self) -> Result<usize, E> {
        if self.depth < DEEPEST {
            return Ok(self.depth + 1);
        }
        Err(E::custom(format!(
            "exceeded max depth: objects and lists are nested more than {DEEPEST} levels deep"
        )))
    }
}

/// Whole numbers below this have one floating-point form.
const WHOLE_UP_TO: f64 = 9_007_199_254_740_992.0;

const MOST_DUPLICATES: usize = 32;

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        // As Kubernetes writes it back: 1.0 is 1.
        if value.fract() == 0.0 && value.abs() < WHOLE_UP_TO {
            #[allow(clippy::cast_possible_truncation, reason = "it is whole and within range")]
            return Ok((value as i64).into());
        }
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        let depth = self.deeper()?;
        loop {
            let path = Path::Index(self.path, list.len());
            match entries.next_element_seed(Seed {
                path: &path,
                duplicates: self.duplicates,
                depth,
            })? {
                Some(entry) => list.push(entry),
                None => return Ok(list.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        let depth = self.deeper()?;
        while let Some(key) = entries.next_key::<String>()? {
            let path = Path::Field(self.path, &key);
            let value = entries.next_value_seed(Seed {
                path: &path,
                duplicates: self.duplicates,
                depth,
            })?;
            if map.contains_key(&key) && self.duplicates.len() < MOST_DUPLICATES {
                self.duplicates.push(path.to_string());
            }
            map.insert(key, value);
        }
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_there_twice_is_noted_and_the_last_one_counts() {
        let parsed = parse(br#"{"a":1,"b":[{"c":1,"c":2}],"a":3}"#, Format::Json).unwrap();
        assert_eq!(parsed.duplicates, ["b[0].c", "a"]);
        assert_eq!(parsed.value, serde_json::json!({ "a": 3, "b": [{ "c": 2 }] }));
    }

    #[test]
    fn nesting_of_ten_thousand_levels_is_refused() {
        let text = "[".repeat(10_000) + &"]".repeat(10_000);
        assert!(parse(text.as_bytes(), Format::Json).is_err());
        assert!(parse(text.as_bytes(), Format::Yaml).is_err());
    }

    #[test]
    fn text_after_the_document_is_refused() {
        assert!(parse(b"{} x", Format::Json).is_err());
        assert!(parse(b"", Format::Json).is_err());
    }

    #[test]
    fn what_is_nested_a_hundred_levels_deep_is_read() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse(nested(DEEPEST).as_bytes(), Format::Json).is_ok());
        assert!(parse(nested(DEEPEST + 1).as_bytes(), Format::Json).is_err());
    }
}
