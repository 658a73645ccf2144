//! Further roots that a company brings: the hub keeps their certificates and where the key is, never the key.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use meshroot_api::{Reason, VirtualMesh};
use meshroot_ca::{Order, Prepared};
use meshroot_core::membership::Key;
use meshroot_core::{Refusal, trust};
use meshroot_pki::{Certificate, to_bundle};
use meshroot_runtime::kube::write::create_if_absent;
use meshroot_runtime::process::{clock, crash};

use super::source::Source;
use super::{Authority, Owner, Root, Roots, making, secret};
use crate::controllers::lifetime;
use crate::error::HubError;

impl Authority {
    /// Takes a provided root as a further one, which replaces another, given with its number. Everything that could be
    /// refused later is refused here, before anybody is told of it.
    pub(crate) async fn take_further(
        &self,
        owner: &Owner<'_>,
        number: u32,
        roots: &Roots,
        replaces: (u32, Arc<Root>),
        provided: &Key,
    ) -> Result<(), HubError> {
        let key = Key::of(owner.virtual_mesh);
        let field = |refusal: Refusal| Refusal {
            message: format!("spec.newRoot.provided.certificate: {}", refusal.message),
            ..refusal
        };
        let root = self.provided(owner.virtual_mesh, provided).await.map_err(field)?;
        check_new(owner, roots, provided, &root).map_err(field)?;
        let source = Source::further(&key, &self.namespace, number);
        let place = source.place();
        let trusted = trusted(&root, &replaces.1);
        let mut kept = secret::of_provided(place, &key, provided, &root, &trusted);
        secret::note_replaced(&mut kept, replaces.0, &replaces.1);
        crash::point("root-before-secret");
        let stored = create_if_absent(&self.secrets(&place.namespace), &kept)
            .await
            .map_err(|error| making::unavailable(&error))?;
        crash::point("root-after-secret");
        if stored.is_created() {
            let fingerprint = root.issuer.certificate().fingerprint();
            tracing::info!(target: "audit", virtual_mesh = %key, %fingerprint, secret = %place, %provided, "root taken");
        }
        self.forget(&key);
        Ok(())
    }

    /// The root in a Secret that a company keeps, where this virtual mesh may use it.
    async fn provided(&self, of: &VirtualMesh, place: &Key) -> Result<Root, Refusal> {
        let (source, secret) = self.existing(Source::Provided(place.clone())).await?;
        source.check_owner(secret::owner(&secret), &Key::of(of), &self.namespace)?;
        secret::read(place, &secret, &self.blocked, clock::now())
    }

    /// A further root. Where its key is kept elsewhere, it must be the one that it was.
    pub(super) async fn read_further(
        &self,
        owner: &Owner<'_>,
        source: &Source,
        kept: &Secret,
    ) -> Result<Root, Refusal> {
        let Some(place) = secret::provided(kept) else { return self.read(owner, source, kept) };
        let (_, secret) = self.existing(Source::Provided(place.clone())).await?;
        let root = self.provided(owner.virtual_mesh, &place).await?;
        let joined = secret::joined(kept, &secret);
        let kept_in = source.place();
        let swapped = |why: String| {
            let message = format!(
                "Secret {place} holds another root than was taken from it, which is kept in Secret {kept_in} ({why}): put the \
                 former one back; another root takes another RootRotation"
            );
            Refusal::new(Reason::RootSecretInvalid, message)
        };
        let known =
            self.read(owner, source, &joined).map_err(|refusal| swapped(refusal.message))?;
        let (is, was) = (root.issuer.certificate(), known.issuer.certificate());
        if is != was || root.issuer.root() != known.issuer.root() {
            return Err(swapped(format!("{} instead of {}", is.fingerprint(), was.fingerprint())));
        }
        Ok(known)
    }
}

/// What is trusted beside the root that it replaces is trusted beside it.
fn trusted(root: &Root, replaced: &Root) -> String {
    let own = root.trust.anchors();
    let before = replaced.trust.anchors().filter(|one| one.certificate != *replaced.issuer.root());
    let mut all: Vec<Certificate> = Vec::new();
    for anchor in own.chain(before) {
        if !all.contains(&anchor.certificate) {
            all.push(anchor.certificate.clone());
        }
    }
    to_bundle(&all)
}

/// Whether it can replace the roots that there are.
fn check_new(owner: &Owner<'_>, roots: &Roots, place: &Key, root: &Root) -> Result<(), Refusal> {
    let refused = |what: String| {
        let message = format!("Secret {place}: {what}");
        Err(Refusal::new(Reason::RootSecretInvalid, message))
    };
    let certificate = root.issuer.certificate();
    let subject = certificate.subject();
    for (number, before) in roots.all() {
        let signed = before.issuer.certificate();
        if root.trust.anchors().any(|one| one.certificate == *before.issuer.root()) {
            return refused(format!(
                "root-cert.pem holds root {number} ({}), which members are to trust no more: leave it out",
                before.issuer.root().subject()
            ));
        }
        if signed.public_key() == certificate.public_key() {
            return refused(format!(
                "{subject} has the key of root {number}: a further root has a key of its own"
            ));
        }
        if is_mistaken_for(root.issuer.root(), before.issuer.root()) {
            return refused(format!(
                "{subject} has the name of root {number} and one of the two has no subjectKeyIdentifier: peers could not \
                 tell them apart; give it another name"
            ));
        }
    }
    let below = owner.policy.spec.intermediate.path_len;
    if let Some(limit) = certificate.path_len().filter(|limit| *limit <= below) {
        return refused(format!(
            "{subject} has pathLen {limit}, and intermediates of pathLen {below} (spec.intermediate.pathLen of the \
             TrustPolicy) need {} at least",
            below.saturating_add(1)
        ));
    }
    let now = clock::now();
    if let Some(ends) = trust::ending(root.issuer.first_to_end(), lifetime(owner.policy), now) {
        return refused(format!("{}: give a root that lasts", ends.message));
    }
    // What it signs is linted as every certificate is, before it has signed any.
    let lint = |before: &Root| {
        let order = Order::cross(before.issuer.root(), &root.issuer, below).ok()?;
        Prepared::new(order, &root.issuer, now).err()
    };
    match roots.all().find_map(|(_, before)| lint(before)) {
        Some(error) => refused(format!("what {subject} signs: {error}")),
        None => Ok(()),
    }
}

/// Two roots of one name are told apart by their key identifiers.
fn is_mistaken_for(one: &Certificate, other: &Certificate) -> bool {
    let (own, others) = (one.subject_key_identifier(), other.subject_key_identifier());
    one.subject().der() == other.subject().der()
        && (own.is_none() || others.is_none() || own == others)
}
