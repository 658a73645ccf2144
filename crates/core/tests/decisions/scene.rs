//! One cluster, one Istio, one virtual mesh and one request: what a decision is made on. A test changes one thing.

use std::sync::Arc;

use jiff::Timestamp;
use meshroot_api::discovery::{AwsAppMesh, IstioMesh, LinkerdMesh, MeshSpec};
use meshroot_api::networking::VirtualMeshSpec;
use meshroot_api::policy::{ApprovalMode, ApprovalRule, TrustPolicySpec};
use meshroot_api::record::IssuanceRecordSpec;
use meshroot_api::security::{
    ApprovalStatus, CertConfig, ThirdPartyApprovalWorkflow,
    VirtualMeshCertificateSigningRequestSpec, VirtualMeshCertificateSigningRequestStatus,
};
use meshroot_api::shared::{MeshType, ResourceRef};
use meshroot_api::{
    Mesh, Reason, RequestApproval, VirtualMesh, VirtualMeshCertificateSigningRequest,
};
use meshroot_core::Notice;
use meshroot_core::issuance::{Checked, Decision, Snapshot, decide, waiting_for_approval};
use meshroot_core::membership::{Key, Membership};
use meshroot_core::rules::Last;
use meshroot_pki::{BlockList, CertificateRequest, DistinguishedName, Host, PrivateKey};

use crate::x509::{hosts, intermediate_key, openssl};

pub(crate) const MESH: &str = "istio-istio-system-east";
pub(crate) const REQUEST: &str = "istio-istio-system-east.demo.1";
pub(crate) const NAMESPACE: &str = "meshroot-cluster-east";
pub(crate) const IDENTITY: &str = "spiffe://cluster.local/ns/istio-system/sa/istiod";

/// A block list of one key.
pub(crate) fn blocking(key: &PrivateKey) -> BlockList {
    BlockList::parse("lost.txt", &key.public_key().fingerprint().to_string()).unwrap()
}

/// All that is looked at, owned.
pub(crate) struct Scene {
    pub(crate) request: VirtualMeshCertificateSigningRequest,
    /// The ledger's entry.
    pub(crate) record: Option<IssuanceRecordSpec>,
    pub(crate) virtual_mesh: Option<VirtualMesh>,
    pub(crate) has_policy: bool,
    pub(crate) mesh: Option<Mesh>,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) mode: ApprovalMode,
    /// A later request was answered.
    pub(crate) superseded: bool,
    pub(crate) far_ahead: bool,
    pub(crate) membership: Membership,
    /// A host that is another mesh's identity.
    pub(crate) other_mesh: Option<(Host, Key)>,
    /// The request that used the key before.
    pub(crate) earlier: Option<Key>,
    /// The ledger's entry for the certificate before.
    pub(crate) last: Option<IssuanceRecordSpec>,
    pub(crate) rules: Vec<ApprovalRule>,
    /// What people gave.
    pub(crate) approvals: Vec<Arc<RequestApproval>>,
    /// How many of them it takes.
    pub(crate) required: Option<u8>,
    /// What the operator wants refused.
    pub(crate) blocked: BlockList,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

impl Scene {
    /// A request that is approved by policy.
    pub(crate) fn new() -> Self {
        Self {
            request: request(REQUEST, csr(intermediate_key(), &[IDENTITY]).to_pem().into_bytes()),
            record: None,
            virtual_mesh: Some(virtual_mesh(MESH)),
            has_policy: true,
            mesh: Some(mesh(istio())),
            allowed_hosts: Vec::new(),
            mode: ApprovalMode::Automatic,
            superseded: false,
            far_ahead: false,
            membership: Membership::default(),
            other_mesh: None,
            earlier: None,
            last: None,
            rules: Vec::new(),
            approvals: Vec::new(),
            required: None,
            blocked: BlockList::default(),
            now: 0,
        }
    }

    pub(crate) fn with_csr(bytes: impl Into<Vec<u8>>) -> Self {
        let mut scene = Self::new();
        scene.request.spec.csr_data.0 = bytes.into();
        scene
    }

    /// Both the request's configuration and its PKCS#10 ask for these hosts.
    pub(crate) fn with_hosts(texts: &[&str]) -> Self {
        let mut scene = Self::with_csr(csr(intermediate_key(), texts).to_pem());
        scene.request.spec.cert_config.hosts = texts.iter().map(ToString::to_string).collect();
        scene
    }

    pub(crate) fn decided_by_third_party(
        mut self,
        approval: ApprovalStatus,
        message: &str,
    ) -> Self {
        let status = self.status();
        status.third_party_approval.approval_status = approval;
        status.third_party_approval.message =
            ThirdPartyApprovalWorkflow::signed(approval, "alice", message);
        self
    }

    pub(crate) fn status(&mut self) -> &mut VirtualMeshCertificateSigningRequestStatus {
        self.request.status.get_or_insert_default()
    }

    pub(crate) fn decide(&self) -> Decision {
        let mesh_of_host = |host: &Host| {
            assert_ne!(
                host.to_string(),
                IDENTITY,
                "the mesh's own identity is nobody else's concern"
            );
            self.other_mesh.as_ref().filter(|(other, _)| other == host).map(|(_, key)| key.clone())
        };
        let mut policy = TrustPolicySpec::default();
        policy.hosts.allow.clone_from(&self.allowed_hosts);
        policy.approval.mode = self.mode;
        policy.approval.required = self.required;
        policy.approval.rules.clone_from(&self.rules);
        decide(&Snapshot {
            request: &self.request,
            record: self.record.as_ref(),
            virtual_mesh: self.virtual_mesh.as_ref(),
            policy: self.has_policy.then_some(&policy),
            mesh: self.mesh.as_ref(),
            superseded: self.superseded,
            far_ahead: self.far_ahead,
            membership: &self.membership,
            mesh_of_host: &mesh_of_host,
            holder_of_key: &|_| self.earlier.clone(),
            last: &|| self.last.as_ref().and_then(Last::of),
            approvals: &|| self.approvals.clone(),
            blocked: &self.blocked,
            now: Timestamp::from_second(self.now).unwrap(),
        })
    }

    pub(crate) fn assert_refused(&self, reason: Reason, parts: &[&str]) {
        match self.decide() {
            Decision::Refuse(refusal) | Decision::Deny { refusal, .. } => {
                assert_says(&refusal.into(), reason, parts);
            }
            other => panic!("{reason}: {other:?}"),
        }
    }

    pub(crate) fn assert_waits(&self, reason: Reason, parts: &[&str]) {
        match self.decide() {
            Decision::Wait(notice) => assert_says(&notice, reason, parts),
            Decision::Ask { given, because, .. } => {
                let waits = waiting_for_approval(&self.request, &given, &because);
                assert_says(&waits, reason, parts);
            }
            other => panic!("{reason}: {other:?}"),
        }
    }

    /// What is issued, by whom it was approved, and why.
    pub(crate) fn issued(&self) -> (Checked, &'static str, String) {
        match self.decide() {
            Decision::Issue { checked, decided } => (*checked, decided.by, decided.message),
            other => panic!("{other:?}"),
        }
    }
}

fn assert_says(notice: &Notice, reason: Reason, parts: &[&str]) {
    assert_eq!(notice.reason, reason, "{}", notice.message);
    assert!(notice.to_string().starts_with(&format!("{}: ", reason.word())));
    for part in parts {
        assert!(notice.message.contains(part), "{part:?} is not in {:?}", notice.message);
    }
    assert!(!notice.message.ends_with('.'), "{}", notice.message);
}

pub(crate) fn request(name: &str, csr: Vec<u8>) -> VirtualMeshCertificateSigningRequest {
    let spec = VirtualMeshCertificateSigningRequestSpec {
        csr_data: csr.into(),
        cert_config: CertConfig {
            hosts: vec![IDENTITY.to_owned()],
            org: "Istio".to_owned(),
            mesh_type: MeshType::Istio,
        },
        virtual_mesh_ref: ResourceRef::new("demo", "meshroot-system"),
    };
    let mut request = VirtualMeshCertificateSigningRequest::new(name, spec);
    request.metadata.namespace = Some(NAMESPACE.to_owned());
    request.metadata.uid = Some("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9".to_owned());
    request
}

pub(crate) fn virtual_mesh(member: &str) -> VirtualMesh {
    let spec =
        VirtualMeshSpec { meshes: vec![ResourceRef::new(member, NAMESPACE)], ..Default::default() };
    let mut virtual_mesh = VirtualMesh::new("demo", spec);
    virtual_mesh.metadata.namespace = Some("meshroot-system".to_owned());
    virtual_mesh
}

pub(crate) fn mesh(spec: MeshSpec) -> Mesh {
    let mut mesh = Mesh::new(MESH, spec);
    mesh.metadata.namespace = Some(NAMESPACE.to_owned());
    mesh
}

pub(crate) fn istio() -> MeshSpec {
    MeshSpec { istio: Some(IstioMesh::default()), ..MeshSpec::default() }
}

pub(crate) fn linkerd() -> MeshSpec {
    MeshSpec { linkerd: Some(LinkerdMesh::default()), ..MeshSpec::default() }
}

pub(crate) fn app_mesh() -> MeshSpec {
    MeshSpec { aws_app_mesh: Some(AwsAppMesh::default()), ..MeshSpec::default() }
}

pub(crate) fn csr(key: &PrivateKey, texts: &[&str]) -> CertificateRequest {
    CertificateRequest::create(key, &DistinguishedName::empty(), &hosts(texts)).unwrap()
}

/// A request by OpenSSL, for keys that the product does not make.
pub(crate) fn csr_by_openssl(key: &[&str]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (configuration, key_file) = (path("request.cnf"), path("key.pem"));
    std::fs::write(&configuration, "[req]\ndistinguished_name=dn\nprompt=no\n[dn]\n").unwrap();
    openssl(&[&["genpkey", "-out", &key_file][..], key].concat(), b"").unwrap();
    openssl(&["req", "-new", "-config", &configuration, "-key", &key_file, "-subj", "/"], b"")
        .unwrap()
}
