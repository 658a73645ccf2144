//! How istiod is set up, as far as the replacement of a root turns on it (Istio 1.27 to 1.31).

use jiff::SignedDuration;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use meshroot_core::pickup::Settings;

use super::{ControlPlane, Istio, MeshConfig, REVISION_LABEL};

/// Of istiod: whether trust anchors are read again while it runs.
const MULTI_ROOT: &str = "ISTIO_MULTIROOT_MESH";
/// Of istiod: the longest lifetime that a workload may ask for.
const LONGEST: &str = "MAX_WORKLOAD_CERT_TTL";
/// Of proxies: what they ask for.
const ASKED: &str = "SECRET_TTL";

const DEFAULT_LONGEST: SignedDuration = SignedDuration::from_hours(90 * 24);
const DEFAULT_ASKED: SignedDuration = SignedDuration::from_hours(24);
/// How long after one replica of istiod the last loads what changed.
const OTHERS_FOLLOW: SignedDuration = SignedDuration::from_mins(5);

impl Istio {
    /// Reads the Deployment and the mesh configuration; `None` where either cannot be read.
    pub(super) async fn settings(&self, place: &ControlPlane) -> Option<Settings> {
        let api: Api<Deployment> = Api::namespaced(self.local.clone(), &place.namespace);
        let deployment = api.get_opt(&place.deployment).await.ok()??;
        let labels = deployment.metadata.labels.as_ref();
        let revision = labels.and_then(|labels| labels.get(REVISION_LABEL));
        let revision = revision.filter(|revision| *revision != "default").map(String::as_str);
        let config = self.mesh_config(&place.namespace, revision).await.ok()?;
        Some(settings(&deployment, &config))
    }
}

fn settings(deployment: &Deployment, config: &MeshConfig) -> Settings {
    let metadata =
        config.default_config.as_ref().and_then(|proxies| proxies.proxy_metadata.as_ref());
    let asked = metadata.and_then(|metadata| duration(metadata.get(ASKED)?));
    let longest = variable(deployment, LONGEST).and_then(duration);
    // One of them is asked, and kubelet shows each its files within a minute or two.
    let replicas = deployment.spec.replicas.unwrap_or(1);
    let others = if replicas > 1 { OTHERS_FOLLOW } else { SignedDuration::ZERO };
    Settings {
        anchors_live: variable(deployment, MULTI_ROOT) == Some("true"),
        leaf_lifetime: asked.unwrap_or(DEFAULT_ASKED).min(longest.unwrap_or(DEFAULT_LONGEST))
            + others,
    }
}

/// An environment variable that some container of istiod has.
fn variable<'a>(deployment: &'a Deployment, name: &str) -> Option<&'a str> {
    let pod = deployment.spec.template.spec.as_ref()?;
    let all = pod.containers.iter().flat_map(|container| container.env.iter().flatten());
    all.filter(|variable| variable.name == name).find_map(|variable| variable.value.as_deref())
}

/// As Go writes durations: `1h30m`.
fn duration(text: impl AsRef<str>) -> Option<SignedDuration> {
    let duration: kube::core::Duration = text.as_ref().parse().ok()?;
    SignedDuration::try_from(std::time::Duration::from(duration)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(environment: &serde_json::Value, config: &str) -> Settings {
        let deployment = serde_json::from_value(serde_json::json!({
            "metadata": {},
            "spec": { "selector": {}, "template": { "spec": { "containers": [{ "name": "discovery", "env": environment }] } } },
        }));
        settings(&deployment.unwrap(), &serde_saphyr::from_str(config).unwrap())
    }

    #[test]
    fn without_a_word_anchors_take_a_restart_and_workloads_ask_for_a_day() {
        let default = read(&serde_json::json!([]), "trustDomain: corp.example\n");
        assert_eq!(default, Settings { anchors_live: false, leaf_lifetime: DEFAULT_ASKED });
    }

    #[test]
    fn of_several_replicas_the_others_may_follow_later() {
        let deployment = serde_json::json!({
            "metadata": {}, "spec": { "selector": {}, "replicas": 2, "template": { "spec": { "containers": [] } } },
        });
        let settings =
            settings(&serde_json::from_value(deployment).unwrap(), &MeshConfig::default());
        assert_eq!(settings.leaf_lifetime, DEFAULT_ASKED + OTHERS_FOLLOW);
    }

    #[test]
    fn what_istiod_and_proxies_are_told_is_read() {
        let environment = serde_json::json!([
            { "name": "ISTIO_MULTIROOT_MESH", "value": "true" },
            { "name": "MAX_WORKLOAD_CERT_TTL", "value": "1h30m" },
        ]);
        let limited = SignedDuration::from_mins(90);
        assert_eq!(
            read(&environment, "{}"),
            Settings { anchors_live: true, leaf_lifetime: limited }
        );
        let asked = "defaultConfig:\n  proxyMetadata:\n    SECRET_TTL: 15m0s\n";
        assert_eq!(read(&environment, asked).leaf_lifetime, SignedDuration::from_mins(15));
        let long = "defaultConfig:\n  proxyMetadata:\n    SECRET_TTL: 48h\n";
        assert_eq!(read(&environment, long).leaf_lifetime, limited, "istiod gives no more");
    }
}
