//! `meshroot renew`: the next request, before the agent makes it by itself.

mod plan;
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
    /// Wait until each mesh uses its new certificate, or must be restarted for it
    #[arg(long)]
    wait: bool,
    /// How long to wait
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_duration, requires = "wait")]
    timeout: SignedDuration,
}

/// Renews.
pub(crate) async fn run(
    session: &Session,
    asked: &Arguments,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let (meshes, virtual_mesh) = meshes(session, asked).await?;
    let mut plans = Vec::new();
    for mesh in &meshes {
        let (requests, recorded) = (requests(session, mesh).await?, recorded(session, mesh).await?);
        plans.push((mesh, next(&mesh.name, virtual_mesh.as_deref(), &requests, &recorded)?));
    }
    let mut awaited = Vec::new();
    for (mesh, plan) in plans {
        let name = match plan {
            Next::Waiting { name, message } => {
                terminal
                    .line(format!("{name} is still unanswered ({message}); nothing was created"))?;
                name
            }
            Next::Create { name, previous } => {
                create(session, mesh, &name, &previous, terminal).await?;
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

async fn create(
    session: &Session,
    mesh: &Key,
    name: &RequestName,
    previous: &Request,
    terminal: &mut Terminal,
) -> Result<(), Failure> {
    let api: Api<Request> = Api::namespaced(session.client.clone(), &mesh.namespace);
    match retried(async || create_if_absent(&api, &renewal(mesh, name, previous)).await).await? {
        Written::Created(_) => terminal
            .line(format!("{name} created; the agent makes a new key and asks for a certificate")),
        Written::Existed(_) => {
            terminal.line(format!("{name} was created by somebody else in the meantime"))
        }
    }
}

/// Asks for what the one before it asked for; the CSR is the agent's to add.
fn renewal(mesh: &Key, name: &RequestName, previous: &Request) -> Request {
    let spec = RequestSpec {
        cert_config: previous.spec.cert_config.clone(),
        virtual_mesh_ref: previous.spec.virtual_mesh_ref.clone(),
        ..RequestSpec::default()
    };
    let mut request = Request::new(&name.to_string(), spec);
    request.metadata.namespace = Some(mesh.namespace.clone());
    request.metadata.labels = Some(labels_of_mesh(&mesh.name));
    request.metadata.annotations =
        Some([(REASON_ANNOTATION.to_owned(), Reason::RenewalAsked.word().to_owned())].into());
    request
}

const AFTER_HELP: &str = "\
Creates the next request of the mesh. What is in use stays in use until the new certificate is there.

Examples:
  meshroot renew istio-istio-system-east
  meshroot renew istio-istio-system-east istio-istio-system-west --wait
  meshroot renew --virtual-mesh demo --wait --timeout 15m";

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
