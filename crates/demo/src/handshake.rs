//! Mutual TLS between two workloads over loopback, with SPIFFE's rules for identities.

use std::sync::Arc;
use std::time::{Duration, Instant};

use meshroot_pki::{Certificate, SpiffeVerifier, expect_spiffe_id};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{CertificateError, ClientConfig, Error, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::workload::Workload;

/// A handshake that was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    /// Who connected.
    pub from: String,
    /// Who was connected to.
    pub to: String,
    /// `None` where both took each other; else why one of them did not.
    pub refused: Option<String>,
    /// How long it took.
    pub took: Duration,
}

impl Handshake {
    /// `east → west ok`, `stranger → east refused (unknown authority)`.
    pub fn text(&self) -> String {
        let verdict =
            self.refused.as_ref().map_or_else(|| "ok".to_owned(), |why| format!("refused ({why})"));
        format!("{} → {} {verdict}", self.from, self.to)
    }
}

/// What is said where no path leads to a root that the other trusts.
pub(super) const UNKNOWN_AUTHORITY: &str = "unknown authority";

/// Each side shows its certificate and verifies the other's path and SPIFFE ID; then a few bytes go each way, because
/// with TLS 1.3 a client learns only then that it was refused.
pub(super) async fn between(client: &Workload, server: &Workload) -> Handshake {
    let begun = Instant::now();
    let outcome = tokio::time::timeout(LIMIT, attempt(client, server)).await;
    let outcome = outcome.unwrap_or_else(|_| Err("the handshake does not end".into()));
    let refused = outcome.err().map(|error| reason(error.as_ref()));
    Handshake { from: client.name.clone(), to: server.name.clone(), refused, took: begun.elapsed() }
}

type Boxed = Box<dyn std::error::Error + Send + Sync>;

async fn attempt(client: &Workload, server: &Workload) -> Result<(), Boxed> {
    let acceptor = TlsAcceptor::from(Arc::new(server_config(server)?));
    let connector = TlsConnector::from(Arc::new(client_config(client, &server.spiffe_id)?));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = async {
        let (stream, _) = listener.accept().await?;
        let mut stream = acceptor.accept(stream).await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        expect_spiffe_id(shown.ok_or("the client shows no certificate")?, &client.spiffe_id)?;
        expect(&mut stream, QUESTION).await?;
        stream.write_all(ANSWER).await?;
        stream.shutdown().await?;
        Ok::<_, Boxed>(())
    };
    let asking = async {
        let stream = TcpStream::connect(address).await?;
        // The name is not looked at: SPIFFE IDs are not DNS names.
        let mut stream =
            connector.connect(ServerName::try_from("workload.invalid")?, stream).await?;
        stream.write_all(QUESTION).await?;
        expect(&mut stream, ANSWER).await
    };
    // Whoever verified and said no knows why; the other only sees an alert.
    let (by_server, by_client) = tokio::join!(serving, asking);
    match (by_server, by_client) {
        (Ok(()), Ok(())) => Ok(()),
        (Err(error), Ok(())) | (Ok(()), Err(error)) => Err(error),
        (Err(server), Err(client)) => {
            Err(if verified(client.as_ref()).is_some() { client } else { server })
        }
    }
}

async fn expect(
    stream: &mut (impl tokio::io::AsyncRead + Unpin),
    expected: &[u8],
) -> Result<(), Boxed> {
    let mut read = vec![0; expected.len()];
    stream.read_exact(&mut read).await?;
    if read == expected { Ok(()) } else { Err("other bytes came than were sent".into()) }
}

/// What a verifier had against a certificate.
fn verified<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a CertificateError> {
    let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    let found = inner
        .and_then(|inner| inner.downcast_ref::<Error>())
        .or_else(|| error.downcast_ref::<Error>());
    match found {
        Some(Error::InvalidCertificate(problem)) => Some(problem),
        _ => None,
    }
}

fn reason(error: &(dyn std::error::Error + 'static)) -> String {
    match verified(error) {
        Some(CertificateError::UnknownIssuer) => UNKNOWN_AUTHORITY.to_owned(),
        Some(problem) => problem.to_string(),
        None => error.to_string(),
    }
}

fn server_config(own: &Workload) -> Result<ServerConfig, Boxed> {
    let provider = provider();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(store(&own.roots)?), provider.clone());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier.build()?)
        .with_single_cert(chain(own), key(own)?)?;
    Ok(config)
}

fn client_config(own: &Workload, server_id: &str) -> Result<ClientConfig, Boxed> {
    let provider = provider();
    let verifier = SpiffeVerifier::new(store(&own.roots)?, provider.clone(), server_id);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(chain(own), key(own)?)?;
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn store(roots: &[Certificate]) -> Result<RootCertStore, Error> {
    let mut store = RootCertStore::empty();
    roots.iter().try_for_each(|root| store.add(CertificateDer::from(root.der())))?;
    Ok(store)
}

fn chain(own: &Workload) -> Vec<CertificateDer<'static>> {
    own.chain.iter().map(|certificate| CertificateDer::from(certificate.der().to_vec())).collect()
}

fn key(own: &Workload) -> Result<PrivateKeyDer<'static>, rustls::pki_types::pem::Error> {
    PrivateKeyDer::from_pem_slice(own.key.to_pkcs8_pem().as_bytes())
}

const QUESTION: &[u8] = b"question";
const ANSWER: &[u8] = b"answer";
const LIMIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use meshroot_ca::{RootSpec, make_root};
    use meshroot_pki::{DistinguishedName, Host, KeyKind, PrivateKey};

    use super::super::control_plane::{Authority, now};
    use super::super::workload::stranger;
    use super::*;

    fn authority() -> (Authority, Certificate) {
        let subject = DistinguishedName::new("Test", "test", "test root").unwrap();
        let spec =
            RootSpec { key: KeyKind::EcdsaP256, subject, lifetime: SignedDuration::from_hours(24) };
        let (root, key) = make_root(&spec, now()).unwrap();
        (Authority::new(vec![root.clone()], vec![root.clone()], key), root)
    }

    fn workload(authority: &Authority, root: &Certificate, name: &str) -> Workload {
        let spiffe_id = format!("spiffe://cluster.local/ns/demo/sa/{name}");
        let key = PrivateKey::generate(KeyKind::EcdsaP256).unwrap();
        let host = Host::Uri(spiffe_id.clone());
        let leaf =
            authority.issue(key.public_key(), &host, SignedDuration::from_hours(1), now()).unwrap();
        Workload {
            name: name.to_owned(),
            spiffe_id,
            chain: vec![leaf],
            roots: vec![root.clone()],
            key,
        }
    }

    #[tokio::test]
    async fn workloads_of_one_authority_take_each_other() {
        let (authority, root) = authority();
        let (east, west) =
            (workload(&authority, &root, "east"), workload(&authority, &root, "west"));
        assert_eq!(between(&east, &west).await.text(), "east → west ok");
    }

    #[tokio::test]
    async fn a_stranger_is_refused_on_either_side_for_its_authority_alone() {
        let (authority, root) = authority();
        let east = workload(&authority, &root, "east");
        let stranger = stranger(&east).unwrap();
        assert_eq!(
            between(&stranger, &east).await.text(),
            "stranger → east refused (unknown authority)"
        );
        assert_eq!(
            between(&east, &stranger).await.text(),
            "east → stranger refused (unknown authority)"
        );
    }

    #[tokio::test]
    async fn another_identity_than_the_expected_one_is_refused() {
        let (authority, root) = authority();
        let (east, west) =
            (workload(&authority, &root, "east"), workload(&authority, &root, "west"));
        let liar =
            Workload { spiffe_id: "spiffe://cluster.local/ns/demo/sa/other".to_owned(), ..west };
        assert!(between(&east, &liar).await.refused.is_some());
        assert!(between(&liar, &east).await.refused.unwrap().contains("sa/other"));
    }
}
