//! The demo on API servers that run: what it is told, how long it may take, and that everything ends with it.

use std::time::{Duration, Instant};

use meshroot_api::policy::{ApprovalMode, KeyAlgorithm};
use meshroot_runtime::process::shutdown::Shutdown;

use super::clusters::RunningApi;
use super::home::Home;
use super::limit::Limit;
use super::processes::Processes;
use super::report::Report;
use super::screen::Screen;
use super::story::Story;
use crate::failure::Failure;
use crate::output::Format;

/// What the demo is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who approves.
    pub approval: ApprovalMode,
    /// Key of the root, if it is not to be the hub's default.
    pub root_key: Option<KeyAlgorithm>,
    /// Whether to end once trust is established.
    pub once: bool,
    /// How long it may take until then, from `began` on.
    pub limit: Duration,
    /// When the program was started.
    pub began: Instant,
    /// Whether the data outlives the program.
    pub kept: bool,
    /// Of the document at the end.
    pub format: Format,
}

/// Runs the demo on `apis`, the hub's first, and returns what it showed. Hub, agents and control planes have ended and
/// their leases are released when this returns, however it ends; the API servers are the caller's.
pub async fn run(
    apis: &[RunningApi],
    options: &Options,
    home: &Home,
    screen: &mut Screen<'_>,
    shutdown: &Shutdown,
) -> Result<Report, Failure> {
    let (hub, clusters) =
        apis.split_first().ok_or_else(|| Failure::no("there is no API server for the hub"))?;
    let kubeconfig = home.write_kubeconfig(apis)?;
    let mut processes = Processes::new();
    let problem = processes.problem();
    let (limit, report) = (Limit::new(options.began, options.limit), Report::default());
    let mut story =
        Story { hub, clusters, options, kubeconfig: &kubeconfig, screen, limit, report };
    let outcome = tokio::select! {
        biased;
        outcome = Box::pin(story.tell(&mut processes, shutdown)) => outcome,
        problem = problem => Err(Failure::no(problem)),
        () = shutdown.wait() => interrupted(options),
    };
    let report = story.report;
    // Also when nobody reads any more: what runs must end.
    let erased = screen.settle(&[]);
    processes.stop().await;
    outcome.and(erased).map(|()| report)
}

/// Who looks on may stop at any time; who asked for an answer gets none.
fn interrupted(options: &Options) -> Result<(), Failure> {
    if options.once { Err(Failure::no("interrupted before trust was established")) } else { Ok(()) }
}
