//! One kubeconfig, from one file or several.

use std::io::ErrorKind;
use std::path::Path;

use serde_json::{Map, Value};
use serde_saphyr::options::DuplicateKeyPolicy;

use super::entry::Entry;
use crate::kube::connect::error::ConnectError;

/// What one or more kubeconfig files say together.
#[derive(Default)]
pub(in crate::kube::connect) struct Kubeconfig {
    /// The file or the list of files, for messages.
    pub(super) title: String,
    pub(super) contexts: Vec<Entry>,
    pub(in crate::kube::connect) clusters: Vec<Entry>,
    pub(in crate::kube::connect) users: Vec<Entry>,
    pub(super) current_context: Option<String>,
}

impl Kubeconfig {
    pub(super) fn read(path: &Path) -> Result<Self, ConnectError> {
        let file = path.display().to_string();
        let bytes = std::fs::read(path)
            .map_err(|source| ConnectError::File { file: file.clone(), source })?;
        let text = text_of(&bytes).ok_or_else(|| unreadable(&file, "is not UTF-8 text"))?;
        Self::parse(&file, &text, path.parent())
    }

    /// `directory` is what relative paths in it are relative to.
    pub(in crate::kube::connect) fn parse(
        file: &str,
        text: &str,
        directory: Option<&Path>,
    ) -> Result<Self, ConnectError> {
        // The parser's own message quotes lines, and with them tokens.
        let options = serde_saphyr::options! {
            duplicate_keys: DuplicateKeyPolicy::LastWins,
            with_snippet: false,
        };
        let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)
            .map_err(|error| {
                let line = error.location().map(|at| format!(" (line {})", at.line()));
                unreadable(file, &format!("is not YAML{}", line.unwrap_or_default()))
            })?;
        let mut whole = Self { title: file.to_owned(), ..Self::default() };
        for document in documents.iter().filter(|document| !document.is_null()) {
            whole = whole.followed_by(Self::of_document(file, document, directory)?);
        }
        Ok(whole)
    }

    fn of_document(
        file: &str,
        document: &Value,
        directory: Option<&Path>,
    ) -> Result<Self, ConnectError> {
        let Some(fields) = document.as_object() else {
            return Err(unreadable(file, "is not a kubeconfig: it has no fields"));
        };
        for (field, expected) in [("kind", "Config"), ("apiVersion", "v1")] {
            let other = fields.get(field).and_then(Value::as_str).unwrap_or_default();
            if !other.is_empty() && other != expected {
                let problem = format!("is {other:?}, {expected:?} is expected in a kubeconfig");
                return Err(ConnectError::Field {
                    file: file.to_owned(),
                    field: field.to_owned(),
                    problem,
                });
            }
        }
        let section = |section, content| entries(file, fields, section, content, directory);
        let current = fields.get("current-context").and_then(Value::as_str);
        Ok(Self {
            title: file.to_owned(),
            contexts: section("contexts", "context")?,
            clusters: section("clusters", "cluster")?,
            users: section("users", "user")?,
            current_context: current.filter(|name| !name.is_empty()).map(str::to_owned),
        })
    }

    pub(super) fn titled(self, title: &str) -> Self {
        Self { title: title.to_owned(), ..self }
    }

    /// Whoever names something first says what it is, the whole of it.
    pub(super) fn followed_by(mut self, next: Self) -> Self {
        add_new(&mut self.contexts, next.contexts);
        add_new(&mut self.clusters, next.clusters);
        add_new(&mut self.users, next.users);
        self.current_context = self.current_context.or(next.current_context);
        self
    }
}

fn add_new(known: &mut Vec<Entry>, next: Vec<Entry>) {
    for entry in next {
        if !known.iter().any(|known| known.name == entry.name) {
            known.push(entry);
        }
    }
}

/// One of the three lists; `content` is the field of each entry that holds what the name stands for.
fn entries(
    file: &str,
    fields: &Map<String, Value>,
    section: &'static str,
    content: &str,
    directory: Option<&Path>,
) -> Result<Vec<Entry>, ConnectError> {
    let refused = |problem: String| ConnectError::Field {
        file: file.to_owned(),
        field: section.to_owned(),
        problem,
    };
    let list = match fields.get(section) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(refused("is not a list".to_owned())),
    };
    let mut entries: Vec<Entry> = Vec::new();
    for (index, item) in list.iter().enumerate() {
        let Some(name) = item.get("name").and_then(Value::as_str) else {
            return Err(refused(format!(
                "has no name in entry {}, or one that is not text",
                index + 1
            )));
        };
        if entries.iter().any(|known| known.name == name) {
            return Err(refused(format!("has two entries named {name:?}; remove or rename one")));
        }
        let fields = item.get(content).and_then(Value::as_object).cloned().unwrap_or_default();
        entries.push(Entry::new(file, section, name, fields, directory));
    }
    Ok(entries)
}

fn unreadable(file: &str, problem: &str) -> ConnectError {
    ConnectError::Unreadable { file: file.to_owned(), problem: problem.to_owned() }
}

/// UTF-8, or what a byte order mark says.
fn text_of(bytes: &[u8]) -> Option<String> {
    let utf16 = |rest: &[u8], read: fn([u8; 2]) -> u16| {
        let units = rest.chunks_exact(2).map(|pair| read([pair[0], pair[1]]));
        char::decode_utf16(units).collect::<Result<String, _>>().ok()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
}

impl ConnectError {
    /// Whether a kubeconfig is not there.
    pub(super) fn is_missing_file(&self) -> bool {
        matches!(self, Self::File { source, .. } if source.kind() == ErrorKind::NotFound)
    }
}
