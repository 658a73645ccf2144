//! A CustomResourceDefinition between its write and its end.

use std::collections::BTreeSet;

use apiserver_kinds as kinds;
use apiserver_store::Key;
use serde_json::Value;

use super::{Lifecycle, finalizers};
use crate::clock;
use crate::object::metadata;
use crate::state::collections::DEFINITIONS;

impl Lifecycle {
    /// Names, finalizer and conditions of a definition: at once, so that the kind is served when its writer is answered.
    pub(super) async fn settle_definition(&self, name: &str) {
        let all = self.objects.values(DEFINITIONS);
        self.rewrite(&Key::new(DEFINITIONS, "", name), |definition| {
            let [resources, kinds] = taken_names(definition, &all);
            let accepted = kinds::accept_names(definition, &resources, &kinds);
            definition["status"] = kinds::crd_status(definition, &accepted, clock::now());
        })
        .await;
    }

    /// Names that a definition could not have may be free now that another one is gone.
    pub(super) async fn settle_refused_definitions(&self) {
        for definition in
            self.objects.values(DEFINITIONS).iter().filter(|definition| is_refused(definition))
        {
            self.settle_definition(metadata::name(definition)).await;
        }
    }

    /// Deletes all objects of a definition's kind, then lets it go. What a definition calls like a kind of Kubernetes'
    /// own is not the definition's.
    pub(super) async fn finish_definition(&self, definition: &Value) {
        let spec = &definition["spec"];
        let (group, plural) =
            (spec["group"].as_str().unwrap_or_default(), spec["names"]["plural"].as_str());
        let collection = format!("{group}/{}", plural.unwrap_or_default());
        let builtin =
            kinds::builtin().iter().any(|kind| kind.storage_collection.as_ref() == collection);
        if builtin || self.delete_all(&collection, None).await {
            let name = metadata::name(definition);
            self.rewrite(&Key::new(DEFINITIONS, "", name), |definition| {
                finalizers::remove(definition, finalizers::CLEANUP);
            })
            .await;
        }
    }
}

fn is_refused(definition: &Value) -> bool {
    let conditions = definition.pointer("/status/conditions").and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "NamesAccepted" && condition["status"] == "False")
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
