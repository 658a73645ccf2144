//! Requests that are refused: each says its own reason, and nothing is recorded or signed for it.

use anyhow::{Result, ensure};
use kube::Api;
use meshroot_api::discovery::{AwsAppMesh, MeshSpec};
use meshroot_api::security::{CertConfig, VirtualMeshCertificateSigningRequestSpec as RequestSpec};
use meshroot_api::shared::{MeshType, ResourceRef};
use meshroot_api::{Bytes, Mesh, VirtualMeshCertificateSigningRequest as Request};
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use rstest::rstest;

use crate::common::openssl::OpenSsl;
use crate::common::{HOME, Scene, create, delete, judge, message_of, until};
use crate::{answer, first, identity, request_for, run};

/// Makes the bytes that are submitted for a mesh.
type Bad = fn(&OpenSsl, &str) -> Result<Vec<u8>>;

#[rstest]
#[case("csr-nonsense", "CsrMalformed", |_: &OpenSsl, _: &str| Ok(b"hello".to_vec()))]
#[case("csr-trailing", "CsrMalformed", |openssl: &OpenSsl, mesh: &str| Ok([good_der(openssl, mesh)?, vec![0]].concat()))]
#[case("csr-two", "CsrMalformed", |_: &OpenSsl, mesh: &str| Ok(request_for(&[&identity(mesh)])?.repeat(2).into_bytes()))]
#[case("csr-certificate", "CsrMalformed", |openssl: &OpenSsl, _: &str| {
    Ok(openssl.certificate("none", "", None, "351231000000Z")?.certificate.into_bytes())
})]
#[case("csr-private-key", "CsrMalformed", |openssl: &OpenSsl, _: &str| Ok(openssl.elliptic_key()?.into_bytes()))]
#[case("csr-signature", "CsrSignatureInvalid", |openssl: &OpenSsl, mesh: &str| {
    let mut der = good_der(openssl, mesh)?;
    *der.last_mut().unwrap() ^= 1;
    Ok(der)
})]
#[case("csr-small", "WeakKey", |openssl: &OpenSsl, _: &str| of_key(openssl, &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"]))]
#[case("csr-exponent", "WeakKey", |openssl: &OpenSsl, _: &str| {
    of_key(openssl, &["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3"])
})]
#[case("csr-curve", "WeakKey", |openssl: &OpenSsl, _: &str| of_key(openssl, &["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"]))]
#[case("csr-other-host", "HostsMismatch", |_: &OpenSsl, _: &str| Ok(request_for(&[&identity("elsewhere")])?.into_bytes()))]
#[case("csr-more-hosts", "HostsMismatch", |_: &OpenSsl, mesh: &str| Ok(request_for(&[&identity(mesh), "example.org"])?.into_bytes()))]
fn a_certificate_signing_request_that_cannot_be_accepted_says_why(
    #[case] mesh: &str,
    #[case] reason: &str,
    #[case] bad: Bad,
) {
    run(async |scene| {
        scene.make_both(mesh, |_, _| ()).await?;
        scene.submit(&first(mesh), bad(&OpenSsl::new()?, mesh)?).await?;
        refused(scene, &first(mesh), reason, "INVALID").await?;
        let (state, message) = scene.virtual_mesh_says(mesh, reason).await?;
        ensure!(
            state == "INVALID" && message.contains(mesh),
            "the virtual mesh says {state}: {message}"
        );
        Ok(())
    });
}

fn good_der(openssl: &OpenSsl, mesh: &str) -> Result<Vec<u8>> {
    openssl.request_der(&request_for(&[&identity(mesh)])?)
}

fn of_key(openssl: &OpenSsl, kind: &[&str]) -> Result<Vec<u8>> {
    Ok(openssl.request(&openssl.key(kind)?, "/", "")?.into_bytes())
}

#[test]
fn a_key_that_another_request_of_the_virtual_mesh_used_is_refused() {
    run(async |scene| {
        let (one, two) = ("reuse-one", "reuse-two");
        scene.make_mesh(two).await?;
        scene.make_both(one, |spec, _| spec.meshes.push(ResourceRef::new(two, HOME))).await?;
        let csr = request_for(&[])?;
        scene.submit(&first(one), csr.clone()).await?;
        judge::issued_once(scene, &first(one)).await?;
        let second = format!("{two}.{one}.1");
        scene.submit(&second, csr).await?;
        let message = refused(scene, &second, "KeyReused", "INVALID").await?;
        ensure!(message.contains(&first(one)), "the earlier request is not named: {message}");
        Ok(())
    });
}

/// What is wrong with a request that the agent writes by itself.
type Wrong = fn(&mut RequestSpec);

#[rstest]
#[case("agent-other-mesh", "HostOfAnotherMesh", |spec: &mut RequestSpec| spec.cert_config.hosts = vec![identity("agent-victim")])]
#[case("agent-any-host", "HostNotAllowed", |spec: &mut RequestSpec| spec.cert_config.hosts.push("example.org".into()))]
#[case("agent-unknown", "UnknownVirtualMesh", |spec: &mut RequestSpec| spec.virtual_mesh_ref.name = "nowhere".into())]
#[case("agent-misnamed", "NameMismatch", |spec: &mut RequestSpec| spec.virtual_mesh_ref.name = "agent-victim".into())]
#[case("agent-type", "UnsupportedMesh", |spec: &mut RequestSpec| spec.cert_config.mesh_type = MeshType::AppMesh)]
fn a_request_that_an_agent_made_up_is_refused(
    #[case] mesh: &str,
    #[case] reason: &str,
    #[case] wrong: Wrong,
) {
    run(async |scene| {
        victim(scene).await?;
        scene.make_both(mesh, |_, _| ()).await?;
        let name = format!("{mesh}.{mesh}.7");
        ask(scene, &name, mesh, wrong).await?;
        refused(scene, &name, reason, "INVALID").await?;
        Ok(())
    });
}

#[test]
fn a_mesh_that_asks_without_end_waits_once_its_budget_is_spent() {
    run(async |scene| {
        let mesh = "agent-greedy";
        scene.make_both(mesh, |_, _| ()).await?;
        let with_a_key = |spec: &mut RequestSpec| {
            spec.cert_config.org = "Istio".into();
            let host = spec.cert_config.hosts[0].clone();
            spec.csr_data = Bytes(request_for(&[&host]).unwrap_or_default().into_bytes());
        };
        for number in 2..=31 {
            let name = format!("{mesh}.{mesh}.{number}");
            ask(scene, &name, mesh, with_a_key).await?;
            judge::issued_once(scene, &name).await?;
        }
        let name = format!("{mesh}.{mesh}.32");
        ask(scene, &name, mesh, with_a_key).await?;
        refused(scene, &name, "BudgetSpent", "PROCESSING_ERROR").await?;
        Ok(())
    });
}

#[test]
fn a_request_for_a_mesh_that_does_not_exist_is_refused() {
    run(async |scene| {
        victim(scene).await?;
        let name = "nobody.agent-victim.1";
        ask(scene, name, "nobody", |spec| spec.virtual_mesh_ref.name = "agent-victim".into())
            .await?;
        refused(scene, name, "UnknownMesh", "INVALID").await?;
        Ok(())
    });
}

#[test]
fn a_request_for_a_mesh_that_is_no_member_is_refused() {
    run(async |scene| {
        victim(scene).await?;
        let mesh = "agent-stranger";
        scene.make_mesh(mesh).await?;
        let name = "agent-stranger.agent-victim.1";
        ask(scene, name, mesh, |spec| spec.virtual_mesh_ref.name = "agent-victim".into()).await?;
        refused(scene, name, "NotAMember", "INVALID").await?;
        Ok(())
    });
}

#[test]
fn a_request_for_an_app_mesh_is_refused() {
    run(async |scene| {
        let mesh = "agent-app-mesh";
        let spec = MeshSpec { aws_app_mesh: Some(AwsAppMesh::default()), ..MeshSpec::default() };
        create(&scene.meshes(), Mesh::new(mesh, spec)).await?;
        scene.make_virtual_mesh(mesh, |_, _| ()).await?;
        ask(scene, &first(mesh), mesh, |_| ()).await?;
        refused(scene, &first(mesh), "UnsupportedMesh", "INVALID").await?;
        Ok(())
    });
}

#[test]
fn a_request_that_is_made_again_under_its_name_gets_no_second_certificate() {
    run(async |scene| {
        let mesh = "again";
        scene.make_both(mesh, |_, _| ()).await?;
        answer(scene, mesh).await?;
        judge::issued_once(scene, &first(mesh)).await?;
        delete(&scene.requests(), &first(mesh)).await?;
        ask(scene, &first(mesh), mesh, |_| ()).await?;
        let message = message_of(&scene.request_says(&first(mesh), "RecordMismatch").await?);
        let request = scene.requests().get(&first(mesh)).await?;
        ensure!(
            request.status_or_default().computed_status.state.word() == "CONFLICT",
            "{message}"
        );
        ensure!(!request.is_answered(), "it was answered again");
        Ok(())
    });
}

/// A mesh whose identity others would like to have. Several tests may make it.
async fn victim(scene: &Scene) -> Result<()> {
    static MADE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    MADE.get_or_try_init(|| scene.make_both("agent-victim", |_, _| ())).await?;
    until("the victim is there", &scene.requests(), &first("agent-victim"), |_| true).await?;
    Ok(())
}

/// Creates a request with the agent's rights.
async fn ask(scene: &Scene, name: &str, mesh: &str, wrong: Wrong) -> Result<()> {
    let mut spec = RequestSpec {
        csr_data: Bytes(request_for(&[])?.into_bytes()),
        cert_config: CertConfig {
            hosts: vec![identity(mesh)],
            org: String::new(),
            mesh_type: MeshType::Istio,
        },
        virtual_mesh_ref: ResourceRef::new(mesh, SYSTEM_NAMESPACE),
    };
    wrong(&mut spec);
    let api: Api<Request> = Api::namespaced(scene.agent.clone(), HOME);
    create(&api, Request::new(name, spec)).await?;
    Ok(())
}

/// Waits for the refusal, which leaves neither a record nor a certificate; returns its message.
async fn refused(scene: &Scene, request: &str, reason: &str, state: &str) -> Result<String> {
    let seen = scene.request_says(request, reason).await?;
    let status = seen.status_or_default();
    let message = status.computed_status.message.clone();
    ensure!(
        status.computed_status.state.word() == state,
        "{}: {message}",
        status.computed_status.state.word()
    );
    ensure!(!seen.is_answered(), "it was answered");
    ensure!(scene.records().get_opt(request).await?.is_none(), "it was recorded");
    ensure!(!message.contains("PRIVATE") && message.len() < 1024, "{message}");
    Ok(message)
}
