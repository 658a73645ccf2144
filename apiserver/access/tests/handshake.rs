//! TLS handshakes with the server's own certificates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::sync::Arc;

use apiserver_access::{Issued, ServingAuthority, server_config, user_of_client_certificate};
use jiff::{SignedDuration, Timestamp};
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConnection, SupportedProtocolVersion,
};

const TEN_YEARS: SignedDuration = SignedDuration::from_hours(24 * 3650);

/// The TLS server reads the machine's clock, so certificates are made for it.
fn now() -> Timestamp {
    let now = UnixTime::now();
    Timestamp::from_second(i64::try_from(now.as_secs()).unwrap()).unwrap()
}

fn authority() -> ServingAuthority {
    ServingAuthority::create("embedded", now(), TEN_YEARS).unwrap()
}

#[derive(Debug)]
struct Clock(Timestamp);

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(
            u64::try_from(self.0.as_second()).unwrap(),
        )))
    }
}

fn client(
    authority: &ServingAuthority,
    version: &'static SupportedProtocolVersion,
    shown: Option<&Issued>,
    time: Timestamp,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(authority.certificate_der().unwrap())).unwrap();
    let builder =
        ClientConfig::builder_with_details(Arc::new(default_provider()), Arc::new(Clock(time)))
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots);
    let mut config = match shown {
        None => builder.with_no_client_auth(),
        Some(issued) => {
            let chain = vec![CertificateDer::from(issued.certificate_der().unwrap())];
            let key = PrivateKeyDer::from_pem_slice(issued.key_pem().unwrap().as_bytes()).unwrap();
            builder.with_client_auth_cert(chain, key).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = Resumption::disabled();
    config
}

/// Both sides in memory, until neither has more to say; what the server knows of its client.
fn handshake(
    authority: &ServingAuthority,
    client: ClientConfig,
    host: &'static str,
) -> Result<ServerConnection, rustls::Error> {
    let serving = authority.serving_certificate(&["hub.example.com".to_owned()], now()).unwrap();
    let mut server =
        ServerConnection::new(server_config(authority, &serving, true).unwrap()).unwrap();
    let mut client =
        ClientConnection::new(Arc::new(client), ServerName::try_from(host).unwrap()).unwrap();
    while client.wants_write() || server.wants_write() {
        let mut wire = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut wire).unwrap();
        }
        server.read_tls(&mut wire.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut wire = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut wire).unwrap();
        }
        client.read_tls(&mut wire.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    assert!(!server.is_handshaking() && !client.is_handshaking());
    Ok(server)
}

#[test]
fn a_client_that_trusts_the_authority_reaches_the_server_by_each_name_and_version() {
    let authority = authority();
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        for host in ["localhost", "127.0.0.1", "::1", "kubernetes.default.svc", "hub.example.com"] {
            let server =
                handshake(&authority, client(&authority, version, None, now()), host).unwrap();
            assert_eq!(server.protocol_version(), Some(version.version));
            assert_eq!(server.alpn_protocol(), Some(&b"h2"[..]));
            assert!(server.peer_certificates().is_none());
        }
    }
    let config = client(&authority, &rustls::version::TLS13, None, now());
    assert!(handshake(&authority, config, "other.example.com").is_err());
}

#[test]
fn certificates_hold_for_clients_whose_clock_is_four_minutes_behind() {
    let authority = authority();
    let at = |minutes| {
        client(
            &authority,
            &rustls::version::TLS13,
            None,
            now() - SignedDuration::from_mins(minutes),
        )
    };
    assert!(handshake(&authority, at(4), "localhost").is_ok());
    assert!(handshake(&authority, at(6), "localhost").is_err());
}

#[test]
fn a_client_certificate_of_the_authority_reaches_the_server() {
    let authority = authority();
    let again =
        ServingAuthority::load(authority.certificate_pem(), &authority.key_pem().unwrap()).unwrap();
    let issued = again
        .client_certificate("alice", Some("ops"), now(), SignedDuration::from_hours(1))
        .unwrap();
    for version in [&rustls::version::TLS13, &rustls::version::TLS12] {
        let server =
            handshake(&authority, client(&authority, version, Some(&issued), now()), "localhost")
                .unwrap();
        let user = user_of_client_certificate(&server.peer_certificates().unwrap()[0]).unwrap();
        assert_eq!((user.name.as_str(), user.groups[0].as_str()), ("alice", "ops"));
    }
}

#[test]
fn a_client_certificate_of_another_authority_and_a_serving_certificate_are_refused() {
    let (authority, other) = (authority(), authority());
    let foreign =
        other.client_certificate("alice", Some("system:masters"), now(), TEN_YEARS).unwrap();
    let serving = authority.serving_certificate(&[], now()).unwrap();
    let ended = authority
        .client_certificate(
            "alice",
            None,
            now() - SignedDuration::from_hours(2),
            SignedDuration::from_hours(1),
        )
        .unwrap();
    for shown in [&foreign, &serving, &ended] {
        let config = client(&authority, &rustls::version::TLS13, Some(shown), now());
        assert!(handshake(&authority, config, "localhost").is_err());
    }
}
