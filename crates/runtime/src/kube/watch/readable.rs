//! One object of a list or a watch, read by itself.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An object, or what is left of one that its type cannot hold.
///
/// A schema may take what a type does not, and whoever writes one such object would keep everybody from reading the
/// whole list. `metadata.managedFields`, which nobody here reads and clients may write as they like, is not read at all;
/// it is up to a third of each object.
#[derive(Clone, Debug)]
pub struct Readable<K> {
    object: Result<K, String>,
    /// Of an object that cannot be read: name, namespace, uid and resourceVersion.
    metadata: ObjectMeta,
}

impl<K> Readable<K> {
    /// The object, or why its type cannot hold it.
    ///
    /// # Errors
    ///
    /// What the deserializer says, with field and value.
    pub fn read(self) -> Result<K, String> {
        self.object
    }
}

impl<'de, K: Deserialize<'de> + Resource> Deserialize<'de> for Readable<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        let metadata = value.get_mut("metadata").map(|metadata| {
            metadata.as_object_mut().map(|fields| fields.remove("managedFields"));
            let text = |field: &str| metadata[field].as_str().map(str::to_owned);
            ObjectMeta {
                name: text("name"),
                namespace: text("namespace"),
                uid: text("uid"),
                resource_version: text("resourceVersion"),
                ..ObjectMeta::default()
            }
        });
        let object = K::deserialize(value).map_err(|error| error.to_string());
        Ok(Self { object, metadata: metadata.unwrap_or_default() })
    }
}

impl<K: Resource> Resource for Readable<K> {
    type DynamicType = K::DynamicType;
    type Scope = K::Scope;

    fn kind(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::kind(kind)
    }

    fn group(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::group(kind)
    }

    fn version(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::version(kind)
    }

    fn plural(kind: &Self::DynamicType) -> Cow<'_, str> {
        K::plural(kind)
    }

    fn meta(&self) -> &ObjectMeta {
        self.object.as_ref().map_or(&self.metadata, Resource::meta)
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        match &mut self.object {
            Ok(object) => object.meta_mut(),
            Err(_) => &mut self.metadata,
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use serde_json::json;

    use super::*;

    fn read(data: &Value) -> Readable<ConfigMap> {
        // As Go writes the last day of the year 9999 in a zone that is behind.
        let managed = json!([{ "manager": "x", "time": "10000-01-01T13:59:59Z" }]);
        let metadata = json!({ "name": "a", "namespace": "b", "managedFields": managed });
        let object = json!({ "metadata": metadata, "data": data });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn what_nobody_reads_spoils_no_object() {
        let object = read(&json!({ "key": "value" })).object.unwrap();
        assert_eq!(object.metadata.name.as_deref(), Some("a"));
        assert_eq!(object.metadata.managed_fields, None);
    }

    #[test]
    fn an_object_that_cannot_be_read_is_known_by_its_name() {
        let unreadable = read(&json!({ "key": 7 }));
        assert!(unreadable.object.is_err());
        let meta = unreadable.meta();
        assert_eq!((meta.name.as_deref(), meta.namespace.as_deref()), (Some("a"), Some("b")));
    }
}
