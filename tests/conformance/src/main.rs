//! One suite of cases for two Kubernetes API servers, which must answer alike.
//!
//! The real kube-apiserver is the judge: a case says what is asked, not what must come. It is run
//! against each server, and what came (status, reason, object, events, what `kubectl` printed) is
//! compared after times, uids, resource versions and generated names are replaced by placeholders.
//!
//! # Adding a case
//! 1. Choose the file of its group in `src/cases/`; a new group is a file and a line in
//!    `cases.rs`.
//! 2. Add an entry to the file's `CASES`. A plain sequence of requests is a
//!    [`Case::calls`](case::Case::calls); a case that watches, races, runs `kubectl` or changes an
//!    object it read is a [`Case::steps`](case::Case::steps).
//! 3. The name is a sentence about behaviour: it becomes a row of `docs/conformance.md`.
//! 4. Use the names that each case has for itself, so that cases run side by side: `$ns` (its
//!    namespace, which exists), `$id` (a suffix for what has no namespace), `$group` (an API group
//!    for its own CRDs); `session.rs` lists the paths that have a short name, such as
//!    `$configmaps`. A value of an answer gets a name with `.save("name", "/pointer")` and is
//!    used as `$name`.
//! 5. What only prepares is `.quiet()`: it must succeed and is not compared. What depends on the
//!    rest of the server (lists of all groups) is cut down with `.only(&["/pointer"])`.
//! 6. Never sleep: `.until(status)` and `.until_value(pointer, value)` repeat a request that
//!    changes nothing.
//! 7. Run `cargo xtask conformance -- --only real --case "part of the name" --show`, read what
//!    came, then the same with `--repeat 5` and without `--show`: a case must be stable.
//!
//! Where the embedded server differs on purpose, the case says so with
//! [`Case::differs`](case::Case::differs): why, and each value that the embedded server answers
//! instead. An undeclared difference fails the run, and so does a declared one that is gone.

mod call;
mod case;
mod cases;
mod compare;
mod kubectl;
mod normal;
mod options;
mod report;
mod run;
mod session;
mod suite;
mod target;
mod transcript;
mod watch;

use clap::Parser as _;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    meshroot_testkit::install_crypto_provider();
    match suite::execute(&options::Options::parse()).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("conformance: FAILED: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}
