//! An agent that writes what no request may be.

use meshroot_api::Bytes;
use serde_json::{Value, json};

use crate::attempt::{Attempt, allowed, hold, refused};
use crate::call::create;
use crate::objects::{EAST, request, request_with};
use crate::setup::Who::Agent;

#[tokio::test]
async fn an_agent_makes_no_request_that_is_none() {
    hold(&attempts()).await;
}

pub(crate) fn attempts() -> Vec<Attempt> {
    let groups = [values(), types(), names(), controls()];
    groups.into_iter().flatten().collect()
}

fn values() -> Vec<Attempt> {
    let spec = |config: Value| request_with(EAST, "value.1", &json!({ "certConfig": config }));
    let hosts = |host: String, number: usize| spec(json!({ "hosts": vec![host; number] }));
    let csr = |csr: Value| request_with(EAST, "value.2", &json!({ "csrData": csr }));
    let large = json!(Bytes(vec![b'a'; 32 * 1024 + 2]));
    let rows = [
        ("a CSR larger than any honest one", create(&csr(large)), "spec.csrData"),
        ("a CSR that is no base64", create(&csr(json!("not base64!"))), "spec.csrData"),
        ("a number for a CSR", create(&csr(json!(7))), "spec.csrData"),
        (
            "more names than a certificate may have",
            create(&hosts("a.example".to_owned(), 65)),
            "spec.certConfig.hosts",
        ),
        (
            "a name that fills a page",
            create(&hosts("h".repeat(2049), 1)),
            "spec.certConfig.hosts[0]",
        ),
        ("a name for every host", create(&hosts("*.example".to_owned(), 1)), "without wildcards"),
    ];
    let row = |(what, call, part)| {
        refused(format!("an agent makes a request with {what}"), Agent, call, part)
    };
    rows.into_iter().map(row).collect()
}

fn types() -> Vec<Attempt> {
    let spec = |config: Value| request_with(EAST, "value.1", &json!({ "certConfig": config }));
    let strict = |object: &Value| create(object).with("fieldValidation=Strict");
    let snake = request_with(EAST, "value.3", &json!({ "csr_data": "Q1NS" }));
    let rows = [
        (
            "an organization as long as a letter",
            create(&spec(json!({ "org": "o".repeat(65) }))),
            "spec.certConfig.org",
        ),
        (
            "a number for a type of mesh",
            create(&spec(json!({ "meshType": 1 }))),
            "spec.certConfig.meshType",
        ),
        (
            "a type of mesh in small letters",
            create(&spec(json!({ "meshType": "istio" }))),
            "Unsupported value",
        ),
        (
            "a list for its spec",
            create(&request_with(EAST, "value.4", &json!([]))),
            "must be of type object",
        ),
        ("a field as it is called in the proto", strict(&snake), "unknown field \"spec.csr_data\""),
    ];
    let row = |(what, call, part)| {
        refused(format!("an agent makes a request with {what}"), Agent, call, part)
    };
    rows.into_iter().map(row).collect()
}

fn names() -> Vec<Attempt> {
    let of = |name: &str| create(&request(EAST, name));
    let subdomain = "RFC 1123 subdomain";
    let mut later = request(EAST, "name.1");
    later["apiVersion"] = json!("security.zephyr.solo.io/v1");
    let long = "n".repeat(254);
    vec![
        refused("an agent calls a request in capitals", Agent, of("Mesh.demo.1"), subdomain),
        refused("an agent calls a request with an empty label", Agent, of("mesh..1"), subdomain),
        refused("an agent calls a request by a path", Agent, of("../mesh.demo.1"), subdomain),
        refused(
            "an agent calls a request longer than a name may be",
            Agent,
            of(&long),
            "no more than 253",
        ),
        refused(
            "an agent speaks a version that there is not",
            Agent,
            create(&later).at(&request(EAST, "name.1")),
            "does not match the expected API version",
        ),
    ]
}

fn controls() -> Vec<Attempt> {
    let no_type = json!({ "certConfig": { "meshType": null } });
    let no_type = request_with(EAST, "good.6", &no_type);
    let host = json!({ "certConfig": { "hosts": vec!["a.example"; 64], "meshType": "LINKERD" } });
    vec![
        allowed("a type of mesh that is null is none", Agent, create(&no_type))
            .leaving("/spec/certConfig/meshType", Value::Null),
        allowed(
            "an agent asks for many names",
            Agent,
            create(&request_with(EAST, "good.7", &host)),
        ),
    ]
}
