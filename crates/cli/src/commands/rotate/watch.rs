//! `--watch`: how far a rotation is, until nothing is left to be done.

use futures::StreamExt as _;
use jiff::SignedDuration;
use kube::Api;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::watch_object;
use meshroot_api::RootRotation;
use meshroot_api::rotation::Step;
use meshroot_core::membership::Key;
use tokio::time::timeout;

use super::gather::line;
use crate::failure::Failure;
use crate::plain::plain;
use crate::session::Session;
use crate::terminal::Terminal;

pub(super) async fn until_final(
    session: &Session,
    name: &Key,
    limit: Option<SignedDuration>,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let mut said = String::new();
    let watched = watched(session, name, &mut said, terminal);
    let Some(limit) = limit else { return watched.await };
    match timeout(limit.unsigned_abs(), watched).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Failure::no(format!(
            "RootRotation {name} is not at its end after {limit:#}: {said}"
        ))
        .fix("nothing is lost, and it continues without this command")),
    }
}

async fn watched(
    session: &Session,
    name: &Key,
    said: &mut String,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let api: Api<RootRotation> = Api::namespaced(session.client.clone(), &name.namespace);
    let mut changes = watch_object(api, &name.name).default_backoff().boxed();
    while let Some(change) = changes.next().await {
        let rotation = match change {
            Ok(Some(rotation)) => rotation,
            Ok(None) => return Err(Failure::no(format!("RootRotation {name} was deleted"))),
            Err(error) => {
                Failure::unless_resumed(&format!("watch RootRotation {name}"), &error)?;
                continue;
            }
        };
        // What is not of this generation was said before somebody changed it.
        let status = rotation.status.clone().unwrap_or_default();
        if status.observed_generation != rotation.metadata.generation {
            continue;
        }
        let now = line(&rotation);
        if now != *said {
            terminal.line(plain(&now))?;
            *said = now;
        }
        if status.step.is_final() {
            let rolled_back = status.step == Step::RolledBack && !rotation.spec.rollback;
            return if rolled_back { Err(Failure::no("it was rolled back")) } else { Ok(()) };
        }
    }
    Ok(())
}
