//! Requests that are small and cost much: schemas, patterns, rules.

use serde_json::{Value, json};

use crate::harness::Bystander;
use crate::process::Process;

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const THINGS: &str = "/apis/example.com/v1/things";

fn definition(schema: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": "things.example.com" },
        "spec": {
            "group": "example.com", "scope": "Cluster",
            "names": { "plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": schema } }],
        },
    })
}

fn with_spec(spec: &Value) -> Value {
    json!({ "type": "object", "properties": { "spec": spec } })
}

fn thing(spec: &Value) -> Value {
    json!({ "apiVersion": "example.com/v1", "kind": "Thing", "metadata": { "name": "a" }, "spec": spec })
}

#[tokio::test]
async fn definitions_that_are_too_much_are_refused_or_served() {
    let server = Process::start().await;
    let bystander = Bystander::begin(&server.target).await;
    let mut deep = json!({ "type": "string" });
    for _ in 0..50 {
        deep = json!({ "type": "object", "properties": { "a": deep } });
    }
    let many: serde_json::Map<_, _> = (0..5_000)
        .map(|number| {
            (format!("field{number}"), json!({ "type": "string", "pattern": "^[a-z]+$" }))
        })
        .collect();
    let cases = [
        ("50 levels", with_spec(&deep), &[201, 400][..]),
        (
            "5,000 fields with a pattern each",
            with_spec(&json!({ "type": "object", "properties": many })),
            &[201, 413, 422],
        ),
        ("a reference", with_spec(&json!({ "$ref": "#" })), &[422]),
        (
            "a pattern that explodes",
            with_spec(&json!({ "type": "string", "pattern": "((((a{1000}){1000}){1000}){1000})" })),
            &[422],
        ),
        (
            "a pattern of wide classes",
            with_spec(&json!({ "type": "string", "pattern": "(\\p{L}{500}){500}" })),
            &[422],
        ),
        (
            "a pattern of 1 MiB",
            with_spec(&json!({ "type": "string", "pattern": "(".repeat(1024 * 1024) })),
            &[422],
        ),
        (
            "10,000 choices",
            with_spec(
                &json!({ "type": "object", "anyOf": vec![json!({ "required": ["a"] }); 10_000] }),
            ),
            &[201, 422],
        ),
    ];
    let mut problems = Vec::new();
    for (what, schema, codes) in cases {
        let start = std::time::Instant::now();
        let answer = server.target.json("POST", DEFINITIONS, &definition(&schema)).await;
        println!("{what}: {} after {:?}", answer.code, start.elapsed());
        if !codes.contains(&answer.code) || answer.code != 201 && answer.json()["kind"] != "Status"
        {
            problems.push(format!("{what}: {answer}"));
        }
        server
            .target
            .request("DELETE", &format!("{DEFINITIONS}/things.example.com"), &[], b"")
            .await;
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    bystander.assert_unharmed("definitions").await;
}

async fn served(schema: Value) -> Process {
    let server = Process::start().await;
    server
        .target
        .json("POST", DEFINITIONS, &definition(&schema))
        .await
        .assert_code("definition", 201);
    for _ in 0..100 {
        if server.target.get(THINGS).await.code == 200 {
            return server;
        }
    }
    panic!("the kind is not served");
}

#[tokio::test]
async fn a_pattern_that_backtracks_elsewhere_costs_nothing_here() {
    let server =
        served(with_spec(&json!({ "type": "string", "pattern": "^(a+)+(b+)*((c|cc)+)+$" }))).await;
    let bystander = Bystander::begin(&server.target).await;
    let answer = server
        .target
        .json("POST", THINGS, &thing(&json!(format!("{}!", "a".repeat(1024 * 1024)))))
        .await;
    answer.assert_failure("1 MiB that almost matches", 422, "Invalid");
    bystander.assert_unharmed("pattern").await;
}

#[tokio::test]
async fn a_rule_that_loops_over_large_lists_is_stopped() {
    let rules = json!([{ "rule": "self.all(x, self.all(y, self.all(z, x + y + z >= 0)))", "message": "no" }]);
    let list = json!({ "type": "array", "maxItems": 3000, "items": { "type": "integer" }, "x-kubernetes-validations": rules });
    let server = Process::start().await;
    let created = server.target.json("POST", DEFINITIONS, &definition(&with_spec(&list))).await;
    if created.code == 422 {
        created.assert_failure("the rule's cost is estimated", 422, "Invalid");
        return;
    }
    created.assert_code("definition", 201);
    let bystander = Bystander::begin(&server.target).await;
    // As many as the server has threads, and more.
    let attacks = (0..3).map(|number| {
        let target = server.target.clone();
        async move {
            let start = std::time::Instant::now();
            let mut object = thing(&(0..3000).collect());
            object["metadata"]["name"] = format!("a{number}").into();
            let answer = target.json("POST", THINGS, &object).await;
            println!("a rule of 27,000,000,000 steps: {} after {:?}", answer.code, start.elapsed());
            answer.assert_failure("27,000,000,000 steps", 422, "Invalid");
        }
    });
    futures::future::join_all(attacks).await;
    bystander.assert_unharmed("rules").await;
}

#[tokio::test]
async fn a_policy_that_loops_is_stopped() {
    let server = Process::start().await;
    let policies = "/apis/admissionregistration.k8s.io/v1";
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": { "name": "loop" },
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": { "resourceRules": [{ "apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"] }] },
            "validations": [{ "expression": "object.data.all(x, object.data.all(y, object.data.all(z, x + y + z != 'q')))" }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": { "name": "loop" },
        "spec": { "policyName": "loop", "validationActions": ["Deny"] },
    });
    server
        .target
        .json("POST", &format!("{policies}/validatingadmissionpolicies"), &policy)
        .await
        .assert_code("policy", 201);
    server
        .target
        .json("POST", &format!("{policies}/validatingadmissionpolicybindings"), &binding)
        .await
        .assert_code("binding", 201);
    let bystander = Bystander::begin(&server.target).await;
    let mut object = crate::harness::config_map("a", "b");
    for number in 0..5000 {
        object["data"][format!("k{number}")] = "v".into();
    }
    let answer = server.target.json("POST", crate::harness::CONFIG_MAPS, &object).await;
    answer.assert_failure("125,000,000,000 steps", 422, "Invalid");
    bystander.assert_unharmed("policy").await;
}
