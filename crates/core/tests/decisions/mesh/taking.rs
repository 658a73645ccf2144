//! A mesh that has a CA of its own is taken over in steps.

use meshroot_api::trust::{Sent, TakingOver};
use meshroot_core::mesh::{Delivery, Own, Taking};
use meshroot_core::pickup::Settings;

use super::*;

fn own() -> Own {
    Own { certificate: other_root(), chain: Vec::new(), anchors: vec![other_root()] }
}

/// What istiod gives that has loaded this.
fn loaded(certificate: &Certificate, chain: &[Certificate], anchors: &[Certificate]) -> Seen {
    let not_after = now().as_second() + 3600;
    let leaf = Template { not_after, ..Template::leaf() }.sign(intermediate_key());
    let above = if chain.is_empty() { vec![certificate.clone()] } else { chain.to_vec() };
    let all = std::iter::once(leaf).chain(above).chain(anchors.to_vec());
    Seen { workload_chain: Some(all.collect()), ..Seen::default() }
}

/// A mesh that signs by itself, and what has come of it.
struct Mesh {
    scene: Scene,
    at: Timestamp,
}

/// How long after something was loaded the last workload follows.
const LAG: SignedDuration = SignedDuration::from_mins(60 + 5);

impl Mesh {
    fn new(found: Found) -> Self {
        let mut scene = Scene::before_installation();
        scene.found = found;
        scene.facts.unused = Some(false);
        scene.facts.seen = Some(loaded(&other_root(), &[], &[other_root()]));
        Self { scene, at: now() }
    }

    fn self_signed() -> Self {
        Self::new(Found::SelfSigned(Box::new(own())))
    }

    /// What is written now; `None` where nothing is.
    fn written(&mut self) -> Option<Delivery> {
        let Plan::Install(delivery) = self.scene.plan_at(self.at) else { return None };
        let certificate = match (&self.scene.found, delivery.keeps) {
            (_, false) => delivery.chain[0].clone(),
            (Found::SelfSigned(own), true) => own.certificate.clone(),
            (Found::Foreign { own, .. }, true) => own.clone().unwrap().certificate,
            (Found::Ours(installed), true) => installed.intermediate.clone().unwrap(),
            (Found::Nothing, true) => panic!("nothing can be kept"),
        };
        self.scene.found = Found::Ours(Box::new(Installed {
            request: delivery.request.as_ref().map(ToString::to_string).unwrap_or_default(),
            intermediate: Some(certificate),
            chain: delivery.chain.clone(),
            anchors: delivery.roots.clone(),
            taking: delivery.taking.clone(),
            goal: delivery.goal,
            written: self.at,
            intact: true,
        }));
        Some(*delivery)
    }

    fn installed(&mut self) -> &mut Installed {
        match &mut self.scene.found {
            Found::Ours(installed) => installed,
            other => panic!("{other:?}"),
        }
    }

    /// The control plane loads what is written, and the agent sees it.
    fn load(&mut self) {
        let installed = self.installed().clone();
        let certificate = installed.intermediate.unwrap();
        self.scene.facts.seen = Some(loaded(&certificate, &installed.chain, &installed.anchors));
        assert_eq!(self.note(), Some(true), "it is noted that it is loaded");
        let at = self.at;
        self.installed().taking.as_mut().unwrap().loaded = Some(at);
        assert_eq!(self.note(), None, "once");
    }

    fn note(&self) -> Option<bool> {
        self.actions().steps.iter().find_map(|step| match step {
            Step::NoteLoaded(is_loaded) => Some(*is_loaded),
            _ => None,
        })
    }

    fn actions(&self) -> Actions {
        match self.scene.plan_at(self.at) {
            Plan::Do(actions) => actions,
            other => panic!("{other:?}"),
        }
    }

    fn says(&self) -> (Pickup, Reason, String) {
        let report = self.actions().steps.into_iter().find_map(|step| match step {
            Step::Report(report) => Some(report),
            _ => None,
        });
        let report = report.expect("something is said");
        (report.pickup, report.said.reason, report.said.message)
    }

    fn wait(&mut self, time: SignedDuration) {
        self.at += time;
    }

    /// Loaded, and the last workload has followed.
    fn follow(&mut self) {
        self.load();
        self.wait(LAG - SignedDuration::from_secs(1));
        assert!(self.written().is_none(), "a workload may still have what was before");
        self.wait(SignedDuration::from_secs(1));
    }
}

#[test]
fn a_mesh_that_signs_by_itself_goes_on_with_its_ca_until_its_workloads_trust_both_roots() {
    let mut mesh = Mesh::self_signed();
    let first = mesh.written().unwrap();
    assert!(first.keeps && first.request.is_none() && first.chain.is_empty(), "{first:?}");
    assert_eq!(first.roots, [root(), other_root()]);
    let (pickup, reason, message) = mesh.says();
    assert_eq!((pickup, reason), (Pickup::RestartNeeded, Reason::RestartNeeded), "{message}");
    mesh.wait(LAG + LAG);
    assert!(mesh.written().is_none(), "not seen to be loaded");
    mesh.load();
    let (pickup, reason, message) = mesh.says();
    assert_eq!((pickup, reason), (Pickup::Waiting, Reason::TakingOver), "{message}");
    let until = (mesh.at + LAG).to_string();
    assert!(message.contains(&until) && message.contains("CN=other"), "{message}");
    assert_eq!(mesh.actions().steps.len(), 1, "a report, and nothing more");
    mesh.wait(LAG);
    let second = mesh.written().unwrap();
    assert!(!second.keeps && second.request == Some(name(1)), "{second:?}");
    assert_eq!((second.chain.as_slice(), &second.roots), (&[intermediate()][..], &first.roots));
    mesh.follow();
    let third = mesh.written().unwrap().taking.unwrap().facts;
    assert!(third.sent.is_empty(), "nobody sends what leads to its former root: {third:?}");
}

#[test]
fn then_its_former_root_is_trusted_no_more_and_at_last_nothing_is_left_of_it() {
    let mut mesh = Mesh::self_signed();
    mesh.written().unwrap();
    mesh.follow();
    mesh.written().unwrap();
    mesh.load();
    let (pickup, reason, message) = mesh.says();
    assert_eq!((pickup, reason), (Pickup::Confirmed, Reason::TakingOver), "{message}");
    let has_come = |mesh: &Mesh| {
        let steps = mesh.actions().steps;
        steps.iter().any(|step| matches!(step, Step::Report(report) if report.has_come))
    };
    assert!(!has_come(&mesh), "its workloads trust more than it is told");
    mesh.wait(LAG);
    let third = mesh.written().unwrap();
    assert_eq!((third.request, third.roots), (Some(name(1)), vec![root()]));
    mesh.load();
    assert!(has_come(&mesh));
    assert_eq!(mesh.says().1, Reason::TakingOver);
    mesh.wait(LAG);
    assert_eq!(mesh.says().1, Reason::Loaded);
    assert!(mesh.written().is_none(), "it is as it should be");
}

#[test]
fn once_it_is_over_what_the_hub_tells_is_installed_without_a_step_between() {
    let mut mesh = Mesh::self_signed();
    for _ in 0..2 {
        mesh.written().unwrap();
        mesh.follow();
    }
    mesh.written().unwrap();
    mesh.follow();
    // As in a rotation by a cross-certificate: what is installed leads to the new root too.
    let cross = Template::new(&subject("nobody"), &subject("root"), root_key());
    let cross =
        Template { extensions: Template::root().extensions, ..cross }.sign(intermediate_key());
    mesh.scene.roots = vec![root_of_nobody()];
    mesh.scene.above = Some(vec![cross]);
    let told = mesh.written().unwrap();
    assert_eq!((told.roots, told.keeps), (vec![root_of_nobody()], false));
    assert_eq!(told.taking, None);
}

#[test]
fn where_nothing_would_be_gained_it_is_taken_over_at_once() {
    let at_once = |mesh: &mut Mesh| {
        let written = mesh.written().unwrap();
        written.taking.is_none() && !written.keeps && written.roots == [root()]
    };
    let mut asked = Mesh::self_signed();
    asked.scene.trust.spec.adopt = Adopt::AtOnce;
    assert!(at_once(&mut asked), "the policy says so");
    let mut unused = Mesh::self_signed();
    unused.scene.facts.unused = Some(true);
    assert!(at_once(&mut unused), "no workload has a certificate");
    let mut ended = own();
    let mut template = Template::root();
    template.not_after = now().as_second();
    ended.certificate = template.sign(leaf_key());
    assert!(at_once(&mut Mesh::new(Found::SelfSigned(Box::new(ended)))), "its CA has ended");
    let stray = Own { anchors: vec![root_of_nobody()], ..own() };
    assert!(at_once(&mut Mesh::new(Found::SelfSigned(Box::new(stray)))), "nobody verifies it");
}

fn root_of_nobody() -> Certificate {
    static NOBODY: std::sync::LazyLock<Certificate> = std::sync::LazyLock::new(|| {
        let mut nobody = Template::new(&subject("nobody"), &subject("nobody"), intermediate_key());
        nobody.extensions = Template::root().extensions;
        nobody.sign(intermediate_key())
    });
    NOBODY.clone()
}

#[test]
fn whether_its_ca_was_ever_used_is_asked_before_the_control_plane_is() {
    let mut mesh = Mesh::self_signed();
    mesh.scene.facts.unused = None;
    mesh.scene.facts.seen = None;
    mesh.scene.assert_asks(&Fact::Unused);
    mesh.scene.facts.unused = Some(false);
    mesh.scene.assert_asks(&Fact::Seen);
}

#[test]
fn somebody_elses_ca_is_taken_over_in_the_same_steps_where_that_is_allowed() {
    let mut mesh = Mesh::new(Found::Foreign {
        refusal: Refusal::new(Reason::ForeignSecret, "theirs"),
        own: Some(Box::new(own())),
    });
    assert_eq!(mesh.says().1, Reason::ForeignSecret);
    mesh.scene.trust.spec.adopt = Adopt::Always;
    let first = mesh.written().unwrap();
    assert!(first.keeps && first.roots == [root(), other_root()], "{first:?}");
}

#[test]
fn a_mesh_that_moves_keeps_its_certificate_until_its_workloads_trust_the_new_root() {
    let mut there = installed(7);
    there.intermediate = Some(other_root());
    there.chain = vec![other_root()];
    there.anchors = vec![other_root()];
    let mut mesh = Mesh::new(Found::Ours(Box::new(there)));
    mesh.scene.trust.spec.adopt = Adopt::Always;
    let first = mesh.written().unwrap();
    assert!(first.keeps && first.request == Some(name(7)), "{first:?}");
    assert_eq!(first.roots, [root(), other_root()]);
}

#[test]
fn with_live_anchors_it_is_the_same_and_no_restart_is_asked_for() {
    let mut mesh = Mesh::self_signed();
    let settings = Settings { anchors_live: true, leaf_lifetime: SignedDuration::from_hours(24) };
    mesh.scene.facts.seen.as_mut().unwrap().settings = Some(settings);
    mesh.written().unwrap();
    assert_eq!(mesh.says().1, Reason::TakingOver);
}

#[test]
fn a_restart_is_made_once_for_each_write() {
    let mut mesh = Mesh::self_signed();
    mesh.scene.trust.spec.restart = Restart::Automatic;
    let restart = |mesh: &Mesh| {
        mesh.actions().steps.into_iter().find_map(|step| match step {
            Step::Restart(cause) => Some(cause),
            _ => None,
        })
    };
    mesh.written().unwrap();
    let first = restart(&mesh).unwrap();
    assert_eq!(restart(&mesh), Some(first.clone()));
    mesh.follow();
    mesh.written().unwrap();
    mesh.follow();
    mesh.written().unwrap();
    let before = loaded(&intermediate(), &[intermediate()], &[root(), other_root()]);
    mesh.scene.facts.seen = Some(before);
    assert_ne!(restart(&mesh).unwrap(), first);
}

#[test]
fn a_renewal_in_the_middle_does_not_make_it_wait_anew() {
    let mut mesh = Mesh::self_signed();
    mesh.written().unwrap();
    mesh.follow();
    mesh.written().unwrap();
    mesh.load();
    let since = mesh.at;
    mesh.wait(SignedDuration::from_mins(1));
    mesh.scene.trust.spec.request = name(2).to_string();
    mesh.scene.requests.push(Arc::new(answered(asked(2))));
    mesh.scene.facts.keys.insert(name(2), Some(kept(intermediate_key())));
    let renewed = mesh.written().unwrap();
    assert_eq!(renewed.request, Some(name(2)));
    assert_eq!(renewed.taking.unwrap().loaded, Some(since));
}

#[test]
fn another_root_that_is_told_in_the_middle_is_trusted_too_before_anything_else() {
    let mut mesh = Mesh::self_signed();
    mesh.written().unwrap();
    mesh.load();
    mesh.scene.roots = vec![root(), root_of_nobody()];
    let both = mesh.written().unwrap();
    assert!(both.keeps, "{both:?}");
    assert_eq!(both.roots, [root(), root_of_nobody(), other_root()]);
    assert_eq!(both.taking.unwrap().loaded, None, "seen of something else");
}

#[test]
fn what_is_deleted_in_the_middle_is_written_again_with_all_that_workloads_may_need() {
    let mut mesh = Mesh::self_signed();
    let status = mesh.scene.trust.status.get_or_insert_default();
    status.installed = Some(name(1).to_string());
    status.conditions.push(loaded_condition(Reason::TakingOver));
    let both = [root(), other_root()];
    mesh.scene.facts.seen = Some(loaded(&intermediate(), &[intermediate()], &both));
    let again = mesh.written().unwrap();
    assert_eq!((again.request, again.roots), (Some(name(1)), vec![root(), other_root()]));
    assert_eq!(again.taking.unwrap().facts.trusted.len(), 2);
}

#[test]
fn what_is_deleted_later_is_written_again_as_it_was_unless_the_mesh_signs_by_itself_again() {
    let mut mesh = Mesh::self_signed();
    let status = mesh.scene.trust.status.get_or_insert_default();
    status.installed = Some(name(1).to_string());
    status.conditions.push(loaded_condition(Reason::Loaded));
    let again =
        mesh.scene.facts.seen.replace(loaded(&intermediate(), &[intermediate()], &[root()]));
    assert_eq!(mesh.written().unwrap().roots, [root()]);
    mesh.scene.found = Found::SelfSigned(Box::new(own()));
    mesh.scene.facts.seen = again;
    let first = mesh.written().unwrap();
    assert!(first.keeps && first.roots == [root(), other_root()], "{first:?}");
}

fn loaded_condition(reason: Reason) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition {
    k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition {
        type_: meshroot_core::progress::LOADED.to_owned(),
        status: "True".to_owned(),
        reason: reason.word().to_owned(),
        message: String::new(),
        observed_generation: None,
        last_transition_time: k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(now()),
    }
}

#[test]
fn what_was_somebody_elses_and_is_deleted_in_the_middle_is_asked_for() {
    let mut mesh = Mesh::new(Found::Nothing);
    let status = mesh.scene.trust.status.get_or_insert_default();
    status.installed = Some(name(1).to_string());
    status.conditions.push(loaded_condition(Reason::TakingOver));
    let (_, reason, message) = mesh.says();
    assert_eq!(reason, Reason::RootWouldChange);
    assert!(message.contains("create it again from cacerts-backup-"), "{message}");
    mesh.scene.trust.spec.adopt = Adopt::AtOnce;
    assert_eq!(mesh.written().unwrap().roots, [root()]);
}

#[test]
fn what_somebody_changed_and_what_another_replica_has_not_loaded_is_waited_for_anew() {
    let mut mesh = Mesh::self_signed();
    mesh.written().unwrap();
    mesh.load();
    mesh.scene.facts.seen = Some(loaded(&other_root(), &[], &[other_root()]));
    assert_eq!(mesh.note(), Some(false), "another replica has not loaded it");
    mesh.installed().intact = false;
    let again = mesh.written().unwrap();
    assert_eq!(again.taking.unwrap().loaded, None);
}

#[test]
fn a_ca_that_ends_while_it_goes_on_is_replaced_by_what_is_told() {
    let mut mesh = Mesh::self_signed();
    mesh.written().unwrap();
    let mut ended = Template::root();
    ended.not_after = mesh.at.as_second();
    mesh.installed().intermediate = Some(ended.sign(leaf_key()));
    let told = mesh.written().unwrap();
    assert_eq!((told.keeps, told.roots), (false, vec![root()]));
}

#[test]
fn of_several_roots_that_a_mesh_had_each_may_still_be_led_to() {
    let both = Own { anchors: vec![other_root(), root_of_nobody()], ..own() };
    let mut mesh = Mesh::new(Found::SelfSigned(Box::new(both)));
    let first = mesh.written().unwrap().taking.unwrap().facts;
    let issuer = root_of_nobody().fingerprint().to_string();
    assert_eq!(first.sent, [Sent { issuer, through: None }]);
}

#[test]
fn a_longer_lifetime_of_a_leaf_is_written_down() {
    let mut mesh = Mesh::self_signed();
    mesh.written().unwrap();
    mesh.load();
    let since = mesh.at;
    let settings = Settings { anchors_live: false, leaf_lifetime: SignedDuration::from_hours(48) };
    mesh.scene.facts.seen.as_mut().unwrap().settings = Some(settings);
    let again = mesh.written().unwrap().taking.unwrap();
    assert_eq!(again.facts.leaf_lifetime_seconds, Some(48 * 3600));
    assert_eq!(again.loaded, Some(since));
}

#[test]
fn more_roots_than_can_be_told_apart_are_refused() {
    let own_root = own();
    let many = (0..16_u8)
        .map(|number| Template { serial: vec![number + 20], ..Template::root() }.sign(root_key()));
    let anchors = std::iter::once(other_root()).chain(many).collect();
    let mesh = Mesh::new(Found::SelfSigned(Box::new(Own { anchors, ..own_root })));
    let (_, reason, message) = mesh.says();
    assert_eq!(reason, Reason::ForeignSecret);
    assert!(message.contains("more than 16 roots"), "{message}");
}

#[test]
fn a_former_root_that_nobody_has_any_more_is_not_left_out_in_silence() {
    let mut mesh = Mesh::self_signed();
    mesh.written().unwrap();
    mesh.load();
    let gone = Sent { issuer: "00".repeat(32), through: None };
    let (own, trusts) = (vec!["00".repeat(32)], vec!["00".repeat(32)]);
    let facts = TakingOver { own, trusts, sends: gone, ..TakingOver::default() };
    mesh.installed().taking = Some(Taking { facts, loaded: None });
    let (_, reason, message) = mesh.says();
    assert_eq!(reason, Reason::RootWouldChange);
    assert!(message.contains("spec.adopt: AtOnce"), "{message}");
}
