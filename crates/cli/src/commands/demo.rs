//! `meshroot demo`: a hub and workload clusters in this process, from nothing to trust.

mod screen;

use std::error::Error;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::SignedDuration;
use meshroot_api::policy::{ApprovalMode, KeyAlgorithm};
use meshroot_demo::clusters::{HUB, NAMES, Servers};
use meshroot_demo::home::Home;
use meshroot_demo::screen::Screen as _;
use meshroot_demo::{DemoError, Join, Options};
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_runtime::process::telemetry::{self, LogFormat};
use tokio::signal::unix::{SignalKind, signal};

use super::cluster;
use crate::duration::parse_duration;
use crate::failure::Failure;
use crate::global::Global;
use crate::key::parse_key;
use crate::terminal::Terminal;
use screen::{Screen, Style};

/// What to show.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Workload clusters, 2 to 5: east, west, north, south, central
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=5))]
    clusters: u8,
    /// Who approves the requests: automatic at first; with --keep as it was, if left out
    #[arg(long, value_enum, value_name = "WHO")]
    approval: Option<Approval>,
    /// Key of the root, such as ECDSA-P256; RSA-4096 if left out
    #[arg(long, value_name = "KEY", value_parser = parse_key)]
    root_key: Option<KeyAlgorithm>,
    /// Keep the data in this directory, or go on from what is in it
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Replace the root once trust is established, while workloads shake hands without a pause
    #[arg(long)]
    rotate: bool,
    /// End after the handshakes, with exit code 0 if trust is established and nobody was refused
    #[arg(long)]
    once: bool,
    /// How long it may take until trust is established; a person may take longer, but not with --once
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_duration)]
    timeout: SignedDuration,
    /// What hub and agents log to standard error, such as info or meshroot_hub=debug; nothing if left out
    #[arg(long, value_name = "FILTER", env = "MESHROOT_LOG")]
    log_filter: Option<String>,
}

/// Who approves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Approval {
    /// What passes the checks is approved.
    Automatic,
    /// You, with `meshroot approve`.
    ThirdParty,
}

impl From<Approval> for ApprovalMode {
    fn from(approval: Approval) -> Self {
        match approval {
            Approval::Automatic => Self::Automatic,
            Approval::ThirdParty => Self::ThirdParty,
        }
    }
}

/// Shows it.
pub(crate) async fn run(
    global: &Global,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let began = Instant::now();
    refuse_contexts(global)?;
    if let Some(filter) = &asked.log_filter {
        telemetry::init(LogFormat::Text, Some(filter))
            .map_err(|error| Failure::usage(error.to_string()))?;
    }
    let shutdown =
        shutdown().map_err(|error| Failure::no(format!("cannot listen for signals: {error}")))?;
    let home = Home::open(asked.keep.as_deref())?;
    let clusters = NAMES.get(..usize::from(asked.clusters)).unwrap_or(&NAMES);
    let servers = Servers::start(clusters, home.data()).await?;
    let options = options(asked, began);
    let mut screen = Screen::new(terminal, style(global), global.output);
    let outcome =
        meshroot_demo::run(servers.apis(), &options, &home, &ClusterJoin, &mut screen, &shutdown)
            .await;
    servers.stop().await;
    drop(home);
    outcome?;
    if !options.once {
        screen.settle(&[farewell(asked)])?;
    }
    Ok(())
}

/// `meshroot cluster join`, as people type it.
struct ClusterJoin;

#[async_trait(?Send)]
impl Join for ClusterJoin {
    async fn join(
        &self,
        kubeconfig: &Path,
        cluster: &str,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let words = ["cluster", "join", cluster, "--hub-context", HUB];
        let asked = cluster::Arguments::read(words).map_err(|error| {
            Failure::no(format!("cluster join does not know its arguments: {error}"))
        })?;
        let global = Global {
            kubeconfig: Some(kubeconfig.to_owned()),
            context: Some(cluster.to_owned()),
            ..Global::default()
        };
        let mut silent = Terminal::to(std::io::sink());
        Ok(cluster::run(&global, &asked, &mut silent).await?)
    }
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        let see = error.see();
        let failure = match error {
            DemoError::Connect(error) => error.into(),
            DemoError::Call(error) => error.into(),
            DemoError::Apply(error) => error.into(),
            DemoError::Screen(error) => error.into(),
            DemoError::Join(error) => match error.downcast::<Self>() {
                Ok(failure) => *failure,
                Err(error) => Self::no(error.to_string()),
            },
            DemoError::Server { ref source, .. } => Self::no(error.to_string()).caused_by(source),
            DemoError::TooLate { .. } => Self::no(error.to_string())
                .fix("see what hub and agents say with --log-filter info, or give them more time with --timeout"),
            _ => Self::no(error.to_string()),
        };
        match see {
            Some(see) => failure.see(see),
            None => failure,
        }
    }
}

/// SIGINT, SIGTERM, and the end of the terminal.
fn shutdown() -> std::io::Result<Shutdown> {
    let mut hangup = signal(SignalKind::hangup())?;
    let shutdown = Shutdown::on_signals()?;
    let hung_up = shutdown.clone();
    tokio::spawn(async move {
        hangup.recv().await;
        hung_up.trigger();
    });
    Ok(shutdown)
}

fn options(asked: &Arguments, began: Instant) -> Options {
    Options {
        approval: asked.approval.map(Approval::into),
        root_key: asked.root_key,
        rotate: asked.rotate,
        once: asked.once,
        limit: Duration::try_from(asked.timeout).unwrap_or(Duration::from_mins(1)),
        began,
        kept: asked.keep.is_some(),
    }
}

fn style(global: &Global) -> Style {
    match global.output.is_table() {
        false => Style::Document,
        true if std::io::stdout().is_terminal()
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb") =>
        {
            Style::Live
        }
        true => Style::Lines,
    }
}

fn farewell(asked: &Arguments) -> String {
    match &asked.keep {
        None => "  Ended. Nothing listens any more and nothing is left behind.".to_owned(),
        Some(keep) => {
            format!("  Ended. Nothing listens any more; the data is kept in {}.", keep.display())
        }
    }
}

/// The demo asks no cluster of the user's.
fn refuse_contexts(global: &Global) -> Result<(), Failure> {
    let asked = global.kubeconfig.is_some() || global.context.is_some();
    if asked || global.namespace.is_some() || global.all_namespaces {
        return Err(Failure::usage(
            "the demo brings its own clusters: --kubeconfig, --context and namespaces mean nothing to it",
        ));
    }
    Ok(())
}

const AFTER_HELP: &str = "\
Everything runs in this process and listens on 127.0.0.1 alone. The control planes of the meshes
are stand-ins for istiod: they load Secret cacerts and issue workload certificates as istiod does,
and no more.
Ctrl-C ends it; a second one at once.

Examples:
  meshroot demo
  meshroot demo --approval third-party
  meshroot demo --once -o json
  meshroot demo --rotate --once
  meshroot demo --clusters 3 --keep ./demo";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_takes_no_cluster_of_the_users() {
        let global = Global { context: Some("prod".to_owned()), ..Global::default() };
        assert_eq!(refuse_contexts(&global).unwrap_err().exit(), crate::failure::Exit::Usage);
        refuse_contexts(&Global::default()).unwrap();
    }
}
