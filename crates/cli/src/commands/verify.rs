//! `meshroot verify`: would the peers of a virtual mesh accept this chain?

use std::path::PathBuf;

use jiff::Timestamp;
use kube::Api;
use kube::api::ListParams;
use meshroot_api::{MeshTrust, TrustPolicy, VirtualMesh};
use meshroot_core::membership::{Key, members};
use meshroot_pki::{
    Certificate, Coverage, Purpose, RevocationList, parse_bundle, read_certificates,
    read_revocation_lists,
};
use meshroot_runtime::kube::call::retried;
use meshroot_runtime::process::clock;
use meshroot_view::full_name;
use meshroot_view::kinds::Kind;
use meshroot_view::verify::{self, Anchors, Revocations, Verdict};

use super::inspect::read_file;
use crate::failure::Failure;
use crate::global::Global;
use crate::locate::find_as;
use crate::session::{Scope, Session};
use crate::terminal::Terminal;

/// What to verify, and for whom.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// PEM file with the chain, leaf or intermediate first; `-` is standard input
    file: PathBuf,
    /// The virtual mesh whose roots count: those that each of its members is to use
    #[arg(long, value_name = "NAME", required_unless_present = "roots")]
    virtual_mesh: Option<String>,
    /// PEM file with the roots, instead of a virtual mesh's; no cluster is asked
    #[arg(long, value_name = "FILE", conflicts_with = "virtual_mesh")]
    roots: Option<PathBuf>,
    /// File with certificate revocation lists; once there is one, every issuer must have one, as OpenSSL and Envoy want it.
    /// Without it, those of the virtual mesh count, where it has revoked something
    #[arg(long, value_name = "FILE")]
    crl: Option<PathBuf>,
    /// What the first certificate is used for
    #[arg(long, value_enum, default_value_t)]
    purpose: Use,
    /// The time for which to judge, such as 2027-01-01T00:00:00Z; now if left out
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

/// What a certificate is used for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Use {
    /// TLS server.
    Server,
    /// TLS client.
    Client,
    /// Nothing in particular.
    #[default]
    Any,
}

impl From<Use> for Purpose {
    fn from(asked: Use) -> Self {
        match asked {
            Use::Server => Self::Server,
            Use::Client => Self::Client,
            Use::Any => Self::Any,
        }
    }
}

/// Verifies it.
pub(crate) async fn run(
    global: &Global,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let chain = read_bundle(&asked.file)?;
    let (anchors, own_lists) = match (&asked.roots, &asked.virtual_mesh) {
        (Some(file), _) => {
            let whose = vec![file.display().to_string()];
            (vec![Anchors { whose, roots: read_bundle(file)? }], Vec::new())
        }
        (None, name) => {
            of_virtual_mesh(&Session::open(global)?, name.as_deref().unwrap_or_default()).await?
        }
    };
    let at = asked.at.unwrap_or_else(clock::now);
    let purpose = asked.purpose.into();
    let revocations = revocations(asked, own_lists)?;
    let verdict = |anchors| Verdict::of(&chain, anchors, &revocations, purpose, at);
    let verdicts: Vec<Verdict> = anchors.iter().map(verdict).collect();
    if global.output.is_table() {
        terminal.sheet(&verify::sheet(&verdicts, at))?;
    } else {
        terminal.print(&global.output.text(&verify::document(&verdicts))?)?;
    }
    answer(&asked.file, &verdicts)
}

fn revocations(asked: &Arguments, own: Vec<RevocationList>) -> Result<Revocations, Failure> {
    let Some(file) = &asked.crl else {
        return Ok(Revocations { lists: own, coverage: Coverage::WhereGiven });
    };
    let lists = read_revocation_lists(&read_file(file)?).map_err(|error| {
        Failure::no(format!("{}: {error}", file.display()))
            .fix(format!("see what is in it with: meshroot inspect {}", file.display()))
    })?;
    Ok(Revocations { lists, coverage: Coverage::EveryIssuer })
}

/// The certificates in a file of people.
pub(crate) fn read_bundle(file: &std::path::Path) -> Result<Vec<Certificate>, Failure> {
    let bytes = read_file(file)?;
    read_certificates(&bytes).map_err(|error| {
        Failure::no(format!("{}: {error}", file.display()))
            .fix(format!("see what is in it with: meshroot inspect {}", file.display()))
    })
}

/// The anchors of each member (during a rotation they may differ, and every member has to accept the chain), and the
/// revocation lists of those who sign.
async fn of_virtual_mesh(
    session: &Session,
    name: &str,
) -> Result<(Vec<Anchors>, Vec<RevocationList>), Failure> {
    let virtual_mesh: VirtualMesh = find_as(session, Kind::VirtualMesh, name).await?;
    let name = full_name(&virtual_mesh.metadata);
    let mut anchors: Vec<Anchors> = Vec::new();
    for member in members(&virtual_mesh) {
        let Some(trust) = trust_of(session, &member).await? else { continue };
        let roots = parse_bundle(trust.spec.trust_anchors.as_bytes()).map_err(|error| {
            Failure::no(format!(
                "the roots of {}/{} cannot be read: {error}",
                member.namespace, member.name
            ))
            .see(format!("MeshTrust {}/{}, field spec.trustAnchors", member.namespace, member.name))
        })?;
        match anchors.iter_mut().find(|known| known.roots == roots) {
            Some(known) => known.whose.push(member.name),
            None => anchors.push(Anchors { whose: vec![member.name], roots }),
        }
    }
    if anchors.is_empty() {
        return Err(Failure::no(format!(
            "virtual mesh {name} has no roots yet: no member has a MeshTrust with any"
        ))
        .see(format!("VirtualMesh {name}, field spec.meshes"))
        .fix("wait for the hub (meshroot describe vm), or name the roots with --roots FILE"));
    }
    Ok((anchors, lists_of(session, &virtual_mesh).await?))
}

async fn lists_of(
    session: &Session,
    virtual_mesh: &VirtualMesh,
) -> Result<Vec<RevocationList>, Failure> {
    let key = Key::of(virtual_mesh);
    let doing = format!("list trustpolicies in namespace {}", key.namespace);
    let scope = Scope::Namespace(key.namespace.clone());
    let policies: Vec<TrustPolicy> = session.list(&doing, &scope, &ListParams::default()).await?;
    // Two policies are an error that the hub tells of; what one of them lists was revoked all the same.
    let of =
        |policy: &&TrustPolicy| Key::resolve(&policy.spec.virtual_mesh_ref, &key.namespace) == key;
    let statuses = policies.iter().filter(of).filter_map(|policy| policy.status.as_ref());
    let mut lists = Vec::new();
    for root in statuses.flat_map(|status| &status.roots) {
        if root.revocation_list.is_empty() {
            continue;
        }
        let read = read_revocation_lists(root.revocation_list.as_bytes()).map_err(|error| {
            Failure::no(format!(
                "the revocation list of root {} cannot be read: {error}",
                root.subject
            ))
            .see(format!("TrustPolicy in namespace {}, field status.roots", key.namespace))
        })?;
        lists.extend(read);
    }
    Ok(lists)
}

async fn trust_of(session: &Session, member: &Key) -> Result<Option<MeshTrust>, Failure> {
    let api: Api<MeshTrust> = Api::namespaced(session.client.clone(), &member.namespace);
    // A list, so that a missing namespace or object is an empty answer.
    let named = ListParams::default().fields(&format!("metadata.name={}", member.name));
    let doing = format!("read meshtrust {}/{}", member.namespace, member.name);
    let found = retried(async || api.list(&named).await)
        .await
        .map_err(|error| Failure::api(&doing, &error))?;
    Ok(found.items.into_iter().find(|trust| !trust.spec.trust_anchors.trim().is_empty()))
}

fn answer(file: &std::path::Path, verdicts: &[Verdict]) -> Result<(), Failure> {
    let refusing: Vec<_> = verdicts.iter().filter(|it| !it.accepted()).collect();
    let Some(first) = refusing.first() else { return Ok(()) };
    let whose: Vec<_> = refusing.iter().map(|verdict| verdict.whose()).collect();
    let why = first.problem();
    Err(Failure::no(format!("{} does not verify for {}: {why}", file.display(), whose.join(", ")))
        .fix(format!("see each certificate with: meshroot inspect {}", file.display())))
}

const AFTER_HELP: &str = "\
What is accepted here is accepted by Go, OpenSSL, BoringSSL and webpki alike.

Examples:
  meshroot verify cert-chain.pem --virtual-mesh demo
  meshroot verify workload.pem --virtual-mesh demo --purpose client
  meshroot verify cert-chain.pem --roots root-cert.pem --crl ca-crl.pem
  meshroot verify cert-chain.pem --roots root-cert.pem --at 2027-06-01T00:00:00Z";
