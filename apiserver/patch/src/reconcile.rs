//! Ownership recorded under an older schema, brought into line with the present one.

use crate::atom::{Form, ListAtom, MapAtom, Shape};
use crate::element::Element;
use crate::field_set::{FieldSet, Node};

/// Fields inside what is now atomic become the whole; `None` where nothing changes.
pub(crate) fn reconcile<'a>(shape: Shape<'_>, set: &FieldSet<'a>) -> Option<FieldSet<'a>> {
    match shape.atom().form() {
        Form::Map(atom) if !atom.is_deduced() && !atom.atomic => {
            reconcile_children(set, |node| map_child(atom, node))
        }
        _ => None,
    }
}

fn map_child<'s>(atom: MapAtom<'s>, node: &Node<'_>) -> Option<Shape<'s>> {
    match &node.element {
        Element::Field(name) => atom.declared(name).or_else(|| atom.element()),
        _ => atom.element(),
    }
}

fn reconcile_children<'a, 's>(
    set: &FieldSet<'a>,
    shape_of: impl Fn(&Node<'a>) -> Option<Shape<'s>>,
) -> Option<FieldSet<'a>> {
    let mut out: Option<FieldSet<'a>> = None;
    for (index, node) in set.nodes.iter().enumerate() {
        let Some(changed) = shape_of(node).and_then(|shape| reconcile_node(shape, node)) else {
            continue;
        };
        if let Some(slot) = out.get_or_insert_with(|| set.clone()).nodes.get_mut(index) {
            *slot = changed;
        }
    }
    out
}

fn reconcile_node<'a>(shape: Shape<'_>, node: &Node<'a>) -> Option<Node<'a>> {
    if node.children.is_empty() {
        return None;
    }
    let children = match shape.atom().form() {
        Form::Scalar(_) => return None,
        Form::Map(atom) if atom.is_deduced() => return None,
        Form::Map(MapAtom { atomic: true, .. }) | Form::List(ListAtom { atomic: true, .. }) => {
            return Some(Node {
                element: node.element.clone(),
                member: true,
                children: FieldSet::new(),
            });
        }
        Form::Map(atom) => reconcile_children(&node.children, |node| map_child(atom, node))?,
        Form::List(atom) => reconcile_children(&node.children, |_| Some(atom.items))?,
    };
    Some(Node { element: node.element.clone(), member: node.member, children })
}
