use std::sync::Arc;

use anyhow::{Result, ensure};
use apiserver_kinds::{IncludeObject, Kind, ListMetadata, builtin, from_crd, table};
use http::Method;
use jiff::Timestamp;
use meshroot_testkit::wait;
use serde_json::Value;

use crate::samples;
use crate::server::{Server, TABLE, collection, kind_of};

/// Headings of cells that change with the moment.
const AGES: [&str; 6] = ["Age", "Last Seen", "First Seen", "Since", "Last Schedule", "Duration"];

fn headings(table: &Value) -> Vec<(Value, Value, Value, Value)> {
    let columns = table["columnDefinitions"].as_array().unwrap();
    let facts = |column: &Value| {
        (
            column["name"].clone(),
            column["type"].clone(),
            column["format"].clone(),
            column["priority"].clone(),
        )
    };
    columns.iter().map(facts).collect()
}

/// Cells without digits where they are ages: `3s` is as good as `4s`.
fn cells(table: &Value) -> Vec<Vec<Value>> {
    let headings = headings(table);
    let age = |(at, cell): (usize, &Value)| match cell.as_str() {
        Some(text) if AGES.iter().any(|name| headings[at].0 == *name) => {
            text.chars().filter(|sign| !sign.is_ascii_digit()).collect::<String>().into()
        }
        _ => cell.clone(),
    };
    let rows = table["rows"].as_array().unwrap();
    rows.iter()
        .map(|row| row["cells"].as_array().unwrap().iter().enumerate().map(age).collect())
        .collect()
}

/// When the newest of the objects was made: a moment ago.
fn newest(items: &[Value]) -> Timestamp {
    let times = items
        .iter()
        .map(|item| item["metadata"]["creationTimestamp"].as_str().unwrap().parse().unwrap());
    times.max().unwrap_or(Timestamp::UNIX_EPOCH)
}

async fn compare(server: &Server, kind: &Kind, path: &str) -> Result<usize> {
    let real = server.send(Method::GET, &format!("{path}?includeObject=None"), TABLE, None).await?;
    let mut list = server.read(path).await?;
    let api_version = kind.api_version();
    let mut items: Vec<Value> = list["items"].as_array_mut().unwrap().drain(..).collect();
    for item in &mut items {
        item["apiVersion"] = api_version.as_str().into();
    }
    let objects: Vec<&Value> = items.iter().collect();
    let metadata = ListMetadata { resource_version: "1".to_owned(), ..ListMetadata::default() };
    let ours = table(kind, &objects, IncludeObject::None, &metadata, true, newest(&items));
    assert_eq!(headings(&ours), headings(&real), "{path}");
    assert_eq!(cells(&ours), cells(&real), "{path}");
    Ok(objects.len())
}

#[tokio::test]
async fn rows_of_built_in_kinds_are_those_of_the_real_server() -> Result<()> {
    let server = Server::connect().await?;
    server.namespace("kinds-tables").await?;
    let mut rows = 0;
    let mut compared: Vec<String> = Vec::new();
    for object in
        samples::namespaced("kinds-tables").iter().chain(&samples::cluster("kinds-tables"))
    {
        server.create(object).await?;
    }
    server.create(&samples::definition("tables.example.com")).await?;
    for object in
        samples::namespaced("kinds-tables").iter().chain(&samples::cluster("kinds-tables"))
    {
        let path = collection(object);
        if !compared.contains(&path) {
            rows += compare(&server, &kind_of(object), &path).await?;
            compared.push(path);
        }
    }
    let definitions =
        builtin().into_iter().find(|kind| &*kind.kind == "CustomResourceDefinition").unwrap();
    rows +=
        compare(&server, &definitions, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
            .await?;
    assert!(rows > 30, "{rows}");
    Ok(())
}

#[tokio::test]
async fn rows_of_a_custom_kind_follow_its_columns() -> Result<()> {
    let server = Server::connect().await?;
    let group = "columns.example.com";
    server.namespace("kinds-columns").await?;
    server.create(&samples::definition(group)).await?;
    let definition = samples::definition(group);
    let kinds: Vec<Arc<Kind>> =
        from_crd(&definition).expect("the definition is fine").into_iter().map(Arc::new).collect();
    for widget in samples::widgets(group, "kinds-columns") {
        let path = collection(&widget);
        let stored = async || {
            let sent = server.send(Method::POST, &path, "application/json", Some(&widget));
            let answer = sent.await?;
            let is_there = answer["kind"] == "Widget" || answer["reason"] == "AlreadyExists";
            ensure!(is_there, "{answer}");
            Ok(())
        };
        wait::until("widgets are stored", wait::LIMIT, stored).await?;
    }
    let path = format!("/apis/{group}/v1/namespaces/kinds-columns/widgets");
    assert_eq!(compare(&server, &kinds[0], &path).await?, 3);
    compare(&server, &kinds[1], &path.replace("/v1/", "/v1beta1/")).await?;
    Ok(())
}
