//! Serves until it is ended: `serve ADDRESS KUBECONFIG [DATA]`. The kubeconfig file is written anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;

use apiserver::{Options, Server};

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().expect("give an address").parse().unwrap();
    let kubeconfig = PathBuf::from(arguments.next().expect("give a kubeconfig file to write"));
    let data = arguments.next().map(PathBuf::from);
    let server =
        Server::open(Options { data, new_admin: true, ..Options::default() }).await.unwrap();
    let endpoint = server.listen(address).await.unwrap();
    std::fs::write(
        &kubeconfig,
        endpoint.kubeconfig("embedded", "admin", server.admin_token().unwrap()),
    )
    .unwrap();
    println!("{}", endpoint.url());
    tokio::signal::ctrl_c().await.unwrap();
    server.shutdown().await;
}
