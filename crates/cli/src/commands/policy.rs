//! `meshroot policy`: what approval rules would do, before they do it.

mod cases;
mod documents;
mod replay;
mod test;

use std::path::PathBuf;

use jiff::SignedDuration;

use crate::duration::parse_duration;
use crate::failure::Failure;
use crate::global::Global;
use crate::terminal::Terminal;

/// What to try.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Say what rules would do with requests, without any hub
    Test(Test),
    /// Say which past decisions would be other ones under these rules
    Replay(Replay),
}

/// Rules, and what to try them on.
#[derive(Debug, clap::Args)]
#[command(after_help = TEST_HELP)]
struct Test {
    /// YAML or JSON with a TrustPolicy, and with requests or cases; `-` is standard input. May be given again
    #[arg(long = "file", short, value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// Rules, and of which time.
#[derive(Debug, clap::Args)]
#[command(after_help = REPLAY_HELP)]
struct Replay {
    /// YAML or JSON with a TrustPolicy; `-` is standard input
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,
    /// What was decided within this time
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = parse_duration)]
    since: SignedDuration,
    /// An export of the ledgers instead of the hub: what `meshroot audit export` printed
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
}

/// Tries rules.
pub(crate) async fn run(
    global: &Global,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    match &asked.command {
        Command::Test(asked) => test::run(global, asked, terminal),
        Command::Replay(asked) => replay::run(global, asked, terminal).await,
    }
}

const AFTER_HELP: &str = "\
Rules are spec.approval.rules of a TrustPolicy: docs/approval.md.

Examples:
  meshroot policy test -f policy.yaml -f cases.yaml
  meshroot policy replay -f draft.yaml --since 90d";

const TEST_HELP: &str = "\
Says of each rule whether it can be compiled, and of each request or case which rule decides and
why. Requests are Kubernetes objects, with the Mesh, VirtualMesh and IssuanceRecords that belong
to them: what `meshroot describe vmcsr NAME -o yaml` prints. A case is written by hand, with the
names that conditions use; `expect` makes it a test. Exit code 1 says that a rule or an
expectation fails.

Examples:
  meshroot policy test -f policy.yaml
  meshroot policy test -f policy.yaml -f cases.yaml
  meshroot describe vmcsr istio-istio-system-east.demo.2 -o yaml |
    meshroot policy test -f policy.yaml -f -";

const REPLAY_HELP: &str = "\
Judges what was decided in the TrustPolicy's virtual mesh once more, with what the ledger keeps of
each request, and lists what would be decided otherwise. Nothing is changed.

Examples:
  meshroot policy replay -f draft.yaml --since 90d
  meshroot policy replay -f draft.yaml --ledger ledger.json";
