//! `meshroot rotate`: another root for a virtual mesh, while every workload goes on to verify every other.

mod confirm;
mod exclude;
pub(super) mod gather;
mod plan;
mod watch;

use jiff::SignedDuration;
use kube::Api;
use kube::api::{Patch, PatchParams};
use meshroot_api::networking::Provided;
use meshroot_api::policy::{self, KeyAlgorithm};
use meshroot_api::rotation::{NewRoot, RootRotationSpec, Strategy};
use meshroot_api::shared::ResourceRef;
use meshroot_api::{RootRotation, VirtualMesh, names};
use meshroot_core::membership::Key;
use meshroot_runtime::kube::call::retried;
use meshroot_runtime::kube::write::{FIELD_MANAGER, Written, create_if_absent};
use meshroot_view::kinds::Kind;
use serde_json::{Value, json};

use crate::duration::parse_duration;
use crate::failure::Failure;
use crate::key::parse_key;
use crate::locate::find_as;
use crate::session::Session;
use crate::terminal::Terminal;
use gather::Gathered;

/// What to do.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Replace the root of a virtual mesh by a new one
    Root(Root),
    /// Show what each member is told next, and confirm the step that waits for that
    Confirm(Confirm),
    /// Tell no member anything new for now; what is in use is renewed as ever
    Pause(Asked),
    /// Go on with a paused rotation
    Resume(Asked),
    /// Go on without a mesh: it stays where it is, and nobody waits for it
    Exclude(Excluded),
    /// Take a mesh in again that was excluded: it goes on from where it is
    Include(Excluded),
    /// Say that the key of the old root is believed stolen; never taken back
    Taint(Tainted),
    /// Go back to the root that signed before; possible until the rotation is complete
    Rollback(Asked),
}

/// How to replace a root.
#[derive(Debug, clap::Args)]
#[command(after_help = ROOT_HELP)]
struct Root {
    /// Virtual mesh: NAME or NAMESPACE/NAME
    virtual_mesh: String,
    /// Show what each member will be told, in which order and how long that takes at least, and change nothing
    #[arg(long)]
    plan: bool,
    /// How members are brought to the new root
    #[arg(long, value_enum, default_value_t = Way::Automatic)]
    way: Way,
    /// Key of the new root, such as ECDSA-P384; without it as the TrustPolicy says
    #[arg(long, value_name = "ALGORITHM", value_parser = parse_key)]
    key: Option<KeyAlgorithm>,
    /// A root of your own: the Secret that holds it, with root-cert.pem, key.pem and maybe cert-chain.pem; without it the
    /// hub makes one
    #[arg(long = "new-root", value_name = "NAMESPACE/NAME", value_parser = parse_provided, conflicts_with = "key")]
    provided: Option<Provided>,
    /// Whether the rotation waits before each step for `meshroot rotate confirm`
    #[arg(long, value_enum, default_value_t = Gate::Automatic)]
    gate: Gate,
    /// The key of the old root is believed stolen: members trust it no longer than they must
    #[arg(long)]
    taint: bool,
    /// With --taint: have no workload waited for. Those whose certificates are older than what their control plane has
    /// loaded refuse others and are refused, until they renew or are restarted
    #[arg(long, requires = "taint")]
    accept_refusals: bool,
    /// Say how far it is until it is complete
    #[arg(long, conflicts_with = "plan")]
    watch: bool,
    /// How long to watch; without it until the end
    #[arg(long, value_name = "TIME", value_parser = parse_duration, requires = "watch")]
    timeout: Option<SignedDuration>,
}

/// Which rotation.
#[derive(Debug, clap::Args)]
struct Asked {
    /// Virtual mesh: NAME or NAMESPACE/NAME
    virtual_mesh: String,
    /// Say how far it is until nothing is left to be done
    #[arg(long)]
    watch: bool,
    /// How long to watch; without it until the end
    #[arg(long, value_name = "TIME", value_parser = parse_duration, requires = "watch")]
    timeout: Option<SignedDuration>,
}

/// What is believed stolen.
#[derive(Debug, clap::Args)]
struct Tainted {
    #[command(flatten)]
    asked: Asked,
    /// Have no workload waited for. Those whose certificates are older than what their control plane has loaded refuse
    /// others and are refused, until they renew or are restarted; what that means is shown by `meshroot rotate root --plan`
    #[arg(long)]
    accept_refusals: bool,
}

/// Whom to leave out, or to take in again.
#[derive(Debug, clap::Args)]
struct Excluded {
    #[command(flatten)]
    asked: Asked,
    /// Mesh of the virtual mesh: NAME or NAMESPACE/NAME
    mesh: String,
}

/// What to confirm.
#[derive(Debug, clap::Args)]
#[command(after_help = CONFIRM_HELP)]
struct Confirm {
    #[command(flatten)]
    asked: Asked,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Gate {
    /// It goes on by itself
    Automatic,
    /// Somebody confirms each step before members are told of it
    Confirm,
}

impl Gate {
    fn policy(self) -> policy::Gate {
        match self {
            Self::Automatic => policy::Gate::Automatic,
            Self::Confirm => policy::Gate::Confirm,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Way {
    /// Cross-signed where the old root may sign a cross-certificate, else bundle first
    Automatic,
    /// Certificates of the new root first, with a cross-certificate by the old one; then anchors
    CrossSigned,
    /// Both roots in all anchors first; then certificates of the new root
    BundleFirst,
}

impl Way {
    fn strategy(self) -> Strategy {
        match self {
            Self::Automatic => Strategy::Automatic,
            Self::CrossSigned => Strategy::CrossSigned,
            Self::BundleFirst => Strategy::BundleFirst,
        }
    }
}

/// Rotates.
pub(crate) async fn run(
    session: &Session,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    match &asked.command {
        Command::Root(asked) => root(session, asked, terminal).await,
        Command::Confirm(asked) => confirm::run(session, asked, terminal).await,
        Command::Pause(asked) => change(session, asked, &json!({ "paused": true }), terminal).await,
        Command::Resume(asked) => {
            change(session, asked, &json!({ "paused": false }), terminal).await
        }
        Command::Exclude(asked) => exclude::run(session, asked, true, terminal).await,
        Command::Include(asked) => exclude::run(session, asked, false, terminal).await,
        Command::Taint(Tainted { asked, accept_refusals }) => {
            let spec = if *accept_refusals {
                json!({ "taintOld": true, "acceptRefusals": true })
            } else {
                json!({ "taintOld": true })
            };
            change(session, asked, &spec, terminal).await
        }
        Command::Rollback(asked) => {
            change(session, asked, &json!({ "rollback": true, "paused": false }), terminal).await
        }
    }
}

fn parse_provided(text: &str) -> Result<Provided, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
            Ok(Provided { certificate: ResourceRef::new(name, namespace) })
        }
        _ => Err("the Secret is named NAMESPACE/NAME".to_owned()),
    }
}

async fn root(session: &Session, asked: &Root, terminal: &mut Terminal) -> Result<(), Failure> {
    let gathered = gather(session, &asked.virtual_mesh).await?;
    let key = &gathered.key;
    let begun = gathered.unfinished();
    let spec = RootRotationSpec {
        virtual_mesh_ref: ResourceRef::new(&key.name, &key.namespace),
        strategy: asked.way.strategy(),
        new_root: NewRoot { key: asked.key, provided: asked.provided.clone() },
        gate: asked.gate.policy(),
        taint_old: asked.taint,
        accept_refusals: asked.accept_refusals,
        ..RootRotationSpec::default()
    };
    if asked.plan {
        let begun = begun.map(|(number, rotation)| {
            let mut rotation = rotation.clone();
            rotation.spec.taint_old |= asked.taint;
            rotation.spec.accept_refusals |= asked.accept_refusals;
            (number, rotation)
        });
        let rotation = match begun {
            Some((number, rotation)) if gathered.has(number) => {
                gathered.current(Some(&rotation))?
            }
            Some((number, rotation)) => gathered.after(number, rotation.spec)?,
            None => gathered.after(gathered.latest() + 1, spec)?,
        };
        return plan::show(session, &gathered, &rotation, terminal);
    }
    if let Some((_, rotation)) = begun {
        let name = Key::of(rotation);
        return Err(Failure::no(format!("the root of virtual mesh {key} is being replaced already: {}", gather::line(rotation)))
            .see(format!("RootRotation {name}"))
            .fix(format!("watch it with: meshroot rotate resume {key} --watch, or go back with: meshroot rotate rollback {key}")));
    }
    let name = names::rotation(&key.name, gathered.latest() + 1);
    let mut rotation = RootRotation::new(&name, spec);
    rotation.metadata.namespace = Some(key.namespace.clone());
    let api: Api<RootRotation> = Api::namespaced(session.client.clone(), &key.namespace);
    let said = match retried(async || create_if_absent(&api, &rotation).await).await? {
        Written::Created(_) => {
            format!("RootRotation {}/{name} created; the hub makes the new root", key.namespace)
        }
        Written::Existed(_) => format!(
            "RootRotation {}/{name} was created by somebody else in the meantime",
            key.namespace
        ),
    };
    terminal.line(said)?;
    if asked.watch {
        watch::until_final(session, &Key::new(&key.namespace, name), asked.timeout, terminal).await
    } else {
        Ok(())
    }
}

async fn change(
    session: &Session,
    asked: &Asked,
    spec: &Value,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let gathered = gather(session, &asked.virtual_mesh).await?;
    let (number, rotation) = running(&gathered)?;
    write(session, asked, &gathered.key, (number, rotation), spec, terminal).await
}

/// The rotation that is not at its end.
fn running(gathered: &Gathered) -> Result<(u32, &RootRotation), Failure> {
    let key = &gathered.key;
    gathered.unfinished().ok_or_else(|| {
        Failure::no(format!("no root of virtual mesh {key} is being replaced"))
            .fix(format!("replace it with: meshroot rotate root {key}"))
    })
}

async fn write(
    session: &Session,
    asked: &Asked,
    key: &Key,
    (number, rotation): (u32, &RootRotation),
    spec: &Value,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let name = names::rotation(&key.name, number);
    let api: Api<RootRotation> = Api::namespaced(session.client.clone(), &key.namespace);
    let parameters =
        PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    // What was looked at, and not what came after it.
    let patch = json!({ "metadata": { "resourceVersion": rotation.metadata.resource_version }, "spec": spec });
    let written =
        retried(async || api.patch(&name, &parameters, &Patch::Merge(&patch)).await).await;
    written.map_err(|error| {
        Failure::api(&format!("change RootRotation {}/{name}", key.namespace), &error)
    })?;
    terminal.line(format!("RootRotation {}/{name} changed", key.namespace))?;
    if asked.watch {
        watch::until_final(session, &Key::new(&key.namespace, name), asked.timeout, terminal).await
    } else {
        Ok(())
    }
}

async fn gather(session: &Session, virtual_mesh: &str) -> Result<Gathered, Failure> {
    let found = find_as::<VirtualMesh>(session, Kind::VirtualMesh, virtual_mesh).await?;
    Gathered::read(session, found).await
}

const AFTER_HELP: &str = "\
Examples:
  meshroot rotate root demo --plan
  meshroot rotate root demo --watch
  meshroot rotate root demo --gate confirm
  meshroot rotate confirm demo
  meshroot rotate pause demo
  meshroot rotate exclude demo istio-istio-system-east
  meshroot rotate rollback demo --watch";

const CONFIRM_HELP: &str = "\
What is shown is what each member is told at once after it is confirmed. Without a terminal nobody
can be asked: --yes says that it was looked at (meshroot rotate root VIRTUAL_MESH --plan).

Examples:
  meshroot rotate confirm demo
  meshroot rotate confirm demo --yes --watch";

const ROOT_HELP: &str = "\
Creates the next RootRotation of the virtual mesh. The hub makes the new root, and tells the members
step by step; each step waits until every workload has what was told before. Nothing else need be
done, and nothing breaks if this command, the hub or an agent ends in the middle.

Examples:
  meshroot rotate root demo --plan
  meshroot rotate root demo --way bundle-first --watch --timeout 72h
  meshroot rotate root demo --new-root meshroot-system/company-ca
  meshroot rotate root demo --plan --taint
  meshroot rotate root demo --plan --taint --accept-refusals";
