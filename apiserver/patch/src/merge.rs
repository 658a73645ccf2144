//! An applied configuration laid over the live object.

use serde_json::{Map, Value};

use crate::atom::{Atom, Form, ListAtom, MapAtom, Shape};
use crate::element::Element;

/// Merges; the configuration wins, nothing is removed. Lists follow the configuration's order where it says one.
///
/// # Errors
/// The first entry that cannot be told from the others, or that the configuration has twice.
pub(crate) fn merge(shape: Shape<'_>, live: &Value, config: &Value) -> Result<Value, String> {
    Ok(merge_sides(shape, Some(live), Some(config))?.unwrap_or(Value::Null))
}

type Side<'a> = Option<&'a Value>;

fn merge_sides(
    shape: Shape<'_>,
    live: Side<'_>,
    config: Side<'_>,
) -> Result<Option<Value>, String> {
    let atom = shape.atom();
    match (live, config) {
        (_, None) => visit(atom.deduce(live), live, config),
        (None, _) => visit(atom.deduce(config), live, config),
        _ => {
            let (left, right) = (atom.deduce(live), atom.deduce(config));
            if !left.same_forms(right) {
                // The real server looks at the live value's form too, for its errors alone.
                visit(left, live, config)?;
            }
            visit(right, live, config)
        }
    }
}

fn visit(atom: Atom<'_>, live: Side<'_>, config: Side<'_>) -> Result<Option<Value>, String> {
    match atom.form() {
        Form::Scalar(_) => Ok(leaf(live, config)),
        Form::List(list) => visit_list(list, live, config),
        Form::Map(map) => visit_map(map, live, config),
    }
}

fn leaf(live: Side<'_>, config: Side<'_>) -> Option<Value> {
    config.or(live).cloned()
}

fn visit_map(atom: MapAtom<'_>, live: Side<'_>, config: Side<'_>) -> Result<Option<Value>, String> {
    let (left, right) = (live.and_then(Value::as_object), config.and_then(Value::as_object));
    if atom.atomic || (left.is_none_or(Map::is_empty) && right.is_none_or(Map::is_empty)) {
        return Ok(leaf(live, config));
    }
    let mut out = Map::new();
    for (key, value) in left.into_iter().flatten() {
        let other = right.and_then(|right| right.get(key));
        if let Some(merged) = merge_sides(atom.child(key), Some(value), other)? {
            out.insert(key.clone(), merged);
        }
    }
    for (key, value) in right.into_iter().flatten() {
        if left.is_none_or(|left| !left.contains_key(key))
            && let Some(merged) = merge_sides(atom.child(key), None, Some(value))?
        {
            out.insert(key.clone(), merged);
        }
    }
    Ok(Some(out).filter(|out| !out.is_empty()).map(Value::Object))
}

fn visit_list(
    atom: ListAtom<'_>,
    live: Side<'_>,
    config: Side<'_>,
) -> Result<Option<Value>, String> {
    let (left, right) = (live.and_then(Value::as_array), config.and_then(Value::as_array));
    if atom.atomic || (left.is_none_or(Vec::is_empty) && right.is_none_or(Vec::is_empty)) {
        return Ok(leaf(live, config));
    }
    let none = Vec::new();
    let lists = Lists::read(atom, left.unwrap_or(&none), right.unwrap_or(&none))?;
    let out = lists.merge()?;
    Ok(Some(out).filter(|out| !out.is_empty()).map(Value::Array))
}

/// Both lists with their entries numbered: equal elements have equal numbers.
struct Lists<'a> {
    atom: ListAtom<'a>,
    left: Vec<(usize, &'a Value)>,
    right: Vec<(usize, &'a Value)>,
    /// By number: the live entry to merge with. `Null` stands for several entries, which are not merged.
    live: Vec<Side<'a>>,
    /// By number: the entry of the configuration.
    config: Vec<Side<'a>>,
}

const SEVERAL: &Value = &Value::Null;

impl<'a> Lists<'a> {
    fn read(atom: ListAtom<'a>, left: &'a [Value], right: &'a [Value]) -> Result<Self, String> {
        let mut elements: Vec<(Element<'a>, usize)> = Vec::with_capacity(left.len() + right.len());
        for (index, item) in left.iter().chain(right).enumerate() {
            let place = if index < left.len() { index } else { index - left.len() };
            let element =
                atom.element_of(item).map_err(|error| format!("element {place}: {}", error.0))?;
            elements.push((element, index));
        }
        elements.sort();
        let mut numbers = vec![0; elements.len()];
        let mut count = 0;
        for (index, (element, position)) in elements.iter().enumerate() {
            if index > 0 && elements.get(index - 1).is_some_and(|previous| previous.0 != *element) {
                count += 1;
            }
            if let Some(number) = numbers.get_mut(*position) {
                *number = count;
            }
        }
        let mut lists = Self {
            atom,
            left: numbers.iter().copied().zip(left).collect(),
            right: numbers.iter().skip(left.len()).copied().zip(right).collect(),
            live: vec![None; count + 1],
            config: vec![None; count + 1],
        };
        lists.index()?;
        Ok(lists)
    }

    fn index(&mut self) -> Result<(), String> {
        for (number, item) in &self.left {
            if let Some(slot) = self.live.get_mut(*number) {
                *slot = Some(if slot.is_some() { SEVERAL } else { item });
            }
        }
        for (number, item) in &self.right {
            let Some(slot) = self.config.get_mut(*number) else { continue };
            if slot.is_some() {
                let element = self.atom.element_of(item).map_err(|error| error.0)?;
                return Err(format!("duplicate entries for key {element}"));
            }
            *slot = Some(item);
        }
        Ok(())
    }

    fn in_live(&self, number: usize) -> Side<'a> {
        self.live.get(number).copied().flatten()
    }

    fn in_config(&self, number: usize) -> Side<'a> {
        self.config.get(number).copied().flatten()
    }

    fn item(&self, live: Side<'a>, config: Side<'a>, out: &mut Vec<Value>) -> Result<(), String> {
        out.extend(merge_sides(self.atom.items, live, config)?);
        Ok(())
    }

    /// Interleaves the lists: entries of both in the configuration's order, entries of the live list alone
    /// as near as they were to their neighbours.
    fn merge(&self) -> Result<Vec<Value>, String> {
        let mut out = Vec::with_capacity(self.left.len().max(self.right.len()));
        let mut shared = self
            .right
            .iter()
            .map(|(number, _)| *number)
            .filter(|number| self.in_live(*number).is_some());
        let mut next = shared.next();
        let mut merged = vec![false; self.config.len()];
        let (mut at_left, mut at_right) = (0, 0);
        loop {
            let (left, right) =
                (self.left.get(at_left).copied(), self.right.get(at_right).copied());
            if let (Some((one, _)), Some((other, _))) = (left, right) {
                if one != other
                    && self.in_config(one).is_some()
                    && next.is_some_and(|next| next != one)
                {
                    // Another shared entry comes first.
                    at_left += 1;
                    continue;
                }
                if one == other {
                    self.item(self.in_live(one), self.in_config(one), &mut out)?;
                    mark(&mut merged, one);
                    at_left += 1;
                    at_right += 1;
                    next = shared.next();
                    continue;
                }
            }
            if let Some((number, item)) = left {
                if self.in_config(number).is_none() {
                    self.item(Some(item), None, &mut out)?;
                    at_left += 1;
                    continue;
                }
                if merged.get(number) == Some(&true) {
                    at_left += 1;
                }
            }
            if let Some((number, item)) = right {
                self.item(self.in_live(number), Some(item), &mut out)?;
                mark(&mut merged, number);
                at_right += 1;
                if next == Some(number) {
                    next = shared.next();
                }
            } else if left.is_none() {
                return Ok(out);
            } else if left.is_some_and(|(number, _)| merged.get(number) != Some(&true)) {
                // Every entry of the configuration is merged by now: this cannot be, and must not loop.
                at_left += 1;
            }
        }
    }
}

fn mark(merged: &mut [bool], number: usize) {
    if let Some(slot) = merged.get_mut(number) {
        *slot = true;
    }
}
