//! Requests as the original Service Mesh Hub wrote them.

use anyhow::ensure;
use kube::Api;
use meshroot_api::security::{CertConfig, VirtualMeshCertificateSigningRequestSpec as RequestSpec};
use meshroot_api::shared::{MeshType, ResourceRef};
use meshroot_api::{Bytes, VirtualMeshCertificateSigningRequest as Request};
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use rstest::rstest;

use crate::common::openssl::OpenSsl;
use crate::common::{HOME, create, judge};
use crate::{identity, run};

#[rstest]
#[case("original-pem", false)]
#[case("original-der", true)]
fn a_request_of_the_original_system_is_answered(#[case] mesh: &str, #[case] der: bool) {
    run(async |scene| {
        scene.make_both(mesh, |_, _| ()).await?;
        let openssl = OpenSsl::new()?;
        let pem = openssl.request(
            &openssl.key(&["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"])?,
            "/",
            "",
        )?;
        let csr = if der { openssl.request_der(&pem)? } else { pem.into_bytes() };
        let spec = RequestSpec {
            csr_data: Bytes(csr),
            cert_config: CertConfig {
                hosts: vec![identity(mesh)],
                org: "Istio".to_owned(),
                mesh_type: MeshType::Istio,
            },
            virtual_mesh_ref: ResourceRef::new(mesh, SYSTEM_NAMESPACE),
        };
        let name = format!("istio-{mesh}-east-cert-request");
        let as_agent: Api<Request> = Api::namespaced(scene.agent.clone(), HOME);
        create(&as_agent, Request::new(&name, spec)).await?;
        let certificate = judge::issued_once(scene, &name).await?;
        let hosts: Vec<String> = certificate.hosts().iter().map(ToString::to_string).collect();
        ensure!(hosts == [identity(mesh)], "it is named {hosts:?}");
        ensure!(!certificate.subject().is_empty(), "the subject is empty");
        Ok(())
    });
}
