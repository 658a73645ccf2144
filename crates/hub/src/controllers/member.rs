//! Members: each mesh of a virtual mesh gets its MeshTrust, its first request, and a renewal when the policy changes.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use meshroot_api::names::{self, RequestName};
use meshroot_api::security::{CertConfig, VirtualMeshCertificateSigningRequestSpec as RequestSpec};
use meshroot_api::shared::ResourceRef;
use meshroot_api::{
    MeshTrust, Reason, TrustPolicy, VirtualMesh, VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_core::membership::Key;
use meshroot_core::renewal::{self, Cause, Next, Numbers, Standing};
use meshroot_core::terms::Terms;
use meshroot_core::{Notice, Refusal, identity, trust};
use meshroot_runtime::kube::write::{Written, create_if_absent, replace};
use meshroot_runtime::process::crash;
use meshroot_runtime::process::queue::Outcome;

use super::profile;
use crate::authority::Root;
use crate::error::HubError;
use crate::hub::Hub;

/// Makes what is missing for one mesh, one write at a time.
pub(crate) async fn reconcile(hub: Arc<Hub>, key: Key) -> Result<Outcome, HubError> {
    let Some(member) = Member::gather(&hub, &key).await? else { return Ok(Outcome::Done) };
    member.ensure_trust(&hub).await?;
    crash::point("hub-after-trust");
    match member.newest(&hub) {
        None => match member.numbers(&hub, |numbers| numbers.first(&member.current)) {
            Next::Wait => Ok(Outcome::Done),
            Next::Ask(name) => member.create(&hub, &name, None).await,
        },
        Some((name, request)) => member.renew_if_changed(&hub, &name, &request).await,
    }
}

struct Member {
    key: Key,
    virtual_mesh: Arc<VirtualMesh>,
    policy: Arc<TrustPolicy>,
    root: Arc<Root>,
    config: CertConfig,
    trust: Option<Arc<MeshTrust>>,
    /// The request that MeshTrust names, or the first.
    current: RequestName,
}

impl Member {
    /// `None` where there is nothing to do for this mesh, or nothing can be done and its virtual mesh says why.
    async fn gather(hub: &Hub, key: &Key) -> Result<Option<Self>, HubError> {
        let Some(mesh) = hub.mesh(key) else { return Ok(None) };
        let membership = hub.membership();
        let Ok(Some(virtual_mesh_key)) = membership.virtual_mesh(key) else { return Ok(None) };
        let Some(virtual_mesh) = hub.virtual_mesh(virtual_mesh_key) else { return Ok(None) };
        let Some(policy) = hub.policy(virtual_mesh_key)? else { return Ok(None) };
        if !hub.is_valid(&virtual_mesh, &membership) {
            return Ok(None);
        }
        let Ok(config) = identity::cert_config(&mesh) else { return Ok(None) };
        let root = hub.root(&virtual_mesh, &policy).await?;
        let told = hub.trust(key);
        let current = trust::request_of(told.as_deref(), key, &virtual_mesh_key.name);
        let mut member =
            Self { key: key.clone(), virtual_mesh, policy, root, config, trust: told, current };
        member.current = member.numbers(hub, |numbers| numbers.current(member.current.clone()));
        Ok(Some(member))
    }

    /// MeshTrust as it should be: the newest certificate that was issued, and what the policy says.
    async fn ensure_trust(&self, hub: &Hub) -> Result<(), HubError> {
        let request = self.newest_answered(hub).unwrap_or_else(|| self.current.clone());
        let wanted = trust::told(&self.policy.spec, &self.root.trust, &request);
        let api: Api<MeshTrust> = Api::namespaced(hub.client.clone(), &self.key.namespace);
        match &self.trust {
            Some(trust) if trust.spec == wanted => {}
            Some(trust) => {
                hub.fence()?;
                let mut next = trust.as_ref().clone();
                next.spec = wanted;
                self.written(hub, &replace(&api, &next).await?);
            }
            None => {
                hub.fence()?;
                let mut made = MeshTrust::new(&self.key.name, wanted);
                made.metadata = self.metadata(&self.key.name);
                // One that somebody else made may say something else: the watch brings it.
                if let Written::Created(made) = create_if_absent(&api, &made).await? {
                    self.written(hub, &made);
                }
            }
        }
        Ok(())
    }

    /// What follows from an own write is done in this turn: the watch, which brings it back, need not ask for another.
    fn written(&self, hub: &Hub, trust: &MeshTrust) {
        hub.generations.changed("MeshTrust", &self.key, trust.metadata.generation);
    }

    fn newest_answered(&self, hub: &Hub) -> Option<RequestName> {
        let mut answered = self.generations(hub);
        answered.retain(|(_, request)| request.is_answered());
        answered.pop().map(|(name, _)| name)
    }

    fn newest(&self, hub: &Hub) -> Option<(RequestName, Arc<Request>)> {
        self.generations(hub).pop()
    }

    /// The requests of this mesh from the current one on.
    fn generations(&self, hub: &Hub) -> Vec<(RequestName, Arc<Request>)> {
        let names: Vec<RequestName> =
            self.numbers(hub, |numbers| numbers.requests(&self.current).collect());
        let found = |name: RequestName| {
            let request = hub.request(&self.key.namespace, &name.to_string())?;
            Some((name, request))
        };
        names.into_iter().filter_map(found).collect()
    }

    /// Asks what this hub holds under the numbers of this mesh.
    fn numbers<T>(&self, hub: &Hub, ask: impl FnOnce(Numbers<'_>) -> T) -> T {
        let status = self.trust.as_ref().and_then(|trust| trust.status.as_ref());
        let installed = status.and_then(|status| status.installed.as_deref());
        ask(Numbers {
            is_there: &|name| hub.request(&self.key.namespace, &name.to_string()).is_some(),
            is_recorded: &|name| self.is_recorded(hub, name),
            installed: installed.and_then(RequestName::parse),
        })
    }

    fn is_recorded(&self, hub: &Hub, name: &RequestName) -> bool {
        hub.records.object(Some(&self.key.namespace), &name.to_string()).is_some()
    }

    async fn renew_if_changed(
        &self,
        hub: &Hub,
        name: &RequestName,
        request: &Request,
    ) -> Result<Outcome, HubError> {
        let next = renewal::next(name, Standing::of(request), Cause::Policy, |name| {
            self.is_recorded(hub, name)
        });
        let Next::Ask(next) = next else { return Ok(Outcome::Done) };
        let record = hub.records.object(Some(&self.key.namespace), &name.to_string());
        if !self.terms()?.ask_for_renewal(request, record.as_ref().map(|record| &record.spec)) {
            return Ok(Outcome::Done);
        }
        self.create(hub, &next, Some(Reason::PolicyChanged)).await
    }

    fn terms(&self) -> Result<Terms<'_>, Refusal> {
        Ok(Terms {
            profile: profile(&self.policy)?.fingerprint(),
            issuer: self.root.issuer.certificate().fingerprint(),
            key: self.policy.spec.intermediate.key,
            config: &self.config,
        })
    }

    async fn create(
        &self,
        hub: &Hub,
        name: &RequestName,
        reason: Option<Reason>,
    ) -> Result<Outcome, HubError> {
        hub.fence()?;
        let virtual_mesh = Key::of(self.virtual_mesh.as_ref());
        let spec = RequestSpec {
            cert_config: self.config.clone(),
            virtual_mesh_ref: ResourceRef::new(&virtual_mesh.name, &virtual_mesh.namespace),
            ..RequestSpec::default()
        };
        let mut request = Request::new(&name.to_string(), spec);
        request.metadata = self.metadata(&name.to_string());
        let mut annotations =
            vec![(names::POLICY_ANNOTATION.to_owned(), self.terms()?.digest().to_string())];
        annotations.extend(
            reason.map(|reason| (names::REASON_ANNOTATION.to_owned(), reason.word().to_owned())),
        );
        request.metadata.annotations = Some(annotations.into_iter().collect());
        let api: Api<Request> = Api::namespaced(hub.client.clone(), &self.key.namespace);
        let written = create_if_absent(&api, &request).await?;
        if let (true, Some(reason)) = (written.is_created(), reason) {
            let message =
                format!("request {name} asks the agent for a certificate as the policy now says");
            hub.report(&written.into_object(), &Notice::new(reason, message), "Renew").await;
        }
        Ok(Outcome::Done)
    }

    fn metadata(&self, name: &str) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.to_owned()),
            namespace: Some(self.key.namespace.clone()),
            labels: Some(names::labels_of_mesh(&self.key.name)),
            ..ObjectMeta::default()
        }
    }
}
