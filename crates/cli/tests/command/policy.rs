//! `meshroot policy`.

use std::path::PathBuf;

use meshroot_api::record::IssuanceRecordSpec;
use serde_json::{Value, json};

use crate::program::{has, run, run_with_input};
use crate::stage::{file, hub, kubectl};

const EXAMPLES: [&str; 4] = ["renewals", "maintenance-window", "namespaces", "growing-hosts"];

fn example(name: &str) -> String {
    let path = format!("{}/../../docs/approval-rules/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    PathBuf::from(path).to_str().unwrap().to_owned()
}

fn policy(rules: &Value) -> String {
    json!({
        "apiVersion": "meshroot.dev/v1alpha1", "kind": "TrustPolicy", "metadata": { "name": "demo" },
        "spec": { "virtualMeshRef": { "name": "demo" }, "approval": { "rules": rules } },
    })
    .to_string()
}

#[test]
fn each_example_that_ships_does_what_its_cases_say() {
    for name in EXAMPLES {
        let (rules, cases) = (example(name), example(&format!("{name}.cases")));
        let told = run(None, &["policy", "test", "-f", &rules, "-f", &cases]).yes();
        assert!(!told.contains("EXPECTED") && told.contains(" by "), "{told}");
    }
}

#[tokio::test]
async fn each_example_that_ships_is_taken_by_the_api_server() {
    let hub = hub().await;
    for name in EXAMPLES {
        let yaml = std::fs::read(example(name)).unwrap();
        let arguments = ["apply", "--dry-run=server", "-f", "-"];
        has(
            &kubectl(hub.kubeconfig(), &arguments, &yaml).yes(),
            &["trustpolicy.meshroot.dev/demo"],
        );
    }
}

#[test]
fn a_case_shows_each_rule_that_was_asked_and_which_one_decided() {
    let rules = policy(&json!([
        { "name": "first", "when": "renewal", "then": "Approve" },
        { "name": "second", "when": "certificate.pathLen > 0", "then": "Ask", "message": "deep" },
        { "name": "third", "when": "true", "then": "Deny" },
    ]));
    let directory = tempfile::tempdir().unwrap();
    let rules = file(&directory, "policy.json", rules);
    let case = b"name: a deep one\ncertificate: { pathLen: 1 }\n";
    let arguments = ["policy", "test", "-f", rules.to_str().unwrap(), "-f", "-"];
    let told = run_with_input(None, &arguments, case).yes();
    let expected = format!(
        "a deep one\n  {:<32} false\n  {:<32} true\n  Ask by rule second: deep\n",
        "first", "second"
    );
    assert_eq!(told, expected);
    let json = run_with_input(None, &[&arguments[..], &["-o", "json"]].concat(), case).yes();
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["cases"][0]["outcome"], "Ask");
    assert_eq!(json["cases"][0]["rules"][1], json!({ "rule": "second", "true": true }));

    let expects = b"name: wrong\nexpect: Approve\ncertificate: { pathLen: 1 }\n";
    let answer = run_with_input(None, &arguments, expects);
    assert_eq!(answer.code, 1);
    has(&answer.out, &["Ask by rule second: deep; EXPECTED Approve"]);
    has(&answer.err, &["1 of 1 case is decided otherwise than expected"]);
}

#[test]
fn a_rule_that_cannot_be_compiled_is_named_with_line_and_column() {
    let directory = tempfile::tempdir().unwrap();
    let rules = policy(&json!([
        { "name": "fine", "when": "true", "then": "Ask" },
        { "name": "wrong", "when": "true &&\n  request.user == 'x'", "then": "Approve" },
    ]));
    let rules = file(&directory, "policy.json", rules);
    let text = run(None, &["policy", "test", "-f", rules.to_str().unwrap()]).no(1);
    has(
        &text,
        &[
            "spec.approval.rules[1] (wrong): when, line:column 2:10: undefined field 'user'",
            " |   request.user == 'x'",
            "  fix: people are asked",
        ],
    );
}

#[test]
fn a_rule_that_fails_asks_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let rules =
        policy(&json!([{ "name": "label", "when": "mesh.labels['a'] == 'b'", "then": "Approve" }]));
    let rules = file(&directory, "policy.json", rules);
    let case = file(&directory, "case.yaml", "name: x\nexpect: Ask\n");
    let told = ["policy", "test", "-f", rules.to_str().unwrap(), "-f", case.to_str().unwrap()];
    has(
        &run(None, &told).yes(),
        &["cannot be evaluated: no such key: a", "Ask by rule label could not be evaluated"],
    );
}

#[test]
fn a_key_that_somebody_brought_is_for_people_as_in_the_hub() {
    let directory = tempfile::tempdir().unwrap();
    let rules = policy(&json!([{ "name": "all", "when": "true", "then": "Approve" }]));
    let rules = file(&directory, "policy.json", rules);
    let case = "name: brought\nexpect: Ask\nrequest: { keyBroughtBy: mallory }\n";
    let case = file(&directory, "case.yaml", case);
    let told = ["policy", "test", "-f", rules.to_str().unwrap(), "-f", case.to_str().unwrap()];
    has(&run(None, &told).yes(), &["Ask by people alone: somebody brought the key"]);
}

#[test]
fn what_is_misspelt_in_a_case_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let rules = file(&directory, "policy.json", policy(&json!([])));
    for (case, what) in [
        ("certficate: { key: x }", "conditions know no certficate"),
        ("certificate: { keys: x }", "conditions know no certificate.keys"),
        ("expect: Maybe", "field expect"),
        ("now: yesterday", "field now"),
        ("certificate: { pathLen: many }", "field certificate: invalid type: string \"many\""),
        ("- a", "it is neither an object nor a case"),
        ("]", "neither YAML nor JSON"),
    ] {
        let case = file(&directory, "case.yaml", format!("{case}\n"));
        let told = ["policy", "test", "-f", rules.to_str().unwrap(), "-f", case.to_str().unwrap()];
        has(&run(None, &told).no(1), &[what]);
    }
    let gone = run(None, &["policy", "test", "-f", "/nonexistent/policy.yaml"]).no(1);
    has(&gone, &["cannot read /nonexistent/policy.yaml"]);
    let case = file(&directory, "case.yaml", "name: x\n");
    let none = run(None, &["policy", "test", "-f", case.to_str().unwrap()]).no(2);
    has(&none, &["no TrustPolicy is in the files"]);
}

#[tokio::test]
async fn a_request_of_a_hub_is_tried_offline_with_what_describe_prints() {
    let hub = hub().await;
    let place = hub.place("tried").await;
    place.virtual_mesh(&hub.admin).await;
    place.policy(&hub.admin, "demo").await;
    place.ask(1).await;
    place.csr(1).await;
    let directory = tempfile::tempdir().unwrap();
    let described = hub.run(&["describe", "vmcsr", &place.full_name(1), "-o", "yaml"]).yes();
    let described = file(&directory, "request.yaml", described);
    let rules = policy(&json!([
        { "name": "known", "when": "mesh.cluster == 'tried' && !renewal", "then": "Approve" },
    ]));
    let rules = file(&directory, "policy.json", rules);
    let files = ["-f", rules.to_str().unwrap(), "-f", described.to_str().unwrap()];
    let told = run(None, &[&["policy", "test"][..], &files].concat()).yes();
    has(&told, &[&place.full_name(1), "Approve by rule known"]);
    let alone = file(
        &directory,
        "alone.json",
        serde_json::to_string(
            &place.requests(&hub.admin).get(&place.request_name(1)).await.unwrap(),
        )
        .unwrap(),
    );
    let files = ["-f", rules.to_str().unwrap(), "-f", alone.to_str().unwrap()];
    let text = run(None, &[&["policy", "test"][..], &files].concat()).no(1);
    has(&text, &["its Mesh is not in the files", "  fix: meshroot describe vmcsr"]);
}

/// A ledger of three certificates of one mesh, as an export has it: the third has another key.
fn ledger() -> String {
    let record = |number: u32, by: &str, key: &str, facts: bool| {
        let name = format!("istio-istio-system-east.demo.{number}");
        let seen = json!({
            "request": { "name": name, "number": number }, "mesh": { "name": "istio-istio-system-east", "cluster": "east" },
            "certificate": { "hosts": ["spiffe://a/x"], "key": key, "lifetime": "60s" },
        });
        let spec = json!({
            "request": { "name": name, "uid": name }, "virtualMeshRef": { "name": "demo", "namespace": "meshroot-system" },
            "csrSha256": "c0", "publicKeySha256": "b0", "facts": if facts { seen.to_string() } else { String::new() },
            "decision": { "verdict": "Approved", "by": by, "time": format!("2099-11-2{number}T10:00:00Z") },
            "prepared": {
                "serial": "7f", "tbsSha256": "e0", "issuerSha256": "f0", "profileSha256": "a0",
                "notBefore": "2099-11-20T09:50:00Z", "notAfter": "2100-02-27T10:00:00Z",
            },
            "sequence": number, "fence": 3,
        });
        let spec: IssuanceRecordSpec = serde_json::from_value(spec).unwrap();
        json!({
            "apiVersion": "meshroot.dev/v1alpha1", "kind": "IssuanceRecord", "spec": spec,
            "metadata": { "name": name, "namespace": "meshroot-cluster-east" },
        })
    };
    let records = [
        record(1, "policy", "ECDSA-P256", true),
        record(2, "third-party", "ECDSA-P256", true),
        record(3, "policy", "RSA-2048", true),
        record(4, "policy", "RSA-2048", false),
        record(5, "rotation", "RSA-2048", true),
    ];
    json!({ "apiVersion": "v1", "kind": "List", "items": records }).to_string()
}

#[test]
fn a_replay_lists_what_would_be_decided_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let export = file(&directory, "ledger.json", ledger());
    let replay = |rules: &str, more: &[&str]| {
        let words = ["policy", "replay", "-f", rules, "--ledger", export.to_str().unwrap()];
        run(None, &[&words[..], more].concat()).yes()
    };
    // New meshes and changed certificates ask, unchanged renewals pass.
    let told = replay(&example("renewals"), &[]);
    let lines: Vec<Vec<&str>> =
        told.lines().map(|line| line.split_whitespace().collect()).collect();
    let request =
        |number: u32| format!("meshroot-cluster-east/istio-istio-system-east.demo.{number}");
    assert_eq!(lines[1][1..4], [&request(1), "Approve", "Ask"], "{told}");
    assert_eq!(lines[2][1..4], [&request(2), "Ask", "Approve"], "{told}");
    assert_eq!(lines[3][1..4], [&request(3), "Approve", "Ask"], "{told}");
    has(
        &told,
        &[
            "rule unchanged-renewal",
            "4 decisions, 3 would be others (Approve 1, Ask 2, Deny 0); of 1 the ledger",
        ],
    );

    let directory = tempfile::tempdir().unwrap();
    let same = file(&directory, "same.json", policy(&json!([])));
    let told = replay(same.to_str().unwrap(), &["-o", "json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["decisions"], &told["unknown"]), (&json!(4), &json!(1)));
    assert_eq!(told["differ"].as_array().unwrap().len(), 1);
    assert_eq!(told["differ"][0]["name"], "istio-istio-system-east.demo.2");
}
