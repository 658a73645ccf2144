//! What an agent does next for one mesh.

mod delivery;
mod pickup;
mod renewal;
mod report;
mod superseded;
mod taking;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use meshroot_api::names::{REASON_ANNOTATION, RequestName};
use meshroot_api::policy::{Adopt, KeyAlgorithm, Restart};
use meshroot_api::security::{ApprovalStatus, Response};
use meshroot_api::shared::{State, Status};
use meshroot_api::trust::{MeshTrustSpec, MeshTrustStatus, Pickup, Witness};
use meshroot_api::{Mesh, MeshTrust, Reason, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::mesh::{
    Actions, Fact, Facts, Found, Installed, KeptKey, Plan, Report, Step, View, plan, put_back,
};
use meshroot_core::meshes::ControlPlane;
use meshroot_core::pickup::Seen;
use meshroot_core::{Refusal, issuance};
use meshroot_pki::{Certificate, PrivateKey, to_bundle};

use crate::scene::{IDENTITY, MESH, NAMESPACE, csr, istio, mesh, request};
use crate::x509::{
    DAY, Template, alternative_names, hosts, intermediate_key, leaf_key, name as subject, now,
    root_key,
};

/// One mesh with everything at rest: its first certificate is installed and in use. A test changes one thing.
struct Scene {
    mesh: Mesh,
    trust: MeshTrust,
    roots: Vec<Certificate>,
    above: Option<Vec<Certificate>>,
    requests: Vec<Arc<Request>>,
    place: ControlPlane,
    found: Found,
    asked: Option<Duration>,
    facts: Facts,
}

fn root() -> Certificate {
    static ROOT: std::sync::LazyLock<Certificate> =
        std::sync::LazyLock::new(|| Template::root().sign(root_key()));
    ROOT.clone()
}

fn other_root() -> Certificate {
    static OTHER: std::sync::LazyLock<Certificate> = std::sync::LazyLock::new(|| {
        let mut other = Template::new(&subject("other"), &subject("other"), leaf_key());
        other.extensions = Template::root().extensions;
        other.sign(leaf_key())
    });
    OTHER.clone()
}

/// ECDSA signs differently each time: one certificate is kept.
fn intermediate() -> Certificate {
    static INTERMEDIATE: std::sync::LazyLock<Certificate> = std::sync::LazyLock::new(|| {
        let mut template = Template::intermediate();
        template.with(alternative_names(false, &hosts(&[IDENTITY])));
        template.sign(root_key())
    });
    INTERMEDIATE.clone()
}

fn name(generation: u32) -> RequestName {
    RequestName { mesh: MESH.into(), virtual_mesh: "demo".into(), generation }
}

/// A request of this number with a CSR for the intermediate's key.
fn asked(generation: u32) -> Request {
    let csr = csr(intermediate_key(), &[IDENTITY]).to_pem().into_bytes();
    request(&name(generation).to_string(), csr)
}

fn answered(mut request: Request) -> Request {
    let response = Response {
        ca_certificate: intermediate().to_pem().into_bytes().into(),
        root_certificate: root().to_pem().into_bytes().into(),
    };
    request.status.get_or_insert_default().response = response;
    request
}

fn said(mut request: Request, state: State) -> Request {
    request.status.get_or_insert_default().computed_status = Status::new(state, "Why: so it is");
    request
}

fn denied(mut request: Request) -> Request {
    let workflow = &mut request.status.get_or_insert_default().third_party_approval;
    workflow.approval_status = ApprovalStatus::Denied;
    workflow.message = "CHG-9".into();
    request
}

fn kept(key: &PrivateKey) -> KeptKey {
    let mut spec = asked(1).spec;
    spec.csr_data = Vec::new().into();
    KeptKey { public_key: key.public_key().clone(), spec }
}

fn installed(generation: u32) -> Installed {
    Installed {
        request: name(generation).to_string(),
        intermediate: Some(intermediate()),
        chain: vec![intermediate()],
        goal: None,
        anchors: vec![root()],
        taking: None,
        written: now() - SignedDuration::from_hours(1),
        intact: true,
    }
}

/// A workload certificate below the intermediate, or below an older one, as the control plane gives it.
fn chain(intermediate: Certificate) -> Seen {
    let leaf = Template::leaf().sign(intermediate_key());
    Seen { workload_chain: Some(vec![leaf, intermediate, root()]), ..Seen::default() }
}

fn old_intermediate() -> Certificate {
    Template { serial: vec![1], ..Template::intermediate() }.sign(root_key())
}

impl Scene {
    fn new() -> Self {
        let spec = MeshTrustSpec {
            request: name(1).to_string(),
            trust_anchors: to_bundle(&[root()]),
            key: KeyAlgorithm::EcdsaP256,
            renew_at_percent: 95,
            adopt: Adopt::Never,
            restart: Restart::Manual,
            chain_certificates: None,
            rotation: None,
        };
        let place = ControlPlane {
            mesh: MESH.into(),
            namespace: "istio-system".into(),
            deployment: "istiod".into(),
            secret: "cacerts",
            may_restart: true,
        };
        let facts = Facts {
            seen: Some(chain(intermediate())),
            kept: Some(vec![name(1)]),
            ..Facts::default()
        };
        Self {
            mesh: mesh(istio()),
            trust: MeshTrust::new(MESH, spec),
            roots: vec![root()],
            above: None,
            requests: vec![Arc::new(answered(asked(1)))],
            place,
            found: Found::Ours(Box::new(installed(1))),
            asked: None,
            facts,
        }
    }

    /// The same, a moment before the first certificate is installed.
    fn before_installation() -> Self {
        let mut scene = Self::new();
        scene.found = Found::Nothing;
        scene.facts.trust_is_fresh = true;
        scene.with_key(1, Some(kept(intermediate_key())))
    }

    /// The same, when the certificate in use is due.
    fn due() -> Self {
        let mut scene = Self::new();
        scene.trust.spec.renew_at_percent = 10;
        scene.with_key(1, Some(kept(intermediate_key())))
    }

    fn with_key(mut self, generation: u32, key: Option<KeptKey>) -> Self {
        self.facts.keys.insert(name(generation), key);
        self
    }

    fn with(mut self, request: Request) -> Self {
        self.requests.push(Arc::new(request));
        self
    }

    fn plan(&self) -> Plan {
        self.plan_at(now())
    }

    fn plan_at(&self, at: Timestamp) -> Plan {
        let view = View {
            mesh: &self.mesh,
            trust: &self.trust,
            roots: &self.roots,
            above: self.above.as_deref(),
            requests: &self.requests,
            control_plane: &self.place,
            found: &self.found,
            asked: self.asked,
            facts: &self.facts,
        };
        plan(&view, at)
    }

    fn actions(&self) -> Actions {
        match self.plan() {
            Plan::Do(actions) => actions,
            other => panic!("{other:?}"),
        }
    }

    /// What is reported, if anything is.
    fn report(&self) -> Option<Report> {
        self.actions().steps.into_iter().find_map(|step| match step {
            Step::Report(report) => Some(*report),
            _ => None,
        })
    }

    /// The one word for each step.
    fn steps(&self) -> Vec<&'static str> {
        let word = |step: &Step| match step {
            Step::Renew { .. } => "renew",
            Step::Measure { .. } => "measure",
            Step::Report(_) => "report",
            Step::NoteLoaded(_) => "note",
            Step::Restart(_) => "restart",
            Step::Forget { .. } => "forget",
        };
        self.actions().steps.iter().map(word).collect()
    }

    fn asked_for(&self) -> Option<RequestName> {
        self.actions().steps.into_iter().find_map(|step| match step {
            Step::Renew { name, .. } => Some(name),
            _ => None,
        })
    }

    #[track_caller]
    fn assert_asks(&self, fact: &Fact) {
        match self.plan() {
            Plan::Look(asked) => assert_eq!(&asked, fact),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn assert_says(&self, reason: Reason, part: &str) {
        let said = self.report().expect("something is said").said;
        assert_eq!(said.reason, reason, "{}", said.message);
        assert!(said.message.contains(part), "{part:?} is not in {:?}", said.message);
        assert!(!said.message.ends_with('.'), "{}", said.message);
    }
}

#[test]
fn what_is_in_use_is_reported_and_looked_at_each_minute() {
    let scene = Scene::new();
    assert_eq!(scene.steps(), ["measure", "report"]);
    assert_eq!(scene.actions().again, Some(Duration::from_mins(1)));
    let report = scene.report().unwrap();
    assert_eq!(
        (report.pickup, report.witness),
        (Pickup::Confirmed, Some(Witness::WorkloadCertificate))
    );
    assert_eq!(report.installed, Some(name(1).to_string()));
    assert_eq!(report.loaded.unwrap().leaf_lifetime_seconds, Some(DAY));
    scene.assert_says(Reason::Loaded, &format!("istiod uses the certificate of {}", name(1)));
}
