//! No right is wider than what the run used it for.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use meshroot_testkit::{ApiServer, Fleet};
use serde_json::Value;

/// Rights that a run does not use, and what for they are there.
const UNUSED: &[(&str, &str)] = &[
    (
        "agent on the hub: create virtualmeshcertificatesigningrequests.security.zephyr.solo.io",
        "a certificate that is due: the run has a renewal by `meshroot renew`",
    ),
    ("agent on the hub: update meshes.discovery.zephyr.solo.io", "a mesh whose identity changes"),
    ("agent on the hub: patch events.events.k8s.io", "an event that repeats"),
    ("agent: patch events.events.k8s.io", "an event that repeats"),
    ("hub: patch events.events.k8s.io", "an event that repeats"),
    ("hub: create rootrotations.meshroot.dev", "a root whose turn has come, after years"),
    (
        "hub: update rootrotations/status.meshroot.dev",
        "a rotation: those have a scenario of their own",
    ),
];

/// Compares the rights that roles give to hub and agents with what the audit logs of the whole run show; how many there
/// are. An API server that writes no audit log is left out.
pub(crate) fn check(fleet: &Fleet) -> Result<usize> {
    let clusters = fleet.clusters.iter().map(|cluster| (cluster.name.as_str(), &cluster.api));
    let (mut granted, mut used) = (BTreeSet::new(), BTreeSet::new());
    for (context, api) in std::iter::once(("hub", &fleet.hub)).chain(clusters) {
        let Some(log) = api.audit_log() else { continue };
        used.extend(log.lines().filter_map(used_right));
        granted.extend(granted_rights(fleet, context, api)?);
    }
    ensure!(!granted.is_empty(), "no right was found at all: the check looks in the wrong place");
    let is_explained = |right: &str| UNUSED.iter().any(|(unused, _)| *unused == right);
    // Who updates objects may as well patch them, and who lists them may as well get one: no more can be done or seen.
    let same_as = |right: &str| {
        let other = right.replacen(": patch ", ": update ", 1).replacen(": get ", ": list ", 1);
        used.contains(&other) || is_explained(&other)
    };
    let unused: Vec<&String> =
        granted.difference(&used).filter(|right| !is_explained(right) && !same_as(right)).collect();
    ensure!(unused.is_empty(), "rights that nothing used:\n  {}", joined(&unused));
    Ok(granted.len())
}

fn joined(rights: &[&String]) -> String {
    rights.iter().map(|right| right.as_str()).collect::<Vec<_>>().join("\n  ")
}

/// `agent: update secrets`, by an event of the audit log.
fn used_right(line: &str) -> Option<String> {
    let event: Value = serde_json::from_str(line).ok()?;
    let who = account(event["user"]["username"].as_str()?)?;
    let about = &event["objectRef"];
    let (group, resource) =
        (about["apiGroup"].as_str().unwrap_or_default(), about["resource"].as_str()?);
    let subresource = about["subresource"].as_str().map(|name| format!("/{name}"));
    let resource = format!("{resource}{}", subresource.unwrap_or_default());
    Some(right(who, group, &resource, event["verb"].as_str()?))
}

fn right(who: &str, group: &str, resource: &str, verb: &str) -> String {
    let group = if group.is_empty() { String::new() } else { format!(".{group}") };
    format!("{who}: {verb} {resource}{group}")
}

/// Hub, agent in its own cluster, agent on the hub.
fn account(user: &str) -> Option<&'static str> {
    let (namespace, name) = user.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    match (namespace, name) {
        ("meshroot-system", "meshroot-hub") => Some("hub"),
        ("meshroot-agent", "meshroot-agent") => Some("agent"),
        (_, "meshroot-agent") => Some("agent on the hub"),
        _ => None,
    }
}

fn granted_rights(fleet: &Fleet, context: &str, api: &ApiServer) -> Result<BTreeSet<String>> {
    let kinds = "roles,clusterroles,rolebindings,clusterrolebindings";
    let all = fleet.kubectl(context, &["get", kinds, "-A", "-o", "json"], None)?;
    let all: Value = serde_json::from_str(&all)?;
    let all = all["items"].as_array().context("a list")?;
    let role_of = |binding: &Value| {
        let reference = &binding["roleRef"];
        let is_it = |role: &&Value| {
            role["kind"] == reference["kind"]
                && role["metadata"]["name"] == reference["name"]
                && (role["kind"] == "ClusterRole"
                    || role["metadata"]["namespace"] == binding["metadata"]["namespace"])
        };
        all.iter().find(is_it)
    };
    let mut granted = BTreeSet::new();
    for binding in all.iter().filter(|object| object["roleRef"].is_object()) {
        for subject in texts_of(&binding["subjects"], |subject| {
            Some(format!(
                "system:serviceaccount:{}:{}",
                subject["namespace"].as_str()?,
                subject["name"].as_str()?
            ))
        }) {
            let Some(who) = account(&subject) else { continue };
            let role = role_of(binding).with_context(|| format!("{}: {binding}", api.name()))?;
            granted.extend(rights_of(who, role));
        }
    }
    Ok(granted)
}

fn rights_of(who: &str, role: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut all = Vec::new();
    for rule in role["rules"].as_array().into_iter().flatten() {
        for group in texts_of(&rule["apiGroups"], text) {
            for resource in texts_of(&rule["resources"], text) {
                let verbs = texts_of(&rule["verbs"], text);
                all.extend(verbs.iter().map(|verb| right(who, &group, &resource, verb)));
            }
        }
    }
    all
}

fn texts_of(list: &Value, text: impl Fn(&Value) -> Option<String>) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(text).collect()
}
