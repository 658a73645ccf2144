//! `metadata.managedFields`: who owns which fields since when.

use std::borrow::Cow;
use std::cmp::Ordering;

use apiserver_object::go_text;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::field_set::FieldSet;
use crate::fields_v1;
use crate::writer::{Operation, Writer};

/// Most managers of kind `Update` that are kept apart.
const MOST_UPDATERS: usize = 10;
/// Who owns what the oldest of them wrote.
const OLD_UPDATES: &str = "ancient-changes";

/// One manager's fields.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) manager: Cow<'a, str>,
    pub(crate) operation: Operation,
    pub(crate) api_version: Cow<'a, str>,
    pub(crate) subresource: Cow<'a, str>,
    pub(crate) time: Option<Cow<'a, str>>,
    pub(crate) set: FieldSet<'a>,
    /// The `fieldsV1` this was read from, while it says the same and is known to be written by this crate.
    pub(crate) written: Option<&'a Value>,
}

impl<'a> Entry<'a> {
    pub(crate) fn of(writer: &Writer<'a>, operation: Operation) -> Self {
        Self {
            manager: Cow::Owned(writer.manager_name().to_owned()),
            operation,
            api_version: Cow::Borrowed(writer.api_version),
            subresource: Cow::Borrowed(writer.subresource),
            time: None,
            set: FieldSet::new(),
            written: None,
        }
    }

    /// Whether both stand for the same manager. An applier is the same in every version.
    pub(crate) fn is_same_manager(&self, other: &Self) -> bool {
        self.operation == other.operation
            && self.manager == other.manager
            && self.subresource == other.subresource
            && (self.operation == Operation::Apply || self.api_version == other.api_version)
    }

    pub(crate) fn replace_set(&mut self, set: FieldSet<'a>) {
        self.set = set;
        self.written = None;
    }

    fn seconds(&self) -> i64 {
        let time = self.time.as_ref().and_then(|time| time.parse::<Timestamp>().ok());
        time.map_or(0, Timestamp::as_second)
    }

    /// The order in which the real server writes conflicts and merges old managers: that of the identity as JSON.
    pub(crate) fn identity(&self) -> String {
        let pair = |name: &str, value: &str| format!("\"{name}\":{}", Value::from(value));
        let mut pairs = Vec::with_capacity(4);
        if !self.manager.is_empty() {
            pairs.push(pair("manager", &self.manager));
        }
        pairs.push(pair("operation", self.operation.name()));
        if self.operation == Operation::Update {
            pairs.push(pair("apiVersion", &self.api_version));
        }
        if !self.subresource.is_empty() {
            pairs.push(pair("subresource", &self.subresource));
        }
        format!("{{{}}}", pairs.join(","))
    }
}

/// Why `managedFields` cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ManagedError {
    #[error("operation must be `Apply` or `Update`")]
    Operation,
    #[error("apiVersion must not be empty")]
    ApiVersion,
    #[error("missing fieldsType in managed fields entry {0}")]
    NoFieldsType(usize),
    #[error("invalid fieldsType {1} in managed fields entry {0}")]
    FieldsType(usize, String),
    #[error("error decoding versioned set: {0}")]
    Fields(#[from] fields_v1::FieldsV1Error),
    #[error("managedFields is not a list of objects")]
    NotAList,
}

/// All managers of an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Managed<'a> {
    pub(crate) entries: Vec<Entry<'a>>,
}

impl<'a> Managed<'a> {
    /// Reads `managedFields`. Entries equal to those of `known` (which this crate wrote) are written back as they are.
    pub(crate) fn decode(
        list: Option<&'a Value>,
        known: Option<&Value>,
    ) -> Result<Self, ManagedError> {
        let items = match list {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::Array(items)) => items,
            Some(_) => return Err(ManagedError::NotAList),
        };
        let known = known.and_then(Value::as_array);
        let mut managed = Self { entries: Vec::with_capacity(items.len() + 1) };
        for (index, item) in items.iter().enumerate() {
            let mut entry = decode_entry(index, item.as_object().ok_or(ManagedError::NotAList)?)?;
            if known
                .and_then(|known| known.get(index))
                .is_none_or(|known| !std::ptr::eq(known, item) && known != item)
            {
                entry.written = None;
            }
            match managed.position(&entry) {
                Some(place) => managed.entries.splice(place..=place, [entry]).for_each(drop),
                None => managed.entries.push(entry),
            }
        }
        Ok(managed)
    }

    /// `managedFields` of an object.
    pub(crate) fn of(object: &Value) -> Option<&Value> {
        object.get("metadata")?.get("managedFields")
    }

    /// Whether this is what was read from the list, entry by entry.
    pub(crate) fn is_as_read(&self, list: Option<&Value>) -> bool {
        let Some(Value::Array(list)) = list else { return false };
        let same = |(entry, read): (&Entry<'a>, &Value)| {
            entry.written.is_some_and(|written| {
                read.get("fieldsV1").is_some_and(|read| std::ptr::eq(read, written))
            })
        };
        list.len() == self.entries.len() && self.entries.iter().zip(list).all(same)
    }

    pub(crate) fn position(&self, entry: &Entry<'a>) -> Option<usize> {
        self.entries.iter().position(|other| other.is_same_manager(entry))
    }

    /// Writes `managedFields`, sorted as the real server sorts; `None` where no one owns anything.
    pub(crate) fn encode(mut self) -> Option<Value> {
        if self.entries.is_empty() {
            return None;
        }
        if self.entries.len() > 1 {
            self.entries.sort_by_cached_key(SortKey::of);
        }
        Some(Value::Array(self.entries.iter().map(encode_entry).collect()))
    }

    /// Merges the oldest updaters of a version until no more than ten updaters are left.
    pub(crate) fn cap_updaters(&mut self) {
        let updater = |entry: &&Entry<'_>| entry.operation == Operation::Update;
        let mut count = self.entries.iter().filter(updater).count();
        if count <= MOST_UPDATERS {
            return;
        }
        let mut oldest: Vec<Entry<'a>> = self.entries.iter().filter(updater).cloned().collect();
        oldest.sort_by_cached_key(|entry| (entry.seconds(), entry.identity()));
        let mut first: Vec<Entry<'a>> = Vec::new();
        for entry in oldest {
            if count <= MOST_UPDATERS {
                return;
            }
            match first.iter().find(|first| first.api_version == entry.api_version).cloned() {
                None => first.push(entry),
                Some(first) => {
                    self.merge_into_bucket(&first, &entry);
                    count -= 1;
                }
            }
        }
    }

    /// Merges an entry into that of [`OLD_UPDATES`], which is the oldest entry of the version under another name,
    /// unless there is one. (The real server loses the latter's fields where it is as old as the oldest.)
    fn merge_into_bucket(&mut self, first: &Entry<'a>, entry: &Entry<'a>) {
        let mut bucket =
            Entry { manager: OLD_UPDATES.into(), subresource: "".into(), ..first.clone() };
        bucket.time.clone_from(&entry.time);
        let has_bucket = self.position(&bucket).is_some();
        let merged: Vec<&Entry<'a>> = if entry.is_same_manager(&bucket) || !has_bucket {
            vec![first, entry]
        } else {
            vec![entry]
        };
        let mut set = FieldSet::new();
        for entry in merged {
            set = set.union(&entry.set);
            self.entries.retain(|other| !other.is_same_manager(entry));
        }
        if let Some(place) = self.position(&bucket) {
            set = self.entries.remove(place).set.union(&set);
        }
        bucket.replace_set(set);
        self.entries.push(bucket);
    }
}

/// What entries are sorted by: operation, seconds, manager, version, subresource.
#[derive(PartialEq, Eq)]
struct SortKey(Operation, i64, String, String, String);

impl SortKey {
    fn of(entry: &Entry<'_>) -> Self {
        Self(
            entry.operation,
            entry.seconds(),
            entry.manager.to_string(),
            entry.api_version.to_string(),
            entry.subresource.to_string(),
        )
    }
}

impl Ord for SortKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |key: &Self| (key.0.name(), key.1);
        key(self)
            .cmp(&key(other))
            .then_with(|| (&self.2, &self.3, &self.4).cmp(&(&other.2, &other.3, &other.4)))
    }
}

impl PartialOrd for SortKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn decode_entry(index: usize, entry: &Map<String, Value>) -> Result<Entry<'_>, ManagedError> {
    let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
    let operation = match text("operation") {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return Err(ManagedError::Operation),
    };
    if text("apiVersion").is_empty() {
        return Err(ManagedError::ApiVersion);
    }
    match text("fieldsType") {
        "FieldsV1" => {}
        "" => return Err(ManagedError::NoFieldsType(index)),
        other => return Err(ManagedError::FieldsType(index, go_text::quoted(other))),
    }
    let written = entry.get("fieldsV1");
    Ok(Entry {
        manager: Cow::Borrowed(text("manager")),
        operation,
        api_version: Cow::Borrowed(text("apiVersion")),
        subresource: Cow::Borrowed(text("subresource")),
        time: entry.get("time").and_then(Value::as_str).and_then(whole_seconds),
        set: written.map_or_else(|| Ok(FieldSet::new()), fields_v1::decode)?,
        written,
    })
}

/// A time as it is written: UTC, whole seconds. What is no time is left out.
fn whole_seconds(text: &str) -> Option<Cow<'_, str>> {
    if text.len() == "2026-01-01T00:00:00Z".len() && text.ends_with('Z') {
        return Some(Cow::Borrowed(text));
    }
    let time: Timestamp = text.parse().ok()?;
    Timestamp::from_second(time.as_second()).ok().map(|time| Cow::Owned(time.to_string()))
}

fn encode_entry(entry: &Entry<'_>) -> Value {
    let mut out = Map::new();
    let mut put = |name: &str, value: &str| {
        if !value.is_empty() {
            out.insert(name.to_owned(), Value::from(value));
        }
    };
    put("apiVersion", &entry.api_version);
    put("fieldsType", "FieldsV1");
    put("manager", &entry.manager);
    put("operation", entry.operation.name());
    put("subresource", &entry.subresource);
    put("time", entry.time.as_deref().unwrap_or_default());
    let fields = entry.written.cloned().unwrap_or_else(|| fields_v1::encode(&entry.set));
    out.insert("fieldsV1".to_owned(), fields);
    Value::Object(out)
}
