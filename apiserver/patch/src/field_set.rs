//! A set of fields.

use std::cmp::Ordering;

use crate::element::Element;

/// One element of a set and what is below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node<'a> {
    pub(crate) element: Element<'a>,
    /// The field itself is in the set.
    pub(crate) member: bool,
    pub(crate) children: FieldSet<'a>,
}

impl Node<'_> {
    fn is_empty(&self) -> bool {
        !self.member && self.children.is_empty()
    }
}

/// A set of field paths (structured-merge-diff: `Set`): sorted by element, each once, no node without a member at or below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FieldSet<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
}

impl<'a> FieldSet<'a> {
    pub(crate) const fn new() -> Self {
        Self { nodes: Vec::new() }
    }

    /// A set of paths of plain field names.
    pub(crate) fn of_names(paths: &[&[&'a str]]) -> Self {
        let mut set = Self::new();
        for path in paths {
            set = set.union(&Self::of_name_path(path));
        }
        set
    }

    fn of_name_path(path: &[&'a str]) -> Self {
        let Some((first, rest)) = path.split_first() else { return Self::new() };
        let node = Node {
            element: Element::Field(first),
            member: rest.is_empty(),
            children: Self::of_name_path(rest),
        };
        Self { nodes: vec![node] }
    }

    /// Nodes in any order, elements possibly repeated.
    pub(crate) fn from_unsorted(mut nodes: Vec<Node<'a>>) -> Self {
        nodes.retain(|node| !node.is_empty());
        if nodes.is_sorted_by(|left, right| left.element < right.element) {
            return Self { nodes };
        }
        nodes.sort_by(|left, right| left.element.cmp(&right.element));
        let mut out: Vec<Node<'a>> = Vec::with_capacity(nodes.len());
        for node in nodes {
            match out.last_mut().filter(|last| last.element == node.element) {
                Some(last) => {
                    last.member |= node.member;
                    last.children = last.children.union(&node.children);
                }
                None => out.push(node),
            }
        }
        Self { nodes: out }
    }

    pub(crate) fn push(&mut self, element: Element<'a>, member: bool, children: Self) {
        if member || !children.is_empty() {
            self.nodes.push(Node { element, member, children });
        }
    }

    /// Restores the order after [`Self::push`].
    pub(crate) fn sorted(self) -> Self {
        Self::from_unsorted(self.nodes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub(crate) fn find(&self, element: &Element<'_>) -> Option<&Node<'a>> {
        let index = self.nodes.binary_search_by(|node| node.element.cmp(element)).ok()?;
        self.nodes.get(index)
    }

    pub(crate) fn union(&self, other: &Self) -> Self {
        if other.is_empty() {
            return self.clone();
        }
        if self.is_empty() {
            return other.clone();
        }
        let mut nodes = Vec::with_capacity(self.nodes.len().max(other.nodes.len()));
        zip(self, other, |left, right| {
            nodes.extend(match (left, right) {
                (Some(left), Some(right)) => Some(Node {
                    element: left.element.clone(),
                    member: left.member || right.member,
                    children: left.children.union(&right.children),
                }),
                (left, right) => left.or(right).cloned(),
            });
        });
        Self { nodes }
    }

    pub(crate) fn intersection(&self, other: &FieldSet<'_>) -> Self {
        let mut out = Self::new();
        zip(self, other, |left, right| {
            if let (Some(left), Some(right)) = (left, right) {
                let children = left.children.intersection(&right.children);
                out.push(left.element.clone(), left.member && right.member, children);
            }
        });
        out
    }

    /// Without the members of the other set; a field below a member stays.
    pub(crate) fn difference(&self, other: &FieldSet<'_>) -> Self {
        self.without(other, false)
    }

    /// Without the members of the other set and all below them.
    pub(crate) fn recursive_difference(&self, other: &FieldSet<'_>) -> Self {
        self.without(other, true)
    }

    fn without(&self, other: &FieldSet<'_>, below: bool) -> Self {
        if self.is_empty() || other.is_empty() {
            return self.clone();
        }
        let mut out = Self { nodes: Vec::with_capacity(self.nodes.len()) };
        zip(self, other, |left, right| match (left, right) {
            (Some(_), Some(right)) if below && right.member => {}
            (Some(left), Some(right)) => {
                let children = left.children.without(&right.children, below);
                out.push(left.element.clone(), left.member && !right.member, children);
            }
            (Some(left), None) => out.nodes.push(left.clone()),
            (None, _) => {}
        });
        out
    }

    /// Whether the sets share a member.
    pub(crate) fn intersects(&self, other: &FieldSet<'_>) -> bool {
        let mut found = false;
        zip(self, other, |left, right| {
            if let (false, Some(left), Some(right)) = (found, left, right) {
                found = (left.member && right.member) || left.children.intersects(&right.children);
            }
        });
        found
    }

    /// The paths, in the real server's order: the members of a level, then what is below each.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut out = Vec::new();
        self.collect_paths("", &mut out);
        out
    }

    fn collect_paths(&self, prefix: &str, out: &mut Vec<String>) {
        out.extend(
            self.nodes
                .iter()
                .filter(|node| node.member)
                .map(|node| format!("{prefix}{}", node.element)),
        );
        for node in self.nodes.iter().filter(|node| !node.children.is_empty()) {
            node.children.collect_paths(&format!("{prefix}{}", node.element), out);
        }
    }
}

/// Walks both sets in order, with each element once.
fn zip<'s, 'a, 'b>(
    left: &'s FieldSet<'a>,
    right: &'s FieldSet<'b>,
    mut visit: impl FnMut(Option<&'s Node<'a>>, Option<&'s Node<'b>>),
) {
    let (mut left, mut right) = (left.nodes.iter().peekable(), right.nodes.iter().peekable());
    loop {
        let order = match (left.peek(), right.peek()) {
            (Some(one), Some(other)) => one.element.cmp(&other.element),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        match order {
            Ordering::Less => visit(left.next(), None),
            Ordering::Greater => visit(None, right.next()),
            Ordering::Equal => visit(left.next(), right.next()),
        }
    }
}
