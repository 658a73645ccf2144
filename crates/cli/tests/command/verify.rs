use meshroot_pki::{DistinguishedName, to_bundle};
use meshroot_testkit::envoy;

use crate::certificates::{Authority, Role, Spec, intermediate_spec, leaf_spec, root};
use crate::program::{has, run, run_with_input};
use crate::stage::{file, hub};

#[test]
fn a_good_chain_verifies_and_shows_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let root = root("root");
    let intermediate = root.issue(&intermediate_spec("a 1"));
    let leaf = intermediate.issue(&leaf_spec());
    let roots = file(&directory, "roots.pem", root.pem());
    let roots = roots.to_str().unwrap();
    let chain = to_bundle(&[leaf.certificate.clone(), intermediate.certificate.clone()]);
    for purpose in ["server", "client", "any"] {
        let arguments = ["verify", "-", "--roots", roots, "--purpose", purpose];
        let text = run_with_input(None, &arguments, chain.as_bytes()).yes();
        has(
            &text,
            &[
                "accepted",
                "CN=leaf",
                "CN=a 1",
                "CN=root",
                &root.certificate.fingerprint().to_string(),
            ],
        );
    }
    let json = run_with_input(
        None,
        &["verify", "-", "--roots", roots, "-o", "json"],
        intermediate.pem().as_bytes(),
    );
    let json: serde_json::Value = serde_json::from_str(&json.yes()).unwrap();
    assert_eq!(json["accepted"], true);
    assert_eq!(json["verdicts"][0]["path"].as_array().unwrap().len(), 2);
}

#[test]
fn a_chain_to_another_root_an_expired_one_and_a_missing_intermediate_do_not_verify() {
    let directory = tempfile::tempdir().unwrap();
    let (signing, other) = (root("root"), root("other"));
    let intermediate = signing.issue(&intermediate_spec("a 1"));
    let leaf = intermediate.issue(&leaf_spec());
    let own = file(&directory, "own.pem", signing.pem());
    let other = file(&directory, "other.pem", other.pem());
    let (own, other) = (own.to_str().unwrap(), other.to_str().unwrap());
    let chain = to_bundle(&[leaf.certificate.clone(), intermediate.certificate.clone()]);
    let text = run_with_input(None, &["verify", "-", "--roots", other], chain.as_bytes()).no(1);
    has(&text, &["does not verify", "neither among the anchors nor among the intermediates"]);
    let late = ["verify", "-", "--roots", own, "--at", "2050-01-01T00:00:00Z"];
    has(&run_with_input(None, &late, chain.as_bytes()).no(1), &["expired at"]);
    has(
        &run_with_input(None, &["verify", "-", "--roots", own], leaf.pem().as_bytes()).no(1),
        &["was issued by CN=a 1"],
    );
}

#[test]
fn what_istio_takes_and_peers_refuse_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let root = root("root");
    let roots = file(&directory, "roots.pem", root.pem());
    let roots = roots.to_str().unwrap();
    let cases = [
        (
            Spec { purposes: vec!["1.3.6.1.5.5.7.3.1"], ..intermediate_spec("a 1") },
            "extended-key-usage",
        ),
        (Spec { subject: DistinguishedName::empty(), ..intermediate_spec("a 1") }, "empty-subject"),
        (Spec { days: 5_000, ..intermediate_spec("a 1") }, "outlives-issuer"),
    ];
    for (spec, rule) in &cases {
        let answer = run_with_input(
            None,
            &["verify", "-", "--roots", roots],
            root.issue(spec).pem().as_bytes(),
        );
        has(&answer.out, &["NOT ACCEPTED", "PROBLEM", rule]);
        answer.no(1);
    }
}

/// What OpenSSL, Go and webpki take is taken, and what is untidy in the file is told.
#[test]
fn the_way_that_was_found_decides_and_not_the_order_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let (root, other) = (root("root"), root("other"));
    let middle = root.issue(&Spec { authority: Role::Intermediate(1), ..intermediate_spec("m") });
    let own = middle.issue(&intermediate_spec("a 1"));
    let leaf = own.issue(&leaf_spec());
    let roots = file(&directory, "roots.pem", format!("{}{}", root.pem(), other.pem()));
    let verify = |chain: &[&Authority], more: &[&str]| {
        let chain: String = chain.iter().map(|one| one.pem()).collect();
        let arguments = ["verify", "-", "--roots", roots.to_str().unwrap()];
        run_with_input(None, &[&arguments, more].concat(), chain.as_bytes()).yes()
    };
    let sound = verify(&[&leaf, &own, &middle], &[]);
    assert!(sound.contains("accepted") && !sound.contains("warning"), "{sound}");
    for (chain, rule) in [
        (&[&leaf, &own, &own, &middle][..], "repeated"),
        (&[&leaf, &middle, &own], "order"),
        (&[&leaf, &own, &middle, &root], "root-in-chain"),
        (&[&leaf, &own, &other, &middle], "not-on-path"),
    ] {
        let text = verify(chain, &[]);
        has(&text, &["accepted", "warning", rule]);
        assert!(!text.contains("PROBLEM"), "{text}");
        let json: serde_json::Value =
            serde_json::from_str(&verify(chain, &["-o", "json"])).unwrap();
        assert_eq!(json["verdicts"][0]["warnings"][0]["rule"], rule);
    }
    let backwards = format!("{}{}", root.pem(), own.pem());
    let arguments = ["verify", "-", "--roots", roots.to_str().unwrap()];
    let text = run_with_input(None, &arguments, backwards.as_bytes()).no(1);
    has(&text, &["begins with the root", "first"]);
}

#[test]
fn a_file_with_a_key_or_with_text_is_refused_and_not_quoted() {
    let directory = tempfile::tempdir().unwrap();
    let root = root("root");
    let key = root.key.to_pkcs8_pem();
    let chain = file(&directory, "chain.pem", key.as_bytes());
    let roots = file(&directory, "roots.pem", root.pem());
    let text =
        run(None, &["verify", chain.to_str().unwrap(), "--roots", roots.to_str().unwrap()]).no(1);
    has(&text, &["a private key was found where a certificate belongs"]);
    assert!(!text.contains(key.lines().nth(1).unwrap()));
}

#[tokio::test]
async fn the_roots_are_those_that_the_members_are_to_use() {
    let hub = hub().await;
    let place = hub.place("verified").await;
    let (signing, other) = (root("root"), root("other"));
    place.virtual_mesh(&hub.admin).await;
    let virtual_mesh = format!("{}/demo", place.namespace);
    let directory = tempfile::tempdir().unwrap();
    let good = file(&directory, "good.pem", signing.issue(&intermediate_spec("a 1")).pem());
    let bad = file(&directory, "bad.pem", other.issue(&intermediate_spec("a 1")).pem());
    let verify = |chain: &std::path::Path| {
        hub.run(&["verify", chain.to_str().unwrap(), "--virtual-mesh", &virtual_mesh])
    };
    has(&verify(&good).no(1), &["has no roots yet", "field spec.meshes"]);

    place.trust(1, std::slice::from_ref(&signing.certificate)).await;
    has(&verify(&good).yes(), &[&place.mesh, "accepted"]);
    has(&verify(&bad).no(1), &[&place.mesh, "does not verify"]);
}

#[test]
fn without_roots_and_virtual_mesh_there_is_nothing_to_verify_against() {
    assert_eq!(run(None, &["verify", "-"]).code, 2);
}

#[test]
fn a_certificate_on_a_revocation_list_does_not_verify_nor_one_whose_issuer_has_none() {
    let directory = tempfile::tempdir().unwrap();
    let root = root("root");
    let intermediate = root.issue(&intermediate_spec("a 1"));
    let chain = file(&directory, "chain.pem", intermediate.pem());
    let roots = file(&directory, "roots.pem", root.pem());
    let verify = |lists: String| {
        let lists = file(&directory, "lists.pem", lists);
        let [chain, roots, lists] = [&chain, &roots, &lists].map(|file| file.to_str().unwrap());
        run(None, &["verify", chain, "--roots", roots, "--crl", lists])
    };
    has(&verify(root.revokes(&[])).yes(), &["accepted"]);
    has(
        &verify(root.revokes(&[&intermediate.certificate])).no(1),
        &["certificate 0 (CN=a 1,OU=demo,O=Istio) was revoked by CN=root", "(cACompromise)"],
    );
    has(
        &verify(intermediate.revokes(&[])).no(1),
        &["no revocation list of CN=root,OU=demo,O=Istio"],
    );
    has(
        &verify(root.pem()).no(1),
        &["lists.pem: revocation list 1 of the file", "meshroot inspect"],
    );
}

#[tokio::test]
async fn what_a_virtual_mesh_has_revoked_does_not_verify_and_the_rest_does() {
    let hub = hub().await;
    let place = hub.place("revoked").await;
    let root = root("root");
    place.virtual_mesh(&hub.admin).await;
    place.trust(1, std::slice::from_ref(&root.certificate)).await;
    place.policy(&hub.admin, "demo").await;
    let [old, new] = ["a 1", "a 2"].map(|name| root.issue(&intermediate_spec(name)));
    let list = root.revokes(&[&old.certificate]);
    place.lists(&hub.admin, "demo", &[(&root.certificate, &list)]).await;
    let virtual_mesh = format!("{}/demo", place.namespace);
    let verify = |chain: String| {
        run_with_input(
            Some(hub.kubeconfig()),
            &["verify", "-", "--virtual-mesh", &virtual_mesh],
            chain.as_bytes(),
        )
    };
    has(&verify(old.pem()).no(1), &["certificate 0 (CN=a 1,OU=demo,O=Istio) was revoked"]);
    let leaf = |of: &Authority| of.issue(&leaf_spec()).pem() + &of.pem();
    has(&verify(leaf(&old)).no(1), &["certificate 1 (CN=a 1,OU=demo,O=Istio) was revoked"]);
    has(&verify(leaf(&new)).yes(), &["accepted"]);
    place.lists(&hub.admin, "demo", &[(&root.certificate, "spoiled")]).await;
    has(&verify(new.pem()).no(1), &["the revocation list of root", "field status.roots"]);
}

/// What is promised of `--crl` is what Envoy does.
#[tokio::test]
async fn envoy_says_of_revocation_lists_what_verify_says() {
    let directory = tempfile::tempdir().unwrap();
    let root = root("root");
    let intermediate = root.issue(&intermediate_spec("a 1"));
    let leaf = intermediate.issue(&leaf_spec());
    let chain = leaf.pem() + &intermediate.pem();
    let files = [("chain.pem", &chain), ("roots.pem", &root.pem())];
    let [chain_file, roots] = files.map(|(name, content)| file(&directory, name, content));
    let none = intermediate.revokes(&[]);
    let cases = [
        ("all have one", true, root.revokes(&[]) + &none),
        ("the intermediate is revoked", false, root.revokes(&[&intermediate.certificate]) + &none),
        (
            "the leaf is revoked",
            false,
            root.revokes(&[]) + &intermediate.revokes(&[&leaf.certificate]),
        ),
        ("the intermediate has none", false, root.revokes(&[])),
        ("the root has none", false, none.clone()),
    ];
    for (case, is_good, lists) in cases {
        let listed = file(&directory, "lists.pem", &lists);
        let [chain_file, roots, listed] =
            [&chain_file, &roots, &listed].map(|file| file.to_str().unwrap());
        let ours = run(None, &["verify", chain_file, "--roots", roots, "--crl", listed]);
        assert_eq!(ours.code == 0, is_good, "{case}: {}", ours.out);
        let key = leaf.key.to_pkcs8_pem();
        let theirs = envoy::accepts(&chain, &key, &root.pem(), Some(&lists)).await;
        match theirs {
            Ok(()) => assert!(is_good, "{case}: Envoy takes it"),
            Err(why) => assert!(!is_good && why.contains(envoy::REFUSAL), "{case}: {why}"),
        }
    }
}
