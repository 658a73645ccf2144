//! The objects of a fresh server.

use apiserver_access::bootstrap;
use serde_json::Value;

use crate::requests::{RBAC, administrator, get};

#[tokio::test(flavor = "multi_thread")]
async fn the_default_roles_and_bindings_are_the_real_servers() {
    let client = administrator().await.unwrap();
    for object in bootstrap() {
        let plural = format!("{}s", object["kind"].as_str().unwrap().to_lowercase());
        let name = object["metadata"]["name"].as_str().unwrap();
        let real = get(&client, &format!("{RBAC}/{plural}/{name}")).await.unwrap();
        for part in ["apiVersion", "kind", "roleRef", "subjects", "aggregationRule"] {
            assert_eq!(object.get(part), real.get(part), "{name}: {part}");
        }
        for part in ["labels", "annotations"] {
            assert_eq!(object["metadata"][part], real["metadata"][part], "{name}: {part}");
        }
        // The controller that aggregates does not run beside the real server here.
        if object.get("aggregationRule").is_none() {
            assert_eq!(object.get("rules"), real.get("rules"), "{name}: rules");
        } else {
            assert_eq!(real["rules"], Value::Null, "{name}");
        }
    }
}
