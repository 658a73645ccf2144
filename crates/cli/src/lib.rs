//! The `meshroot` command: what people ask of Meshroot, and what they are told.
//!
//! - `arguments`: everything that can be typed; `global`: what every subcommand takes
//! - `dispatch`: who does it; `commands`: one module for each subcommand
//! - `output`: tables, JSON, YAML; `terminal`: where they go to; `plain`: what may be shown there
//! - `failure`: what is said when the answer is no, and the exit code
//!
//! A subcommand reads a snapshot, judges it in plain functions, makes its writes and says what it did. What objects say
//! is in `meshroot-view`.

mod arguments;
mod commands;
mod dispatch;
mod duration;
mod failure;
mod global;
mod key;
mod locate;
mod output;
mod plain;
mod session;
mod terminal;

use std::env::ArgsOs;
use std::process::ExitCode;

use futures::future::LocalBoxFuture;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Parses the command line, runs it and returns the exit code.
pub fn run(command_line: ArgsOs) -> ExitCode {
    let arguments = match arguments::parse(command_line) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version go to standard output and are no failure. A closed pipe is nobody's concern.
            let _ = error.print();
            return if error.use_stderr() {
                failure::Exit::Usage.into()
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    meshroot_runtime::kube::connect::install_crypto_provider();
    let verbose = arguments.global.verbose;
    let serves = arguments.command.serves();
    match block_on(serves, Box::pin(dispatch::run(arguments, &mut Terminal::standard()))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            eprint!("{}", failure.text(verbose));
            failure.exit().into()
        }
    }
}

/// The work is boxed: a program compiled for each kind of runtime would be three times as large.
fn block_on(serves: bool, work: LocalBoxFuture<'_, Result<(), Failure>>) -> Result<(), Failure> {
    let mut runtime = if serves {
        tokio::runtime::Builder::new_multi_thread()
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    match runtime.enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => {
            Err(Failure::unreachable("the asynchronous runtime cannot be started")
                .caused_by(&error))
        }
    }
}
