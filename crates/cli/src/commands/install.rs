//! `meshroot install`: what the hub needs, as YAML, without asking a cluster.

use meshroot_manifests as manifests;
use serde_json::Value;

use super::version::VERSION;
use crate::failure::Failure;
use crate::output::yaml;
use crate::terminal::Terminal;

/// What to install.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The hub's image; the default has the version of this command
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Namespace beside meshroot-system in which the hub may read and create root Secrets; it must exist. May be
    /// given again
    #[arg(long, value_name = "NAMESPACE")]
    root_namespace: Vec<String>,
    /// Version of MutatingAdmissionPolicy that the hub's cluster serves
    #[arg(long, value_name = "VERSION", default_value = "v1")]
    mutating_policies: Mutating,
    /// The custom resource definitions alone
    #[arg(long, conflicts_with_all = ["image", "root_namespace"])]
    crds_only: bool,
}

/// Versions of MutatingAdmissionPolicy.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum Mutating {
    /// From Kubernetes 1.36 on.
    #[default]
    V1,
    /// In Kubernetes 1.34 and 1.35, where it is switched on.
    V1beta1,
    /// It is not served: whoever patches a decision writes their name themselves.
    None,
}

impl Mutating {
    fn version(self) -> Option<&'static str> {
        match self {
            Self::V1 => Some("v1"),
            Self::V1beta1 => Some("v1beta1"),
            Self::None => None,
        }
    }
}

/// Prints the objects, in the order in which they can be applied.
pub(crate) fn run(asked: &Arguments, terminal: &mut Terminal) -> Result<(), Failure> {
    terminal.print(&yaml::text(&objects(asked)?)?)
}

/// The objects.
fn objects(asked: &Arguments) -> Result<Vec<Value>, Failure> {
    let objects = if asked.crds_only {
        manifests::crd_objects()
    } else {
        let image = asked.image.clone().unwrap_or_else(|| format!("meshroot-hub:{VERSION}"));
        manifests::hub_objects(&image, &asked.root_namespace, asked.mutating_policies.version())
    };
    objects.map_err(|error| Failure::no(format!("the definitions cannot be written: {error}")))
}

const AFTER_HELP: &str = "\
Needs Kubernetes 1.30 or later, and below 1.36 --mutating-policies none: without them, a client that
writes a decision with anything but `meshroot approve` and `deny` puts its user name there itself.
Apply it again after an upgrade of this command.

Examples:
  meshroot install | kubectl --context hub apply -f -
  meshroot install --root-namespace shop | kubectl --context hub apply -f -
  meshroot install --crds-only | kubectl diff -f -";

#[cfg(test)]
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
    fn mutating_policies_are_of_the_version_that_is_served_or_left_out() {
        for (mutating_policies, expected) in [
            (Mutating::V1, Some("admissionregistration.k8s.io/v1")),
            (Mutating::V1beta1, Some("admissionregistration.k8s.io/v1beta1")),
            (Mutating::None, None),
        ] {
            let asked = Arguments { mutating_policies, ..Arguments::default() };
            let objects = objects(&asked).unwrap();
            let mut policies =
                objects.iter().filter(|object| object["kind"] == "MutatingAdmissionPolicy");
            assert_eq!(policies.next().and_then(|policy| policy["apiVersion"].as_str()), expected);
        }
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
            ..Arguments::default()
        };
        let text = yaml::text(&objects(&asked).unwrap()).unwrap();
        assert!(text.contains("image: x/hub:2"), "the image is not in the text");
        assert!(text.contains("namespace: shop"), "the namespace is not in the text");
    }
}
