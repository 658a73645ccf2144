//! `meshroot cluster join`: idempotent, so that what broke off halfway is finished by the same command.

mod identity;
mod token;

use std::path::PathBuf;

use jiff::SignedDuration;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Client;
use meshroot_api::names::{AGENT_SERVICE_ACCOUNT, SYSTEM_NAMESPACE, cluster_namespace};
use meshroot_manifests::{
    AgentCredentials, DEFAULT_MESH_NAMESPACE, Reach, agent_cluster_objects, agent_hub_objects,
    cluster_quota,
};
use meshroot_runtime::kube::apply::{Applied, apply, exists, title};
use meshroot_runtime::kube::connect::{Target, config_for, connect, connect_with};
use meshroot_view::age::date;
use serde_json::{Value, json};

use super::check_name;
use super::hub::{self, Address};
use super::leave::remove;
use crate::commands::version::VERSION;
use crate::duration::parse_duration;
use crate::failure::Failure;
use crate::global::Global;
use crate::session::USER_AGENT;
use crate::terminal::Terminal;
use meshroot_api::names::CLUSTER_UID_ANNOTATION;

/// Which cluster joins which hub.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Arguments {
    /// Name for the cluster on the hub
    name: String,
    /// Context of the hub
    #[arg(long, value_name = "CONTEXT")]
    hub_context: Option<String>,
    /// Kubeconfig of the hub, if it is another file
    #[arg(long, value_name = "FILE")]
    hub_kubeconfig: Option<PathBuf>,
    /// Address of the hub's API server as the agent reaches it; the kubeconfig's if left out
    #[arg(long, value_name = "URL")]
    hub_server: Option<String>,
    /// PEM file with the certificates that this server is verified with; the kubeconfig's if left out
    #[arg(long, value_name = "FILE")]
    hub_ca: Option<PathBuf>,
    /// Namespace of a mesh's control plane in the cluster; may be given again
    #[arg(long, value_name = "NAMESPACE", default_value = DEFAULT_MESH_NAMESPACE)]
    mesh_namespace: Vec<String>,
    /// A control plane's Deployment that the agent may restart where the TrustPolicy says so (spec.restart: Automatic),
    /// such as istiod; may be given again
    #[arg(long, value_name = "DEPLOYMENT")]
    restart: Vec<String>,
    /// The agent's image; the default has the version of this command
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Lifetime of the agent's first token; the agent renews it by itself
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = parse_duration)]
    token_lifetime: SignedDuration,
    /// Take the place of another cluster that has this name, or that this cluster has under another name
    #[arg(long)]
    replace: bool,
    /// Say what would be done
    #[arg(long)]
    dry_run: bool,
}

/// Both ends.
struct Ends {
    hub: Client,
    cluster: Client,
    address: Address,
}

/// Joins it.
pub(super) async fn run(
    global: &Global,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    check_name(&asked.name)?;
    check_contexts(global, asked)?;
    let ends = ends(global, asked)?;
    let identity = identity::check(&ends.hub, &ends.cluster, &asked.name, asked.replace).await?;
    identity::check_mesh_namespaces(&ends.cluster, &asked.mesh_namespace).await?;

    terminal.line(format!("hub {}", ends.address.server))?;
    if identity.replaces_another {
        void_tokens(&ends.hub, asked, terminal).await?;
    }
    for object in hub_objects(&asked.name, &identity.uid) {
        put(&ends.hub, &object, asked.dry_run, terminal).await?;
    }
    limit(&ends.hub, asked, terminal).await?;
    let token = if asked.dry_run {
        terminal.line("  would ask for a token of the agent's ServiceAccount")?;
        None
    } else {
        let token = token::issue(&ends.hub, &asked.name, asked.token_lifetime).await?;
        terminal.line(format!(
            "  issued      a token that expires {} (the agent renews it)",
            date(token.expires)
        ))?;
        Some(token.token)
    };

    terminal.line(format!("cluster {}", asked.name))?;
    for object in cluster_objects(asked, &ends.address, token.as_ref().map(|token| token.as_str()))
    {
        put(&ends.cluster, &object, asked.dry_run, terminal).await?;
    }
    if let Some(former) = identity.former_name {
        terminal.line(format!(
            "\nnote: its place as {former} is left on the hub: meshroot cluster leave {former}"
        ))?;
    }
    terminal.print(&next_steps(asked, &ends.address))
}

/// A hub that is its own workload cluster is fine, but must be meant.
fn check_contexts(global: &Global, asked: &Arguments) -> Result<(), Failure> {
    let same_file = asked.hub_kubeconfig.is_none() || asked.hub_kubeconfig == global.kubeconfig;
    if same_file && asked.hub_context.is_none() && global.context.is_none() {
        return Err(Failure::usage("it is not clear which is the hub and which is the cluster")
            .fix("give --hub-context CONTEXT for the hub and --context CONTEXT for the cluster"));
    }
    Ok(())
}

fn ends(global: &Global, asked: &Arguments) -> Result<Ends, Failure> {
    let hub = Target {
        kubeconfig: asked.hub_kubeconfig.clone().or_else(|| global.kubeconfig.clone()),
        context: asked.hub_context.clone(),
    };
    let cluster = Target { kubeconfig: global.kubeconfig.clone(), context: global.context.clone() };
    let hub = config_for(&hub).map_err(|error| hub::unreachable(&error))?;
    let address = hub::address(&hub, asked.hub_server.as_deref(), asked.hub_ca.as_ref())?;
    Ok(Ends {
        hub: connect_with(hub, USER_AGENT).map_err(|error| hub::unreachable(&error))?,
        cluster: connect(&cluster, USER_AGENT)?,
        address,
    })
}

/// A quota that is there stays as it is: somebody may have raised it.
async fn limit(hub: &Client, asked: &Arguments, terminal: &mut Terminal) -> Result<(), Failure> {
    let quota = cluster_quota(&asked.name);
    if exists(hub, &quota).await? {
        return terminal.line(format!("  kept        {} (its limits are yours)", title(&quota)));
    }
    put(hub, &quota, asked.dry_run, terminal).await
}

async fn put(
    client: &Client,
    object: &Value,
    dry: bool,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let done = if dry {
        // Without asking the server to do it nobody knows whether anything would change.
        if exists(client, object).await? { "would apply" } else { "would create" }
    } else {
        match apply(client, object).await? {
            Applied::Created => "created",
            Applied::Changed => "changed",
            Applied::Unchanged => "unchanged",
        }
    };
    terminal.line(format!("  {done:<11} {}", title(object)))
}

/// The cluster that had the name before may still hold a token, and would renew it for ever: tokens end with the
/// ServiceAccount, which is made anew afterwards.
async fn void_tokens(
    hub: &Client,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let title =
        format!("ServiceAccount {}/{AGENT_SERVICE_ACCOUNT}", cluster_namespace(&asked.name));
    let deed = if asked.dry_run {
        "would delete"
    } else {
        remove::<ServiceAccount>(hub, &cluster_namespace(&asked.name)).await?;
        "deleted"
    };
    terminal.line(format!(
        "  {deed:<11} {title}   (the tokens of the cluster that had this name are no longer valid)"
    ))
}

/// What the agent needs on the hub; the namespace remembers which cluster it is for.
fn hub_objects(cluster: &str, uid: &str) -> Vec<Value> {
    let mut objects = agent_hub_objects(cluster);
    let home = cluster_namespace(cluster);
    for object in &mut objects {
        if object["kind"] == "Namespace" && object["metadata"]["name"] == home.as_str() {
            object["metadata"]["annotations"][CLUSTER_UID_ANNOTATION] = json!(uid);
        }
    }
    objects
}

/// What the agent needs in its cluster. The credentials come before the Deployment that reads them; without a
/// token (a dry run) their place is held by the name alone.
fn cluster_objects(asked: &Arguments, address: &Address, token: Option<&str>) -> Vec<Value> {
    let image = asked.image.clone().unwrap_or_else(|| format!("meshroot-agent:{VERSION}"));
    let reach = Reach { mesh_namespaces: &asked.mesh_namespace, restart: &asked.restart };
    let mut objects = agent_cluster_objects(&asked.name, &image, reach);
    let credentials = AgentCredentials {
        cluster: &asked.name,
        server: &address.server,
        ca_pem: &address.ca_pem,
        token: token.unwrap_or_default(),
    };
    let first_deployment =
        objects.iter().position(|object| object["kind"] == "Deployment").unwrap_or(objects.len());
    objects.insert(first_deployment, credentials.secret());
    objects
}

fn next_steps(asked: &Arguments, address: &Address) -> String {
    let cluster = &asked.name;
    let mesh = format!(
        "istio-{}-{cluster}",
        asked.mesh_namespace.first().map_or(DEFAULT_MESH_NAMESPACE, String::as_str)
    );
    let home = cluster_namespace(cluster);
    let note = if hub::is_loopback(&address.server) {
        format!(
            "note: the agent will call {}, which within a pod is the pod itself; if it runs in one, repeat this with\n      --hub-server https://HOST:PORT\n\n",
            address.server
        )
    } else {
        String::new()
    };
    let heading =
        if asked.dry_run { "nothing was written; without --dry-run, next:" } else { "next:" };
    format!(
        "
{note}{heading}
  meshroot cluster list          the agent is there once its state is ok
  meshroot get mesh -n {home}
  meshroot describe mesh {mesh} -n {home}
                                 whether it has a CA of its own, and what taking it over will do
  and one virtual mesh, on the hub:

apiVersion: networking.zephyr.solo.io/v1alpha1
kind: VirtualMesh
metadata:
  name: demo
  namespace: {SYSTEM_NAMESPACE}
spec:
  meshes:
  - {{ name: {mesh}, namespace: {home} }}
"
    )
}

const AFTER_HELP: &str = "\
May be repeated at any time: what is missing is made, and the agent gets a new token.
The cluster's namespace on the hub gets a ResourceQuota; one that is there is left as it is.
Needs an administrator on both sides (namespaces, roles, service account tokens).

Examples:
  meshroot cluster join east --hub-context hub --context east
  meshroot cluster join east --hub-context hub --context east --dry-run
  meshroot cluster join east --hub-context hub --context east --restart istiod
  meshroot cluster join east --hub-context hub --context east --hub-server https://hub:6443
  meshroot cluster join east --hub-kubeconfig hub.yaml --kubeconfig east.yaml";

#[cfg(test)]
mod tests {
    use meshroot_api::names::HUB_CREDENTIALS_SECRET;

    use super::*;

    fn asked(words: &[&str]) -> Arguments {
        use clap::Parser as _;
        #[derive(clap::Parser)]
        struct Outer {
            #[command(flatten)]
            asked: Arguments,
        }
        Outer::parse_from([&["join", "east"], words].concat()).asked
    }

    fn address() -> Address {
        Address { server: "https://hub:6443".to_owned(), ca_pem: "CA".to_owned() }
    }

    #[test]
    fn the_namespace_on_the_hub_remembers_which_cluster_it_is_for() {
        let objects = hub_objects("east", "uid-1");
        assert_eq!(objects[0]["metadata"]["annotations"][CLUSTER_UID_ANNOTATION], "uid-1");
    }

    #[test]
    fn the_credentials_are_there_before_the_agent_that_reads_them() {
        let objects = cluster_objects(&asked(&[]), &address(), Some("token"));
        let place = |kind: &str| objects.iter().position(|object| object["kind"] == kind).unwrap();
        assert!(place("Namespace") < place("Secret") && place("Secret") < place("Deployment"));
        assert_eq!(objects[place("Secret")]["metadata"]["name"], HUB_CREDENTIALS_SECRET);
    }

    #[test]
    fn the_virtual_mesh_to_begin_with_has_eight_lines() {
        let text = next_steps(&asked(&[]), &address());
        let yaml = text.lines().skip_while(|line| !line.starts_with("apiVersion")).count();
        assert_eq!(yaml, 8, "{text}");
        assert!(!text.contains("note:"), "{text}");
    }

    #[test]
    fn without_any_context_it_is_not_said_who_joins_whom() {
        let failure = check_contexts(&Global::default(), &asked(&[])).unwrap_err();
        assert_eq!(failure.exit(), crate::failure::Exit::Usage);
        check_contexts(&Global::default(), &asked(&["--hub-context", "hub"])).unwrap();
    }
}
