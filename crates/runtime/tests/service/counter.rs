//! A process, whole: it annotates each ConfigMap of a namespace with the number of its keys.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, ResourceExt as _, runtime::watcher};
use meshroot_runtime::kube::{lease::Leadership, watch::Watched, write};
use meshroot_runtime::process::options::ProcessOptions;
use meshroot_runtime::process::queue::{Outcome, Queue};
use meshroot_runtime::process::service::{ControllerError, Controllers, Election, Service};

struct Counter {
    api: Api<ConfigMap>,
    maps: Watched<ConfigMap>,
    queue: Queue<String>,
    leadership: Leadership,
}

#[derive(Debug, thiserror::Error)]
#[error("the ConfigMap is empty")]
struct Empty;

impl ControllerError for Empty {
    fn outcome(&self) -> Outcome {
        Outcome::Retry
    }
}

pub(crate) async fn run(options: ProcessOptions) -> anyhow::Result<()> {
    let service = Service::start("counter", "1.2.3", &options).await?;
    let lease = options.lease("default", "counter", Duration::from_secs(15));
    let election = Election::enter(service.client.clone(), lease, &service.telemetry);
    let api = Api::namespaced(service.client.clone(), "default");
    let followed = Api::namespaced(service.client.clone(), "default");
    let maps = Watched::start(followed, watcher::Config::default(), &service.shutdown);
    let (queue, leadership) = (Queue::new(), election.leadership());
    let counter = Arc::new(Counter { api, maps, queue, leadership });
    Controllers::new(&counter, &service.telemetry)
        .follow(&counter.maps, |counter, object| counter.queue.add(object.name))
        .reconcile("count", &counter.queue, 4, reconcile)
        .lead(election, &service.shutdown)
        .await?;
    Ok(service.stop().await?)
}

async fn reconcile(counter: Arc<Counter>, name: String) -> Result<Outcome, Empty> {
    let map = counter.maps.object(Some("default"), &name);
    let (Some(map), Some(_)) = (map, counter.leadership.state()) else { return Ok(Outcome::Done) };
    let count = map.data.as_ref().ok_or(Empty)?.len().to_string();
    if map.annotations().get("keys") == Some(&count) {
        return Ok(Outcome::Done);
    }
    let mut next = map.as_ref().clone();
    next.annotations_mut().insert("keys".to_owned(), count);
    let written = write::replace(&counter.api, &next).await;
    Ok(written.map_or_else(|error| error.retry().into(), |_| Outcome::Done))
}
