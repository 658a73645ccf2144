//! Clusters that the tests share: one with the definitions alone, those with everything installed.

use anyhow::{Context as _, Result, ensure};
use kube::api::{
    Api, ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams, PostParams,
};
use kube::{Client, Error};
use meshroot_api::names::ASKED_ANNOTATION;
use meshroot_manifests as manifests;
use meshroot_testkit::{ApiServer, api_server, wait};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

pub(crate) const HUB: (&str, &str) = ("meshroot-system", "meshroot-hub");
pub(crate) const EAST: &str = "meshroot-cluster-east";
pub(crate) const WEST: &str = "meshroot-cluster-west";
/// Where the virtual meshes are.
pub(crate) const MESHES: &str = "meshes";

/// A cluster with the definitions alone: what is refused there, a rule in a schema refuses.
pub(crate) async fn with_definitions() -> Server {
    static CLUSTER: OnceCell<ApiServer> = OnceCell::const_new();
    let start = async || {
        let api = api_server::cluster("definitions").await?;
        install_definitions(&api).await?;
        for namespace in [EAST, WEST, MESHES] {
            api.create_namespace(namespace).await?;
        }
        anyhow::Ok(api)
    };
    Server { api: CLUSTER.get_or_try_init(start).await.unwrap() }
}

/// A cluster with definitions, policies, roles, and the clusters east, west and north.
pub(crate) async fn with_everything() -> Server {
    static CLUSTER: OnceCell<ApiServer> = OnceCell::const_new();
    let start = async || {
        let api = api_server::cluster("everything").await?;
        install_everything(&api, Some("v1")).await?;
        anyhow::Ok(api)
    };
    Server { api: CLUSTER.get_or_try_init(start).await.unwrap() }
}

/// The same, on a server without MutatingAdmissionPolicy.
pub(crate) async fn without_mutating_policies() -> Server {
    static CLUSTER: OnceCell<ApiServer> = OnceCell::const_new();
    let start = async || {
        let api = api_server::cluster("validating").await?;
        install_everything(&api, None).await?;
        anyhow::Ok(api)
    };
    Server { api: CLUSTER.get_or_try_init(start).await.unwrap() }
}

/// One of these clusters.
pub(crate) struct Server {
    pub(crate) api: &'static ApiServer,
}

impl Server {
    pub(crate) async fn admin(&self) -> Client {
        self.api.admin_client().await.unwrap()
    }

    /// A client of a service account.
    pub(crate) async fn user(&self, (namespace, name): (&str, &str)) -> Client {
        client(self.api, namespace, name).await.unwrap()
    }

    pub(crate) async fn hub(&self) -> Client {
        self.user(HUB).await
    }

    pub(crate) async fn agent(&self, namespace: &str) -> Client {
        self.user((namespace, "meshroot-agent")).await
    }
}

async fn client(api: &ApiServer, namespace: &str, name: &str) -> Result<Client> {
    let token = api.service_account_token(namespace, name, "").await?;
    api.client_for_token(&token).await
}

async fn install_definitions(api: &ApiServer) -> Result<()> {
    let client = api.admin_client().await?;
    for definition in manifests::crds() {
        let definition = serde_json::to_value(definition)?;
        apply(&client, &definition).await?;
        let name = definition["metadata"]["name"].as_str().context("name")?.to_owned();
        let established = async || {
            let object = resource(&client, &definition).get(&name).await?;
            ensure!(
                condition(&object.data, "Established") == Some("True"),
                "{}",
                object.data["status"]
            );
            Ok(())
        };
        wait::until(&format!("{name} is established"), wait::LIMIT, established).await?;
    }
    Ok(())
}

async fn install_everything(api: &ApiServer, mutating: Option<&str>) -> Result<()> {
    install_definitions(api).await?;
    let client = api.admin_client().await?;
    let mut objects = vec![manifests::namespace(HUB.0), manifests::namespace(MESHES)];
    objects.extend(manifests::hub_rbac(HUB.0, &[MESHES.to_owned()]));
    objects.extend(["east", "west", "north"].into_iter().flat_map(manifests::agent_hub_objects));
    objects.extend(manifests::user_roles());
    objects.extend(manifests::policies(&manifests::hub_user(HUB.0)));
    let hub = manifests::hub_user(HUB.0);
    objects.extend(
        mutating.into_iter().flat_map(|version| manifests::mutating_policies(&hub, version)),
    );
    for object in &objects {
        apply(&client, object).await.with_context(|| object.to_string())?;
    }
    policies_act(api).await?;
    if mutating.is_some() { mutations_act(api).await } else { Ok(()) }
}

/// Waits until each policy has refused something: a new one takes seconds to act.
async fn policies_act(api: &ApiServer) -> Result<()> {
    api.create_namespace("probe").await?;
    let (admin, hub) = (api.admin_client().await?, client(api, HUB.0, HUB.1).await?);
    create(&admin, &request("probe", "probe", &json!({}))).await?;
    create(&hub, &mesh_trust("probe", "probe")).await?;
    let response = json!({ "status": { "response": { "rootCertificate": "AAAA" } } });
    let attempts = [
        (
            "requests",
            Attempt::Patch(
                request("probe", "probe", &json!({})),
                json!({ "spec": { "csrData": "AAAA" } }),
            ),
        ),
        ("request status", Attempt::PatchStatus(request("probe", "probe", &json!({})), response)),
        ("mesh trusts", Attempt::Create(mesh_trust("probe", "other"))),
        (
            "mesh trust status",
            Attempt::PatchStatus(
                mesh_trust("probe", "probe"),
                json!({ "status": { "message": "x" } }),
            ),
        ),
        ("issuance records", Attempt::Create(issuance_record("probe", "probe"))),
    ];
    for (policy, attempt) in &attempts {
        let refused = async || match attempt.dry_run(&admin).await {
            Err(Error::Api(status)) if status.message.contains("ValidatingAdmissionPolicy") => {
                Ok(())
            }
            other => anyhow::bail!("{other:?}"),
        };
        wait::until(&format!("the policy on {policy} acts"), wait::LIMIT, refused).await?;
    }
    Ok(())
}

/// Waits until a name that is left out is put there.
async fn mutations_act(api: &ApiServer) -> Result<()> {
    let admin = api.admin_client().await?;
    let approval = request_approval("probe", "probe", &json!({ "name": "demo" }));
    let decided = json!({ "thirdPartyApproval": { "approvalStatus": "DENIED" } });
    let object = request("probe", "denied", &json!({ "csrData": "AAAA" }));
    create(&admin, &object).await?;
    let denied = Attempt::PatchStatus(object, json!({ "status": decided }));
    for attempt in [Attempt::Create(approval), denied] {
        let stamped = async || Ok(attempt.dry_run(&admin).await.map(drop)?);
        wait::until("the mutating policies act", wait::LIMIT, stamped).await?;
    }
    Ok(())
}

enum Attempt {
    Create(Value),
    Patch(Value, Value),
    PatchStatus(Value, Value),
}

impl Attempt {
    async fn dry_run(&self, client: &Client) -> kube::Result<DynamicObject> {
        let parameters = PatchParams { dry_run: true, ..PatchParams::default() };
        match self {
            Self::Create(object) => {
                let parameters = PostParams { dry_run: true, ..PostParams::default() };
                resource(client, object).create(&parameters, &dynamic(object)).await
            }
            Self::Patch(object, patch) => {
                resource(client, object)
                    .patch(name(object), &parameters, &Patch::Merge(patch))
                    .await
            }
            Self::PatchStatus(object, patch) => {
                resource(client, object)
                    .patch_status(name(object), &parameters, &Patch::Merge(patch))
                    .await
            }
        }
    }
}

/// A request with the given spec.
pub(crate) fn request(namespace: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "security.zephyr.solo.io/v1alpha1",
        "kind": "VirtualMeshCertificateSigningRequest",
        "metadata": { "name": name, "namespace": namespace },
        "spec": spec,
    })
}

/// A request that the hub has asked people to approve.
pub(crate) fn asked(mut request: Value) -> Value {
    request["metadata"]["annotations"] = json!({ ASKED_ANNOTATION: "{}" });
    request
}

pub(crate) fn mesh_trust(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "meshroot.dev/v1alpha1",
        "kind": "MeshTrust",
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "request": "mesh.demo.1", "trustAnchors": "", "key": "ECDSA-P256", "renewAtPercent": 67 },
    })
}

/// An approval by whoever creates it.
pub(crate) fn request_approval(namespace: &str, request: &str, virtual_mesh: &Value) -> Value {
    json!({
        "apiVersion": "meshroot.dev/v1alpha1",
        "kind": "RequestApproval",
        "metadata": { "name": request, "namespace": namespace },
        "spec": { "request": request, "virtualMeshRef": virtual_mesh, "sha256": "ab".repeat(32) },
    })
}

pub(crate) fn issuance_record(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "meshroot.dev/v1alpha1",
        "kind": "IssuanceRecord",
        "metadata": { "name": name, "namespace": namespace },
        "spec": {
            "request": { "name": name, "uid": "u" },
            "virtualMeshRef": { "name": "demo" },
            "csrSha256": "00",
            "publicKeySha256": "00",
            "decision": { "verdict": "Denied", "by": "policy", "time": "2026-01-01T00:00:00Z" },
            "sequence": 1,
            "fence": 1,
        },
    })
}

/// Gives the ServiceAccount `user` of the namespace `people` these rights: in one namespace, or in all.
pub(crate) async fn bind(
    server: &Server,
    user: &str,
    name: &str,
    namespace: Option<&str>,
    rules: &[Value],
) {
    let admin = server.admin().await;
    let group = "rbac.authorization.k8s.io";
    let (api, scope) = (format!("{group}/v1"), if namespace.is_some() { "" } else { "Cluster" });
    let metadata = json!({ "name": name, "namespace": namespace });
    let role = json!({ "apiVersion": api, "kind": format!("{scope}Role"), "metadata": metadata, "rules": rules });
    create(&admin, &role).await.unwrap();
    let binding = json!({
        "apiVersion": api,
        "kind": format!("{scope}RoleBinding"),
        "metadata": metadata,
        "roleRef": { "apiGroup": group, "kind": format!("{scope}Role"), "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": user, "namespace": "people" }],
    });
    create(&admin, &binding).await.unwrap();
}

/// Applies an object; a field that the server does not know is refused.
pub(crate) async fn apply(client: &Client, object: &Value) -> kube::Result<DynamicObject> {
    let mut parameters = PatchParams::apply("tests").force();
    parameters.field_validation = Some(kube::core::params::ValidationDirective::Strict);
    resource(client, object).patch(name(object), &parameters, &Patch::Apply(object)).await
}

pub(crate) async fn create(client: &Client, object: &Value) -> kube::Result<DynamicObject> {
    resource(client, object).create(&PostParams::default(), &dynamic(object)).await
}

/// Merges `patch` into the object that `object` names.
pub(crate) async fn patch(
    client: &Client,
    object: &Value,
    patch: Value,
) -> kube::Result<DynamicObject> {
    resource(client, object)
        .patch(name(object), &PatchParams::default(), &Patch::Merge(patch))
        .await
}

/// Merges `status` into the status of the object that `object` names.
pub(crate) async fn patch_status(
    client: &Client,
    object: &Value,
    status: Value,
) -> kube::Result<DynamicObject> {
    let patch = Patch::Merge(json!({ "status": status }));
    resource(client, object).patch_status(name(object), &PatchParams::default(), &patch).await
}

pub(crate) async fn delete(client: &Client, object: &Value) -> kube::Result<()> {
    resource(client, object)
        .delete(name(object), &kube::api::DeleteParams::default())
        .await
        .map(drop)
}

/// The client's view of the objects of the same kind and namespace.
pub(crate) fn resource(client: &Client, object: &Value) -> Api<DynamicObject> {
    let text = |field: &str| object[field].as_str().unwrap();
    let (group, version) = text("apiVersion").split_once('/').unwrap_or(("", text("apiVersion")));
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, text("kind")));
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, &kind),
        None => Api::all_with(client.clone(), &kind),
    }
}

pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

fn dynamic(object: &Value) -> DynamicObject {
    serde_json::from_value(object.clone()).unwrap()
}

pub(crate) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)?["status"].as_str()
}

/// Asserts that the server refused, and that its message says what `part` says.
#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(result: kube::Result<T>, part: &str) {
    match result {
        Err(Error::Api(status)) => {
            assert!(status.message.contains(part), "{part:?} not in: {}", status.message);
        }
        other => panic!("not refused with {part:?}: {other:?}"),
    }
}

/// Asserts that RBAC refused.
#[track_caller]
pub(crate) fn assert_no_right<T: std::fmt::Debug>(result: kube::Result<T>) {
    match result {
        Err(Error::Api(status)) => {
            assert!(
                status.code == 403 && status.message.contains(" cannot "),
                "{}",
                status.message
            );
        }
        other => panic!("not refused for lack of a right: {other:?}"),
    }
}
