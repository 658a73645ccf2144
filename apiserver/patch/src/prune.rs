//! What an applier no longer mentions is removed.

use crate::atom::{Shape, Unidentified};
use crate::element::Element;
use crate::field_set::{FieldSet, Node};
use crate::managed::Managed;
use crate::remove::remove;
use crate::to_field_set::to_field_set;
use serde_json::Value;

/// Takes out of the merged object what this applier applied last time (`last`) and nobody claims now: neither any
/// manager in `managed` (which holds the applier's new fields) nor anyone below it.
pub(crate) fn prune<'a>(
    shape: Shape<'a>,
    merged: &Value,
    managed: &Managed<'a>,
    last: &FieldSet<'a>,
) -> Result<Value, Unidentified> {
    let last = with_named_fields(last, Some(shape));
    let pruned = remove(shape, merged, &last);
    let merged_set = with_named_fields(&to_field_set(shape, merged)?, Some(shape));
    let pruned_set = with_named_fields(&to_field_set(shape, &pruned)?, Some(shape));
    let owned =
        managed.entries.iter().fold(FieldSet::new(), |owned, entry| owned.union(&entry.set));
    let owned = with_named_fields(&owned, Some(shape));
    // What others own comes back.
    let owned = remove(shape, merged, &merged_set.difference(&pruned_set.union(&owned)));
    // What nobody owns comes back too, unless the applier owned it.
    let owned_set = with_named_fields(&to_field_set(shape, &owned)?, Some(shape));
    Ok(remove(shape, merged, &merged_set.difference(&owned_set).intersection(&last)))
}

/// With the declared fields above every member: they go when all below them goes.
fn with_named_fields<'a>(set: &FieldSet<'a>, shape: Option<Shape<'_>>) -> FieldSet<'a> {
    let atom = shape.map(Shape::atom);
    let nodes = set.nodes.iter().map(|node| {
        let (named, below) = match (&node.element, atom) {
            (Element::Field(name), Some(atom)) => {
                let declared = atom.map.and_then(|map| map.declared(name));
                let below = declared.or_else(|| atom.map.and_then(crate::atom::MapAtom::element));
                (declared.is_some(), below)
            }
            (Element::Key(_), Some(atom)) => (false, atom.list.map(|list| list.items)),
            _ => (false, None),
        };
        Node {
            element: node.element.clone(),
            member: node.member || (named && !node.children.is_empty()),
            children: with_named_fields(&node.children, below),
        }
    });
    FieldSet { nodes: nodes.collect() }
}
