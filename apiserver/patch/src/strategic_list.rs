//! Strategic merge patch: lists.

use std::borrow::Cow;
use std::collections::BTreeMap;

use apiserver_object::go_text;
use serde_json::{Map, Value};

use crate::atom::Shape;
use crate::element::Element;
use crate::patch_error::PatchError;
use crate::strategic::{DIRECTIVE, merge_maps, unknown_directive, without_directives};

/// How one list is merged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListMerge<'a> {
    pub(crate) items: Shape<'a>,
    /// It is merged, not replaced.
    pub(crate) merges: bool,
    /// The field that tells entries apart; `None` in a list of scalars.
    pub(crate) key: Option<&'a str>,
}

/// Positions of keys in a list.
type Places = BTreeMap<Element<'static>, usize>;

fn place_key(value: &Value) -> Element<'static> {
    Element::Value(Cow::Owned(value.clone()))
}

fn internal(text: String) -> PatchError {
    PatchError::Internal(text)
}

impl ListMerge<'_> {
    /// Merges a list of the patch into the object's.
    pub(crate) fn merge(
        &self,
        original: Vec<Value>,
        patch: &[Value],
    ) -> Result<Vec<Value>, PatchError> {
        if original.is_empty() && patch.is_empty() {
            return Ok(original);
        }
        if !is_list_of_maps(&original, patch)? {
            let places = self.places(&original)?;
            let mut seen = Places::new();
            let both = original.into_iter().chain(patch.iter().cloned());
            let merged = both.filter(|item| seen.insert(place_key(item), 0).is_none()).collect();
            return self.arrange(merged, &self.places(patch)?, &places);
        }
        let Some(key) = self.key else {
            return Err(internal("cannot merge lists without merge key for slice".to_owned()));
        };
        let (original, patch) = obey_directives(original, patch, key)?;
        let places = self.places(&original)?;
        let merged = self.merge_entries(original, &patch, key)?;
        let patch_places = patch.iter().enumerate().rev();
        let patch_places =
            patch_places.map(|(place, item)| Ok((place_key(self.key_of(item)?), place)));
        self.arrange(merged, &patch_places.collect::<Result<_, PatchError>>()?, &places)
    }

    fn merge_entries(
        &self,
        mut original: Vec<Value>,
        patch: &[&Value],
        key: &str,
    ) -> Result<Vec<Value>, PatchError> {
        let mut places = self.places(&original)?;
        for item in patch {
            let value = key_value(item, key)?;
            let present = places.get(&place_key(value)).and_then(|place| original.get_mut(*place));
            if let (Some(Value::Object(present)), Value::Object(item)) = (present, item) {
                merge_maps(present, item, self.items)?;
            } else {
                places.insert(place_key(value), original.len());
                original.push((*item).clone());
            }
        }
        Ok(original)
    }

    /// Merges and brings the entries into the order the patch names; `None` where there is no list on either side.
    pub(crate) fn in_order(
        &self,
        live: Option<&[Value]>,
        patch: Option<&[Value]>,
        order: &[Value],
    ) -> Result<Option<Vec<Value>>, PatchError> {
        let merged = match (live, patch) {
            (Some(live), None) => live.to_vec(),
            (None, Some(patch)) => patch.iter().filter_map(without_directives).collect(),
            (Some(live), Some(patch)) if self.merges => self.merge(live.to_vec(), patch)?,
            (Some(_), Some(patch)) => patch.to_vec(),
            (None, None) => return Ok(None),
        };
        let live = live.unwrap_or_default();
        is_list_of_maps(live, patch.unwrap_or_default())?;
        let order = order.iter().enumerate().rev();
        let order = order.map(|(place, item)| Ok((place_key(self.key_of(item)?), place)));
        self.arrange(merged, &order.collect::<Result<_, PatchError>>()?, &self.places(live)?)
            .map(Some)
    }

    /// The patch's entries must follow the order it names.
    pub(crate) fn check_order(&self, patch: &[Value], order: &[Value]) -> Result<(), PatchError> {
        if patch.is_empty() || order.is_empty() {
            return Ok(());
        }
        let mut order_left = order.iter();
        for item in patch.iter().filter(|item| item.get(DIRECTIVE).is_none()) {
            let wanted = self.key_of(item)?;
            let found = order_left
                .by_ref()
                .any(|candidate| self.key_of(candidate).is_ok_and(|key| key == wanted));
            if !found {
                return Err(internal(format!(
                    "The order in patch list:\n{}\n doesn't match $setElementOrder list:\n{}\n",
                    go_text::plain(&Value::Array(patch.to_vec())),
                    go_text::plain(&Value::Array(order.to_vec())),
                )));
            }
        }
        Ok(())
    }

    fn key_of<'v>(&self, item: &'v Value) -> Result<&'v Value, PatchError> {
        match self.key {
            Some(key) => key_value(item, key),
            None => Ok(item),
        }
    }

    /// First position of every key.
    fn places(&self, list: &[Value]) -> Result<Places, PatchError> {
        let mut places = Places::new();
        for (place, item) in list.iter().enumerate() {
            places.entry(place_key(self.key_of(item)?)).or_insert(place);
        }
        Ok(places)
    }

    /// Entries the patch names in its order, the others in the live list's, interleaved by the live list's order.
    fn arrange(
        &self,
        merged: Vec<Value>,
        patch: &Places,
        live: &Places,
    ) -> Result<Vec<Value>, PatchError> {
        let mut named = Vec::new();
        let mut others = Vec::new();
        for item in merged {
            let key = place_key(self.key_of(&item)?);
            let at = live.get(&key).copied();
            match patch.get(&key) {
                Some(place) => named.push((*place, at, item)),
                None => others.push((at.unwrap_or(usize::MAX), at, item)),
            }
        }
        named.sort_by_key(|(place, ..)| *place);
        others.sort_by_key(|(place, ..)| *place);
        let mut out = Vec::with_capacity(named.len() + others.len());
        let (mut named, mut others) = (named.into_iter().peekable(), others.into_iter().peekable());
        loop {
            let other_first = match (others.peek(), named.peek()) {
                (None, None) => return Ok(out),
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some((_, other, _)), Some((_, name, _))) => {
                    other.is_some_and(|other| name.is_some_and(|name| other < name))
                }
            };
            let next = if other_first { others.next() } else { named.next() };
            out.extend(next.map(|(_, _, item)| item));
        }
    }
}

fn key_value<'v>(item: &'v Value, key: &str) -> Result<&'v Value, PatchError> {
    let Value::Object(map) = item else {
        let found = go_text::type_name(item);
        return Err(internal(format!(
            "expected a map[string]interface {{}}, but received a {found}"
        )));
    };
    map.get(key).ok_or_else(|| no_key(map, key))
}

fn no_key(map: &Map<String, Value>, key: &str) -> PatchError {
    let map = go_text::plain(&Value::Object(map.clone()));
    internal(format!("map: {map} does not contain declared merge key: {key}"))
}

/// Takes `$patch` entries out of a patch list and does what they say.
fn obey_directives<'p>(
    mut original: Vec<Value>,
    patch: &'p [Value],
    key: &str,
) -> Result<(Vec<Value>, Vec<&'p Value>), PatchError> {
    let mut plain = Vec::with_capacity(patch.len());
    let mut deleted = Places::new();
    let mut replaces = false;
    for item in patch {
        let Value::Object(map) = item else { continue };
        match map.get(DIRECTIVE).map(|directive| (directive, directive.as_str())) {
            None => plain.push(item),
            Some((_, Some("delete"))) => {
                let value = map.get(key).ok_or_else(|| no_key(map, key))?;
                deleted.insert(place_key(value), 0);
            }
            Some((_, Some("replace"))) => replaces = true,
            Some((_, Some("merge"))) => {
                return Err(internal(
                    "merging lists cannot yet be specified in the patch".to_owned(),
                ));
            }
            Some((directive, _)) => return Err(unknown_directive(directive, map)),
        }
    }
    if replaces {
        return Ok((plain.into_iter().cloned().collect(), Vec::new()));
    }
    if !deleted.is_empty() {
        original.retain(|item| {
            item.get(key).is_none_or(|value| !deleted.contains_key(&place_key(value)))
        });
    }
    Ok((original, plain))
}

/// Removes scalars from a list.
pub(crate) fn delete_scalars(list: &mut Vec<Value>, values: &[Value]) -> Result<(), PatchError> {
    if list.is_empty() && values.is_empty() {
        return Ok(());
    }
    if is_list_of_maps(list, values)? {
        return Err(internal("cannot merge lists without merge key for slice".to_owned()));
    }
    let values: Places = values.iter().map(|value| (place_key(value), 0)).collect();
    list.retain(|item| !values.contains_key(&place_key(item)));
    Ok(())
}

/// Whether the entries are maps; all must be of one type, and none a list.
fn is_list_of_maps(original: &[Value], patch: &[Value]) -> Result<bool, PatchError> {
    let mut items = original.iter().chain(patch);
    let Some(first) = items.next() else {
        return Err(internal("no elements in any of the given slices".to_owned()));
    };
    if first.is_array() {
        return Err(PatchError::Unprocessable("lists of lists are not supported".to_owned()));
    }
    let kind = go_text::json_kind(first);
    if items.any(|item| go_text::json_kind(item) != kind) {
        let both =
            Value::Array(vec![Value::Array(original.to_vec()), Value::Array(patch.to_vec())]);
        return Err(internal(format!(
            "list element types are not identical: [{}]",
            go_text::plain(&both)
        )));
    }
    Ok(first.is_object())
}
