//! What every subcommand takes.

use std::path::PathBuf;

use crate::output::Format;

/// What every subcommand takes.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Kubeconfig file, instead of KUBECONFIG or ~/.kube/config
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig: the hub's, but for `cluster join` the workload cluster's
    #[arg(long, global = true, value_name = "CONTEXT")]
    pub(crate) context: Option<String>,
    /// Namespace; without it a NAME is looked for in all of them
    #[arg(short, long, global = true, value_name = "NAMESPACE", conflicts_with = "all_namespaces")]
    pub(crate) namespace: Option<String>,
    /// Every namespace
    #[arg(short = 'A', long, global = true)]
    pub(crate) all_namespaces: bool,
    /// How to write the answer
    #[arg(short, long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) output: Format,
    /// After an error, tell its chain of causes
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}
