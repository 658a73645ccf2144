//! Types of the language.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A type that the checker knows. Two types are the same declared type where they are equal.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Known when evaluated.
    Dyn,
    /// `null`.
    Null,
    /// A truth.
    Bool,
    /// A signed integer of 64 bits.
    Int,
    /// An unsigned integer of 64 bits.
    Uint,
    /// A number of IEEE 754, 64 bits.
    Double,
    /// A text.
    String,
    /// A sequence of bytes.
    Bytes,
    /// A point in time.
    Timestamp,
    /// A length of time.
    Duration,
    /// The type of types.
    Meta,
    /// A list.
    List(Arc<ListOf>),
    /// A map from strings or other scalars.
    Map(Arc<(Type, Type)>),
    /// An object.
    Object(Arc<ObjectType>),
    /// A value that may be absent.
    Optional(Arc<Type>),
    /// A type of a function library.
    Opaque(&'static str),
    /// A parameter of a signature.
    Parameter(char),
    /// That of the entries of a list without any: what the list stands beside decides.
    Open,
}

/// A list.
#[derive(Debug, PartialEq)]
pub struct ListOf {
    /// The type of its entries.
    pub items: Type,
    /// Lists are equal where they hold the same entries, in any order.
    pub unordered: bool,
}

/// An object with known fields.
#[derive(Debug, PartialEq)]
pub struct ObjectType {
    name: String,
    fields: BTreeMap<String, Field>,
    /// By the name that expressions use.
    keys: BTreeMap<String, String>,
}

/// A field of an object.
#[derive(Debug, PartialEq)]
pub struct Field {
    /// The name that expressions use; `None` where they cannot name it.
    pub name: Option<String>,
    /// The type of its values.
    pub kind: Type,
}

impl ObjectType {
    /// An object of the given fields, by their names in JSON.
    pub fn new(name: &str, fields: impl IntoIterator<Item = (String, Field)>) -> Self {
        let fields: BTreeMap<_, _> = fields.into_iter().collect();
        let keys =
            fields.iter().filter_map(|(key, field)| Some((field.name.clone()?, key.clone())));
        Self { name: name.to_owned(), keys: keys.collect(), fields }
    }

    /// An object whose fields are named in expressions as they are in JSON.
    pub fn plain(name: &str, fields: impl IntoIterator<Item = (String, Type)>) -> Self {
        let named = |(key, kind): (String, Type)| (key.clone(), Field { name: Some(key), kind });
        Self::new(name, fields.into_iter().map(named))
    }

    /// The name of the type.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A field, by its name in JSON.
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields.get(key)
    }

    /// The names that expressions use.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// The fields' names in JSON.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(String::as_str)
    }

    /// A field and its name in JSON, by the name that expressions use.
    pub(crate) fn named(&self, name: &str) -> Option<(&str, &Field)> {
        let key = self.keys.get(name)?;
        Some((key, self.fields.get(key)?))
    }
}

impl Type {
    /// A list whose order counts.
    pub fn list(items: Self) -> Self {
        Self::List(Arc::new(ListOf { items, unordered: false }))
    }

    /// A map.
    pub fn map(key: Self, value: Self) -> Self {
        Self::Map(Arc::new((key, value)))
    }

    /// An optional.
    pub fn optional(inner: Self) -> Self {
        Self::Optional(Arc::new(inner))
    }

    /// An object of the given fields.
    pub fn object(name: &str, fields: &[(&str, Self)]) -> Self {
        let fields = fields.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone()));
        Self::Object(Arc::new(ObjectType::plain(name, fields)))
    }

    /// The type where nothing more will be known of it: what is open is dynamic.
    #[must_use]
    pub(crate) fn closed(self) -> Self {
        match self {
            Self::Open => Self::Dyn,
            Self::List(list) if list.items.is_open() => Self::list(list.items.clone().closed()),
            Self::Map(map) if map.1.is_open() => Self::map(map.0.clone(), map.1.clone().closed()),
            Self::Optional(inner) if inner.is_open() => Self::optional((*inner).clone().closed()),
            other => other,
        }
    }

    fn is_open(&self) -> bool {
        match self {
            Self::Open => true,
            Self::List(list) => list.items.is_open(),
            Self::Map(map) => map.1.is_open(),
            Self::Optional(inner) => inner.is_open(),
            _ => false,
        }
    }

    /// The type of the entry that an expression at an entry of this list or map is bound to.
    pub fn element(&self) -> Option<&Self> {
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
            Self::Dyn | Self::Open => formatter.write_str("dyn"),
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
