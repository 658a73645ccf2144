//! Lists, of now and of an earlier revision.

use std::{cmp::Ordering, collections::HashMap, sync::Arc};

use crate::{collection::Collection, object::Object, state::State};

/// Objects of a collection at one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The revision at which these were the objects.
    pub revision: u64,
    /// The objects, in order.
    pub objects: Vec<Arc<Object>>,
    /// More objects follow the last one.
    pub more: bool,
    /// How many follow.
    pub remaining: usize,
}

/// The revision asked for is older than the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the history starts at revision {oldest}: list anew")]
pub struct Expired {
    /// The oldest revision that can be asked for.
    pub oldest: u64,
}

/// Which objects to list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Selection<'a> {
    pub(crate) scope: Option<&'a str>,
    pub(crate) after: Option<(&'a str, &'a str)>,
    pub(crate) limit: usize,
}

impl State {
    pub(crate) fn list(
        &self,
        collection: &str,
        selection: Selection<'_>,
        at: Option<u64>,
    ) -> Result<Listing, Expired> {
        let revision = at.map_or(self.revision, |at| at.min(self.revision));
        let Some(collection) = self.collections.get(collection) else {
            return Ok(Listing { revision, objects: Vec::new(), more: false, remaining: 0 });
        };
        let oldest = collection.history.compacted;
        if revision < oldest {
            return Err(Expired { oldest });
        }
        let live = collection.objects(selection.scope, selection.after);
        if collection.history.after(revision).next().is_none() {
            return Ok(page(revision, selection.limit, live));
        }
        let undone = undone(collection, selection, revision);
        Ok(page(revision, selection.limit, merged(live, undone)))
    }
}

fn page<'a>(
    revision: u64,
    limit: usize,
    mut objects: impl Iterator<Item = &'a Arc<Object>>,
) -> Listing {
    let limit = if limit == 0 { usize::MAX } else { limit };
    let page = objects.by_ref().take(limit).cloned().collect();
    let remaining = objects.count();
    Listing { revision, objects: page, more: remaining > 0, remaining }
}

/// A namespace and a name.
type Place<'a> = (&'a str, &'a str);

/// The order of keys, which is that of `namespace/name`.
fn order(one: Place<'_>, other: Place<'_>) -> Ordering {
    let namespaces = one.0.bytes().chain([b'/']).cmp(other.0.bytes().chain([b'/']));
    namespaces.then_with(|| one.1.cmp(other.1))
}

fn place(object: &Object) -> Place<'_> {
    (&object.key.namespace, &object.key.name)
}

/// The objects that changed after `revision`, as they were at it, in order.
fn undone<'a>(
    collection: &'a Collection,
    selection: Selection<'_>,
    revision: u64,
) -> Vec<(Place<'a>, Option<&'a Arc<Object>>)> {
    let mut undone = HashMap::new();
    for event in collection.history.after(revision) {
        let place = place(&event.object);
        let in_scope = selection.scope.is_none_or(|scope| scope == place.0);
        if in_scope && selection.after.is_none_or(|after| order(place, after) == Ordering::Greater)
        {
            undone.entry(place).or_insert(event.previous.as_ref());
        }
    }
    let mut undone: Vec<_> = undone.into_iter().collect();
    undone.sort_unstable_by(|one, other| order(one.0, other.0));
    undone
}

/// The live objects, with those in `undone` replaced, removed or added.
fn merged<'a>(
    live: impl Iterator<Item = &'a Arc<Object>>,
    undone: Vec<(Place<'a>, Option<&'a Arc<Object>>)>,
) -> impl Iterator<Item = &'a Arc<Object>> {
    let (mut live, mut undone) = (live.peekable(), undone.into_iter().peekable());
    let merged = std::iter::from_fn(move || match (live.peek(), undone.peek()) {
        (None, None) => None,
        (Some(_), None) => Some(live.next()),
        (None, Some(_)) => undone.next().map(|(_, object)| object),
        (Some(object), Some((changed, _))) => match order(place(object), *changed) {
            Ordering::Less => Some(live.next()),
            Ordering::Equal => {
                live.next();
                undone.next().map(|(_, object)| object)
            }
            Ordering::Greater => undone.next().map(|(_, object)| object),
        },
    });
    merged.flatten()
}
