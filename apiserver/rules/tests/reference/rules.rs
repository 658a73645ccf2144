//! Rules of one CustomResourceDefinition, whose fields are the cases.

use apiserver_rules::CompiledRules;
use meshroot_testkit::wait;
use serde_json::{Value, json};

use crate::rule_cases::{Case, all};
use crate::schema::read;
use crate::server::{client, must, send};

const PATH: &str = "/apis/cases.meshroot.dev/v1/namespaces/default/cases";

fn definition(cases: &[Case]) -> Value {
    let properties: serde_json::Map<String, Value> =
        cases.iter().map(|case| (case.name.to_owned(), case.schema.clone())).collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "cases.cases.meshroot.dev" },
        "spec": { "group": "cases.meshroot.dev", "scope": "Namespaced",
            "names": { "plural": "cases", "singular": "case", "kind": "Case", "listKind": "CaseList" },
            "versions": [{ "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": { "type": "object", "properties": properties } } }] },
    })
}

/// What the server says: field, reason and message of each cause, in the order of the rules of a field.
fn said(answer: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let causes = answer["details"]["causes"].as_array().cloned().unwrap_or_default();
    let mut said: Vec<_> = causes
        .iter()
        .map(|cause| (text(&cause["field"]), text(&cause["reason"]), text(&cause["message"])))
        .collect();
    said.sort();
    said
}

fn ours(
    rules: &CompiledRules,
    object: &Value,
    old: Option<&Value>,
) -> Vec<(String, String, String)> {
    let faults = rules.evaluate(object, old);
    let mut said: Vec<_> = faults
        .iter()
        .map(|fault| (fault.field.clone(), fault.reason().to_owned(), fault.body()))
        .collect();
    said.sort();
    said
}

#[tokio::test]
async fn rules_say_what_they_say_on_a_real_server() {
    let client = client().await;
    let cases = all();
    let definition = definition(&cases);
    let rules = read(&definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
    let rules =
        CompiledRules::compile(&rules, "schema").unwrap_or_else(|faults| panic!("{faults:#?}"));
    let definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    send(&client, "DELETE", &format!("{definitions}/cases.cases.meshroot.dev"), None).await;
    until(201, async || send(&client, "POST", definitions, Some(&definition)).await).await;
    until(200, async || send(&client, "GET", PATH, None).await).await;
    let mut differences = Vec::new();
    for case in &cases {
        differences.extend(compare(&client, &rules, case).await);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

async fn until(code: u16, ask: impl AsyncFn() -> (u16, Value)) {
    let attempt = async || {
        let (status, answer) = ask().await;
        anyhow::ensure!(status == code, "{status} {answer}");
        Ok(())
    };
    wait::until("the definition is served", wait::LIMIT, attempt).await.unwrap();
}

/// Creates the first value that is allowed and updates it with the others; each outcome must be the same.
async fn compare(client: &kube::Client, rules: &CompiledRules, case: &Case) -> Vec<String> {
    let mut stored: Option<Value> = None;
    let mut differences = Vec::new();
    for value in &case.values {
        let mut object = json!({ "apiVersion": "cases.meshroot.dev/v1", "kind": "Case",
            "metadata": { "name": case.name.to_lowercase() }, case.name: value });
        let (status, answer) = match &stored {
            None => send(client, "POST", PATH, Some(&object)).await,
            Some(stored) => {
                object["metadata"]["resourceVersion"] =
                    stored["metadata"]["resourceVersion"].clone();
                send(client, "PUT", &format!("{PATH}/{}", case.name), Some(&object)).await
            }
        };
        let (real, own) = (said(&answer), ours(rules, &object, stored.as_ref()));
        if real != own || (status < 300) != own.is_empty() {
            differences.push(format!(
                "{} {value} {status} {}\n  real {real:#?}\n  ours {own:#?}",
                case.name, answer["message"]
            ));
        }
        if status < 300 {
            stored = Some(answer);
        }
    }
    must(client, "DELETE", PATH, None).await;
    differences
}
