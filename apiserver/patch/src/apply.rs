//! Server-side apply.

use apiserver_schema::Schema;
use serde_json::{Map, Value};

use crate::atom::Shape;
use crate::compare::compare;
use crate::conflict::Conflicts;
use crate::element::same_value;
use crate::field_set::FieldSet;
use crate::fields_v1::html_safe;
use crate::managed::{Entry, Managed};
use crate::merge::merge;
use crate::prune::prune;
use crate::to_field_set::to_field_set;
use crate::track::{has_uid, put_managed_fields, take_managed_fields};
use crate::updater::{self, Contested};
use crate::validate::{TypeErrors, validate};
use crate::writer::{Operation, Writer};

/// Where client-side apply keeps what it applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Most bytes of all annotations together.
const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// Why a configuration was not applied. The text is `Status.message` of the real server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Other managers own fields with other values (409, `Conflict`).
    #[error("{0}")]
    Conflicts(Conflicts),
    /// The configuration may not be applied at all: wrong version, `managedFields` set (400, `BadRequest`).
    #[error("{0}")]
    BadRequest(String),
    /// The configuration does not have its kind's types: an undeclared field, a string for a number, a list entry
    /// twice (500 without a reason).
    #[error("{0}")]
    Untyped(String),
}

impl ApplyError {
    /// The HTTP status code of the answer.
    pub const fn code(&self) -> u16 {
        match self {
            Self::Conflicts(_) => 409,
            Self::BadRequest(_) => 400,
            Self::Untyped(_) => 500,
        }
    }
}

/// Lays a configuration over the live object (`None` = create). Returns the merged object with its `managedFields`.
///
/// The result is not yet defaulted, validated or given a UID. Where nothing changes, object and times are those of
/// `live`; see [`crate::restore_times`] for changes that defaulting undoes. `excluded` as in [`crate::track`].
pub fn apply(
    schema: &Schema,
    live: Option<&Value>,
    config: &Value,
    writer: &Writer<'_>,
    force: bool,
    excluded: &[&[&str]],
) -> Result<Value, ApplyError> {
    check(config, writer)?;
    let nothing = only_type(config);
    let empty = schema.default.as_ref().unwrap_or(&nothing);
    let scene = Scene {
        shape: Shape::root(schema),
        live: live.unwrap_or(empty),
        config,
        writer: *writer,
        excluded: FieldSet::of_names(excluded),
    };
    validate(scene.shape, config, false)
        .map_err(|errors| scene.untyped("patch", config, &errors))?;
    let list = Managed::of(scene.live);
    let mut managed = Managed::decode(list, list).map_err(|error| {
        ApplyError::Untyped(format!("failed to decode managed fields: {error}"))
    })?;
    if managed.entries.is_empty() && has_uid(scene.live) {
        scene.claim_unowned(empty, &mut managed)?;
    }
    let (mut object, list) = scene.apply(managed, force)?;
    put_managed_fields(&mut object, list);
    if scene.is_kubectl() {
        refresh_last_applied(&mut object, config);
    }
    Ok(object)
}

fn check(config: &Value, writer: &Writer<'_>) -> Result<(), ApplyError> {
    let text = |name: &str| config.get(name).and_then(Value::as_str).unwrap_or_default();
    if text("apiVersion") != writer.api_version {
        return Err(ApplyError::BadRequest(format!(
            "invalid object type: {}",
            group_version_kind(config)
        )));
    }
    if Managed::of(config).is_some_and(|list| !list.is_null()) {
        return Err(ApplyError::BadRequest("metadata.managedFields must be nil".to_owned()));
    }
    Ok(())
}

/// `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`.
fn group_version_kind(object: &Value) -> String {
    let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or_default();
    let version = text("apiVersion");
    let slash = if version.contains('/') { "" } else { "/" };
    format!("{slash}{version}, Kind={}", text("kind"))
}

fn only_type(config: &Value) -> Value {
    let field = |name: &str| Some((name.to_owned(), config.get(name)?.clone()));
    Value::Object(["apiVersion", "kind"].into_iter().filter_map(field).collect())
}

/// Everything that stays the same during one apply.
struct Scene<'a> {
    shape: Shape<'a>,
    live: &'a Value,
    config: &'a Value,
    writer: Writer<'a>,
    excluded: FieldSet<'a>,
}

impl<'a> Scene<'a> {
    fn is_kubectl(&self) -> bool {
        self.writer.manager == "kubectl"
    }

    fn untyped(&self, what: &str, object: &Value, errors: &TypeErrors) -> ApplyError {
        let metadata = object.get("metadata");
        let text = |name: &str| {
            metadata.and_then(|metadata| metadata.get(name)).and_then(Value::as_str).unwrap_or("")
        };
        let kind = group_version_kind(self.config);
        let name = format!("{}/{}; {kind}", text("namespace"), text("name"));
        ApplyError::Untyped(format!("failed to create typed {what} object ({name}): {errors}"))
    }

    fn failed(doing: &str, error: &str) -> ApplyError {
        ApplyError::Untyped(format!("failed to {doing}: {error}"))
    }

    /// An object without managers: what it holds was there before the first apply.
    fn claim_unowned(&self, empty: &'a Value, managed: &mut Managed<'a>) -> Result<(), ApplyError> {
        let before =
            Writer { manager: "before-first-apply", operation: Operation::Update, ..self.writer };
        updater::update(self.shape, (empty, self.live), managed, &before, &self.excluded)
            .map_err(|error| Self::failed("create manager for existing fields", &error.0))
    }

    /// Applies; once more with force where kubectl itself made the conflicts, client-side.
    fn apply(
        &self,
        managed: Managed<'a>,
        force: bool,
    ) -> Result<(Value, Option<Value>), ApplyError> {
        let contested = match self.attempt(managed.clone(), force)? {
            Attempt::Done(object, list) => return Ok((object, list)),
            Attempt::Contested(contested) => contested,
        };
        let refuse =
            |contested: &[Contested<'_>]| ApplyError::Conflicts(updater::report(contested));
        if !self.is_kubectl() {
            return Err(refuse(&contested));
        }
        let Some(last_applied) = self.last_applied() else { return Err(refuse(&contested)) };
        let Some(allowed) = self.allowed_conflicts(&last_applied) else {
            return Err(refuse(&contested));
        };
        let left: Vec<_> = contested
            .into_iter()
            .map(|one| Contested { fields: one.fields.difference(&allowed), ..one })
            .filter(|one| !one.fields.is_empty())
            .collect();
        if !left.is_empty() {
            return Err(refuse(&left));
        }
        match self.attempt(managed, true)? {
            Attempt::Done(object, list) => Ok((object, list)),
            Attempt::Contested(contested) => Err(refuse(&contested)),
        }
    }

    fn attempt(&self, mut managed: Managed<'a>, force: bool) -> Result<Attempt<'a>, ApplyError> {
        updater::reconcile_all(self.shape, &mut managed);
        let mut object = merge(self.shape, self.live, self.config)
            .map_err(|error| Self::failed("merge config", &error))?;
        let fields = to_field_set(self.shape, self.config)
            .map_err(|error| Self::failed("get field set", &error.0))?;
        let fields = fields.recursive_difference(&self.excluded);
        let (place, last) = self.enter(&mut managed, fields);
        if let Some(last) = last.filter(|last| !last.is_empty()) {
            object = prune(self.shape, &object, &managed, &last)
                .map_err(|error| Self::failed("prune fields", &error.0))?;
        }
        let contested = self.settle(&mut managed, &object, place, force)?;
        if !contested.is_empty() {
            return Ok(Attempt::Contested(contested));
        }
        let changed = !same_value(self.live, &object);
        if !changed {
            object = self.live.clone();
            take_managed_fields(&mut object);
        }
        self.sign(&mut managed, changed);
        managed.entries.retain(|entry| !entry.set.is_empty());
        Ok(Attempt::Done(object, managed.encode()))
    }

    /// The applier's entry with its new fields: its place, and its fields before.
    fn enter(
        &self,
        managed: &mut Managed<'a>,
        fields: FieldSet<'a>,
    ) -> (usize, Option<FieldSet<'a>>) {
        let mut entry = Entry::of(&self.writer, Operation::Apply);
        let place = managed.position(&entry).unwrap_or(managed.entries.len());
        let Some(previous) = managed.entries.get_mut(place) else {
            entry.set = fields;
            managed.entries.push(entry);
            return (place, None);
        };
        previous.api_version = entry.api_version;
        let last = std::mem::take(&mut previous.set);
        previous.replace_set(fields);
        (place, Some(last))
    }

    /// Takes what changes from the other managers, or tells what they would not give.
    fn settle(
        &self,
        managed: &mut Managed<'a>,
        object: &Value,
        applier: usize,
        force: bool,
    ) -> Result<Vec<Contested<'a>>, ApplyError> {
        let fail = |error: crate::atom::Unidentified| Self::failed("compare objects", &error.0);
        let object: &Value = object;
        let changes = compare(self.shape, self.live, object).map_err(fail)?.without(&self.excluded);
        let contested =
            if force { Vec::new() } else { updater::conflicts(managed, &changes, applier) };
        if contested.is_empty() {
            updater::relinquish(managed, &changes, Some(applier));
        }
        Ok(contested)
    }

    fn sign(&self, managed: &mut Managed<'a>, changed: bool) {
        let entry = Entry::of(&self.writer, Operation::Apply);
        let place = managed.position(&entry);
        let Some(entry) = place.and_then(|place| managed.entries.get_mut(place)) else { return };
        let set = updater::ownable(&entry.set);
        entry.replace_set(set);
        if changed {
            entry.time = Some(self.writer.time_text().into());
        }
    }

    /// What client-side apply applied last, in this version.
    fn last_applied(&self) -> Option<Value> {
        let text = self.live.get("metadata")?.get("annotations")?.get(LAST_APPLIED)?.as_str()?;
        let last: Value = serde_json::from_str(text).ok()?;
        (last.get("apiVersion")?.as_str()? == self.writer.api_version).then_some(last)
    }

    /// The fields client-side apply set that still have its value.
    fn allowed_conflicts<'b>(&'b self, last: &'b Value) -> Option<FieldSet<'b>> {
        let shape: Shape<'b> = self.shape;
        validate(shape, last, false).ok()?;
        let fields = to_field_set(shape, last).ok()?;
        let changes = compare(shape, last, self.live).ok()?;
        Some(
            fields
                .difference(&changes.modified)
                .difference(&changes.added)
                .difference(&changes.removed),
        )
    }
}

/// How one try ends.
enum Attempt<'a> {
    /// The object without and with its managers.
    Done(Value, Option<Value>),
    Contested(Vec<Contested<'a>>),
}

/// Keeps client-side apply's annotation true, where there is one.
fn refresh_last_applied(object: &mut Value, config: &Value) {
    let Some(annotations) = object
        .get_mut("metadata")
        .and_then(|meta| meta.get_mut("annotations"))
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    if annotations.get(LAST_APPLIED).and_then(Value::as_str).is_none_or(str::is_empty) {
        return;
    }
    let mut applied = config.clone();
    let below = applied.get_mut("metadata").and_then(|meta| meta.get_mut("annotations"));
    if let Some(annotations) = below.and_then(Value::as_object_mut) {
        annotations.remove(LAST_APPLIED);
    }
    let text = format!("{}\n", html_safe(&sorted(&applied).to_string()));
    annotations.insert(LAST_APPLIED.to_owned(), Value::from(text));
    let size: usize =
        annotations.iter().map(|(key, value)| key.len() + value.as_str().map_or(0, str::len)).sum();
    if size > ANNOTATIONS_LIMIT {
        annotations.remove(LAST_APPLIED);
    }
}

/// The same with the fields of every object sorted, as Go writes them.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_by(|left, right| left.0.cmp(right.0));
            Value::Object(
                pairs
                    .into_iter()
                    .map(|(key, value)| (key.clone(), sorted(value)))
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}
