//! What approval rules see of a request.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde::{Deserialize, Serialize};

/// What rules see of one request, of what would be signed for it and of what it is for.
///
/// It stands as JSON in the IssuanceRecord, so that other rules can be tried on what was decided. What a release adds is
/// absent in older records, and read as empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Facts {
    /// The request.
    pub request: RequestFacts,
    /// The PKCS#10 request in it.
    pub csr: CsrFacts,
    /// What would be signed.
    pub certificate: CertificateFacts,
    /// The mesh, as its agent describes it; only name, namespace and cluster are not the agent's to choose.
    pub mesh: MeshFacts,
    /// The virtual mesh.
    pub virtual_mesh: VirtualMeshFacts,
}

/// The request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RequestFacts {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its number, from 1; 0 where its name has none, as in the original system.
    pub number: u32,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Time>,
    /// Why it was made, as its annotation says: `KeyCompromised`, `RenewalAsked`.
    pub reason: String,
    /// Who created it with a key of their own; empty where the cluster's agent made the key.
    pub key_brought_by: String,
}

/// The PKCS#10 request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CsrFacts {
    /// SHA-256 of its DER, in hex.
    pub sha256: String,
    /// Its subject (RFC 4514). Nothing of it is signed.
    pub subject: String,
    /// Its names; either none or the certificate's.
    pub hosts: Vec<String>,
    /// SHA-256 of the public key's SubjectPublicKeyInfo, in hex.
    pub key_sha256: String,
}

/// A certificate, as far as rules see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CertificateFacts {
    /// Subject alternative names.
    pub hosts: Vec<String>,
    /// Organization in the subject.
    pub organization: String,
    /// Kind of its key: `ECDSA-P256`, `RSA-2048`.
    pub key: String,
    /// Lifetime: a number of seconds with an `s` behind it.
    pub lifetime: String,
    /// Path length.
    pub path_len: u8,
}

/// The mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MeshFacts {
    /// Its name.
    pub name: String,
    /// Its namespace on the hub.
    pub namespace: String,
    /// Its cluster.
    pub cluster: String,
    /// Its type: `istio`.
    #[serde(rename = "type")]
    pub mesh_type: String,
    /// Namespace of its control plane.
    pub installation_namespace: String,
    /// Version of its control plane.
    pub version: String,
    /// SPIFFE trust domain.
    pub trust_domain: String,
    /// Labels of the Mesh.
    pub labels: BTreeMap<String, String>,
}

/// The virtual mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VirtualMeshFacts {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}
