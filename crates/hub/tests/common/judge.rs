//! What must hold of an answered request, whatever crashed on the way.

use anyhow::{Context as _, Result, ensure};
use kube::Api;
use meshroot_api::{IssuanceRecord, VirtualMeshCertificateSigningRequest as Request};
use meshroot_pki::{
    Certificate, CertificateRequest, Fingerprint, PathOptions, PrivateKey, Purpose, build_path,
    parse_bundle,
};
use meshroot_runtime::process::clock;
use meshroot_testkit::fleet::AGENT_NAMESPACE;
use meshroot_testkit::wait;

use super::{HOME, LIMIT, Scene, all, file, until};

/// Waits until a request was answered, and checks that there is one certificate for it: that of its only record,
/// for its key, with a path to the root.
pub(crate) async fn issued_once(scene: &Scene, request: &str) -> Result<Certificate> {
    let answered =
        until(&format!("{request} is answered"), &scene.requests(), request, Request::is_answered)
            .await?;
    let response = answered.status_or_default().response;
    let chain = parse_bundle(&response.ca_certificate.0)?;
    let roots = parse_bundle(&response.root_certificate.0)?;
    let certificate = chain.first().context("the response is empty")?.clone();
    let path = build_path(
        &certificate,
        &chain[1..],
        &roots,
        &PathOptions::new(clock::now(), Purpose::Any),
    );
    ensure!(path.is_ok(), "{request}: {path:?}");
    let uid = answered.metadata.uid.clone().unwrap_or_default();
    let mut records = all(&scene.records()).await?;
    records.retain(|record| record.spec.request.name == request || record.spec.request.uid == uid);
    ensure!(records.len() == 1, "{request} has {} records", records.len());
    agrees(&records[0], &answered, &certificate)?;
    Ok(certificate)
}

fn agrees(record: &IssuanceRecord, request: &Request, certificate: &Certificate) -> Result<()> {
    let csr = CertificateRequest::parse(&request.spec.csr_data.0)?;
    let prepared = record.spec.prepared.as_ref().context("the record prepared nothing")?;
    ensure!(
        prepared.serial == certificate.serial().to_string()
            || prepared.serial == format!("00{}", certificate.serial()),
        "serial {} was recorded, {} was issued",
        prepared.serial,
        certificate.serial()
    );
    ensure!(
        prepared.tbs_sha256 == Fingerprint::of(certificate.tbs_der()).to_string(),
        "other bytes were recorded"
    );
    ensure!(
        record.spec.csr_sha256 == csr.fingerprint().to_string(),
        "another request was recorded"
    );
    ensure!(certificate.public_key() == csr.public_key(), "the certificate is for another key");
    ensure!(
        Some(&record.spec.request.uid) == request.metadata.uid.as_ref(),
        "the record is of another request"
    );
    Ok(())
}

/// Waits until `cacerts` in `namespace` holds a request's certificate, and checks that it is whole and that its
/// key is the one that was made for the request.
pub(crate) async fn installed(scene: &Scene, namespace: &str, request: &str) -> Result<()> {
    let certificate = issued_once(scene, request).await?;
    let attempt = async || {
        let secret = scene.secrets(namespace).get("cacerts").await?;
        let holds = parse_bundle(file(&secret, "ca-cert.pem")?)?;
        ensure!(holds == [certificate.clone()], "cacerts in {namespace} holds another certificate");
        Ok(secret)
    };
    let secret = wait::until(&format!("{request} is installed"), LIMIT, attempt).await?;
    let kept = scene
        .secrets(AGENT_NAMESPACE)
        .get(&format!("{request}-key"))
        .await
        .context("its key is lost")?;
    let kept = PrivateKey::from_pem(file(&kept, "key.pem")?)?;
    ensure!(
        kept.public_key() == certificate.public_key(),
        "{request}: the key that is kept is another one"
    );
    let key = PrivateKey::from_pem(file(&secret, "ca-key.pem")?)?;
    ensure!(key.public_key() == certificate.public_key(), "ca-key.pem is not the certificate's");
    let chain = parse_bundle(file(&secret, "cert-chain.pem")?)?;
    ensure!(
        chain.first() == Some(&certificate),
        "cert-chain.pem does not begin with the certificate"
    );
    let roots = parse_bundle(file(&secret, "root-cert.pem")?)?;
    let path = build_path(
        &certificate,
        &chain[1..],
        &roots,
        &PathOptions::new(clock::now(), Purpose::Any),
    );
    ensure!(path.is_ok(), "cacerts in {namespace}: {path:?}");
    let files = secret.data.as_ref().map_or(0, std::collections::BTreeMap::len);
    ensure!(files == 4, "cacerts in {namespace} has {files} files");
    Ok(())
}

/// The ledger of the cluster is one chain without a hole or a fork.
pub(crate) async fn ledger_is_a_chain(scene: &Scene) -> Result<usize> {
    is_a_chain(&scene.records(), HOME).await
}

/// The same of the records of a namespace.
pub(crate) async fn is_a_chain(records: &Api<IssuanceRecord>, home: &str) -> Result<usize> {
    let mut records = all(records).await?;
    records.sort_by_key(|record| record.spec.sequence);
    let mut previous = String::new();
    for (place, record) in records.iter().enumerate() {
        let name = record.metadata.name.as_deref().unwrap_or_default();
        let spec = &record.spec;
        ensure!(
            spec.sequence == place as u64 + 1,
            "{home}/{name} (fence {}) has sequence {}, expected {}: the ledger forks or has a hole",
            spec.fence,
            spec.sequence,
            place + 1
        );
        ensure!(
            spec.previous_sha256 == previous,
            "{home}/{name} does not follow the record before it"
        );
        // The verdict is hashed as it was spelled when ledgers began.
        let text = serde_json::to_string(spec)?
            .replace(r#""verdict":"Approved""#, r#""verdict":"APPROVED""#)
            .replace(r#""verdict":"Denied""#, r#""verdict":"DENIED""#)
            .replace(r#""verdict":"Revoked""#, r#""verdict":"REVOKED""#);
        previous = Fingerprint::of(versioned(spec, text).as_bytes()).to_string();
    }
    Ok(records.len())
}

/// The text that is hashed: what an entry of a former release cannot have is announced by a line.
fn versioned(spec: &meshroot_api::record::IssuanceRecordSpec, text: String) -> String {
    let decision = &spec.decision;
    let is_first =
        decision.people.is_empty() && decision.asked_sha256.is_empty() && spec.facts.is_empty();
    if is_first { text } else { format!("meshroot record v2\n{text}") }
}
