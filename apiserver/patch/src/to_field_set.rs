//! The fields an applied configuration mentions.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::atom::{Form, ListAtom, MapAtom, Shape, Unidentified};
use crate::element::Element;
use crate::field_set::{FieldSet, Node};

/// Every leaf and every list entry of an object.
pub(crate) fn to_field_set<'a>(
    shape: Shape<'a>,
    value: &'a Value,
) -> Result<FieldSet<'a>, Unidentified> {
    Ok(visit(shape, value)?.1)
}

/// Whether the value itself is in the set, and what of it is.
fn visit<'a>(shape: Shape<'a>, value: &'a Value) -> Result<(bool, FieldSet<'a>), Unidentified> {
    match shape.atom().deduce(Some(value)).form() {
        Form::Scalar(_) => Ok((true, FieldSet::new())),
        Form::List(atom) if atom.atomic => Ok((true, FieldSet::new())),
        Form::Map(atom) if atom.atomic => Ok((true, FieldSet::new())),
        Form::List(atom) => Ok((false, visit_list(atom, value)?)),
        Form::Map(atom) => Ok((false, visit_map(atom, value)?)),
    }
}

fn visit_map<'a>(atom: MapAtom<'a>, value: &'a Value) -> Result<FieldSet<'a>, Unidentified> {
    let mut nodes = Vec::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        let declared = atom.declared(key);
        let shape = declared.or_else(|| atom.element()).unwrap_or(Shape::Deduced);
        let (member, children) = visit(shape, value)?;
        let hollow = value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
        let member = member || hollow || declared.is_none();
        nodes.push(Node { element: Element::Field(key), member, children });
    }
    Ok(FieldSet::from_unsorted(nodes))
}

fn visit_list<'a>(atom: ListAtom<'a>, value: &'a Value) -> Result<FieldSet<'a>, Unidentified> {
    let mut items: BTreeMap<Element<'a>, Vec<&'a Value>> = BTreeMap::new();
    for item in value.as_array().into_iter().flatten() {
        items.entry(atom.element_of(item)?).or_default().push(item);
    }
    let mut set = FieldSet::new();
    for (element, items) in items {
        let children = match items.as_slice() {
            [item] => visit(atom.items, item)?.1,
            _ => FieldSet::new(),
        };
        set.push(element, true, children);
    }
    Ok(set)
}
