//! A mesh whose key is believed stolen: what was issued to it is revoked, and who believes it is said.

use anyhow::{Context as _, Result, ensure};
use kube::Api;
use kube::api::PostParams;
use meshroot_api::names::{REASON_ANNOTATION, RequestName};
use meshroot_api::policy::TrustPolicyStatus;
use meshroot_api::record::Verdict;
use meshroot_api::{
    IssuanceRecord, MeshTrust, TrustPolicy, VirtualMeshCertificateSigningRequest as Request, names,
};
use meshroot_pki::{
    Certificate, Coverage, PathError, PathOptions, Purpose, RevocationList, build_path,
    check_revocation, parse_bundle, read_revocation_lists,
};
use meshroot_runtime::process::clock;
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use serde_json::json;

use crate::common::openssl::{AUTHORITY, OpenSsl, Pair};
use crate::common::{HOME, Scene, all, create, judge, merge, until};
use crate::provided_roots::{LATER, make, root_secret};
use crate::{answer, first, run};

#[test]
fn what_was_issued_to_a_mesh_is_revoked_once_it_has_the_certificate_of_a_new_key() {
    run(async |scene| {
        let name = "stolen";
        let old = issued(scene, name).await?;
        renew(scene, name, 2, "KeyCompromised").await?;
        ensure!(revocations(scene, name).await?.is_empty(), "before there is a new certificate");
        scene.submit(&numbered(name, 2), request(name)?).await?;
        let new = judge::issued_once(scene, &numbered(name, 2)).await?;

        let status = policy_says(scene, name, 1).await?;
        let list = list_of(&status)?;
        ensure!(
            matches!(revoked(scene, name, &old, &list).await?, Err(PathError::Revoked { .. })),
            "the old one is not refused"
        );
        revoked(scene, name, &new, &list).await??;
        let [record] = &revocations(scene, name).await?[..] else { anyhow::bail!("one record") };
        let prepared = record.spec.prepared.as_ref().context("what is revoked")?;
        ensure!(prepared.serial.ends_with(&old.serial().to_string()), "{prepared:?}");
        let said = &record.spec.decision.message;
        ensure!(
            *said
                == format!(
                    "the key of {HOME}/{} is believed stolen, says {}",
                    first(name),
                    numbered(name, 2)
                ),
            "{said}"
        );
        let exposed = status.conditions.iter().find(|one| one.type_ == "KeyExposed");
        let exposed = exposed.context("the policy says who believes it")?;
        ensure!(exposed.reason == "Revoked", "{exposed:?}");
        let expected = format!(
            "{said}; workloads of {HOME}/{name} believe what it signs until {}, sooner where the root is replaced: \
             meshroot rotate root {SYSTEM_NAMESPACE}/{name}",
            old.not_after()
        );
        ensure!(exposed.message == expected, "{}", exposed.message);
        judge::is_a_chain(&records(scene), SYSTEM_NAMESPACE).await.map(drop)
    });
}

/// An agent chooses the number. The last of all, after which there is none for the next request, is not issued.
#[test]
fn what_was_issued_after_a_jump_in_the_numbers_is_revoked_and_the_last_number_there_is_is_refused()
{
    run(async |scene| {
        let name = "stolen-last";
        issued(scene, name).await?;
        renew(scene, name, u32::MAX, "RenewalAsked").await?;
        scene.submit(&numbered(name, u32::MAX), request(name)?).await?;
        let is_refused = |request: &Request| {
            let said = request.status_or_default().computed_status.message;
            said.starts_with("NameMismatch: the number in its name is more than a thousand above")
        };
        let last = numbered(name, u32::MAX);
        until("it is refused", &scene.requests(), &last, is_refused).await?;
        reissue(scene, name, 1000, "RenewalAsked").await?;
        reissue(scene, name, 1001, "KeyCompromised").await?;
        policy_says(scene, name, 2).await.map(drop)
    });
}

#[test]
fn the_list_stays_as_it_is_until_something_else_is_revoked() {
    run(async |scene| {
        let name = "stolen-twice";
        issued(scene, name).await?;
        reissue(scene, name, 2, "KeyCompromised").await?;
        let first_list = list_of(&policy_says(scene, name, 1).await?)?;
        // Has the hub look at all of it again.
        let spec = json!({ "spec": { "intermediate": { "renewAtPercent": 60 } } });
        let policy: TrustPolicy = merge(&scene.policies(), name, &spec).await?;
        let seen = |it: &TrustPolicy| {
            it.status.as_ref().and_then(|status| status.observed_generation)
                == policy.metadata.generation
        };
        let looked = until("the hub has looked", &scene.policies(), name, seen).await?;
        ensure!(
            list_of(&looked.status.unwrap_or_default())? == first_list,
            "signed again for nothing"
        );
        reissue(scene, name, 3, "KeyCompromised").await?;
        let second_list = list_of(&policy_says(scene, name, 2).await?)?;
        ensure!(second_list.number() > first_list.number(), "{:?}", second_list.number());
        judge::is_a_chain(&records(scene), SYSTEM_NAMESPACE).await.map(drop)
    });
}

#[test]
fn a_renewal_for_another_reason_revokes_nothing() {
    run(async |scene| {
        let name = "not-stolen";
        issued(scene, name).await?;
        reissue(scene, name, 2, "RenewalAsked").await?;
        // Its own look at the request comes before that at the next one.
        reissue(scene, name, 3, "RenewalAsked").await?;
        ensure!(revocations(scene, name).await?.is_empty(), "something was revoked");
        let policy = scene.policies().get(name).await?.status.unwrap_or_default();
        ensure!(policy.roots.iter().all(|root| root.revocation_list.is_empty()), "{policy:?}");
        Ok(())
    });
}

#[test]
fn a_list_that_was_lost_is_signed_again_with_the_same_entries() {
    run(async |scene| {
        let name = "list-lost";
        issued(scene, name).await?;
        reissue(scene, name, 2, "KeyCompromised").await?;
        let before = list_of(&policy_says(scene, name, 1).await?)?;
        let policy = scene.policies().get(name).await?;
        let wiped = TrustPolicy { status: None, ..policy };
        scene.policies().replace_status(name, &PostParams::default(), &wiped).await?;
        let after = list_of(&policy_says(scene, name, 1).await?)?;
        ensure!(after.entries() == before.entries(), "{:?}", after.entries());
        Ok(())
    });
}

/// A company extends the life of its root: the same name and key, another certificate.
#[test]
fn what_is_revoked_stays_on_the_list_when_the_certificate_of_its_issuer_is_made_anew() {
    run(async |scene| {
        let openssl = OpenSsl::new()?;
        let root = openssl.certificate("Company root", AUTHORITY, None, "321231000000Z")?;
        let name = "stolen-extended";
        let old = issued_under(scene, name, &root).await?;
        reissue(scene, name, 2, "KeyCompromised").await?;
        policy_says(scene, name, 1).await?;
        let extended =
            openssl.certificate_for(root.key.clone(), "Company root", AUTHORITY, None, LATER)?;
        let secrets = scene.hub_secrets(SYSTEM_NAMESPACE);
        secrets.replace(name, &PostParams::default(), &root_secret(name, &extended)).await?;
        let both = |trust: &MeshTrust| trust.spec.trust_anchors.matches("BEGIN").count() == 2;
        // Has the hub read it at once.
        let spec = json!({ "spec": { "root": { "rotateAtPercent": 60 } } });
        merge(&scene.policies(), name, &spec).await?;
        until("the member trusts both", &scene.trusts(), name, both).await?;

        let status = policy_says(scene, name, 1).await?;
        let extended = Certificate::from_pem(extended.certificate.as_bytes())?;
        ensure!(
            status.roots[0].fingerprint == extended.fingerprint().to_string(),
            "{:?}",
            status.roots
        );
        ensure!(status.conditions.iter().any(|one| one.type_ == "KeyExposed"), "{status:?}");
        let verdict = revoked(scene, name, &old, &list_of(&status)?).await?;
        ensure!(matches!(verdict, Err(PathError::Revoked { .. })), "{verdict:?}");
        Ok(())
    });
}

#[test]
fn a_root_that_may_sign_no_lists_has_none_and_the_policy_says_why() {
    run(async |scene| {
        let usage = AUTHORITY.replace("keyCertSign,cRLSign", "keyCertSign");
        let root = OpenSsl::new()?.certificate("Company root", &usage, None, LATER)?;
        let name = "stolen-unlisted";
        issued_under(scene, name, &root).await?;
        reissue(scene, name, 2, "KeyCompromised").await?;
        let says = |policy: &TrustPolicy| {
            let conditions = policy.status.iter().flat_map(|status| &status.conditions);
            let mut exposed = conditions.filter(|one| one.type_ == "KeyExposed");
            let why = "no revocation list says so: the keyUsage of CN=Company root lacks cRLSign";
            exposed.any(|one| one.message.contains(why))
        };
        let policy = until("the policy says why", &scene.policies(), name, says).await?;
        let roots = policy.status.unwrap_or_default().roots;
        ensure!(roots.iter().all(|root| root.revocation_list.is_empty()), "{roots:?}");
        Ok(())
    });
}

/// Both, under a root of a company, and the first certificate of the mesh.
async fn issued_under(scene: &Scene, name: &str, root: &Pair) -> Result<Certificate> {
    create(&scene.hub_secrets(SYSTEM_NAMESPACE), root_secret(name, root)).await?;
    make(scene, name).await?;
    answer(scene, name).await?;
    judge::issued_once(scene, &first(name)).await
}

/// Both, and the first certificate of the mesh.
async fn issued(scene: &Scene, name: &str) -> Result<Certificate> {
    scene.make_both(name, |_, _| ()).await?;
    answer(scene, name).await?;
    judge::issued_once(scene, &first(name)).await
}

fn numbered(name: &str, generation: u32) -> String {
    RequestName { generation, ..RequestName::first(name, name) }.to_string()
}

fn request(name: &str) -> Result<String> {
    crate::request_for(&[&crate::identity(name)])
}

/// As `meshroot renew` does it.
async fn renew(scene: &Scene, name: &str, generation: u32, reason: &str) -> Result<()> {
    let mut renewal = scene.requests().get(&first(name)).await?;
    renewal.spec.csr_data = meshroot_api::Bytes::default();
    renewal.status = None;
    let mut metadata = kube::core::ObjectMeta {
        name: Some(numbered(name, generation)),
        labels: renewal.metadata.labels.clone(),
        ..Default::default()
    };
    metadata.annotations = Some([(REASON_ANNOTATION.to_owned(), reason.to_owned())].into());
    let renewal: Request = Request { metadata, ..renewal };
    create(&scene.requests(), renewal).await?;
    Ok(())
}

async fn reissue(scene: &Scene, name: &str, generation: u32, reason: &str) -> Result<()> {
    renew(scene, name, generation, reason).await?;
    scene.submit(&numbered(name, generation), request(name)?).await?;
    judge::issued_once(scene, &numbered(name, generation)).await?;
    Ok(())
}

fn records(scene: &Scene) -> Api<IssuanceRecord> {
    Api::namespaced(scene.hub.clone(), SYSTEM_NAMESPACE)
}

/// The records by which certificates of a virtual mesh were revoked.
async fn revocations(scene: &Scene, name: &str) -> Result<Vec<IssuanceRecord>> {
    let mut revoked = all(&records(scene)).await?;
    revoked.retain(|record| {
        record.spec.decision.verdict == Verdict::Revoked
            && record
                .metadata
                .name
                .as_deref()
                .is_some_and(|own| own.starts_with(&names::revocation(name, "")))
    });
    Ok(revoked)
}

/// The policy's status once its list has so many entries.
async fn policy_says(scene: &Scene, name: &str, entries: usize) -> Result<TrustPolicyStatus> {
    let says = |policy: &TrustPolicy| {
        let list = policy.status.as_ref().map(list_of).and_then(Result::ok);
        list.is_some_and(|list| list.entries().len() == entries)
    };
    let policy = until("the list has them", &scene.policies(), name, says).await?;
    Ok(policy.status.unwrap_or_default())
}

fn list_of(status: &TrustPolicyStatus) -> Result<RevocationList> {
    let root = status.roots.first().context("there is a root")?;
    let lists = read_revocation_lists(root.revocation_list.as_bytes())?;
    lists.into_iter().next().context("there is a list")
}

/// What somebody with the list makes of a certificate.
async fn revoked(
    scene: &Scene,
    name: &str,
    certificate: &Certificate,
    list: &RevocationList,
) -> Result<Result<(), PathError>> {
    let trust = scene.trusts().get(name).await?;
    let roots = parse_bundle(trust.spec.trust_anchors.as_bytes())?;
    let at = clock::now();
    let path = build_path(certificate, &[], &roots, &PathOptions::new(at, Purpose::Any))?;
    Ok(check_revocation(&path, std::slice::from_ref(list), Coverage::EveryIssuer, at))
}
