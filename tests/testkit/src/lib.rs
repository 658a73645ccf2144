//! Real control planes, judges and crash points for tests. A dev-dependency only.
//!
//! A test asks for what it needs and gets a running server, or, where a real part is not built,
//! an error that says what to run: such a test fails.
//!
//! ```no_run
//! # async fn test() -> anyhow::Result<()> {
//! use meshroot_testkit::api_server;
//! let api = api_server::shared().await?;
//! let client = api.admin_client().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Everything listens on 127.0.0.1, takes its ports from the kernel, keeps its files in a
//! temporary directory and dies with the process that started it.

pub mod api_server;
pub mod binary;
pub mod crash;
pub mod directory;
pub mod envoy;
pub mod etcd;
pub mod fleet;
pub mod http_text;
pub mod istiod;
pub mod judges;
pub mod kubeconfig;
pub mod openssl;
pub mod ports;
pub mod process;
pub mod projected_secret;
pub mod prometheus;
pub mod quota;
pub mod sidecar;
mod signing_key;
pub mod tls;
pub mod tools;
pub mod wait;
pub mod workload;

pub use api_server::ApiServer;
pub use binary::Binary;
pub use directory::Directory;
pub use etcd::Etcd;
pub use fleet::Fleet;
pub use istiod::{Istiod, IstiodOptions};
pub use projected_secret::ProjectedSecret;
pub use prometheus::Prometheus;
pub use sidecar::Sidecar;
pub use workload::WorkloadCertificate;

/// Makes aws-lc-rs the cryptography of this process. Harmless when called again.
pub fn install_crypto_provider() {
    // An error means that a provider is installed already, which is all that is wanted.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
