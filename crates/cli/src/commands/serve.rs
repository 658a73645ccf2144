//! `meshroot serve`: the hub and its API on one machine, without a cluster to run them in.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use apiserver::{Endpoint, Options, Server, ServerError, User};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Patch, PatchParams};
use kube::config::Kubeconfig;
use kube::{Api, Client};
use meshroot_api::metrics::component;
use meshroot_api::names::{HUB_LEASE, HUB_SERVICE_ACCOUNT, SYSTEM_NAMESPACE};
use meshroot_hub::blocked_keys;
use meshroot_manifests::hub_prerequisites;
use meshroot_pki::BlockList;
use meshroot_runtime::kube::apply::install;
use meshroot_runtime::process::options::{Format, ProcessOptions, RESYNC_PERIOD, lease_seconds};
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_runtime::process::telemetry::{self, Telemetry};

use super::version::VERSION;
use crate::failure::Failure;
use crate::global::Global;
use crate::terminal::Terminal;

/// What to serve.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Directory that holds everything; made at the first start
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Address of the API; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:6443")]
    listen: SocketAddr,
    /// Name or address by which clusters reach the API, for its certificate; may be given again
    #[arg(long, value_name = "HOST")]
    host: Vec<String>,
    /// Address for /healthz, /readyz and /metrics of the hub
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    metrics: SocketAddr,
    /// The API alone, without a hub
    #[arg(long)]
    api_only: bool,
    /// Make a new token for the administrator; the one before is refused from then on
    #[arg(long)]
    new_admin: bool,
    /// Format of the log on standard error
    #[arg(long, value_enum, default_value = "text")]
    log_format: Format,
    /// What is logged, such as info or meshroot_hub=debug
    #[arg(long, value_name = "FILTER", env = "MESHROOT_LOG")]
    log_filter: Option<String>,
    /// Seconds that the hub's Lease lasts
    #[arg(long, value_name = "SECONDS", default_value = "15", value_parser = lease_seconds)]
    lease_duration: Duration,
    /// Keys that are refused, as of the start: SHA-256 of SubjectPublicKeyInfo in hexadecimal digits, one a line, or
    /// lines of Debian's openssl-blacklist; # begins a comment
    #[arg(long, value_name = "FILE", value_parser = blocked_keys)]
    blocked_keys: Option<Arc<BlockList>>,
}

/// The administrator's kubeconfig, in the data directory.
pub(crate) const ADMIN_KUBECONFIG: &str = "admin.kubeconfig";
const CONTEXT: &str = "meshroot";
/// Holder of the hub's Lease: one process at a time has the directory.
const IDENTITY: &str = "meshroot-serve";

/// Serves until SIGTERM or SIGINT.
pub(crate) async fn run(
    global: &Global,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    refuse_contexts(global)?;
    telemetry::init(asked.log_format.into(), asked.log_filter.as_deref())
        .map_err(|error| Failure::usage(error.to_string()))?;
    let shutdown = Shutdown::on_signals();
    let shutdown =
        shutdown.map_err(|error| Failure::no(format!("cannot listen for signals: {error}")))?;
    raise_file_limit();
    let kubeconfig = asked.data.join(ADMIN_KUBECONFIG);
    let options = Options {
        data: Some(asked.data.clone()),
        hosts: asked.host.clone(),
        new_admin: asked.new_admin,
        // The file may be elsewhere, with an administrator or beside a backup: their token stays good.
        another_admin: !kubeconfig.exists(),
        ..Options::default()
    };
    let server = Server::open(options).await.map_err(|error| failed(&error))?;
    let endpoint = server.listen(asked.listen).await.map_err(|error| failed(&error))?;
    let known = server.admin_token().map(str::to_owned).or_else(|| token_in(&kubeconfig));
    if let Some(token) = known {
        // Also where the token is the one before: the address may be another.
        write_kubeconfig(&kubeconfig, &endpoint.kubeconfig(CONTEXT, "admin", &token))?;
    }
    terminal.print(&greeting(asked, &endpoint, &kubeconfig))?;
    let outcome = if asked.api_only {
        shutdown.wait().await;
        Ok(())
    } else {
        hub(&server, asked, &shutdown).await
    };
    server.shutdown().await;
    outcome
}

/// As many connections as the system lets this process have: the usual soft limit is made for programs that use
/// `select`.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised =
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
}

/// The token in the administrator's kubeconfig; `None` where somebody has made something else of the file.
fn token_in(kubeconfig: &Path) -> Option<String> {
    let config = Kubeconfig::read_from(kubeconfig).ok()?;
    let [user] = config.auth_infos.as_slice() else { return None };
    // The secret's type is not named here: its serialized form is the token.
    let user = serde_json::to_value(user.auth_info.as_ref()?).ok()?;
    user["token"].as_str().map(str::to_owned)
}

/// Gives up the Lease that a killed process of this command has left: the directory has one process at a time.
async fn release_own_lease(admin: &Client) -> Result<(), Failure> {
    let leases: Api<Lease> = Api::namespaced(admin.clone(), SYSTEM_NAMESPACE);
    let failed = |error: &kube::Error| Failure::api("release the hub's lease", error);
    let found = leases.get_opt(HUB_LEASE).await.map_err(|error| failed(&error))?;
    let holder = found.and_then(|lease| lease.spec?.holder_identity);
    if holder.as_deref() == Some(IDENTITY) {
        let patch = Patch::Merge(serde_json::json!({ "spec": { "holderIdentity": null } }));
        leases
            .patch(HUB_LEASE, &PatchParams::default(), &patch)
            .await
            .map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// Installs what the hub needs, and works as its ServiceAccount, within the same rights as in a cluster.
async fn hub(server: &Server, asked: &Arguments, shutdown: &Shutdown) -> Result<(), Failure> {
    let admin = Client::new(server.in_process(), "default");
    let needed = hub_prerequisites(&[], Some("v1"));
    let needed = needed
        .map_err(|error| Failure::no(format!("the definitions cannot be written: {error}")))?;
    install(&admin, needed).await?;
    release_own_lease(&admin).await?;
    let account = User::service_account(SYSTEM_NAMESPACE, HUB_SERVICE_ACCOUNT, "");
    let client = Client::new(server.in_process_as(account), SYSTEM_NAMESPACE);
    let telemetry = Telemetry::new(component::HUB, VERSION);
    let listening = telemetry.serve(asked.metrics, shutdown.clone()).await;
    let (address, serving) = listening.map_err(|error| {
        Failure::no(format!("listening on {} for metrics failed: {error}", asked.metrics))
            .fix("give another address with --metrics")
    })?;
    tracing::info!(%address, "metrics of the hub");
    let options = meshroot_hub::Options {
        namespace: SYSTEM_NAMESPACE.to_owned(),
        lease_duration: asked.lease_duration,
        blocked_keys: asked.blocked_keys.clone(),
        process: process(asked),
    };
    let worked = meshroot_hub::work(client, &options, &telemetry, shutdown).await;
    shutdown.trigger();
    // It ends with the shutdown; how it ended tells nobody anything.
    let _ = serving.await;
    worked.map_err(|error| Failure::no(format!("the hub ended: {error:#}")))
}

fn process(asked: &Arguments) -> ProcessOptions {
    ProcessOptions {
        listen: asked.metrics,
        kubeconfig: None,
        context: None,
        resync_period: RESYNC_PERIOD,
        log_format: asked.log_format,
        log_filter: asked.log_filter.clone(),
        identity: Some(IDENTITY.to_owned()),
    }
}

fn greeting(asked: &Arguments, endpoint: &Endpoint, kubeconfig: &Path) -> String {
    let what = if asked.api_only { "API" } else { "hub" };
    let mut lines = vec![
        format!("{what} on {}, data in {}", endpoint.url(), asked.data.display()),
        format!(
            "  export KUBECONFIG={}",
            std::path::absolute(kubeconfig).unwrap_or_default().display()
        ),
    ];
    if !asked.api_only {
        lines.push("  kubectl get virtualmeshes -A".to_owned());
        lines.push(format!("  meshroot cluster join east --hub-context {CONTEXT} --context east"));
        lines.push("  meshroot backup hub.backup".to_owned());
    }
    lines.join("\n") + "\n"
}

/// Whole or not at all, readable by the owner only. An older file is replaced: its token is void.
fn write_kubeconfig(path: &Path, text: &str) -> Result<(), Failure> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    let write = || {
        match std::fs::remove_file(&partial) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&partial, path)
    };
    write().map_err(|error| Failure::no(format!("writing {} failed: {error}", path.display())))
}

fn failed(error: &ServerError) -> Failure {
    let failure = Failure::no(error.to_string());
    match error {
        ServerError::Listen { .. } => failure.fix("give another address with --listen"),
        _ => failure,
    }
}

/// It serves a cluster, and asks none.
fn refuse_contexts(global: &Global) -> Result<(), Failure> {
    if global.kubeconfig.is_some()
        || global.context.is_some()
        || global.namespace.is_some()
        || global.all_namespaces
    {
        return Err(Failure::usage(
            "serve brings its own API: --kubeconfig, --context and namespaces mean nothing to it",
        ));
    }
    Ok(())
}

const AFTER_HELP: &str = "\
The directory holds the API's state, its keys and, written at the first start, the
administrator's admin.kubeconfig: whoever reads it is administrator. One process serves a
directory at a time. Ends cleanly on SIGTERM or Ctrl-C; after a crash what was acknowledged is there.

Examples:
  meshroot serve --data /var/lib/meshroot
  meshroot serve --data /var/lib/meshroot --listen 0.0.0.0:6443 --host hub.example.com
  meshroot serve --data ./api --api-only --listen 127.0.0.1:0";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_administrators_kubeconfig_is_readable_by_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(ADMIN_KUBECONFIG);
        for text in ["one", "two"] {
            write_kubeconfig(&path, text).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn serve_takes_no_cluster_of_the_users() {
        let global = Global { context: Some("prod".to_owned()), ..Global::default() };
        assert_eq!(refuse_contexts(&global).unwrap_err().exit(), crate::failure::Exit::Usage);
    }
}
