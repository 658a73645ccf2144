//! Objects that a new server begins with.

use apiserver_store as store;
use serde_json::{Value, json};

use crate::api::Api;
use crate::clock;
use crate::decode::defaults;
use crate::object::{encoding, identifiers, metadata};
use crate::server::options::ServerError;
use crate::state::collections::{
    CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, NAMESPACES, ROLE_BINDINGS, ROLES,
};

/// Stores those that are not there.
pub(super) async fn store(api: &Api) -> Result<(), ServerError> {
    for (collection, mut object) in first_objects() {
        let catalog = api.derived.catalog();
        let Some(served) = catalog.stored_in(collection) else { continue };
        let name = metadata::name(&object).to_owned();
        let key = store::Key::new(collection, metadata::text(&object, "namespace"), name.as_str());
        if api.objects.read(&key).is_some() {
            continue;
        }
        metadata::set(&mut object, "uid", identifiers::new_uid());
        metadata::set(&mut object, "creationTimestamp", clock::now().to_string());
        defaults::fill_in(served, &mut object);
        let write = store::Write {
            key,
            condition: store::Condition::Absent,
            change: store::Change::Put(encoding::stored(&object)),
            labels: metadata::labels(&object),
            given: None,
        };
        let failed = |error| ServerError::First { what: format!("{collection} {name}"), error };
        api.objects.write(write).await.map_err(failed)?;
    }
    Ok(())
}

/// The namespaces of every cluster, and the roles and bindings of Kubernetes itself.
fn first_objects() -> Vec<(&'static str, Value)> {
    let namespace = |name: &str| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    let names = ["default", "kube-system", "kube-public", "kube-node-lease"];
    let namespaces = names.map(|name| (NAMESPACES, namespace(name)));
    let rights = apiserver_access::bootstrap().into_iter().map(|object| {
        let collection = match object["kind"].as_str().unwrap_or_default() {
            "ClusterRole" => CLUSTER_ROLES,
            "ClusterRoleBinding" => CLUSTER_ROLE_BINDINGS,
            "Role" => ROLES,
            _ => ROLE_BINDINGS,
        };
        (collection, object)
    });
    namespaces.into_iter().chain(rights).collect()
}
