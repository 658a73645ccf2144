//! `meshroot demo`: a hub and workload clusters in this process, from nothing to trust.
//!
//! - [`clusters`]: the API servers; [`home`]: the kubeconfig and where data is kept
//! - `install`, `processes`: what is written into them, and what runs; `control_plane`: the stand-in for istiod
//! - [`flow`], `story`: what is done and waited for; `watching`, `member`: how far it is
//! - `workload`, [`handshake`]: the proof; [`screen`], [`report`], `outro`: what is said

pub mod clusters;
mod control_plane;
pub mod flow;
pub mod handshake;
pub mod home;
mod install;
mod limit;
mod member;
mod outro;
mod processes;
pub mod report;
pub mod screen;
mod story;
mod watching;
mod workload;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use meshroot_api::policy::{ApprovalMode, KeyAlgorithm};
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_runtime::process::telemetry::{self, LogFormat};
use tokio::signal::unix::{SignalKind, signal};

use crate::age::parse_duration;
use crate::arguments::Global;
use crate::failure::Failure;
use crate::terminal::Terminal;
use clusters::Servers;
use flow::Options;
use home::Home;
use screen::{Screen, Style};

/// Name of the virtual mesh that is made.
pub(crate) const VIRTUAL_MESH: &str = "demo";

/// What to show.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// Workload clusters, 2 to 5: east, west, north, south, central
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u8).range(2..=5))]
    clusters: u8,
    /// Who approves the requests
    #[arg(long, value_enum, default_value_t)]
    approval: Approval,
    /// Key of the root, such as ECDSA-P256; RSA-4096 if left out
    #[arg(long, value_name = "KEY", value_parser = root_key)]
    root_key: Option<KeyAlgorithm>,
    /// Keep the data in this directory, or go on from what is in it
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// End after the handshakes, with exit code 0 if trust is established
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Approval {
    /// What passes the checks is approved.
    #[default]
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
pub async fn run(
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
        shutdown().map_err(|error| Failure::no(format!("signals cannot be received: {error}")))?;
    let home = Home::open(asked.keep.as_deref())?;
    let clusters = clusters::NAMES.get(..usize::from(asked.clusters)).unwrap_or(&clusters::NAMES);
    let servers = Servers::start(clusters, home.data()).await?;
    let options = options(global, asked, began);
    let mut screen = Screen::new(terminal, style(global));
    let outcome = flow::run(servers.apis(), &options, &home, &mut screen, &shutdown).await;
    servers.stop().await;
    drop(home);
    outcome?;
    if options.once { Ok(()) } else { screen.settle(&[farewell(asked)]) }
}

/// SIGINT, SIGTERM, and the end of the terminal.
fn shutdown() -> std::io::Result<Shutdown> {
    let mut hangup = signal(SignalKind::hangup())?;
    let shutdown = Shutdown::on_signals()?;
    let told = shutdown.clone();
    tokio::spawn(async move {
        hangup.recv().await;
        told.trigger();
    });
    Ok(shutdown)
}

fn options(global: &Global, asked: &Arguments, began: Instant) -> Options {
    Options {
        approval: asked.approval.into(),
        root_key: asked.root_key,
        once: asked.once,
        limit: Duration::try_from(asked.timeout).unwrap_or(Duration::from_mins(1)),
        began,
        kept: asked.keep.is_some(),
        format: global.output,
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

fn root_key(text: &str) -> Result<KeyAlgorithm, String> {
    let read = serde_json::from_value(serde_json::Value::from(text));
    read.map_err(|_| {
        format!("{text:?} is no key; write RSA-3072, RSA-4096, ECDSA-P256, ECDSA-P384 or Ed25519")
    })
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
  meshroot demo --clusters 3 --keep ./demo";

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn a_root_key_is_named_as_in_the_api() {
        assert_eq!(root_key("ECDSA-P256").unwrap(), KeyAlgorithm::EcdsaP256);
        assert!(root_key("p256").unwrap_err().contains("RSA-4096"));
    }

    #[test]
    fn the_demo_takes_no_cluster_of_the_users() {
        let global = Global { context: Some("prod".to_owned()), ..Global::default() };
        assert_eq!(refuse_contexts(&global).unwrap_err().exit(), crate::failure::Exit::Usage);
        refuse_contexts(&Global::default()).unwrap();
    }
}
