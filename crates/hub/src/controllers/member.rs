//! Members: each mesh of a virtual mesh gets its MeshTrust, its first request, and a renewal when the policy changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use meshroot_api::names::{self, RequestName};
use meshroot_api::security::{CertConfig, VirtualMeshCertificateSigningRequestSpec as RequestSpec};
use meshroot_api::shared::ResourceRef;
use meshroot_api::trust::MeshTrustSpec;
use meshroot_api::{
    MeshTrust, Reason, TrustPolicy, VirtualMesh, VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_core::membership::{self, Key};
use meshroot_core::renewal::{self, Cause, Next, Numbers, Standing};
use meshroot_core::rotation::Rotation;
use meshroot_core::terms::Terms;
use meshroot_core::{Notice, Refusal, identity, trust};
use meshroot_pki::{parse_bundle, to_bundle};
use meshroot_runtime::kube::write::{create_if_absent, replace};
use meshroot_runtime::process::queue::Outcome;
use meshroot_runtime::process::{clock, crash};

use super::profile;
use crate::authority::{Root, Roots};
use crate::error::HubError;
use crate::hub::{GATHER, Hub};
use crate::modes::Mode;

/// Makes what is missing for one mesh, one write at a time.
pub(crate) async fn reconcile(hub: Arc<Hub>, key: Key) -> Result<Outcome, HubError> {
    let outcome = advance(&hub, &key).await;
    let refusal = outcome.as_ref().err().and_then(HubError::quota_full);
    if hub.crowded.note(&key, refusal.as_ref())
        && let Some(virtual_mesh) = hub.membership().virtual_mesh(&key)
    {
        hub.virtual_mesh_queue.add(virtual_mesh.clone());
    }
    outcome
}

async fn advance(hub: &Hub, key: &Key) -> Result<Outcome, HubError> {
    let Some(member) = Member::gather(hub, key) else { return Ok(Outcome::Done) };
    let copy = member.trust.as_ref().map(|trust| &trust.metadata);
    if copy.is_some_and(|copy| hub.written.is_awaited(key, copy, Instant::now())) {
        return Ok(Outcome::Done);
    }
    let governed = match Governed::gather(hub, &member).await {
        Ok(Some(governed)) => governed,
        other => {
            member.deliver(hub).await?;
            return other.map(|_| Outcome::Done);
        }
    };
    member.ensure_trust(hub, &governed).await?;
    crash::point("hub-after-trust");
    // All are told of another goal first, which brings this one up again.
    let (Some((_, signs)), Some(config)) = (governed.signs(key), &governed.config) else {
        return Ok(Outcome::Done);
    };
    let terms = governed.terms(config, signs)?;
    match member.newest(hub) {
        None => match member.numbers(hub, |numbers| numbers.first(&member.current)) {
            Next::Wait => member.renew_late(hub, &governed, &terms).await,
            Next::Ask(name) => member.create(hub, &governed, &terms, &name, None).await,
        },
        Some((name, request)) => {
            member.renew_if_asked(hub, &governed, &terms, &name, &request).await
        }
    }
}

/// A mesh that is in a virtual mesh, or was.
struct Member {
    key: Key,
    /// The virtual mesh that it is in; `None` where it is in none any more.
    of: Option<Key>,
    trust: Option<Arc<MeshTrust>>,
    /// The request that MeshTrust names, or the first.
    current: RequestName,
}

/// What a member's virtual mesh asks for it.
struct Governed {
    virtual_mesh: Arc<VirtualMesh>,
    policy: Arc<TrustPolicy>,
    roots: Arc<Roots>,
    mode: Mode,
    /// `None` where the Mesh says nothing that a certificate could be named by.
    config: Option<CertConfig>,
}

impl Governed {
    /// `None` where nothing may be asked for as things are: its virtual mesh says why.
    async fn gather(hub: &Hub, member: &Member) -> Result<Option<Self>, HubError> {
        let membership = hub.membership();
        let Some(key) = membership.virtual_mesh(&member.key) else { return Ok(None) };
        let Some(virtual_mesh) = hub.virtual_mesh(key) else { return Ok(None) };
        let Some(policy) = hub.policy(key)? else { return Ok(None) };
        let Some(mesh) = hub.mesh(&member.key) else { return Ok(None) };
        if membership::validate(&virtual_mesh).is_err() {
            return Ok(None);
        }
        let is_valid = membership::check_member(&member.key, key, &membership, true).is_ok();
        let config = identity::cert_config(&mesh).ok().filter(|_| is_valid);
        let mode = hub.mode(&virtual_mesh, &policy).await?;
        // All are told where a root is replaced, those too that nothing can be asked for.
        let is_planned = match &mode {
            Mode::Steady => false,
            Mode::Planned(rotation) => rotation.knows(&member.key),
        };
        if config.is_none() && !is_planned {
            return Ok(None);
        }
        let roots = hub.roots(&virtual_mesh, &policy).await?;
        Ok(Some(Self { virtual_mesh, policy, roots, mode, config }))
    }

    /// The root that signs the mesh's next certificate, with its number; `None` where none can as things are.
    fn signs(&self, mesh: &Key) -> Option<(u32, &Arc<Root>)> {
        match &self.mode {
            Mode::Steady => self.roots.all().next(),
            Mode::Planned(rotation) => {
                let number = rotation.issuer(mesh)?;
                Some((number, self.roots.get(number)?))
            }
        }
    }

    fn terms<'a>(&'a self, config: &'a CertConfig, signs: &Root) -> Result<Terms<'a>, Refusal> {
        Ok(Terms {
            profile: profile(&self.policy)?.fingerprint(),
            issuer: signs.issuer.certificate().fingerprint(),
            key: self.policy.spec.intermediate.key,
            config,
            allowed_hosts: &self.policy.spec.hosts.allow,
        })
    }
}

impl Member {
    /// A mesh that is in no virtual mesh any more stays with the one that it has its certificate of.
    fn gather(hub: &Hub, key: &Key) -> Option<Self> {
        hub.mesh(key)?;
        let trust = hub.trust(key);
        let of = hub.membership().virtual_mesh(key).cloned();
        let virtual_mesh = match &of {
            Some(virtual_mesh) => virtual_mesh.name.clone(),
            None => RequestName::parse(&trust.as_ref()?.spec.request)?.virtual_mesh,
        };
        let current = trust::request_of(trust.as_deref(), key, &virtual_mesh);
        let mut member = Self { key: key.clone(), of, trust, current };
        member.current = member.numbers(hub, |numbers| numbers.current(member.current.clone()));
        Some(member)
    }

    /// MeshTrust as it should be: the newest certificate that was issued, and what the policy says.
    async fn ensure_trust(&self, hub: &Hub, governed: &Governed) -> Result<(), HubError> {
        let wanted = match &governed.mode {
            Mode::Steady => self.steady(hub, governed),
            Mode::Planned(rotation) => self.planned(hub, governed, rotation)?,
        };
        if let Some(trust) = &self.trust {
            return self.tell(hub, trust, wanted).await;
        }
        hub.fence()?;
        let mut made = MeshTrust::new(&self.key.name, wanted);
        made.metadata = self.metadata(&self.key.name);
        // One that is there may say something else: the watch brings it, and with it another turn.
        create_if_absent(&self.trusts(hub), &made).await?;
        Ok(())
    }

    /// What all members are told.
    fn steady(&self, hub: &Hub, governed: &Governed) -> MeshTrustSpec {
        let newest = self.newest_answered(hub).map(|(name, _)| name);
        let request = newest.unwrap_or_else(|| self.current.clone());
        let of = Key::of(governed.virtual_mesh.as_ref());
        let before = self.trust.as_ref().filter(|trust| hub.is_told_of(trust, &of));
        let before = before.map(|trust| &trust.spec);
        let anchors = governed.roots.all().next().map(|(_, root)| &root.trust);
        trust::told(&governed.policy.spec, anchors, &request, before, clock::now())
    }

    /// What the planner has this member told.
    fn planned(
        &self,
        hub: &Hub,
        governed: &Governed,
        rotation: &Rotation,
    ) -> Result<MeshTrustSpec, HubError> {
        let of = Key::of(governed.virtual_mesh.as_ref());
        let before = self.trust.as_deref().filter(|trust| hub.is_told_of(trust, &of));
        let newest_under = |number: u32| {
            let mut answered = self.answered(hub);
            answered.retain(|(name, _)| {
                let request = name.to_string();
                hub.recorded_under(&governed.roots, &self.key.namespace, &request) == Some(number)
            });
            answered.pop().map(|(name, _)| name)
        };
        let has_new = rotation.issuer(&self.key).and_then(newest_under).is_some();
        // What it was planned for is there no more: the virtual mesh is looked at again, with all that has changed by then.
        // For the others the plan holds: one look for each member would cost the square of them.
        let Some(told) = rotation.told(&self.key, before, has_new)? else {
            hub.virtual_mesh_queue.add_after(of, GATHER);
            return Err(HubError::RootIsBusy);
        };
        let request = told.issuer.and_then(newest_under).unwrap_or_else(|| self.current.clone());
        let mut wanted = trust::told(&governed.policy.spec, None, &request, None, clock::now());
        match before
            .filter(|before| told.is_in(&before.spec) && before.spec.request == wanted.request)
        {
            // What was told before stays as it is written: that alone is no reason to write.
            Some(before) => {
                wanted.trust_anchors.clone_from(&before.spec.trust_anchors);
                wanted.chain_certificates.clone_from(&before.spec.chain_certificates);
                wanted.rotation.clone_from(&before.spec.rotation);
            }
            None => told.put_into(&mut wanted, &of),
        }
        Ok(wanted)
    }

    /// What was issued reaches the mesh, whatever is wrong with its virtual mesh, its policy or its root by now.
    async fn deliver(&self, hub: &Hub) -> Result<(), HubError> {
        let (Some(trust), Some((name, request))) = (&self.trust, self.newest_answered(hub)) else {
            return Ok(());
        };
        let mut wanted = MeshTrustSpec { request: name.to_string(), ..trust.spec.clone() };
        let of = Key::resolve(&request.spec.virtual_mesh_ref, &self.key.namespace);
        let issuer = |request: &str| {
            let record = hub.records.object(Some(&self.key.namespace), request)?;
            Some(record.spec.prepared.as_ref()?.issuer_sha256.clone())
        };
        // A certificate of another root may be used only when the planner says so.
        if let Some(telling) = &trust.spec.rotation
            && (telling.sends.is_none() || issuer(&name.to_string()) != issuer(&trust.spec.request))
        {
            return Ok(());
        }
        let answer = request.status_or_default().response;
        if !hub.is_told_of(trust, &of)
            && let Ok(anchors) = parse_bundle(&answer.root_certificate.0)
            && !anchors.is_empty()
        {
            // A mesh that came back trusts what its certificate leads to, and not what it trusted meanwhile.
            wanted.trust_anchors = to_bundle(&anchors);
        }
        self.tell(hub, trust, wanted).await
    }

    async fn tell(
        &self,
        hub: &Hub,
        trust: &MeshTrust,
        wanted: MeshTrustSpec,
    ) -> Result<(), HubError> {
        if trust.spec == wanted {
            return Ok(());
        }
        hub.fence()?;
        let next = MeshTrust { spec: wanted, ..trust.clone() };
        let taken = replace(&self.trusts(hub), &next).await?;
        hub.written.note(&self.key, &taken.metadata, Instant::now());
        Ok(())
    }

    fn trusts(&self, hub: &Hub) -> Api<MeshTrust> {
        Api::namespaced(hub.client.clone(), &self.key.namespace)
    }

    fn newest_answered(&self, hub: &Hub) -> Option<(RequestName, Arc<Request>)> {
        self.answered(hub).pop()
    }

    fn answered(&self, hub: &Hub) -> Vec<(RequestName, Arc<Request>)> {
        let mut answered = self.generations(hub);
        answered.retain(|(_, request)| request.is_answered());
        answered
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
        ask(Numbers {
            is_there: &|name| {
                self.is_ours(hub, name)
                    && hub.request(&self.key.namespace, &name.to_string()).is_some()
            },
            is_recorded: &|name| self.is_taken(hub, name),
            installed: self
                .installed()
                .filter(|name| self.is_ours(hub, name) && self.is_ours(hub, &self.current)),
        })
    }

    fn installed(&self) -> Option<RequestName> {
        let status = self.trust.as_ref()?.status.as_ref()?;
        RequestName::parse(status.installed.as_deref()?)
    }

    /// Whether a request is of the virtual mesh that the mesh is in, and not of one of that name in another namespace.
    fn is_ours(&self, hub: &Hub, name: &RequestName) -> bool {
        let of = hub.virtual_mesh_of(&self.key.namespace, &name.to_string());
        of.is_none() || self.of.is_none() || of == self.of
    }

    /// The ledger knows the number, or another virtual mesh has it.
    fn is_taken(&self, hub: &Hub, name: &RequestName) -> bool {
        !self.is_ours(hub, name)
            || hub.records.object(Some(&self.key.namespace), &name.to_string()).is_some()
    }

    /// The request in use is gone, and its agent has not asked for the next.
    async fn renew_late(
        &self,
        hub: &Hub,
        governed: &Governed,
        terms: &Terms<'_>,
    ) -> Result<Outcome, HubError> {
        let percent = governed.policy.spec.intermediate.renew_at_percent();
        let late = |name: RequestName| {
            let record = hub.records.object(Some(&self.key.namespace), &name.to_string())?;
            let prepared = record.spec.prepared.as_ref()?;
            Some(renewal::late(prepared.not_before.0, prepared.not_after.0, percent))
        };
        // What is in use may be older than what MeshTrust names.
        let named = [Some(self.current.clone()), self.installed()];
        let Some(from) = named.into_iter().flatten().filter_map(late).min() else {
            return Ok(Outcome::Done);
        };
        if let Ok(left) = Duration::try_from(from.duration_since(clock::now()))
            && !left.is_zero()
        {
            return Ok(Outcome::RequeueAfter(left));
        }
        let is_taken = |name: &RequestName| self.is_taken(hub, name);
        match renewal::next(&self.current, Standing::InUse, Cause::Due, is_taken) {
            Next::Wait => Ok(Outcome::Done),
            Next::Ask(next) => {
                tracing::warn!(request = %self.current, next = %next, "the request in use is gone and its agent asks for no other: the hub does");
                self.create(hub, governed, terms, &next, None).await
            }
        }
    }

    async fn renew_if_asked(
        &self,
        hub: &Hub,
        governed: &Governed,
        terms: &Terms<'_>,
        name: &RequestName,
        request: &Request,
    ) -> Result<Outcome, HubError> {
        let record = hub.records.object(Some(&self.key.namespace), &name.to_string());
        let record = record.as_ref().map(|record| &record.spec);
        let Some(cause) = terms.asks_for_another(request, record) else {
            return Ok(Outcome::Done);
        };
        let standing = Standing::of(request);
        match renewal::next(name, standing, cause, |name| self.is_taken(hub, name)) {
            Next::Wait => Ok(Outcome::Done),
            Next::Ask(next) => {
                let is_of_issuer = |issuer: &str| issuer == terms.issuer.to_string();
                let issuer = record
                    .and_then(|record| Some(record.prepared.as_ref()?.issuer_sha256.as_str()));
                let reason = match governed.mode {
                    Mode::Planned(_) if !issuer.is_some_and(is_of_issuer) => Reason::RootReplaced,
                    _ => Reason::PolicyChanged,
                };
                self.create(hub, governed, terms, &next, Some(reason)).await
            }
        }
    }

    async fn create(
        &self,
        hub: &Hub,
        governed: &Governed,
        terms: &Terms<'_>,
        name: &RequestName,
        reason: Option<Reason>,
    ) -> Result<Outcome, HubError> {
        hub.fence()?;
        let virtual_mesh = Key::of(governed.virtual_mesh.as_ref());
        let spec = RequestSpec {
            cert_config: terms.config.clone(),
            virtual_mesh_ref: ResourceRef::new(&virtual_mesh.name, &virtual_mesh.namespace),
            ..RequestSpec::default()
        };
        let mut request = Request::new(&name.to_string(), spec);
        request.metadata = self.metadata(&name.to_string());
        let mut annotations =
            vec![(names::POLICY_ANNOTATION.to_owned(), terms.digest().to_string())];
        annotations.extend(
            reason.map(|reason| (names::REASON_ANNOTATION.to_owned(), reason.word().to_owned())),
        );
        request.metadata.annotations = Some(annotations.into_iter().collect());
        let api: Api<Request> = Api::namespaced(hub.client.clone(), &self.key.namespace);
        let written = create_if_absent(&api, &request).await?;
        if let (true, Some(reason)) = (written.is_created(), reason) {
            let why = match reason {
                Reason::RootReplaced => "of the root that replaces the former",
                _ => "as the policy now says",
            };
            let message = format!("request {name} asks the agent for a certificate {why}");
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
