//! The `meshroot` command; as `kubectl-meshroot` on the path it is `kubectl meshroot` too.

use std::process::ExitCode;

fn main() -> ExitCode {
    meshroot_cli::run(std::env::args_os())
}
