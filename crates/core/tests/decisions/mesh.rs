//! What an agent does next for one mesh.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use meshroot_api::names::RequestName;
use meshroot_api::policy::{Adopt, KeyAlgorithm, Restart};
use meshroot_api::security::{ApprovalStatus, Response};
use meshroot_api::shared::{State, Status};
use meshroot_api::trust::{MeshTrustSpec, Pickup, Witness};
use meshroot_api::{Mesh, MeshTrust, Reason, VirtualMeshCertificateSigningRequest as Request};
use meshroot_core::mesh::{
    Actions, Fact, Facts, Found, Installed, KeptKey, Plan, Report, Step, View, plan,
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
    requests: Vec<Arc<Request>>,
    place: ControlPlane,
    found: Found,
    facts: Facts,
}

fn root() -> Certificate {
    static ROOT: std::sync::LazyLock<Certificate> =
        std::sync::LazyLock::new(|| Template::root().sign(root_key()));
    ROOT.clone()
}

fn other_root() -> Certificate {
    let mut other = Template::new(&subject("other"), &subject("other"), leaf_key());
    other.extensions = Template::root().extensions;
    other.sign(leaf_key())
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

fn kept(key: &PrivateKey) -> Option<KeptKey> {
    let mut spec = asked(1).spec;
    spec.csr_data = Vec::new().into();
    Some(KeptKey { public_key: key.public_key().clone(), spec })
}

fn installed(generation: u32) -> Installed {
    Installed {
        request: name(generation).to_string(),
        intermediate: Some(intermediate()),
        anchors: vec![root().fingerprint()],
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
            renew_at: 0.95,
            adopt: Adopt::Never,
            restart: Restart::Manual,
        };
        let place = ControlPlane {
            mesh: MESH.into(),
            namespace: "istio-system".into(),
            deployment: "istiod".into(),
            secret: "cacerts",
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
            requests: vec![Arc::new(answered(asked(1)))],
            place,
            found: Found::Ours(Box::new(installed(1))),
            facts,
        }
    }

    /// The same, a moment before the first certificate is installed.
    fn before_installation() -> Self {
        let mut scene = Self::new();
        scene.found = Found::Nothing;
        scene.with_key(1, kept(intermediate_key()))
    }

    /// The same, when the certificate in use is due.
    fn due() -> Self {
        let mut scene = Self::new();
        scene.trust.spec.renew_at = 0.1;
        scene.with_key(1, kept(intermediate_key()))
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
            requests: &self.requests,
            control_plane: &self.place,
            found: &self.found,
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
    assert_eq!(report.loaded.unwrap().leaf_lifetime_seconds, Some(2 * DAY));
    scene.assert_says(Reason::Loaded, &format!("istiod uses the certificate of {}", name(1)));
}

mod delivery {
    use super::*;

    #[test]
    fn an_answer_that_is_not_installed_is_once_the_key_is_read() {
        let mut scene = Scene::before_installation();
        match scene.plan() {
            Plan::Install(delivery) => {
                assert_eq!(delivery.request, name(1));
                assert_eq!((delivery.chain, delivery.roots), (vec![intermediate()], vec![root()]));
            }
            other => panic!("{other:?}"),
        }
        scene.facts.keys.clear();
        scene.assert_asks(&Fact::Key(name(1)));
    }

    type Change = fn(&mut Installed);

    #[rstest::rstest]
    #[case::somebody_changed_it(|it: &mut Installed| it.intact = false)]
    #[case::other_anchors(|it: &mut Installed| it.anchors.clear())]
    #[case::an_older_certificate(|it: &mut Installed| it.request = name(7).to_string())]
    fn what_is_not_as_it_should_be_is_written_again_and_not_twice_in_a_turn(
        #[case] change: Change,
    ) {
        let mut scene = Scene::before_installation();
        let mut there = installed(1);
        change(&mut there);
        scene.found = Found::Ours(Box::new(there));
        assert!(matches!(scene.plan(), Plan::Install(_)), "{:?}", scene.plan());
        scene.facts.delivered = true;
        assert!(!matches!(scene.plan(), Plan::Install(_)), "{:?}", scene.plan());
    }

    #[test]
    fn what_somebody_else_wrote_is_replaced_only_if_that_is_allowed() {
        let mut scene = Scene::before_installation();
        scene.found = Found::Foreign(Refusal::new(Reason::ForeignSecret, "theirs"));
        scene.assert_says(Reason::ForeignSecret, "theirs");
        assert_eq!(scene.actions().again, Some(Duration::from_secs(30)));
        scene.trust.spec.adopt = Adopt::Always;
        assert!(matches!(scene.plan(), Plan::Install(_)), "{:?}", scene.plan());
    }

    #[test]
    fn an_answer_that_does_not_verify_is_not_installed_and_it_is_said_why() {
        let scene = Scene::before_installation().with_key(1, None);
        scene.assert_says(Reason::ResponseInvalid, "run `meshroot renew`");
        let scene = Scene::before_installation().with_key(1, kept(leaf_key()));
        scene.assert_says(Reason::ResponseInvalid, "for another key");
        let mut scene = Scene::before_installation();
        Arc::make_mut(&mut scene.requests[0]).spec.cert_config.hosts = vec!["a.example".into()];
        scene.assert_says(Reason::ResponseInvalid, "asked was [a.example]");
        let mut scene = Scene::before_installation();
        scene.mesh.spec.istio.as_mut().unwrap().citadel_info.trust_domain = "corp.example".into();
        scene.assert_says(Reason::ResponseInvalid, "is not named spiffe://corp.example/");
        let mut scene = Scene::before_installation();
        scene.roots = vec![other_root()];
        scene.assert_says(Reason::LintRefused, "(path)");
        let mut scene = Scene::before_installation();
        scene.trust.spec.request = "nonsense".into();
        scene.assert_says(Reason::ResponseInvalid, "no name of a request");
    }
}

mod waiting {
    use super::*;

    /// Nothing is installed, and this is the request that is waited for.
    fn scene(request: Request) -> Scene {
        let mut scene = Scene::before_installation();
        scene.requests = vec![Arc::new(request)];
        scene
    }

    #[test]
    fn a_request_on_its_ordinary_way_is_not_worth_a_word() {
        let mut without_csr = asked(1);
        without_csr.spec.csr_data = Vec::new().into();
        let said_to_the_agent = said(asked(1), State::Unknown);
        for request in [asked(1), without_csr, said_to_the_agent] {
            let scene = scene(request);
            assert_eq!(scene.steps(), Vec::<&str>::new());
            assert_eq!(scene.actions().again, None);
        }
        let mut scene = Scene::before_installation();
        scene.requests.clear();
        assert_eq!(scene.steps(), Vec::<&str>::new());
    }

    #[test]
    fn what_a_person_has_to_know_is_said_by_state_with_the_hubs_text_whole() {
        for (state, reason) in [
            (State::Invalid, Reason::RequestRefused),
            (State::Conflict, Reason::RequestRefused),
            (State::ProcessingError, Reason::RequestFailing),
        ] {
            let text = format!("request {}: Why: so it is", name(1));
            scene(said(asked(1), state)).assert_says(reason, &text);
            assert_eq!(
                reason.state().word(),
                if state == State::Conflict { "INVALID" } else { state.word() }
            );
        }
        scene(denied(asked(1))).assert_says(Reason::Denied, "was denied: CHG-9");
    }

    #[test]
    fn a_question_to_a_person_is_passed_on() {
        let mut request = asked(1);
        let question = issuance::waiting_for_approval(&request).status();
        request.status.get_or_insert_default().computed_status = question;
        let command = format!("meshroot approve {NAMESPACE}/{}", name(1));
        scene(request).assert_says(Reason::WaitingForApproval, &command);
    }
}

mod pickup {
    use super::*;

    #[test]
    fn a_control_plane_is_asked_once_something_of_ours_is_installed() {
        let mut scene = Scene::new();
        scene.facts.seen = None;
        scene.assert_asks(&Fact::Seen);
        scene.found = Found::Nothing;
        scene.requests.clear();
        assert_eq!(scene.steps(), Vec::<&str>::new());
    }

    #[test]
    fn one_that_must_be_restarted_is_only_where_the_policy_allows_it_and_a_witness_says_so() {
        let mut scene = Scene::new();
        scene.facts.seen = Some(chain(old_intermediate()));
        assert_eq!(scene.steps(), ["measure", "report"]);
        scene.assert_says(Reason::RestartNeeded, "run: kubectl -n istio-system rollout restart");
        scene.trust.spec.restart = Restart::Automatic;
        assert_eq!(scene.steps(), ["measure", "report", "restart"]);
        scene.assert_says(Reason::RestartNeeded, "is being restarted");
        scene.facts.seen = Some(Seen::default());
        assert_eq!(scene.steps(), ["measure", "report"]);
        scene.assert_says(Reason::Installed, "cannot be asked from here");
    }

    #[test]
    fn one_that_shows_nothing_new_is_asked_ever_less_often() {
        let mut scene = Scene::new();
        scene.facts.seen = Some(chain(old_intermediate()));
        for (waited, again) in [(0, 2), (8, 2), (40, 10), (119, 29), (400, 30)] {
            let Found::Ours(there) = &mut scene.found else { panic!() };
            there.written = now() - SignedDuration::from_secs(waited);
            let again = Some(Duration::from_secs(again));
            let asked = scene.actions().again.map(|asked| Duration::from_secs(asked.as_secs()));
            assert_eq!(asked, again, "{waited}");
        }
    }

    #[test]
    fn a_secret_of_ours_that_nobody_can_read_is_said() {
        let mut scene = Scene::new();
        scene.requests.clear();
        let Found::Ours(there) = &mut scene.found else { panic!() };
        there.intermediate = None;
        scene.assert_says(Reason::ForeignSecret, "Secret istio-system/cacerts");
    }
}

mod renewal {
    use super::*;

    #[test]
    fn what_is_due_is_asked_for_from_what_is_kept_beside_the_key() {
        let mut scene = Scene::due();
        assert_eq!(scene.steps(), ["measure", "renew", "report"]);
        assert_eq!(scene.asked_for(), Some(name(2)));
        scene.assert_says(Reason::Loaded, "uses the certificate");
        scene.requests.clear();
        assert_eq!(scene.asked_for(), Some(name(2)), "the old request is not needed");
        scene.facts.keys.clear();
        scene.assert_asks(&Fact::Key(name(1)));
        let gone = Scene::due().with_key(1, None);
        assert_eq!(gone.steps(), ["measure", "report"]);
        gone.assert_says(Reason::ResponseInvalid, "run `meshroot renew`");
    }

    #[test]
    fn nothing_is_asked_for_before_its_time_nor_once_the_mesh_has_moved() {
        assert_eq!(Scene::new().asked_for(), None);
        let mut moved = Scene::due();
        moved.trust.spec.request = RequestName::first(MESH, "prod").to_string();
        assert_eq!(moved.asked_for(), None);
    }

    #[test]
    fn a_renewal_that_is_under_way_is_waited_for() {
        for next in [asked(2), said(asked(2), State::ProcessingError), denied(asked(2))] {
            assert_eq!(Scene::due().with(next).asked_for(), None);
        }
        let trouble = Scene::new().with(denied(asked(2)));
        trouble.assert_says(Reason::Denied, &name(2).to_string());
        assert_eq!(trouble.report().unwrap().pickup, Pickup::Confirmed, "what was seen is kept");
    }

    #[test]
    fn one_that_can_never_be_answered_is_followed_by_the_next_number() {
        let taken = Scene::due().with(said(asked(2), State::Conflict));
        assert_eq!(taken.asked_for(), Some(name(3)));
        taken.assert_says(Reason::Loaded, "uses the certificate");
        let no_csr_at_all = Request {
            spec: meshroot_api::security::VirtualMeshCertificateSigningRequestSpec {
                csr_data: b"x".to_vec().into(),
                ..asked(2).spec
            },
            ..said(asked(2), State::Invalid)
        };
        assert_eq!(Scene::due().with(no_csr_at_all).asked_for(), Some(name(3)));
    }

    #[test]
    fn one_that_is_refused_is_followed_only_if_it_is_not_for_its_own_key() {
        let refused = || Scene::due().with(said(renewed(2, leaf_key()), State::Invalid));
        refused().assert_asks(&Fact::Key(name(2)));
        let own = refused().with_key(2, kept(leaf_key()));
        assert_eq!(own.asked_for(), None);
        own.assert_says(Reason::RequestRefused, "Why: so it is");
        for other in [kept(root_key()), None] {
            assert_eq!(refused().with_key(2, other).asked_for(), Some(name(3)));
        }
        // The key in use once more.
        let reused = Scene::due().with(said(asked(2), State::Invalid));
        let reused = reused.with_key(2, kept(intermediate_key()));
        assert_eq!(reused.asked_for(), Some(name(3)));
    }

    fn renewed(generation: u32, key: &PrivateKey) -> Request {
        request(&name(generation).to_string(), csr(key, &[IDENTITY]).to_pem().into_bytes())
    }
}

mod superseded {
    use super::*;

    /// The second certificate is in use, the first has not been forgotten.
    fn scene() -> Scene {
        let mut scene = Scene::new().with(answered(asked(2)));
        scene.trust.spec.request = name(2).to_string();
        scene.found = Found::Ours(Box::new(installed(2)));
        scene.facts.kept = Some(vec![name(1), name(2)]);
        scene.facts.trust_is_fresh = true;
        scene
    }

    fn forgotten(scene: &Scene) -> Option<(Vec<RequestName>, Vec<RequestName>)> {
        scene.actions().steps.into_iter().find_map(|step| match step {
            Step::Forget { requests, keys } => Some((requests, keys)),
            _ => None,
        })
    }

    #[test]
    fn older_requests_and_keys_go_once_the_newer_certificate_is_confirmed() {
        let mut scene = scene();
        assert_eq!(forgotten(&scene), Some((vec![name(1)], vec![name(1)])));
        scene.facts.seen = Some(chain(old_intermediate()));
        assert_eq!(forgotten(&scene), None);
    }

    #[test]
    fn nothing_goes_before_the_keys_are_known_and_the_virtual_mesh_is_sure() {
        let mut lagging = scene();
        lagging.facts.trust_is_fresh = false;
        lagging.assert_asks(&Fact::FreshTrust);
        let mut unknown = scene();
        unknown.facts.kept = None;
        unknown.assert_asks(&Fact::Kept);
    }

    #[test]
    fn nothing_goes_once_the_mesh_has_moved() {
        let mut scene = scene();
        scene.trust.spec.request = RequestName::first(MESH, "prod").to_string();
        assert_eq!(forgotten(&scene), None);
    }
}

mod report {
    use super::*;

    #[test]
    fn a_status_that_says_nothing_new_is_not_written_and_a_reason_is_news_once() {
        let mut scene = Scene::new();
        scene.trust.metadata.generation = Some(3);
        let report = scene.report().unwrap();
        assert!(report.is_new(&scene.trust) && report.is_noteworthy());
        let status = report.status(&scene.trust, "1.0.0", now()).unwrap();
        assert_eq!(status.message, report.said.to_string());
        let condition = &status.conditions[0];
        assert_eq!((condition.status.as_str(), condition.reason.as_str()), ("True", "Loaded"));
        assert_eq!(condition.observed_generation, Some(3));
        scene.trust.status = Some(status);
        assert_eq!(report.status(&scene.trust, "1.0.0", now()), None);
        assert!(!report.is_new(&scene.trust));
    }

    #[test]
    fn what_was_loaded_stays_known_while_something_else_is_waited_for() {
        let mut scene = Scene::new();
        let before = scene.report().unwrap().status(&scene.trust, "1.0.0", now()).unwrap();
        scene.trust.status = Some(before.clone());
        scene.facts.seen = Some(chain(old_intermediate()));
        let later = now() + SignedDuration::from_secs(60);
        let after = scene.report().unwrap().status(&scene.trust, "1.0.0", later).unwrap();
        assert_eq!((after.loaded, after.pickup), (before.loaded, Pickup::RestartNeeded));
        assert_ne!(after.since, before.since);
        assert_eq!(after.conditions[0].status, "False");
    }

    #[test]
    fn a_refusal_leaves_what_was_seen_as_it_was() {
        let mut scene = Scene::new();
        let before = scene.report().unwrap().status(&scene.trust, "1.0.0", now()).unwrap();
        scene.trust.status = Some(before.clone());
        scene.trust.spec.request = "nonsense".into();
        let report = scene.report().unwrap();
        let after = report.status(&scene.trust, "1.0.0", now()).unwrap();
        assert_eq!((after.pickup, after.since), (before.pickup, before.since));
        assert_eq!((after.installed, after.loaded), (before.installed, before.loaded));
    }
}
