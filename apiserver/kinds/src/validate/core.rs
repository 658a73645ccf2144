//! Rules of Secrets, ConfigMaps, Namespaces, Services and Leases.

use apiserver_object::{FieldError, names};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::metadata::immutable;
use crate::names::{config_key, port_name};
use crate::reading::Reading;
use crate::values::decoded_length;

/// Most bytes in all values of a Secret or ConfigMap.
const SIZE: usize = 1024 * 1024;
const ACCOUNT: &str = "kubernetes.io/service-account.name";
const FIXED: &str = "field is immutable when `immutable` is set";

pub(super) fn secret(object: &Value, old: Option<&Value>, faults: &mut Vec<FieldError>) {
    if let Some(old) = old {
        faults.extend(immutable("type", object.at(&["type"]), old.at(&["type"])));
        fixed(object, old, &["data"], faults);
    }
    let mut size = 0;
    for (key, value) in object.fields(&["data"]).into_iter().flatten() {
        data_key("data", key, faults);
        size += decoded_length(value.as_str().unwrap_or_default());
    }
    if size > SIZE {
        faults.push(FieldError::too_long("data", SIZE));
    }
    secret_type(object, faults);
}

fn secret_type(object: &Value, faults: &mut Vec<FieldError>) {
    let has = |key: &str| object.fields(&["data"]).is_some_and(|data| data.contains_key(key));
    let mut need = |key: &str| faults.push(FieldError::required(format!("data[{key}]"), ""));
    match object.text(&["type"]) {
        "kubernetes.io/service-account-token"
            if object.text(&["metadata", "annotations", ACCOUNT]).is_empty() =>
        {
            faults.push(FieldError::required(format!("metadata.annotations[{ACCOUNT}]"), ""));
        }
        "kubernetes.io/dockercfg" => docker_config(object, ".dockercfg", faults),
        "kubernetes.io/dockerconfigjson" => docker_config(object, ".dockerconfigjson", faults),
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => {
            need("username");
            need("password");
        }
        "kubernetes.io/ssh-auth" if object.text(&["data", "ssh-privatekey"]).is_empty() => {
            need("ssh-privatekey");
        }
        "kubernetes.io/tls" => {
            ["tls.crt", "tls.key"].into_iter().filter(|key| !has(key)).for_each(need);
        }
        _ => {}
    }
}

fn docker_config(object: &Value, key: &str, faults: &mut Vec<FieldError>) {
    let place = format!("data[{key}]");
    let Some(text) = object.at(&["data", key]).and_then(Value::as_str) else {
        faults.push(FieldError::required(&place, ""));
        return;
    };
    let decoded = STANDARD.decode(text).unwrap_or_default();
    if serde_json::from_slice::<serde_json::Map<String, Value>>(&decoded).is_err() {
        faults.push(FieldError::invalid(
            &place,
            "<secret contents redacted>",
            "must be a JSON object",
        ));
    }
}

/// An object that was declared immutable stays so, and with it what it holds.
fn fixed(object: &Value, old: &Value, held: &[&str], faults: &mut Vec<FieldError>) {
    if !old.flag(&["immutable"]) {
        return;
    }
    if !object.flag(&["immutable"]) {
        faults.push(FieldError::forbidden("immutable", FIXED));
    }
    for field in held.iter().filter(|field| object.at(&[field]) != old.at(&[field])) {
        faults.push(FieldError::forbidden(*field, FIXED));
    }
}

pub(super) fn config_map(object: &Value, old: Option<&Value>, faults: &mut Vec<FieldError>) {
    if let Some(old) = old {
        fixed(object, old, &["data", "binaryData"], faults);
    }
    let mut size = 0;
    let binary = object.fields(&["binaryData"]);
    for (key, value) in object.fields(&["data"]).into_iter().flatten() {
        data_key("data", key, faults);
        if binary.is_some_and(|binary| binary.contains_key(key)) {
            faults.push(FieldError::invalid(
                format!("data[{key}]"),
                key.as_str(),
                "duplicate of key present in binaryData",
            ));
        }
        size += value.as_str().map_or(0, str::len);
    }
    for (key, value) in binary.into_iter().flatten() {
        data_key("binaryData", key, faults);
        size += decoded_length(value.as_str().unwrap_or_default());
    }
    if size > SIZE {
        // So the real server writes a path without a name.
        faults.push(FieldError::too_long("[]", SIZE));
    }
}

fn data_key(field: &str, key: &str, faults: &mut Vec<FieldError>) {
    let wrong = config_key(key);
    faults.extend(
        wrong.into_iter().map(|detail| FieldError::invalid(format!("{field}[{key}]"), key, detail)),
    );
}

/// A finalizer without a domain is one of those that Kubernetes knows.
fn finalizer_fault(finalizer: &str, field: &str) -> Option<FieldError> {
    let known = finalizer.contains('/')
        || matches!(finalizer, "kubernetes" | "orphan" | "foregroundDeletion");
    let detail = "name is neither a standard finalizer name nor is it fully qualified";
    (!known).then(|| FieldError::invalid(field, finalizer, detail))
}

/// Checks the finalizers of kinds that take no free names.
pub(super) fn finalizers(object: &Value, faults: &mut Vec<FieldError>) {
    for (at, finalizer) in object.texts(&["metadata", "finalizers"]).into_iter().enumerate() {
        faults.extend(finalizer_fault(finalizer, &format!("metadata.finalizers[{at}]")));
    }
}

pub(super) fn namespace(object: &Value, faults: &mut Vec<FieldError>) {
    for finalizer in object.texts(&["spec", "finalizers"]) {
        let wrong = names::label_key(finalizer);
        faults.extend(
            wrong
                .into_iter()
                .map(|detail| FieldError::invalid("spec.finalizers", finalizer, detail)),
        );
        faults.extend(finalizer_fault(finalizer, "spec.finalizers"));
    }
}

pub(super) fn lease(object: &Value, faults: &mut Vec<FieldError>) {
    let spec = object.at(&["spec"]).unwrap_or(&Value::Null);
    if let Some(seconds) = spec.integer(&["leaseDurationSeconds"]).filter(|&seconds| seconds <= 0) {
        faults.push(FieldError::invalid(
            "spec.leaseDurationSeconds",
            seconds,
            "must be greater than 0",
        ));
    }
    if let Some(count) = spec.integer(&["leaseTransitions"]).filter(|&count| count < 0) {
        faults.push(FieldError::invalid(
            "spec.leaseTransitions",
            count,
            "must be greater than or equal to 0",
        ));
    }
}

pub(super) fn service(object: &Value, faults: &mut Vec<FieldError>) {
    let spec = object.at(&["spec"]).unwrap_or(&Value::Null);
    let ports = spec.entries(&["ports"]);
    let kind = spec.text(&["type"]);
    if ports.is_empty() && kind != "ExternalName" && spec.text(&["clusterIP"]) != "None" {
        faults.push(FieldError::required("spec.ports", ""));
    }
    if kind == "ExternalName" && spec.text(&["externalName"]).is_empty() {
        faults.push(FieldError::required("spec.externalName", ""));
    }
    if !matches!(kind, "ClusterIP" | "ExternalName" | "NodePort" | "LoadBalancer") {
        let kinds = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
        faults.push(FieldError::not_supported("spec.type", kind, &kinds));
    }
    let mut seen: Vec<&str> = Vec::new();
    for (at, port) in ports.iter().enumerate() {
        let place = format!("spec.ports[{at}]");
        let name = port.text(&["name"]);
        if name.is_empty() && ports.len() > 1 {
            faults.push(FieldError::required(format!("{place}.name"), ""));
        } else if !name.is_empty() {
            let wrong = names::label(name);
            faults.extend(
                wrong
                    .into_iter()
                    .map(|detail| FieldError::invalid(format!("{place}.name"), name, detail)),
            );
            if seen.contains(&name) {
                faults.push(FieldError::duplicate(format!("{place}.name"), name));
            }
            seen.push(name);
        }
        service_port(port, &place, faults);
    }
    faults.extend(names::labels(&spec["selector"], "spec.selector"));
}

fn service_port(port: &Value, place: &str, faults: &mut Vec<FieldError>) {
    let number = port.integer(&["port"]).unwrap_or(0);
    if !(1..=65_535).contains(&number) {
        faults.push(FieldError::invalid(
            format!("{place}.port"),
            number,
            "must be between 1 and 65535, inclusive",
        ));
    }
    let protocol = port.text(&["protocol"]);
    if !matches!(protocol, "TCP" | "UDP" | "SCTP") {
        faults.push(FieldError::not_supported(
            format!("{place}.protocol"),
            protocol,
            &["SCTP", "TCP", "UDP"],
        ));
    }
    if let Some(target) =
        port.integer(&["targetPort"]).filter(|target| !(1..=65_535).contains(target))
    {
        faults.push(FieldError::invalid(
            format!("{place}.targetPort"),
            target,
            "must be between 1 and 65535, inclusive",
        ));
    }
    if let Some(name) = port.at(&["targetPort"]).and_then(Value::as_str) {
        let place = format!("{place}.targetPort");
        let wrong = port_name(name).into_iter();
        faults.extend(wrong.map(|detail| FieldError::invalid(&place, name, detail)));
    }
}
