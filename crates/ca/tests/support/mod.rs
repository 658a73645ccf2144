//! Issuers, orders and ledgers for tests.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use jiff::{SignedDuration, Timestamp};
use meshroot_ca::{
    Facts, Issued, Issuer, Ledger, Order, Prepared, Profile, ProfileSpec, Recorded, Signer,
    SignerError, Subject,
};
use meshroot_pki::{
    CertificateRequest, CheckedRequest, DistinguishedName, Host, PrivateKey, PublicKey,
};
use spki::AlgorithmIdentifierOwned;

#[path = "../../../pki/tests/pki/support.rs"]
pub(crate) mod x509;

/// The identity in all orders that do not say otherwise.
pub(crate) const IDENTITY: &str = "spiffe://cluster.local/ns/istio-system/sa/istiod";

/// A ledger that keeps its entries in memory.
#[derive(Default)]
pub(crate) struct MemoryLedger(Mutex<Vec<Facts>>);

impl MemoryLedger {
    pub(crate) fn entries(&self) -> Vec<Facts> {
        self.0.lock().unwrap().clone()
    }
}

impl Ledger for MemoryLedger {
    type Error = std::convert::Infallible;

    async fn append(&self, facts: &Facts) -> Result<(), Self::Error> {
        self.0.lock().unwrap().push(facts.clone());
        Ok(())
    }
}

/// A ledger that is out of order.
pub(crate) struct BrokenLedger;

impl Ledger for BrokenLedger {
    type Error = &'static str;

    async fn append(&self, _: &Facts) -> Result<(), Self::Error> {
        Err("the ledger cannot be written")
    }
}

/// A signer that counts how often its key was used, and can be told to sign other bytes.
#[derive(Debug)]
pub(crate) struct WatchedSigner {
    key: PrivateKey,
    pub(crate) uses: Arc<AtomicUsize>,
    lies: bool,
}

impl WatchedSigner {
    pub(crate) fn honest(key: &PrivateKey) -> Self {
        Self { key: copy(key), uses: Arc::default(), lies: false }
    }

    pub(crate) fn lying(key: &PrivateKey) -> Self {
        Self { lies: true, ..Self::honest(key) }
    }
}

impl Signer for WatchedSigner {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    fn algorithm(&self) -> AlgorithmIdentifierOwned {
        self.key.signature_algorithm()
    }

    fn is_slow(&self) -> bool {
        false
    }

    fn sign(&self, tbs: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.uses.fetch_add(1, Ordering::SeqCst);
        Ok(self.key.sign(if self.lies { b"something else" } else { tbs })?)
    }
}

/// The result of a future that has nothing to wait for.
pub(crate) fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future waits for something"),
    }
}

/// A second copy of a key: the product's type has no `Clone`.
pub(crate) fn copy(key: &PrivateKey) -> PrivateKey {
    PrivateKey::from_pem(key.to_pkcs8_pem().as_bytes()).unwrap()
}

pub(crate) fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

pub(crate) fn profile(lifetime: SignedDuration, path_len: u8) -> Profile {
    Profile::try_from(ProfileSpec { lifetime, path_len }).unwrap()
}

/// A request by `key`, as the agents make it.
pub(crate) fn request(key: &PrivateKey, hosts: &[Host]) -> CertificateRequest {
    CertificateRequest::create(key, &DistinguishedName::empty(), hosts).unwrap()
}

/// An order for the mesh east's first intermediate.
pub(crate) fn order(key: &PrivateKey, profile: Profile) -> Order {
    let hosts = x509::hosts(&[IDENTITY]);
    order_of(request(key, &hosts), "istio-istio-system-east", hosts, profile)
}

/// An order for a mesh's first intermediate.
pub(crate) fn order_of(
    request: CertificateRequest,
    mesh: &str,
    hosts: Vec<Host>,
    profile: Profile,
) -> Order {
    let subject = Subject { organization: "Istio", virtual_mesh: "demo", mesh, generation: "1" };
    Order::new(&checked(request, hosts), subject, profile).unwrap()
}

/// The tests take the place of the checks.
#[expect(clippy::disallowed_methods, reason = "no decision is tested here")]
pub(crate) fn checked(request: CertificateRequest, hosts: Vec<Host>) -> CheckedRequest {
    CheckedRequest::new(request, hosts).unwrap()
}

/// The root of [`x509::Template::root`] as an issuer, valid a day before and after the moment of all tests.
pub(crate) fn issuer() -> Issuer {
    issuer_of(&x509::Template::root())
}

/// Signs a root with [`x509::root_key`] and makes it the issuer.
pub(crate) fn issuer_of(root: &x509::Template) -> Issuer {
    let key = x509::root_key();
    let pem = root.sign(key).to_pem();
    Issuer::load(pem.as_bytes(), key.to_pkcs8_pem().as_bytes(), None, x509::now()).unwrap()
}

/// Prepares and records.
pub(crate) fn recorded(order: Order, issuer: &Issuer, now: Timestamp) -> Recorded {
    let Ok(recorded) =
        ready(Prepared::new(order, issuer, now).unwrap().record(&MemoryLedger::default()));
    recorded
}

/// The whole way: prepare, record, sign, check.
pub(crate) fn issue(order: Order, issuer: &Issuer, now: Timestamp) -> Issued {
    recorded(order, issuer, now).sign(issuer, now).unwrap()
}
