//! The objects that a list or a watch is about.

use apiserver_kinds::Kind;
use apiserver_object::LabelSelector;
use apiserver_store as store;
use serde_json::Value;

use crate::failure::Failure;
use crate::object::version;
use crate::request::field_selector::FieldSelector;
use crate::request::parameters::Parameters;
use crate::request::path::ResourcePath;
use crate::state::served::Served;

/// Where they are, and what they are selected by.
pub(crate) struct Selection {
    pub(crate) namespace: Option<String>,
    pub(crate) labels: LabelSelector,
    pub(crate) fields: FieldSelector,
}

impl Selection {
    /// Reads the selectors. A right to one name counts for a field selector on it: what was authorized under that name
    /// selects nothing else.
    pub(crate) fn read(
        served: &Served,
        path: &ResourcePath,
        parameters: &Parameters,
    ) -> Result<Self, Failure> {
        let namespace =
            (served.kind.namespaced && !path.namespace.is_empty()).then(|| path.namespace.clone());
        let labels =
            LabelSelector::parse(&parameters.label_selector).map_err(Failure::bad_request)?;
        let fields = FieldSelector::read(&served.kind, &parameters.field_selector)?;
        Ok(Self { namespace, labels, fields })
    }

    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Looks into the object's JSON only where a field selector asks for more than its name.
    pub(crate) fn matches(&self, kind: &Kind, object: &store::Object) -> bool {
        let label = |key: &str| {
            let mut labels = object.labels.iter();
            labels.find(|(own, _)| **own == *key).map(|(_, value)| &**value)
        };
        if !self.labels.matches(label) {
            return false;
        }
        if self.fields.is_empty() {
            return true;
        }
        let value = if self.fields.needs_object() {
            version::served(kind, object).unwrap_or_default()
        } else {
            Value::Null
        };
        self.fields.matches(&object.key.namespace, &object.key.name, &value)
    }
}
