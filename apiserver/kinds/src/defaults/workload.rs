//! Defaults of what makes pods.

use serde_json::{Map, Value, json};

use super::{dig, each, pod, set_all};
use crate::reading::{Reading as _, object_mut, set_default};

/// Defaults of a workload; nothing for other kinds.
pub(super) fn default(kind: &str, object: &mut Value) {
    match kind {
        "Deployment" => deployment(object),
        "ReplicaSet" => replica_set(object),
        "StatefulSet" => stateful_set(object),
        "DaemonSet" => daemon_set(object),
        "Job" => job(object),
        "CronJob" => cron_job(object),
        _ => {}
    }
}

fn with_spec(object: &mut Value, values: &[(&str, Value)]) {
    if let Some(spec) = object_mut(object, "spec") {
        set_all(spec, values);
    }
    if let Some(spec) = object.get_mut("spec") {
        pod::template(spec);
    }
    object_mut(object, "status");
}

/// A strategy of type `RollingUpdate`, with these values, unless it is of another type.
fn rolling(object: &mut Value, field: &str, values: &[(&str, Value)]) {
    let Some(strategy) = dig(object, &["spec", field]) else { return };
    set_default(strategy, "type", "RollingUpdate");
    if strategy.get("type") == Some(&"RollingUpdate".into()) {
        let update = strategy.entry("rollingUpdate").or_insert_with(|| Value::Object(Map::new()));
        if update.is_null() {
            *update = json!({});
        }
        update.as_object_mut().into_iter().for_each(|update| set_all(update, values));
    }
}

fn deployment(object: &mut Value) {
    with_spec(
        object,
        &[
            ("replicas", 1.into()),
            ("revisionHistoryLimit", 10.into()),
            ("progressDeadlineSeconds", 600.into()),
        ],
    );
    rolling(object, "strategy", &[("maxUnavailable", "25%".into()), ("maxSurge", "25%".into())]);
}

fn replica_set(object: &mut Value) {
    with_spec(object, &[("replicas", 1.into())]);
    if let Some(status) = object_mut(object, "status") {
        set_default(status, "replicas", 0);
    }
}

fn stateful_set(object: &mut Value) {
    let retain = json!({"whenDeleted": "Retain", "whenScaled": "Retain"});
    with_spec(
        object,
        &[
            ("replicas", 1.into()),
            ("revisionHistoryLimit", 10.into()),
            ("podManagementPolicy", "OrderedReady".into()),
            ("persistentVolumeClaimRetentionPolicy", retain),
        ],
    );
    rolling(object, "updateStrategy", &[("partition", 0.into()), ("maxUnavailable", 1.into())]);
    for claim in each(object, &["spec", "volumeClaimTemplates"]) {
        if let Some(fields) = claim.as_object_mut() {
            set_all(
                fields,
                &[("apiVersion", "v1".into()), ("kind", "PersistentVolumeClaim".into())],
            );
        }
        if let Some(spec) = object_mut(claim, "spec") {
            set_default(spec, "volumeMode", "Filesystem");
        }
        if let Some(status) = object_mut(claim, "status") {
            set_default(status, "phase", "Pending");
        }
    }
    if let Some(status) = object_mut(object, "status") {
        set_all(status, &[("replicas", 0.into()), ("availableReplicas", 0.into())]);
    }
}

fn daemon_set(object: &mut Value) {
    with_spec(object, &[("revisionHistoryLimit", 10.into())]);
    rolling(object, "updateStrategy", &[("maxUnavailable", 1.into()), ("maxSurge", 0.into())]);
    if let Some(annotations) = dig(object, &["metadata", "annotations"]) {
        set_default(annotations, "deprecated.daemonset.template.generation", "1");
    }
    if let Some(status) = object_mut(object, "status") {
        let counts = [
            "currentNumberScheduled",
            "desiredNumberScheduled",
            "numberMisscheduled",
            "numberReady",
        ];
        for count in counts {
            set_default(status, count, 0);
        }
    }
}

fn job(object: &mut Value) {
    let absent = |field: &str| object.at(&["spec", field]).is_none();
    let single = absent("completions") && absent("parallelism");
    let replacement = if object.at(&["spec", "podFailurePolicy"]).is_some() {
        "Failed"
    } else {
        "TerminatingOrFailed"
    };
    let mut values = vec![
        ("parallelism", 1.into()),
        ("backoffLimit", 6.into()),
        ("completionMode", "NonIndexed".into()),
        ("suspend", false.into()),
        ("manualSelector", false.into()),
        ("podReplacementPolicy", replacement.into()),
    ];
    if single {
        values.push(("completions", 1.into()));
    }
    with_spec(object, &values);
    if !object.flag(&["spec", "manualSelector"]) {
        job_selector(object);
    }
}

/// A job selects its own pods by its uid, and its pods carry that uid.
fn job_selector(object: &mut Value) {
    let (name, uid) = (
        object.text(&["metadata", "name"]).to_owned(),
        object.text(&["metadata", "uid"]).to_owned(),
    );
    if name.is_empty() || uid.is_empty() {
        return;
    }
    let labels = [
        ("batch.kubernetes.io/controller-uid", uid.clone()),
        ("batch.kubernetes.io/job-name", name.clone()),
        ("controller-uid", uid.clone()),
        ("job-name", name),
    ];
    if let Some(own) = dig(object, &["spec", "selector", "matchLabels"]) {
        set_default(own, labels[0].0, uid.as_str());
    }
    let Some(target) = dig(object, &["spec", "template", "metadata", "labels"]) else { return };
    for (label, value) in &labels {
        set_default(target, label, value.as_str());
    }
    // A job without labels takes those of its template.
    if object.at(&["metadata", "labels"]).is_none()
        && let Some(copied) = object.at(&["spec", "template", "metadata", "labels"]).cloned()
        && let Some(metadata) = object_mut(object, "metadata")
    {
        metadata.insert("labels".to_owned(), copied);
    }
}

fn cron_job(object: &mut Value) {
    if let Some(spec) = object_mut(object, "spec") {
        set_all(
            spec,
            &[
                ("concurrencyPolicy", "Allow".into()),
                ("suspend", false.into()),
                ("successfulJobsHistoryLimit", 3.into()),
                ("failedJobsHistoryLimit", 1.into()),
            ],
        );
    }
    dig(object, &["spec", "jobTemplate", "metadata"]);
    if let Some(spec) =
        object.get_mut("spec").and_then(|spec| spec.get_mut("jobTemplate")?.get_mut("spec"))
    {
        pod::template(spec);
    }
    object_mut(object, "status");
}
