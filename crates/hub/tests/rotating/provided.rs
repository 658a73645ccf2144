//! Roots of a company's own, as the new one and as the old one.

use anyhow::{Context as _, Result, ensure};
use jiff::SignedDuration;
use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use meshroot_api::networking::Provided;
use meshroot_api::policy::Restart;
use meshroot_api::rotation::{NewRoot, RootRotationSpec, Step, Strategy};
use meshroot_api::shared::ResourceRef;
use meshroot_api::{RootRotation, TrustPolicy};
use meshroot_ca::{RootSpec, make_root};
use meshroot_pki::{DistinguishedName, KeyKind};
use meshroot_runtime::process::clock;
use meshroot_testkit::fleet::{MESH_NAMESPACE, SYSTEM_NAMESPACE};
use serde_json::json;

use crate::common::openssl::{AUTHORITY, OpenSsl, Pair};
use crate::common::{HOME, Scene, create, delete, file, merge, secret, until};
use crate::members::Members;
use crate::refusals::is_stalled;
use crate::{all_are_at, are_ready, ask, comes_to, rotations, run, settled, waits_for};

const LATER: &str = "361231235959Z";

fn root_secret(name: &str, pair: &Pair) -> Secret {
    secret(name, &[("root-cert.pem", &pair.certificate), ("key.pem", &pair.key)])
}

/// A root of a company, as the `number`th of a virtual mesh.
fn company(name: &str, number: u32, days: i64) -> Result<Pair> {
    aged(name, number, days, SignedDuration::from_mins(1))
}

fn aged(name: &str, number: u32, days: i64, age: SignedDuration) -> Result<Pair> {
    let spec = RootSpec {
        key: KeyKind::EcdsaP256,
        subject: DistinguishedName::new("Company", name, &format!("{name} root {number} own"))?,
        lifetime: SignedDuration::from_hours(24 * days),
    };
    let (certificate, key) = make_root(&spec, clock::now() - age)?;
    Ok(Pair { certificate: certificate.to_pem(), key: key.to_pkcs8_pem().to_string() })
}

async fn ask_for(scene: &Scene, virtual_mesh: &str, number: u32, provided: &str) -> Result<String> {
    let name = format!("{virtual_mesh}.{number}");
    let provided = Provided { certificate: ResourceRef::new(provided, SYSTEM_NAMESPACE) };
    let spec = RootRotationSpec {
        virtual_mesh_ref: ResourceRef::new(virtual_mesh, SYSTEM_NAMESPACE),
        new_root: NewRoot { key: None, provided: Some(provided) },
        ..RootRotationSpec::default()
    };
    create(&rotations(scene), RootRotation::new(&name, spec)).await?;
    Ok(name)
}

#[test]
fn a_root_of_ones_own_takes_the_place_of_a_builtin_one_and_its_key_stays_where_it_is() {
    run(async |scene| {
        let (name, meshes) = ("brings", ["brings-one", "brings-two"]);
        let secrets = scene.hub_secrets(SYSTEM_NAMESPACE);
        let mut members = settled(scene, name, &meshes, false).await?;
        // So old that the hub would replace one of its own.
        let pair = aged(name, 2, 1000, SignedDuration::from_hours(24 * 600))?;
        create(&secrets, root_secret("brings-ca", &pair)).await?;
        let rotation = ask_for(scene, name, 2, "brings-ca").await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        all_are_at(scene, &meshes, 2).await?;
        let kept = secrets.get("brings-ca-certs.2").await?;
        ensure!(file(&kept, "root-cert.pem")? == pair.certificate.as_bytes());
        ensure!(file(&kept, "key.pem").is_err() && kept.immutable == Some(true));
        secrets.get("brings-ca-certs.2.cross").await?;
        // Which Secret it is does not stand in the request alone.
        delete(&rotations(scene), &rotation).await?;
        delete(&secrets, "brings-ca-certs").await?;
        merge(&scene.policies(), name, &json!({ "spec": { "restart": "Automatic" } })).await?;
        let policies = scene.policies();
        let looked = |policy: &TrustPolicy| {
            let status = policy.status.as_ref();
            policy.spec.restart == Restart::Automatic
                && status
                    .is_some_and(|status| status.observed_generation == policy.metadata.generation)
        };
        until("the hub looked at it all", &policies, name, looked).await?;
        let by_itself = rotations(scene).get_opt("brings.3").await?;
        ensure!(by_itself.is_none(), "the hub replaces it by itself");
        let next = ask(scene, name, 3, Strategy::Automatic).await?;
        comes_to(scene, &mut members, &next, Step::Complete).await?;
        all_are_at(scene, &meshes, 3).await
    });
}

#[test]
fn a_provided_root_is_replaced_by_a_builtin_one_on_request_and_by_another_provided_one() {
    run(async |scene| {
        let (name, mesh) = ("hands-over", "hands-over-one");
        let secrets = scene.hub_secrets(SYSTEM_NAMESPACE);
        for number in [1, 3] {
            let pair = company(name, number, 1000)?;
            create(&secrets, root_secret(&format!("hands-over-{number}"), &pair)).await?;
        }
        scene.make_mesh(mesh).await?;
        let meshes = vec![ResourceRef::new(mesh, HOME)];
        let certificate = ResourceRef::new("hands-over-1", SYSTEM_NAMESPACE);
        let change = |spec: &mut meshroot_api::networking::VirtualMeshSpec, _: &mut _| {
            spec.meshes = meshes;
            spec.certificate_authority.provided = Some(Provided { certificate });
        };
        scene.make_virtual_mesh(name, change).await?;
        let mut members = Members::new(scene, &[mesh], false);
        are_ready(scene, name, &mut members).await?;
        let rotation = ask(scene, name, 2, Strategy::Automatic).await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        all_are_at(scene, &[mesh], 2).await?;
        let rotation = ask_for(scene, name, 3, "hands-over-3").await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        all_are_at(scene, &[mesh], 3).await
    });
}

#[test]
fn a_secret_that_was_swapped_later_is_refused_until_the_former_root_is_back() {
    run(async |scene| {
        let (name, meshes) = ("swaps", ["swaps-one"]);
        let secrets = scene.hub_secrets(SYSTEM_NAMESPACE);
        let mut members = settled(scene, name, &meshes, false).await?;
        let (pair, other) = (company(name, 2, 1000)?, company(name, 2, 1000)?);
        create(&secrets, root_secret("swaps-ca", &pair)).await?;
        let rotation = ask_for(scene, name, 2, "swaps-ca").await?;
        merge(&rotations(scene), &rotation, &json!({ "spec": { "gate": "Confirm" } })).await?;
        waits_for(scene, &mut members, &rotation, "meshroot rotate confirm").await?;
        secrets
            .replace("swaps-ca", &PostParams::default(), &root_secret("swaps-ca", &other))
            .await?;
        // What makes the hub read the roots anew.
        merge(&scene.policies(), name, &json!({ "spec": { "root": { "rotateAtPercent": 60 } } }))
            .await?;
        let (_, message) = scene.virtual_mesh_says(name, "RootSecretInvalid").await?;
        for part in [
            "Secret meshroot-system/swaps-ca holds another root than was taken from it",
            "Secret meshroot-system/swaps-ca-certs.2",
            "put the former one back",
        ] {
            ensure!(message.contains(part), "{message}");
        }
        secrets
            .replace("swaps-ca", &PostParams::default(), &root_secret("swaps-ca", &pair))
            .await?;
        merge(&scene.policies(), name, &json!({ "spec": { "root": { "rotateAtPercent": 70 } } }))
            .await?;
        merge(&rotations(scene), &rotation, &json!({ "spec": { "gate": "Automatic" } })).await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        all_are_at(scene, &meshes, 2).await
    });
}

struct Case {
    secret: Option<Secret>,
    reason: &'static str,
    says: &'static str,
}

fn cases(openssl: &OpenSsl, old: &Pair) -> Result<Vec<Case>> {
    let case = |pair: &Pair, says| Case {
        secret: Some(root_secret("unfit-ca", pair)),
        reason: "RootSecretInvalid",
        says,
    };
    let good = openssl.certificate("Good", AUTHORITY, None, LATER)?;
    let with = |certificate: String| Pair { certificate, ..good.clone() };
    let made = |name: &str, extensions: &str, until: &str| {
        openssl.certificate(name, extensions, None, until)
    };
    let shallow = AUTHORITY.replace("CA:TRUE", "CA:TRUE,pathlen:0");
    let barely = AUTHORITY.replace("CA:TRUE", "CA:TRUE,pathlen:1");
    let nameless = AUTHORITY.replace("subjectKeyIdentifier=hash\n", "subjectKeyIdentifier=none\n");
    let same_key = openssl.certificate_for(old.key.clone(), "Again", AUTHORITY, None, LATER)?;
    let mut elsewhere = root_secret("unfit-ca", &good);
    let owner = ("meshroot.dev/virtual-mesh".to_owned(), "meshroot-system/other".to_owned());
    elsewhere.metadata.annotations = Some([owner].into());
    Ok(vec![
        Case {
            secret: None,
            reason: "RootSecretMissing",
            says: "create it with root-cert.pem and key.pem",
        },
        case(&made("No CA", "basicConstraints=critical,CA:FALSE\n", LATER)?, "is not a CA"),
        case(&made("Over", AUTHORITY, "210101000000Z")?, "2021-01-01"),
        case(&company_soon()?, "give a root that lasts"),
        case(&made("Shallow", &shallow, LATER)?, "pathLen 0"),
        case(&made("Barely", &barely, LATER)?, "need 2 at least"),
        case(
            &Pair { key: openssl.elliptic_key()?, ..good.clone() },
            "is not that of the certificate",
        ),
        case(&same_key, "has the key of root 1"),
        case(&made("unfit first", &nameless, LATER)?, "has the name of root 1"),
        case(&with(good.certificate.clone() + &old.certificate), "holds root 1"),
        Case {
            secret: Some(elsewhere),
            reason: "RootSecretInvalid",
            says: "is the root of VirtualMesh meshroot-system/other",
        },
    ])
}

/// One that ends within two lifetimes of an intermediate.
fn company_soon() -> Result<Pair> {
    company("soon", 2, 150)
}

#[test]
fn a_root_that_cannot_take_the_place_is_refused_before_anybody_is_told_of_it() {
    run(async |scene| {
        let (name, mesh) = ("unfit", "unfit-one");
        let openssl = OpenSsl::new()?;
        let secrets = scene.hub_secrets(SYSTEM_NAMESPACE);
        let old = openssl.certificate("unfit first", AUTHORITY, None, LATER)?;
        create(&secrets, root_secret("unfit-ca-certs", &old)).await?;
        scene.make_mesh(mesh).await?;
        let meshes = vec![ResourceRef::new(mesh, HOME)];
        scene
            .make_virtual_mesh(name, |spec, policy| {
                spec.meshes = meshes;
                policy.intermediate.path_len = 1;
            })
            .await?;
        let mut members = Members::new(scene, &[mesh], false);
        are_ready(scene, name, &mut members).await?;
        for case in cases(&openssl, &old)? {
            if let Some(secret) = &case.secret {
                create(&secrets, secret.clone()).await?;
            }
            let rotation = ask_for(scene, name, 2, "unfit-ca").await?;
            let field = "spec.newRoot.provided.certificate: Secret meshroot-system/unfit-ca";
            let refused = |rotation: &RootRotation| {
                is_stalled(rotation, case.reason, case.says)
                    && is_stalled(rotation, case.reason, field)
            };
            let api = rotations(scene);
            let outcome = until(case.says, &api, &rotation, refused).await;
            let said = api.get(&rotation).await?.status.unwrap_or_default().waiting_for;
            outcome.with_context(|| said.clone())?;
            ensure!(!said.contains("PRIVATE"), "{said}");
            ensure!(
                secrets.get_opt("unfit-ca-certs.2").await?.is_none(),
                "{}: it was taken",
                case.says
            );
            let trust = scene.trusts().get(mesh).await?;
            ensure!(trust.spec.rotation.is_none(), "{}: somebody was told", case.says);
            delete(&api, &rotation).await?;
            if case.secret.is_some() {
                delete(&secrets, "unfit-ca").await?;
            }
        }
        Ok(())
    });
}

#[test]
fn what_the_new_root_is_to_be_never_changes_and_is_one_thing() {
    run(async |scene| {
        let name = "decides";
        let provided = json!({ "certificate": { "name": "decides-ca" } });
        let of = |new_root: serde_json::Value| {
            json!({
                "apiVersion": "meshroot.dev/v1alpha1", "kind": "RootRotation",
                "metadata": { "name": "decides.2" },
                "spec": { "virtualMeshRef": { "name": name }, "newRoot": new_root },
            })
        };
        let both = of(json!({ "key": "ECDSA-P256", "provided": provided }));
        let refused =
            create::<RootRotation>(&rotations(scene), serde_json::from_value(both)?).await;
        let refused = format!("{:#}", refused.unwrap_err());
        ensure!(refused.contains("leave it out beside spec.newRoot.provided"), "{refused}");
        let one = of(json!({ "provided": provided }));
        create::<RootRotation>(&rotations(scene), serde_json::from_value(one)?).await?;
        for new_root in [
            json!({ "provided": { "certificate": { "name": "another" } } }),
            json!({ "provided": { "certificate": { "namespace": MESH_NAMESPACE } } }),
            json!({ "provided": null }),
        ] {
            let spec = json!({ "spec": { "newRoot": new_root } });
            let refused = merge(&rotations(scene), "decides.2", &spec).await;
            let refused = format!("{:#}", refused.unwrap_err());
            ensure!(refused.contains("spec.newRoot never changes"), "{refused}");
        }
        Ok(())
    });
}
