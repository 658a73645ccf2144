//! `meshroot inspect`: what a file, a Secret or a request says. Read only; no key is shown.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use meshroot_api::VirtualMeshCertificateSigningRequest as Request;
use meshroot_api::names::{REQUEST_ANNOTATION, is_ours};
use meshroot_pki::Certificate;
use meshroot_runtime::process::clock;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::arguments::Global;
use crate::certificates::layout::{self, Check};
use crate::certificates::{PemFile, facts};
use crate::failure::Failure;
use crate::kinds::Kind;
use crate::locate::{annotation, find_as, full_name, split};
use crate::output::Sheet;
use crate::patience::patiently;
use crate::session::Session;
use crate::terminal::Terminal;

/// What to inspect.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(subcommand)]
    object: Option<InspectedObject>,
    /// A file with certificates, requests or keys, PEM or DER; `-` is standard input
    #[arg(default_value = "-")]
    file: PathBuf,
}

/// An object of a cluster.
#[derive(Debug, clap::Subcommand)]
pub enum InspectedObject {
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

/// One file, or one key of an object.
struct Part {
    title: String,
    file: PemFile,
}

/// Inspects it.
pub async fn run(
    global: &Global,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let now = clock::now();
    let (parts, notes, checks) = match &asked.object {
        None => {
            let bytes = read_file(&asked.file)?;
            let title = asked.file.display().to_string();
            (vec![Part { title, file: PemFile::read(&bytes) }], Vec::new(), Vec::new())
        }
        Some(InspectedObject::Secret { name }) => {
            secret(&Session::open(global).await?, name, now).await?
        }
        Some(InspectedObject::Vmcsr { name }) => {
            request(&Session::open(global).await?, name).await?
        }
    };
    if parts.iter().all(|part| part.file.items.is_empty()) {
        let titles: Vec<_> = parts.iter().map(|part| part.title.as_str()).collect();
        return Err(Failure::no(format!(
            "no certificate, request or key was found in {}",
            titles.join(", ")
        )));
    }
    if global.output.is_table() {
        terminal.print(&sheet(&parts, &notes, &checks, now))
    } else {
        terminal.print(&global.output.text(&document(&parts, &checks, now))?)
    }
}

/// A file's content, or standard input's; at most 4 MiB, which no bundle reaches.
pub fn read_file(file: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
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
            "{} has more than {MOST} bytes: no bundle is so long",
            file.display()
        )));
    }
    Ok(bytes)
}

type Inspected = (Vec<Part>, Vec<(&'static str, String)>, Vec<Check>);

async fn secret(session: &Session, name: &str, now: Timestamp) -> Result<Inspected, Failure> {
    let (namespace, name) = split(name)?;
    let Some(namespace) = namespace.or(session.global.namespace.as_deref()) else {
        return Err(Failure::usage(format!(
            "in which namespace is Secret {name}? Write NAMESPACE/{name} or give -n"
        )));
    };
    let api: Api<Secret> = Api::namespaced(session.client.clone(), namespace);
    let doing = format!("read Secret {namespace}/{name}");
    let found = patiently(async || api.get_opt(name).await)
        .await
        .map_err(|error| Failure::api_about_secret(&doing, &error))?;
    let Some(secret) = found else {
        return Err(Failure::no(format!("Secret {namespace}/{name} does not exist")));
    };
    let data = secret.data.clone().unwrap_or_default();
    let parts: Vec<Part> = data
        .iter()
        .map(|(key, bytes)| Part { title: key.clone(), file: PemFile::read(&bytes.0) })
        .filter(|part| !part.file.items.is_empty())
        .collect();
    let layout = layout::of(&data);
    let checks = layout.map(|layout| layout::check(layout, &data, now)).unwrap_or_default();
    let notes = vec![
        ("Secret", format!("{namespace}/{name}")),
        ("Type", secret.type_.clone().unwrap_or_default()),
        (
            "Layout",
            layout.map_or_else(
                || "none that a mesh reads its CA from".to_owned(),
                |it| it.name.to_owned(),
            ),
        ),
        ("Written by", owner(&secret)),
    ];
    Ok((parts, notes, checks))
}

fn owner(secret: &Secret) -> String {
    match (is_ours(&secret.metadata), annotation(secret, REQUEST_ANNOTATION)) {
        (true, Some(request)) => format!("Meshroot, for request {request}"),
        (true, None) => "Meshroot".to_owned(),
        (false, _) => {
            "somebody else (Meshroot leaves it alone unless the TrustPolicy says adopt: ALWAYS)"
                .to_owned()
        }
    }
}

async fn request(session: &Session, name: &str) -> Result<Inspected, Failure> {
    let request: Request = find_as(session, Kind::Request, name).await?;
    let response = request.status_or_default().response;
    let part =
        |title: &str, bytes: &[u8]| Part { title: title.to_owned(), file: PemFile::read(bytes) };
    let parts = [
        ("spec.csrData", &request.spec.csr_data),
        ("status.response.caCertificate", &response.ca_certificate),
        ("status.response.rootCertificate", &response.root_certificate),
    ];
    let parts: Vec<Part> = parts
        .into_iter()
        .filter(|(_, it)| !it.0.is_empty())
        .map(|(t, it)| part(t, &it.0))
        .collect();
    let name = full_name(&request.metadata);
    if parts.is_empty() {
        return Err(Failure::no(format!("request {name} has neither a CSR nor an answer yet"))
            .fix(format!("see who is waited for with: meshroot describe vmcsr {name}")));
    }
    Ok((parts, vec![("Request", name)], Vec::new()))
}

fn sheet(parts: &[Part], notes: &[(&str, String)], checks: &[Check], now: Timestamp) -> String {
    let mut sheet = Sheet::default();
    for (title, value) in notes {
        sheet.field(title, value);
    }
    for part in parts {
        let certificates = part.file.certificates();
        let several = part.file.items.len() > 1;
        for (index, item) in part.file.items.iter().enumerate() {
            let (kind, facts) = facts::item(item, now);
            let place = if several {
                format!(" {} of {}", index + 1, part.file.items.len())
            } else {
                String::new()
            };
            sheet.heading(&format!("{}: {kind}{place}", part.title));
            sheet.facts(&facts);
            if let crate::certificates::Item::Certificate(certificate) = item {
                sheet.field("Signed by", signer(certificate, &certificates));
            }
        }
        if part.file.other_lines > 0 {
            let lines = part.file.other_lines;
            sheet.line(&format!(
                "{lines} lines of other text in {}: meshes do not agree on skipping it",
                part.title
            ));
        }
    }
    if !checks.is_empty() {
        sheet.heading("Checks");
        for check in checks {
            sheet.field(if check.good { "ok" } else { "PROBLEM" }, &check.message);
        }
    }
    sheet.text().to_owned()
}

/// Which certificate of the same file signed this one.
fn signer(certificate: &Certificate, others: &[Certificate]) -> String {
    if certificate.is_self_issued() {
        return String::new();
    }
    let signed = |other: &&Certificate| {
        other.subject() == certificate.issuer()
            && certificate.verify_signed_by(other.public_key()).is_ok()
    };
    match others.iter().find(signed) {
        Some(other) => format!("{} (in the same file)", other.subject()),
        None if others.len() > 1 => "none of the certificates beside it".to_owned(),
        None => String::new(),
    }
}

fn document(parts: &[Part], checks: &[Check], now: Timestamp) -> Value {
    let items = |part: &Part| -> Vec<Value> {
        let item = |item| {
            let (kind, facts) = facts::item(item, now);
            facts::to_json(kind, &facts)
        };
        part.file.items.iter().map(item).collect()
    };
    let parts: Vec<Value> =
        parts.iter().map(|part| json!({ "name": part.title, "items": items(part) })).collect();
    let checks: Vec<Value> =
        checks.iter().map(|it| json!({ "ok": it.good, "message": it.message })).collect();
    json!({ "parts": parts, "checks": checks })
}

const AFTER_HELP: &str = "\
Private keys are recognised and never shown: only their public half is told.

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
