//! The demo's flow on real Kubernetes API servers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::error::Error;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::ListParams;
use meshroot_api::policy::{ApprovalMode, KeyAlgorithm};
use meshroot_demo::clusters::RunningApi;
use meshroot_demo::handshake::Handshake;
use meshroot_demo::home::Home;
use meshroot_demo::screen::Screen;
use meshroot_demo::{DemoError, Join, Options, Report};
use meshroot_runtime::process::shutdown::Shutdown;
use meshroot_testkit::{ApiServer, api_server, wait};

/// A screen on which every line that is settled stays.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<String>>);

impl Screen for Paper {
    fn is_live(&self) -> bool {
        false
    }

    fn changing(&mut self, _lines: Vec<String>) -> io::Result<()> {
        Ok(())
    }

    fn settle(&mut self, lines: &[String]) -> io::Result<()> {
        let mut text = self.0.lock().unwrap();
        for line in lines {
            text.extend([line, "\n"]);
        }
        Ok(())
    }

    fn ask(&mut self, lines: &[String]) -> io::Result<()> {
        self.settle(lines)
    }

    fn established(&mut self, report: &Report, kubeconfig: Option<&str>) -> io::Result<()> {
        let document = report.document(kubeconfig).to_string();
        self.settle(&["trust established".to_owned(), document])
    }
}

impl Paper {
    fn text(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    /// What programs are told.
    fn document(&self) -> serde_json::Value {
        let text = self.text();
        let line = text.lines().find(|line| line.starts_with('{')).unwrap();
        serde_json::from_str(line).unwrap()
    }
}

/// The command itself, in another process, as people do it.
struct Program;

#[async_trait::async_trait(?Send)]
impl Join for Program {
    async fn join(
        &self,
        kubeconfig: &Path,
        cluster: &str,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_meshroot"));
        command.args(["cluster", "join", cluster, "--hub-context", "hub", "--context", cluster]);
        let answer = command.arg("--kubeconfig").arg(kubeconfig).output().await?;
        let problem = String::from_utf8_lossy(&answer.stderr).into_owned();
        if answer.status.success() { Ok(()) } else { Err(problem.into()) }
    }
}

/// API servers for one demo.
struct Servers(Vec<ApiServer>);

impl Servers {
    async fn start() -> Self {
        let mut servers = Vec::new();
        for name in ["hub", "east", "west"] {
            servers.push(api_server::cluster(name).await.unwrap());
        }
        Self(servers)
    }

    fn apis(&self) -> Vec<RunningApi> {
        let api = |server: &ApiServer| RunningApi {
            name: server.name().to_owned(),
            url: server.url(),
            ca_pem: server.ca_pem().to_owned(),
            admin_token: server.admin_token().to_owned(),
        };
        self.0.iter().map(api).collect()
    }

    /// Who holds which Lease of the hub's API.
    async fn holders(&self) -> Vec<String> {
        let leases: Api<Lease> = Api::all(self.0[0].admin_client().await.unwrap());
        let all = leases.list(&ListParams::default()).await.unwrap();
        let ours = all
            .items
            .into_iter()
            .filter(|lease| lease.metadata.name.as_deref().unwrap().starts_with("meshroot-"));
        ours.filter_map(|lease| lease.spec?.holder_identity)
            .filter(|holder| !holder.is_empty())
            .collect()
    }
}

fn options() -> Options {
    Options {
        approval: None,
        root_key: Some(KeyAlgorithm::EcdsaP256),
        rotate: false,
        once: true,
        limit: Duration::from_mins(2),
        began: Instant::now(),
        kept: true,
    }
}

async fn run(
    apis: &[RunningApi],
    home: &Home,
    options: &Options,
) -> (Result<Report, DemoError>, Paper) {
    let mut paper = Paper::default();
    let shutdown = Shutdown::manual();
    let outcome = meshroot_demo::run(apis, options, home, &Program, &mut paper, &shutdown).await;
    println!("{}", paper.text());
    (outcome, paper)
}

fn texts(report: &Report) -> Vec<String> {
    report.handshakes.iter().map(Handshake::text).collect()
}

const HANDSHAKES: [&str; 3] =
    ["east → west ok", "west → east ok", "stranger → east refused (unknown authority)"];

#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_trust_each_other_and_a_second_run_goes_on_from_the_first() {
    let servers = Servers::start().await;
    let (apis, directory) = (servers.apis(), tempfile::tempdir().unwrap());
    let home = Home::open(Some(directory.path())).unwrap();
    let (outcome, paper) = run(&apis, &home, &Options { root_key: None, ..options() }).await;
    let (first, text) = (outcome.unwrap(), paper.text());
    assert_eq!(texts(&first), HANDSHAKES);
    assert!(
        text.contains("key made in east → approved by policy → issued → installed → loaded"),
        "{text}"
    );
    assert!(text.contains("RSA-4096 root made"), "{text}");
    assert_eq!(servers.holders().await, [""; 0]);

    let (outcome, paper) = run(&apis, &home, &options()).await;
    let second = outcome.unwrap();
    assert_eq!(texts(&second), HANDSHAKES);
    assert_eq!(second.trust[0].root, first.trust[0].root);
    let document = paper.document();
    assert_eq!(document["established"], true);
    assert_eq!(document["trust"][0]["loaded"], "confirmed");
    assert_eq!(document["handshakes"][2]["refused"], "unknown authority");
    assert_eq!(document["kubeconfig"], directory.path().join("kubeconfig").to_str().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_is_replaced_under_handshakes_and_nobody_is_refused() {
    let servers = Servers::start().await;
    let (apis, directory) = (servers.apis(), tempfile::tempdir().unwrap());
    let home = Home::open(Some(directory.path())).unwrap();
    let (outcome, paper) = run(&apis, &home, &Options { rotate: true, ..options() }).await;
    let rotation = outcome.unwrap().rotation.unwrap();
    assert_eq!(rotation.refused, [""; 0]);
    assert!(rotation.handshakes > 500, "{} handshakes", rotation.handshakes);
    assert!(paper.text().contains("root replaced"), "{}", paper.text());
    assert_eq!(servers.holders().await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_third_party_is_waited_for_and_approves_with_the_command_that_is_printed() {
    let servers = Servers::start().await;
    let (apis, directory) = (servers.apis(), tempfile::tempdir().unwrap());
    let home = Home::open(Some(directory.path())).unwrap();
    let paper = Paper::default();
    let mut screen = paper.clone();
    let options = Options { approval: Some(ApprovalMode::ThirdParty), once: false, ..options() };
    let shutdown = Shutdown::manual();
    let person = async {
        let asked = async || {
            command(&paper.text(), " approve ").ok_or_else(|| anyhow::anyhow!("not asked yet"))
        };
        let words =
            wait::until("the command to approve", Duration::from_mins(1), asked).await.unwrap();
        assert!(!paper.text().contains("issued"), "{}", paper.text());
        approve(&directory.path().join("kubeconfig"), &words);
        let done = async || {
            let text = paper.text();
            anyhow::ensure!(
                text.contains("trust established") && text.contains("Ctrl-C"),
                "{text}"
            );
            Ok(())
        };
        wait::until("trust", Duration::from_mins(1), done).await.unwrap();
        shutdown.trigger();
    };
    let demo = meshroot_demo::run(&apis, &options, &home, &Program, &mut screen, &shutdown);
    let (outcome, ()) = tokio::join!(demo, person);
    let text = paper.text();
    println!("{text}");
    outcome.unwrap();
    assert!(
        text.contains("key made in west → approved by a third party → issued → installed → loaded"),
        "{text}"
    );
    assert_eq!(servers.holders().await, [""; 0]);
}

/// The words of the printed command that contains `part`.
fn command(text: &str, part: &str) -> Option<Vec<String>> {
    let line = text.lines().find(|line| line.contains(part))?;
    Some(line.split_whitespace().skip(1).map(str::to_owned).collect())
}

/// In another process, as people do it.
fn approve(kubeconfig: &Path, words: &[String]) {
    let answer = Command::new(env!("CARGO_BIN_EXE_meshroot"))
        .args(words)
        .env("KUBECONFIG", kubeconfig)
        .output()
        .unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_happen_in_time_is_named_and_nothing_goes_on() {
    let servers = Servers::start().await;
    let home = Home::open(None).unwrap();
    let options = Options {
        approval: Some(ApprovalMode::ThirdParty),
        limit: Duration::from_secs(20),
        ..options()
    };
    let (outcome, _) = run(&servers.apis(), &home, &options).await;
    let error = outcome.unwrap_err();
    assert!(
        error.to_string().starts_with("trust was not established within 20 s: istio-istio-system-east.demo.1 waits for a decision"),
        "{error}"
    );
    let see = error.see().unwrap();
    assert!(see.starts_with("TrustPolicy meshroot-system/demo: "), "{see}");
    assert_eq!(servers.holders().await, [""; 0]);
}

/// The program itself, on its embedded API servers.
mod program {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Child, Stdio};

    use rustix::process::{Pid, Signal, kill_process};

    use super::*;

    /// With a directory of its own for what is temporary.
    fn demo(temporary: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meshroot"));
        command
            .arg("demo")
            .args(words)
            .env("TMPDIR", temporary)
            .env_remove("KUBECONFIG")
            .env_remove("MESHROOT_LOG");
        command
    }

    fn is_empty(directory: &Path) -> bool {
        std::fs::read_dir(directory).unwrap().next().is_none()
    }

    #[test]
    fn once_it_answers_with_one_document_and_leaves_nothing_behind() {
        let temporary = tempfile::tempdir().unwrap();
        let answer =
            demo(temporary.path(), &["--once", "-o", "json", "--clusters", "3"]).output().unwrap();
        let said = String::from_utf8_lossy(&answer.stderr);
        assert!(answer.status.success(), "{said}");
        let document: serde_json::Value = serde_json::from_slice(&answer.stdout).unwrap();
        assert_eq!(document["established"], true);
        assert_eq!(document["trust"].as_array().unwrap().len(), 3);
        let handshakes = document["handshakes"].as_array().unwrap();
        assert_eq!(handshakes.iter().filter(|one| one["ok"] == true).count(), 6);
        assert_eq!(handshakes.last().unwrap()["refused"], "unknown authority");
        assert_eq!(said, "");
        assert!(is_empty(temporary.path()));
    }

    #[test]
    fn what_is_kept_is_gone_on_from() {
        let (temporary, kept) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let words = [
            "--once",
            "-o",
            "json",
            "--root-key",
            "ECDSA-P256",
            "--keep",
            kept.path().to_str().unwrap(),
        ];
        let roots: Vec<String> = (0..2)
            .map(|_| {
                let answer = demo(temporary.path(), &words).output().unwrap();
                assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
                let document: serde_json::Value = serde_json::from_slice(&answer.stdout).unwrap();
                document["trust"][0]["rootSha256"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(roots[0], roots[1]);
    }

    #[test]
    fn a_signal_ends_it_and_leaves_nothing_behind() {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            let temporary = tempfile::tempdir().unwrap();
            let mut child = demo(temporary.path(), &[]).stdout(Stdio::piped()).spawn().unwrap();
            let (address, lines) = until_it_stays(&mut child);
            std::net::TcpStream::connect(&address).unwrap();
            kill_process(Pid::from_child(&child), signal).unwrap();
            let last = lines.last().unwrap();
            assert!(last.contains("nothing is left behind"), "{last}");
            assert!(child.wait().unwrap().success());
            assert!(is_empty(temporary.path()));
            std::net::TcpStream::connect(&address).unwrap_err();
        }
    }

    /// The hub's address, and the lines that are still to come.
    fn until_it_stays(child: &mut Child) -> (String, impl Iterator<Item = String> + use<>) {
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let first = lines.next().unwrap();
        let address = first
            .split_whitespace()
            .find(|word| word.starts_with("127.0.0.1:"))
            .unwrap()
            .to_owned();
        lines.by_ref().find(|line| line.contains("Ctrl-C ends it")).unwrap();
        (address, lines)
    }
}
