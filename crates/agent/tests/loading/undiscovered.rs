//! A control plane that the hub is not told of.

use anyhow::ensure;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Event};
use kube::Api;
use kube::api::ListParams;
use meshroot_testkit::wait;
use serde_json::json;

use crate::common::{LIMIT, all, create};
use crate::run;

const NAMESPACE: &str = "undiscovered";

#[test]
fn a_trust_domain_that_peers_cannot_read_is_told_where_the_control_plane_is() {
    run(async |scene| {
        let maps: Api<ConfigMap> = Api::namespaced(scene.cluster.clone(), NAMESPACE);
        let map = json!({ "metadata": { "name": "istio" }, "data": { "mesh": "trustDomain: cluster.local." } });
        create(&maps, serde_json::from_value(map)?).await?;
        let deployments: Api<Deployment> = Api::namespaced(scene.cluster.clone(), NAMESPACE);
        let deployment = json!({
            "metadata": { "name": "istiod", "labels": { "app": "istiod" } },
            "spec": {
                "selector": { "matchLabels": { "app": "istiod" } },
                "template": {
                    "metadata": { "labels": { "app": "istiod" } },
                    "spec": { "containers": [{ "name": "discovery", "image": "pilot:1.30.0" }] },
                },
            },
        });
        let uid = create(&deployments, serde_json::from_value::<Deployment>(deployment)?)
            .await?
            .metadata
            .uid;
        let events: Api<Event> = Api::namespaced(scene.cluster.clone(), NAMESPACE);
        let about = ListParams::default()
            .fields(&format!("involvedObject.uid={}", uid.unwrap_or_default()));
        let told = async || {
            let said =
                events.list(&about).await?.items.into_iter().filter_map(|event| event.message);
            let said: Vec<String> = said.collect();
            ensure!(said.iter().any(|note| note.contains("citadelInfo.trustDomain")), "{said:?}");
            Ok(said)
        };
        wait::until("an event says what is wrong with the trust domain", LIMIT, told).await?;
        let meshes = all(&scene.meshes()).await?;
        let named = meshes.iter().filter_map(|mesh| mesh.metadata.name.as_deref());
        ensure!(!named.into_iter().any(|name| name.contains(NAMESPACE)), "it is a Mesh");
        deployments.delete("istiod", &kube::api::DeleteParams::default()).await?;
        Ok(())
    });
}
