//! What goes on after a deletion: a Namespace and a CustomResourceDefinition take their content with them, and
//! dependents follow their owner. In a cluster the controller manager does this; here nobody else would.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use apiserver_access as access;
use apiserver_kinds as kinds;
use apiserver_store as store;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::api::Api;
use crate::{body, clock, encode, metadata};

/// Something to be done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Work {
    /// An object carries a deletion timestamp.
    Ending(store::Key),
    /// An object is gone that others may name as their owner.
    Dependents(Owner),
    /// An object of this collection is gone.
    DefinitionMaybeEmpty(String),
    /// An object in this namespace is gone.
    NamespaceMaybeEmpty(String),
}

/// An object as its dependents name it. They are in its namespace, or anywhere where it is in none.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) namespace: String,
    pub(crate) uid: String,
}

const NAMESPACES: &str = "core/namespaces";
const DEFINITIONS: &str = "apiextensions.k8s.io/customresourcedefinitions";
/// Holds a definition that is being deleted until its objects are gone.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";
/// Events are kept this long, as in kube-apiserver (`--event-ttl`).
const EVENTS_LIVE: SignedDuration = SignedDuration::from_hours(1);
/// How often all that is left over is looked for: work that a crash or a full disk has interrupted.
const SWEEP_EVERY: Duration = Duration::from_mins(1);
const TRIES: usize = 20;

/// How often the dependents of what is gone are looked for: each look goes over all objects.
const COLLECT_EVERY: Duration = Duration::from_secs(1);

/// Works until the server stops.
pub(crate) async fn run(api: Arc<Api>, mut work: mpsc::UnboundedReceiver<Work>) {
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    let mut collect = tokio::time::interval(COLLECT_EVERY);
    collect.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut gone = BTreeSet::new();
    loop {
        tokio::select! {
            () = api.stop.cancelled() => return,
            first = work.recv() => {
                let Some(first) = first else { return };
                let mut all = HashSet::from([first]);
                while let Ok(next) = work.try_recv() {
                    all.insert(next);
                }
                handle(&api, all, &mut gone).await;
            }
            _ = collect.tick(), if !gone.is_empty() => collect_dependents(&api, &std::mem::take(&mut gone)).await,
            _ = sweep.tick() => sweep_all(&api).await,
        }
    }
}

/// Does what is to be done at once; objects that are gone are added to `gone`.
async fn handle(api: &Api, all: HashSet<Work>, gone: &mut BTreeSet<Owner>) {
    for work in all {
        match work {
            Work::Ending(key) => finish(api, &key).await,
            Work::Dependents(owner) => drop(gone.insert(owner)),
            Work::NamespaceMaybeEmpty(name) => finish(api, &key(NAMESPACES, "", &name)).await,
            Work::DefinitionMaybeEmpty(collection) => {
                let (group, plural) = collection.split_once('/').unwrap_or_default();
                finish(api, &key(DEFINITIONS, "", &format!("{plural}.{group}"))).await;
            }
        }
    }
}

/// Takes up what was left: deletions that did not go on, definitions that were not established, old events.
async fn sweep_all(api: &Api) {
    for object in everything(api) {
        if api.stop.is_cancelled() {
            return;
        }
        if is_ending(&object) {
            finish(api, &object.key).await;
        }
    }
    for definition in api.all(DEFINITIONS) {
        if definition.pointer("/status/conditions").is_none() {
            settle_definition(api, metadata::name(&definition)).await;
        }
    }
    remove_old_events(api).await;
}

/// All objects of all kinds, also of those that are not served any more.
fn everything(api: &Api) -> impl Iterator<Item = Arc<store::Object>> {
    let collections = api.store.collections().into_iter().map(|(collection, _)| collection);
    // The server's own entries are no objects.
    collections
        .filter(|collection| collection.contains('/'))
        .flat_map(|collection| api.objects(&collection))
}

/// Whether an object carries a deletion timestamp; looks for the word before it parses anything.
pub(crate) fn is_ending(object: &store::Object) -> bool {
    memchr::memmem::find(&object.json, b"\"deletionTimestamp\":").is_some()
        && serde_json::from_slice::<Value>(&object.json)
            .is_ok_and(|object| metadata::is_being_deleted(&object))
}

fn key(collection: &str, namespace: &str, name: &str) -> store::Key {
    store::Key::new(collection, namespace, name)
}

/// Does for an object that is being deleted what its finalizers wait for.
async fn finish(api: &Api, key: &store::Key) {
    let Some(object) = api.one(&key.collection, &key.namespace, &key.name) else { return };
    if !metadata::is_being_deleted(&object) {
        return;
    }
    match key.collection.as_ref() {
        NAMESPACES => finish_namespace(api, &key.name).await,
        DEFINITIONS => finish_definition(api, &object).await,
        _ => {}
    }
    finish_dependents(api, key, &object).await;
}

/// Deletes everything in a namespace; the namespace itself goes when nothing is left.
async fn finish_namespace(api: &Api, name: &str) {
    for (collection, _) in api.store.collections() {
        if collection.contains('/') && !delete_all(api, &collection, Some(name)).await {
            return;
        }
    }
    rewrite(api, &key(NAMESPACES, "", name), |namespace| namespace["spec"] = json!({})).await;
}

pub(crate) fn is_definition(kind: &kinds::Kind) -> bool {
    kind.storage_collection.as_ref() == DEFINITIONS
}

/// Deletes all objects of a definition's kind, then lets it go. What a definition calls like a kind of Kubernetes'
/// own is not the definition's.
async fn finish_definition(api: &Api, definition: &Value) {
    let spec = &definition["spec"];
    let (group, plural) =
        (spec["group"].as_str().unwrap_or_default(), spec["names"]["plural"].as_str());
    let collection = format!("{group}/{}", plural.unwrap_or_default());
    let builtin =
        kinds::builtin().iter().any(|kind| kind.storage_collection.as_ref() == collection);
    if builtin || delete_all(api, &collection, None).await {
        let name = metadata::name(definition);
        rewrite(api, &key(DEFINITIONS, "", name), |definition| {
            remove_finalizer(definition, CLEANUP)
        })
        .await;
    }
}

/// Deletes the objects of a collection, in a namespace or all; false where some are held, or the server stops.
async fn delete_all(api: &Api, collection: &str, namespace: Option<&str>) -> bool {
    let listing = api.store.list(collection, namespace, None, 0, None);
    let mut left = false;
    for object in listing.map(|listing| listing.objects).unwrap_or_default() {
        if api.stop.is_cancelled() {
            return false;
        }
        left |= !delete(api, &object.key).await;
    }
    !left
}

/// Deletes an object; false where a finalizer still holds it.
async fn delete(api: &Api, key: &store::Key) -> bool {
    let now = clock::now();
    let mark = |object: &mut Value| {
        if !metadata::is_being_deleted(object) {
            metadata::set(object, "deletionTimestamp", now.to_string());
            metadata::set(object, "deletionGracePeriodSeconds", 0);
        }
    };
    rewrite(api, key, mark).await
}

/// Changes an object, and removes it where it is being deleted and nothing holds it any more. True: it is gone.
async fn rewrite(api: &Api, key: &store::Key, change: impl Fn(&mut Value)) -> bool {
    for _ in 0..TRIES {
        let Some(stored) = api.store.read(&key.collection, &key.namespace, &key.name) else {
            return true;
        };
        let Ok(before) = serde_json::from_slice::<Value>(&stored.json) else { return false };
        let mut object = before.clone();
        change(&mut object);
        let gone = metadata::is_being_deleted(&object)
            && !crate::strategy::is_held(&key.collection, &object);
        if object == before && !gone {
            return false;
        }
        let value = encode::stored(&object);
        let change = if gone { store::Change::Delete(value) } else { store::Change::Put(value) };
        let condition = store::Condition::Revision(stored.revision);
        let labels = body::labels(&object).into();
        match api
            .write(store::Write { key: key.clone(), condition, change, labels, given: None })
            .await
        {
            Ok(stored) => {
                api.notice(&stored, gone);
                return gone;
            }
            Err(store::WriteError::Conflict { .. }) => {}
            Err(error) => {
                // The next sweep takes it up again.
                tracing::warn!(?key, %error, "a deletion could not go on");
                return false;
            }
        }
    }
    false
}

fn remove_finalizer(object: &mut Value, finalizer: &str) {
    let left: Vec<String> = metadata::finalizers(object)
        .into_iter()
        .filter(|one| *one != finalizer)
        .map(str::to_owned)
        .collect();
    if left.is_empty() {
        metadata::of(object).remove("finalizers");
    } else {
        metadata::set(object, "finalizers", left);
    }
}

/// `orphan` and `foregroundDeletion` on an object that is being deleted.
async fn finish_dependents(api: &Api, key: &store::Key, object: &Value) {
    let finalizers = metadata::finalizers(object);
    let owner =
        Owner { namespace: key.namespace.to_string(), uid: metadata::uid(object).to_owned() };
    let owners = BTreeSet::from([owner]);
    if finalizers.contains(&"orphan") {
        for dependent in dependents(api, &owners) {
            rewrite(api, &dependent.key, |dependent| disown(dependent, &owners)).await;
        }
        rewrite(api, key, |object| remove_finalizer(object, "orphan")).await;
    } else if finalizers.contains(&"foregroundDeletion") {
        let mut left = false;
        for dependent in dependents(api, &owners) {
            left |= !delete(api, &dependent.key).await && blocks(&dependent, object);
        }
        if !left {
            rewrite(api, key, |object| remove_finalizer(object, "foregroundDeletion")).await;
        }
    }
}

fn references(object: &Value) -> impl Iterator<Item = &Value> {
    object.pointer("/metadata/ownerReferences").and_then(Value::as_array).into_iter().flatten()
}

fn blocks(dependent: &store::Object, owner: &Value) -> bool {
    let Ok(dependent) = serde_json::from_slice::<Value>(&dependent.json) else { return false };
    let of_owner = |reference: &&Value| reference["uid"] == metadata::uid(owner);
    references(&dependent)
        .find(of_owner)
        .is_some_and(|reference| reference["blockOwnerDeletion"] == true)
}

/// Objects whose owners are all gone go too; others only lose the reference.
async fn collect_dependents(api: &Api, owners: &BTreeSet<Owner>) {
    let gone = |uid: &str| owners.iter().any(|owner| owner.uid == uid);
    for object in dependents(api, owners) {
        let Ok(value) = serde_json::from_slice::<Value>(&object.json) else { continue };
        if references(&value).filter_map(|reference| reference["uid"].as_str()).all(gone) {
            delete(api, &object.key).await;
        } else {
            rewrite(api, &object.key, |object| disown(object, owners)).await;
        }
    }
}

fn disown(object: &mut Value, owners: &BTreeSet<Owner>) {
    let gone = |uid: &str| owners.iter().any(|owner| owner.uid == uid);
    if let Some(references) =
        object.pointer_mut("/metadata/ownerReferences").and_then(Value::as_array_mut)
    {
        references.retain(|reference| !reference["uid"].as_str().is_some_and(gone));
    }
    metadata::tidy(object);
}

/// All objects that name one of the owners. Looks for the word before it parses anything.
fn dependents(api: &Api, owners: &BTreeSet<Owner>) -> Vec<Arc<store::Object>> {
    let word = memchr::memmem::Finder::new(b"\"ownerReferences\":");
    let names = |object: &store::Object| {
        let Ok(value) = serde_json::from_slice::<Value>(&object.json) else { return false };
        references(&value).any(|reference| {
            let fits = |owner: &&Owner| {
                owner.namespace.is_empty() || *owner.namespace == *object.key.namespace
            };
            owners.iter().filter(fits).any(|owner| reference["uid"] == owner.uid.as_str())
        })
    };
    everything(api).filter(|object| word.find(&object.json).is_some() && names(object)).collect()
}

async fn remove_old_events(api: &Api) {
    let now = clock::now();
    for object in api.objects("core/events") {
        let Ok(event) = serde_json::from_slice::<Value>(&object.json) else { continue };
        if last_seen(&event, now).is_some_and(|seen| now.duration_since(seen) > EVENTS_LIVE) {
            delete(api, &object.key).await;
        }
    }
}

/// When an event was seen last. Its writer says so: a time that is yet to come says nothing.
fn last_seen(event: &Value, now: Timestamp) -> Option<Timestamp> {
    let (series, metadata) = (&event["series"], &event["metadata"]);
    let times = [
        &event["lastTimestamp"],
        &series["lastObservedTime"],
        &event["eventTime"],
        &metadata["creationTimestamp"],
    ];
    times
        .into_iter()
        .filter_map(|time| time.as_str()?.parse().ok())
        .filter(|time| *time <= now)
        .max()
}

/// Names, finalizer and conditions of a definition: at once, so that the kind is served when its writer is answered.
pub(crate) async fn settle_definition(api: &Api, name: &str) {
    let all = api.all(DEFINITIONS);
    rewrite(api, &key(DEFINITIONS, "", name), |definition| {
        let [resources, kinds] = taken_names(definition, &all);
        let accepted = kinds::accept_names(definition, &resources, &kinds);
        definition["status"] = kinds::crd_status(definition, &accepted, clock::now());
    })
    .await;
}

/// Names that a definition could not have may be free now that another one is gone.
pub(crate) async fn settle_refused_definitions(api: &Api) {
    let refused = |definition: &Value| {
        let conditions = definition.pointer("/status/conditions").and_then(Value::as_array);
        let of_names = |condition: &&Value| {
            condition["type"] == "NamesAccepted" && condition["status"] == "False"
        };
        conditions.into_iter().flatten().any(|condition| of_names(&condition))
    };
    for definition in api.all(DEFINITIONS).iter().filter(|definition| refused(definition)) {
        settle_definition(api, metadata::name(definition)).await;
    }
}

/// Rules of ClusterRoles that collect those of others.
pub(crate) async fn settle_aggregated_roles(api: &Api) {
    let collection = "rbac.authorization.k8s.io/clusterroles";
    for (name, rules) in access::aggregated_rules(&api.all(collection)) {
        rewrite(api, &key(collection, "", &name), |role| {
            if !rules.is_empty() || role["rules"].is_array() {
                role["rules"] = rules.clone().into();
            }
        })
        .await;
    }
}

/// Names of resources and of kinds that are taken in a definition's group. Kubernetes' own kinds were there first.
fn taken_names(definition: &Value, definitions: &[Value]) -> [BTreeSet<String>; 2] {
    let group = definition["spec"]["group"].as_str().unwrap_or_default();
    let [mut resources, mut kinds] = [BTreeSet::new(), BTreeSet::new()];
    for kind in kinds::builtin().iter().filter(|kind| kind.group.as_ref() == group) {
        resources.extend([kind.plural.to_string(), kind.singular.to_string()]);
        resources.extend(kind.short_names.iter().map(ToString::to_string));
        kinds.extend([kind.kind.to_string(), kind.list_kind.to_string()]);
    }
    for other in definitions.iter().filter(|other| other["spec"]["group"] == group) {
        let accepted = &other["status"]["acceptedNames"];
        let text = |field: &str| accepted[field].as_str().map(str::to_owned);
        resources.extend(["plural", "singular"].into_iter().filter_map(text));
        let short = accepted["shortNames"].as_array().into_iter().flatten();
        resources.extend(short.filter_map(Value::as_str).map(str::to_owned));
        kinds.extend(["kind", "listKind"].into_iter().filter_map(text));
    }
    [resources, kinds]
}
