//! `meshroot check`.

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::ListParams;
use meshroot_api::names::{AGENT_LEASE, HUB_LEASE, SYSTEM_NAMESPACE};
use meshroot_runtime::process::clock;
use meshroot_view::check::{self, Finding, Level, Snapshot};

use crate::failure::Failure;
use crate::output::list;
use crate::plain::plain;
use crate::session::{Scope, Session};
use crate::terminal::Terminal;

/// Nothing but the global options.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {}

/// Looks at everything, and says no where there is a problem.
pub(crate) async fn run(session: &Session, terminal: &mut Terminal) -> Result<(), Failure> {
    let snapshot = read(session).await?;
    let mut findings = check::check(&snapshot);
    if let Some(namespace) = &session.global.namespace {
        findings.retain(|finding| finding.namespace() == namespace);
    }
    let format = session.global.output;
    if format.is_table() {
        for finding in &findings {
            terminal.line(plain(&finding.to_string()))?;
        }
    } else {
        let items = findings.iter().filter_map(|it| serde_json::to_value(it).ok()).collect();
        terminal.print(&format.text(&list(items))?)?;
    }
    answer(&snapshot, &findings)
}

async fn read(session: &Session) -> Result<Snapshot, Failure> {
    let all = ListParams::default();
    let hub = Scope::Namespace(SYSTEM_NAMESPACE.to_owned());
    let named = |name: &str| ListParams::default().fields(&format!("metadata.name={name}"));
    let doing = "list the heartbeats (Leases) of hub and agents";
    let mut leases: Vec<Lease> = session.list(doing, &hub, &named(HUB_LEASE)).await?;
    leases.extend(session.list::<Lease>(doing, &Scope::All, &named(AGENT_LEASE)).await?);
    Ok(Snapshot {
        virtual_meshes: session.list("list virtual meshes", &Scope::All, &all).await?,
        policies: session.list("list trust policies", &Scope::All, &all).await?,
        rotations: session.list("list root rotations", &Scope::All, &all).await?,
        meshes: session.list("list meshes", &Scope::All, &all).await?,
        trusts: session.list("list meshtrusts", &Scope::All, &all).await?,
        requests: session.list("list requests", &Scope::All, &all).await?,
        clusters: session.list("list the clusters of the hub", &hub, &all).await?,
        leases,
        now: clock::now(),
    })
}

fn answer(snapshot: &Snapshot, findings: &[Finding]) -> Result<(), Failure> {
    let problems = findings.iter().filter(|finding| finding.level() == Level::Problem).count();
    let counted = |number: usize, one: &str, many: &str| {
        format!("{number} {}", if number == 1 { one } else { many })
    };
    let looked_at = format!(
        "{}, {}, {}",
        counted(snapshot.virtual_meshes.len(), "virtual mesh", "virtual meshes"),
        counted(snapshot.meshes.len(), "mesh", "meshes"),
        counted(snapshot.clusters.len(), "cluster", "clusters"),
    );
    if problems > 0 {
        let problems = counted(problems, "problem", "problems");
        return Err(Failure::no(format!("{problems} in {looked_at}")));
    }
    eprintln!("no problem in {looked_at}");
    Ok(())
}

const AFTER_HELP: &str = "\
Looked at: whether hub and agents are heard; what virtual meshes, requests and meshes say of
themselves; roots and certificates that end, renewals that are late; settings that could be
stronger. A problem takes somebody to act; a note goes on by itself, waits for a decision, or is
advice. -n NAMESPACE keeps to the objects of one namespace. Nothing is changed.

Examples:
  meshroot check
  meshroot check -o json | jq -r '.items[] | select(.level == \"Problem\") | .message'";
