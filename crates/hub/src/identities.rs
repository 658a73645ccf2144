//! Which meshes have which identity, and which requests are open: indices, so that a change of one object costs no look
//! at all others. Whoever may write objects could hold everybody up otherwise.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use meshroot_api::{Mesh, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::identity;
use meshroot_core::membership::Key;
use meshroot_pki::Host;

/// The identity of each Mesh, read once for each change of its spec.
#[derive(Debug, Default)]
pub(crate) struct Identities(Mutex<ByIdentity>);

#[derive(Debug, Default)]
struct ByIdentity {
    meshes: HashMap<Host, BTreeSet<Key>>,
    /// As text too, as requests name it.
    hosts: HashMap<Key, (Host, String)>,
}

impl Identities {
    /// A Mesh as it is now; `None` where it is gone. Answers the identity that it had before and has no more.
    pub(crate) fn learn(&self, key: &Key, mesh: Option<&Mesh>) -> Option<String> {
        let text = mesh.and_then(|mesh| identity::of(&mesh.spec));
        let host = text.and_then(|text| Some((text.parse::<Host>().ok()?, text)));
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let former = all.forget(key);
        let current = host.as_ref().map(|(_, text)| text.clone());
        if let Some(host) = host {
            all.meshes.entry(host.0.clone()).or_default().insert(key.clone());
            all.hosts.insert(key.clone(), host);
        }
        former.filter(|former| current.as_ref() != Some(former))
    }

    /// The meshes that have this identity, sorted.
    pub(crate) fn holders(&self, host: &Host) -> Vec<Key> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.meshes.get(host).into_iter().flatten().cloned().collect()
    }
}

impl ByIdentity {
    fn forget(&mut self, key: &Key) -> Option<String> {
        let (host, text) = self.hosts.remove(key)?;
        if let Some(meshes) = self.meshes.get_mut(&host) {
            meshes.remove(key);
            if meshes.is_empty() {
                self.meshes.remove(&host);
            }
        }
        Some(text)
    }
}

/// Names of the requests of each namespace that are not answered.
#[derive(Debug, Default)]
pub(crate) struct OpenRequests(Mutex<HashMap<String, BTreeSet<String>>>);

impl OpenRequests {
    /// A request as it is now; `None` where it is gone.
    pub(crate) fn learn(&self, key: &Key, request: Option<&Request>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if request.is_some_and(|request| !request.is_answered()) {
            all.entry(key.namespace.clone()).or_default().insert(key.name.clone());
        } else if let Some(names) = all.get_mut(&key.namespace) {
            names.remove(&key.name);
            if names.is_empty() {
                all.remove(&key.namespace);
            }
        }
    }

    /// The names in a namespace, sorted.
    pub(crate) fn in_namespace(&self, namespace: &str) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(namespace).into_iter().flatten().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use meshroot_api::security::VirtualMeshCertificateSigningRequestSpec as RequestSpec;
    use serde_json::json;

    use super::*;

    fn mesh(domain: &str) -> Mesh {
        let spec = json!({ "istio": { "installation": { "installationNamespace": "istio-system" },
            "citadelInfo": { "trustDomain": domain } } });
        Mesh::new("m", serde_json::from_value(spec).unwrap())
    }

    fn host(domain: &str) -> Host {
        format!("spiffe://{domain}/ns/istio-system/sa/istiod").parse().unwrap()
    }

    #[test]
    fn a_mesh_is_found_by_the_identity_that_it_has_now() {
        let (identities, [one, two]) =
            (Identities::default(), ["one", "two"].map(|name| Key::new("east", name)));
        assert_eq!(identities.learn(&one, Some(&mesh("a.example"))), None);
        assert_eq!(identities.learn(&one, Some(&mesh("a.example"))), None, "it has not changed");
        identities.learn(&two, Some(&mesh("a.example")));
        assert_eq!(identities.holders(&host("a.example")), [one.clone(), two.clone()]);
        let former = identities.learn(&one, Some(&mesh("b.example")));
        assert_eq!(former.as_deref(), Some("spiffe://a.example/ns/istio-system/sa/istiod"));
        assert_eq!(identities.holders(&host("a.example")), vec![two.clone()]);
        assert_eq!(identities.holders(&host("b.example")), vec![one.clone()]);
        identities.learn(&one, None);
        identities.learn(&two, Some(&mesh("no host")));
        assert!(identities.holders(&host("a.example")).is_empty());
        let all = identities.0.lock().unwrap();
        assert!(all.meshes.is_empty() && all.hosts.is_empty(), "{all:?}");
    }

    #[test]
    fn a_request_is_open_until_it_is_answered_or_gone() {
        let (open, key) = (OpenRequests::default(), Key::new("east", "m.demo.1"));
        let mut request = Request::new("m.demo.1", RequestSpec::default());
        open.learn(&key, Some(&request));
        assert_eq!(open.in_namespace("east"), ["m.demo.1"]);
        assert!(open.in_namespace("west").is_empty());
        let status = json!({ "response": { "caCertificate": "AAAA" } });
        request.status = Some(serde_json::from_value(status).unwrap());
        open.learn(&key, Some(&request));
        assert!(open.in_namespace("east").is_empty());
        open.learn(&key, None);
    }
}
