//! `meshroot deny`.

use super::decision::deny_all;
use crate::failure::Failure;
use crate::session::Session;
use crate::terminal::Terminal;

/// What to deny.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Requests: NAME or NAMESPACE/NAME
    #[arg(required = true)]
    names: Vec<String>,
    /// Why, for people: whoever reads the request must know what to change
    #[arg(long, short)]
    message: String,
}

/// Denies.
pub(crate) async fn run(
    session: &Session,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    if asked.message.trim().is_empty() {
        return Err(Failure::usage(
            "--message is empty; whoever reads the denial must know what to change",
        ));
    }
    deny_all(session, &asked.names, &asked.message, terminal).await
}

const AFTER_HELP: &str = "\
A denial is final, and recorded with your user name. After the cause is put right, ask for another request with `meshroot renew`.

Examples:
  meshroot deny istio-istio-system-east.demo.1 --message 'CHG-1234: wrong trust domain'";
