//! Which fields differ between two objects.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::atom::{Atom, Form, ListAtom, MapAtom, Shape, Unidentified};
use crate::element::{Element, same_value};
use crate::field_set::FieldSet;

/// The difference of two objects; no field is in two of the sets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comparison<'a> {
    pub(crate) added: FieldSet<'a>,
    pub(crate) modified: FieldSet<'a>,
    pub(crate) removed: FieldSet<'a>,
}

impl<'a> Comparison<'a> {
    /// Without these fields and all below them.
    pub(crate) fn without(self, excluded: &FieldSet<'a>) -> Self {
        if excluded.is_empty() {
            return self;
        }
        Self {
            added: self.added.recursive_difference(excluded),
            modified: self.modified.recursive_difference(excluded),
            removed: self.removed.recursive_difference(excluded),
        }
    }

    /// Fields that are new or have another value.
    pub(crate) fn written(&self) -> FieldSet<'a> {
        self.modified.union(&self.added)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }
}

/// What became of the value at one path, and of what is below it.
#[derive(Default)]
struct Difference<'a> {
    added: bool,
    modified: bool,
    removed: bool,
    below: Comparison<'a>,
}

/// Compares two objects of one schema.
pub(crate) fn compare<'a>(
    shape: Shape<'a>,
    old: &'a Value,
    new: &'a Value,
) -> Result<Comparison<'a>, Unidentified> {
    Ok(difference(shape, Some(old), Some(new))?.below)
}

type Side<'a> = Option<&'a Value>;

fn difference<'a>(
    shape: Shape<'a>,
    old: Side<'a>,
    new: Side<'a>,
) -> Result<Difference<'a>, Unidentified> {
    let mut out = Difference::default();
    let atom = shape.atom();
    let leaf = match (old, new) {
        (_, None) => visit(atom.deduce(old), old, new, &mut out)?,
        (None, _) => visit(atom.deduce(new), old, new, &mut out)?,
        _ => {
            let (left, right) = (atom.deduce(old), atom.deduce(new));
            if !left.same_forms(right) {
                visit(left, old, new, &mut out)?;
            }
            visit(right, old, new, &mut out)?
        }
    };
    if !leaf {
        out.added |= old.is_none();
        out.removed |= new.is_none();
    }
    Ok(out)
}

/// Looks at a value in one form; true where it is a leaf.
fn visit<'a>(
    atom: Atom<'a>,
    old: Side<'a>,
    new: Side<'a>,
    out: &mut Difference<'a>,
) -> Result<bool, Unidentified> {
    match atom.form() {
        Form::Scalar(_) => {
            leaf(old, new, out);
            Ok(true)
        }
        Form::List(list) => visit_list(list, old, new, out),
        Form::Map(map) => visit_map(map, old, new, out),
    }
}

fn leaf<'a>(old: Side<'a>, new: Side<'a>, out: &mut Difference<'a>) {
    match (old, new) {
        (None, _) => out.added = true,
        (_, None) => out.removed = true,
        (Some(old), Some(new)) => out.modified |= !same_value(old, new),
    }
}

fn visit_map<'a>(
    atom: MapAtom<'a>,
    old: Side<'a>,
    new: Side<'a>,
    out: &mut Difference<'a>,
) -> Result<bool, Unidentified> {
    let (left, right) = (old.and_then(Value::as_object), new.and_then(Value::as_object));
    let empty = left.is_none_or(Map::is_empty) && right.is_none_or(Map::is_empty);
    if atom.atomic || empty {
        leaf(old, new, out);
        return Ok(true);
    }
    for (key, value) in left.into_iter().flatten() {
        let other = right.and_then(|right| right.get(key));
        descend(atom.child(key), Element::Field(key), Some(value), other, out)?;
    }
    for (key, value) in right.into_iter().flatten() {
        if left.is_none_or(|left| !left.contains_key(key)) {
            descend(atom.child(key), Element::Field(key), None, Some(value), out)?;
        }
    }
    settle(out);
    Ok(false)
}

/// The elements were pushed in the order of the values: old before new.
fn settle(out: &mut Difference<'_>) {
    out.below.added = std::mem::take(&mut out.below.added).sorted();
    out.below.modified = std::mem::take(&mut out.below.modified).sorted();
    out.below.removed = std::mem::take(&mut out.below.removed).sorted();
}

fn descend<'a>(
    shape: Shape<'a>,
    element: Element<'a>,
    old: Side<'a>,
    new: Side<'a>,
    out: &mut Difference<'a>,
) -> Result<(), Unidentified> {
    let found = difference(shape, old, new)?;
    if found.modified || !found.below.modified.is_empty() {
        out.below.modified.push(element.clone(), found.modified, found.below.modified);
    }
    if found.removed || !found.below.removed.is_empty() {
        out.below.removed.push(element.clone(), found.removed, found.below.removed);
    }
    if found.added || !found.below.added.is_empty() {
        out.below.added.push(element, found.added, found.below.added);
    }
    Ok(())
}

fn visit_list<'a>(
    atom: ListAtom<'a>,
    old: Side<'a>,
    new: Side<'a>,
    out: &mut Difference<'a>,
) -> Result<bool, Unidentified> {
    let (left, right) = (old.and_then(Value::as_array), new.and_then(Value::as_array));
    let empty = left.is_none_or(Vec::is_empty) && right.is_none_or(Vec::is_empty);
    if atom.atomic || empty {
        leaf(old, new, out);
        return Ok(true);
    }
    let mut items: BTreeMap<Element<'a>, [Vec<&'a Value>; 2]> = BTreeMap::new();
    for item in left.into_iter().flatten() {
        let [old, _] = items.entry(atom.element_of(item)?).or_default();
        old.push(item);
    }
    for item in right.into_iter().flatten() {
        let [_, new] = items.entry(atom.element_of(item)?).or_default();
        new.push(item);
    }
    for (element, [old, new]) in items {
        visit_items(atom, element, &old, &new, out)?;
    }
    settle(out);
    Ok(false)
}

/// Compares the entries with one element. Entries that are there twice are owned as one.
fn visit_items<'a>(
    atom: ListAtom<'a>,
    element: Element<'a>,
    old: &[&'a Value],
    new: &[&'a Value],
    out: &mut Difference<'a>,
) -> Result<(), Unidentified> {
    match (old, new) {
        ([] | [_], [] | [_]) => {
            descend(atom.items, element, old.first().copied(), new.first().copied(), out)?;
        }
        ([_, _, ..], [_, _, ..]) => {
            let same = old.len() == new.len()
                && old.iter().zip(new).all(|(old, new)| same_value(old, new));
            out.below.modified.push(element, !same, FieldSet::new());
        }
        ([_, _, ..], _) => {
            if let Some(new) = new.first() {
                descend(atom.items, element.clone(), None, Some(new), out)?;
            }
            out.below.removed.push(element, true, FieldSet::new());
        }
        (_, [_, _, ..]) => {
            if let Some(old) = old.first() {
                descend(atom.items, element.clone(), Some(old), None, out)?;
            }
            out.below.added.push(element, true, FieldSet::new());
        }
    }
    Ok(())
}
