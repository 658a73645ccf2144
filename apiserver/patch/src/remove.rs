//! Fields taken out of an object.

use serde_json::{Map, Value};

use crate::atom::{Form, ListAtom, MapAtom, Shape};
use crate::element::Element;
use crate::field_set::FieldSet;

/// The value without these fields and list entries. What becomes empty becomes null, as in structured-merge-diff.
pub(crate) fn remove(shape: Shape<'_>, value: &Value, fields: &FieldSet<'_>) -> Value {
    match shape.atom().deduce(Some(value)).form() {
        Form::Scalar(_) => value.clone(),
        Form::List(atom) => remove_from_list(atom, value, fields).unwrap_or(Value::Null),
        Form::Map(atom) => remove_from_map(atom, value, fields).unwrap_or(Value::Null),
    }
}

fn remove_from_list(atom: ListAtom<'_>, value: &Value, fields: &FieldSet<'_>) -> Option<Value> {
    let list = value.as_array().filter(|_| !atom.atomic)?;
    let mut out = Vec::with_capacity(list.len());
    for item in list {
        let node = atom.element_of(item).ok().and_then(|element| fields.find(&element));
        match node {
            Some(node) if node.member => {}
            Some(node) if !node.children.is_empty() => {
                out.push(remove(atom.items, item, &node.children));
            }
            _ => out.push(item.clone()),
        }
    }
    Some(out).filter(|out| !out.is_empty()).map(Value::Array)
}

fn remove_from_map(atom: MapAtom<'_>, value: &Value, fields: &FieldSet<'_>) -> Option<Value> {
    let map = value.as_object().filter(|_| !atom.atomic)?;
    let mut out = Map::new();
    for (key, value) in map {
        match fields.find(&Element::Field(key)) {
            Some(node) if node.member => {}
            Some(node) if !node.children.is_empty() => {
                out.insert(key.clone(), remove(atom.child(key), value, &node.children));
            }
            _ => {
                out.insert(key.clone(), value.clone());
            }
        }
    }
    Some(out).filter(|out| !out.is_empty()).map(Value::Object)
}
