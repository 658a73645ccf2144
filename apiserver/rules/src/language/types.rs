//! Types of the language, and those that a schema declares.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use apiserver_schema::{Additional, ListType, Schema, Type as JsonType};

/// A type that the checker knows. Two types are the same declared type where they are equal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Type {
    /// Known when evaluated.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    /// The type of types.
    Meta,
    List(Arc<ListOf>),
    /// A map from strings or other scalars.
    Map(Arc<(Type, Type)>),
    Object(Arc<ObjectType>),
    Optional(Arc<Type>),
    /// A type of a function library.
    Opaque(&'static str),
    /// A parameter of a signature.
    Parameter(char),
}

/// A list and how its entries are told apart.
#[derive(Debug, PartialEq)]
pub(crate) struct ListOf {
    pub(crate) items: Type,
    pub(crate) identity: ListType,
}

/// An object with known fields.
#[derive(Debug, PartialEq)]
pub(crate) struct ObjectType {
    pub(crate) name: String,
    /// By the name that expressions use, escaped.
    pub(crate) fields: BTreeMap<String, Field>,
    /// By the name in JSON; holds fields that no expression can name, too.
    pub(crate) by_json: BTreeMap<String, Type>,
}

/// A field of an object.
#[derive(Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) json: String,
    pub(crate) kind: Type,
}

pub(crate) static DYN: Type = Type::Dyn;

impl ObjectType {
    /// An object of the given fields, named as in JSON.
    pub(crate) fn new(name: &str, fields: impl IntoIterator<Item = (String, Type)>) -> Self {
        let by_json: BTreeMap<_, _> = fields.into_iter().collect();
        let named = by_json.iter().filter_map(|(json, kind)| {
            let field = Field { json: json.clone(), kind: kind.clone() };
            escape(json).map(|escaped| (escaped, field))
        });
        Self { name: name.to_owned(), fields: named.collect(), by_json }
    }
}

impl ObjectType {
    /// An object that the server makes: its fields are named in expressions as they are.
    pub(crate) fn plain(name: &str, fields: impl IntoIterator<Item = (String, Type)>) -> Self {
        let by_json: BTreeMap<_, _> = fields.into_iter().collect();
        let named = by_json
            .iter()
            .map(|(json, kind)| (json.clone(), Field { json: json.clone(), kind: kind.clone() }));
        Self { name: name.to_owned(), fields: named.collect(), by_json }
    }
}

impl Type {
    pub(crate) fn list(items: Self) -> Self {
        Self::List(Arc::new(ListOf { items, identity: ListType::Atomic }))
    }

    pub(crate) fn map(key: Self, value: Self) -> Self {
        Self::Map(Arc::new((key, value)))
    }

    pub(crate) fn optional(inner: Self) -> Self {
        Self::Optional(Arc::new(inner))
    }

    pub(crate) fn object(name: &str, fields: &[(&str, Self)]) -> Self {
        let fields = fields.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone()));
        Self::Object(Arc::new(ObjectType::plain(name, fields)))
    }

    /// The type of the values of a schema; `None` where expressions cannot see them. `root`: the value is a whole
    /// Kubernetes object, of which kind, apiVersion, metadata.name and metadata.generateName are always seen.
    pub(crate) fn of_schema(schema: &Schema, root: bool, name: &str) -> Option<Self> {
        if schema.int_or_string {
            return Some(Self::Dyn);
        }
        let root = root || schema.embedded_resource;
        match schema.kind? {
            JsonType::Array => {
                let items = schema.items.as_deref()?;
                let items = Self::of_schema(items, false, &format!("{name}.@idx"))?;
                Some(Self::List(Arc::new(ListOf { items, identity: schema.list_type.clone() })))
            }
            JsonType::Object => match &schema.additional {
                Additional::Values(values) if !root => {
                    let values = Self::of_schema(values, false, &format!("{name}.@elem"))?;
                    Some(Self::map(Self::String, values))
                }
                _ => Some(Self::of_object(schema, root, name)),
            },
            JsonType::String => Some(match schema.checks.format.as_deref() {
                Some("byte") => Self::Bytes,
                Some("duration") => Self::Duration,
                Some("date" | "date-time") => Self::Timestamp,
                _ => Self::String,
            }),
            JsonType::Boolean => Some(Self::Bool),
            JsonType::Number => Some(Self::Double),
            JsonType::Integer => Some(Self::Int),
        }
    }

    fn of_object(schema: &Schema, root: bool, name: &str) -> Self {
        let mut fields: BTreeMap<String, Self> = BTreeMap::new();
        for (field, inner) in &schema.properties {
            if let Some(kind) = Self::of_schema(inner, false, &format!("{name}.{field}")) {
                fields.insert(field.clone(), kind);
            }
        }
        if root {
            let names = [("name", Self::String), ("generateName", Self::String)];
            fields.insert("kind".to_owned(), Self::String);
            fields.insert("apiVersion".to_owned(), Self::String);
            fields.insert("metadata".to_owned(), Self::object(&format!("{name}.metadata"), &names));
        }
        Self::Object(Arc::new(ObjectType::new(name, fields)))
    }

    /// The type of the entry that an expression at an entry of this list or map is bound to.
    pub(crate) fn element(&self) -> Option<&Self> {
        match self {
            Self::List(list) => Some(&list.items),
            Self::Map(map) => Some(&map.1),
            _ => None,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dyn => formatter.write_str("dyn"),
            Self::Null => formatter.write_str("null"),
            Self::Bool => formatter.write_str("bool"),
            Self::Int => formatter.write_str("int"),
            Self::Uint => formatter.write_str("uint"),
            Self::Double => formatter.write_str("double"),
            Self::String => formatter.write_str("string"),
            Self::Bytes => formatter.write_str("bytes"),
            Self::Timestamp => formatter.write_str("timestamp"),
            Self::Duration => formatter.write_str("duration"),
            Self::Meta => formatter.write_str("type"),
            Self::List(list) => write!(formatter, "list({})", list.items),
            Self::Map(map) => write!(formatter, "map({}, {})", map.0, map.1),
            Self::Object(object) => formatter.write_str(&object.name),
            Self::Optional(inner) => write!(formatter, "optional_type({inner})"),
            Self::Opaque(name) => formatter.write_str(name),
            Self::Parameter(letter) => write!(formatter, "{letter}"),
        }
    }
}

const RESERVED: [&str; 21] = [
    "true",
    "false",
    "null",
    "in",
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

/// The name by which expressions know a field: `__namespace__`, `a__dash__b`; `None` where they cannot name it.
pub(crate) fn escape(field: &str) -> Option<String> {
    if field.is_empty() || field.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if RESERVED.contains(&field) {
        return Some(format!("__{field}__"));
    }
    let mut escaped = String::with_capacity(field.len());
    let mut rest = field;
    while let Some(character) = rest.chars().next() {
        let (text, length) = match character {
            '_' if rest.starts_with("__") => ("__underscores__", 2),
            '.' => ("__dot__", 1),
            '-' => ("__dash__", 1),
            '/' => ("__slash__", 1),
            c if c.is_ascii_alphanumeric() || c == '_' => (&rest[..1], 1),
            _ => return None,
        };
        escaped.push_str(text);
        rest = &rest[length..];
    }
    Some(escaped)
}
