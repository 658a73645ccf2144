//! A scene that the tests of one binary share: a hub, one cluster, and what there is to make and to see in them.

#![allow(dead_code)] // each test binary uses its part

pub(crate) mod followed;
pub(crate) mod judge;
pub(crate) mod openssl;

use std::fmt::Debug;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::ObjectMeta;
use kube::{Api, Client, Resource};
use meshroot_api::discovery::{CitadelInfo, IstioMesh, MeshInstallation, MeshSpec};
use meshroot_api::networking::VirtualMeshSpec;
use meshroot_api::policy::{KeyAlgorithm, TrustPolicySpec};
use meshroot_api::shared::ResourceRef;
use meshroot_api::{
    Bytes, IssuanceRecord, Mesh, MeshTrust, RequestApproval, TrustPolicy, VirtualMesh,
    VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_pki::{CertificateRequest, DistinguishedName, Host, KeyKind, PrivateKey};
use meshroot_testkit::binary::RECONCILIATIONS;
use meshroot_testkit::crash::{CRASH_VARIABLE, CrashPoint, crashed};
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use meshroot_testkit::{Binary, Fleet, wait};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::{OnceCell, RwLock};

/// The cluster's namespace on the hub.
pub(crate) const HOME: &str = "meshroot-cluster-east";
/// How long a state may take to come.
pub(crate) const LIMIT: Duration = Duration::from_secs(45);

/// The fleet with clients of both ends. Whoever stops or starts its processes takes the lock for writing.
pub(crate) struct Scene {
    pub(crate) fleet: RwLock<Fleet>,
    pub(crate) hub: Client,
    pub(crate) cluster: Client,
    /// The agent's own rights on the hub.
    pub(crate) agent: Client,
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());
static SCENE: OnceCell<Scene> = OnceCell::const_new();

/// Runs a test on the binary's scene, which the first test prepares.
pub(crate) fn run<F>(
    prepare: impl FnOnce() -> F,
    test: impl AsyncFnOnce(&'static Scene) -> Result<()>,
) where
    F: Future<Output = Result<Scene>>,
{
    let outcome = RUNTIME.block_on(async {
        let scene = SCENE.get_or_try_init(prepare).await.context("the scene cannot be prepared")?;
        match test(scene).await {
            Ok(()) => Ok(()),
            Err(error) => Err(anyhow::anyhow!("{error:#}\n{}", scene.logs().await)),
        }
    });
    if let Err(error) = outcome {
        panic!("{error:#}");
    }
}

impl Scene {
    /// Clients for a fleet whose only cluster is east.
    pub(crate) async fn new(fleet: Fleet) -> Result<Self> {
        let hub = fleet.hub.admin_client().await?;
        let cluster = match fleet.clusters.first() {
            Some(cluster) => cluster.api.admin_client().await?,
            None => hub.clone(),
        };
        let token = fleet.hub.service_account_token(HOME, "meshroot-agent", "").await?;
        let agent = fleet.hub.client_for_token(&token).await?;
        Ok(Self { fleet: RwLock::new(fleet), hub, cluster, agent })
    }

    /// The ends of the logs, for a failure's report.
    async fn logs(&self) -> String {
        // Whoever holds the lock may be what failed.
        let Ok(fleet) = tokio::time::timeout(Duration::from_secs(1), self.fleet.read()).await
        else {
            return "the logs cannot be read now".to_owned();
        };
        let end = |name: &str, binary: &Binary| {
            let log = binary.logs();
            let lines: Vec<&str> = log.lines().collect();
            format!("--- {name}\n{}\n", lines[lines.len().saturating_sub(25)..].join("\n"))
        };
        let hub = fleet.hub_process.iter().map(|hub| end("hub", hub));
        let agents =
            fleet.clusters.iter().filter_map(|cluster| Some(end("agent", cluster.agent.as_ref()?)));
        hub.chain(agents).collect()
    }

    pub(crate) fn requests(&self) -> Api<Request> {
        Api::namespaced(self.hub.clone(), HOME)
    }

    pub(crate) fn records(&self) -> Api<IssuanceRecord> {
        Api::namespaced(self.hub.clone(), HOME)
    }

    pub(crate) fn approvals(&self) -> Api<RequestApproval> {
        Api::namespaced(self.hub.clone(), HOME)
    }

    pub(crate) fn trusts(&self) -> Api<MeshTrust> {
        Api::namespaced(self.hub.clone(), HOME)
    }

    pub(crate) fn meshes(&self) -> Api<Mesh> {
        Api::namespaced(self.hub.clone(), HOME)
    }

    pub(crate) fn virtual_meshes(&self) -> Api<VirtualMesh> {
        Api::namespaced(self.hub.clone(), SYSTEM_NAMESPACE)
    }

    pub(crate) fn policies(&self) -> Api<TrustPolicy> {
        Api::namespaced(self.hub.clone(), SYSTEM_NAMESPACE)
    }

    /// Secrets of the hub.
    pub(crate) fn hub_secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.hub.clone(), namespace)
    }

    /// Secrets of the cluster.
    pub(crate) fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.cluster.clone(), namespace)
    }

    /// An Istio mesh as discovery would make it: installed in a namespace of its own name, with a trust domain of
    /// its own.
    pub(crate) async fn make_mesh(&self, name: &str) -> Result<Mesh> {
        let installation =
            MeshInstallation { installation_namespace: name.to_owned(), version: String::new() };
        let citadel_info =
            CitadelInfo { trust_domain: format!("{name}.example"), ..CitadelInfo::default() };
        let spec = MeshSpec {
            istio: Some(IstioMesh { installation, citadel_info }),
            ..MeshSpec::default()
        };
        create(&self.meshes(), Mesh::new(name, spec)).await
    }

    /// A virtual mesh of one mesh of the same name, with a root that is made quickly.
    pub(crate) async fn make_virtual_mesh(
        &self,
        name: &str,
        change: impl FnOnce(&mut VirtualMeshSpec, &mut TrustPolicySpec),
    ) -> Result<()> {
        let mut spec = VirtualMeshSpec {
            meshes: vec![ResourceRef::new(name, HOME)],
            ..VirtualMeshSpec::default()
        };
        let mut policy = TrustPolicySpec {
            virtual_mesh_ref: ResourceRef::new(name, SYSTEM_NAMESPACE),
            ..TrustPolicySpec::default()
        };
        policy.root.key = Some(KeyAlgorithm::EcdsaP256);
        change(&mut spec, &mut policy);
        create(&self.policies(), TrustPolicy::new(name, policy)).await?;
        create(&self.virtual_meshes(), VirtualMesh::new(name, spec)).await?;
        Ok(())
    }

    /// A mesh and its virtual mesh, both called `name`.
    pub(crate) async fn make_both(
        &self,
        name: &str,
        change: impl FnOnce(&mut VirtualMeshSpec, &mut TrustPolicySpec),
    ) -> Result<()> {
        self.make_mesh(name).await?;
        self.make_virtual_mesh(name, change).await
    }

    /// Writes `csrData` with the agent's rights.
    pub(crate) async fn submit(&self, request: &str, csr: impl Into<Vec<u8>>) -> Result<()> {
        until("the request is there", &self.requests(), request, |_| true).await?;
        let patch = json!({ "spec": { "csrData": Bytes(csr.into()) } });
        let api: Api<Request> = Api::namespaced(self.agent.clone(), HOME);
        api.patch(request, &PatchParams::default(), &Patch::Merge(&patch)).await?;
        Ok(())
    }

    /// Waits until a request's computed status begins with this word; returns the request.
    pub(crate) async fn request_says(&self, request: &str, word: &str) -> Result<Request> {
        let says = |request: &Request| message_of(request).starts_with(&format!("{word}: "));
        until(&format!("{request} says {word}"), &self.requests(), request, says).await
    }

    /// Waits until a virtual mesh's certificate status begins with this word; returns state and message.
    pub(crate) async fn virtual_mesh_says(
        &self,
        name: &str,
        word: &str,
    ) -> Result<(String, String)> {
        let status =
            |mesh: &VirtualMesh| mesh.status.clone().unwrap_or_default().certificate_status;
        let says = |mesh: &VirtualMesh| status(mesh).message.starts_with(&format!("{word}: "));
        let what = format!("{name} says {word}");
        let found =
            until_within(&what, &self.virtual_meshes(), name, Duration::from_secs(100), says)
                .await?;
        Ok((status(&found).state.word().to_owned(), status(&found).message))
    }

    /// Starts the hub with a crash point, where one is given.
    pub(crate) async fn start_hub(&self, fleet: &mut Fleet, crash_at: Option<&str>) -> Result<()> {
        stop(fleet.hub_process.take());
        let environment: Vec<(&str, &str)> = crash_at
            .map(|point| (CRASH_VARIABLE, point))
            .into_iter()
            .chain([RECONCILIATIONS])
            .collect();
        fleet.start_hub(&environment).await
    }

    /// Starts the agent of east with a crash point, where one is given.
    pub(crate) async fn start_agent(
        &self,
        fleet: &mut Fleet,
        crash_at: Option<&str>,
    ) -> Result<()> {
        stop(fleet.cluster_mut("east")?.agent.take());
        let environment: Vec<(&str, &str)> = crash_at
            .map(|point| (CRASH_VARIABLE, point))
            .into_iter()
            .chain([RECONCILIATIONS])
            .collect();
        fleet.start_agent("east", &environment).await
    }

    /// Waits until the hub has crashed at a point, and starts it again. Nobody need wait out the dead one's lease.
    pub(crate) async fn hub_crashes_at(&self, fleet: &mut Fleet, point: &str) -> Result<()> {
        let hub = fleet.hub_process.take().context("the hub runs")?;
        crashed(&hub, &CrashPoint::first(point), LIMIT).await.with_context(|| hub.logs())?;
        self.free_lease(SYSTEM_NAMESPACE, "meshroot-hub").await?;
        fleet.start_hub(&[]).await
    }

    /// The same for the agent of east.
    pub(crate) async fn agent_crashes_at(&self, fleet: &mut Fleet, point: &str) -> Result<()> {
        let agent = fleet.cluster_mut("east")?.agent.take().context("the agent runs")?;
        crashed(&agent, &CrashPoint::first(point), LIMIT).await.with_context(|| agent.logs())?;
        self.free_lease(HOME, "meshroot-agent").await?;
        fleet.start_agent("east", &[RECONCILIATIONS]).await
    }

    /// Takes the Lease from whoever holds it and gives it to nobody.
    pub(crate) async fn free_lease(&self, namespace: &str, name: &str) -> Result<()> {
        use k8s_openapi::api::coordination::v1::Lease;
        let api: Api<Lease> = Api::namespaced(self.hub.clone(), namespace);
        let patch = json!({ "spec": { "holderIdentity": "" } });
        api.patch(name, &PatchParams::default(), &Patch::Merge(&patch)).await?;
        Ok(())
    }
}

/// The identity of a mesh that [`Scene::make_mesh`] made.
pub(crate) fn identity(mesh: &str) -> String {
    format!("spiffe://{mesh}.example/ns/{mesh}/sa/istiod")
}

/// A request with a new key for these hosts, PEM.
pub(crate) fn request_for(hosts: &[&str]) -> Result<String> {
    let hosts = hosts.iter().map(|host| Ok(host.parse::<Host>()?)).collect::<Result<Vec<_>>>()?;
    let key = PrivateKey::generate(KeyKind::EcdsaP256)?;
    Ok(CertificateRequest::create(&key, &DistinguishedName::new("Istio", "test", "test")?, &hosts)?
        .to_pem())
}

/// Ends a process gently, off the runtime's threads.
fn stop(binary: Option<Binary>) {
    if let Some(binary) = binary {
        tokio::task::block_in_place(|| binary.stop());
    }
}

pub(crate) fn message_of(request: &Request) -> String {
    request.status_or_default().computed_status.message
}

pub(crate) async fn create<K>(api: &Api<K>, object: K) -> Result<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + serde::Serialize,
{
    let what = format!("{} {}", K::kind(&()), object.meta().name.as_deref().unwrap_or_default());
    api.create(&PostParams::default(), &object)
        .await
        .with_context(|| format!("cannot create {what}"))
}

pub(crate) async fn merge<K>(api: &Api<K>, name: &str, patch: &Value) -> Result<K>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    Ok(api.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?)
}

pub(crate) async fn delete<K>(api: &Api<K>, name: &str) -> Result<()>
where
    K: Clone + Debug + DeserializeOwned,
{
    api.delete(name, &DeleteParams::default()).await?;
    Ok(())
}

pub(crate) async fn all<K>(api: &Api<K>) -> Result<Vec<K>>
where
    K: Clone + Debug + DeserializeOwned,
{
    Ok(api.list(&ListParams::default()).await?.items)
}

/// An opaque Secret of these files.
pub(crate) fn secret(name: &str, files: &[(&str, &str)]) -> Secret {
    let files = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
    Secret {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        string_data: Some(files.collect()),
        type_: Some("Opaque".to_owned()),
        ..Secret::default()
    }
}

/// A file of a Secret.
pub(crate) fn file<'a>(secret: &'a Secret, name: &str) -> Result<&'a [u8]> {
    let data = secret.data.as_ref().and_then(|data| data.get(name));
    Ok(&data.with_context(|| format!("the Secret has no {name}"))?.0)
}

/// Waits until an object is as `test` wants it, and returns it.
pub(crate) async fn until<K>(
    what: &str,
    api: &Api<K>,
    name: &str,
    test: impl Fn(&K) -> bool,
) -> Result<K>
where
    K: Clone + Debug + DeserializeOwned + serde::Serialize,
{
    until_within(what, api, name, LIMIT, test).await
}

pub(crate) async fn until_within<K>(
    what: &str,
    api: &Api<K>,
    name: &str,
    limit: Duration,
    test: impl Fn(&K) -> bool,
) -> Result<K>
where
    K: Clone + Debug + DeserializeOwned + serde::Serialize,
{
    let attempt = async || {
        let object = api.get(name).await?;
        ensure!(test(&object), "it is not so yet: {}", serde_json::to_value(&object)?["status"]);
        Ok(object)
    };
    wait::until(what, limit, attempt).await
}

/// Namespaces of control planes in east, and the agent's rights in them.
pub(crate) async fn join_namespaces(fleet: &Fleet, namespaces: &[&str]) -> Result<()> {
    let mut more =
        vec!["--restart", "istiod", "--mesh-namespace", meshroot_testkit::fleet::MESH_NAMESPACE];
    for namespace in namespaces {
        fleet.cluster("east")?.api.create_namespace(namespace).await?;
        more.extend(["--mesh-namespace", *namespace]);
    }
    join_east(fleet, "east", &more)
}

/// Has cluster east, which `context` reaches, join the hub.
pub(crate) fn join_east(fleet: &Fleet, context: &str, more: &[&str]) -> Result<()> {
    let join = ["cluster", "join", "east", "--hub-context", "hub", "--context", context];
    fleet.meshroot(&[&join[..], &["--image", "meshroot:test"], more].concat())?;
    Ok(())
}
