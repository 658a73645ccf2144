//! `meshroot approve`.

mod give;
mod walk;
mod withdraw;

use crate::failure::Failure;
use crate::session::Session;
use crate::terminal::Terminal;

/// What to approve.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Requests: NAME or NAMESPACE/NAME; without one, each that waits is shown and asked about
    names: Vec<String>,
    /// Approve only what `meshroot describe vmcsr` showed with this digest, of one request
    #[arg(long, value_name = "DIGEST")]
    sha256: Option<String>,
    /// Why, for people: a ticket number
    #[arg(long, short, default_value = "")]
    message: String,
    /// Take your own approval back, while the request is not decided
    #[arg(long, conflicts_with_all = ["sha256", "message"])]
    withdraw: bool,
}

/// Approves.
pub(crate) async fn run(
    session: &Session,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    if asked.sha256.is_some() && asked.names.len() != 1 {
        return Err(Failure::usage("--sha256 stands for one request; approve each with its own"));
    }
    if asked.withdraw && asked.names.is_empty() {
        return Err(Failure::usage("--withdraw needs the name of a request"));
    }
    if asked.withdraw {
        withdraw::run(session, &asked.names, terminal).await
    } else if asked.names.is_empty() {
        Box::pin(walk::run(session, &asked.message, terminal)).await
    } else {
        give::run(session, asked, terminal).await
    }
}

const AFTER_HELP: &str = "\
What is approved is what `meshroot describe vmcsr` shows under \"What would be signed\": that is
signed, or nothing, also where the policy changes meanwhile. With --sha256 nothing is approved but
what was shown with that digest, which stands for this very object, its CSR, lifetime, path length
and issuer. Your user name is recorded with it. Where spec.approval.required of the TrustPolicy is 2
or more, so many different people approve before it is signed; until then an approval can be taken
back. Needs the verb `approve` on the VirtualMesh (ClusterRole meshroot-approver).

Examples:
  meshroot approve
  meshroot describe vmcsr istio-istio-system-east.demo.1
  meshroot approve istio-istio-system-east.demo.1 --sha256 DIGEST --message CHG-1234
  meshroot approve istio-istio-system-east.demo.1 --withdraw";
