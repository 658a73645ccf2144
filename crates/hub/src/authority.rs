//! The roots of all virtual meshes: found, made once, and never replaced by accident.

mod cross;
mod making;
mod provided;
mod roots;
mod secret;
mod source;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, Client};
use meshroot_api::networking::CertificateAuthority;
use meshroot_api::policy::{EarlierRoot, KeyAlgorithm, RootPolicy};
use meshroot_api::{Reason, TrustPolicy, VirtualMesh};
use meshroot_ca::Issuer;
use meshroot_core::Refusal;
use meshroot_core::membership::Key;
use meshroot_core::trust::{Past, TrustSet};
use meshroot_pki::{BlockList, to_bundle};
use meshroot_runtime::kube::write::{Failure, classify, create_if_absent};
use meshroot_runtime::process::{clock, crash};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use tokio::time::{Instant, timeout};

use source::Source;

use crate::error::HubError;

/// The root of one virtual mesh: who signs, and what its members trust.
pub(crate) struct Root {
    pub(crate) issuer: Arc<Issuer>,
    pub(crate) trust: TrustSet,
}

pub(crate) use roots::{Cross, Further, Roots};

/// Roots by virtual mesh, each read again after a while: a Secret may be corrected or taken away.
pub(crate) struct Authority {
    client: Client,
    namespace: String,
    /// Keys that the operator wants refused.
    blocked: Arc<BlockList>,
    /// What is known of each virtual mesh's root. Whoever has to read or make it holds up nobody, not even those who
    /// need the same one: they come back.
    known: Mutex<HashMap<Key, Arc<AsyncMutex<Option<Known>>>>>,
    /// Few roots are made at once: an RSA key takes a processor for seconds, and a worker.
    makers: Semaphore,
}

struct Known {
    roots: Arc<Roots>,
    source: (CertificateAuthority, RootPolicy, Numbers),
    read: Instant,
}

/// Which further roots there may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// The highest that members were told of: that one must be there.
    pub(crate) told: u32,
    /// The highest that somebody asked for.
    pub(crate) asked: u32,
}

/// So many roots before the one that signs are still read.
const MOST_FORMER: u32 = 7;

/// How long a root is used before its Secret is read again.
const FRESH: Duration = Duration::from_secs(30);

/// How long a worker waits for a root that another one reads; reading takes milliseconds.
const PATIENCE: Duration = Duration::from_millis(100);

const MOST_MAKERS: usize = 2;

/// Whose root is needed.
pub(crate) struct Owner<'a> {
    pub(crate) virtual_mesh: &'a VirtualMesh,
    pub(crate) policy: &'a TrustPolicy,
    /// What is known of its past, asked only when its Secret is read.
    pub(crate) past: &'a (dyn Fn() -> Past + Sync),
    /// Which further roots there may be.
    pub(crate) numbers: Numbers,
}

impl Authority {
    pub(crate) fn new(client: Client, namespace: &str, blocked: &Arc<BlockList>) -> Self {
        Self {
            client,
            namespace: namespace.to_owned(),
            blocked: Arc::clone(blocked),
            known: Mutex::default(),
            makers: Semaphore::new(MOST_MAKERS),
        }
    }

    /// The roots of a virtual mesh. Makes a builtin one where there never was any.
    ///
    /// # Errors
    /// [`HubError::RootIsBusy`] where another worker makes or reads it; [`HubError::Refused`] says what is wrong with it.
    pub(crate) async fn roots(&self, owner: &Owner<'_>) -> Result<Arc<Roots>, HubError> {
        let Owner { virtual_mesh, policy, numbers, .. } = owner;
        let authority = virtual_mesh.spec.certificate_authority.clone();
        let source = (authority, policy.spec.root.clone(), *numbers);
        let slot = self.slot(&Key::of(*virtual_mesh));
        let mut known = timeout(PATIENCE, slot.lock()).await.map_err(|_| HubError::RootIsBusy)?;
        if let Some(known) = known.as_ref()
            && known.source == source
            && known.read.elapsed() < FRESH
        {
            return Ok(Arc::clone(&known.roots));
        }
        let roots = Arc::new(self.load(owner).await?);
        *known = Some(Known { roots: Arc::clone(&roots), source, read: Instant::now() });
        Ok(roots)
    }

    pub(crate) fn forget(&self, key: &Key) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    fn slot(&self, key: &Key) -> Arc<AsyncMutex<Option<Known>>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(known.entry(key.clone()).or_default())
    }

    async fn load(&self, owner: &Owner<'_>) -> Result<Roots, HubError> {
        let past = (owner.past)();
        let (further, highest, unusable) = self.further(owner).await?;
        let first = match self.first(owner, &past).await {
            Ok(first) => Some(Arc::new(first)),
            // It may have ended, or been taken away, once another signs. What cannot be read at the moment is not gone.
            Err(HubError::Refused(refusal))
                if owner.numbers.told > 1 && refusal.reason != Reason::RootUnavailable =>
            {
                tracing::debug!(%refusal, "the first root is not used any more");
                None
            }
            Err(error) => return Err(error),
        };
        let below = owner.policy.spec.intermediate.path_len;
        let roots = Roots::new(first, further, highest, unusable).judged(below);
        roots.check_unchanged(&past)?;
        Ok(roots)
    }

    async fn first(&self, owner: &Owner<'_>, past: &Past) -> Result<Root, HubError> {
        match self.find(owner, past).await? {
            Some((source, secret)) => Ok(self.read(owner, &source, &secret)?),
            None => self.make(owner).await,
        }
    }

    /// The roots after the first that can be used, by number, with their cross-certificates; the highest number that is
    /// taken, whether that one can be used or not; and what is wrong with the last that cannot.
    async fn further(
        &self,
        owner: &Owner<'_>,
    ) -> Result<(Vec<Further>, u32, Option<(u32, Refusal)>), HubError> {
        let Numbers { told, asked } = owner.numbers;
        let key = Key::of(owner.virtual_mesh);
        let (mut found, mut highest, mut unusable) = (Vec::new(), 1, None);
        // Those that ended long ago are not looked for. Numbers are given out in their order, but one that was taken away
        // leaves a gap.
        for number in told.saturating_sub(MOST_FORMER).max(2).. {
            let source = Source::further(&key, &self.namespace, number);
            let Some(secret) = self.secret(source.place()).await? else {
                match number {
                    _ if number == told => return Err(source.missing().into()),
                    _ if number > told.max(asked.min(told.saturating_add(MOST_FORMER))) => break,
                    _ => continue,
                }
            };
            highest = number;
            match self.read_further(owner, &source, &secret).await {
                Ok(root) => found.push(self.with_cross(owner, number, root, &secret).await?),
                Err(refusal) if number == told => return Err(refusal.into()),
                Err(refusal) => {
                    tracing::debug!(%refusal, number, "a root that is not used");
                    unusable = Some((number, refusal));
                }
            }
        }
        Ok((found, highest, unusable))
    }

    /// The Secret that holds the root; `None` where one is to be made.
    async fn find(
        &self,
        owner: &Owner<'_>,
        past: &Past,
    ) -> Result<Option<(Source, Secret)>, Refusal> {
        let key = Key::of(owner.virtual_mesh);
        if let Some(provided) = &owner.virtual_mesh.spec.certificate_authority.provided {
            let source = Source::Provided(Key::resolve(&provided.certificate, &key.namespace));
            return self.existing(source).await.map(Some);
        }
        let builtin = Source::builtin(&key, &self.namespace);
        if let Some(secret) = self.secret(builtin.place()).await? {
            return Ok(Some((builtin, secret)));
        }
        let earlier = Source::earlier(&key);
        match owner.policy.spec.root.earlier {
            Some(EarlierRoot::Use) => self.existing(earlier).await.map(Some),
            _ if past.had_root() => Err(builtin.missing()),
            None if self.exists(earlier.place()).await? => Err(earlier.question()),
            _ => Ok(None),
        }
    }

    async fn existing(&self, source: Source) -> Result<(Source, Secret), Refusal> {
        match self.secret(source.place()).await? {
            Some(secret) => Ok((source, secret)),
            None => Err(source.missing()),
        }
    }

    /// Without a right to look there is no earlier installation that could be taken over.
    async fn exists(&self, place: &Key) -> Result<bool, Refusal> {
        match self.secret(place).await {
            Ok(found) => Ok(found.is_some()),
            Err(refusal) if refusal.reason == Reason::RootSecretInvalid => Ok(false),
            Err(refusal) => Err(refusal),
        }
    }

    /// Reads a root for a virtual mesh that may use it.
    fn read(&self, owner: &Owner<'_>, source: &Source, secret: &Secret) -> Result<Root, Refusal> {
        let virtual_mesh = Key::of(owner.virtual_mesh);
        source.check_owner(secret::owner(secret), &virtual_mesh, &self.namespace)?;
        secret::read(source.place(), secret, &self.blocked, clock::now())
    }

    async fn make(&self, owner: &Owner<'_>) -> Result<Root, HubError> {
        let source = Source::builtin(&Key::of(owner.virtual_mesh), &self.namespace);
        self.make_at(owner, &source, 1, None, None).await
    }

    /// What is trusted beside a root is trusted beside the one that replaces it.
    fn beside(replaces: Option<&(u32, Arc<Root>)>) -> String {
        let anchors = replaces.iter().flat_map(|(_, root)| {
            let own = root.issuer.root();
            root.trust.anchors().filter(move |anchor| anchor.certificate != *own)
        });
        let certificates: Vec<_> = anchors.map(|anchor| anchor.certificate.clone()).collect();
        to_bundle(&certificates)
    }

    /// Makes a further root, which replaces another one, given with its number.
    pub(crate) async fn make_further(
        &self,
        owner: &Owner<'_>,
        number: u32,
        replaces: (u32, Arc<Root>),
        algorithm: Option<KeyAlgorithm>,
    ) -> Result<(), HubError> {
        let key = Key::of(owner.virtual_mesh);
        let source = Source::further(&key, &self.namespace, number);
        self.make_at(owner, &source, number, Some(replaces), algorithm).await?;
        self.forget(&key);
        Ok(())
    }

    async fn make_at(
        &self,
        owner: &Owner<'_>,
        source: &Source,
        number: u32,
        replaces: Option<(u32, Arc<Root>)>,
        algorithm: Option<KeyAlgorithm>,
    ) -> Result<Root, HubError> {
        let _maker = self.makers.try_acquire().map_err(|_| HubError::RootIsBusy)?;
        let key = Key::of(owner.virtual_mesh);
        let place = source.place();
        let what = making::What { number, algorithm };
        let (certificate, private_key) =
            making::make(&key, owner.virtual_mesh, owner.policy, what).await?;
        let certificates = certificate.to_pem() + &Self::beside(replaces.as_ref());
        let mut secret = secret::of_root(place, &key, &certificates, &private_key.to_pkcs8_pem());
        if let Some((replaces, root)) = replaces {
            secret::note_replaced(&mut secret, replaces, &root);
        }
        crash::point("root-before-secret");
        // Whoever comes second loads what the first one stored.
        let stored = create_if_absent(&self.secrets(&place.namespace), &secret)
            .await
            .map_err(|error| making::unavailable(&error))?;
        crash::point("root-after-secret");
        let made_here = stored.is_created();
        let root = self.read(owner, source, &stored.into_object())?;
        if made_here {
            let fingerprint = root.issuer.certificate().fingerprint();
            tracing::info!(target: "audit", virtual_mesh = %key, %fingerprint, secret = %place, "root made");
        }
        Ok(root)
    }

    async fn secret(&self, place: &Key) -> Result<Option<Secret>, Refusal> {
        match self.secrets(&place.namespace).get(&place.name).await {
            Ok(secret) => Ok(Some(secret)),
            Err(error) => match classify(&error) {
                Failure::NotFound { .. } => Ok(None),
                Failure::Forbidden { .. } => Err(Refusal::new(
                    Reason::RootSecretInvalid,
                    format!(
                        "Secret {place}: reading it is forbidden to the hub; apply what `meshroot install \
                         --root-namespace {}` prints",
                        place.namespace
                    ),
                )),
                failure => {
                    Err(Refusal::new(Reason::RootUnavailable, format!("Secret {place}: {failure}")))
                }
            },
        }
    }

    fn secrets(&self, namespace: &str) -> Api<Secret> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

#[cfg(test)]
mod tests {
    use kube::Config;
    use meshroot_api::networking::VirtualMeshSpec;
    use meshroot_api::policy::TrustPolicySpec;

    use super::*;

    /// At an API that nobody serves.
    fn authority() -> Authority {
        let config = Config::new("http://127.0.0.1:9".parse().unwrap());
        Authority::new(Client::try_from(config).unwrap(), "meshroot-system", &Arc::default())
    }

    async fn asked(authority: &Authority, name: &str) -> Result<Arc<Roots>, HubError> {
        let virtual_mesh = VirtualMesh::new(name, VirtualMeshSpec::default());
        let policy = TrustPolicy::new(name, TrustPolicySpec::default());
        let past = Past::default;
        let (virtual_mesh, policy, numbers) = (&virtual_mesh, &policy, Numbers::default());
        authority.roots(&Owner { virtual_mesh, policy, past: &past, numbers }).await
    }

    #[tokio::test]
    async fn who_needs_a_root_that_is_being_made_comes_back_instead_of_waiting() {
        let authority = authority();
        let slot = authority.slot(&Key::new(String::new(), "slow"));
        let making = slot.lock().await;
        assert!(matches!(asked(&authority, "slow").await, Err(HubError::RootIsBusy)));
        let other = asked(&authority, "other").await;
        assert!(matches!(other, Err(HubError::Refused(_))), "the API was asked for the other one");
        drop(making);
        assert!(matches!(asked(&authority, "slow").await, Err(HubError::Refused(_))));
    }
}
