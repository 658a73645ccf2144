//! `meshroot approve`.

use meshroot_api::security::ApprovalStatus;

use super::decision::decide;
use crate::failure::Failure;
use crate::session::Session;
use crate::terminal::Terminal;

/// What to approve.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Requests: NAME or NAMESPACE/NAME
    #[arg(required = true)]
    names: Vec<String>,
    /// Why, for people: a ticket number
    #[arg(long, short, default_value = "")]
    message: String,
}

/// Approves.
pub(crate) async fn run(
    session: &Session,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    decide(session, &asked.names, ApprovalStatus::Approved, &asked.message, terminal).await
}

const AFTER_HELP: &str = "\
What is approved is the CSR whose SHA-256 is shown: it cannot change afterwards. A decision is final.
Needs the verb `approve` on the VirtualMesh (ClusterRole meshroot-approver).

Examples:
  meshroot describe vmcsr istio-istio-system-east.demo.1
  meshroot approve istio-istio-system-east.demo.1 --message CHG-1234
  meshroot approve meshroot-cluster-east/istio-istio-system-east.demo.2 -m CHG-1235";
