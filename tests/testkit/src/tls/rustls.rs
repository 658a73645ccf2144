//! The question put to rustls, with SPIFFE's rules for identities.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use meshroot_pki::{SpiffeVerifier, expect_spiffe_id};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::{WorkloadCertificate, wait};

/// A mutual TLS handshake over loopback, each side with its certificate and verifying the other's
/// path with its roots (PEM) and its SPIFFE identity; then a few bytes each way, because with
/// TLS 1.3 a client learns only then that it was refused. `Err` says what each side saw.
pub async fn handshake(
    server: &WorkloadCertificate,
    client: &WorkloadCertificate,
    server_roots: &str,
    client_roots: &str,
) -> Result<(), String> {
    let attempt = attempt(server, client, server_roots, client_roots);
    let outcome = tokio::time::timeout(wait::LIMIT, attempt).await;
    let outcome = outcome.map_err(|_| "the handshake does not end".to_owned())?;
    outcome.map_err(|error| format!("{error:#}"))
}

async fn attempt(
    server: &WorkloadCertificate,
    client: &WorkloadCertificate,
    server_roots: &str,
    client_roots: &str,
) -> Result<()> {
    let acceptor = TlsAcceptor::from(Arc::new(server_config(server, server_roots)?));
    let config = client_config(client, client_roots, &server.spiffe_id)?;
    let connector = TlsConnector::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = async {
        let (stream, _) = listener.accept().await?;
        serve(acceptor.accept(stream).await?, &client.spiffe_id).await
    };
    let asking = async {
        let stream = TcpStream::connect(address).await?;
        // The name is not looked at: SPIFFE identities are not DNS names.
        let name = ServerName::try_from("workload.invalid")?;
        ask(connector.connect(name, stream).await?).await
    };
    match tokio::join!(serving, asking) {
        (Ok(()), Ok(())) => Ok(()),
        (by_server, by_client) => {
            bail!("server: {}; client: {}", verdict(&by_server), verdict(&by_client))
        }
    }
}

fn verdict(outcome: &Result<()>) -> String {
    match outcome {
        Ok(()) => "ok".to_owned(),
        Err(error) => format!("{error:#}"),
    }
}

async fn serve(
    mut stream: tokio_rustls::server::TlsStream<TcpStream>,
    client_id: &str,
) -> Result<()> {
    let peer = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let leaf = peer.first().context("the client sent no certificate")?;
    expect_spiffe_id(leaf, client_id)?;
    expect_bytes(&mut stream, b"question").await?;
    stream.write_all(b"answer").await?;
    stream.shutdown().await?;
    Ok(())
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<()> {
    stream.write_all(b"question").await?;
    stream.flush().await?;
    expect_bytes(&mut stream, b"answer").await
}

async fn expect_bytes(stream: &mut (impl AsyncRead + Unpin), expected: &[u8]) -> Result<()> {
    let mut read = vec![0; expected.len()];
    stream.read_exact(&mut read).await?;
    if read != expected {
        bail!("other bytes came than were sent");
    }
    Ok(())
}

fn server_config(own: &WorkloadCertificate, roots: &str) -> Result<ServerConfig> {
    let provider = provider();
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(store(roots)?), provider.clone());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier.build()?)
        .with_single_cert(chain(own)?, key(own)?)?;
    Ok(config)
}

fn client_config(own: &WorkloadCertificate, roots: &str, server_id: &str) -> Result<ClientConfig> {
    let provider = provider();
    let verifier = SpiffeVerifier::new(store(roots)?, provider.clone(), server_id);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(chain(own)?, key(own)?)?;
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn store(pem: &str) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        store.add(root?)?;
    }
    if store.is_empty() {
        bail!("no root certificate given");
    }
    Ok(store)
}

fn chain(own: &WorkloadCertificate) -> Result<Vec<CertificateDer<'static>>> {
    let chain = CertificateDer::pem_slice_iter(own.chain_pem.as_bytes());
    Ok(chain.collect::<Result<_, _>>()?)
}

fn key(own: &WorkloadCertificate) -> Result<PrivateKeyDer<'static>> {
    Ok(PrivateKeyDer::from_pem_slice(own.key_pem.as_bytes())?)
}
