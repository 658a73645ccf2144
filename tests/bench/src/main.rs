//! The benchmark: certificates per second and writes per certificate through a real kube-apiserver and etcd, with
//! the hub and an agent as the processes that users run; rotations of hundreds of members; the embedded API server beside etcd and kube-apiserver; and
//! the hub on the embedded server.

mod account;
mod agent_run;
mod baseline;
mod certificate_request;
mod clusters;
mod comparison;
mod connection;
mod embedded_process;
mod hub_embedded;
mod installed;
mod issuance;
mod neighbour;
mod objects;
mod options;
mod quiet;
mod requests;
mod rotation;
mod run;
mod server;
mod stand_in;
mod table;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    meshroot_testkit::install_crypto_provider();
    let outcome = match options::Options::parse(std::env::args().skip(1)) {
        Ok(options) => run::run(&options).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            println!("benchmark: FAILED: {error:?}");
            std::process::ExitCode::FAILURE
        }
    }
}
