//! The election against a Lease in memory, under a clock that only moves when everybody waits.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response, StatusCode};
use k8s_openapi::api::coordination::v1::Lease;
use kube::client::Body;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// One Lease behind the verbs that the election uses; a watch is refused, so candidates look by themselves.
#[derive(Clone, Default)]
struct Server(Arc<State>);

#[derive(Default)]
struct State {
    lease: Mutex<Option<Lease>>,
    version: AtomicU64,
    answers_lost: AtomicU64,
}

impl Server {
    /// A client whose connection can be cut: calls then hang, as they do behind a broken network.
    fn client(&self) -> (Client, Arc<AtomicBool>) {
        let cut = Arc::new(AtomicBool::new(false));
        let (server, connection) = (self.clone(), Arc::clone(&cut));
        let service = tower::service_fn(move |request: Request<Body>| {
            let (server, connection) = (server.clone(), Arc::clone(&connection));
            async move {
                if connection.load(Ordering::Relaxed) {
                    std::future::pending::<()>().await;
                }
                let (parts, body) = request.into_parts();
                let bytes = body.collect_bytes().await.expect("a body");
                let answer =
                    server.answer(&parts.method, parts.uri.query().unwrap_or_default(), &bytes);
                if parts.method == Method::PUT && server.loses_answer() {
                    std::future::pending::<()>().await;
                }
                Ok::<_, tower::BoxError>(answer)
            }
        });
        (Client::new(service, "default"), cut)
    }

    fn loses_answer(&self) -> bool {
        self.0
            .answers_lost
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
    }

    fn answer(&self, method: &Method, query: &str, body: &[u8]) -> Response<Body> {
        let mut stored = self.0.lease.lock().unwrap();
        let version = |lease: &Lease| lease.metadata.resource_version.clone();
        match (method.as_str(), stored.as_ref()) {
            ("GET", _) if query.contains("fieldSelector") => refusal(403, "Forbidden"),
            ("GET", Some(lease)) => accepted(lease),
            ("POST", Some(_)) => refusal(409, "AlreadyExists"),
            ("PUT", Some(lease)) if version(&parsed(body)) != version(lease) => {
                refusal(409, "Conflict")
            }
            ("POST", None) | ("PUT", Some(_)) => {
                let mut lease = parsed(body);
                let next = self.0.version.fetch_add(1, Ordering::Relaxed) + 1;
                lease.metadata.resource_version = Some(next.to_string());
                let answer = accepted(&lease);
                *stored = Some(lease);
                answer
            }
            _ => refusal(404, "NotFound"),
        }
    }

    /// Changes the Lease as some other client would.
    fn edit(&self, change: impl FnOnce(&mut Lease)) {
        let mut stored = self.0.lease.lock().unwrap();
        let lease = stored.as_mut().expect("a lease");
        change(lease);
        let next = self.0.version.fetch_add(1, Ordering::Relaxed) + 1;
        lease.metadata.resource_version = Some(next.to_string());
    }

    fn holder(&self) -> Option<String> {
        let stored = self.0.lease.lock().unwrap();
        stored.as_ref().and_then(|lease| record::holder(lease).map(str::to_owned))
    }
}

fn parsed(body: &[u8]) -> Lease {
    serde_json::from_slice(body).expect("a Lease")
}

fn accepted(lease: &Lease) -> Response<Body> {
    Response::new(Body::from(serde_json::to_vec(lease).unwrap()))
}

fn refusal(code: u16, reason: &str) -> Response<Body> {
    let status = serde_json::json!({"kind": "Status", "status": "Failure", "code": code, "reason": reason,
        "message": reason, "details": {"name": "leader", "kind": "leases"}});
    let mut response = Response::new(Body::from(serde_json::to_vec(&status).unwrap()));
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response
}

struct Candidate {
    leadership: Leadership,
    task: JoinHandle<()>,
    shutdown: Shutdown,
    cut: Arc<AtomicBool>,
}

impl Candidate {
    fn stands(server: &Server, holder: &str) -> Self {
        let (client, cut) = server.client();
        let shutdown = Shutdown::manual();
        let (leadership, task) =
            elect(client, LeaseSettings::new("ns", "leader", holder), shutdown.clone());
        Self { leadership, task, shutdown, cut }
    }

    async fn leads(server: &Server, holder: &str) -> (Self, Fence) {
        let mut candidate = Self::stands(server, holder);
        let fence = candidate.leadership.wait_until_leader().await;
        (candidate, fence)
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_candidates_exactly_one_leads_and_stays() {
    let server = Server::default();
    let candidates: Vec<_> =
        (0..5).map(|n| Candidate::stands(&server, &format!("holder-{n}"))).collect();
    for _ in 0..120 {
        tokio::time::sleep(SECOND).await;
        let leading: Vec<_> =
            candidates.iter().filter_map(|candidate| candidate.leadership.state()).collect();
        assert_eq!(leading, [Fence(1)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_vanishes_is_followed_after_the_duration_with_the_next_number() {
    let server = Server::default();
    let (first, fence) = Candidate::leads(&server, "first").await;
    let mut second = Candidate::stands(&server, "second");
    tokio::time::sleep(SECOND).await;
    let vanished = Instant::now();
    first.task.abort();
    let next = second.leadership.wait_until_leader().await;
    assert_eq!(next, Fence(fence.0 + 1));
    let waited = vanished.elapsed();
    // The last renewal may have been seen up to one look after it was made.
    assert!(waited >= 10 * SECOND && waited <= 20 * SECOND, "{waited:?}");
    assert_eq!(first.leadership.state(), None, "an aborted election leaves nobody leading");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_releases_and_the_next_leads_at_its_next_look() {
    let server = Server::default();
    let (first, _) = Candidate::leads(&server, "first").await;
    let mut second = Candidate::stands(&server, "second");
    tokio::time::sleep(7 * SECOND).await;
    let triggered = Instant::now();
    first.shutdown.trigger();
    first.task.await.unwrap();
    assert_eq!(triggered.elapsed(), Duration::ZERO, "the release waits for nothing");
    assert_eq!(server.holder(), None);
    assert_eq!(second.leadership.wait_until_leader().await, Fence(2));
    assert!(triggered.elapsed() <= 5 * SECOND, "{:?}", triggered.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_cut_off_steps_down_before_another_may_lead() {
    let server = Server::default();
    let (mut first, _) = Candidate::leads(&server, "first").await;
    let mut second = Candidate::stands(&server, "second");
    tokio::time::sleep(SECOND).await;
    let cut_off = Instant::now();
    first.cut.store(true, Ordering::Relaxed);
    first.leadership.lost().await;
    let stepped_down = Instant::now();
    assert!(cut_off.elapsed() <= 10 * SECOND, "{:?}", cut_off.elapsed());
    assert_eq!(second.leadership.state(), None);
    second.leadership.wait_until_leader().await;
    assert!(
        stepped_down.elapsed() >= 4 * SECOND,
        "time for what was under way: {:?}",
        stepped_down.elapsed()
    );
    assert_eq!(first.leadership.state(), None);
    // Back on the network it stands again and leaves the new leader alone.
    first.cut.store(false, Ordering::Relaxed);
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!((first.leadership.state(), second.leadership.state()), (None, Some(Fence(2))));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_was_cut_off_while_alone_leads_again_in_a_new_term() {
    let server = Server::default();
    let (mut only, fence) = Candidate::leads(&server, "only").await;
    only.cut.store(true, Ordering::Relaxed);
    only.leadership.lost().await;
    only.cut.store(false, Ordering::Relaxed);
    assert_eq!(only.leadership.wait_until_leader().await, Fence(fence.0 + 1));
}

#[tokio::test(start_paused = true)]
async fn a_stolen_lease_is_noticed_at_the_next_renewal() {
    let server = Server::default();
    let (mut first, _) = Candidate::leads(&server, "first").await;
    let stolen = Instant::now();
    server.edit(|lease| lease.spec.as_mut().unwrap().holder_identity = Some("thief".into()));
    first.leadership.lost().await;
    assert!(stolen.elapsed() <= 5 * SECOND, "{:?}", stolen.elapsed());
    assert_eq!(server.holder().as_deref(), Some("thief"));
}

#[tokio::test(start_paused = true)]
async fn a_lease_taken_by_a_namesake_is_lost() {
    let server = Server::default();
    let (mut first, _) = Candidate::leads(&server, "same").await;
    server.edit(|lease| lease.spec.as_mut().unwrap().lease_transitions = Some(2));
    first.leadership.lost().await;
}

#[tokio::test(start_paused = true)]
async fn a_namesake_of_the_leader_does_not_lead() {
    let server = Server::default();
    let (first, _) = Candidate::leads(&server, "same").await;
    let second = Candidate::stands(&server, "same");
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!((first.leadership.state(), second.leadership.state()), (Some(Fence(1)), None));
}

#[tokio::test(start_paused = true)]
async fn a_change_beside_the_record_costs_no_leadership() {
    let server = Server::default();
    let (first, fence) = Candidate::leads(&server, "first").await;
    server.edit(|lease| {
        lease.metadata.annotations.get_or_insert_default().insert("touched".into(), "yes".into());
    });
    tokio::time::sleep(30 * SECOND).await;
    assert_eq!(first.leadership.state(), Some(fence));
    let lease = server.0.lease.lock().unwrap().clone().unwrap();
    assert_eq!(lease.metadata.annotations.unwrap()["touched"], "yes");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_is_lost_costs_no_leadership() {
    let server = Server::default();
    let (first, fence) = Candidate::leads(&server, "first").await;
    server.0.answers_lost.store(1, Ordering::Relaxed);
    for _ in 0..30 {
        tokio::time::sleep(SECOND).await;
        assert_eq!(first.leadership.state(), Some(fence));
    }
    assert_eq!(server.0.answers_lost.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_lease_is_lost_and_the_number_goes_on() {
    let server = Server::default();
    let (mut first, fence) = Candidate::leads(&server, "first").await;
    *server.0.lease.lock().unwrap() = None;
    first.leadership.lost().await;
    assert_eq!(first.leadership.wait_until_leader().await, Fence(fence.0 + 1));
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_far_ahead_or_behind_takes_nothing_from_a_leader() {
    let server = Server::default();
    let (first, fence) = Candidate::leads(&server, "first").await;
    let second = Candidate::stands(&server, "second");
    for year in [1990, 2300] {
        let time =
            jiff::civil::date(year, 1, 1).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
        server.edit(|lease| {
            let time = k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime(time);
            lease.spec.as_mut().unwrap().renew_time = Some(time);
        });
        tokio::time::sleep(40 * SECOND).await;
        assert_eq!((first.leadership.state(), second.leadership.state()), (Some(fence), None));
    }
}

#[tokio::test(start_paused = true)]
async fn leadership_ends_by_the_clock_even_if_the_election_cannot_run() {
    let (sender, held) = watch::channel(None);
    let sender = LeadershipSender(sender);
    sender.set(Held { fence: Fence(3), until: Instant::now() + 10 * SECOND });
    let mut leadership = Leadership { held, term: None };
    assert_eq!(leadership.wait_until_leader().await, Fence(3));
    let begun = Instant::now();
    leadership.lost().await;
    assert_eq!(begun.elapsed(), 10 * SECOND);
    assert_eq!(leadership.state(), None);
}

#[tokio::test(start_paused = true)]
async fn a_term_that_was_followed_by_another_of_the_same_process_is_lost() {
    let (sender, held) = watch::channel(None);
    let sender = LeadershipSender(sender);
    let until = Instant::now() + 100 * SECOND;
    sender.set(Held { fence: Fence(3), until });
    let mut leadership = Leadership { held, term: None };
    leadership.wait_until_leader().await;
    sender.clear();
    sender.set(Held { fence: Fence(4), until });
    let begun = Instant::now();
    leadership.lost().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(leadership.wait_until_leader().await, Fence(4));
}
