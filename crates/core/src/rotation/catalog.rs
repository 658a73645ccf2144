//! The roots of one virtual mesh with their certificates, and what the planner calls them.

use meshroot_api::Reason;
use meshroot_api::trust::Sent;
use meshroot_pki::{Certificate, parse_bundle, to_bundle};

use super::roots::{Chain, Root, RootSet};
use crate::refusal::Refusal;

/// A root that a virtual mesh has, or had, a key of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRoot {
    /// Its number, from 1.
    pub number: u32,
    /// Number of the root that signed before it; `None` for the first.
    pub replaces: Option<u32>,
    /// Fingerprint of that one, which may be gone.
    pub replaced_root: Option<String>,
    /// SHA-256 of its DER, in hex.
    pub fingerprint: String,
    /// The root, where more than its fingerprint is known: without it nothing can be told.
    pub certificate: Option<Certificate>,
    /// From the certificate that signs for it up to it, without it; empty where the root itself signs.
    pub chain: Vec<Certificate>,
    /// What its Secret trusts beside it.
    pub beside: Vec<Certificate>,
    /// Its name and key, signed by the root that it replaces, and what leads up from there; `None` where that is not.
    pub cross: Option<Vec<Certificate>>,
}

/// The certificates behind the planner's roots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    root: Root,
    /// In hex.
    fingerprint: String,
    certificate: Option<Certificate>,
}

impl Catalog {
    /// Knows the root from now on.
    ///
    /// # Errors
    /// More roots at one time than can be told apart.
    pub(crate) fn add(&mut self, certificate: &Certificate) -> Result<Root, Refusal> {
        self.add_named(&certificate.fingerprint().to_string(), Some(certificate))
    }

    /// The same for one of which only the fingerprint may be known.
    pub(crate) fn add_named(
        &mut self,
        fingerprint: &str,
        certificate: Option<&Certificate>,
    ) -> Result<Root, Refusal> {
        if let Some(known) = self.find(fingerprint) {
            if let Some(entry) = self.entries.iter_mut().find(|entry| entry.root == known) {
                entry.certificate = entry.certificate.take().or_else(|| certificate.cloned());
            }
            return Ok(known);
        }
        let number = u8::try_from(self.entries.len()).ok().and_then(Root::new);
        let root = number.ok_or_else(|| {
            let message = format!(
                "members trust more than {} different roots; remove those that nobody needs from the root's Secret",
                Root::MOST
            );
            Refusal::new(Reason::RootSecretInvalid, message)
        })?;
        let (fingerprint, certificate) = (fingerprint.to_owned(), certificate.cloned());
        self.entries.push(Entry { root, fingerprint, certificate });
        Ok(root)
    }

    /// The roots of a bundle, as MeshTrust has it.
    pub(crate) fn read(&mut self, bundle: &str) -> Result<RootSet, Refusal> {
        let certificates = parse_bundle(bundle.as_bytes()).unwrap_or_default();
        certificates.iter().map(|certificate| self.add(certificate)).collect()
    }

    pub(crate) fn find(&self, fingerprint: &str) -> Option<Root> {
        let found = self.entries.iter().find(|entry| entry.fingerprint == fingerprint)?;
        Some(found.root)
    }

    pub(crate) fn fingerprint(&self, root: Root) -> String {
        self.entry(root).map(|entry| entry.fingerprint.clone()).unwrap_or_default()
    }

    /// A chain that some mesh was told; its roots are known from then on, whatever became of them.
    pub(crate) fn chain(&mut self, sent: &Sent) -> Result<Chain, Refusal> {
        let chain = Chain::new(self.add_named(&sent.issuer, None)?);
        match &sent.through {
            None => Ok(chain),
            Some(through) => Ok(chain.through(self.add_named(through, None)?)),
        }
    }

    pub(crate) fn sent(&self, chain: Chain) -> Sent {
        let through = chain.through.map(|root| self.fingerprint(root));
        Sent { issuer: self.fingerprint(chain.issuer), through }
    }

    /// Roots that some mesh was told to trust; the same.
    pub(crate) fn set(&mut self, fingerprints: &[String]) -> Result<RootSet, Refusal> {
        fingerprints.iter().map(|fingerprint| self.add_named(fingerprint, None)).collect()
    }

    pub(crate) fn fingerprints(&self, set: RootSet) -> Vec<String> {
        set.iter().map(|root| self.fingerprint(root)).collect()
    }

    /// PEM of the roots, `first` before the others if it is one of them; `None` where one of them is not at hand.
    pub(crate) fn bundle(&self, set: RootSet, first: Root) -> Option<String> {
        self.certificates(set, first).map(|all| to_bundle(&all))
    }

    /// The same as certificates.
    pub(crate) fn certificates(&self, set: RootSet, first: Root) -> Option<Vec<Certificate>> {
        let leads = Some(first).filter(|first| set.contains(*first));
        let others = set.iter().filter(|root| *root != first);
        let certificate = |root: Root| self.entry(root)?.certificate.clone();
        leads.into_iter().chain(others).map(certificate).collect()
    }

    /// All roots whose certificates are at hand.
    pub(crate) fn at_hand(&self) -> impl Iterator<Item = &Certificate> {
        self.entries.iter().filter_map(|entry| entry.certificate.as_ref())
    }

    fn entry(&self, root: Root) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.root == root)
    }
}
