//! Resources, names, conditions, reasons and metrics of the Meshroot APIs.
//!
//! Two families with a hard line between them:
//! * `*.zephyr.solo.io/v1alpha1` is the original API, to the field ([`security`], [`networking`],
//!   [`discovery`], [`shared`]). Original clients decode strictly, so nothing may be added to it.
//! * `meshroot.dev/v1alpha1` is everything Meshroot adds ([`policy`], [`trust`], [`record`],
//!   [`rotation`], [`approval`]).
//!
//! On the wire both follow proto3 JSON: lowerCamelCase names, bytes as padded base64, enums by name,
//! and *absent means default*: defaults are never written and always understood.

#![allow(
    clippy::duplicated_attributes,
    reason = "every printer column of a kind has its own `type_`"
)]

pub mod approval;
pub mod asked;
pub mod bytes;
pub mod discovery;
pub mod facts;
pub mod metrics;
pub mod names;
pub mod networking;
pub mod policy;
pub mod reason;
pub mod record;
pub mod rotation;
mod rules;
pub mod security;
pub mod shared;
pub mod trust;

pub use approval::RequestApproval;
pub use asked::Asked;
pub use bytes::Bytes;
pub use discovery::{KubernetesCluster, Mesh};
pub use facts::Facts;
pub use networking::VirtualMesh;
pub use policy::TrustPolicy;
pub use reason::Reason;
pub use record::IssuanceRecord;
pub use rotation::RootRotation;
pub use security::VirtualMeshCertificateSigningRequest;
pub use trust::MeshTrust;

/// True for the value that proto3 JSON leaves out.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
