//! ResourceQuotas: how many objects of a kind a namespace may hold. Other resources, and quotas with scopes, limit pods
//! alone and are kept without effect, as nothing runs here.

use std::sync::Arc;

use apiserver_kinds::{Kind, count_of_quantity, quantity_of_count};
use apiserver_store as store;
use serde_json::{Map, Value};

use crate::state::collections::QUOTAS;
use crate::state::objects::{self, Objects};

/// Kinds that were counted before all kinds were, under their plural alone.
const PLAIN: &[&str] = &["configmaps", "pods", "resourcequotas", "secrets", "services"];

/// What the quotas of a namespace allow of one kind.
pub(crate) struct Limits(Vec<Limit>);

/// One quota, as far as it counts the kind: each name with the amount.
struct Limit {
    quota: String,
    hard: Vec<(String, Value)>,
}

impl Limits {
    /// The limits that a new object of `kind` meets.
    pub(crate) fn of(objects: &Objects, kind: &Kind, namespace: &str) -> Self {
        let quotas = objects.list(QUOTAS, Some(namespace));
        Self(quotas.iter().filter_map(|quota| Limit::of(quota, kind)).collect())
    }

    /// How many objects there may be; `None` where nothing limits them.
    pub(crate) fn most(&self) -> Option<u64> {
        let amounts = self.0.iter().flat_map(|limit| &limit.hard);
        amounts.filter_map(|(_, amount)| count_of_quantity(amount)).min()
    }

    /// What is said of one more object where there are `count`; nothing where it fits.
    pub(crate) fn exceeded(&self, count: u64) -> Option<String> {
        self.0.iter().find_map(|limit| limit.exceeded(count))
    }
}

impl Limit {
    fn of(stored: &Arc<store::Object>, kind: &Kind) -> Option<Self> {
        let quota = objects::value(stored)?;
        let of_kind = |name: &str| collection(name).as_deref() == Some(&*kind.storage_collection);
        let hard = counted(&quota).filter(|(name, _)| of_kind(name));
        let hard: Vec<_> = hard.map(|(name, amount)| (name.clone(), amount.clone())).collect();
        (!hard.is_empty()).then(|| Self { quota: stored.key.name.to_string(), hard })
    }

    fn exceeded(&self, count: u64) -> Option<String> {
        let full = |amount: &Value| count_of_quantity(amount).is_some_and(|most| count >= most);
        let exceeded: Vec<_> = self.hard.iter().filter(|(_, amount)| full(amount)).collect();
        if exceeded.is_empty() {
            return None;
        }
        let list = |amount: &dyn Fn(&Value) -> String| {
            let each = exceeded.iter().map(|(name, hard)| format!("{name}={}", amount(hard)));
            each.collect::<Vec<_>>().join(",")
        };
        let (requested, used) = (list(&|_| "1".to_owned()), list(&|_| quantity_of_count(count)));
        let limited = list(&|hard| hard.as_str().unwrap_or_default().to_owned());
        Some(format!(
            "exceeded quota: {}, requested: {requested}, used: {used}, limited: {limited}",
            self.quota
        ))
    }
}

/// The limits of a quota, unless it is about pods of some sort only.
fn counted(quota: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let spec = &quota["spec"];
    let is_scoped = spec.get("scopeSelector").is_some_and(|selector| !selector.is_null())
        || spec["scopes"].as_array().is_some_and(|scopes| !scopes.is_empty());
    let hard = spec["hard"].as_object().filter(|_| !is_scoped);
    hard.into_iter().flatten()
}

/// The collection that a name of a quota counts, if it counts any. Events are counted by no quota: they go by themselves.
fn collection(name: &str) -> Option<String> {
    let Some(resource) = name.strip_prefix("count/") else {
        return PLAIN.contains(&name).then(|| format!("core/{name}"));
    };
    match resource.split_once('.') {
        Some(("events", "events.k8s.io")) => None,
        Some((plural, group)) => Some(format!("{group}/{plural}")),
        None if resource == "events" => None,
        None => Some(format!("core/{resource}")),
    }
}

/// The status of a quota as things are: its limits, and what is used of those that are counted.
pub(crate) fn status(objects: &Objects, namespace: &str, quota: &Value) -> Value {
    let hard = quota["spec"]["hard"].as_object().cloned().unwrap_or_default();
    let mut used: Map<String, Value> =
        quota["status"]["used"].as_object().cloned().unwrap_or_default();
    used.retain(|name, _| hard.contains_key(name));
    for (name, _) in counted(quota) {
        if let Some(collection) = collection(name) {
            let count = objects.store.count_in(&collection, namespace) as u64;
            used.insert(name.clone(), quantity_of_count(count).into());
        }
    }
    serde_json::json!({ "hard": hard, "used": used })
}
