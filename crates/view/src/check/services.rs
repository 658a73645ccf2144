//! Whether the hub and the agents are there.

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use meshroot_api::names::{HUB_LEASE, SYSTEM_NAMESPACE};

use super::{Finding, Level, Snapshot};
use crate::age;
use crate::clusters::{HEARD_WITHIN, heartbeat};

pub(super) fn check(snapshot: &Snapshot) -> Vec<Finding> {
    hub(snapshot).into_iter().chain(agents(snapshot)).collect()
}

fn hub(snapshot: &Snapshot) -> Option<Finding> {
    let is_its = |lease: &&Lease| {
        let meta = &lease.metadata;
        meta.name.as_deref() == Some(HUB_LEASE)
            && meta.namespace.as_deref() == Some(SYSTEM_NAMESPACE)
    };
    let mut none = Lease::default();
    none.metadata.name = Some(HUB_LEASE.to_owned());
    none.metadata.namespace = Some(SYSTEM_NAMESPACE.to_owned());
    let lease = snapshot.leases.iter().find(is_its).unwrap_or(&none);
    let heard = lease.spec.as_ref().and_then(|spec| Some(spec.renew_time.as_ref()?.0));
    let silence = silence(heard, snapshot.now)?;
    let message = format!("the hub {silence}: nothing is issued or delivered");
    let next = format!("see whether it runs: kubectl -n {SYSTEM_NAMESPACE} get pods");
    Some(Finding::new(Level::Problem, lease, message, next))
}

fn agents(snapshot: &Snapshot) -> impl Iterator<Item = Finding> {
    snapshot.clusters.iter().filter_map(|cluster| {
        let name = cluster.metadata.name.as_deref().unwrap_or_default();
        let lease = heartbeat(&snapshot.leases, name);
        let heard = lease.and_then(|lease| lease.renew_time.as_ref()).map(|time| time.0);
        let silence = silence(heard, snapshot.now)?;
        let message = format!("its agent {silence}: none of its meshes is renewed");
        let next = format!(
            "see whether it runs and reaches the hub: kubectl --context {name} -n meshroot-agent logs deploy/meshroot-agent"
        );
        Some(Finding::new(Level::Problem, cluster, message, next))
    })
}

/// How long nothing was heard; `None` while that is as it should be.
fn silence(heard: Option<Timestamp>, now: Timestamp) -> Option<String> {
    match heard {
        None => Some("was never heard".to_owned()),
        Some(heard) if now.duration_since(heard) <= HEARD_WITHIN => None,
        Some(heard) => Some(format!("was last heard {} ago", age::age(heard, now))),
    }
}
