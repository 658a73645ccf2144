//! Approval rules.

use meshroot_api::facts::CertificateFacts;
use meshroot_api::names::ASKED_ANNOTATION;
use meshroot_api::policy::{ApprovalMode, ApprovalRule, RuleOutcome, TrustPolicySpec};
use meshroot_api::record::IssuanceRecordSpec;
use meshroot_api::security::ApprovalStatus;
use meshroot_api::{Facts, Reason};
use meshroot_core::issuance::{Decision, read};
use meshroot_core::membership::Key;
use meshroot_core::rules::{Case, Fault, Last, Rules, facts, vocabulary};
use rstest::rstest;

use crate::issuance::what_would_be_signed;
use crate::recorded::record;
use crate::scene::{IDENTITY, Scene};

fn rule(name: &str, when: &str, then: RuleOutcome) -> ApprovalRule {
    ApprovalRule { name: name.to_owned(), when: when.to_owned(), then, message: String::new() }
}

fn scene(rules: &[ApprovalRule]) -> Scene {
    let mut scene = Scene::new();
    scene.rules = rules.to_vec();
    scene
}

/// What rules see of the scene's request under the default policy.
fn facts_of(scene: &Scene) -> Facts {
    let csr = read(&scene.request).unwrap();
    let place = (scene.mesh.as_ref().unwrap(), scene.virtual_mesh.as_ref().unwrap());
    facts(&scene.request, &csr, place, &TrustPolicySpec::default())
}

/// The ledger's entry for a certificate like the one that is asked for.
fn last(scene: &Scene) -> IssuanceRecordSpec {
    let facts = serde_json::to_string(&facts_of(scene)).unwrap();
    IssuanceRecordSpec { facts, ..record(scene) }
}

/// The same with a certificate that `change` makes another one.
fn last_with(scene: &Scene, change: impl Fn(&mut CertificateFacts)) -> IssuanceRecordSpec {
    let mut facts = facts_of(scene);
    change(&mut facts.certificate);
    IssuanceRecordSpec { facts: serde_json::to_string(&facts).unwrap(), ..record(scene) }
}

/// Whether a condition is true of the scene's request.
fn says(scene: &Scene, when: &str) -> Result<bool, String> {
    let rules = Rules::compile(&[rule("one", when, RuleOutcome::Ask)]).unwrap();
    let last = scene.last.as_ref().and_then(Last::of);
    let now = jiff::Timestamp::from_second(scene.now).unwrap();
    rules.judge(&Case::new(&facts_of(scene), last.as_ref(), now)).asked[0].1.clone()
}

#[test]
fn the_first_rule_that_is_true_decides_and_is_named() {
    let scene = scene(&[
        rule("never", "false", RuleOutcome::Deny),
        ApprovalRule {
            message: "known cluster".to_owned(),
            ..rule("east", "mesh.cluster == 'east'", RuleOutcome::Approve)
        },
        rule("always", "true", RuleOutcome::Deny),
    ]);
    let (_, by, message) = scene.issued();
    assert_eq!((by, message.as_str()), ("rule", "east: known cluster"));
}

#[rstest]
#[case(ApprovalMode::Automatic)]
#[case(ApprovalMode::ThirdParty)]
fn where_no_rule_is_true_the_mode_decides(#[case] mode: ApprovalMode) {
    let mut scene = scene(&[rule("never", "false", RuleOutcome::Deny)]);
    scene.mode = mode;
    match mode {
        ApprovalMode::Automatic => assert_eq!(scene.issued().1, "policy"),
        ApprovalMode::ThirdParty => {
            scene.assert_waits(Reason::WaitingForApproval, &["waiting for somebody"]);
        }
    }
}

#[test]
fn a_rule_that_asks_has_people_asked_under_either_mode_and_they_decide() {
    for mode in [ApprovalMode::Automatic, ApprovalMode::ThirdParty] {
        let mut scene = scene(&[rule("all", "true", RuleOutcome::Ask)]);
        scene.mode = mode;
        scene.assert_waits(Reason::WaitingForApproval, &["(rule all): meshroot approve"]);
        let scene = scene.decided_by_third_party(ApprovalStatus::Approved, "CHG-1");
        assert_eq!(scene.issued().1, "third-party");
    }
}

#[test]
fn a_rule_that_denies_denies_whoever_approved_it() {
    let rules = [ApprovalRule {
        message: "frozen until January".to_owned(),
        ..rule("freeze", "true", RuleOutcome::Deny)
    }];
    let pending = scene(&rules);
    let approved = scene(&rules).decided_by_third_party(ApprovalStatus::Approved, "");
    for scene in [pending, approved] {
        scene.assert_refused(Reason::Denied, &["denied by rule: freeze: frozen until January"]);
        match scene.decide() {
            Decision::Deny { decided, .. } => {
                assert_eq!((decided.by, decided.people.len()), ("rule", 0));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[rstest]
#[case::last_is_not_there("last.pathLen == 0", "no such key: pathLen")]
#[case::division("1 / certificate.pathLen == 1", "division by zero")]
#[case::label("mesh.labels['team'] == 'a'", "no such key: team")]
#[case::index("certificate.hosts[7] == ''", "index out of bounds")]
#[case::cost(
    "certificate.hosts.all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, [1,2,3,4,5,6,7,8,9].all(d, [1,2,3,4,5,6,7,8,9].all(e, [1,2,3,4,5,6,7,8,9].all(f, e > 0))))))",
    "cost"
)]
fn a_rule_that_cannot_be_evaluated_never_approves(#[case] when: &str, #[case] why: &str) {
    let mut scene = scene(&[
        rule("broken", when, RuleOutcome::Approve),
        rule("all", "true", RuleOutcome::Approve),
    ]);
    for mode in [ApprovalMode::Automatic, ApprovalMode::ThirdParty] {
        scene.mode = mode;
        let parts = ["(rule broken could not be evaluated: ", why];
        scene.assert_waits(Reason::WaitingForApproval, &parts);
    }
}

#[rstest]
#[case::unknown_name("request.user == 'x'", "when, line:column 1:8: undefined field 'user'")]
#[case::undeclared(
    "\n  oldObject == null",
    "when, line:column 2:3: undeclared reference to 'oldObject'"
)]
#[case::types("request.number == '1'", "when, line:column 1:16: found no matching overload")]
#[case::syntax("request.name ==", "when, line:column 1:16: Syntax error")]
#[case::no_truth("request.name", "when is true or false, and not of type string")]
#[case::rights(
    "authorizer.path('/').check('get').allowed()",
    "undeclared reference to 'authorizer'"
)]
fn a_rule_that_cannot_be_compiled_never_approves_and_says_where(
    #[case] when: &str,
    #[case] why: &str,
) {
    let rules =
        [rule("first", "true", RuleOutcome::Approve), rule("wrong", when, RuleOutcome::Approve)];
    let faults = Rules::compile(&rules).unwrap_err();
    assert!(faults[0].to_string().starts_with("spec.approval.rules[1] (wrong): "), "{}", faults[0]);
    assert!(faults[0].text.contains(why), "{}", faults[0]);
    assert!(!faults[0].brief().contains('\n'));
    let scene = scene(&rules);
    scene
        .assert_waits(Reason::WaitingForApproval, &["(rule spec.approval.rules[1] (wrong): ", why]);
}

#[test]
fn two_rules_of_one_name_are_refused() {
    let rules = ["same", "same"].map(|name| rule(name, "true", RuleOutcome::Ask));
    let fault = Fault { place: 1, rule: "same".into(), text: "another rule has this name".into() };
    assert_eq!(Rules::compile(&rules).unwrap_err(), [fault]);
}

#[test]
fn conditions_see_the_request_and_what_it_is_for() {
    let scene = Scene::new();
    for when in [
        "request.name == 'istio-istio-system-east.demo.1' && request.number == 1",
        "request.namespace == 'meshroot-cluster-east' && mesh.cluster == 'east'",
        "csr.sha256.size() == 64 && csr.keySha256.size() == 64 && csr.hosts == certificate.hosts",
        "certificate.hosts.all(it, it.startsWith('spiffe://cluster.local/'))",
        "certificate.organization == 'Istio' && certificate.key.startsWith('ECDSA-P')",
        "certificate.lifetime == duration('2160h') && certificate.pathLen == 0",
        "mesh.name == 'istio-istio-system-east' && mesh.type == 'istio'",
        "mesh.trustDomain == 'cluster.local' && !('team' in mesh.labels)",
        "virtualMesh.name == 'demo' && virtualMesh.namespace == 'meshroot-system'",
        "!renewal && changes == [] && !has(last.request)",
        "now == timestamp('1970-01-01T00:00:00Z')",
        "now.getDayOfWeek() == 4 && now.getHours('+01:00') == 1",
    ] {
        assert_eq!(says(&scene, when), Ok(true), "{when}");
    }
}

#[rstest]
#[case::hosts(|it: &mut CertificateFacts| it.hosts = vec!["a.example".to_owned()], "hosts")]
#[case::organization(|it: &mut CertificateFacts| it.organization = "Other".to_owned(), "organization")]
#[case::key(|it: &mut CertificateFacts| it.key = "RSA-2048".to_owned(), "key")]
#[case::lifetime(|it: &mut CertificateFacts| it.lifetime = "60s".to_owned(), "lifetime")]
#[case::path_len(|it: &mut CertificateFacts| it.path_len = 1, "pathLen")]
fn each_difference_from_the_certificate_before_is_named(
    #[case] change: fn(&mut CertificateFacts),
    #[case] name: &str,
) {
    let mut scene = Scene::new();
    scene.last = Some(last(&scene));
    assert_eq!(says(&scene, "renewal && changes == [] && hostsAdded == []"), Ok(true));
    scene.last = Some(last_with(&scene, change));
    assert_eq!(says(&scene, &format!("renewal && changes == ['{name}']")), Ok(true));
}

#[test]
fn hosts_that_were_added_and_removed_are_listed() {
    let mut scene = Scene::new();
    scene.last = Some(last_with(&scene, |it| it.hosts = vec!["old.example".to_owned()]));
    let when = format!("hostsAdded == ['{IDENTITY}'] && hostsRemoved == ['old.example']");
    assert_eq!(says(&scene, &when), Ok(true));
    // The order says nothing.
    scene.last = Some(last_with(&scene, |it| it.hosts.push(it.hosts[0].clone())));
    assert_eq!(says(&scene, "changes == []"), Ok(true));
}

#[test]
fn of_a_certificate_that_an_earlier_release_recorded_it_is_not_known_what_changed() {
    let mut scene = Scene::new();
    scene.last = Some(record(&scene));
    assert_eq!(says(&scene, "renewal && changes == ['unrecorded']"), Ok(true));
    assert!(says(&scene, "last.key == 'ECDSA-P256'").is_err());
    assert_eq!(says(&scene, "last.notAfter > now"), Ok(true));
}

#[test]
fn a_certificate_that_nobody_may_believe_any_more_vouches_for_no_other() {
    let mut scene = Scene::new();
    scene.last = Some(last(&scene));
    scene.now = 60;
    assert_eq!(says(&scene, "renewal && changes == ['expired']"), Ok(true));
    scene.now = 59;
    assert_eq!(says(&scene, "renewal && changes == []"), Ok(true));
    let stolen = [("meshroot.dev/reason".to_owned(), "KeyCompromised".to_owned())];
    scene.request.metadata.annotations = Some(stolen.into());
    assert_eq!(says(&scene, "renewal && changes == ['revoked']"), Ok(true));
}

fn before(records: &[(&str, IssuanceRecordSpec)], own: &str, virtual_mesh: &Key) -> Option<Last> {
    let own = Key::new("meshroot-cluster-east", own);
    let mesh = Key::new("meshroot-cluster-east", "istio-istio-system-east");
    let records = records.iter().map(|(namespace, record)| (*namespace, record));
    Last::before(&own, (&mesh, virtual_mesh), records)
}

#[test]
fn the_certificate_before_is_the_newest_of_this_mesh_in_this_virtual_mesh() {
    let scene = Scene::new();
    let east = "meshroot-cluster-east";
    let demo = Key::new("meshroot-system", "demo");
    let issued = |name: &str, sequence: u64| {
        let mut record = IssuanceRecordSpec { sequence, ..last(&scene) };
        name.clone_into(&mut record.request.name);
        record
    };
    let is = |found: Option<Last>, record: &IssuanceRecordSpec| found == Last::of(record);
    let (first, third) =
        (issued("istio-istio-system-east.demo.1", 1), issued("istio-istio-system-east.demo.3", 2));
    let records = [(east, first.clone()), (east, third.clone())];
    assert!(is(before(&records, "istio-istio-system-east.demo.4", &demo), &third));
    assert!(
        is(before(&records, "istio-istio-system-east.demo.2", &demo), &first),
        "a later number"
    );
    assert_eq!(before(&records, "istio-istio-system-east.demo.1", &demo), None);
    // A name of the original system says nothing: the mesh is the same.
    assert!(is(before(&records, "cert-request", &demo), &third));
    let unnumbered = issued("cert-request", 3);
    let with_it = [(east, first.clone()), (east, unnumbered.clone())];
    assert!(is(before(&with_it, "istio-istio-system-east.demo.2", &demo), &unnumbered));
    // Another virtual mesh of the name, another cluster, another mesh.
    let elsewhere = Key::new("team-b", "demo");
    assert_eq!(before(&records, "istio-istio-system-east.demo.4", &elsewhere), None);
    let other =
        [("meshroot-cluster-west", first.clone()), (east, issued("istio-b-east.demo.1", 1))];
    assert_eq!(before(&other, "istio-istio-system-east.demo.4", &demo), None);
    let mut revocation = issued("demo.revoked.01", 9);
    revocation.decision.verdict = meshroot_api::record::Verdict::Revoked;
    let revoked = [(east, first.clone()), ("meshroot-system", revocation)];
    let found = before(&revoked, "istio-istio-system-east.demo.2", &demo);
    assert!(found.is_some() && found != Last::of(&first), "it is known that it was revoked");
}

#[test]
fn hosts_are_seen_as_they_are_signed() {
    let scene = Scene::with_hosts(&["Extra.Example", "extra.example", "10.0.0.1"]);
    let when =
        "certificate.hosts == ['10.0.0.1', 'extra.example'] && csr.hosts == certificate.hosts";
    assert_eq!(says(&scene, when), Ok(true));
}

#[test]
fn what_a_failing_condition_says_of_the_time_is_the_same_within_a_minute() {
    let mut scene = Scene::new();
    scene.now = 61;
    assert_eq!(says(&scene, "now == timestamp('1970-01-01T00:01:00Z')"), Ok(true));
}

#[test]
fn a_key_that_somebody_brought_is_approved_by_no_rule_and_no_mode() {
    let rules = [rule("all", "true", RuleOutcome::Approve)];
    for (rules, mode) in [(&rules[..], ApprovalMode::ThirdParty), (&[], ApprovalMode::Automatic)] {
        let mut scene = scene(rules);
        scene.mode = mode;
        brought(&mut scene, "mallory");
        scene.required = Some(2);
        ask(&mut scene);
        scene.assert_waits(
            Reason::WaitingForApproval,
            &["waiting for 2 people", "(its key was brought by mallory)"],
        );
        // Who brought it is none of the two.
        let scene = scene.decided_by_third_party(ApprovalStatus::Approved, "");
        scene.assert_waits(Reason::WaitingForApproval, &["1 of 2 did (alice)"]);
    }
}

#[test]
fn where_one_person_is_enough_whoever_may_approve_may_bring_a_key_and_is_named() {
    let mut scene = Scene::new();
    brought(&mut scene, "mallory");
    scene.assert_waits(Reason::WaitingForApproval, &[]);
    ask(&mut scene);
    match scene.decide() {
        Decision::Issue { decided, .. } => {
            assert_eq!((decided.by, decided.people[0].user.as_str()), ("third-party", "mallory"));
        }
        other => panic!("{other:?}"),
    }
}

fn brought(scene: &mut Scene, user: &str) {
    let annotations = scene.request.metadata.annotations.get_or_insert_default();
    annotations.insert("meshroot.dev/key-brought-by".to_owned(), user.to_owned());
}

fn ask(scene: &mut Scene) {
    let annotations = scene.request.metadata.annotations.get_or_insert_default();
    annotations.insert(ASKED_ANNOTATION.to_owned(), what_would_be_signed().to_string());
}

#[test]
fn a_certificate_before_it_is_one_that_was_issued() {
    let scene = Scene::new();
    let issued = last(&scene);
    assert!(Last::of(&issued).is_some());
    let denied = IssuanceRecordSpec { prepared: None, ..issued };
    assert_eq!(Last::of(&denied), None);
}

#[test]
fn facts_that_a_later_release_wrote_can_be_read() {
    let facts: Facts =
        serde_json::from_str("{\"mesh\":{\"name\":\"a\",\"new\":1},\"other\":{}}").unwrap();
    assert_eq!(facts.mesh.name, "a");
}

#[test]
fn the_documentation_has_everything_that_conditions_may_name() {
    let documentation = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/approval.md");
    let documentation = std::fs::read_to_string(documentation).unwrap();
    let rows: Vec<&str> = documentation.lines().filter(|line| line.starts_with("| `")).collect();
    for name in vocabulary() {
        let (global, field) = name.split_once('.').unwrap_or((&name, ""));
        let global = format!("`{global}`");
        let field = format!("`{field}`");
        // Of the last certificate the fields are those of any.
        let is_said = |row: &&&str| {
            row.contains(&global) && (field == "``" || row.contains(&field))
                || name.starts_with("last.")
                    && row.contains("| `certificate` |")
                    && row.contains(&field)
        };
        assert!(rows.iter().any(|row| is_said(&row)), "{name} is not in docs/approval.md");
    }
}
