//! `meshroot approve`.

use meshroot_api::security::ApprovalStatus;

use super::decision::{Decision, decide};
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
    /// Approve only what `meshroot describe vmcsr` showed with this digest, of one request
    #[arg(long, value_name = "DIGEST")]
    sha256: Option<String>,
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
    if asked.sha256.is_some() && asked.names.len() > 1 {
        return Err(Failure::usage("--sha256 stands for one request; approve each with its own"));
    }
    let decision = Decision {
        verdict: ApprovalStatus::Approved,
        message: &asked.message,
        shown: asked.sha256.as_deref(),
    };
    decide(session, &asked.names, &decision, terminal).await
}

const AFTER_HELP: &str = "\
What is approved is what `meshroot describe vmcsr` shows under \"What would be signed\": that is signed, or nothing,
also where the policy changes meanwhile. With --sha256 nothing is approved but what was shown with that digest, which
stands for this very object, its CSR, lifetime, path length and issuer. A decision is final.
Needs the verb `approve` on the VirtualMesh (ClusterRole meshroot-approver).

Examples:
  meshroot describe vmcsr istio-istio-system-east.demo.1
  meshroot approve istio-istio-system-east.demo.1 --sha256 DIGEST --message CHG-1234
  meshroot approve meshroot-cluster-east/istio-istio-system-east.demo.2 -m CHG-1235";
