//! Which kinds the hub follows, what each change queues, and who works on the queues.

use std::sync::Arc;
use std::time::Duration;

use kube::Resource;
use kube::runtime::reflector::ObjectRef;
use meshroot_api::names::{self, RequestName};
use meshroot_api::record::Verdict;
use meshroot_api::shared::State;
use meshroot_api::{IssuanceRecord, MeshTrust, VirtualMeshCertificateSigningRequest};
use meshroot_core::membership::{self, Key};
use meshroot_runtime::process::service::Controllers;
use meshroot_runtime::process::telemetry::Telemetry;

use crate::controllers::{member, request, virtual_mesh};
use crate::hub::{GATHER, Hub};

const CONCURRENCY: usize = 32;

/// What the hub does while it leads.
pub(crate) fn controllers(
    hub: &Arc<Hub>,
    resync_period: Duration,
    telemetry: &Telemetry,
) -> Controllers<Hub> {
    Controllers::new(hub, telemetry)
        .begin(begin_term)
        .look_again(resync_period, look_again)
        .follow(&hub.virtual_meshes, keyed(virtual_mesh_changed))
        .follow(&hub.policies, keyed(policy_changed))
        .follow(&hub.meshes, keyed(mesh_changed))
        .follow(&hub.requests, keyed(request_changed))
        .follow(&hub.approvals, keyed(approval_changed))
        .follow(&hub.records, keyed(record_changed))
        .follow(&hub.trusts, keyed(trust_changed))
        .follow(&hub.root_rotations, keyed(rotation_changed))
        .reconcile("virtual-mesh", &hub.virtual_mesh_queue, 4, virtual_mesh::reconcile)
        .reconcile("member", &hub.member_queue, CONCURRENCY, member::reconcile)
        .reconcile("request", &hub.request_queue, CONCURRENCY, request::reconcile)
}

fn begin_term(hub: &Hub) {
    hub.read_membership();
    // Before any request is looked at: which keys were used already, and how much was issued of late.
    hub.records.store().state().iter().for_each(|record| learn(hub, record));
    learn_all(hub);
    hub.generations.forget();
    hub.rotations.forget();
}

/// The indices of what is there; each change is learned when it comes.
fn learn_all(hub: &Hub) {
    for mesh in hub.meshes.store().state() {
        hub.identities.learn(&Key::of(mesh.as_ref()), Some(&mesh));
    }
    for request in hub.requests.store().state() {
        hub.open.learn(&Key::of(request.as_ref()), Some(&request));
    }
}

/// Everything, as if it had just changed; what is as it should be costs no write.
fn look_again(hub: &Hub) {
    hub.read_membership();
    learn_all(hub);
    hub.virtual_meshes.keys().for_each(|key| hub.virtual_mesh_queue.add(key_of(key)));
    hub.meshes.keys().for_each(|key| hub.member_queue.add(key_of(key)));
    hub.requests.keys().for_each(|key| hub.request_queue.add(key_of(key)));
}

fn key_of<K: Resource<DynamicType: Default>>(object: ObjectRef<K>) -> Key {
    Key::new(object.namespace.unwrap_or_default(), object.name)
}

fn keyed<K: Resource<DynamicType: Default>>(
    changed: fn(&Hub, &Key),
) -> impl Fn(&Hub, ObjectRef<K>) + Clone {
    move |hub, object| changed(hub, &key_of(object))
}

fn virtual_mesh_changed(hub: &Hub, key: &Key) {
    let virtual_mesh = hub.virtual_mesh(key);
    let now = virtual_mesh.as_ref().map(|virtual_mesh| &virtual_mesh.metadata);
    if !hub.generations.changed("VirtualMesh", key, now) {
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
            // And what was refused because it was in none, or in the other, may be issued.
            open_requests(hub, &mesh).for_each(|request| hub.request_queue.add(request));
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
    let policy = hub.policies.object(Some(&key.namespace), &key.name);
    let now = policy.as_ref().map(|policy| &policy.metadata);
    if !hub.generations.changed("TrustPolicy", key, now) {
        return;
    }
    let virtual_mesh = match policy {
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

fn rotation_changed(hub: &Hub, key: &Key) {
    let rotation = hub.root_rotations.object(Some(&key.namespace), &key.name);
    let now = rotation.as_ref().map(|rotation| &rotation.metadata);
    if !hub.generations.changed("RootRotation", key, now) {
        return;
    }
    if let Some(rotation) = rotation {
        let of = Key::resolve(&rotation.spec.virtual_mesh_ref, &key.namespace);
        return hub.virtual_mesh_queue.add(of);
    }
    // Deleted: by its name.
    for virtual_mesh in hub.virtual_meshes.store().state() {
        let of = Key::of(virtual_mesh.as_ref());
        if names::rotation_number(&key.name, &of.name).is_some() {
            hub.virtual_mesh_queue.add(of);
        }
    }
}

/// What is not in its spec means nothing here, and an agent may write it as often as it likes.
fn mesh_changed(hub: &Hub, key: &Key) {
    let mesh = hub.mesh(key);
    if !hub.generations.changed("Mesh", key, mesh.as_ref().map(|mesh| &mesh.metadata)) {
        return;
    }
    let former = hub.identities.learn(key, mesh.as_deref());
    hub.member_queue.add(key.clone());
    if let Some(virtual_mesh) = hub.membership().virtual_mesh(key) {
        hub.virtual_mesh_queue.add_after(virtual_mesh.clone(), GATHER);
    }
    for name in hub.open.in_namespace(&key.namespace) {
        let request = Key::new(&key.namespace, name);
        if concerns(key, &request)
            || former.as_ref().is_some_and(|former| names_host(hub, &request, former))
        {
            hub.request_queue.add(request);
        }
    }
}

/// The requests that were not answered yet and may be this mesh's.
fn open_requests(hub: &Hub, mesh: &Key) -> impl Iterator<Item = Key> {
    let open = hub.open.in_namespace(&mesh.namespace).into_iter();
    let requests = open.map(|name| Key::new(&mesh.namespace, name));
    requests.filter(|request| concerns(mesh, request))
}

/// Whether a request is this mesh's, as far as its name tells.
fn concerns(mesh: &Key, request: &Key) -> bool {
    RequestName::parse(&request.name).is_none_or(|name| name.mesh == mesh.name)
}

/// Whether a request asks for this host: it may have been refused for the mesh that had it.
fn names_host(hub: &Hub, request: &Key, host: &String) -> bool {
    let request = hub.request(&request.namespace, &request.name);
    request.is_some_and(|request| request.spec.cert_config.hosts.contains(host))
}

fn request_changed(hub: &Hub, key: &Key) {
    let request = hub.request(&key.namespace, &key.name);
    hub.open.learn(key, request.as_deref());
    if let Some(name) = RequestName::parse(&key.name)
        && request.as_ref().is_none_or(|request| request.is_answered() || is_overtaken(request))
    {
        reconsider_earlier(hub, key, &name);
        hub.member_queue.add(Key::new(&key.namespace, name.mesh));
    }
    if let Some(request) = request {
        hub.virtual_mesh_queue
            .add_after(Key::resolve(&request.spec.virtual_mesh_ref, &key.namespace), GATHER);
    }
    hub.request_queue.add(key.clone());
}

/// One that is gone is not there to say what it was for.
fn approval_changed(hub: &Hub, key: &Key) {
    let approval = hub.approvals.object(Some(&key.namespace), &key.name);
    let named = approval.map(|approval| approval.spec.request.clone());
    let asked = hub.open.in_namespace(&key.namespace).into_iter();
    for name in asked.filter(|name| named.as_ref().is_none_or(|named| named == name)) {
        hub.request_queue.add(Key::new(&key.namespace, name));
    }
}

/// Whatever else changes, such a request is never issued: the next one takes its place.
fn is_overtaken(request: &VirtualMeshCertificateSigningRequest) -> bool {
    request.state() == State::Conflict
}

/// Requests before an answered one are superseded by it.
fn reconsider_earlier(hub: &Hub, key: &Key, name: &RequestName) {
    let earlier =
        (1..name.generation).rev().map(|generation| RequestName { generation, ..name.clone() });
    let of_request = |name: RequestName| Key::new(&key.namespace, name.to_string());
    let there = |key: &Key| hub.request(&key.namespace, &key.name).is_some();
    earlier.map(of_request).take_while(there).for_each(|key| hub.request_queue.add(key));
}

fn learn(hub: &Hub, record: &IssuanceRecord) {
    hub.keys.learn(record);
    hub.budgets.learn(record);
    hub.revocations.learn(record);
}

fn record_changed(hub: &Hub, key: &Key) {
    if let Some(record) = hub.records.object(Some(&key.namespace), &key.name) {
        learn(hub, &record);
        // Its root's list is to have it.
        if record.spec.decision.verdict == Verdict::Revoked {
            hub.virtual_mesh_queue.add(Key::resolve(&record.spec.virtual_mesh_ref, &key.namespace));
        }
    }
    let answered =
        hub.request(&key.namespace, &key.name).is_none_or(|request| request.is_answered());
    if !answered {
        hub.request_queue.add(key.clone());
    }
}

fn trust_changed(hub: &Hub, key: &Key) {
    if let Some(virtual_mesh) = hub.membership().virtual_mesh(key) {
        hub.virtual_mesh_queue.add_after(virtual_mesh.clone(), GATHER);
    }
    let trust = hub.trust(key);
    let now = trust.as_ref().map(|trust| &trust.metadata);
    let is_news = hub.generations.changed("MeshTrust", key, now);
    if is_news || trust.is_some_and(|trust| is_lost(hub, key, &trust)) {
        hub.member_queue.add(key.clone());
    }
}

/// The mesh has nothing installed and its request is gone: it needs the next.
fn is_lost(hub: &Hub, key: &Key, trust: &MeshTrust) -> bool {
    let installed = trust.status.as_ref().map(|status| status.installed.is_some());
    installed == Some(false) && hub.request(&key.namespace, &trust.spec.request).is_none()
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
