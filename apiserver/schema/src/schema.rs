//! The tree of a structural schema (Kubernetes: "structural schema", OpenAPI v3 with `x-kubernetes-*`).

use std::collections::BTreeMap;

use serde_json::{Number, Value};

/// JSON type that a schema asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A JSON object.
    Object,
    /// A JSON array.
    Array,
    /// A string.
    String,
    /// A number without a fraction.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl Type {
    /// The type of this name (`object`, `array`, …).
    pub fn from_word(word: &str) -> Option<Self> {
        let types =
            [Self::Object, Self::Array, Self::String, Self::Integer, Self::Number, Self::Boolean];
        types.into_iter().find(|kind| kind.word() == word)
    }

    /// Its name in a schema.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Object => "object",
            Self::Array => "array",
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

/// What an object may hold beside its declared properties.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Additional {
    /// Nothing: other fields are unknown.
    #[default]
    Nothing,
    /// Anything (`additionalProperties: true`).
    Anything,
    /// Values of this schema under any key: a map.
    Values(Box<Schema>),
}

/// Who owns what in a list (`x-kubernetes-list-type`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ListType {
    /// One owner for the whole list.
    #[default]
    Atomic,
    /// One owner for each value; values are unique.
    Set,
    /// One owner for each field of each entry; entries are told apart by these fields.
    Map(Vec<String>),
}

/// Who owns what in an object (`x-kubernetes-map-type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MapType {
    /// One owner for each field.
    #[default]
    Granular,
    /// One owner for the whole object.
    Atomic,
}

/// How a strategic merge patch treats a field (`x-kubernetes-patch-strategy`, `…-patch-merge-key`); built-in kinds only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// The list is merged, not replaced.
    pub merge: bool,
    /// Entries with an equal value of this field are the same entry; without it the list is one of scalars.
    pub merge_key: Option<String>,
    /// Fields that the patch's `$retainKeys` does not name are removed.
    pub retain_keys: bool,
}

/// A CEL rule (`x-kubernetes-validations`), as written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// The CEL expression; `self` and `oldSelf` are bound.
    pub rule: String,
    /// What to say when it is false.
    pub message: Option<String>,
    /// A CEL expression that makes the message.
    pub message_expression: Option<String>,
    /// `FieldValueInvalid` (default), `FieldValueForbidden`, `FieldValueRequired`, `FieldValueDuplicate`.
    pub reason: Option<String>,
    /// Relative path of the field that is to blame: `.spec.hosts`.
    pub field_path: Option<String>,
    /// The rule runs on creation too, where `oldSelf` is then an optional.
    pub optional_old_self: bool,
}

/// How Go reads and writes a value, where its type has a decoder of its own; built-in kinds only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decoder {
    /// `[]byte`: base64.
    Bytes,
    /// `resource.Quantity`: a number with a suffix.
    Quantity,
    /// `intstr.IntOrString`.
    IntOrString,
    /// `meta.Time`: RFC 3339 in whole seconds.
    Time,
    /// `meta.MicroTime`: RFC 3339 with six digits of a second.
    MicroTime,
}

/// One node of a structural schema. `Schema::default()` is the empty schema: no type, no property.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    /// The JSON type; `None` where any is allowed (`x-kubernetes-preserve-unknown-fields`, int-or-string).
    pub kind: Option<Type>,
    /// `null` is a value of its own, not an absent field.
    pub nullable: bool,
    /// Declared properties.
    pub properties: BTreeMap<String, Schema>,
    /// What else an object may hold.
    pub additional: Additional,
    /// Schema of a list's entries.
    pub items: Option<Box<Schema>>,
    /// Used where the field is absent.
    pub default: Option<Value>,
    /// Unknown fields are kept (`x-kubernetes-preserve-unknown-fields`).
    pub preserve_unknown_fields: bool,
    /// A whole Kubernetes object with apiVersion, kind and metadata (`x-kubernetes-embedded-resource`).
    pub embedded_resource: bool,
    /// A string or an integer (`x-kubernetes-int-or-string`).
    pub int_or_string: bool,
    /// Owners of a list.
    pub list_type: ListType,
    /// Owners of an object.
    pub map_type: MapType,
    /// Strategic merge of a field, built-in kinds only.
    pub merge: Merge,
    /// How Go reads the value, built-in kinds only.
    pub decoder: Option<Decoder>,
    /// CEL rules at this node.
    pub rules: Vec<Rule>,
    /// Checks of the value.
    pub checks: Checks,
    /// `additionalProperties: false`: fields beside the declared ones are kept when pruning and refused when validating.
    /// `additional` is then `Nothing`.
    pub closed: bool,
}

/// Value validations of OpenAPI v3 at one node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Checks {
    /// Properties that must be there.
    pub required: Vec<String>,
    /// Allowed values.
    pub allowed: Vec<Value>,
    /// `format`: date-time, byte, int32, int64, uri, …
    pub format: Option<String>,
    /// Regular expression that a string matches somewhere.
    pub pattern: Option<String>,
    /// Fewest characters.
    pub min_length: Option<u64>,
    /// Most characters.
    pub max_length: Option<u64>,
    /// Fewest entries.
    pub min_items: Option<u64>,
    /// Most entries.
    pub max_items: Option<u64>,
    /// All entries differ.
    pub unique_items: bool,
    /// Fewest properties.
    pub min_properties: Option<u64>,
    /// Most properties.
    pub max_properties: Option<u64>,
    /// Smallest number.
    pub minimum: Option<Number>,
    /// The smallest number itself is not allowed.
    pub exclusive_minimum: bool,
    /// Largest number.
    pub maximum: Option<Number>,
    /// The largest number itself is not allowed.
    pub exclusive_maximum: bool,
    /// The number is a multiple of this.
    pub multiple_of: Option<Number>,
    /// Every one must hold.
    pub all_of: Vec<Schema>,
    /// At least one must hold.
    pub any_of: Vec<Schema>,
    /// Exactly one must hold.
    pub one_of: Vec<Schema>,
    /// Must not hold.
    pub not: Option<Box<Schema>>,
}
