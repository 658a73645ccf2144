//! Values that are read by a decoder: what is stored, and what a refusal says of a Secret.

use serde_json::json;

use crate::harness::Running;

const SECRETS: &str = "/api/v1/namespaces/default/secrets";
const PODS: &str = "/api/v1/namespaces/default/pods";
/// What no message may hold, as it is and in base64.
const VALUES: [&str; 2] = ["hunter2", "aHVudGVyMg"];

#[tokio::test]
async fn what_is_said_of_a_refused_secret_does_not_hold_its_value() {
    let server = Running::start().await;
    let secret = |fields: &str| {
        format!(r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"a"}},{fields}}}"#)
    };
    server.json("POST", SECRETS, &json!({"metadata": {"name": "a"}, "data": {"k": "b2xk"}})).await;
    let data = [
        r#""data":{"k":"hunter2 aHVudGVyMg"}"#,
        r#""data":{"k":{"aHVudGVyMg":"hunter2"}}"#,
        r#""data":{"k":["hunter2"]}"#,
        r#""data":"hunter2 aHVudGVyMg""#,
        r#""data":["hunter2"]"#,
        r#""stringData":{"k":["hunter2"]}"#,
        r#""stringData":"hunter2""#,
        r#""data":{"$patch":"other","k":"aHVudGVyMg=="}"#,
        r#""type":"kubernetes.io/dockerconfigjson","data":{".dockerconfigjson":"aHVudGVyMg=="}"#,
        r#""data":{"k":"hunter2"},"data":{"k":"hunter2"}"#,
        "\"data\":{\"k\":\"hunter2\n\u{7f}\"}",
        r#""data":{"k":"hunter2" "aHVudGVyMg"}"#,
        r#""data":{"k": hunter2}"#,
    ];
    let named = format!("{SECRETS}/a");
    let applied = format!("{named}?fieldManager=one&force=true");
    let new = format!("{SECRETS}/b?fieldManager=one");
    let ways = [
        ("POST", SECRETS, "application/json"),
        ("POST", SECRETS, "application/yaml"),
        ("PUT", &named, "application/json"),
        ("PATCH", &named, "application/merge-patch+json"),
        ("PATCH", &named, "application/strategic-merge-patch+json"),
        ("PATCH", &named, "application/json-patch+json"),
        ("PATCH", &applied, "application/apply-patch+yaml"),
        ("PATCH", &new, "application/apply-patch+yaml"),
    ];
    let mut refused = 0;
    for (method, path, content) in ways {
        for fields in data {
            let body = if content.starts_with("application/json-patch") {
                let value = fields.split_once(':').unwrap().1;
                format!(r#"[{{"op":"replace","path":"/data","value":{value}}}]"#)
            } else {
                secret(fields).replace("\"a\"", if path == new { "\"b\"" } else { "\"a\"" })
            };
            let header = format!("Content-Type: {content}");
            let answer = server.request(method, path, &[&header], body.as_bytes()).await;
            if answer.code < 300 {
                continue;
            }
            refused += 1;
            let held = VALUES.into_iter().find(|value| answer.to_string().contains(value));
            assert_eq!(held, None, "{method} {content} {fields}: {answer}");
        }
    }
    assert!(refused > 70, "only {refused} were refused");
}

#[tokio::test]
async fn a_refusal_names_the_field_and_the_place_in_it_in_every_way_of_writing() {
    let server = Running::start().await;
    let object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "data": {"key.pem": "dmFs\ndWU=x"}});
    server.json("POST", SECRETS, &json!({"metadata": {"name": "a"}})).await;
    let named = format!("{SECRETS}/a");
    let applied = format!("{named}?fieldManager=one");
    for (method, path, content) in [
        ("POST", SECRETS, "json"),
        ("PUT", &named, "json"),
        ("PATCH", &named, "merge-patch+json"),
        ("PATCH", &named, "strategic-merge-patch+json"),
        ("PATCH", &applied, "apply-patch+yaml"),
    ] {
        let header = format!("Content-Type: application/{content}");
        let body = object.to_string();
        let answer = server.request(method, path, &[&header], body.as_bytes()).await;
        let said = "data[key.pem]: illegal base64 data at input byte 9";
        assert!(answer.message().contains(said), "{content}: {answer}");
    }
}

/// A field of a protobuf message.
fn field(number: u8, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    [&[number << 3 | 2, u8::try_from(value.len()).unwrap()], value].concat()
}

#[tokio::test]
async fn a_quantity_in_protobuf_is_stored_as_one_in_json_is() {
    let server = Running::start().await;
    let limit = [field(1, "cpu"), field(2, field(1, "0.5"))].concat();
    let container = [field(1, "c"), field(2, "i"), field(8, field(1, limit))].concat();
    let pod = [field(1, field(1, "a")), field(2, field(2, container))].concat();
    let kind = [field(1, "v1"), field(2, "Pod")].concat();
    let body = [b"k8s\0".to_vec(), field(1, kind), field(2, pod)].concat();
    let header = "Content-Type: application/vnd.kubernetes.protobuf";
    let answer = server.request("POST", PODS, &[header], &body).await;
    answer.assert_code("a pod in protobuf", 201);
    let limits = answer.json()["spec"]["containers"][0]["resources"]["limits"].clone();
    assert_eq!(limits, json!({"cpu": "500m"}));
}
