//! No private key in a log, event, status, metric or object of the hub.

use anyhow::{Result, ensure};
use meshroot_testkit::Fleet;
use serde_json::Value;

const KINDS: &str = "vmcsr,meshes,meshtrusts,issuancerecords,trustpolicies,virtualmeshes,kubernetesclusters,events,leases,configmaps";

/// Looks for every private key of the fleet in everything that others can read.
pub(crate) fn check(fleet: &Fleet) -> Result<usize> {
    let mut keys = Vec::new();
    for context in
        std::iter::once("hub").chain(fleet.clusters.iter().map(|cluster| cluster.name.as_str()))
    {
        let secrets: Value = serde_json::from_str(&fleet.kubectl(
            context,
            &["get", "secrets", "-A", "-o", "json"],
            None,
        )?)?;
        collect(&secrets, &mut keys)?;
    }
    ensure!(
        !keys.is_empty(),
        "no private key was found at all: the check looks in the wrong place"
    );
    for (place, text) in readable(fleet)? {
        ensure!(!text.contains("PRIVATE KEY"), "{place} holds a private key");
        for key in &keys {
            ensure!(!text.contains(key.as_str()), "{place} holds a part of a private key");
        }
    }
    Ok(keys.len())
}

fn readable(fleet: &Fleet) -> Result<Vec<(String, String)>> {
    let mut all = vec![(
        "the hub's API".to_owned(),
        fleet.kubectl("hub", &["get", KINDS, "-A", "-o", "json"], None)?,
    )];
    for cluster in &fleet.clusters {
        let events = fleet.kubectl(
            &cluster.name,
            &["get", "events,configmaps", "-A", "-o", "json"],
            None,
        )?;
        all.push((format!("the API of {}", cluster.name), events));
        all.extend(
            cluster
                .agent
                .iter()
                .map(|agent| (format!("the log of the agent of {}", cluster.name), agent.logs())),
        );
    }
    all.extend(fleet.hub_process.iter().map(|hub| ("the hub's log".to_owned(), hub.logs())));
    Ok(all)
}

/// The last full line of each key's PEM (in it the secret part), and the same once more in base64.
fn collect(secrets: &Value, keys: &mut Vec<String>) -> Result<()> {
    for secret in secrets["items"].as_array().into_iter().flatten() {
        for (file, value) in secret["data"].as_object().into_iter().flatten() {
            if !file.ends_with("key.pem") {
                continue;
            }
            let encoded = value.as_str().unwrap_or_default();
            let pem = String::from_utf8(base64::Engine::decode(
                &base64::prelude::BASE64_STANDARD,
                encoded,
            )?)?;
            let body: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
            keys.extend(
                body.iter().skip(1).max_by_key(|line| line.len()).map(|line| (*line).to_owned()),
            );
            keys.extend(encoded.get(80..140).map(str::to_owned));
        }
    }
    Ok(())
}
