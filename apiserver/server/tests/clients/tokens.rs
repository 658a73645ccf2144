//! Credentials that are none.

use std::time::{Duration, Instant};

use apiserver::store::{self, Store};
use apiserver::{Options, STATE_FILE};
use apiserver_access::{P256Key, ServiceAccountTokens, TokenSpec};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jiff::{SignedDuration, Timestamp};
use meshroot_testkit::wait;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};

use crate::harness::running::client_config;
use crate::harness::{Answer, Running, Target};

const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
const ACCOUNTS: &str = "/api/v1/namespaces/default/serviceaccounts";
/// Any authenticated user may ask this, and no other.
const REVIEW: &str = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

/// The server reads the real clock, so the tokens' ages are told from it.
#[allow(clippy::disallowed_methods)]
fn now() -> Timestamp {
    Timestamp::now()
}

pub(crate) async fn as_whom(server: &Target, token: &str) -> Answer {
    let body = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview" });
    let headers = ["Content-Type: application/json", &format!("Authorization: Bearer {token}")];
    server.request("POST", REVIEW, &headers, body.to_string().as_bytes()).await
}

async fn account_token(server: &Running, name: &str) -> String {
    let account =
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": name } });
    server.json("POST", ACCOUNTS, &account).await.assert_code("account", 201);
    let request = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "audiences": [] } });
    let answer = server.json("POST", &format!("{ACCOUNTS}/{name}/token"), &request).await;
    answer.assert_code("token", 201);
    answer.json()["status"]["token"].as_str().unwrap().to_owned()
}

/// A token with another header, signed by `sign`.
fn forged(claims: &str, header: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{claims}", BASE64.encode(header.to_string()));
    let signature = BASE64.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

#[tokio::test]
async fn tokens_that_are_wrong_are_unauthorized_and_never_anonymous() {
    let (server, other) = (Running::start().await, Running::start().await);
    let good = account_token(&server, "good").await;
    as_whom(&server, &good).await.assert_code("the token itself", 201);
    let foreign = account_token(&other, "good").await;
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("no JWT")
    };
    let keys = server.get("/openid/v1/jwks").await.json();
    let key = &keys["keys"][0];
    let coordinates = ["x", "y"].map(|name| BASE64.decode(key[name].as_str().unwrap()).unwrap());
    let point = [vec![4], coordinates.concat()].concat();
    let info = [
        b"0Y0\x13\x06\x07*\x86H\xce=\x02\x01\x06\x08*\x86H\xce=\x03\x01\x07\x03B\x00".as_slice(),
        &point,
    ]
    .concat();
    let hmac = |key: &[u8]| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key);
        move |text: &[u8]| hmac::sign(&key, text).as_ref().to_vec()
    };
    let kid = &key["kid"];
    let symmetric = json!({ "alg": "HS256", "kid": kid });
    let mut raised: Value = serde_json::from_slice(&BASE64.decode(claims).unwrap()).unwrap();
    raised["kubernetes.io"]["serviceaccount"]["name"] = "admin".into();
    let raised = BASE64.encode(raised.to_string());
    let tokens = [
        ("nonsense", "nonsense".to_owned()),
        (
            "the administrator's token without its end",
            server.token[..server.token.len() - 1].to_owned(),
        ),
        ("the administrator's token and more", format!("{}x", server.token)),
        ("the other server's administrator", other.token.clone()),
        ("the other server's account", foreign),
        ("a token without its end", good[..good.len() - 1].to_owned()),
        ("a token without its signature", format!("{header}.{claims}.")),
        ("two parts", format!("{header}.{claims}")),
        ("four parts", format!("{good}.{signature}")),
        ("dots", "..".to_owned()),
        ("other claims", format!("{header}.{raised}.{signature}")),
        ("alg none", forged(claims, &json!({ "alg": "none" }), |_| Vec::new())),
        ("alg None", forged(claims, &json!({ "alg": "None", "kid": kid }), |_| Vec::new())),
        ("no alg", forged(claims, &json!({ "kid": kid }), |_| Vec::new())),
        ("HS256 with the public point", forged(claims, &symmetric, hmac(&point))),
        ("HS256 with the public key", forged(claims, &symmetric, hmac(&info))),
        ("HS256 with nothing", forged(claims, &symmetric, hmac(b""))),
        (
            "ES256 with zeros",
            forged(claims, &json!({ "alg": "ES256", "kid": kid }), |_| vec![0; 64]),
        ),
        (
            "ES256 with another's key in the header",
            forged(
                claims,
                &json!({ "alg": "ES256", "jwk": key, "jku": "https://example.com" }),
                |_| vec![1; 64],
            ),
        ),
        ("60 KiB", "x".repeat(60 * 1024)),
        ("60 KiB of a JWT", format!("{header}.{}.{signature}", "e".repeat(60 * 1024))),
    ];
    let mut problems = Vec::new();
    for (what, token) in tokens {
        let answer = as_whom(&server, &token).await;
        problems.extend(
            answer.differs(401, "Unauthorized").map(|problem| format!("{what}: {problem}")),
        );
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let long = server
        .connect()
        .await
        .request(
            "GET",
            "/version",
            &[&format!("Authorization: Bearer {}", "x".repeat(1024 * 1024))],
            b"",
        )
        .await;
    assert!(long.is_ok_and(|answer| matches!(answer.code, 400 | 401 | 431)), "1 MiB");
    as_whom(&server, &good).await.assert_code("the token itself, after all", 201);
}

#[tokio::test]
async fn a_token_whose_time_is_over_is_refused_though_its_signature_is_good() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { data: Some(directory.path().to_owned()), ..Options::default() };
    let server = Running::start_with(options.clone(), None).await;
    account_token(&server, "old").await;
    let uid = server.get(&format!("{ACCOUNTS}/old")).await.json()["metadata"]["uid"]
        .as_str()
        .unwrap()
        .to_owned();
    let admin = server.token.clone();
    server.shutdown().await;
    let store = Store::open(&directory.path().join(STATE_FILE), store::Options::default()).unwrap();
    let entry: Value =
        serde_json::from_slice(&store.read("server", "", "service-account-key").unwrap().json)
            .unwrap();
    store.close().await;
    drop(store);
    let key = P256Key::from_pkcs8_pem(entry["first"].as_str().unwrap()).unwrap();
    let tokens = ServiceAccountTokens::new(ISSUER, &key).unwrap();
    let spec = TokenSpec {
        namespace: "default".to_owned(),
        service_account: "old".to_owned(),
        uid,
        audiences: Vec::new(),
        seconds: 600,
        bound_object: None,
    };
    let server = Running::start_with(options, Some(&admin)).await;
    let issued = |age: SignedDuration| tokens.issue(&spec, now() - age).unwrap().token;
    as_whom(&server, &issued(SignedDuration::from_mins(5))).await.assert_code("5 minutes old", 201);
    as_whom(&server, &issued(SignedDuration::from_mins(12))).await.assert_failure(
        "12 minutes old",
        401,
        "Unauthorized",
    );
    as_whom(&server, &issued(SignedDuration::from_mins(-5))).await.assert_failure(
        "of the future",
        401,
        "Unauthorized",
    );
    let audience = TokenSpec { audiences: vec!["vault".to_owned()], ..spec.clone() };
    let token = tokens.issue(&audience, now()).unwrap().token;
    as_whom(&server, &token).await.assert_failure("for somebody else", 401, "Unauthorized");
}

/// What comes of a request for a token of so many seconds: warning, `spec.expirationSeconds`, lifetime.
async fn lifetime(server: &Running, seconds: i64) -> (Option<String>, Value, i64) {
    let request = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "expirationSeconds": seconds },
    });
    let answer = server.json("POST", &format!("{ACCOUNTS}/lasting/token"), &request).await;
    answer.assert_code("token", 201);
    let (warning, answer) = (answer.header("warning").map(str::to_owned), answer.json());
    let claims = answer["status"]["token"].as_str().unwrap().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&BASE64.decode(claims).unwrap()).unwrap();
    let lifetime = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    (warning, answer["spec"]["expirationSeconds"].clone(), lifetime)
}

#[tokio::test]
async fn a_token_lives_no_longer_than_the_server_lets_it_and_a_warning_says_so() {
    let shortened = |asked: i64, given: i64| {
        let words = format!("requested expiration of {asked} seconds shortened to {given} seconds");
        (Some(format!("299 - \"{words}\"")), json!(given), given)
    };
    let server = Running::start().await;
    account_token(&server, "lasting").await;
    assert_eq!(lifetime(&server, 1 << 32).await, shortened(1 << 32, 2_592_000));
    assert_eq!(lifetime(&server, 2_592_001).await, shortened(2_592_001, 2_592_000));
    assert_eq!(lifetime(&server, 2_592_000).await, (None, json!(2_592_000), 2_592_000));
    let options = Options { longest_token: Duration::from_hours(2), ..Options::default() };
    let server = Running::start_with(options, None).await;
    account_token(&server, "lasting").await;
    assert_eq!(lifetime(&server, 7200).await, (None, json!(7200), 7200));
    assert_eq!(lifetime(&server, 7201).await, shortened(7201, 7200));
}

#[tokio::test]
async fn the_token_of_a_deleted_account_is_refused_after_at_most_eleven_seconds() {
    let server = Running::start().await;
    let token = account_token(&server, "gone").await;
    as_whom(&server, &token).await.assert_code("while the account is there", 201);
    server
        .request("DELETE", &format!("{ACCOUNTS}/gone"), &[], b"")
        .await
        .assert_code("delete", 200);
    let start = Instant::now();
    let refused = async || {
        let code = as_whom(&server, &token).await.code;
        anyhow::ensure!(code == 401, "{code}");
        Ok(())
    };
    wait::until("the token is refused", Duration::from_secs(11), refused).await.unwrap();
    println!("refused {:?} after the deletion", start.elapsed());
    // An account of the same name is another one.
    let account =
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "gone" } });
    server.json("POST", ACCOUNTS, &account).await.assert_code("again", 201);
    as_whom(&server, &token).await.assert_failure("the old token", 401, "Unauthorized");
}

#[tokio::test]
async fn a_client_certificate_of_another_authority_ends_the_handshake() {
    let server = Running::start().await;
    let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
    parameters.distinguished_name.push(rcgen::DnType::OrganizationName, "system:masters");
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "admin");
    parameters.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let identity = (
        CertificateDer::from(certificate.der().to_vec()),
        PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
    );
    let config = client_config(&server.ca_pem, &[b"http/1.1"], Some(identity));
    // With TLS 1.3 a client learns it with its first read.
    let Ok(stream) = server.tls(config.into()).await else { return };
    let mut connection = crate::harness::Connection::new(stream, "");
    let answer = connection.request("GET", "/version", &["Authorization: Basic eDp4"], b"").await;
    assert!(answer.is_err(), "{}", answer.unwrap());
}
