//! `meshroot install`: what the hub needs, as YAML, without asking a cluster. Hubs that run in this process have it
//! applied.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::runtime::wait::{await_condition, conditions};
use kube::{Api, Client};
use meshroot_api::names::SYSTEM_NAMESPACE;
use meshroot_manifests as manifests;
use serde_json::Value;

use super::cluster::apply::apply;
use super::version::VERSION;
use crate::failure::Failure;
use crate::output::yaml;
use crate::terminal::Terminal;

/// What to install.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    /// The hub's image; the default has the version of this command
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Namespace beside meshroot-system in which the hub may read and create root Secrets; it must exist. May be
    /// given again
    #[arg(long, value_name = "NAMESPACE")]
    root_namespace: Vec<String>,
    /// The custom resource definitions alone
    #[arg(long, conflicts_with_all = ["image", "root_namespace"])]
    crds_only: bool,
}

/// Prints the objects, in the order in which they can be applied.
pub fn run(asked: &Arguments, terminal: &mut Terminal) -> Result<(), Failure> {
    terminal.print(&yaml::text(&objects(asked)?)?)
}

/// The objects.
pub fn objects(asked: &Arguments) -> Result<Vec<Value>, Failure> {
    let crds = manifests::crds().iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>();
    let crds =
        crds.map_err(|error| Failure::no(format!("the definitions cannot be written: {error}")))?;
    if asked.crds_only {
        return Ok(crds);
    }
    let image = asked.image.clone().unwrap_or_else(|| format!("meshroot-hub:{VERSION}"));
    let mut objects = vec![manifests::namespace(SYSTEM_NAMESPACE)];
    objects.extend(crds);
    objects.extend(manifests::hub_rbac(SYSTEM_NAMESPACE, &asked.root_namespace));
    objects.extend(manifests::user_roles());
    objects.extend(manifests::policies(&manifests::hub_user(SYSTEM_NAMESPACE)));
    objects.extend(manifests::hub_deployment(SYSTEM_NAMESPACE, &image));
    Ok(objects)
}

/// Applies what [`run`] prints, but for the pods: the hub runs in this process.
pub(crate) async fn hub(admin: &Client) -> Result<(), Failure> {
    let mut objects = objects(&Arguments::default())?;
    objects
        .retain(|object| object["kind"] != "Deployment" && object["kind"] != "PodDisruptionBudget");
    let is_first = |object: &Value| {
        object["kind"] == "Namespace" || object["kind"] == "CustomResourceDefinition"
    };
    let (first, rest) = objects.into_iter().partition(is_first);
    apply_all(admin, first).await?;
    tokio::try_join!(apply_all(admin, rest), established(admin))?;
    Ok(())
}

/// Applies objects, several at a time.
pub(crate) async fn apply_all(client: &Client, objects: Vec<Value>) -> Result<(), Failure> {
    let all = stream::iter(objects)
        .map(|object| async move { apply(client, &object, false).await.map(drop) });
    all.buffer_unordered(AT_A_TIME).try_collect().await
}

/// Until the API serves every kind that was installed.
async fn established(client: &Client) -> Result<(), Failure> {
    for definition in meshroot_manifests::crds() {
        let name = definition.metadata.name.unwrap_or_default();
        let api: Api<CustomResourceDefinition> = Api::all(client.clone());
        let served = await_condition(api, &name, conditions::is_crd_established()).await;
        served.map_err(|error| {
            Failure::unreachable(format!("could not wait until {name} is served: {error}"))
                .caused_by(&error)
        })?;
    }
    Ok(())
}

const AT_A_TIME: usize = 8;

const AFTER_HELP: &str = "\
Needs Kubernetes 1.30 or later. Apply it again after an upgrade of this command.

Examples:
  meshroot install | kubectl --context hub apply -f -
  meshroot install --root-namespace shop | kubectl --context hub apply -f -
  meshroot install --crds-only | kubectl diff -f -";

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    fn kinds(asked: &Arguments) -> Vec<String> {
        objects(asked)
            .unwrap()
            .iter()
            .map(|object| object["kind"].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn the_namespace_and_the_definitions_come_before_what_needs_them() {
        let kinds = kinds(&Arguments::default());
        assert_eq!(kinds[0], "Namespace");
        let last_definition =
            kinds.iter().rposition(|kind| kind == "CustomResourceDefinition").unwrap();
        let first_policy =
            kinds.iter().position(|kind| kind == "ValidatingAdmissionPolicy").unwrap();
        assert!(last_definition < first_policy);
        assert!(kinds.contains(&"Deployment".to_owned()));
    }

    #[test]
    fn the_definitions_alone_are_only_definitions() {
        let asked = Arguments { crds_only: true, ..Arguments::default() };
        assert!(kinds(&asked).iter().all(|kind| kind == "CustomResourceDefinition"));
    }

    #[test]
    fn image_and_root_namespaces_are_those_that_were_asked_for() {
        let asked = Arguments {
            image: Some("x/hub:2".into()),
            root_namespace: vec!["shop".into()],
            crds_only: false,
        };
        let text = yaml::text(&objects(&asked).unwrap()).unwrap();
        assert!(text.contains("image: x/hub:2"), "the image is not in the text");
        assert!(text.contains("namespace: shop"), "the namespace is not in the text");
    }
}
