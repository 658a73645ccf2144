//! When a term begins and ends, and what the Lease says meanwhile.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use apiserver::Server;
use k8s_openapi::api::coordination::v1::Lease;
use kube::Client;
use kube::api::{Api, DeleteParams};
use meshroot_runtime::kube::lease::{Leadership, LeaseSettings};
use meshroot_runtime::kube::write;
use meshroot_runtime::process::queue::{Outcome, Queue};
use meshroot_runtime::process::service::{ControllerError, Controllers, Election};
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_runtime::process::telemetry::Telemetry;
use meshroot_testkit::wait::LIMIT;
use tokio::sync::Notify;
use tokio::task::{JoinError, JoinHandle};

use super::holder;

/// One key, which is worked on until it is released, in each term.
struct Work {
    leases: Api<Lease>,
    queue: Queue<&'static str>,
    terms: AtomicU32,
    started: Notify,
    release: Notify,
    holder_at_the_end: Mutex<Option<String>>,
}

#[derive(Debug, thiserror::Error)]
#[error("it never fails")]
struct Never;

impl ControllerError for Never {
    fn outcome(&self) -> Outcome {
        Outcome::Done
    }
}

impl Work {
    fn new(leases: Api<Lease>) -> Arc<Self> {
        Arc::new(Self {
            leases,
            queue: Queue::new(),
            terms: AtomicU32::new(0),
            started: Notify::new(),
            release: Notify::new(),
            holder_at_the_end: Mutex::default(),
        })
    }

    fn begin(&self) {
        self.terms.fetch_add(1, Ordering::Relaxed);
        self.queue.add("key");
    }

    async fn reconcile(work: Arc<Self>, _: &'static str) -> Result<Outcome, Never> {
        work.started.notify_one();
        work.release.notified().await;
        let holder = holder(&work.leases, "terms").await;
        *work.holder_at_the_end.lock().unwrap() = holder;
        Ok(Outcome::Done)
    }
}

type Leading = JoinHandle<Result<(), JoinError>>;

fn lead(client: Client, work: &Arc<Work>, shutdown: &Shutdown) -> (Leadership, Leading) {
    let telemetry = Telemetry::new("terms", "1.2.3");
    let lease = LeaseSettings::new("default", "terms", "ours");
    let election = Election::enter(client, lease, &telemetry);
    let leadership = election.leadership();
    let controllers = Controllers::new(work, &telemetry).begin(Work::begin).reconcile(
        "work",
        &work.queue,
        1,
        Work::reconcile,
    );
    let shutdown = shutdown.clone();
    (leadership, tokio::spawn(async move { controllers.lead(election, &shutdown).await }))
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    let limited = tokio::time::timeout(LIMIT, future).await;
    limited.unwrap_or_else(|_| panic!("{what}: not within {LIMIT:?}"))
}

#[tokio::test]
async fn the_lease_is_held_until_work_in_progress_has_ended() {
    let server = Server::open(apiserver::Options::default()).await.unwrap();
    let client = Client::new(server.in_process(), "default");
    let work = Work::new(Api::default_namespaced(client.clone()));
    let shutdown = Shutdown::manual();
    let (_, leading) = lead(client, &work, &shutdown);
    within("the start", work.started.notified()).await;
    shutdown.trigger();
    work.release.notify_one();
    within("the end", leading).await.unwrap().unwrap();
    assert_eq!(work.holder_at_the_end.lock().unwrap().as_deref(), Some("ours"));
    assert_eq!(holder(&work.leases, "terms").await, None);
    assert_eq!(work.terms.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn after_a_lost_term_the_next_begins_when_the_work_of_the_last_has_ended() {
    let server = Server::open(apiserver::Options::default()).await.unwrap();
    let client = Client::new(server.in_process(), "default");
    let work = Work::new(Api::default_namespaced(client.clone()));
    let shutdown = Shutdown::manual();
    let (mut leadership, leading) = lead(client, &work, &shutdown);
    within("the start", work.started.notified()).await;
    let mut lease = work.leases.get("terms").await.unwrap();
    lease.spec.as_mut().unwrap().holder_identity = Some("thief".to_owned());
    write::replace(&work.leases, &lease).await.unwrap();
    within("the loss", leadership.lost()).await;
    work.leases.delete("terms", &DeleteParams::default()).await.unwrap();
    within("the next election", leadership.wait_until_leader()).await;
    assert_eq!(work.terms.load(Ordering::Relaxed), 1, "the key is still worked on");
    work.release.notify_one();
    within("the next start", work.started.notified()).await;
    assert_eq!(work.terms.load(Ordering::Relaxed), 2);
    shutdown.trigger();
    work.release.notify_one();
    within("the end", leading).await.unwrap().unwrap();
    assert_eq!(holder(&work.leases, "terms").await, None);
}
