//! Child processes that never outlive their test.

use std::ffi::OsStr;
use std::fmt;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::sync::watch;

use crate::wait;

/// Where one of our programs is told to crash: `NAME` or `NAME:N`.
pub const CRASH_VARIABLE: &str = "MESHROOT_CRASH_AT";

/// Where one of our programs is told to halt each time that it comes there: `NAME`.
pub const STOP_VARIABLE: &str = "MESHROOT_STOP_AT";

/// How many bytes of a log an error shows.
const TAIL: usize = 4096;

/// How long a process may take to end after SIGTERM, unless the caller says otherwise.
pub const GRACE: Duration = Duration::from_secs(5);

/// A running child process: its output goes to a log file, and it ends when this is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    exit: Arc<Exit>,
    pid: Pid,
    grace: Duration,
}

/// Why a server did not become ready.
#[derive(Debug)]
pub enum Failure {
    /// Another process took the port in the meantime: try again with another port.
    PortTaken,
    /// Anything else.
    Other(anyhow::Error),
}

/// A command for `program` that the kernel kills when this process dies.
///
/// That needs `setpriv` of util-linux; without it the command is a plain one.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    match setpriv() {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

impl Process {
    /// Starts `command`, made with [`command()`], and sends all its output to the file `log`.
    pub fn spawn(name: &str, mut command: Command, log: PathBuf) -> Result<Self> {
        let output = OpenOptions::new().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("cannot write the log {}", log.display()))?;
        command.stdin(Stdio::null()).stderr(output.try_clone()?).stdout(output);
        let exit = Arc::new(Exit::default());
        let pid = spawn_and_reap(command, Arc::clone(&exit))
            .with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name: name.to_owned(), log, exit, pid, grace: GRACE })
    }

    /// Sets how long the process may take to end after SIGTERM; zero kills it at once.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// How it ended, or `None` while it runs.
    pub fn exit_status(&self) -> Option<ExitStatus> {
        *self.exit.lock()
    }

    /// All that it has written so far.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until it has written `text`, or fails with the end of the log.
    pub async fn wait_for_log(&self, text: &str, limit: Duration) -> Result<()> {
        let what = format!("{} writes {text:?}", self.name);
        wait::until(&what, limit, async || {
            if self.log().contains(text) {
                return Ok(());
            }
            bail!(self.evidence())
        })
        .await
    }

    /// Waits until it has written `count` more lines that each have all of these words.
    pub async fn wait_for_lines(&self, words: &[&str], count: usize) -> Result<()> {
        let lines = || {
            let log = self.log();
            let has_all = |line: &&str| words.iter().all(|word| line.contains(word));
            log.lines().filter(has_all).count()
        };
        let (before, what) = (lines(), format!("{} writes {count} lines of {words:?}", self.name));
        wait::until(&what, wait::LIMIT, async || {
            let seen = lines() - before;
            ensure!(seen >= count, "{seen} so far; {}", self.evidence());
            Ok(())
        })
        .await
    }

    /// Waits until it has ended by itself.
    pub async fn wait(&self, limit: Duration) -> Result<ExitStatus> {
        match tokio::time::timeout(limit, self.ended()).await {
            Ok(status) => status,
            Err(_) => bail!("{} still runs after {limit:?}; {}", self.name, self.evidence()),
        }
    }

    /// Waits until `probe` succeeds. Gives up at once when the process ends.
    pub async fn ready<T, F>(&self, limit: Duration, mut probe: F) -> Result<T, Failure>
    where
        F: AsyncFnMut() -> Result<T>,
    {
        let what = format!("{} becomes ready", self.name);
        let until_ready = wait::until(&what, limit, &mut probe);
        let outcome = tokio::select! {
            outcome = until_ready => outcome,
            _ = self.ended() => Err(anyhow!("{} ended before it was ready", self.name)),
        };
        match outcome {
            // Somebody else's server may have answered on a port that was lost to it.
            Ok(value) if self.exit_status().is_none() => Ok(value),
            Ok(_) => Err(self.failure(anyhow!("{} ended", self.name))),
            Err(error) => Err(self.failure(error)),
        }
    }

    /// Sends a signal, for example `Signal::STOP` to make it hang and `Signal::CONT` to let it go on.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        if self.exit_status().is_some() {
            bail!("{} has ended already", self.name);
        }
        kill_process(self.pid, signal).with_context(|| format!("cannot signal {}", self.name))
    }

    /// Has it go on where it is halted.
    pub fn go_on(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Whether a signal halted it, and none has had it go on yet.
    pub fn is_halted(&self) -> bool {
        // proc_pid_stat(5): the state is behind the name, which is in brackets and may have any character.
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()));
        let stat = stat.unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, fields)| fields.trim_start().starts_with('T'))
    }

    /// Ends it with SIGTERM, or with SIGKILL after the grace period. Returns when it is gone.
    pub fn stop(&self) {
        if !self.grace.is_zero() && self.signal(Signal::TERM).is_ok() {
            self.exit.wait(self.grace);
        }
        self.kill_hard();
    }

    /// Ends it with SIGKILL, as a crash of the machine would. Returns when it is gone.
    pub fn kill_hard(&self) {
        if self.signal(Signal::KILL).is_ok() {
            self.exit.wait(GRACE);
        }
    }

    /// The end of the log and, where it has ended, how: for error messages.
    pub fn evidence(&self) -> String {
        let state = match self.exit_status() {
            Some(status) => format!("{} ended ({status})", self.name),
            None => format!("{} (pid {}) runs", self.name, self.pid()),
        };
        format!("{state}; the end of its log:\n{}", tail(&self.log()))
    }

    async fn ended(&self) -> Result<ExitStatus> {
        let mut ended = self.exit.ended.subscribe();
        let status = *ended.wait_for(Option::is_some).await?;
        status.context("ended without a status")
    }

    fn failure(&self, error: anyhow::Error) -> Failure {
        // Go writes it so, Rust begins with a capital letter.
        let lost = self.exit_status().is_some()
            && self.log().to_lowercase().contains("address already in use");
        if lost {
            return Failure::PortTaken;
        }
        Failure::Other(error.context(self.evidence()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortTaken => formatter.write_str("the port was taken by another process"),
            Self::Other(error) => write!(formatter, "{error:#}"),
        }
    }
}

impl std::error::Error for Failure {}

/// Starts a server, again with other ports as long as another process takes them.
pub async fn with_free_ports<T, F>(mut start: F) -> Result<T>
where
    F: AsyncFnMut() -> Result<T, Failure>,
{
    const ATTEMPTS: usize = 5;
    for _ in 0..ATTEMPTS {
        match start().await {
            Ok(server) => return Ok(server),
            Err(Failure::PortTaken) => {}
            Err(Failure::Other(error)) => return Err(error),
        }
    }
    bail!("each of {ATTEMPTS} free ports was taken by another process before the server had it")
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

#[derive(Debug, Default)]
struct Exit {
    status: Mutex<Option<ExitStatus>>,
    changed: Condvar,
    ended: watch::Sender<Option<ExitStatus>>,
}

impl Exit {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<ExitStatus>> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, status: ExitStatus) {
        *self.lock() = Some(status);
        self.changed.notify_all();
        self.ended.send_replace(Some(status));
    }

    fn wait(&self, limit: Duration) {
        let runs = |status: &mut Option<ExitStatus>| status.is_none();
        // Past the limit the caller goes on to the next, harder signal.
        let _ = self.changed.wait_timeout_while(self.lock(), limit, runs);
    }
}

/// The thread that starts the child also waits for it: PR_SET_PDEATHSIG (prctl(2)) fires when the
/// *thread* that started the child ends, and a test's own thread ends long before the process.
fn spawn_and_reap(mut command: Command, exit: Arc<Exit>) -> Result<Pid> {
    let (sender, started) = mpsc::channel();
    std::thread::Builder::new().name("child".to_owned()).spawn(move || match command.spawn() {
        Ok(mut child) => {
            let _ = sender.send(Ok(child.id()));
            if let Ok(status) = child.wait() {
                exit.record(status);
            }
        }
        Err(error) => {
            let _ = sender.send(Err(error));
        }
    })?;
    let id = started.recv()??;
    Pid::from_raw(i32::try_from(id)?).context("the kernel gave process id 0")
}

fn setpriv() -> Option<PathBuf> {
    ["/usr/bin/setpriv", "/bin/setpriv"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| Path::is_file(path))
}

fn tail(log: &str) -> &str {
    let start = log.len().saturating_sub(TAIL);
    let start = (start..log.len()).find(|index| log.is_char_boundary(*index));
    &log[start.unwrap_or(0)..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directory;

    fn shell(directory: &Directory, script: &str) -> Process {
        let mut command = command("/bin/sh");
        command.args(["-c", script]);
        Process::spawn("shell", command, directory.join("log")).unwrap()
    }

    #[tokio::test]
    async fn a_process_that_ignores_sigterm_is_killed_after_its_grace() {
        let directory = Directory::create("process").unwrap();
        let process = shell(&directory, "trap '' TERM; echo up; exec sleep 600")
            .with_grace(Duration::from_millis(50));
        process.wait_for_log("up", wait::LIMIT).await.unwrap();
        process.stop();
        let status = process.exit_status().unwrap();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
    }

    #[tokio::test]
    async fn a_dropped_process_is_gone() {
        let directory = Directory::create("process").unwrap();
        let process = shell(&directory, "exec sleep 600");
        let pid = process.pid;
        drop(process);
        assert_eq!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH));
    }

    #[tokio::test]
    async fn a_process_that_ends_before_it_is_ready_fails_with_its_log() {
        let directory = Directory::create("process").unwrap();
        let process = shell(&directory, "echo 'no such flag'; exit 3");
        let probe = async || -> Result<()> { bail!("closed") };
        let failure = process.ready(wait::LIMIT, probe).await.unwrap_err();
        let text = failure.to_string();
        assert!(text.contains("exit status: 3") && text.contains("no such flag"), "{text}");
    }

    #[tokio::test]
    async fn a_lost_port_is_told_from_other_failures() {
        let directory = Directory::create("process").unwrap();
        for text in [
            "bind: address already in use",
            "listening failed: Address already in use (os error 98)",
        ] {
            let process = shell(&directory, &format!("echo '{text}'; exit 1"));
            let probe = async || -> Result<()> { bail!("closed") };
            let failure = process.ready(wait::LIMIT, probe).await.unwrap_err();
            assert!(matches!(failure, Failure::PortTaken), "{failure}");
        }
    }

    #[tokio::test]
    async fn a_process_outlives_the_thread_that_asked_for_it() {
        let directory = Directory::create("process").unwrap();
        let script = "echo up; exec sleep 600";
        let process = std::thread::scope(|scope| {
            let thread = scope.spawn(|| shell(&directory, script));
            thread.join().unwrap()
        });
        process.wait_for_log("up", wait::LIMIT).await.unwrap();
        assert_eq!(process.exit_status(), None);
    }

    #[test]
    fn the_tail_of_a_long_log_starts_at_a_whole_character() {
        let log = "é".repeat(TAIL);
        assert_eq!(tail(&log).len(), TAIL);
        assert_eq!(tail(&format!("a{log}")).len(), TAIL);
        assert_eq!(tail("short"), "short");
    }
}
