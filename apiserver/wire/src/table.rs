//! The table of messages: `fields.txt`, read once.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde_json::Value;

/// How often a field occurs, and how it stands in the JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Once; left out when zero.
    One,
    /// Once; its presence counts.
    Pointer,
    List,
    Map,
    /// The fields of the message stand in the outer object.
    Inline,
}

/// The type of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Text,
    Bool,
    Int,
    Double,
    Bytes,
    Json,
    Time,
    MicroTime,
    IntOrString,
    /// Index of the message in the table.
    Message(usize),
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) number: u32,
    /// The name in JSON.
    pub(crate) name: &'static str,
    pub(crate) place: Place,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) name: &'static str,
    /// In the order of their numbers.
    pub(crate) fields: Vec<Field>,
    /// The JSON of a choice without a present field; nothing for a message that is an object in JSON.
    pub(crate) choice: Option<Value>,
}

impl Message {
    pub(crate) fn field(&self, number: u32) -> Option<&Field> {
        let index = self.fields.binary_search_by_key(&number, |field| field.number).ok()?;
        self.fields.get(index)
    }
}

#[derive(Debug)]
struct Kind {
    /// `*` is any.
    api_version: &'static str,
    name: &'static str,
    message: usize,
}

#[derive(Debug, Default)]
pub(crate) struct Table {
    kinds: Vec<Kind>,
    messages: Vec<Message>,
}

impl Table {
    /// The table of this version of Kubernetes.
    pub(crate) fn kubernetes() -> &'static Self {
        static TABLE: OnceLock<Table> = OnceLock::new();
        // A test reads the table: it has no bad line.
        TABLE.get_or_init(|| read(TEXT).unwrap_or_default())
    }

    /// The message of a kind.
    pub(crate) fn kind(&self, api_version: &str, kind: &str) -> Option<&Message> {
        let is_it = |row: &&Kind| {
            row.name == kind && (row.api_version == api_version || row.api_version == "*")
        };
        self.message(self.kinds.iter().find(is_it)?.message)
    }

    /// The message that a field's content names.
    pub(crate) fn message(&self, index: usize) -> Option<&Message> {
        self.messages.get(index)
    }

    #[cfg(test)]
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.kinds.iter().map(|row| (row.api_version, row.name))
    }

    #[cfg(test)]
    pub(crate) fn messages(&self) -> &[Message] {
        &self.messages
    }
}

const TEXT: &str = include_str!("fields.txt");

/// A line that cannot be read.
type BadLine = &'static str;

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty())
}

fn read(text: &'static str) -> Result<Table, BadLine> {
    let headers = lines(text).filter_map(|line| header(line)?.1.split(' ').next());
    let names: HashMap<&str, usize> =
        headers.enumerate().map(|(index, name)| (name, index)).collect();
    let mut table = Table::default();
    for line in lines(text) {
        if let Some(rest) = line.strip_prefix("kind ") {
            table.kinds.push(kind(rest, &names).ok_or(line)?);
        } else if header(line).is_some() {
            table.messages.push(message(line).ok_or(line)?);
        } else {
            let fields = table.messages.last_mut().map(|message| &mut message.fields);
            fields.ok_or(line)?.push(field(line, &names).ok_or(line)?);
        }
    }
    Ok(table)
}

fn header(line: &'static str) -> Option<(&'static str, &'static str)> {
    line.split_once(' ').filter(|(word, _)| matches!(*word, "message" | "choice"))
}

fn kind(line: &'static str, names: &HashMap<&str, usize>) -> Option<Kind> {
    let mut words = line.split(' ');
    let (api_version, name) = (words.next()?, words.next()?);
    Some(Kind { api_version, name, message: *names.get(words.next()?)? })
}

fn message(line: &'static str) -> Option<Message> {
    let (word, rest) = header(line)?;
    if word == "message" {
        return Some(Message { name: rest, fields: Vec::new(), choice: None });
    }
    let (name, default) = rest.split_once(' ')?;
    Some(Message { name, fields: Vec::new(), choice: Some(serde_json::from_str(default).ok()?) })
}

fn field(line: &'static str, names: &HashMap<&str, usize>) -> Option<Field> {
    let mut words = line.trim_start().split(' ');
    let (number, name, shape) = (words.next()?, words.next()?, words.next()?);
    let prefixes =
        [("*", Place::Pointer), ("[]", Place::List), ("{}", Place::Map), ("", Place::One)];
    let strip = |(prefix, place): (&str, Place)| Some((place, shape.strip_prefix(prefix)?));
    let (place, name_of_content) = prefixes.into_iter().find_map(strip)?;
    let place = if name == "-" { Place::Inline } else { place };
    Some(Field {
        number: number.parse().ok()?,
        name,
        place,
        content: content(name_of_content, names)?,
    })
}

fn content(name: &str, names: &HashMap<&str, usize>) -> Option<Content> {
    Some(match name {
        "string" => Content::Text,
        "bool" => Content::Bool,
        "int" => Content::Int,
        "double" => Content::Double,
        "bytes" => Content::Bytes,
        "json" => Content::Json,
        "time" => Content::Time,
        "microtime" => Content::MicroTime,
        "intorstring" => Content::IntOrString,
        _ => Content::Message(*names.get(name)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        let table = read(TEXT).unwrap();
        let fields: usize = table.messages.iter().map(|message| message.fields.len()).sum();
        assert_eq!(table.kinds.len() + table.messages.len() + fields, lines(TEXT).count());
    }

    #[test]
    fn fields_stand_in_the_order_of_their_numbers() {
        for message in Table::kubernetes().messages() {
            assert!(
                message.fields.is_sorted_by(|one, other| one.number < other.number),
                "{}",
                message.name
            );
        }
    }

    #[test]
    fn only_messages_that_are_objects_are_inline() {
        let table = Table::kubernetes();
        for message in table.messages() {
            for field in message.fields.iter().filter(|field| field.place == Place::Inline) {
                let Content::Message(inner) = field.content else {
                    panic!("{} {}", message.name, field.number)
                };
                assert!(
                    table.messages()[inner].choice.is_none(),
                    "{} {}",
                    message.name,
                    field.number
                );
            }
        }
    }

    #[test]
    fn a_bad_line_is_named() {
        for text in [
            "  1 name string",
            "message A\n  1 name unknown.B",
            "kind v1 A unknown.A",
            "choice A {",
        ] {
            assert_eq!(read(text).err(), text.lines().last());
        }
    }
}
