//! A request that passed every check.

use meshroot_api::{Mesh, VirtualMesh, VirtualMeshCertificateSigningRequest};
use meshroot_pki::{CertificateRequest, CheckedRequest, Host};

use super::subject_parts;
use crate::identity;
use crate::membership::Key;

/// A request that passed every check, with the names that its certificate is to carry. Only
/// [`decide`](super::decide) gives one out:
///
/// ```compile_fail,E0451
/// fn unchecked(request: meshroot_pki::CheckedRequest) -> meshroot_core::issuance::Checked {
///     let name = String::new;
///     meshroot_core::issuance::Checked {
///         request, organization: name(), virtual_mesh: name(), mesh: name(), generation: name(),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Checked {
    request: CheckedRequest,
    organization: String,
    virtual_mesh: String,
    mesh: String,
    generation: String,
}

impl Checked {
    /// Names what was checked: the certificate is for this mesh in this virtual mesh.
    pub(super) fn new(
        checked: CheckedRequest,
        request: &VirtualMeshCertificateSigningRequest,
        virtual_mesh: &VirtualMesh,
        mesh: &Mesh,
    ) -> Self {
        let (mesh, generation) = subject_parts(request, &Key::of(mesh).name);
        let config = &request.spec.cert_config;
        let organization = match config.org.as_str() {
            "" => identity::organization(config.mesh_type),
            organization => organization,
        };
        let organization = organization.to_owned();
        let virtual_mesh = Key::of(virtual_mesh).name;
        Self { request: checked, organization, virtual_mesh, mesh, generation }
    }

    /// What an order is made of.
    pub fn request(&self) -> &CheckedRequest {
        &self.request
    }

    /// The PKCS#10 request.
    pub fn csr(&self) -> &CertificateRequest {
        self.request.request()
    }

    /// What the certificate is to be named.
    pub fn hosts(&self) -> &[Host] {
        self.request.hosts()
    }

    /// The subject's organization: the mesh's type.
    pub fn organization(&self) -> &str {
        &self.organization
    }

    /// The virtual mesh's name.
    pub fn virtual_mesh(&self) -> &str {
        &self.virtual_mesh
    }

    /// The mesh's name.
    pub fn mesh(&self) -> &str {
        &self.mesh
    }

    /// Which of the mesh's requests it is.
    pub fn generation(&self) -> &str {
        &self.generation
    }
}
