//! x
use kube::CustomResourceExt;
fn main(){ 
 for c in [meshroot_api::VirtualMeshCertificateSigningRequest::crd(), meshroot_api::VirtualMesh::crd(), meshroot_api::TrustPolicy::crd(), meshroot_api::MeshTrust::crd(), meshroot_api::IssuanceRecord::crd(), meshroot_api::Mesh::crd()] { println!("{}", serde_json::to_string_pretty(&c).unwrap()); }
}
