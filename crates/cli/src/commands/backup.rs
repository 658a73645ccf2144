//! `meshroot backup`: everything that a hub of `meshroot serve` is, in one file.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use apiserver::SNAPSHOT_PATH;
use apiserver::store::{self, Store};
use http::Request;
use kube::client::Body;

use crate::failure::Failure;
use crate::plain::plain;
use crate::session::Session;
use crate::terminal::Terminal;

/// Where the copy goes.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// File to write; it must not exist
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Fetches a consistent copy of the server's state while it serves, and checks it.
pub(crate) async fn run(
    session: &Session,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let partial = beside(&asked.file, ".partial");
    refuse_existing(&asked.file)?;
    let fetched = fetch(session, &partial).await;
    let summary = fetched.and_then(|()| verify(&partial));
    let summary = summary.inspect_err(|_| drop(std::fs::remove_file(&partial)))?;
    // Linking fails where somebody else has made the file meanwhile; renaming would replace it.
    std::fs::hard_link(&partial, &asked.file)
        .map_err(|error| file_failure("writing", &asked.file, &error))?;
    std::fs::remove_file(&partial).map_err(|error| file_failure("removing", &partial, &error))?;
    terminal.line(format!(
        "backed up {} objects at revision {} to {}: keep it as you keep the root's key",
        summary.objects,
        summary.revision,
        asked.file.display()
    ))
}

async fn fetch(session: &Session, partial: &Path) -> Result<(), Failure> {
    use http_body_util::BodyExt as _;
    let request = Request::get(SNAPSHOT_PATH).body(Body::empty());
    let request = request.map_err(|error| {
        Failure::no(format!("the server could not be asked for a snapshot: {error}"))
    })?;
    let doing = "fetch a snapshot of the server";
    let response =
        session.client.clone().send(request).await.map_err(|error| Failure::api(doing, &error))?;
    if !response.status().is_success() {
        let text = match response.status().as_u16() {
            404 => {
                "this server keeps its state elsewhere: `meshroot backup` is for a hub of `meshroot serve`".to_owned()
            }
            403 => "a snapshot holds every key: only an administrator (group system:masters) may take one".to_owned(),
            code => format!("could not {doing}: it answered {code}: {}", message(response.into_body()).await),
        };
        return Err(Failure::no(text));
    }
    let mut file = create_private(partial)?;
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame
            .map_err(|error| Failure::unreachable(format!("the snapshot broke off: {error}")))?;
        if let Ok(data) = frame.into_data() {
            file.write_all(&data).map_err(|error| file_failure("writing", partial, &error))?;
        }
    }
    file.sync_all().map_err(|error| file_failure("writing", partial, &error))
}

/// The message of a Status, or what else the answer says.
async fn message(body: Body) -> String {
    use http_body_util::BodyExt as _;
    let bytes = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let status: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let text = status["message"]
        .as_str()
        .map_or_else(|| String::from_utf8_lossy(&bytes).into_owned(), str::to_owned);
    plain(&text).into_owned()
}

/// Reads all of a backup.
pub(super) fn verify(path: &Path) -> Result<store::Summary, Failure> {
    Store::verify(path)
        .map_err(|error| Failure::no(format!("{} is not a usable backup: {error}", path.display())))
}

pub(super) fn refuse_existing(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return Err(Failure::no(format!(
            "{} exists already: nothing is overwritten",
            path.display()
        )));
    }
    Ok(())
}

/// What is in it is worth as much as all keys of the hub.
fn create_private(path: &Path) -> Result<File, Failure> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(file_failure("removing", path, &error));
        }
        _ => {}
    }
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    opened.map_err(|error| file_failure("writing", path, &error))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn file_failure(action: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::no(format!("{action} {} failed: {error}", path.display()))
}

const AFTER_HELP: &str = "\
For a hub of `meshroot serve`; it goes on serving meanwhile. The copy is complete and
consistent: objects, history, the server's certificate authority and the keys of roots that are
kept in Secrets. Take it with the administrator's kubeconfig, and keep it as you keep a private key.

Examples:
  meshroot backup hub-2026-11-24.backup
  meshroot --kubeconfig /var/lib/meshroot/admin.kubeconfig backup /backup/hub.backup";
