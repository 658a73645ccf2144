use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::PostParams;
use meshroot_pki::{KeyKind, PrivateKey};

use crate::certificates::{Authority, Spec, intermediate_spec, root};
use crate::program::{has, run, run_with_input};
use crate::stage::{Hub, hub};

fn no_key_in(text: &str, key: &PrivateKey) {
    let pem = key.to_pkcs8_pem();
    for line in pem.lines().filter(|line| !line.starts_with("-----")) {
        assert!(!text.contains(line), "a key was shown:\n{text}");
    }
}

#[test]
fn a_chain_from_standard_input_says_who_signed_whom_and_shows_no_key() {
    let root = root("root");
    let intermediate = root.issue(&intermediate_spec("a 1"));
    let key = intermediate.key.to_pkcs8_pem();
    let input = format!("some text\n{}{}{}", intermediate.pem(), root.pem(), *key);
    let text = run_with_input(None, &["inspect", "-"], input.as_bytes()).yes();
    has(
        &text,
        &[
            "-: Certificate 1 of 3",
            "CN=a 1,OU=demo,O=Istio",
            "spiffe://cluster.local/ns/istio-system/sa/istiod",
            "(in 89d)",
            "itself (a root)",
            "CN=root,OU=demo,O=Istio (in the same file)",
            "Private key (not shown)",
            &intermediate.key.public_key().fingerprint().to_string(),
            "1 lines of other text",
        ],
    );
    no_key_in(&text, &intermediate.key);

    let json = run_with_input(None, &["inspect", "-o", "json"], input.as_bytes()).yes();
    no_key_in(&json, &intermediate.key);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let first = &json["parts"][0]["items"][0];
    assert_eq!(first["fingerprint"], intermediate.certificate.fingerprint().to_string());
    assert_eq!(first["names"][0], "spiffe://cluster.local/ns/istio-system/sa/istiod");
    assert_eq!(first["validUntil"], intermediate.certificate.not_after().to_string());
    assert_eq!((&first["isCa"], &first["pathLength"]), (&true.into(), &0.into()));
}

#[test]
fn what_cannot_be_read_is_shown_and_a_no() {
    let cut = root("root").certificate.to_pem().replace("-----END CERTIFICATE-----\n", "");
    let answer = run_with_input(None, &["inspect"], cut.as_bytes());
    has(&answer.out, &["Unreadable", "does not end"]);
    has(&answer.no(1), &["the CERTIFICATE block that begins at line 1 does not end"]);
    let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    let joined = key.to_pkcs8_pem().replace('\n', " ");
    let answer = run_with_input(None, &["inspect", "-o", "json"], joined.as_bytes());
    no_key_in(&answer.out, &key);
    has(&answer.no(1), &["the line breaks of the file were lost"]);
}

#[test]
fn what_holds_nothing_of_the_sort_is_a_no() {
    has(
        &run_with_input(None, &["inspect"], b"hello\n").no(1),
        &["no certificate, request or key was found in -"],
    );
    has(&run(None, &["inspect", "/nonexistent/file"]).no(1), &["/nonexistent/file cannot be read"]);
}

async fn create_cacerts(
    hub: &Hub,
    name: &str,
    intermediate: &Authority,
    key: &PrivateKey,
    root: &Authority,
) {
    let bytes = |text: &str| ByteString(text.as_bytes().to_vec());
    let data = BTreeMap::from([
        ("ca-cert.pem".to_owned(), bytes(&intermediate.pem())),
        ("ca-key.pem".to_owned(), bytes(&key.to_pkcs8_pem())),
        ("cert-chain.pem".to_owned(), bytes(&intermediate.pem())),
        ("root-cert.pem".to_owned(), bytes(&root.pem())),
    ]);
    let mut secret = Secret { data: Some(data), ..Secret::default() };
    secret.metadata.name = Some(name.to_owned());
    let api: Api<Secret> = Api::namespaced(hub.admin.clone(), "default");
    api.create(&PostParams::default(), &secret).await.unwrap();
}

#[tokio::test]
async fn a_good_secret_passes_every_check() {
    let hub = hub().await;
    let root = root("root");
    let intermediate = root.issue(&intermediate_spec("a 1"));
    create_cacerts(&hub, "good", &intermediate, &intermediate.key, &root).await;
    let text = hub.run(&["inspect", "secret", "default/good"]).yes();
    has(
        &text,
        &[
            "Layout         Istio plug-in CA",
            "Written by     somebody else",
            "ca-key.pem is the key of ca-cert.pem",
            "cert-chain.pem begins with ca-cert.pem",
            "the chain leads to root",
        ],
    );
    assert!(!text.contains("PROBLEM"), "{text}");
    no_key_in(&text, &intermediate.key);
}

#[tokio::test]
async fn a_bad_secret_says_each_thing_that_is_wrong() {
    let hub = hub().await;
    let spec = Spec { purposes: vec!["1.3.6.1.5.5.7.3.1"], ..intermediate_spec("a 1") };
    let (signing, other) = (root("root"), root("other"));
    let intermediate = signing.issue(&spec);
    let stranger = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
    create_cacerts(&hub, "bad", &intermediate, &stranger, &other).await;
    let answer = hub.run(&["inspect", "secret", "bad", "-n", "default"]);
    let text = answer.out.clone();
    has(&answer.no(1), &["ca-key.pem is NOT the key of ca-cert.pem"]);
    has(
        &text,
        &[
            "PROBLEM        ca-key.pem is NOT the key of ca-cert.pem",
            "the chain does NOT lead to a root",
            "extended-key-usage",
        ],
    );
    no_key_in(&text, &stranger);
}

#[tokio::test]
async fn a_secret_needs_a_namespace_and_has_to_be_there() {
    let hub = hub().await;
    has(&hub.run(&["inspect", "secret", "cacerts"]).no(2), &["in which namespace"]);
    has(
        &hub.run(&["inspect", "secret", "default/nothing"]).no(1),
        &["Secret default/nothing does not exist"],
    );
}

#[tokio::test]
async fn a_request_shows_its_csr_and_its_answer() {
    let hub = hub().await;
    let place = hub.place("inspected").await;
    place.ask(1).await;
    has(
        &hub.run(&["inspect", "vmcsr", &place.request_name(1)]).no(1),
        &["neither a CSR nor an answer yet"],
    );
    let csr = place.csr(1).await;
    let root = root("root");
    let certificate = root.certify(&intermediate_spec("a 1"), csr.public_key());
    place
        .answer(1, std::slice::from_ref(&certificate), std::slice::from_ref(&root.certificate))
        .await;
    let text = hub.run(&["inspect", "vmcsr", &place.request_name(1)]).yes();
    has(
        &text,
        &[
            "spec.csrData: Certificate request",
            &csr.fingerprint().to_string(),
            "status.response.caCertificate: Certificate",
            &certificate.fingerprint().to_string(),
            "status.response.rootCertificate",
        ],
    );
}
