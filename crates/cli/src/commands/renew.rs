//! `meshroot renew`: the next request, before the agent makes it by itself.

mod plan;
mod stolen;
mod wait;

use jiff::SignedDuration;
use kube::Api;
use kube::api::ListParams;
use meshroot_api::names::{REASON_ANNOTATION, RequestName, labels_of_mesh};
use meshroot_api::security::VirtualMeshCertificateSigningRequestSpec as RequestSpec;
use meshroot_api::{
    IssuanceRecord, Mesh, Reason, VirtualMesh, VirtualMeshCertificateSigningRequest as Request,
};
use meshroot_core::membership::{Key, members};
use meshroot_runtime::kube::call::retried;
use meshroot_runtime::kube::write::{Written, create_if_absent};
use meshroot_view::kinds::Kind;

use crate::duration::parse_duration;
use crate::failure::Failure;
use crate::locate::find_as;
use crate::session::{Scope, Session};
use crate::terminal::Terminal;
use plan::{Next, next};

/// Whose certificate to renew.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Meshes: NAME or NAMESPACE/NAME
    #[arg(required_unless_present = "virtual_mesh")]
    meshes: Vec<String>,
    /// Every member of this virtual mesh; with MESH, which virtual mesh's certificate
    #[arg(long, value_name = "NAME")]
    virtual_mesh: Option<String>,
    /// Why: with `compromise`, the key in use is believed stolen, and what was issued before is revoked
    #[arg(long, value_enum)]
    reason: Option<Why>,
    /// Wait until each mesh uses its new certificate, or must be restarted for it
    #[arg(long)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_duration, requires = "wait")]
    timeout: SignedDuration,
}

/// Why a certificate is renewed before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Why {
    /// Its key is believed stolen: all that was issued to the mesh before is revoked once the new certificate is there, or an hour later at the latest
    Compromise,
}

/// Renews.
pub(crate) async fn run(
    session: &Session,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let (meshes, virtual_mesh) = meshes(session, asked).await?;
    let (mut awaited, mut plans) = (Vec::new(), Vec::new());
    for mesh in &meshes {
        let (requests, recorded) = (requests(session, mesh).await?, recorded(session, mesh).await?);
        if asked.reason == Some(Why::Compromise) {
            let known = (requests.as_slice(), recorded.as_slice());
            let name =
                stolen::report(session, mesh, virtual_mesh.as_deref(), known, terminal).await?;
            terminal.line(format!(
                "once {name} is answered, or in an hour, what was issued to the mesh before is revoked; `meshroot describe \
                 vm {}` says who believes it and until when",
                name.virtual_mesh
            ))?;
            awaited.push((mesh.clone(), name));
        } else {
            plans.push((mesh, next(&mesh.name, virtual_mesh.as_deref(), &requests, &recorded)?));
        }
    }
    for (mesh, plan) in plans {
        let name = match plan {
            Next::Waiting { name, message } => {
                terminal
                    .line(format!("{name} is still unanswered ({message}); nothing was created"))?;
                name
            }
            Next::Create { name, previous } => {
                create(session, &renewal(mesh, &name, &previous), terminal).await?;
                name
            }
        };
        awaited.push((mesh.clone(), name));
    }
    if asked.wait { wait::all(session, &awaited, asked.timeout, terminal).await } else { Ok(()) }
}

/// The meshes that are meant, and the virtual mesh if one was named.
async fn meshes(
    session: &Session,
    asked: &Arguments,
) -> Result<(Vec<Key>, Option<String>), Failure> {
    let virtual_mesh = match &asked.virtual_mesh {
        Some(name) => Some(find_as::<VirtualMesh>(session, Kind::VirtualMesh, name).await?),
        None => None,
    };
    let name = virtual_mesh.as_ref().and_then(|it| it.metadata.name.clone());
    let mut meshes = Vec::new();
    for mesh in &asked.meshes {
        meshes.push(Key::of(&find_as::<Mesh>(session, Kind::Mesh, mesh).await?));
    }
    if let (true, Some(virtual_mesh)) = (meshes.is_empty(), &virtual_mesh) {
        meshes.extend(members(virtual_mesh));
        if meshes.is_empty() {
            return Err(Failure::no(format!(
                "virtual mesh {} has no members",
                Key::of(virtual_mesh).name
            ))
            .see("field spec.meshes of that VirtualMesh"));
        }
    }
    Ok((meshes, name))
}

async fn requests(session: &Session, mesh: &Key) -> Result<Vec<Request>, Failure> {
    let doing = format!("list vmcsr in namespace {}", mesh.namespace);
    let scope = Scope::Namespace(mesh.namespace.clone());
    session.list(&doing, &scope, &ListParams::default()).await
}

/// The names that the ledger of the mesh's namespace knows.
async fn recorded(session: &Session, mesh: &Key) -> Result<Vec<RequestName>, Failure> {
    let api: Api<IssuanceRecord> = Api::namespaced(session.client.clone(), &mesh.namespace);
    let list = retried(async || api.list_metadata(&ListParams::default()).await).await;
    let doing = format!("list issuancerecords in namespace {}", mesh.namespace);
    let list = list.map_err(|error| Failure::api(&doing, &error))?;
    Ok(list
        .items
        .iter()
        .filter_map(|record| RequestName::parse(record.metadata.name.as_deref()?))
        .collect())
}

/// Whether it was created, and not there already.
async fn create(
    session: &Session,
    renewal: &Request,
    terminal: &mut Terminal,
) -> Result<bool, Failure> {
    let Key { namespace, name } = Key::of(renewal);
    let api: Api<Request> = Api::namespaced(session.client.clone(), &namespace);
    match retried(async || create_if_absent(&api, renewal).await).await? {
        Written::Created(_) => {
            terminal.line(format!(
                "{name} created; the agent makes a new key and asks for a certificate"
            ))?;
            Ok(true)
        }
        Written::Existed(_) => {
            terminal.line(format!("{name} was created by somebody else in the meantime"))?;
            Ok(false)
        }
    }
}

/// Asks for what the one before it asked for.
fn renewal(mesh: &Key, name: &RequestName, previous: &Request) -> Request {
    let spec = RequestSpec {
        cert_config: previous.spec.cert_config.clone(),
        virtual_mesh_ref: previous.spec.virtual_mesh_ref.clone(),
        ..RequestSpec::default()
    };
    request(mesh, name, spec, Reason::RenewalAsked)
}

/// The CSR is the agent's to add.
fn request(mesh: &Key, name: &RequestName, spec: RequestSpec, reason: Reason) -> Request {
    let mut request = Request::new(&name.to_string(), spec);
    request.metadata.namespace = Some(mesh.namespace.clone());
    request.metadata.labels = Some(labels_of_mesh(&mesh.name));
    request.metadata.annotations =
        Some([(REASON_ANNOTATION.to_owned(), reason.word().to_owned())].into());
    request
}

const AFTER_HELP: &str = "\
Creates the next request of the mesh. What is in use stays in use until the new certificate is there.

With --reason compromise a request is made even where another is on its way, and the new key
comes first. Once its certificate is issued, or an hour later at the latest, the ledger says
that those before it are revoked, the root's revocation list (TrustPolicy, status.roots) has
them, and `meshroot verify` refuses them. Workloads read no such list: they believe the stolen
key until its certificate ends, or until the root is replaced (`meshroot rotate root`), which
`meshroot check` and `meshroot describe vm` say. It cannot be taken back.

Examples:
  meshroot renew istio-istio-system-east
  meshroot renew istio-istio-system-east istio-istio-system-west --wait
  meshroot renew --virtual-mesh demo --wait --timeout 15m
  meshroot renew istio-istio-system-east --reason compromise --wait";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renewal_asks_for_the_same_without_a_csr_and_says_why_it_is_there() {
        let mut previous = Request::new("a.demo.1", RequestSpec::default());
        previous.spec.cert_config.hosts = vec!["spiffe://x/ns/y/sa/z".to_owned()];
        previous.spec.csr_data = b"csr".to_vec().into();
        let renewal = renewal(
            &Key::new("meshroot-cluster-east", "a"),
            &RequestName::first("a", "demo").next(),
            &previous,
        );
        assert_eq!(renewal.metadata.name.as_deref(), Some("a.demo.2"));
        assert_eq!(renewal.spec.cert_config, previous.spec.cert_config);
        assert!(renewal.spec.csr_data.0.is_empty());
        assert_eq!(renewal.metadata.annotations.unwrap()[REASON_ANNOTATION], "RenewalAsked");
        assert_eq!(renewal.metadata.labels.unwrap()[meshroot_api::names::MESH_LABEL], "a");
    }
}
