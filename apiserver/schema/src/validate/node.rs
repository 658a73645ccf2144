//! A schema node with everything resolved that a check needs.

use serde_json::Value;

use super::number::NumberChecks;
use super::types::Types;
use crate::formats::Format;
use crate::regexp::Pattern;
use crate::schema::{Additional, Checks, ListType, Schema};

/// What the compiled schema is for: Kubernetes treats defaults a little differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compilation {
    Objects,
    /// The type of an int-or-string is not checked.
    Defaults,
}

/// Length and pattern of a string.
#[derive(Debug)]
pub(crate) struct TextChecks {
    pub(crate) max_length: Option<u64>,
    pub(crate) min_length: Option<u64>,
    pub(crate) pattern: Option<Pattern>,
}

/// What a map may hold beside declared properties.
#[derive(Debug)]
pub(crate) enum Others {
    Anything,
    Nothing,
    Values(Box<Node>),
}

/// A compiled schema node.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) types: Types,
    pub(crate) nullable: bool,
    pub(crate) format: Option<Format>,
    pub(crate) allowed: Vec<Value>,
    pub(crate) text: Option<Box<TextChecks>>,
    pub(crate) number: NumberChecks,
    pub(crate) items: Option<Box<Self>>,
    pub(crate) min_items: Option<u64>,
    pub(crate) max_items: Option<u64>,
    pub(crate) unique_items: bool,
    pub(crate) list_type: ListType,
    /// Sorted by name.
    properties: Vec<(String, Self)>,
    pub(crate) others: Others,
    pub(crate) required: Vec<String>,
    pub(crate) min_properties: Option<u64>,
    pub(crate) max_properties: Option<u64>,
    pub(crate) combination: Option<Box<Combination>>,
}

/// Alternatives and conditions at a node. What they find never corresponds to an old value.
#[derive(Debug)]
pub(crate) struct Combination {
    pub(super) all_of: Vec<Node>,
    pub(super) any_of: Vec<Node>,
    pub(super) one_of: Vec<Node>,
    pub(super) not: Option<Node>,
}

impl Node {
    pub(crate) fn compile(schema: &Schema, compilation: Compilation) -> Self {
        let checks = &schema.checks;
        let types = match (schema.int_or_string, schema.kind) {
            (true, kind) if compilation == Compilation::Defaults => {
                kind.map_or(Types::Any, Types::One)
            }
            (true, _) => Types::IntOrString,
            (false, Some(kind)) => Types::One(kind),
            (false, None) => Types::Any,
        };
        let format = checks.format.as_deref().and_then(|name| Format::of(name, types));
        let properties = schema
            .properties
            .iter()
            .map(|(name, below)| (name.clone(), Self::compile(below, compilation)));
        Self {
            types,
            nullable: schema.nullable,
            number: NumberChecks::compile(checks, types, format.as_ref()),
            format,
            allowed: checks.allowed.clone(),
            text: text_checks(checks),
            items: schema.items.as_deref().map(|items| Box::new(Self::compile(items, compilation))),
            min_items: checks.min_items,
            max_items: checks.max_items,
            unique_items: checks.unique_items,
            list_type: schema.list_type.clone(),
            properties: properties.collect(),
            others: others(schema, compilation),
            required: checks.required.clone(),
            min_properties: checks.min_properties,
            max_properties: checks.max_properties,
            combination: Combination::compile(checks, compilation),
        }
    }

    /// The schema of a declared property.
    pub(crate) fn property(&self, name: &str) -> Option<&Self> {
        let index =
            self.properties.binary_search_by(|(declared, _)| declared.as_str().cmp(name)).ok()?;
        self.properties.get(index).map(|(_, property)| property)
    }

    /// The schema of a field's value.
    pub(crate) fn below(&self, name: &str) -> Option<&Self> {
        self.property(name).or(match &self.others {
            Others::Values(values) => Some(values),
            Others::Anything | Others::Nothing => None,
        })
    }
}

impl Combination {
    pub(crate) fn compile(checks: &Checks, compilation: Compilation) -> Option<Box<Self>> {
        let nodes = |schemas: &[_]| {
            schemas.iter().map(|schema| Node::compile(schema, compilation)).collect()
        };
        let combination = Self {
            all_of: nodes(&checks.all_of),
            any_of: nodes(&checks.any_of),
            one_of: nodes(&checks.one_of),
            not: checks.not.as_deref().map(|schema| Node::compile(schema, compilation)),
        };
        let none = combination.all_of.is_empty()
            && combination.any_of.is_empty()
            && combination.one_of.is_empty()
            && combination.not.is_none();
        (!none).then(|| Box::new(combination))
    }
}

fn text_checks(checks: &Checks) -> Option<Box<TextChecks>> {
    let (max_length, min_length) = (checks.max_length, checks.min_length);
    let pattern = checks.pattern.as_deref().map(Pattern::compile);
    let any = max_length.is_some() || min_length.is_some() || pattern.is_some();
    any.then(|| Box::new(TextChecks { max_length, min_length, pattern }))
}

fn others(schema: &Schema, compilation: Compilation) -> Others {
    match &schema.additional {
        Additional::Values(values) => Others::Values(Box::new(Node::compile(values, compilation))),
        Additional::Nothing if schema.closed => Others::Nothing,
        Additional::Nothing | Additional::Anything => Others::Anything,
    }
}
