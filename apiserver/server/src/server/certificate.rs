//! The serving certificate while the server runs.

use std::sync::Arc;
use std::time::Duration;

use apiserver_access::{self as access, Issued, ServingAuthority};
use rustls::ServerConfig;
use tokio::sync::watch;

use crate::api::Api;
use crate::clock;
use crate::server::keys::{KeyError, Keys};

/// TLS with a certificate of the serving authority.
pub(super) fn tls(
    authority: &ServingAuthority,
    serving: &Issued,
) -> Result<Arc<ServerConfig>, KeyError> {
    Ok(access::server_config(authority, serving, true)?)
}

const CHECK_EVERY: Duration = Duration::from_hours(12);

/// Replaces the serving certificate long before it ends; connections that are open keep the one they began with.
pub(super) async fn keep(
    api: Arc<Api>,
    authority: ServingAuthority,
    hosts: Vec<String>,
    renewed: watch::Sender<Arc<ServerConfig>>,
) {
    let pause = || tokio::time::sleep(CHECK_EVERY);
    while api.stop.run_until_cancelled(pause()).await.is_some() {
        let serving = Keys::new(&api.objects.store).serving(&authority, &hosts, clock::now()).await;
        match serving.and_then(|serving| tls(&authority, &serving)) {
            Ok(tls) => drop(renewed.send(tls)),
            Err(error) => {
                tracing::error!(%error, "the serving certificate could not be renewed");
            }
        }
    }
}
