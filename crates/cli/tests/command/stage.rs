//! The scene: a hub that `meshroot install` made, and those who act on it.

use std::path::{Path, PathBuf};
use std::process::Command;

use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use meshroot_api::names::{ASKED_ANNOTATION, OWN_AUTHORITY_ANNOTATION, cluster_namespace};
use meshroot_api::{
    Asked, Mesh, MeshTrust, TrustPolicy, VirtualMesh,
    VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_manifests::agent_hub_objects;
use meshroot_pki::{
    Certificate, CertificateRequest, DistinguishedName, KeyKind, PrivateKey, to_bundle,
};
use meshroot_testkit::{ApiServer, api_server, tools, wait};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::certificates::IDENTITY;
use crate::program::{Answer, answer, has, run};

/// The hub that all tests share; they keep apart by cluster name.
pub(crate) struct Hub {
    pub(crate) server: &'static ApiServer,
    pub(crate) admin: Client,
}

/// The hub, started by the first test that asks.
pub(crate) async fn hub() -> Hub {
    static INSTALLED: OnceCell<()> = OnceCell::const_new();
    let server = api_server::shared().await.unwrap();
    let admin = server.admin_client().await.unwrap();
    INSTALLED.get_or_init(async || install(server, &admin).await).await;
    Hub { server, admin }
}

async fn install(server: &ApiServer, admin: &Client) {
    let yaml = run(None, &["install"]).yes();
    let applied = kubectl(server.kubeconfig_path(), &["apply", "-f", "-"], yaml.as_bytes()).yes();
    has(&applied, &["namespace/meshroot-system created", "deployment.apps/meshroot-hub created"]);
    let requests: Api<Request> = Api::all(admin.clone());
    let listed = async || Ok(requests.list(&kube::api::ListParams::default()).await.map(|_| ())?);
    wait::until("the definitions are served", wait::LIMIT, listed).await.unwrap();
}

pub(crate) fn kubectl(kubeconfig: &Path, arguments: &[&str], input: &[u8]) -> Answer {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(tools::path("kubectl").unwrap());
    command.args(arguments).env("KUBECONFIG", kubeconfig).env("HOME", home.path());
    answer(&mut command, input)
}

impl Hub {
    pub(crate) fn kubeconfig(&self) -> &Path {
        self.server.kubeconfig_path()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Answer {
        run(Some(self.kubeconfig()), arguments)
    }

    /// A cluster's place on the hub, with a Mesh in it.
    pub(crate) async fn place(&self, cluster: &str) -> Place {
        let manifests = meshroot_manifests::to_yaml(&agent_hub_objects(cluster)).unwrap();
        kubectl(self.kubeconfig(), &["apply", "-f", "-"], manifests.as_bytes()).yes();
        let namespace = cluster_namespace(cluster);
        let token = |namespace: String, name: &'static str| async move {
            self.server.service_account_token(&namespace, name, "").await.unwrap()
        };
        let hub = self
            .server
            .client_for_token(&token("meshroot-system".into(), "meshroot-hub").await)
            .await
            .unwrap();
        let agent = self
            .server
            .client_for_token(&token(namespace.clone(), "meshroot-agent").await)
            .await
            .unwrap();
        let place = Place { namespace, mesh: format!("istio-istio-system-{cluster}"), hub, agent };
        place.create_mesh(cluster).await;
        place
    }
}

/// Where the records of one cluster are, with the clients of the hub and of its agent.
pub(crate) struct Place {
    pub(crate) namespace: String,
    pub(crate) mesh: String,
    pub(crate) hub: Client,
    pub(crate) agent: Client,
}

impl Place {
    pub(crate) fn request_name(&self, generation: u32) -> String {
        format!("{}.demo.{generation}", self.mesh)
    }

    /// `NAMESPACE/NAME` of a request.
    pub(crate) fn full_name(&self, generation: u32) -> String {
        format!("{}/{}", self.namespace, self.request_name(generation))
    }

    pub(crate) fn requests(&self, client: &Client) -> Api<Request> {
        Api::namespaced(client.clone(), &self.namespace)
    }

    async fn create_mesh(&self, cluster: &str) {
        let mesh: Mesh = serde_json::from_value(json!({
            "apiVersion": "discovery.zephyr.solo.io/v1alpha1", "kind": "Mesh",
            "metadata": { "name": self.mesh, "namespace": self.namespace },
            "spec": {
                "istio": {
                    "installation": { "installationNamespace": "istio-system", "version": "1.31.0" },
                    "citadelInfo": { "trustDomain": "cluster.local" },
                },
                "cluster": { "name": cluster },
            },
        }))
        .unwrap();
        create(&Api::namespaced(self.agent.clone(), &self.namespace), &mesh).await;
    }

    /// What the agent says of a mesh that has a CA of its own.
    pub(crate) async fn own_authority(&self, self_signed: bool, anchors_live: bool) {
        let own = json!({
            "selfSigned": self_signed, "subject": "O=cluster.local", "notAfter": "2099-01-01T00:00:00Z",
            "anchorsLive": anchors_live, "leafLifetimeSeconds": 86_400,
        });
        let patch =
            json!({ "metadata": { "annotations": { OWN_AUTHORITY_ANNOTATION: own.to_string() } } });
        let api: Api<Mesh> = Api::namespaced(self.agent.clone(), &self.namespace);
        api.patch(&self.mesh, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    }

    /// What the hub does first: a request without a CSR.
    pub(crate) async fn ask(&self, generation: u32) {
        let request: Request = serde_json::from_value(json!({
            "apiVersion": "security.zephyr.solo.io/v1alpha1", "kind": "VirtualMeshCertificateSigningRequest",
            "metadata": { "name": self.request_name(generation), "namespace": self.namespace },
            "spec": {
                "virtualMeshRef": { "name": "demo", "namespace": self.namespace },
                "certConfig": { "hosts": [IDENTITY], "org": "Istio" },
            },
        }))
        .unwrap();
        create(&self.requests(&self.hub), &request).await;
    }

    /// What the agent does then: a key and a CSR.
    pub(crate) async fn csr(&self, generation: u32) -> CertificateRequest {
        let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
        let csr = CertificateRequest::create(
            &key,
            &DistinguishedName::empty(),
            &[IDENTITY.parse().unwrap()],
        )
        .unwrap();
        self.csr_data(generation, csr.to_pem().as_bytes()).await;
        self.approval_asked(generation, &csr).await;
        csr
    }

    /// What the hub does where a person is to approve.
    async fn approval_asked(&self, generation: u32, csr: &CertificateRequest) {
        let asked = Asked {
            csr_sha256: csr.fingerprint().to_string(),
            profile_sha256: "11".repeat(32),
            lifetime: "2160h".parse().unwrap(),
            path_len: 0,
            issuer: "CN=demo root".to_owned(),
            issuer_sha256: "22".repeat(32),
            approvals: 1,
        };
        let patch =
            json!({ "metadata": { "annotations": { ASKED_ANNOTATION: asked.to_string() } } });
        let api = self.requests(&self.hub);
        let parameters = PatchParams::default();
        api.patch(&self.request_name(generation), &parameters, &Patch::Merge(&patch))
            .await
            .unwrap();
    }

    pub(crate) async fn csr_data(&self, generation: u32, data: &[u8]) {
        let data = meshroot_api::Bytes(data.to_vec());
        let patch = json!({ "spec": { "csrData": data } });
        let api = self.requests(&self.agent);
        let parameters = PatchParams::default();
        api.patch(&self.request_name(generation), &parameters, &Patch::Merge(&patch))
            .await
            .unwrap();
    }

    /// The hub's status write.
    pub(crate) async fn status(&self, generation: u32, status: Value) {
        let patch = json!({ "status": status });
        let api = self.requests(&self.hub);
        let parameters = PatchParams::default();
        api.patch_status(&self.request_name(generation), &parameters, &Patch::Merge(&patch))
            .await
            .unwrap();
    }

    /// The hub's answer.
    pub(crate) async fn answer(
        &self,
        generation: u32,
        chain: &[Certificate],
        roots: &[Certificate],
    ) {
        let bytes =
            |certificates: &[Certificate]| meshroot_api::Bytes::from(to_bundle(certificates));
        self.status(
            generation,
            json!({
                "response": { "caCertificate": bytes(chain), "rootCertificate": bytes(roots) },
                "computedStatus": { "state": "ACCEPTED", "message": "issued" },
            }),
        )
        .await;
    }

    /// What the hub tells the mesh to use.
    pub(crate) async fn trust(&self, generation: u32, roots: &[Certificate]) {
        let trust: MeshTrust = serde_json::from_value(json!({
            "apiVersion": "meshroot.dev/v1alpha1", "kind": "MeshTrust",
            "metadata": { "name": self.mesh, "namespace": self.namespace },
            "spec": {
                "request": self.request_name(generation), "trustAnchors": to_bundle(roots),
                "key": "ECDSA-P256", "renewAtPercent": 67,
            },
        }))
        .unwrap();
        create(&self.trusts(&self.hub), &trust).await;
    }

    pub(crate) fn trusts(&self, client: &Client) -> Api<MeshTrust> {
        Api::namespaced(client.clone(), &self.namespace)
    }

    /// A policy of the virtual mesh under which people approve.
    pub(crate) async fn policy(&self, admin: &Client, name: &str) {
        let policy: TrustPolicy = serde_json::from_value(json!({
            "apiVersion": "meshroot.dev/v1alpha1", "kind": "TrustPolicy",
            "metadata": { "name": name, "namespace": self.namespace },
            "spec": { "virtualMeshRef": { "name": "demo" }, "approval": { "mode": "ThirdParty" } },
        }))
        .unwrap();
        create(&Api::namespaced(admin.clone(), &self.namespace), &policy).await;
    }

    /// The revocation lists that the hub shows of a policy's roots.
    pub(crate) async fn lists(&self, admin: &Client, policy: &str, lists: &[(&Certificate, &str)]) {
        let root = |(root, list): &(&Certificate, &str)| {
            json!({
                "fingerprint": root.fingerprint().to_string(), "subject": root.subject().to_string(),
                "phase": "Signing", "revocationList": list,
            })
        };
        let roots: Vec<Value> = lists.iter().map(root).collect();
        let api: Api<TrustPolicy> = Api::namespaced(admin.clone(), &self.namespace);
        let patch = Patch::Merge(json!({ "status": { "roots": roots } }));
        api.patch_status(policy, &PatchParams::default(), &patch).await.unwrap();
    }

    /// What the agent says that the mesh has loaded.
    pub(crate) async fn loaded(&self, generation: u32, pickup: &str, message: &str) {
        let api = self.trusts(&self.agent);
        let status = json!({ "status": {
            "installed": self.request_name(generation), "pickup": pickup, "message": message,
            "witness": "WorkloadCertificate",
        } });
        api.patch_status(&self.mesh, &PatchParams::default(), &Patch::Merge(&status))
            .await
            .unwrap();
    }

    /// A virtual mesh with this one member.
    pub(crate) async fn virtual_mesh(&self, admin: &Client) {
        let mesh: VirtualMesh = serde_json::from_value(json!({
            "apiVersion": "networking.zephyr.solo.io/v1alpha1", "kind": "VirtualMesh",
            "metadata": { "name": "demo", "namespace": self.namespace },
            "spec": { "meshes": [{ "name": self.mesh, "namespace": self.namespace }] },
        }))
        .unwrap();
        create(&Api::namespaced(admin.clone(), &self.namespace), &mesh).await;
    }
}

async fn create<K>(api: &Api<K>, object: &K)
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
{
    api.create(&PostParams::default(), object).await.unwrap();
}

/// A file in a temporary directory.
pub(crate) fn file(
    directory: &tempfile::TempDir,
    name: &str,
    content: impl AsRef<[u8]>,
) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}
