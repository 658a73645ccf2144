use anyhow::Result;
use apiserver_kinds::{builtin, openapi_document};
use serde_json::{Map, Value};

use crate::server::Server;

/// What this crate says of a field in its own tables; lists and objects of the usual kind are left out.
fn extensions(schema: &Value) -> Map<String, Value> {
    let usual = |name: &str, value: &Value| match name {
        "x-kubernetes-list-type" => value == "atomic",
        "x-kubernetes-map-type" => value == "granular",
        "x-kubernetes-patch-strategy" => value == "replace",
        // Told apart by the object that is there, so clients have no use for it.
        "x-kubernetes-unions" | "x-kubernetes-group-version-kind" => true,
        _ => !name.starts_with("x-kubernetes-"),
    };
    let fields = schema.as_object().unwrap().iter();
    fields
        .filter(|(name, value)| !usual(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// A default that is more than the empty value of its type.
fn default(schema: &Value) -> Option<&Value> {
    schema.get("default").filter(|value| value.as_str().is_some_and(|text| !text.is_empty()))
}

#[tokio::test]
async fn the_tables_of_owners_and_merges_are_complete_for_every_served_kind() -> Result<()> {
    let server = Server::connect().await?;
    let kinds = builtin();
    let mut compared = 0;
    let mut groups: Vec<&str> = kinds.iter().map(|kind| &*kind.group).collect();
    groups.dedup();
    for group in groups {
        let place = if group.is_empty() { "api/v1".to_owned() } else { format!("apis/{group}/v1") };
        let real = server.read(&format!("/openapi/v3/{place}")).await?;
        let ours = openapi_document(&kinds, group, "v1").unwrap();
        for (name, schema) in ours["components"]["schemas"].as_object().unwrap() {
            let Some(there) = real["components"]["schemas"].get(name) else {
                // What only groups without stored kinds do not have: the metadata of lists and deletions.
                assert!(name.contains(".apimachinery."), "{name}");
                continue;
            };
            let mut own = extensions(schema);
            own.remove("x-kubernetes-int-or-string");
            assert_eq!(own, extensions(there), "{name}");
            for (field, property) in there["properties"].as_object().into_iter().flatten() {
                let own = schema["properties"]
                    .get(field)
                    .unwrap_or_else(|| panic!("{name} has no {field}"));
                assert_eq!(extensions(own), extensions(property), "{name}.{field}");
                assert_eq!(default(own), default(property), "{name}.{field}");
                compared += 1;
            }
        }
    }
    assert!(compared > 1_000, "{compared}");
    Ok(())
}

#[tokio::test]
async fn every_path_of_a_document_is_one_of_the_real_server() -> Result<()> {
    let server = Server::connect().await?;
    let kinds = builtin();
    let real = server.read("/openapi/v3/api/v1").await?;
    let ours = openapi_document(&kinds, "", "v1").unwrap();
    for (path, item) in ours["paths"].as_object().unwrap() {
        let there = &real["paths"][path];
        assert!(there.is_object(), "{path}");
        for (method, operation) in
            item.as_object().unwrap().iter().filter(|(method, _)| *method != "parameters")
        {
            let other = &there[method];
            assert_eq!(
                operation["x-kubernetes-action"], other["x-kubernetes-action"],
                "{method} {path}"
            );
            if !path.ends_with("/token") && !path.ends_with("/scale") {
                let named = "x-kubernetes-group-version-kind";
                assert_eq!(operation[named], other[named], "{method} {path}");
            }
        }
    }
    Ok(())
}
