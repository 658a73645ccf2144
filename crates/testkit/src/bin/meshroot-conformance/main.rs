//! The conformance run: one suite of cases against the real kube-apiserver and the embedded one.

mod options;
mod suite;

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
