//! What the run is asked for.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Run the conformance cases against kube-apiserver and the embedded server, and compare
#[derive(Parser)]
#[command(name = "meshroot-conformance")]
pub(crate) struct Options {
    /// Ask one server only: nothing is compared, failing cases are reported
    #[arg(long)]
    pub(crate) only: Option<Server>,
    /// Run the cases whose `group: name` contains this
    #[arg(long, default_value = "")]
    pub(crate) case: String,
    /// Run this many times and fail where a case does not answer the same each time
    #[arg(long, default_value_t = 1)]
    pub(crate) repeat: usize,
    /// Use this running server instead of starting the embedded one
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The address of that server, where the kubeconfig's is another one
    #[arg(long, requires = "kubeconfig")]
    pub(crate) url: Option<String>,
    /// Write no page; fail where docs/conformance.md is not what would be written
    #[arg(long)]
    pub(crate) check: bool,
    /// Print what was asked and what came
    #[arg(long)]
    pub(crate) show: bool,
    /// Print how long each case took
    #[arg(long)]
    pub(crate) times: bool,
    /// Print the cases and end
    #[arg(long)]
    pub(crate) list: bool,
}

/// A server that a run may be limited to.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Server {
    /// The real kube-apiserver
    Real,
    /// The embedded server
    Embedded,
}
