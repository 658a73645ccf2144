//! Who has which number of a ledger.
//!
//! A record is created under its request's name, so that a request has one; its number must be its own too, also where
//! a hub that has lost its Lease writes once more. So each number is claimed before its record is created, by one write
//! of one object that is based on the claim before it.

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::{Api, Client};
use meshroot_api::names::{self, LEDGER_CLAIM_ENTRY};
use meshroot_api::record::IssuanceRecordSpec;
use meshroot_core::ledger::End;
use meshroot_runtime::kube::write::{Written, create_if_absent, replace};

use crate::error::HubError;

/// The claims of all ledgers: one ConfigMap each, in the hub's own namespace, where nobody from a cluster comes.
pub(super) struct Claims {
    api: Api<ConfigMap>,
    namespace: String,
}

/// The newest claim of one ledger.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    object: ConfigMap,
    /// The whole entry, so that whoever comes next can record it where its hub died before it did.
    pub(super) entry: IssuanceRecordSpec,
}

impl Claim {
    pub(super) fn end(&self) -> End {
        End::after(&self.entry)
    }

    fn read(object: ConfigMap) -> Result<Self, HubError> {
        let text = object.data.as_ref().and_then(|data| data.get(LEDGER_CLAIM_ENTRY));
        let entry = serde_json::from_str(text.map_or("", String::as_str)).map_err(|source| {
            let meta = &object.metadata;
            let [namespace, name] = [&meta.namespace, &meta.name].map(Option::as_deref);
            HubError::UnreadableClaim {
                config_map: [namespace, name].map(Option::unwrap_or_default).join("/"),
                source,
            }
        })?;
        Ok(Self { object, entry })
    }
}

impl Claims {
    pub(super) fn new(client: Client, namespace: &str) -> Self {
        Self { api: Api::namespaced(client, namespace), namespace: namespace.to_owned() }
    }

    /// The newest claim in the ledger of this namespace; `None` where nothing was claimed yet.
    pub(super) async fn newest(&self, namespace: &str) -> Result<Option<Claim>, HubError> {
        let found = self.api.get_opt(&names::ledger_claim(namespace)).await;
        found.map_err(|error| HubError::ReadLedger(Box::new(error)))?.map(Claim::read).transpose()
    }

    /// Claims the number of `entry` in the ledger of `namespace`, after `last`; fails where another hub has claimed one
    /// since.
    pub(super) async fn claim(
        &self,
        namespace: &str,
        last: Option<Claim>,
        entry: &IssuanceRecordSpec,
    ) -> Result<Claim, HubError> {
        let Some(last) = last else { return self.begin(namespace, entry).await };
        let object = ConfigMap { data: Some(data(entry)), ..last.object };
        Ok(Claim { object: replace(&self.api, &object).await?, entry: entry.clone() })
    }

    async fn begin(&self, namespace: &str, entry: &IssuanceRecordSpec) -> Result<Claim, HubError> {
        let metadata = ObjectMeta {
            name: Some(names::ledger_claim(namespace)),
            namespace: Some(self.namespace.clone()),
            labels: Some(names::labels()),
            ..ObjectMeta::default()
        };
        let object = ConfigMap { metadata, data: Some(data(entry)), ..ConfigMap::default() };
        match create_if_absent(&self.api, &object).await? {
            Written::Created(object) => Ok(Claim { object, entry: entry.clone() }),
            Written::Existed(_) => Err(HubError::NumberTaken { namespace: namespace.to_owned() }),
        }
    }
}

fn data(entry: &IssuanceRecordSpec) -> std::collections::BTreeMap<String, String> {
    // A struct of texts, numbers and times: it always has a JSON form.
    let json = serde_json::to_string(entry).unwrap_or_default();
    [(LEDGER_CLAIM_ENTRY.to_owned(), json)].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_that_somebody_spoiled_is_named_with_what_to_do() {
        let metadata = ObjectMeta {
            name: Some(names::ledger_claim("meshroot-cluster-east")),
            namespace: Some("meshroot-system".into()),
            ..ObjectMeta::default()
        };
        let spoiled = [None, Some(""), Some("7"), Some("{\"sequence\": 7}")];
        for text in spoiled {
            let data = text.map(|text| [(LEDGER_CLAIM_ENTRY.to_owned(), text.to_owned())].into());
            let object = ConfigMap { metadata: metadata.clone(), data, ..ConfigMap::default() };
            let message = Claim::read(object).unwrap_err().to_string();
            assert!(
                message.contains("meshroot-system/meshroot-ledger.meshroot-cluster-east"),
                "{message}"
            );
            assert!(message.contains("delete it"), "{message}");
        }
    }
}
