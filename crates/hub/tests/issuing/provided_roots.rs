//! Roots that a company brings.

use anyhow::{Result, ensure};
use kube::api::PostParams;
use meshroot_api::MeshTrust;
use meshroot_api::names::EARLIER_NAMESPACE;
use meshroot_api::networking::Provided;
use meshroot_api::shared::ResourceRef;
use meshroot_pki::parse_bundle;
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use meshroot_testkit::judges;
use serde_json::json;

use crate::common::openssl::{AUTHORITY, OpenSsl, Pair};
use crate::common::{Scene, create, judge, merge, secret, until};
use crate::{answer, first, run};

pub(crate) const LATER: &str = "351231000000Z";
const EARLIER: &str = "210101000000Z";

#[test]
fn what_a_provided_root_signs_leads_to_it() {
    run(async |scene| {
        let root = OpenSsl::new()?.certificate("Company root", AUTHORITY, None, LATER)?;
        let name = "provided-root";
        create(&scene.hub_secrets(SYSTEM_NAMESPACE), root_secret(name, &root)).await?;
        make(scene, name).await?;
        answer(scene, name).await?;
        let certificate = judge::issued_once(scene, &first(name)).await?;
        judges::openssl_verify(&certificate.to_pem(), "", &root.certificate)
            .map_err(anyhow::Error::msg)
    });
}

#[test]
fn a_root_whose_life_was_extended_under_its_key_and_name_is_taken_and_its_members_renew() {
    run(async |scene| {
        let openssl = OpenSsl::new()?;
        let root = openssl.certificate("Company root", AUTHORITY, None, "321231000000Z")?;
        let name = "provided-extended";
        let secrets = scene.hub_secrets(SYSTEM_NAMESPACE);
        create(&secrets, root_secret(name, &root)).await?;
        make(scene, name).await?;
        answer(scene, name).await?;
        judge::issued_once(scene, &first(name)).await?;
        let extended =
            openssl.certificate_for(root.key.clone(), "Company root", AUTHORITY, None, LATER)?;
        secrets.replace(name, &PostParams::default(), &root_secret(name, &extended)).await?;
        // What makes the hub look at once; by itself it does so every minute.
        merge(&scene.policies(), name, &json!({ "spec": { "intermediate": { "ttl": "2161h" } } }))
            .await?;
        let second = format!("{name}.{name}.2");
        scene.submit(&second, crate::request_for(&[&crate::identity(name)])?).await?;
        let certificate = judge::issued_once(scene, &second).await?;
        for root in [&root, &extended] {
            judges::openssl_verify(&certificate.to_pem(), "", &root.certificate)
                .map_err(anyhow::Error::msg)?;
        }
        let both = |trust: &MeshTrust| trust.spec.trust_anchors.matches("BEGIN").count() == 2;
        until("the member trusts both", &scene.trusts(), name, both).await?;
        Ok(())
    });
}

#[test]
fn what_an_intermediate_of_a_company_root_signs_leads_to_the_company_root() {
    run(async |scene| {
        let openssl = OpenSsl::new()?;
        let root = openssl.certificate("Company root", AUTHORITY, None, LATER)?;
        let issuing =
            openssl.certificate("Company issuing", &below(AUTHORITY), Some(&root), LATER)?;
        let name = "provided-intermediate";
        let files = [
            ("root-cert.pem", root.certificate.as_str()),
            ("key.pem", &issuing.key),
            ("cert-chain.pem", &issuing.certificate),
        ];
        create(&scene.hub_secrets(SYSTEM_NAMESPACE), secret(name, &files)).await?;
        make(scene, name).await?;
        answer(scene, name).await?;
        let certificate = judge::issued_once(scene, &first(name)).await?;
        judges::openssl_verify(&certificate.to_pem(), &issuing.certificate, &root.certificate)
            .map_err(anyhow::Error::msg)?;
        let response = scene.requests().get(&first(name)).await?.status_or_default().response;
        let chain = parse_bundle(&response.ca_certificate.0)?;
        ensure!(
            chain[1..] == parse_bundle(issuing.certificate.as_bytes())?[..],
            "the chain is not the certificate and the company's intermediate"
        );
        ensure!(
            parse_bundle(&response.root_certificate.0)?
                == parse_bundle(root.certificate.as_bytes())?,
            "the root is not the company's"
        );
        Ok(())
    });
}

/// A root Secret that cannot be used.
struct Case {
    name: &'static str,
    secret: Option<k8s_openapi::api::core::v1::Secret>,
    reason: &'static str,
    says: &'static str,
}

fn cases(openssl: &OpenSsl, good: &Pair) -> Result<Vec<Case>> {
    let case = |name, files: &[(&str, &str)], reason, says| {
        let secret = (!files.is_empty()).then(|| secret(name, files));
        Case { name, secret, reason, says }
    };
    let whole =
        |pair: &Pair| [("root-cert.pem", pair.certificate.clone()), ("key.pem", pair.key.clone())];
    let pair = |name, pair: &Pair, says| {
        let files = whole(pair);
        let files: Vec<(&str, &str)> =
            files.iter().map(|(file, text)| (*file, text.as_str())).collect();
        case(name, &files, "RootSecretInvalid", says)
    };
    let other_key = Pair { key: openssl.elliptic_key()?, ..good.clone() };
    let expired = openssl.certificate("Expired", AUTHORITY, None, EARLIER)?;
    let no_authority =
        openssl.certificate("No CA", "basicConstraints=critical,CA:FALSE\n", None, LATER)?;
    let shallow = AUTHORITY.replace("CA:TRUE", "CA:TRUE,pathlen:0");
    let shallow = openssl.certificate("Shallow", &shallow, None, LATER)?;
    let below = openssl.certificate("No root", &below(AUTHORITY), Some(good), LATER)?;
    let no_signer = AUTHORITY.replace("keyCertSign,cRLSign", "digitalSignature");
    let no_signer = openssl.certificate("No signer", &no_signer, None, LATER)?;
    let garbled = Pair { certificate: good.certificate.replace("MII", "AAA"), ..good.clone() };
    let swapped = Pair { certificate: good.key.clone(), key: good.certificate.clone() };
    Ok(vec![
        case("root-absent", &[], "RootSecretMissing", "root-cert.pem and key.pem"),
        case(
            "root-without-key",
            &[("root-cert.pem", &good.certificate)],
            "RootSecretInvalid",
            "key.pem is missing",
        ),
        case(
            "root-without-root",
            &[("key.pem", &good.key)],
            "RootSecretInvalid",
            "root-cert.pem is missing",
        ),
        pair("root-other-key", &other_key, "is not that of the certificate"),
        pair("root-expired", &expired, "2021-01-01"),
        pair("root-no-ca", &no_authority, "is not a CA"),
        pair("root-shallow", &shallow, "pathLen 0"),
        pair("root-no-root", &below, "is no root"),
        pair("root-no-signer", &no_signer, "keyCertSign"),
        pair("root-garbled", &garbled, "root-cert.pem"),
        pair("root-swapped", &swapped, "root-cert.pem"),
    ])
}

#[test]
fn a_provided_root_that_cannot_be_used_is_named_with_the_reason_and_taken_once_it_is_corrected() {
    run(async |scene| {
        let openssl = OpenSsl::new()?;
        let good = openssl.certificate("Company root", AUTHORITY, None, LATER)?;
        let secrets = scene.hub_secrets(SYSTEM_NAMESPACE);
        let cases = cases(&openssl, &good)?;
        for case in &cases {
            if let Some(secret) = &case.secret {
                create(&secrets, secret.clone()).await?;
            }
            make(scene, case.name).await?;
        }
        for case in &cases {
            let (state, message) = scene.virtual_mesh_says(case.name, case.reason).await?;
            ensure!(state == "INVALID", "{}: {state}: {message}", case.name);
            let place = format!("Secret {SYSTEM_NAMESPACE}/{}", case.name);
            ensure!(
                message.contains(&place) && message.contains(case.says),
                "{}: {message}",
                case.name
            );
            ensure!(!message.contains("PRIVATE"), "{}: {message}", case.name);
            ensure!(
                scene.requests().get_opt(&first(case.name)).await?.is_none(),
                "{} was asked for",
                case.name
            );
        }
        for case in &cases {
            let corrected = root_secret(case.name, &good);
            match &case.secret {
                None => drop(create(&secrets, corrected).await?),
                Some(_) => {
                    drop(secrets.replace(case.name, &PostParams::default(), &corrected).await?);
                }
            }
        }
        for case in &cases {
            answer(scene, case.name).await?;
            judge::issued_once(scene, &first(case.name)).await?;
            scene.virtual_mesh_says(case.name, "WaitingForPickup").await?;
        }
        Ok(())
    });
}

#[test]
fn the_root_of_another_virtual_mesh_and_a_secret_of_another_namespace_are_refused_until_they_are_given()
 {
    run(async |scene| {
        let owner = "root-owner";
        scene.make_both(owner, |_, _| ()).await?;
        scene.virtual_mesh_says(owner, "Issuing").await?;
        let root = OpenSsl::new()?.certificate("Company root", AUTHORITY, None, LATER)?;
        create(&scene.hub_secrets(EARLIER_NAMESPACE), root_secret("root-elsewhere", &root)).await?;
        let cases = [
            (
                "root-borrower",
                "root-owner-ca-certs",
                SYSTEM_NAMESPACE,
                "is the root of VirtualMesh",
            ),
            ("root-stranger", "root-elsewhere", EARLIER_NAMESPACE, "is in another namespace"),
        ];
        for (name, secret, namespace, says) in cases {
            let provided = Provided { certificate: ResourceRef::new(secret, namespace) };
            scene
                .make_both(name, |spec, _| spec.certificate_authority.provided = Some(provided))
                .await?;
            let (state, message) = scene.virtual_mesh_says(name, "RootSecretInvalid").await?;
            ensure!(state == "INVALID" && message.contains(says), "{name}: {state}: {message}");
            let command = format!(
                "annotate secret {secret} --overwrite meshroot.dev/virtual-mesh=meshroot-system/{name}"
            );
            ensure!(message.contains(&command), "{name}: {message}");
            ensure!(
                scene.requests().get_opt(&first(name)).await?.is_none(),
                "{name} was asked for"
            );
        }
        let given = json!({ "metadata": { "annotations": { "meshroot.dev/virtual-mesh": "meshroot-system/root-stranger" } } });
        merge(&scene.hub_secrets(EARLIER_NAMESPACE), "root-elsewhere", &given).await?;
        answer(scene, "root-stranger").await?;
        judge::issued_once(scene, &first("root-stranger")).await?;
        Ok(())
    });
}

/// A mesh in a virtual mesh whose root is the Secret of its name.
pub(crate) async fn make(scene: &Scene, name: &str) -> Result<()> {
    let provided = Provided { certificate: ResourceRef::new(name, SYSTEM_NAMESPACE) };
    scene.make_both(name, |spec, _| spec.certificate_authority.provided = Some(provided)).await?;
    until("the virtual mesh is there", &scene.virtual_meshes(), name, |_| true).await?;
    Ok(())
}

pub(crate) fn root_secret(name: &str, pair: &Pair) -> k8s_openapi::api::core::v1::Secret {
    secret(name, &[("root-cert.pem", &pair.certificate), ("key.pem", &pair.key)])
}

fn below(extensions: &str) -> String {
    format!("{extensions}authorityKeyIdentifier=keyid\n")
}
