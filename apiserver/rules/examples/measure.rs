//! Measures what rules and policies cost: `cargo run --release -p apiserver-rules --example measure`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss)]

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use apiserver_object::{Attributes, Authorizer, Decision, User};
use apiserver_rules::{Admission, CompiledRules, Operation, Policy};
use serde_json::{Value, json};

#[path = "../tests/common/schema.rs"]
mod schema;

struct Nobody;

impl Authorizer for Nobody {
    fn authorize(&self, _: &User, _: &Attributes<'_>) -> Decision {
        Decision::default()
    }
}

fn manifest(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").join(path);
    let text = std::fs::read_to_string(path).unwrap();
    serde_saphyr::from_str(text.split("\n---\n").next().unwrap()).unwrap()
}

fn measured(what: &str, mut run: impl FnMut()) {
    let rounds = 20_000_u32;
    let start = Instant::now();
    for _ in 0..rounds {
        run();
    }
    println!("{what}: {:.2} µs", start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds));
}

fn main() {
    let definition =
        manifest("crds/virtualmeshcertificatesigningrequests.security.zephyr.solo.io.yaml");
    let schema = schema::read(&definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]);
    let rules = CompiledRules::compile(&schema, "schema").unwrap();
    let certificate = "Q0E".repeat(700);
    let object = json!({ "metadata": { "name": "x", "labels": { "a": "b" } },
        "spec": { "virtualMeshRef": { "name": "demo", "namespace": "meshes" }, "csrData": certificate,
            "certConfig": { "hosts": ["spiffe://cluster.local/ns/istio-system/sa/istiod"], "org": "Istio" } },
        "status": { "response": { "caCertificate": certificate, "rootCertificate": certificate },
            "computedStatus": { "state": "ACCEPTED" }, "thirdPartyApproval": { "approvalStatus": "APPROVED" } } });
    measured("rules of a request, create", || {
        black_box(rules.evaluate(black_box(&object), None));
    });
    measured("rules of a request, update", || {
        black_box(rules.evaluate(black_box(&object), Some(&object)));
    });
    let policy = manifest("policies/meshroot-request-status.yaml");
    let policy = Policy::compile(&policy).unwrap();
    let mut old = object.clone();
    old["status"]["thirdPartyApproval"]["approvalStatus"] = json!("PENDING");
    for username in ["system:serviceaccount:meshroot-system:meshroot-hub", "somebody"] {
        let user = User {
            name: username.to_owned(),
            groups: vec!["system:authenticated".to_owned()],
            ..User::default()
        };
        let request = Admission {
            operation: Operation::Update,
            group: "security.zephyr.solo.io",
            version: "v1alpha1",
            resource: "virtualmeshcertificatesigningrequests",
            subresource: "status",
            kind: "VirtualMeshCertificateSigningRequest",
            namespace: "meshroot-cluster-east",
            name: "x",
            object: Some(&object),
            old_object: Some(&old),
            user: &user,
            dry_run: false,
            namespace_object: None,
            options: None,
        };
        measured(&format!("status policy, {username}"), || {
            assert!(policy.matches(&request));
            black_box(policy.evaluate(black_box(&request), &Nobody));
        });
    }
}
