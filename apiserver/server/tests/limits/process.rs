//! The server as a child: this test program again, in another role.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use apiserver::{Options, Server};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{Mutex, MutexGuard};

use crate::harness::Target;
use crate::harness::resident::{self, MIB};

const ROLE: &str = "MESHROOT_TEST_SERVER";
const PREFIX: &str = "listening: ";

/// Not a test: the server of the others, which start it and end its input to end it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the other tests start it"]
async fn serve_until_the_input_ends() {
    if std::env::var_os(ROLE).is_none() {
        return;
    }
    allow_descriptors(6000);
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let server = Server::open(Options::default()).await.unwrap();
    let endpoint = server.listen(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let place = serde_json::json!([
        endpoint.address.to_string(),
        endpoint.ca_pem(),
        server.admin_token().unwrap()
    ]);
    println!("\n{PREFIX}{place}");
    let input = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    input.await.unwrap().unwrap();
    server.shutdown().await;
}

/// Raises this process's limit of open files, or fails: without it the test says nothing.
pub(crate) fn allow_descriptors(count: u64) {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(u64::MAX);
    assert!(
        most >= count,
        "this test needs {count} open files and the hard limit is {most}: raise it (ulimit -Hn)"
    );
    if limit.current.is_some_and(|current| current < count) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(count), maximum: limit.maximum })
            .unwrap();
    }
}

/// A server in a process of its own, one at a time, so that its memory and its speed are its own.
pub(crate) struct Process {
    pub(crate) target: Target,
    child: Child,
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::const_new(());

impl Process {
    pub(crate) async fn start() -> Self {
        let alone = ALONE.lock().await;
        allow_descriptors(6000);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process::serve_until_the_input_ends", "--ignored", "--nocapture"])
            .env(ROLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let place = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix(PREFIX).map(str::to_owned));
        let [address, ca_pem, token]: [String; 3] =
            serde_json::from_str(&place.expect("the server prints where it is")).unwrap();
        Self {
            target: Target::new(address.parse().unwrap(), &ca_pem, &token),
            child,
            _alone: alone,
        }
    }

    /// Bytes of the server that are in memory.
    pub(crate) fn resident(&self) -> usize {
        resident::bytes(&self.child.id().to_string())
    }

    /// The same, at its most, once it has not grown for a second.
    pub(crate) async fn resident_at_rest(&self) -> usize {
        let mut looks = tokio::time::interval(Duration::from_millis(50));
        let (mut most, mut unchanged) = (0, 0);
        while unchanged < 20 {
            looks.tick().await;
            let now = self.resident();
            unchanged = if now > most + MIB { 0 } else { unchanged + 1 };
            most = most.max(now);
        }
        most
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
