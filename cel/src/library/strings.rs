//! Texts, by their characters (cel-go, extension `strings`, version 2).

use crate::fault::Fault;
use crate::function::{Call, Function};
use crate::value::{Outcome, Value};

const SEARCH: &str = "string, string -> int; string, string, int -> int";

pub(super) const FUNCTIONS: &[Function] = &[
    Function::member("charAt", "string, int -> string", char_at),
    Function::member("indexOf", SEARCH, index_of),
    Function::member("lastIndexOf", SEARCH, last_index_of),
    Function::member("lowerAscii", "string -> string", |call| {
        transformed(call, str::to_ascii_lowercase)
    }),
    Function::member("upperAscii", "string -> string", |call| {
        transformed(call, str::to_ascii_uppercase)
    }),
    Function::member(
        "replace",
        "string, string, string -> string; string, string, string, int -> string",
        replace,
    ),
    Function::member(
        "split",
        "string, string -> list(string); string, string, int -> list(string)",
        split,
    ),
    Function::member("substring", "string, int -> string; string, int, int -> string", substring),
    Function::member("trim", "string -> string", |call| {
        transformed(call, |text| text.trim().to_owned())
    }),
    Function::member("join", "list(string) -> string; list(string), string -> string", join),
    Function::global("strings.quote", "string -> string", |call| transformed(call, quote)),
];

fn out_of_range(index: i64) -> Fault {
    Fault::new(format!("index out of range: {index}"))
}

/// A text, for the steps of looking through it.
fn scanned<'c>(call: &Call<'c, '_>, at: usize) -> Result<&'c str, Fault> {
    let text = call.text(at)?;
    call.budget.take_bytes(text.len())?;
    Ok(text)
}

fn transformed<'a>(call: &Call<'_, 'a>, transform: fn(&str) -> String) -> Outcome<'a> {
    Ok(Value::made(transform(scanned(call, 0)?)))
}

/// Where the character at an index begins, in bytes; the length is the index of the end.
fn offset(text: &str, index: i64) -> Result<usize, Fault> {
    let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    let position = usize::try_from(index).ok();
    position.and_then(|position| ends.nth(position)).ok_or_else(|| out_of_range(index))
}

fn char_at<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let text = scanned(call, 0)?;
    let character = text[offset(text, call.int(1)?)?..].chars().next();
    Ok(Value::made(character.map(String::from).unwrap_or_default()))
}

fn index_of<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    search(call, 0, |text, part, from| text[from..].find(part).map(|at| from + at))
}

fn last_index_of<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    search(call, i64::MAX, |text, part, from| {
        text[..text.floor_char_boundary(from.saturating_add(part.len()))].rfind(part)
    })
}

/// The index of what `find` finds from an offset in bytes. `default`: where it starts if the call does not say.
fn search<'a>(
    call: &Call<'_, 'a>,
    default: i64,
    find: fn(&str, &str, usize) -> Option<usize>,
) -> Outcome<'a> {
    let (text, part) = (scanned(call, 0)?, scanned(call, 1)?);
    let given = call.optional_int(2)?;
    let length = text.chars().count();
    let Ok(start) = usize::try_from(given.unwrap_or(default)) else {
        return Err(out_of_range(given.unwrap_or(default)));
    };
    if part.is_empty() {
        return Ok(Value::count(start.min(length)));
    }
    if given.is_some() && start >= length {
        return Ok(Value::Int(-1));
    }
    let from = offset(text, i64::try_from(start.min(length)).unwrap_or(i64::MAX))?;
    let found = find(text, part, from).map(|at| text[..at].chars().count());
    Ok(found.map_or(Value::Int(-1), Value::count))
}

/// How many of them, all where the number is negative or not given.
fn most(call: &Call<'_, '_>, at: usize) -> Result<usize, Fault> {
    Ok(usize::try_from(call.optional_int(at)?.unwrap_or(-1)).unwrap_or(usize::MAX))
}

fn replace<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let (text, old, new) = (scanned(call, 0)?, call.text(1)?, call.text(2)?);
    let most = most(call, 3)?;
    let found = text.matches(old).count().min(most);
    call.budget.take_result(text.len() + found.saturating_mul(new.len()))?;
    Ok(Value::made(text.replacen(old, new, most)))
}

/// Between all characters where there is no separator, as Go splits.
fn split<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let (text, separator) = (scanned(call, 0)?, call.text(1)?);
    let most = most(call, 2)?;
    let parts: Vec<Value<'_>> = if most == 0 {
        Vec::new()
    } else if separator.is_empty() {
        let last = text.char_indices().nth(most - 1).map_or(text.len(), |(at, _)| at);
        let letters = text[..last].chars().map(|letter| Value::made(String::from(letter)));
        let rest = Some(&text[last..]).filter(|rest| !rest.is_empty());
        letters.chain(rest.map(Value::made)).collect()
    } else {
        text.splitn(most, separator).map(Value::made).collect()
    };
    call.budget.take(parts.len() as u64)?;
    Ok(Value::list(parts))
}

fn substring<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let text = scanned(call, 0)?;
    let (start, end) = (call.int(1)?, call.optional_int(2)?);
    if let Some(end) = end.filter(|end| start > *end) {
        return Err(Fault::new(format!("invalid substring range. start: {start}, end: {end}")));
    }
    let from = offset(text, start)?;
    let to = end.map_or(Ok(text.len()), |end| offset(text, end))?;
    Ok(Value::made(&text[from..to]))
}

fn join<'a>(call: &Call<'_, 'a>) -> Outcome<'a> {
    let parts = call.list(0)?;
    let texts = parts.iter().map(|part| match part {
        Value::String(text) => Ok(text.as_str()),
        other => Err(Fault::new(format!("join: invalid input: {other:?}"))),
    });
    let texts = texts.collect::<Result<Vec<_>, _>>()?;
    let separator = if call.values.len() > 1 { call.text(1)? } else { "" };
    let length: usize = texts.iter().map(|text| text.len()).sum();
    call.budget.take_result(length + texts.len().saturating_mul(separator.len()))?;
    Ok(Value::made(texts.join(separator)))
}

fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0c' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x0b' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
