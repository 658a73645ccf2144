//! Secrets `cacerts` of a cluster as they appear.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Result, ensure};
use futures::TryStreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use meshroot_testkit::wait;
use tokio::task::JoinHandle;
use x509_cert::Certificate;
use x509_cert::der::DecodePem as _;

use crate::requests::LIMIT;
use crate::stand_in::Loaded;

/// When each namespace got its `cacerts`.
pub(crate) struct Installed {
    seen: Arc<Mutex<HashMap<String, Instant>>>,
    watch: JoinHandle<()>,
}

impl Installed {
    /// Follows the Secrets, and has the stand-ins load each at once.
    pub(crate) fn follow(client: Client, loaded: Loaded) -> Self {
        let seen: Arc<Mutex<HashMap<String, Instant>>> = Arc::default();
        let told = Arc::clone(&seen);
        let watch = tokio::spawn(async move {
            let secrets: Api<Secret> = Api::all(client);
            let events = watcher::watcher(
                secrets,
                watcher::Config::default().fields("metadata.name=cacerts"),
            );
            let ended = events.try_for_each(|event| {
                if let Event::InitApply(secret) | Event::Apply(secret) = event
                    && let (Some(namespace), Some(end)) =
                        (secret.metadata.namespace.clone(), end(&secret))
                {
                    loaded
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(namespace.clone(), end);
                    told.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .entry(namespace)
                        .or_insert_with(Instant::now);
                }
                std::future::ready(Ok(()))
            });
            if let Err(error) = ended.await {
                println!("    a watch of the benchmark ended: {error}");
            }
        });
        Self { seen, watch }
    }

    /// Waits until so many namespaces have one; when the last came.
    pub(crate) async fn until(&self, count: usize) -> Result<Instant> {
        let attempt = async || {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            ensure!(seen.len() >= count, "{} of {count}", seen.len());
            Ok(seen.values().copied().max().unwrap_or_else(Instant::now))
        };
        wait::until("each mesh has its cacerts", LIMIT, attempt).await
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

fn end(secret: &Secret) -> Option<i64> {
    let pem = secret.data.as_ref()?.get("ca-cert.pem")?;
    let certificate = Certificate::from_pem(&pem.0).ok()?;
    i64::try_from(certificate.tbs_certificate().validity().not_after.to_unix_duration().as_secs())
        .ok()
}
