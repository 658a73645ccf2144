//! The demo: a hub and workload clusters in one process, from nothing to trust.
//!
//! - [`clusters`]: the API servers; [`home`]: the kubeconfig and where data is kept
//! - `install`, `processes`: what is written into them, and what runs; [`control_plane`]: the stand-in for istiod
//! - `story`: what is done and waited for; `watching`, `member`: how far it is
//! - `workload`, [`handshake`]: the proof; [`screen`], [`report`], `outro`: what is said

pub mod clusters;
pub mod control_plane;
mod error;
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

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::LocalBoxFuture;
use meshroot_api::policy::{ApprovalMode, KeyAlgorithm};
use meshroot_runtime::process::shutdown::Shutdown;

use clusters::RunningApi;
pub use error::DemoError;
use home::Home;
use limit::Limit;
use processes::Processes;
pub use report::Report;
use screen::Screen;
use story::Story;

/// Name of the virtual mesh that is made.
const VIRTUAL_MESH: &str = "demo";
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What the demo's administrator calls itself to servers.
const USER_AGENT: &str = concat!("meshroot/", env!("CARGO_PKG_VERSION"));

/// How a workload cluster joins the hub: with the command that people use.
#[async_trait(?Send)]
pub trait Join {
    /// `meshroot cluster join CLUSTER --hub-context hub --context CLUSTER`, with contexts of `kubeconfig`.
    async fn join(
        &self,
        kubeconfig: &Path,
        cluster: &str,
    ) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// What the demo is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who approves; where it is not said, what the policy that is there says, and at first the policy.
    pub approval: Option<ApprovalMode>,
    /// Key of the root, if it is not to be the hub's default.
    pub root_key: Option<KeyAlgorithm>,
    /// Whether to replace the root then, under handshakes.
    pub rotate: bool,
    /// Whether to end once that is shown.
    pub once: bool,
    /// How long it may take until then, from `began` on.
    pub limit: Duration,
    /// When the program was started.
    pub began: Instant,
    /// Whether the data outlives the program.
    pub kept: bool,
}

/// Runs the demo on `apis`, the hub's first, and returns what it showed. Hub, agents and control planes have ended and
/// their leases are released when this returns, however it ends; the API servers are the caller's. Boxed, so that it
/// is compiled here and not once more wherever it is awaited.
pub fn run<'a>(
    apis: &'a [RunningApi],
    options: &'a Options,
    home: &'a Home,
    join: &'a dyn Join,
    screen: &'a mut dyn Screen,
    shutdown: &'a Shutdown,
) -> LocalBoxFuture<'a, Result<Report, DemoError>> {
    Box::pin(show(apis, options, home, join, screen, shutdown))
}

async fn show(
    apis: &[RunningApi],
    options: &Options,
    home: &Home,
    join: &dyn Join,
    screen: &mut dyn Screen,
    shutdown: &Shutdown,
) -> Result<Report, DemoError> {
    let (hub, clusters) = apis.split_first().ok_or(DemoError::NoHub)?;
    let kubeconfig = home.write_kubeconfig(apis)?;
    let mut processes = Processes::new();
    let problem = processes.problem();
    let (limit, report) = (Limit::new(options.began, options.limit), Report::default());
    let mut story = Story {
        hub,
        clusters,
        options,
        home,
        kubeconfig: &kubeconfig,
        screen,
        join,
        approval: ApprovalMode::default(),
        limit,
        report,
    };
    let outcome = tokio::select! {
        biased;
        outcome = Box::pin(story.run(&mut processes, shutdown)) => outcome,
        problem = problem => Err(DemoError::Ended(problem)),
        () = shutdown.wait() => interrupted(options),
    };
    // Also when nobody reads any more: what runs must end.
    let erased = story.screen.settle(&[]);
    let report = story.report;
    processes.stop().await;
    outcome?;
    erased?;
    Ok(report)
}

/// Who looks on may stop at any time; who asked for an answer gets none.
fn interrupted(options: &Options) -> Result<(), DemoError> {
    if options.once { Err(DemoError::Interrupted) } else { Ok(()) }
}
