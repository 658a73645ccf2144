//! From changes to keys, and from keys to controllers, while this hub leads.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use kube::Resource;
use kube::runtime::reflector::ObjectRef;
use meshroot_api::names::RequestName;
use meshroot_core::membership::{self, Key};
use meshroot_runtime::process::options::while_leading;
use meshroot_runtime::process::queue::{self, Outcome};
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_runtime::process::telemetry::Telemetry;

use crate::controllers::{member, request, virtual_mesh};
use crate::error::HubError;
use crate::hub::Hub;

/// Many members change together: their sum is written once.
const GATHER: Duration = Duration::from_millis(500);
const CONCURRENCY: usize = 32;

/// Works whenever this hub leads, until the shutdown.
pub(crate) async fn work(hub: Arc<Hub>, telemetry: &Telemetry, shutdown: &Shutdown) {
    let synced = telemetry.readiness("watches");
    if !hub.synced().await {
        return;
    }
    synced.set(true);
    let (leadership, leads) = (hub.leadership.clone(), hub.metrics.leader.clone());
    while_leading(leadership, &leads, shutdown, |term| lead(Arc::clone(&hub), term)).await;
}

async fn lead(hub: Arc<Hub>, term: Shutdown) {
    let term = &term;
    hub.read_membership();
    // Before any request is looked at: which keys were used already.
    hub.records.store().state().iter().for_each(|record| hub.keys.learn(record));
    hub.generations.forget();
    tokio::join!(
        hub.virtual_meshes.follow(term, |object| virtual_mesh_changed(&hub, &key(&object))),
        hub.policies.follow(term, |object| policy_changed(&hub, &key(&object))),
        hub.meshes.follow(term, |object| mesh_changed(&hub, &key(&object))),
        hub.requests.follow(term, |object| request_changed(&hub, key(&object))),
        hub.records.follow(term, |object| record_changed(&hub, key(&object))),
        hub.trusts.follow(term, |object| trust_changed(&hub, key(&object))),
        queue::run(hub.virtual_mesh_queue.clone(), 4, term.clone(), |key| controller(
            &hub,
            "virtual-mesh",
            key,
            virtual_mesh::reconcile
        )),
        queue::run(hub.member_queue.clone(), CONCURRENCY, term.clone(), |key| controller(
            &hub,
            "member",
            key,
            member::reconcile
        )),
        queue::run(hub.request_queue.clone(), CONCURRENCY, term.clone(), |key| controller(
            &hub,
            "request",
            key,
            request::reconcile
        )),
    );
}

fn controller<F, R>(
    hub: &Arc<Hub>,
    name: &'static str,
    key: Key,
    reconcile: R,
) -> impl Future<Output = Outcome> + use<F, R>
where
    R: Fn(Arc<Hub>, Key) -> F,
    F: Future<Output = Result<Outcome, HubError>> + Send + 'static,
{
    let (hub, work) = (Arc::clone(hub), reconcile(Arc::clone(hub), key.clone()));
    async move {
        match work.await {
            Ok(outcome) => outcome,
            Err(error) => {
                let outcome = error.outcome();
                if outcome == Outcome::Retry {
                    hub.metrics.failed(name);
                    tracing::warn!(controller = name, %key, %error, "will try again");
                } else {
                    tracing::debug!(controller = name, %key, %error, "will look again");
                }
                outcome
            }
        }
    }
}

fn key<K: Resource<DynamicType: Default + Eq + Hash + Clone> + Clone + 'static>(
    object: &ObjectRef<K>,
) -> Key {
    Key::new(object.namespace.clone().unwrap_or_default(), &object.name)
}

fn virtual_mesh_changed(hub: &Hub, key: &Key) {
    let generation =
        hub.virtual_mesh(key).and_then(|virtual_mesh| virtual_mesh.metadata.generation);
    if !hub.generations.changed("VirtualMesh", key, generation) {
        return;
    }
    let before = hub.membership();
    hub.read_membership();
    let after = hub.membership();
    hub.virtual_mesh_queue.add_after(key.clone(), Duration::from_millis(20));
    if let Some(virtual_mesh) = hub.virtual_mesh(key) {
        membership::members(&virtual_mesh).for_each(|mesh| hub.member_queue.add(mesh));
    }
    // A mesh that left this virtual mesh may be another one's now.
    for mesh in hub.meshes.store().state().iter().map(|mesh| Key::of(mesh.as_ref())) {
        if before.virtual_mesh(&mesh) != after.virtual_mesh(&mesh) {
            hub.member_queue.add(mesh);
        }
    }
    reconsider_requests(hub, |reference| reference == key);
    // A mesh that left one virtual mesh may have settled the conflict of another.
    for other in hub.virtual_meshes.store().state() {
        hub.virtual_mesh_queue.add_after(Key::of(other.as_ref()), GATHER);
    }
}

fn policy_changed(hub: &Hub, key: &Key) {
    let generation = hub
        .policies
        .object(Some(&key.namespace), &key.name)
        .and_then(|policy| policy.metadata.generation);
    if !hub.generations.changed("TrustPolicy", key, generation) {
        return;
    }
    let virtual_mesh = match hub.policies.object(Some(&key.namespace), &key.name) {
        Some(policy) => Key::resolve(&policy.spec.virtual_mesh_ref, &key.namespace),
        // Deleted: by convention it had the name of its virtual mesh.
        None => key.clone(),
    };
    hub.virtual_mesh_queue.add_after(virtual_mesh.clone(), Duration::from_millis(20));
    if let Some(virtual_mesh) = hub.virtual_mesh(&virtual_mesh) {
        membership::members(&virtual_mesh).for_each(|mesh| hub.member_queue.add(mesh));
    }
    reconsider_requests(hub, |reference| *reference == virtual_mesh);
}

fn mesh_changed(hub: &Hub, key: &Key) {
    hub.member_queue.add(key.clone());
    if let Ok(Some(virtual_mesh)) = hub.membership().virtual_mesh(key) {
        hub.virtual_mesh_queue.add_after(virtual_mesh.clone(), GATHER);
    }
    for request in hub.requests.store().state() {
        if request.metadata.namespace.as_deref() == Some(&key.namespace) && !request.is_answered() {
            hub.request_queue.add(Key::of(request.as_ref()));
        }
    }
}

fn request_changed(hub: &Hub, key: Key) {
    let request = hub.request(&key.namespace, &key.name);
    if let Some(name) = RequestName::parse(&key.name)
        && request.as_ref().is_none_or(|request| request.is_answered())
    {
        hub.member_queue.add(Key::new(&key.namespace, name.mesh));
    }
    if let Some(request) = request {
        hub.virtual_mesh_queue
            .add_after(Key::resolve(&request.spec.virtual_mesh_ref, &key.namespace), GATHER);
    }
    hub.request_queue.add(key);
}

fn record_changed(hub: &Hub, key: Key) {
    if let Some(record) = hub.records.object(Some(&key.namespace), &key.name) {
        hub.keys.learn(&record);
    }
    let answered =
        hub.request(&key.namespace, &key.name).is_none_or(|request| request.is_answered());
    if !answered {
        hub.request_queue.add(key);
    }
}

fn trust_changed(hub: &Hub, key: Key) {
    if let Ok(Some(virtual_mesh)) = hub.membership().virtual_mesh(&key) {
        hub.virtual_mesh_queue.add_after(virtual_mesh.clone(), GATHER);
    }
    let generation = hub.trust(&key).and_then(|trust| trust.metadata.generation);
    if hub.generations.changed("MeshTrust", &key, generation) {
        hub.member_queue.add(key);
    }
}

fn reconsider_requests(hub: &Hub, of: impl Fn(&Key) -> bool) {
    for request in hub.requests.store().state() {
        let key = Key::of(request.as_ref());
        if !request.is_answered()
            && of(&Key::resolve(&request.spec.virtual_mesh_ref, &key.namespace))
        {
            hub.request_queue.add(key);
        }
    }
}
