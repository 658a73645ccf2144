use meshroot_manifests as manifests;

use crate::setup::{condition, resource, with_definitions};

#[tokio::test]
async fn every_definition_is_established_and_structural() {
    let server = with_definitions().await;
    let client = server.admin().await;
    for definition in manifests::crds() {
        let definition = serde_json::to_value(definition).unwrap();
        let name = definition["metadata"]["name"].as_str().unwrap();
        let object = resource(&client, &definition).get(name).await.unwrap().data;
        assert_eq!(condition(&object, "Established"), Some("True"), "{name}");
        assert_eq!(condition(&object, "NamesAccepted"), Some("True"), "{name}");
        assert_ne!(
            condition(&object, "NonStructuralSchema"),
            Some("True"),
            "{name}: {}",
            object["status"]
        );
        assert_ne!(condition(&object, "Terminating"), Some("True"), "{name}");
    }
}
