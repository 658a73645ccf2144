use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::PostParams;
use meshroot_pki::{KeyKind, PrivateKey};

use crate::certificates::{Authority, Role, Spec, intermediate_spec, leaf_spec, root};
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
        &["no certificate, revocation list, request or key was found in -"],
    );
    has(&run(None, &["inspect", "/nonexistent/file"]).no(1), &["/nonexistent/file cannot be read"]);
}

async fn create_secret(hub: &Hub, name: &str, files: &[(&str, &str)]) {
    let file =
        |(key, text): &(&str, &str)| ((*key).to_owned(), ByteString(text.as_bytes().to_vec()));
    let data: BTreeMap<String, ByteString> = files.iter().map(file).collect();
    let mut secret = Secret { data: Some(data), ..Secret::default() };
    secret.metadata.name = Some(name.to_owned());
    let api: Api<Secret> = Api::namespaced(hub.admin.clone(), "default");
    api.create(&PostParams::default(), &secret).await.unwrap();
}

async fn create_cacerts(
    hub: &Hub,
    name: &str,
    intermediate: &Authority,
    key: &PrivateKey,
    root: &Authority,
) {
    let (certificate, key, root) = (intermediate.pem(), key.to_pkcs8_pem(), root.pem());
    let files = [
        ("ca-cert.pem", certificate.as_str()),
        ("ca-key.pem", &key),
        ("cert-chain.pem", &certificate),
        ("root-cert.pem", &root),
    ];
    create_secret(hub, name, &files).await;
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
async fn of_a_cacerts_it_is_said_what_istiod_makes_of_it() {
    let hub = hub().await;
    let root = root("root");
    let own = root.issue(&intermediate_spec("a 1"));
    let leaf = own.issue(&leaf_spec());
    let (pem, key, roots) = (own.pem(), own.key.to_pkcs8_pem(), root.pem());
    let (leaf_pem, leaf_key) = (leaf.pem(), leaf.key.to_pkcs8_pem());
    let files = [("ca-cert.pem", pem.as_str()), ("ca-key.pem", &key), ("root-cert.pem", &roots)];
    let chain = [("cert-chain.pem", pem.as_str())];
    let tls = [("tls.crt", pem.as_str()), ("tls.key", &key), ("ca.crt", &roots)];
    let of_leaf = [("tls.crt", leaf_pem.as_str()), ("tls.key", &leaf_key), ("ca.crt", &roots)];

    create_secret(&hub, "no-chain", &files).await;
    let text = hub.run(&["inspect", "secret", "default/no-chain"]).no(1);
    has(&text, &["cert-chain.pem is missing: istiod 1.27 and later"]);

    create_secret(&hub, "both", &[&files[..], &chain, &of_leaf].concat()).await;
    let answer = hub.run(&["inspect", "secret", "default/both"]);
    has(
        &answer.out,
        &["as in kubernetes.io/tls", "istiod reads tls.crt, tls.key, ca.crt because", "not-a-ca"],
    );
    answer.no(1);

    create_secret(&hub, "stray", &[&files[..], &chain, &tls[..1]].concat()).await;
    has(&hub.run(&["inspect", "secret", "default/stray"]).no(1), &["tls.key is missing"]);

    create_secret(&hub, "cacerts", &tls).await;
    let text = hub.run(&["inspect", "secret", "default/cacerts"]).yes();
    has(&text, &["as in kubernetes.io/tls", "tls.key is the key of tls.crt", "leads to root"]);
    assert!(!text.contains("PROBLEM") && !text.contains("warning"), "{text}");

    let commented = format!("# made by hand\n{roots}");
    let longer = format!("{pem}{roots}");
    let unordered =
        [&files[..2], &[("cert-chain.pem", &longer), ("root-cert.pem", &commented)]].concat();
    create_secret(&hub, "advised", &unordered).await;
    let text = hub.run(&["inspect", "secret", "default/advised"]).yes();
    has(&text, &["warning        root-in-chain", "1 lines of other text in root-cert.pem"]);
}

#[test]
fn a_revocation_list_says_whose_it_is_until_when_and_who_is_on_it() {
    let root = root("root");
    let intermediate = root.issue(&intermediate_spec("a 1"));
    let lists = root.revokes(&[&intermediate.certificate]) + &intermediate.revokes(&[]);
    let text = run_with_input(None, &["inspect"], lists.as_bytes()).yes();
    let serial = intermediate.certificate.serial().to_string();
    let revoked = format!("{serial} since");
    has(
        &text,
        &[
            "Certificate revocation list 1 of 2",
            "CN=root",
            "07",
            &revoked,
            "cACompromise",
            "nothing",
        ],
    );
    let json = run_with_input(None, &["inspect", "-o", "json"], lists.as_bytes()).yes();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let items = &json["parts"][0]["items"];
    assert_eq!(items[0]["revoked"][0]["serial"], serial);
    assert_eq!(items[0]["revoked"][0]["reason"], "cACompromise");
    assert_eq!(items[1]["revoked"], serde_json::json!([]));
}

#[tokio::test]
async fn of_the_revocation_lists_in_a_cacerts_it_is_said_who_breaks_on_them() {
    let hub = hub().await;
    let root = root("root");
    let own = root.issue(&intermediate_spec("a 1"));
    let (pem, key, roots) = (own.pem(), own.key.to_pkcs8_pem(), root.pem());
    let files = [
        ("ca-cert.pem", pem.as_str()),
        ("ca-key.pem", &key),
        ("cert-chain.pem", &pem),
        ("root-cert.pem", &roots),
    ];
    let all = own.revokes(&[]) + &root.revokes(&[]);
    create_secret(&hub, "listed", &[&files[..], &[("ca-crl.pem", &all)]].concat()).await;
    let text = hub.run(&["inspect", "secret", "default/listed"]).yes();
    has(&text, &["ca-crl.pem holds a list of each certificate of the chain and each root"]);
    let part = own.revokes(&[]);
    create_secret(&hub, "half", &[&files[..], &[("ca-crl.pem", &part)]].concat()).await;
    let text = hub.run(&["inspect", "secret", "default/half"]).no(1);
    has(&text, &["holds no list of CN=root,OU=demo,O=Istio: Envoy refuses every workload"]);
}

#[tokio::test]
async fn the_secret_of_a_virtual_meshs_root_is_read_as_the_hub_reads_it() {
    let hub = hub().await;
    let (signing, other) = (root("root"), root("other"));
    let issuer =
        signing.issue(&Spec { authority: Role::Intermediate(1), ..intermediate_spec("issuer") });
    let both = format!("{}{}", signing.pem(), other.pem());
    let (root_key, issuer_key) = (signing.key.to_pkcs8_pem(), issuer.key.to_pkcs8_pem());
    let chain = issuer.pem();
    create_secret(&hub, "own-root", &[("root-cert.pem", &both), ("key.pem", &root_key)]).await;
    create_secret(
        &hub,
        "issuer",
        &[("root-cert.pem", &both), ("key.pem", &issuer_key), ("cert-chain.pem", &chain)],
    )
    .await;
    let text = hub.run(&["inspect", "secret", "default/own-root"]).yes();
    has(&text, &["root of a virtual mesh", "key.pem is the key of root-cert.pem"]);
    let text = hub.run(&["inspect", "secret", "default/issuer"]).yes();
    has(&text, &["provided issuer", "key.pem is the key of cert-chain.pem", "leads to root"]);
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
