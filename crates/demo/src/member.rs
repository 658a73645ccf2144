//! How far one mesh of the demo is, from what the hub's API says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use meshroot_api::names::{RequestName, cluster_namespace};
use meshroot_api::security::ApprovalStatus;
use meshroot_api::trust::Pickup;
use meshroot_api::{MeshTrust, VirtualMeshCertificateSigningRequest as Request};

use super::VIRTUAL_MESH;
use super::processes::mesh_name;

/// One member of the virtual mesh.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) cluster: String,
    pub(super) mesh: String,
    pub(super) facts: Facts,
    /// Everything was so already when it was first looked at.
    found: bool,
    begun: Option<Instant>,
    ended: Option<Instant>,
}

/// What the API says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// Name of its newest request; empty while there is none.
    pub(super) request: String,
    key_made: bool,
    approved: Option<Approver>,
    denied: Option<String>,
    issued: bool,
    installed: bool,
    loaded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Approver {
    Policy,
    ThirdParty,
}

impl Facts {
    /// Reads the newest request of `mesh` among `requests`, and its MeshTrust.
    pub(super) fn read(mesh: &str, requests: &[Arc<Request>], trust: Option<&MeshTrust>) -> Self {
        let ours = requests.iter().filter_map(|request| {
            let name = RequestName::parse(request.metadata.name.as_deref()?)?;
            (name.mesh == mesh && name.virtual_mesh == VIRTUAL_MESH).then_some((name, request))
        });
        let newest = ours.max_by_key(|(name, _)| name.generation);
        let name = newest.as_ref().map(|(name, _)| name.to_string());
        // An issued request may be gone; what it was for stands in MeshTrust.
        let name =
            name.or_else(|| trust.map(|trust| trust.spec.request.clone())).unwrap_or_default();
        let mut facts = newest.map(|(_, request)| Self::of_request(request)).unwrap_or_default();
        let status = trust.and_then(|trust| trust.status.as_ref());
        if status.is_some_and(|status| !name.is_empty() && status.installed.as_ref() == Some(&name))
        {
            facts = Self { key_made: true, issued: true, installed: true, ..facts };
            facts.loaded = status.is_some_and(|status| status.pickup == Pickup::Confirmed);
        }
        facts.request = name;
        facts
    }

    fn of_request(request: &Request) -> Self {
        let decision = request.status_or_default().third_party_approval;
        let by_policy = decision.message.starts_with("approved by policy");
        let approved = match decision.approval_status {
            ApprovalStatus::Approved if by_policy => Some(Approver::Policy),
            ApprovalStatus::Approved => Some(Approver::ThirdParty),
            _ => None,
        };
        Self {
            key_made: !request.spec.csr_data.0.is_empty(),
            denied: (decision.approval_status == ApprovalStatus::Denied)
                .then_some(decision.message),
            approved,
            issued: request.is_answered(),
            ..Self::default()
        }
    }

    /// Whether there is something to decide on and nobody has.
    pub(super) fn is_undecided(&self) -> bool {
        self.key_made && self.approved.is_none() && self.denied.is_none() && !self.issued
    }

    /// Why it was denied, if it was.
    pub(super) fn denial(&self) -> Option<&str> {
        self.denied.as_deref()
    }

    /// What has not happened, for an error.
    pub(super) fn missing(&self) -> &'static str {
        match self {
            Self { loaded: true, .. } => "nothing is missing",
            Self { installed: true, .. } => "is installed but was not seen to be loaded",
            Self { issued: true, .. } => "is issued but not installed",
            Self { denied: Some(_), .. } => "was denied",
            Self { approved: Some(_), .. } => "is approved but not issued",
            Self { key_made: true, .. } => "waits for a decision",
            Self { request, .. } if !request.is_empty() => "waits for the agent to make a key",
            _ => "was not asked for",
        }
    }

    fn steps(&self, cluster: &str) -> Vec<String> {
        let mut steps = Vec::new();
        let mut push = |happened: bool, text: &str| steps.extend(happened.then(|| text.to_owned()));
        push(self.key_made, &format!("key made in {cluster}"));
        push(self.approved == Some(Approver::Policy), "approved by policy");
        push(self.approved == Some(Approver::ThirdParty), "approved by a third party");
        push(self.issued, "issued");
        push(self.installed, "installed");
        push(self.loaded, "loaded");
        steps
    }
}

impl Member {
    pub(super) fn new(cluster: &str) -> Self {
        let (cluster, mesh) = (cluster.to_owned(), mesh_name(cluster));
        Self { cluster, mesh, facts: Facts::default(), found: false, begun: None, ended: None }
    }

    /// One that gets another certificate, from `now` on.
    pub(super) fn renewing(cluster: &str, now: Instant) -> Self {
        Self { begun: Some(now), ..Self::new(cluster) }
    }

    /// Its namespace on the hub.
    pub(super) fn namespace(&self) -> String {
        cluster_namespace(&self.cluster)
    }

    /// Takes in what was read at `now`.
    pub(super) fn update(&mut self, facts: Facts, now: Instant) {
        let first_look = self.begun.is_none();
        if first_look && !facts.request.is_empty() {
            self.found = facts.loaded;
            self.begun = Some(now);
        }
        if facts.loaded && self.ended.is_none() {
            self.ended = Some(now);
        }
        self.facts = facts;
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.facts.loaded
    }

    /// From the request until the mesh uses the certificate, or until now.
    pub(super) fn took(&self, now: Instant) -> Option<Duration> {
        Some(self.ended.unwrap_or(now).duration_since(self.begun?))
    }

    /// `key made in east → approved by policy → …`.
    pub(super) fn text(&self) -> String {
        if self.found {
            return format!("{} is in use, from before", self.facts.request);
        }
        let mut steps = self.facts.steps(&self.cluster);
        if let Some(why) = &self.facts.denied {
            steps.push(format!("denied: {why}"));
        } else if self.facts.is_undecided() {
            steps.push("waits for approval".to_owned());
        } else if steps.is_empty() {
            steps.push(format!("{} makes a key", self.cluster));
        }
        steps.join(" → ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn request(generation: u32, csr: &str, status: &Value) -> Arc<Request> {
        let object = json!({
            "apiVersion": "security.zephyr.solo.io/v1alpha1", "kind": "VirtualMeshCertificateSigningRequest",
            "metadata": { "name": format!("istio-istio-system-east.demo.{generation}") },
            "spec": { "csrData": meshroot_api::Bytes::from(csr.to_owned()) }, "status": status,
        });
        Arc::new(serde_json::from_value(object).unwrap())
    }

    fn text(requests: &[Arc<Request>]) -> String {
        let mut member = Member::new("east");
        member.update(Facts::read("istio-istio-system-east", requests, None), Instant::now());
        member.text()
    }

    #[test]
    fn each_step_is_told_once_it_has_happened() {
        assert_eq!(text(&[]), "east makes a key");
        let pending = json!({ "thirdPartyApproval": { "approvalStatus": "PENDING" } });
        assert_eq!(text(&[request(1, "x", &pending)]), "key made in east → waits for approval");
        let approved = json!({ "thirdPartyApproval": { "approvalStatus": "APPROVED", "message": "approved by policy: x" } });
        assert_eq!(text(&[request(1, "x", &approved)]), "key made in east → approved by policy");
        let denied =
            json!({ "thirdPartyApproval": { "approvalStatus": "DENIED", "message": "no" } });
        assert_eq!(text(&[request(1, "x", &denied)]), "key made in east → denied: no");
    }

    #[test]
    fn the_newest_request_counts() {
        let denied =
            json!({ "thirdPartyApproval": { "approvalStatus": "DENIED", "message": "no" } });
        let all = [request(2, "", &json!({})), request(1, "x", &denied)];
        let facts = Facts::read("istio-istio-system-east", &all, None);
        assert_eq!(facts.request, "istio-istio-system-east.demo.2");
        assert_eq!(facts.missing(), "waits for the agent to make a key");
    }
}
