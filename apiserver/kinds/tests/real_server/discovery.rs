use std::sync::Arc;

use anyhow::{Result, ensure};
use apiserver_kinds::{Kind, aggregated, builtin, default_builtin, from_crd, group, resources};
use meshroot_testkit::wait;
use serde_json::{Value, json};

use crate::samples;
use crate::server::{AGGREGATED, Server, kind_of};

const GROUP: &str = "discovery.example.com";

/// The built-in kinds and a custom one, which the real server has too.
async fn kinds(server: &Server) -> Result<Vec<Arc<Kind>>> {
    let mut definition = samples::definition(GROUP);
    server.create(&definition).await?;
    default_builtin(&kind_of(&definition), &mut definition);
    let custom = from_crd(&definition).expect("the definition is fine");
    let kinds = builtin().into_iter().chain(custom.into_iter().map(Arc::new)).collect();
    // Discovery follows a new definition after a moment.
    let served = async || {
        let served = server.send(http::Method::GET, "/apis", AGGREGATED, None).await?;
        let mut groups = served["items"].as_array().unwrap().iter();
        ensure!(groups.any(|group| group["metadata"]["name"] == GROUP), "not yet");
        Ok(())
    };
    wait::until("the group is served", wait::LIMIT, served).await?;
    Ok(kinds)
}

fn named<'a>(list: &'a Value, field: &str, name: &Value) -> Option<&'a Value> {
    list.as_array()?.iter().find(|entry| &entry[field] == name)
}

#[tokio::test]
async fn every_resource_is_listed_as_the_real_server_lists_it() -> Result<()> {
    let server = Server::connect().await?;
    let kinds = kinds(&server).await?;
    let mut compared = 0;
    let mut versions: Vec<(Arc<str>, Arc<str>)> =
        kinds.iter().map(|kind| (Arc::clone(&kind.group), Arc::clone(&kind.version))).collect();
    versions.dedup();
    for (group, version) in versions {
        let path = if group.is_empty() {
            format!("/api/{version}")
        } else {
            format!("/apis/{group}/{version}")
        };
        let real = server.read(&path).await?;
        let ours = resources(&kinds, &group, &version).unwrap();
        assert_eq!(ours["groupVersion"], real["groupVersion"]);
        assert_eq!(ours["apiVersion"], real["apiVersion"], "{path}");
        for entry in ours["resources"].as_array().unwrap() {
            assert_eq!(Some(entry), named(&real["resources"], "name", &entry["name"]), "{path}");
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
    Ok(())
}

#[tokio::test]
async fn the_aggregated_document_is_the_same_for_what_is_served() -> Result<()> {
    let server = Server::connect().await?;
    let kinds = kinds(&server).await?;
    for (path, core) in [("/api", true), ("/apis", false)] {
        let real = server.send(http::Method::GET, path, AGGREGATED, None).await?;
        let ours = aggregated(&kinds, core).value;
        for item in ours["items"].as_array().unwrap() {
            let other = named(&real["items"], "metadata", &item["metadata"])
                .unwrap_or_else(|| panic!("{item}"));
            for version in item["versions"].as_array().unwrap() {
                let there = named(&other["versions"], "version", &version["version"]).unwrap();
                assert_eq!(version["freshness"], there["freshness"]);
                for resource in version["resources"].as_array().unwrap() {
                    let mut there = named(&there["resources"], "resource", &resource["resource"])
                        .unwrap()
                        .clone();
                    only_served(resource, &mut there);
                    assert_eq!(resource, &there, "{path}");
                }
            }
        }
    }
    Ok(())
}

/// Drops subresources that this server does not have: those that need something that runs.
fn only_served(ours: &Value, real: &mut Value) {
    let served = ours["subresources"].as_array().cloned().unwrap_or_default();
    if let Some(parts) = real.get_mut("subresources").and_then(Value::as_array_mut) {
        parts.retain(|part| served.iter().any(|own| own["subresource"] == part["subresource"]));
    }
    if real["subresources"] == json!([]) {
        real.as_object_mut().unwrap().remove("subresources");
    }
}

#[tokio::test]
async fn a_group_prefers_the_version_that_the_real_server_prefers() -> Result<()> {
    let server = Server::connect().await?;
    let kinds = kinds(&server).await?;
    for name in [GROUP, "apps", "events.k8s.io"] {
        assert_eq!(group(&kinds, name).unwrap(), server.read(&format!("/apis/{name}")).await?);
    }
    Ok(())
}
