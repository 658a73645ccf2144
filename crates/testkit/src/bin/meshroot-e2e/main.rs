//! The end-to-end run: a hub and two clusters, real API servers, real istiods, and what users type.

mod leaks;
mod progress;
mod scenario;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    meshroot_testkit::install_crypto_provider();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let hold = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => false,
        ["--hold"] => true,
        _ => {
            eprintln!(
                "usage: meshroot-e2e [--hold]\n\n  --hold  keep everything running at the end, to look at it, until Ctrl-C"
            );
            return std::process::ExitCode::from(2);
        }
    };
    let mut progress = progress::Progress::start();
    let outcome = scenario::run(&mut progress, hold).await;
    progress.verdict(&outcome);
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(_) => std::process::ExitCode::FAILURE,
    }
}
