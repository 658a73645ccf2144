//! The kinds that people look at, their short names and their columns.

mod columns;
mod mesh;
mod policy;
mod request;

use std::str::FromStr;

use jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject};
use meshroot_api::{
    IssuanceRecord, KubernetesCluster, Mesh, MeshTrust, RequestApproval, RootRotation, TrustPolicy,
    VirtualMesh, VirtualMeshCertificateSigningRequest,
};

pub use request::decided_by;

use crate::Table;
use columns::{cells, titles};

/// A kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// VirtualMesh.
    VirtualMesh,
    /// VirtualMeshCertificateSigningRequest.
    Request,
    /// Mesh.
    Mesh,
    /// MeshTrust.
    MeshTrust,
    /// TrustPolicy.
    TrustPolicy,
    /// RootRotation.
    RootRotation,
    /// IssuanceRecord.
    Record,
    /// RequestApproval.
    Approval,
    /// KubernetesCluster.
    Cluster,
}

impl Kind {
    /// All of them, in the order in which an overview shows them.
    pub const ALL: [Self; 9] = [
        Self::VirtualMesh,
        Self::TrustPolicy,
        Self::RootRotation,
        Self::Cluster,
        Self::Mesh,
        Self::Request,
        Self::Approval,
        Self::MeshTrust,
        Self::Record,
    ];

    /// The word for it in commands and messages.
    pub fn word(self) -> &'static str {
        self.words()[0]
    }

    /// The resource that the API serves it as.
    pub fn resource(self) -> ApiResource {
        match self {
            Self::VirtualMesh => ApiResource::erase::<VirtualMesh>(&()),
            Self::Request => ApiResource::erase::<VirtualMeshCertificateSigningRequest>(&()),
            Self::Mesh => ApiResource::erase::<Mesh>(&()),
            Self::MeshTrust => ApiResource::erase::<MeshTrust>(&()),
            Self::TrustPolicy => ApiResource::erase::<TrustPolicy>(&()),
            Self::RootRotation => ApiResource::erase::<RootRotation>(&()),
            Self::Record => ApiResource::erase::<IssuanceRecord>(&()),
            Self::Approval => ApiResource::erase::<RequestApproval>(&()),
            Self::Cluster => ApiResource::erase::<KubernetesCluster>(&()),
        }
    }

    /// Titles of its columns.
    fn titles(self, wide: bool) -> Vec<&'static str> {
        match self {
            Self::VirtualMesh => titles(policy::VIRTUAL_MESH, wide),
            Self::Request => titles(request::REQUEST, wide),
            Self::Mesh => titles(mesh::MESH, wide),
            Self::MeshTrust => titles(mesh::MESH_TRUST, wide),
            Self::TrustPolicy => titles(policy::TRUST_POLICY, wide),
            Self::RootRotation => titles(policy::ROOT_ROTATION, wide),
            Self::Record => titles(request::RECORD, wide),
            Self::Approval => titles(request::APPROVAL, wide),
            Self::Cluster => titles(mesh::CLUSTER, wide),
        }
    }

    /// The cells of one object, as many as there are titles.
    pub fn row(self, object: &DynamicObject, now: Timestamp, wide: bool) -> Vec<String> {
        match self {
            Self::VirtualMesh => cells(policy::VIRTUAL_MESH, object, now, wide),
            Self::Request => cells(request::REQUEST, object, now, wide),
            Self::Mesh => cells(mesh::MESH, object, now, wide),
            Self::MeshTrust => cells(mesh::MESH_TRUST, object, now, wide),
            Self::TrustPolicy => cells(policy::TRUST_POLICY, object, now, wide),
            Self::RootRotation => cells(policy::ROOT_ROTATION, object, now, wide),
            Self::Record => cells(request::RECORD, object, now, wide),
            Self::Approval => cells(request::APPROVAL, object, now, wide),
            Self::Cluster => cells(mesh::CLUSTER, object, now, wide),
        }
    }

    /// The table of `objects`; with the columns for wide screens if `wide`.
    pub fn table(self, objects: &[DynamicObject], now: Timestamp, wide: bool) -> Table {
        let mut table = Table::new(&self.titles(wide));
        for object in objects {
            table.push(self.row(object, now, wide));
        }
        table
    }

    /// What it may be called, the word that we use first. Singular, plural and short names of the API are
    /// all understood.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::VirtualMesh => &["vm", "vmesh", "virtualmesh", "virtualmeshes"],
            Self::Request => &[
                "vmcsr",
                "vmcsrs",
                "request",
                "requests",
                "virtualmeshcertificatesigningrequest",
                "virtualmeshcertificatesigningrequests",
            ],
            Self::Mesh => &["mesh", "meshes"],
            Self::MeshTrust => &["meshtrust", "mt", "mtrust", "meshtrusts"],
            Self::TrustPolicy => &["trustpolicy", "tp", "tpol", "trustpolicies"],
            Self::RootRotation => {
                &["rotation", "rrot", "rotations", "rootrotation", "rootrotations"]
            }
            Self::Record => {
                &["record", "ir", "irec", "records", "issuancerecord", "issuancerecords"]
            }
            Self::Approval => {
                &["approval", "approvals", "reqappr", "requestapproval", "requestapprovals"]
            }
            Self::Cluster => &["cluster", "clusters", "kubernetescluster", "kubernetesclusters"],
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = text.to_ascii_lowercase();
        Self::ALL.into_iter().find(|kind| kind.words().contains(&word.as_str())).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|kind| kind.word()).collect();
            format!("{text:?} is not a kind; use one of {}", known.join(", "))
        })
    }
}
