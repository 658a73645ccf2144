//! What concerns a whole process: crash points, signals, log lines. Each test starts itself anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

use meshroot_runtime::process::telemetry::{LogFormat, init};
use meshroot_runtime::process::{crash, shutdown::Shutdown};

/// Set in the processes that the tests start.
const PART: &str = "MESHROOT_TEST_PART";

fn again(test: &str, part: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(PART, part);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn part() -> Option<String> {
    std::env::var(PART).ok()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn an_armed_crash_point_ends_the_process_at_that_passage() {
    if part().is_some() {
        for passage in 1..=3 {
            eprintln!("before passage {passage}");
            crash::point("other");
            crash::point("sign");
        }
        eprintln!("the end");
        return;
    }
    let run = |armed: Option<&str>| {
        let mut command = again("an_armed_crash_point_ends_the_process_at_that_passage", "crash");
        command.env_remove(crash::VARIABLE);
        armed.map(|armed| command.env(crash::VARIABLE, armed));
        command.output().unwrap()
    };
    let crashed = run(Some("sign:2"));
    assert_eq!(crashed.status.signal(), Some(6), "{}", text(&crashed));
    assert!(text(&crashed).contains("crash point sign reached"), "{}", text(&crashed));
    assert!(
        text(&crashed).contains("before passage 2") && !text(&crashed).contains("before passage 3")
    );
    let whole = run(None);
    assert!(whole.status.success() && text(&whole).contains("the end"), "{}", text(&whole));
}

#[test]
fn audit_lines_pass_every_filter_and_bodies_pass_none() {
    if part().is_some() {
        init(LogFormat::Json, Some("off,kube_client=trace")).unwrap();
        tracing::info!(target: "audit", serial = "01", "issued");
        tracing::debug!(target: "audit", "a detail");
        tracing::error!("filtered");
        tracing::warn!(target: "kube_client::client", "the body of a Secret");
        tracing::trace!(target: "kube_client::client::builder", "a request");
        assert!(init(LogFormat::Text, None).is_err());
        return;
    }
    let output =
        again("audit_lines_pass_every_filter_and_bodies_pass_none", "log").output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let lines: Vec<serde_json::Value> =
        text(&output).lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let messages: Vec<_> = lines.iter().map(|line| line["message"].as_str().unwrap()).collect();
    assert_eq!(messages, ["issued", "a request"]);
    assert_eq!(lines[0]["serial"], "01");
}

#[test]
fn a_signal_triggers_the_shutdown() {
    if part().is_some() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let shutdown = Shutdown::on_signals().unwrap();
            let own = std::process::id().to_string();
            assert!(Command::new("kill").args(["-TERM", &own]).status().unwrap().success());
            shutdown.wait().await;
        });
        return;
    }
    let output = again("a_signal_triggers_the_shutdown", "signal").output().unwrap();
    assert!(output.status.success(), "{:?} {}", output.status, text(&output));
}
