//! Defaults of pods and pod templates.

use serde_json::{Map, Value, json};

use super::{each, set_all};
use crate::reading::{Reading as _, object_mut, set_default};

pub(super) fn pod(object: &mut Value) {
    spec(object, "spec");
    for container in each(object, &["spec", "containers"]) {
        requests(container);
    }
    if let Some(spec) = object_mut(object, "spec") {
        set_default(spec, "enableServiceLinks", true);
    }
    if let Some(status) = object_mut(object, "status") {
        set_default(status, "phase", "Pending");
    }
}

/// What is limited is requested.
fn requests(container: &mut Value) {
    let Some(Value::Object(limits)) = container.at(&["resources", "limits"]).cloned() else {
        return;
    };
    if let Some(resources) = container.get_mut("resources")
        && let Some(requests) = object_mut(resources, "requests")
    {
        limits.into_iter().for_each(|(name, amount)| set_default(requests, &name, amount));
    }
}

/// Defaults of `template.spec`, and of `template.metadata`.
pub(super) fn template(owner: &mut Value) {
    let Some(template) = owner.get_mut("template") else { return };
    object_mut(template, "metadata");
    spec(template, "spec");
}

fn spec(owner: &mut Value, field: &str) {
    let Some(fields) = object_mut(owner, field) else { return };
    set_all(
        fields,
        &[
            ("dnsPolicy", "ClusterFirst".into()),
            ("restartPolicy", "Always".into()),
            ("securityContext", json!({})),
            ("terminationGracePeriodSeconds", 30.into()),
            ("schedulerName", "default-scheduler".into()),
        ],
    );
    account(fields);
    let Some(spec) = owner.get_mut(field) else { return };
    for containers in ["containers", "initContainers", "ephemeralContainers"] {
        each(spec, &[containers]).for_each(container);
    }
    each(spec, &["volumes"]).for_each(volume);
}

/// `serviceAccount` is an old name of `serviceAccountName`; both are there if one is.
fn account(spec: &mut Map<String, Value>) {
    let named =
        ["serviceAccountName", "serviceAccount"].iter().find_map(|field| spec.get(*field).cloned());
    if let Some(name) = named.filter(|name| name.as_str().is_some_and(|name| !name.is_empty())) {
        spec.insert("serviceAccountName".to_owned(), name.clone());
        spec.insert("serviceAccount".to_owned(), name);
    }
}

fn container(container: &mut Value) {
    let pull = if is_latest(container.text(&["image"])) { "Always" } else { "IfNotPresent" };
    if let Some(fields) = container.as_object_mut() {
        set_all(
            fields,
            &[
                ("imagePullPolicy", pull.into()),
                ("terminationMessagePath", "/dev/termination-log".into()),
                ("terminationMessagePolicy", "File".into()),
                ("resources", json!({})),
            ],
        );
    }
    for port in each(container, &["ports"]).filter_map(Value::as_object_mut) {
        set_default(port, "protocol", "TCP");
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        container.get_mut(name).into_iter().for_each(probe);
    }
    for hook in ["postStart", "preStop"] {
        if let Some(request) =
            container.get_mut("lifecycle").and_then(|life| life.get_mut(hook)?.get_mut("httpGet"))
        {
            http_get(request);
        }
    }
    for variable in each(container, &["env"]) {
        if let Some(field) =
            variable.get_mut("valueFrom").and_then(|from| from.get_mut("fieldRef")?.as_object_mut())
        {
            set_default(field, "apiVersion", "v1");
        }
    }
}

fn probe(probe: &mut Value) {
    let Some(fields) = probe.as_object_mut() else { return };
    for (field, value) in [
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ] {
        if fields.get(field).is_none_or(|number| number.as_i64().unwrap_or(0) == 0) {
            fields.insert(field.to_owned(), value.into());
        }
    }
    fields.get_mut("httpGet").into_iter().for_each(http_get);
}

fn http_get(request: &mut Value) {
    if let Some(fields) = request.as_object_mut() {
        set_all(fields, &[("path", "/".into()), ("scheme", "HTTP".into())]);
    }
}

/// An image without tag and digest is the latest one.
fn is_latest(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    if name.contains('@') {
        return false;
    }
    name.split_once(':').is_none_or(|(_, tag)| tag == "latest")
}

fn volume(volume: &mut Value) {
    let Some(fields) = volume.as_object_mut() else { return };
    if fields.keys().all(|field| field == "name") {
        fields.insert("emptyDir".to_owned(), json!({}));
    }
    for source in ["secret", "configMap", "downwardAPI", "projected"] {
        if let Some(source) = fields.get_mut(source).and_then(Value::as_object_mut) {
            set_default(source, "defaultMode", 0o644);
        }
    }
    if let Some(path) = fields.get_mut("hostPath").and_then(Value::as_object_mut) {
        set_default(path, "type", "");
    }
    for source in each(volume, &["projected", "sources"]) {
        if let Some(token) = source.get_mut("serviceAccountToken").and_then(Value::as_object_mut) {
            set_default(token, "expirationSeconds", 3600);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_without_tag_is_the_latest() {
        for latest in ["nginx", "nginx:latest", "registry:5000/a/b"] {
            assert!(is_latest(latest), "{latest}");
        }
        for fixed in ["nginx:1", "registry:5000/a/b:2", "nginx@sha256:00"] {
            assert!(!is_latest(fixed), "{fixed}");
        }
    }
}
