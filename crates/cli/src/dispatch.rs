//! From what was typed to the subcommand that does it.

use crate::arguments::{self, Arguments, Command};
use crate::commands::{
    approve, audit, backup, check, cluster, completion, demo, deny, describe, get, inspect,
    install, policy, renew, restore, rotate, serve, trust, verify, version,
};
use crate::failure::Failure;
use crate::session::Session;
use crate::terminal::Terminal;

/// Runs what was asked for.
pub(crate) async fn run(arguments: Arguments, terminal: &mut Terminal) -> Result<(), Failure> {
    let global = arguments.global;
    match arguments.command {
        Command::Demo(asked) => demo::run(&global, &asked, terminal).await,
        Command::Get(asked) => get::run(&Session::open(&global)?, &asked, terminal).await,
        Command::Describe(asked) => describe::run(&Session::open(&global)?, &asked, terminal).await,
        Command::Check(_) => check::run(&Session::open(&global)?, terminal).await,
        Command::Audit(asked) => audit::run(&global, &asked, terminal).await,
        Command::Approve(asked) => approve::run(&Session::open(&global)?, &asked, terminal).await,
        Command::Deny(asked) => deny::run(&Session::open(&global)?, &asked, terminal).await,
        Command::Policy(asked) => policy::run(&global, &asked, terminal).await,
        Command::Renew(asked) => renew::run(&Session::open(&global)?, &asked, terminal).await,
        Command::Rotate(asked) => rotate::run(&Session::open(&global)?, &asked, terminal).await,
        Command::Trust(asked) => trust::run(&Session::open(&global)?, &asked, terminal).await,
        Command::Inspect(asked) => inspect::run(&global, &asked, terminal).await,
        Command::Verify(asked) => verify::run(&global, &asked, terminal).await,
        Command::Install(asked) => install::run(&asked, terminal),
        Command::Cluster(asked) => cluster::run(&global, &asked, terminal).await,
        Command::Serve(asked) => serve::run(&global, &asked, terminal).await,
        Command::Backup(asked) => backup::run(&Session::open(&global)?, &asked, terminal).await,
        Command::Restore(asked) => restore::run(&asked, terminal),
        Command::Completion(asked) => {
            completion::run(&asked, &mut arguments::command(false), terminal)
        }
        Command::Version => version::run(global.output, terminal),
    }
}
