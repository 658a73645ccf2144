//! `fieldPath` of a rule: a JSON path of fields and keys of maps, below the rule's node.

use apiserver_schema::{Additional, Schema};

/// The path as it is appended to the node's field, without the leading dot; `None` where it leads nowhere.
pub(crate) fn normalized(path: &str, schema: &Schema) -> Option<String> {
    let mut schema = schema;
    let mut rest = path;
    let mut normalized = String::new();
    while !rest.is_empty() {
        let (name, tail) = match rest.strip_prefix('.') {
            Some(tail) => {
                let length = tail.find(['.', '[', ']']).unwrap_or(tail.len());
                (tail[..length].to_owned(), &tail[length..])
            }
            None => quoted(rest.strip_prefix("['")?)?,
        };
        if name.is_empty() {
            return None;
        }
        if schema.properties.is_empty() {
            let Additional::Values(values) = &schema.additional else {
                return None;
            };
            normalized.extend(["[", &name, "]"]);
            schema = values;
        } else {
            if !normalized.is_empty() {
                normalized.push('.');
            }
            normalized.push_str(&name);
            schema = schema.properties.get(&name)?;
        }
        rest = tail;
    }
    (!normalized.is_empty()).then_some(normalized)
}

/// The text up to `']`, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\'' => return Some((name, text[at..].strip_prefix("']")?)),
            '\\' => name.push(match characters.next()?.1 {
                'a' => '\u{7}',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                letter @ ('\'' | '\\') => letter,
                _ => return None,
            }),
            other => name.push(other),
        }
    }
    None
}
