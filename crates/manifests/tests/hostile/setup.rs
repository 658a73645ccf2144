//! Two servers with everything installed, and those who attack them, each with a token of their own.

use std::collections::HashMap;

use anyhow::{Context as _, Result, ensure};
use kube::Client;
use meshroot_manifests as manifests;
use meshroot_testkit::{ApiServer, api_server, quota, wait};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::call::{apply, create, read, status, token};
use crate::objects::{
    EAST, FULL, MESHES, NORTH, SYSTEM, TENANT, decision, lease, mesh, path, plain, whole,
};

/// Who does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    /// A member of `system:masters`.
    Admin,
    Hub,
    /// The agent of the cluster east.
    Agent,
    /// The agent of the cluster north, whom somebody made a cluster administrator.
    Mighty,
    /// The agent of the cluster whose quota is used up.
    Full,
    /// Writes virtual meshes, policies, rotations, requests and approvals in a namespace of its own.
    Tenant,
    /// The same, may approve on the virtual mesh of that namespace, and decide on requests anywhere.
    Owner,
    Operator,
    Approver,
    /// A second approver.
    Second,
    Viewer,
}

/// Each ServiceAccount by namespace and name.
const ACCOUNTS: &[(Who, &str, &str)] = &[
    (Who::Hub, SYSTEM, "meshroot-hub"),
    (Who::Agent, EAST, AGENT),
    (Who::Mighty, NORTH, AGENT),
    (Who::Full, FULL, AGENT),
    (Who::Tenant, PEOPLE, "tenant"),
    (Who::Owner, PEOPLE, "owner"),
    (Who::Operator, PEOPLE, "operator"),
    (Who::Approver, PEOPLE, "approver"),
    (Who::Second, PEOPLE, "second"),
    (Who::Viewer, PEOPLE, "viewer"),
];
const AGENT: &str = "meshroot-agent";
const PEOPLE: &str = "people";

/// A server with everything installed.
pub(crate) struct Server {
    pub(crate) name: &'static str,
    api: ApiServer,
    tokens: HashMap<Who, String>,
}

/// The real one and the embedded one.
pub(crate) async fn servers() -> &'static [Server; 2] {
    static SERVERS: OnceCell<[Server; 2]> = OnceCell::const_new();
    let start = async || {
        let real = async {
            Server::prepare("kube-apiserver", api_server::cluster("hostile").await?).await
        };
        let embedded =
            async { Server::prepare("embedded", ApiServer::embedded("hostile").await?).await };
        let (real, embedded) = tokio::try_join!(real, embedded)?;
        anyhow::Ok([real, embedded])
    };
    SERVERS.get_or_try_init(start).await.unwrap()
}

impl Server {
    async fn prepare(name: &'static str, api: ApiServer) -> Result<Self> {
        let admin = api.admin_client().await?;
        install_definitions(&admin).await?;
        let mut tokens = HashMap::from([(Who::Admin, api.admin_token().to_owned())]);
        for (who, namespace, account) in ACCOUNTS {
            tokens.insert(*who, api.service_account_token(namespace, account, "").await?);
        }
        let server = Self { name, api, tokens };
        for object in installed().iter().chain(&rights()) {
            let applies = apply(object).send(&admin, &admin).await;
            applies.with_context(|| object.to_string())?;
        }
        server.policies_act(&admin).await?;
        server.use_up(&admin).await?;
        Ok(server)
    }

    /// A client of each, for one test.
    pub(crate) async fn clients(&self) -> HashMap<Who, Client> {
        let mut clients = HashMap::new();
        for (who, token) in &self.tokens {
            clients.insert(*who, self.api.client_for_token(token).await.unwrap());
        }
        clients
    }

    /// A new policy takes seconds to act, and those of one kind come into force in one go: the last of each kind is
    /// waited for.
    async fn policies_act(&self, admin: &Client) -> Result<()> {
        let agent = self.api.client_for_token(&self.tokens[&Who::Agent]).await?;
        let probe = whole(EAST, "probe", &json!({}));
        create(&probe).send(admin, admin).await?;
        let long = token(EAST, AGENT, 2_592_001);
        let validating = async || says(long.send(&agent, admin).await, "lives 30 days");
        wait::until("the policies act", wait::LIMIT, validating).await?;
        let denied = status(&probe, decision("DENIED", "")).dry();
        let mutating = async || Ok(denied.send(admin, admin).await.map(drop)?);
        wait::until("the mutating policies act", wait::LIMIT, mutating).await
    }

    /// Leaves no room for what the agent of the cluster `full` may create, requests apart.
    async fn use_up(&self, admin: &Client) -> Result<()> {
        for number in 1..=10 {
            create(&lease(FULL, &format!("lease-{number}"))).send(admin, admin).await?;
        }
        let mut limits = manifests::cluster_quota("full");
        limits["spec"]["hard"]["count/meshes.discovery.zephyr.solo.io"] = json!("0");
        create(&limits).send(admin, admin).await?;
        if self.name == "kube-apiserver" {
            quota::count(admin, FULL, AGENT).await?;
        }
        let full = self.api.client_for_token(&self.tokens[&Who::Full]).await?;
        let one_more = create(&mesh(FULL, "one-more")).dry();
        let in_force = async || says(one_more.send(&full, admin).await, "exceeded quota");
        wait::until("the quota is in force", wait::LIMIT, in_force).await
    }
}

fn says(result: kube::Result<Value>, part: &str) -> Result<()> {
    match result {
        Err(kube::Error::Api(status)) if status.message.contains(part) => Ok(()),
        other => anyhow::bail!("{other:?}"),
    }
}

async fn install_definitions(admin: &Client) -> Result<()> {
    for definition in manifests::crds() {
        let definition = serde_json::to_value(definition)?;
        apply(&definition).send(admin, admin).await?;
        let established = async || {
            let object = read(&definition).send(admin, admin).await?;
            let conditions = object["status"]["conditions"].as_array().context("conditions")?;
            let met = |one: &&Value| one["type"] == "Established" && one["status"] == "True";
            ensure!(conditions.iter().any(|one| met(&one)), "{}", object["status"]);
            Ok(())
        };
        wait::until(&path(&definition), wait::LIMIT, established).await?;
    }
    Ok(())
}

/// As `meshroot install` and `meshroot cluster join` do.
fn installed() -> Vec<Value> {
    let hub = manifests::hub_user(SYSTEM);
    let mut objects = [SYSTEM, MESHES, TENANT].map(manifests::namespace).to_vec();
    objects.extend(manifests::hub_rbac(SYSTEM, &[MESHES.to_owned()]));
    objects.extend(
        ["east", "west", "north", "full"].into_iter().flat_map(manifests::agent_hub_objects),
    );
    objects.extend(manifests::user_roles());
    objects.extend(manifests::policies(&hub));
    objects.extend(manifests::mutating_policies(&hub, "v1"));
    objects
}

/// What administrators gave to people, and to one agent.
fn rights() -> Vec<Value> {
    let mut objects = vec![
        bound("meshroot-operator", "operator"),
        bound("meshroot-approver", "approver"),
        bound("meshroot-approver", "second"),
        bound("meshroot-viewer", "viewer"),
        binding("mighty", "", "ClusterRole", "cluster-admin", (NORTH, AGENT)),
    ];
    let all = ["create", "get", "list", "update", "patch", "delete"];
    let tenant = [
        rule("networking.zephyr.solo.io", "virtualmeshes", &all),
        rule("meshroot.dev", "trustpolicies", &all),
        rule("meshroot.dev", "rootrotations", &all),
        rule("meshroot.dev", "requestapprovals", &all),
        rule(REQUESTS.0, REQUESTS.1, &["create", "get", "patch"]),
    ];
    objects.push(role("Role", TENANT, "tenant", &tenant));
    for user in ["tenant", "owner"] {
        objects.push(binding(user, TENANT, "Role", "tenant", (PEOPLE, user)));
    }
    objects.extend(rights_of_the_owner(&all));
    objects
}

const REQUESTS: (&str, &str) = ("security.zephyr.solo.io", "virtualmeshcertificatesigningrequests");

/// As docs/approval.md gives them to whoever approves on one virtual mesh only.
fn rights_of_the_owner(all: &[&str]) -> [Value; 4] {
    let status = format!("{}/status", REQUESTS.1);
    let mut approve = rule("networking.zephyr.solo.io", "virtualmeshes", &["approve"]);
    approve["resourceNames"] = json!(["own"]);
    let everywhere = [
        rule(REQUESTS.0, REQUESTS.1, &["create", "get", "list"]),
        rule(REQUESTS.0, &status, &["get", "update", "patch"]),
        rule("meshroot.dev", "requestapprovals", all),
    ];
    [
        role("Role", TENANT, "approve-own", &[approve]),
        binding("approve-own", TENANT, "Role", "approve-own", (PEOPLE, "owner")),
        role("ClusterRole", "", "request-status-writer", &everywhere),
        binding("decides", "", "ClusterRole", "request-status-writer", (PEOPLE, "owner")),
    ]
}

fn rule(group: &str, resource: &str, verbs: &[&str]) -> Value {
    json!({ "apiGroups": [group], "resources": [resource], "verbs": verbs })
}

fn role(kind: &str, namespace: &str, name: &str, rules: &[Value]) -> Value {
    let mut role = plain(kind, namespace, name);
    role["rules"] = json!(rules);
    role
}

fn bound(role: &str, user: &str) -> Value {
    binding(user, "", "ClusterRole", role, (PEOPLE, user))
}

/// Binds a role to a ServiceAccount, everywhere where `namespace` is empty.
pub(crate) fn binding(
    name: &str,
    namespace: &str,
    kind: &str,
    role: &str,
    account: (&str, &str),
) -> Value {
    let scope = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    let mut binding = plain(scope, namespace, name);
    let group = "rbac.authorization.k8s.io";
    binding["roleRef"] = json!({ "apiGroup": group, "kind": kind, "name": role });
    binding["subjects"] =
        json!([{ "kind": "ServiceAccount", "name": account.1, "namespace": account.0 }]);
    binding
}
