//! `meshroot inspect`: what a file, a Secret or a request says. Read only; no key is shown.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use meshroot_api::VirtualMeshCertificateSigningRequest as Request;
use meshroot_runtime::kube::call::retried;
use meshroot_runtime::process::clock;
use meshroot_view::certificates::Inspection;
use meshroot_view::full_name;
use meshroot_view::kinds::Kind;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::global::Global;
use crate::locate::{find_as, split};
use crate::session::Session;
use crate::terminal::Terminal;

/// What to inspect.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    object: Option<InspectedObject>,
    /// A file with certificates, revocation lists, requests or keys, PEM or DER; `-` is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
}

/// An object of a cluster.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum InspectedObject {
    /// A Secret that a mesh reads its CA from, such as istio-system/cacerts
    #[command(after_help = SECRET_HELP)]
    Secret {
        /// NAMESPACE/NAME, or NAME with -n
        name: String,
    },
    /// The CSR of a request, and the certificates that answer it
    #[command(after_help = REQUEST_HELP)]
    Vmcsr {
        /// NAME or NAMESPACE/NAME
        name: String,
    },
}

/// Inspects it.
pub(crate) async fn run(
    global: &Global,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let now = clock::now();
    let inspection = match &asked.object {
        None => Inspection::of_file(&asked.file.display().to_string(), &read_file(&asked.file)?),
        Some(InspectedObject::Secret { name }) => {
            Inspection::of_secret(&secret(&Session::open(global)?, name).await?, now)
        }
        Some(InspectedObject::Vmcsr { name }) => request(&Session::open(global)?, name).await?,
    };
    if inspection.is_empty() {
        let titles = inspection.titles().join(", ");
        return Err(Failure::no(format!(
            "no certificate, revocation list, request or key was found in {titles}"
        )));
    }
    if global.output.is_table() {
        terminal.sheet(&inspection.sheet(now))?;
    } else {
        terminal.print(&global.output.text(&inspection.document(now))?)?;
    }
    inspection.problem().map_or(Ok(()), |problem| Err(Failure::no(problem)))
}

/// A file's content, or standard input's; at most 4 MiB, which no bundle reaches.
pub(crate) fn read_file(file: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    const MOST: u64 = 4 << 20;
    let failed =
        |error: std::io::Error| Failure::no(format!("{} cannot be read: {error}", file.display()));
    let mut bytes = Zeroizing::new(Vec::new());
    let read = if file == Path::new("-") {
        if std::io::stdin().is_terminal() {
            eprintln!("reading standard input; Ctrl-D ends it");
        }
        std::io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).map_err(failed)?.take(MOST + 1).read_to_end(&mut bytes)
    };
    if read.map_err(failed)? as u64 > MOST {
        return Err(Failure::no(format!(
            "{} has more than {MOST} bytes, more than any bundle of certificates",
            file.display()
        )));
    }
    Ok(bytes)
}

async fn secret(session: &Session, name: &str) -> Result<Secret, Failure> {
    let (namespace, name) = split(name)?;
    let Some(namespace) = namespace.or(session.global.namespace.as_deref()) else {
        return Err(Failure::usage(format!(
            "in which namespace is Secret {name}? Write NAMESPACE/{name} or give -n"
        )));
    };
    let api: Api<Secret> = Api::namespaced(session.client.clone(), namespace);
    let doing = format!("read Secret {namespace}/{name}");
    let found = retried(async || api.get_opt(name).await)
        .await
        .map_err(|error| Failure::api_about_secret(&doing, &error))?;
    found.ok_or_else(|| Failure::no(format!("Secret {namespace}/{name} does not exist")))
}

async fn request(session: &Session, name: &str) -> Result<Inspection, Failure> {
    let request: Request = find_as(session, Kind::Request, name).await?;
    let inspection = Inspection::of_request(&request);
    if inspection.titles().is_empty() {
        let name = full_name(&request.metadata);
        return Err(Failure::no(format!("request {name} has neither a CSR nor an answer yet"))
            .fix(format!("see who is waited for with: meshroot describe vmcsr {name}")));
    }
    Ok(inspection)
}

const AFTER_HELP: &str = "\
Private keys are recognised and never shown: only their public half is told.
Exits with 1 where a check fails or something cannot be read.

Examples:
  meshroot inspect ca-cert.pem
  openssl s_client -connect istiod:15012 -showcerts | meshroot inspect -
  meshroot inspect secret istio-system/cacerts --context east
  meshroot inspect vmcsr istio-istio-system-east.demo.1";

const SECRET_HELP: &str = "\
Examples:
  meshroot inspect secret istio-system/cacerts --context east
  meshroot inspect secret demo-ca-certs -n meshroot-system --context hub";

const REQUEST_HELP: &str = "\
Examples:
  meshroot inspect vmcsr istio-istio-system-east.demo.1";
