use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

async fn fetch(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn readiness_names_each_condition_and_needs_all_of_them() {
    let telemetry = Telemetry::new("meshroot-hub", "1.2.3");
    let (leader, watches) = (telemetry.readiness("leader"), telemetry.readiness("watches"));
    let shutdown = Shutdown::manual();
    let (address, serving) = telemetry.serve(LOOPBACK, shutdown.clone()).await.unwrap();
    leader.set(true);
    let answer = fetch(address, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert!(answer.ends_with("[+]leader ok\n[-]watches failed\nreadyz check failed\n"), "{answer}");
    telemetry.readiness("watches").set(true);
    let answer = fetch(address, "/readyz").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("[+]leader ok\n[+]watches ok\nreadyz check passed\n"), "{answer}");
    watches.set(false);
    assert!(!telemetry.is_ready());
    shutdown.trigger();
    serving.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err(), "the port is free again");
}

#[tokio::test]
async fn metrics_are_openmetrics_with_the_build_and_the_process() {
    let telemetry = Telemetry::new("meshroot-hub", "1.2.3");
    let issued = prometheus_client::metrics::counter::Counter::<u64>::default();
    telemetry.register(&metrics::CERTIFICATES_ISSUED, issued.clone());
    issued.inc();
    let shutdown = Shutdown::manual();
    let (address, _) = telemetry.serve(LOOPBACK, shutdown.clone()).await.unwrap();
    let answer = fetch(address, "/metrics").await;
    for line in [
        "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n",
        "\nmeshroot_build_info{component=\"meshroot-hub\",version=\"1.2.3\"} 1\n",
        "\nmeshroot_certificates_issued_total 1\n",
        "\nprocess_cpu_seconds_total ",
        "\nprocess_resident_memory_bytes ",
    ] {
        assert!(answer.contains(line), "{line:?} is missing in {answer}");
    }
    assert!(answer.ends_with("# EOF\n"), "{answer}");
    shutdown.trigger();
}

#[tokio::test(start_paused = true)]
async fn a_part_without_a_sign_of_life_makes_the_process_count_as_dead() {
    let telemetry = Telemetry::new("meshroot-hub", "1.2.3");
    let heart = telemetry.heartbeat("rotation", Duration::from_secs(30));
    tokio::time::advance(Duration::from_secs(30)).await;
    assert!(telemetry.checks.alive().passed);
    tokio::time::advance(Duration::from_secs(1)).await;
    let report = telemetry.checks.alive();
    assert!(!report.passed);
    assert_eq!(report.text, "[+]process ok\n[-]rotation failed\nhealthz check failed\n");
    heart.beat();
    assert!(telemetry.checks.alive().passed);
}
