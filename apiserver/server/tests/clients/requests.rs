//! Request lines and headers that no good client sends.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::harness::{Bystander, CONFIG_MAPS, Running, config_map};

const NAMESPACE: &str = "/api/v1/namespaces/default";

#[tokio::test]
async fn unknown_methods_are_not_allowed() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    for method in ["BREW", "PROPFIND", "OPTIONS", "TRACE", "LOCK", "get"] {
        for target in [NAMESPACE, CONFIG_MAPS] {
            let answer = connection.request(method, target, &[], b"").await.unwrap();
            answer.assert_failure(&format!("{method} {target}"), 405, "MethodNotAllowed");
        }
    }
    for method in ["BREW", "POST", "DELETE"] {
        let answer = connection.request(method, "/version", &[], b"").await.unwrap();
        assert!((400..500).contains(&answer.code), "{method} /version: {answer}");
    }
    connection.get(NAMESPACE).await.assert_code("the connection goes on", 200);
}

/// `%2F` is part of a name, never a separator: what is authorized is what is served.
#[tokio::test]
async fn absurd_paths_lead_nowhere() {
    let server = Running::start().await;
    let bystander = Bystander::begin(&server).await;
    let mut connection = server.connect().await;
    let long = format!("{CONFIG_MAPS}/{}", "x".repeat(30_000));
    let deep = format!("/api/v1/{}", "a/".repeat(15_000));
    let targets = [
        "/../../etc/passwd",
        "/api/../../../etc/passwd",
        "/api/v1/namespaces/../namespaces/default/x",
        "/api/v1/namespaces/default%2Fconfigmaps",
        "/api/v1/namespaces/default%2F..%2Fkube-system/configmaps/a",
        "/api/v1/namespaces/default/configmaps/..%2F..%2Fkube-system",
        "/api/v1/namespaces/default/configmaps/a%00b",
        "/api/v1/namespaces/default/configmaps/%ff%fe",
        "/api/v1/namespaces/default/configmaps/%",
        "/api/v1/namespaces/default/configmaps/%zz",
        "/api/v1/namespaces/default/configmaps/a/status/more",
        "/api/v1/namespaces/default/nothings",
        "/apis/example.com/v1/nothings",
        "/apis//v1/configmaps/x",
        "/nothing",
        "/api/v1/namespaces/default/configmaps/a;b",
        &long,
        &deep,
    ];
    let mut problems = Vec::new();
    for target in targets {
        let answer = connection.get(target).await;
        if !matches!(answer.code, 400 | 404) {
            problems.push(format!("{}: {answer}", &target[..target.len().min(80)]));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    for target in ["//", "/%2e%2e", "/./api/v1", "//api//v1//namespaces//default", "*"] {
        let answer = connection.get(target).await;
        assert!(answer.code < 500, "{target}: {answer}");
    }
    bystander.assert_unharmed("absurd paths").await;
}

#[tokio::test]
async fn an_encoded_slash_gives_no_way_around_the_roles() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    let nobody = "Impersonate-User: nobody";
    for target in [
        "/healthz%2F..%2Fapi%2Fv1%2Fsecrets",
        "/healthz/../api/v1/secrets",
        "//api/v1/secrets",
        "/api//v1/secrets",
        "/%61pi/v1/secrets",
        "/api/v1/%73ecrets",
        "/version/../api/v1/namespaces/default/secrets",
        "/api/v1/namespaces/default/secrets/",
        "/openapi/v3/../../api/v1/secrets",
    ] {
        let answer = connection.request("GET", target, &[nobody], b"").await.unwrap();
        assert!(matches!(answer.code, 403 | 404), "{target}: {answer}");
    }
}

#[tokio::test]
async fn requests_that_are_too_long_are_refused_and_the_next_client_is_served() {
    let server = Running::start().await;
    let uri = format!("{CONFIG_MAPS}?a={}", "x".repeat(70 * 1024));
    let long = format!("X-Long: {}", "x".repeat(1024 * 1024));
    let many: Vec<String> = (0..10_000).map(|number| format!("X-{number}: a")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (what, target, headers) in [
        ("URI", uri.as_str(), &[][..]),
        ("header", NAMESPACE, &[long.as_str()]),
        ("10,000 headers", NAMESPACE, &many),
    ] {
        let mut connection = server.connect().await;
        match connection.request("GET", target, headers, b"").await {
            Ok(answer) => assert!(matches!(answer.code, 400 | 414 | 431), "{what}: {answer}"),
            Err(error) => panic!("{what}: {error}"),
        }
        server.get(NAMESPACE).await.assert_code("afterwards", 200);
    }
}

#[tokio::test]
async fn a_thousand_parameters_are_read_and_bad_ones_refused() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    let query: Vec<String> = (0..1000).map(|number| format!("p{number}={number}")).collect();
    connection
        .get(&format!("{CONFIG_MAPS}?{}", query.join("&")))
        .await
        .assert_code("1,000 parameters", 200);
    let requirements = vec!["a%3Db"; 3000].join(",");
    let answer = connection.get(&format!("{CONFIG_MAPS}?labelSelector={requirements}")).await;
    assert!(matches!(answer.code, 200 | 400), "3,000 requirements: {answer}");
    for query in [
        "limit=x",
        "limit=99999999999999999999999",
        "resourceVersion=x",
        "resourceVersion=-1",
        "continue=!",
        "continue=AAAA",
        "continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0IjoieCJ9",
        "labelSelector=((",
        "labelSelector=a%20in%20(",
        "fieldSelector=spec.nothing%3Da",
        "fieldSelector=%00",
        "timeoutSeconds=x",
    ] {
        let answer = connection.get(&format!("{CONFIG_MAPS}?{query}")).await;
        assert!(
            (400..500).contains(&answer.code) && answer.json()["kind"] == "Status",
            "{query}: {answer}"
        );
    }
    connection
        .get(&format!("{CONFIG_MAPS}?limit=-1"))
        .await
        .assert_code("limit=-1 is answered", 200);
}

/// What the server says to these bytes until it closes the connection, or has nothing more to say.
async fn raw(server: &Running, bytes: &[u8]) -> String {
    let mut connection = server.connect().await;
    let _ = connection.send(bytes).await;
    let mut answer = Vec::new();
    let _ =
        tokio::time::timeout(Duration::from_secs(2), connection.stream.read_to_end(&mut answer))
            .await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let server = Running::start().await;
    let request =
        format!("GET {NAMESPACE} HTTP/1.0\r\nAuthorization: Bearer {}\r\n\r\n", server.token);
    let answer = raw(&server, request.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.0 200") && !answer.to_lowercase().contains("transfer-encoding"),
        "{answer}"
    );
    let request =
        format!("GET {CONFIG_MAPS} HTTP/1.0\r\nAuthorization: Bearer {}\r\n\r\n", server.token);
    let answer = raw(&server, request.as_bytes()).await;
    assert!(
        answer.contains("ConfigMapList") && !answer.to_lowercase().contains("transfer-encoding"),
        "{answer}"
    );
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Running::start().await;
    let mut connection = server.connect().await;
    let names: Vec<String> = (0..200).map(|number| format!("n{number}")).collect();
    let requests: String = names
        .iter()
        .map(|name| connection.head("GET", &format!("{CONFIG_MAPS}/{name}"), &[]))
        .collect();
    connection.send(requests).await.unwrap();
    for name in &names {
        let answer = connection.answer().await.unwrap();
        answer.assert_failure(name, 404, "NotFound");
        assert_eq!(answer.json()["details"]["name"], json!(name));
    }
}

#[tokio::test]
async fn strange_hosts_and_ambiguous_lengths_harm_nobody() {
    let server = Running::start().await;
    let authorization = format!("Authorization: Bearer {}\r\n", server.token);
    let hosts = [
        "",
        "Host: \r\n",
        "Host: a b\r\n",
        "Host: \u{0}\r\n",
        "Host: evil.example\r\nHost: other.example\r\n",
    ];
    let answers = hosts.map(|host| {
        let request =
            format!("GET {NAMESPACE} HTTP/1.1\r\n{host}{authorization}Connection: close\r\n\r\n");
        let server = &server;
        async move { (host, raw(server, request.as_bytes()).await) }
    });
    for (host, answer) in futures::future::join_all(answers).await {
        assert!(
            answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 4"),
            "{host:?}: {answer}"
        );
    }
    let inner = format!("DELETE {CONFIG_MAPS} HTTP/1.1\r\nHost: localhost\r\n{authorization}\r\n");
    server.json("POST", CONFIG_MAPS, &config_map("kept", "b")).await.assert_code("create", 201);
    let lengths = [
        "Content-Length: 0\r\nContent-Length: 5\r\n".to_owned(),
        "Content-Length: -1\r\n".to_owned(),
        "Content-Length: 99999999999999999999999\r\n".to_owned(),
        "Content-Length: +5\r\n".to_owned(),
        "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        "Transfer-Encoding: xchunked\r\n".to_owned(),
    ];
    let answers = lengths.map(|length| {
        let request = format!(
            "POST {CONFIG_MAPS} HTTP/1.1\r\nHost: localhost\r\n{authorization}{length}\r\n{inner}"
        );
        let server = &server;
        async move { (raw(server, request.as_bytes()).await, length) }
    });
    for (answer, length) in futures::future::join_all(answers).await {
        assert!(
            answer.starts_with("HTTP/1.1 4") && !answer.contains("HTTP/1.1 2"),
            "{length}: {answer}"
        );
    }
    // A chunk that says less than it has, then a request that the client never meant.
    let request = format!(
        "POST {CONFIG_MAPS} HTTP/1.1\r\nHost: localhost\r\n{authorization}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5\r\nxxxxxxxxx\r\n0\r\n\r\n{inner}"
    );
    raw(&server, request.as_bytes()).await;
    server
        .get(&format!("{CONFIG_MAPS}/kept"))
        .await
        .assert_code("the inner request was not run", 200);
}

#[tokio::test]
async fn what_is_not_tls_ends_at_once() {
    let server = Running::start().await;
    let bystander = Bystander::begin(&server).await;
    let record_of_64_kib = [b"\x16\x03\x01\xff\xff".as_slice(), &vec![0; 65_535]].concat();
    for bytes in [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".as_slice(),
        &[0; 1000],
        b"\x16\x03\x01\x00\x05aaaaa",
        &record_of_64_kib,
    ] {
        let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let _ = stream.write_all(bytes).await;
        let mut rest = Vec::new();
        let ended =
            tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the connection is still there after {:?}", &bytes[..4]);
        assert!(rest.len() < 100, "{} bytes were answered", rest.len());
    }
    bystander.assert_unharmed("no TLS").await;
}
