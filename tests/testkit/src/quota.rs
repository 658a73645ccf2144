//! What kube-controller-manager does for ResourceQuotas, where only kube-apiserver runs: a quota is not in force before
//! somebody has counted.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use k8s_openapi::api::core::v1::{ResourceQuota, ResourceQuotaStatus};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::Value;

/// Counts what a quota limits (`count/<plural>.<group>`) and writes its status, as the controller does. kube-apiserver
/// goes on counting what is created; after a deletion it is to be called again.
pub async fn count(client: &Client, namespace: &str, name: &str) -> Result<()> {
    let api: Api<ResourceQuota> = Api::namespaced(client.clone(), namespace);
    let mut quota = api.get(name).await?;
    let hard = quota.spec.as_ref().and_then(|spec| spec.hard.clone()).unwrap_or_default();
    let mut used = BTreeMap::new();
    for resource in hard.keys() {
        let count = number(client, namespace, resource).await?;
        used.insert(resource.clone(), Quantity(count.to_string()));
    }
    quota.status = Some(ResourceQuotaStatus { hard: Some(hard), used: Some(used) });
    api.replace_status(name, &PostParams::default(), &quota).await?;
    Ok(())
}

async fn number(client: &Client, namespace: &str, limited: &str) -> Result<usize> {
    let resource = limited.strip_prefix("count/").context("count/<plural>.<group>")?;
    let (plural, group) = resource.split_once('.').context("a group")?;
    let about: Value = read(client, &format!("/apis/{group}")).await?;
    let version = about["preferredVersion"]["groupVersion"].as_str().context("a version")?;
    let list = read(client, &format!("/apis/{version}/namespaces/{namespace}/{plural}")).await?;
    Ok(list["items"].as_array().context("a list")?.len())
}

async fn read(client: &Client, path: &str) -> Result<Value> {
    Ok(client.request(http::Request::get(path).body(Vec::new())?).await?)
}
