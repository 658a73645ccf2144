//! The end-to-end run: a hub and two clusters, real API servers, real istiods, and what users type.

mod leaks;
mod progress;
mod scenario;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    meshroot_testkit::install_crypto_provider();
    let mut progress = progress::Progress::start();
    let outcome = scenario::run(&mut progress).await;
    progress.verdict(&outcome);
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(_) => std::process::ExitCode::FAILURE,
    }
}
