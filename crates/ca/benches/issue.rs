//! From the bytes of a certificate signing request to the certificate's PEM, on one core: parse, check, prepare,
//! record (in a ledger that costs nothing), sign, and check what came out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use jiff::{SignedDuration, Timestamp};
use meshroot_ca::{
    Facts, Issuer, Ledger, Order, Prepared, Profile, ProfileSpec, RootSpec, Subject, make_root,
};
use meshroot_pki::{
    CertificateRequest, CheckedRequest, DistinguishedName, Host, KeyKind, PrivateKey,
};

const IDENTITY: &str = "spiffe://cluster.local/ns/istio-system/sa/istiod";
const ROOTS: [KeyKind; 5] =
    [KeyKind::Rsa3072, KeyKind::Rsa4096, KeyKind::EcdsaP256, KeyKind::EcdsaP384, KeyKind::Ed25519];

struct NoLedger;

impl Ledger for NoLedger {
    type Error = Infallible;

    async fn append(&self, facts: &Facts) -> Result<(), Infallible> {
        black_box(facts);
        Ok(())
    }
}

fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the ledger waits"),
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

fn profile() -> Profile {
    Profile::try_from(ProfileSpec { lifetime: SignedDuration::from_hours(24 * 90), path_len: 0 })
        .unwrap()
}

fn issuer(kind: KeyKind) -> Issuer {
    let subject = DistinguishedName::new("Example", "demo", "root").unwrap();
    let spec = RootSpec { key: kind, subject, lifetime: SignedDuration::from_hours(24 * 365) };
    let (root, key) = make_root(&spec, now()).unwrap();
    Issuer::load(root.to_pem().as_bytes(), key.to_pkcs8_pem().as_bytes(), None, now()).unwrap()
}

/// PEM, as agents write it.
fn request(kind: KeyKind) -> Vec<u8> {
    let key = PrivateKey::generate(kind).unwrap();
    let hosts = [IDENTITY.parse().unwrap()];
    CertificateRequest::create(&key, &DistinguishedName::empty(), &hosts)
        .unwrap()
        .to_pem()
        .into_bytes()
}

fn issue(request: &[u8], issuer: &Issuer, profile: Profile) -> String {
    let request = CertificateRequest::parse(request).unwrap();
    request.public_key().check_strength().unwrap();
    let hosts: Vec<Host> = vec![IDENTITY.parse().unwrap()];
    assert_eq!(request.hosts(), hosts);
    let subject = Subject {
        organization: "Istio",
        virtual_mesh: "demo",
        mesh: "istio-istio-system-east",
        generation: "1",
    };
    #[expect(clippy::disallowed_methods, reason = "what is measured begins behind the checks")]
    let request = CheckedRequest::new(request, hosts).unwrap();
    let order = Order::new(&request, subject, profile).unwrap();
    let Ok(recorded) = ready(Prepared::new(order, issuer, now()).unwrap().record(&NoLedger));
    recorded.sign(issuer, now()).unwrap().to_pem()
}

fn benchmarks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("issue");
    group.throughput(Throughput::Elements(1));
    group.warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(5));
    group.sampling_mode(SamplingMode::Flat);
    let profile = profile();
    let p256 = request(KeyKind::EcdsaP256);
    for kind in ROOTS {
        let issuer = issuer(kind);
        group.bench_function(format!("ECDSA-P256 request, {kind} issuer"), |bencher| {
            bencher.iter(|| issue(black_box(&p256), &issuer, profile));
        });
    }
    let (rsa, issuer) = (request(KeyKind::Rsa2048), issuer(KeyKind::EcdsaP256));
    group.bench_function("RSA-2048 request, ECDSA-P256 issuer", |bencher| {
        bencher.iter(|| issue(black_box(&rsa), &issuer, profile));
    });
    group.finish();
}

criterion_group!(benches, benchmarks);
criterion_main!(benches);
