mod cases;

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use apiserver_kinds::{default_builtin, validate_builtin, validate_metadata};
use apiserver_object::FieldError;
use meshroot_testkit::wait;
use serde_json::Value;

use self::cases::{
    access_cases, admission_cases, change_cases, core_cases, definition_cases, event_cases,
    metadata_cases, mutation_cases, workload_cases,
};
use crate::samples;
use crate::server::{Server, collection, kind_of};

const NAMESPACE: &str = "kinds-validation";

/// Field and reason of each cause.
type Causes = BTreeSet<(String, String)>;

fn causes(status: &Value) -> Causes {
    let text = |cause: &Value, field: &str| cause[field].as_str().unwrap_or_default().to_owned();
    let list = status["details"]["causes"].as_array();
    list.into_iter().flatten().map(|cause| (text(cause, "field"), text(cause, "reason"))).collect()
}

fn reasons(faults: &[FieldError]) -> Causes {
    // The server's word for an empty path.
    let place = |field: &str| if field.is_empty() { "[]".to_owned() } else { field.to_owned() };
    faults.iter().map(|fault| (place(&fault.field), fault.reason().to_owned())).collect()
}

fn judge(object: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let kind = kind_of(object);
    let mut object = object.clone();
    default_builtin(&kind, &mut object);
    let mut faults = validate_metadata(&object, old, kind.namespaced, kind.name_rule);
    faults.extend(validate_builtin(&kind, &object, old));
    faults
}

fn with(base: &Value, changes: &[(&str, Value)]) -> Value {
    let mut object = base.clone();
    for (pointer, value) in changes {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        match object.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}")) {
            Value::Object(fields) => drop(fields.insert(field.to_owned(), value.clone())),
            Value::Array(entries) => entries[field.parse::<usize>().unwrap()] = value.clone(),
            other => panic!("{pointer}: {other}"),
        }
    }
    object
}

fn sample(kind: &str) -> Value {
    let mut all = samples::namespaced(NAMESPACE);
    all.extend(samples::cluster("kinds-validation"));
    all.push(samples::definition("validation.example.com"));
    all.into_iter().find(|object| object["kind"] == kind).unwrap()
}

#[tokio::test]
async fn new_objects_are_refused_for_the_reasons_of_the_real_server() -> Result<()> {
    let server = Server::connect().await?;
    server.namespace(NAMESPACE).await?;
    let all = [
        metadata_cases(),
        core_cases(),
        event_cases(),
        access_cases(),
        admission_cases(),
        mutation_cases(),
        workload_cases(),
        definition_cases(),
    ]
    .concat();
    assert!(all.len() > 80, "{}", all.len());
    let mut differences = Vec::new();
    for object in &all {
        let real = server.try_create(object).await?;
        let (ours, theirs) = (judge(object, None), causes(&real));
        if reasons(&ours) != theirs {
            let said: Vec<String> = ours.iter().map(ToString::to_string).collect();
            differences.push(format!(
                "{}\n  ours: {said:#?}\n  real: {}",
                short(object),
                short(&real)
            ));
        } else if words(&ours) != real_words(&real) {
            differences.push(format!("{:#?}\n  real: {:#?}", words(&ours), real_words(&real)));
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {}:\n{}",
        differences.len(),
        all.len(),
        differences.join("\n")
    );
    Ok(())
}

/// What is said, but for objects as they are inside the real server and for the errors of its JSON reader.
fn comparable(said: &str) -> bool {
    !["value: {", "value: [{", "redacted"].iter().any(|inner| said.contains(inner))
}

/// What is said of each cause.
fn words(faults: &[FieldError]) -> BTreeSet<String> {
    faults.iter().map(FieldError::body).filter(|said| comparable(said)).collect()
}

fn real_words(status: &Value) -> BTreeSet<String> {
    let list = status["details"]["causes"].as_array();
    let said =
        list.into_iter().flatten().map(|cause| cause["message"].as_str().unwrap_or_default());
    said.filter(|said| comparable(said)).map(str::to_owned).collect()
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    text.chars().take(1_500).collect()
}

#[tokio::test]
async fn changes_are_refused_for_the_reasons_of_the_real_server() -> Result<()> {
    let server = Server::connect().await?;
    server.namespace(NAMESPACE).await?;
    let mut differences = Vec::new();
    for (object, changes) in change_cases() {
        server.create(&object).await?;
        let path =
            format!("{}/{}", collection(&object), object["metadata"]["name"].as_str().unwrap());
        let settled = async || {
            let old = server.read(&path).await?;
            let established = old["status"]["conditions"][1]["status"] == "True";
            ensure!(established || object["kind"] != "CustomResourceDefinition", "{old}");
            Ok(old)
        };
        let old = wait::until("the definition is established", wait::LIMIT, settled).await?;
        let new = with(&old, &changes);
        let url = format!("{path}?dryRun=All");
        let real = server.send(http::Method::PUT, &url, "application/json", Some(&new)).await?;
        let ours = judge(&new, Some(&old));
        if reasons(&ours) != causes(&real) {
            let said: Vec<String> = ours.iter().map(ToString::to_string).collect();
            differences.push(format!(
                "{}\n  ours: {said:#?}\n  real: {}",
                short(&new),
                short(&real)
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}
