//! What a schema says about ownership (structured-merge-diff: `Atom`).

use std::borrow::Cow;

use apiserver_object::go_text;
use apiserver_schema::{Additional, ListType, MapType, Schema, Type};
use serde_json::Value;

use crate::element::Element;
use crate::object_meta::{OBJECT_META, STRING};

/// Where in the type tree a value stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape<'a> {
    /// A schema node.
    Known {
        schema: &'a Schema,
        /// A whole object: `apiVersion`, `kind` and `metadata` have the types they have in every kind.
        whole: bool,
        /// This node or one above it keeps unknown fields.
        keeps_unknown: bool,
    },
    /// Typed by its value: maps granular, lists atomic.
    Deduced,
    /// Typed by its value, owned as a whole (below an atomic list of no known type).
    Untyped,
}

/// Which scalars a node takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    Any,
    Number,
    String,
    Boolean,
}

/// How lists are owned at a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListAtom<'a> {
    pub(crate) atomic: bool,
    /// Of a list of maps; empty for a set.
    pub(crate) keys: Keys<'a>,
    pub(crate) items: Shape<'a>,
}

/// The key fields of a list's entries.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keys<'a> {
    None,
    Many(&'a [String]),
}

impl<'a> Keys<'a> {
    pub(crate) const fn names(self) -> &'a [String] {
        match self {
            Self::None => &[],
            Self::Many(names) => names,
        }
    }
}

/// How maps are owned at a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MapAtom<'a> {
    pub(crate) atomic: bool,
    shape: Shape<'a>,
}

/// The forms a value may have at a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Atom<'a> {
    pub(crate) map: Option<MapAtom<'a>>,
    pub(crate) scalar: Option<Scalar>,
    pub(crate) list: Option<ListAtom<'a>>,
}

/// The one form that is looked at: maps before scalars before lists.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form<'a> {
    Map(MapAtom<'a>),
    Scalar(Scalar),
    List(ListAtom<'a>),
}

impl<'a> Shape<'a> {
    /// The root of an object.
    pub(crate) const fn root(schema: &'a Schema) -> Self {
        Self::Known { schema, whole: true, keeps_unknown: false }
    }

    fn below(schema: &'a Schema, keeps_unknown: bool) -> Self {
        Self::Known { schema, whole: schema.embedded_resource, keeps_unknown }
    }

    pub(crate) fn atom(self) -> Atom<'a> {
        match self {
            Self::Known { schema, .. } => self.known_atom(schema),
            Self::Deduced | Self::Untyped => Atom {
                map: Some(MapAtom { atomic: matches!(self, Self::Untyped), shape: self }),
                scalar: Some(Scalar::Any),
                list: Some(ListAtom { atomic: true, keys: Keys::None, items: Self::Untyped }),
            },
        }
    }

    fn known_atom(self, schema: &'a Schema) -> Atom<'a> {
        let none = Atom { map: None, scalar: None, list: None };
        match schema.kind {
            _ if schema.int_or_string => Atom { scalar: Some(Scalar::Any), ..none },
            None => {
                Atom { map: self.map_atom(), scalar: Some(Scalar::Any), list: self.list_atom() }
            }
            Some(Type::Object) => Atom { map: self.map_atom(), ..none },
            Some(Type::Array) => Atom { list: self.list_atom(), ..none },
            Some(Type::Integer | Type::Number) => Atom { scalar: Some(Scalar::Number), ..none },
            Some(Type::Boolean) => Atom { scalar: Some(Scalar::Boolean), ..none },
            Some(Type::String) => {
                let plain = matches!(schema.checks.format.as_deref(), None | Some("" | "byte"));
                Atom { scalar: Some(if plain { Scalar::String } else { Scalar::Any }), ..none }
            }
        }
    }

    fn map_atom(self) -> Option<MapAtom<'a>> {
        let Self::Known { schema, .. } = self else { return None };
        Some(MapAtom { atomic: schema.map_type == MapType::Atomic, shape: self })
    }

    fn list_atom(self) -> Option<ListAtom<'a>> {
        let Self::Known { schema, keeps_unknown, .. } = self else { return None };
        let keeps_unknown = keeps_unknown || schema.preserve_unknown_fields;
        let items = schema
            .items
            .as_deref()
            .map_or(Self::Untyped, |items| Self::below(items, keeps_unknown));
        let (atomic, keys) = match &schema.list_type {
            ListType::Atomic => (true, Keys::None),
            ListType::Set => (false, Keys::None),
            ListType::Map(keys) => (false, Keys::Many(keys)),
        };
        Some(ListAtom { atomic, keys, items })
    }
}

impl<'a> MapAtom<'a> {
    /// The type of a declared field.
    pub(crate) fn declared(self, name: &str) -> Option<Shape<'a>> {
        let Shape::Known { schema, whole, keeps_unknown } = self.shape else { return None };
        let keeps_unknown = keeps_unknown || schema.preserve_unknown_fields;
        if whole {
            match name {
                "metadata" => return Some(Shape::below(&OBJECT_META, false)),
                "apiVersion" | "kind" => return Some(Shape::below(&STRING, false)),
                _ => {}
            }
        }
        schema.properties.get(name).map(|schema| Shape::below(schema, keeps_unknown))
    }

    /// The type of a field that is not declared; `None` where there may be none.
    pub(crate) fn element(self) -> Option<Shape<'a>> {
        let Shape::Known { schema, keeps_unknown, .. } = self.shape else {
            return Some(self.shape);
        };
        let keeps_unknown = keeps_unknown || schema.preserve_unknown_fields;
        match &schema.additional {
            Additional::Nothing if keeps_unknown || schema.properties.is_empty() => {
                Some(Shape::Deduced)
            }
            Additional::Nothing => None,
            Additional::Anything => Some(Shape::Deduced),
            Additional::Values(values) => Some(Shape::below(values, keeps_unknown)),
        }
    }

    /// The type of any field; that of an undeclared one is deduced.
    pub(crate) fn child(self, name: &str) -> Shape<'a> {
        self.declared(name).or_else(|| self.element()).unwrap_or(Shape::Deduced)
    }

    /// A map that declares nothing and takes anything: its ownership is not brought into line with the schema.
    pub(crate) fn is_deduced(self) -> bool {
        match self.shape {
            Shape::Known { schema, whole, .. } => {
                !whole
                    && schema.properties.is_empty()
                    && matches!(self.element(), Some(Shape::Deduced))
            }
            Shape::Deduced => true,
            Shape::Untyped => false,
        }
    }
}

impl<'a> Atom<'a> {
    /// Only the form the value has, where it has one of the allowed.
    pub(crate) fn deduce(self, value: Option<&Value>) -> Self {
        let none = Atom { map: None, scalar: None, list: None };
        match value {
            Some(Value::Object(_)) if self.map.is_some() => Atom { map: self.map, ..none },
            Some(Value::Array(_)) if self.list.is_some() => Atom { list: self.list, ..none },
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) if self.scalar.is_some() => {
                Atom { scalar: self.scalar, ..none }
            }
            _ => self,
        }
    }

    pub(crate) fn form(self) -> Form<'a> {
        match (self.map, self.scalar, self.list) {
            (Some(map), ..) => Form::Map(map),
            (None, Some(scalar), _) => Form::Scalar(scalar),
            (None, None, Some(list)) => Form::List(list),
            (None, None, None) => Form::Scalar(Scalar::Any),
        }
    }

    /// Whether both allow the same forms (of one node).
    pub(crate) fn same_forms(self, other: Self) -> bool {
        self.map.is_some() == other.map.is_some()
            && self.scalar.is_some() == other.scalar.is_some()
            && self.list.is_some() == other.list.is_some()
    }
}

/// An entry of a list that cannot be told from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unidentified(pub(crate) String);

impl<'a> ListAtom<'a> {
    /// The element that names an entry of a set or of a list of maps.
    pub(crate) fn element_of(self, item: &'a Value) -> Result<Element<'a>, Unidentified> {
        if self.keys.names().is_empty() { Self::set_element(item) } else { self.key_element(item) }
    }

    fn set_element(item: &'a Value) -> Result<Element<'a>, Unidentified> {
        let refuse = |text: &str| Err(Unidentified(text.to_owned()));
        match item {
            Value::Object(_) => {
                refuse("associative list without keys has an element that's a map type")
            }
            Value::Array(_) => refuse("not supported: associative list with lists as elements"),
            Value::Null => {
                refuse("associative list without keys has an element that's an explicit null")
            }
            value => Ok(Element::Value(Cow::Borrowed(value))),
        }
    }

    fn key_element(self, item: &'a Value) -> Result<Element<'a>, Unidentified> {
        let map = match item {
            Value::Object(map) => map,
            Value::Null => {
                return Err(Unidentified(
                    "associative list with keys may not have a null element".into(),
                ));
            }
            _ => {
                return Err(Unidentified(
                    "associative list with keys may not have non-map elements".into(),
                ));
            }
        };
        let names = self.keys.names();
        let mut pairs = Vec::with_capacity(names.len());
        for name in names {
            let value = map.get(name).or_else(|| self.key_default(name));
            pairs.extend(value.map(|value| (Cow::Borrowed(name.as_str()), Cow::Borrowed(value))));
        }
        if pairs.is_empty() {
            let names: Vec<_> = names.iter().map(|name| go_text::quoted(name)).collect();
            return Err(Unidentified(format!(
                "associative list with keys has an element that omits all key fields [{}] \
                 (and doesn't have default values for any key fields)",
                names.join(" ")
            )));
        }
        pairs.sort_by(|left: &(Cow<'_, str>, _), right| left.0.cmp(&right.0));
        Ok(Element::Key(pairs))
    }

    fn key_default(self, name: &str) -> Option<&'a Value> {
        let Shape::Known { schema, .. } = self.items else { return None };
        schema.properties.get(name)?.default.as_ref()
    }
}
