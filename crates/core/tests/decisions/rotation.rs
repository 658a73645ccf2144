//! What members are told, step by step, while a root is replaced.

use jiff::{SignedDuration, Timestamp};
use meshroot_api::rotation::Step;
use meshroot_core::membership::Key;
use meshroot_core::rotation::{
    AnchorChange, Blocked, Chain, Change, Held, Member, Next, Position, Root, RootSet, Way, World,
    entry, is_complete, is_out_of_use, plan,
};

use AnchorChange::{Live, Restart, Single};

/// The longest lifetime of a leaf.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How far clocks may differ.
const CLOCKS: SignedDuration = SignedDuration::from_mins(5);

fn root(number: u8) -> Root {
    Root::new(number).unwrap()
}

fn start() -> Timestamp {
    "2026-11-28T12:00:00Z".parse().unwrap()
}

fn member(name: &str, capability: AnchorChange) -> Member {
    let Position { chain, anchors } = Position::alone(root(1));
    Member {
        mesh: Key::new("meshroot-cluster-east", name),
        chain: Held::new(chain, [], DAY),
        anchors: Held::new(anchors, [], DAY),
        capability,
    }
}

fn world(way: Way, capabilities: &[AnchorChange]) -> World {
    let names = ["a", "b", "c"];
    World {
        members: names.iter().zip(capabilities).map(|(name, it)| member(name, *it)).collect(),
        roots: [root(1), root(2)].into_iter().collect(),
        crosses: vec![(root(2), root(1))],
        goal: Position::alone(root(2)),
        way,
        gated: Vec::new(),
        tainted: None,
        accepts_refusals: false,
        now: start(),
    }
}

/// Everybody is told what the plan allows.
fn tell(world: &mut World) -> Vec<Next> {
    let next = plan(world);
    for (member, next) in world.members.iter_mut().zip(&next) {
        *member = member.tell(next.told, world.now);
    }
    next
}

/// Every control plane is seen to load what it was told, and a day and the difference of clocks go by.
fn settle(world: &mut World) {
    for member in &mut world.members {
        member.chain = member.chain.clone().loaded(Some(world.now));
        member.anchors = member.anchors.clone().loaded(Some(world.now));
    }
    world.now += DAY + CLOCKS;
}

/// What each member is told, a line for each time that all have settled.
fn told(mut world: World) -> Vec<String> {
    let mut lines = Vec::new();
    while !is_complete(&world) && lines.len() < 9 {
        tell(&mut world);
        let line: Vec<String> =
            world.members.iter().map(|member| member.told().to_string()).collect();
        lines.push(line.join(" | "));
        settle(&mut world);
    }
    lines
}

#[test]
fn cross_signed_members_get_certificates_first_and_a_single_anchor_is_replaced_in_one_step() {
    assert_eq!(
        told(world(Way::CrossSigned, &[Live, Single])),
        [
            "I(R2)·X(R1) trusting R1+R2 | I(R2)·X(R1) trusting R1",
            "I(R2)·X(R1) trusting R1+R2 | I(R2)·X(R1) trusting R2",
            "I(R2) trusting R1+R2 | I(R2) trusting R2",
            "I(R2) trusting R2 | I(R2) trusting R2",
        ]
    );
}

#[test]
fn a_mesh_that_restarts_for_its_anchors_restarts_once_where_chains_are_cross_signed() {
    let lines = told(world(Way::CrossSigned, &[Restart, Single]));
    assert_eq!(lines.last().unwrap(), "I(R2) trusting R2 | I(R2) trusting R2");
    let anchors = |line: &String| {
        line.split(" | ").next().unwrap().split(' ').next_back().unwrap().to_owned()
    };
    let mut seen: Vec<String> = lines.iter().map(anchors).collect();
    seen.dedup();
    assert_eq!(seen, ["R1", "R2"]);
}

#[test]
fn bundle_first_trusts_both_roots_before_anything_is_issued_by_the_new_one() {
    assert_eq!(
        told(world(Way::BundleFirst, &[Live, Restart])),
        [
            "I(R1) trusting R1+R2 | I(R1) trusting R1+R2",
            "I(R2) trusting R1+R2 | I(R2) trusting R1+R2",
            "I(R2) trusting R2 | I(R2) trusting R2",
        ]
    );
}

#[test]
fn who_is_waited_for_is_said_and_until_when_at_the_earliest() {
    let mut world = world(Way::BundleFirst, &[Live, Restart]);
    let waits = |world: &mut World| tell(world)[1].waits.clone();
    let anchors = RootSet::from(root(1));
    let mesh = Key::new("meshroot-cluster-east", "a");
    let trusts =
        |until| Some((Change::Reissue, Blocked::Trusts { mesh: mesh.clone(), anchors, until }));
    assert_eq!(waits(&mut world), trusts(None), "nobody has seen that a has loaded it");
    let loaded = world.now;
    for member in &mut world.members {
        member.anchors = member.anchors.clone().loaded(Some(loaded));
    }
    assert_eq!(waits(&mut world), trusts(Some(loaded + DAY + CLOCKS)));
    world.now = loaded + DAY;
    assert_eq!(waits(&mut world), trusts(Some(loaded + DAY + CLOCKS)), "clocks may differ");
    world.now += CLOCKS;
    let next = plan(&world);
    assert_eq!(next[0].told.chain, Chain::new(root(2)));
}

#[test]
fn what_was_seen_and_is_forgotten_can_only_make_it_wait_longer() {
    let mut world = world(Way::BundleFirst, &[Live, Live]);
    tell(&mut world);
    settle(&mut world);
    assert_ne!(plan(&world)[0].told, world.members[0].told());
    for member in &mut world.members {
        member.anchors = member.anchors.clone().loaded(None);
    }
    for (next, member) in plan(&world).iter().zip(&world.members) {
        assert_eq!(next.told, member.told());
    }
}

#[test]
fn a_mesh_of_one_anchor_has_no_way_without_a_cross_certificate() {
    let mut world = world(Way::BundleFirst, &[Live, Single]);
    let no_way = Blocked::NoWay { mesh: Key::new("meshroot-cluster-east", "b") };
    let nothing = Next { told: Position::alone(root(1)), waits: Some((Change::Trust, no_way)) };
    assert_eq!(plan(&world)[1], nothing);
    world.way = Way::CrossSigned;
    world.crosses.clear();
    assert_eq!(plan(&world)[1], nothing);
}

#[test]
fn the_way_back_leads_through_the_cross_certificate_to_where_it_began() {
    let mut world = world(Way::CrossSigned, &[Live, Single]);
    for _ in 0..2 {
        tell(&mut world);
        settle(&mut world);
    }
    assert_eq!(world.members[1].told().anchors, root(2).into());
    world.goal = Position::alone(root(1));
    world.way = Way::Back;
    let lines = told(world);
    assert_eq!(lines.last().unwrap(), "I(R1) trusting R1 | I(R1) trusting R1", "{lines:?}");
}

#[test]
fn who_joins_is_told_what_holds_now_and_at_the_goal_or_waits() {
    let mut world = world(Way::CrossSigned, &[Live]);
    assert_eq!(entry(&world, Single), None, "a still sends what only R1 verifies");
    let both = Position {
        chain: Chain::new(root(2)).through(root(1)),
        anchors: [root(1), root(2)].into_iter().collect(),
    };
    assert_eq!(entry(&world, Live), Some(both));
    tell(&mut world);
    settle(&mut world);
    assert_eq!(entry(&world, Single), Some(Position::alone(root(2))));
    let stranger = Position::alone(root(3));
    let mut other = member("b", Single);
    other.chain = Held::new(stranger.chain, [], DAY);
    other.anchors = Held::new(stranger.anchors, [], DAY);
    world.members.push(other);
    assert_eq!(
        entry(&world, Single),
        Some(Position::alone(root(2))),
        "who trusts nobody yet is not asked"
    );
}

#[test]
fn a_mesh_keeps_its_own_root_until_its_workloads_have_let_go_of_it() {
    let mut world = world(Way::BundleFirst, &[Live, Restart]);
    let own = Position::alone(root(3));
    world.members[1].chain = Held::new(own.chain, [], DAY);
    world.members[1].anchors = Held::new(own.anchors, [], DAY);
    assert_eq!(
        told(world),
        [
            "I(R1) trusting R1+R2 | I(R3) trusting R2+R3",
            "I(R2) trusting R1+R2 | I(R2) trusting R2+R3",
            "I(R2) trusting R2 | I(R2) trusting R2",
        ]
    );
}

#[test]
fn a_root_is_out_of_use_once_no_workload_can_have_anything_of_it() {
    let mut world = world(Way::BundleFirst, &[Live, Live]);
    while !is_complete(&world) {
        assert!(!is_out_of_use(&world.members, root(1), world.now));
        tell(&mut world);
        settle(&mut world);
    }
    assert!(is_out_of_use(&world.members, root(1), world.now));
    assert!(!is_out_of_use(&world.members, root(2), world.now));
}

#[test]
fn the_same_told_again_is_no_change_and_what_was_told_before_is_kept_until_the_last_leaf_has_ended()
{
    let (one, two) = (RootSet::from(root(1)), RootSet::from(root(2)));
    let held = Held::new(one, [], DAY);
    assert_eq!(held.tell(one, start()), held);
    let told = held.tell(two, start());
    assert_eq!(told.may(start()).collect::<Vec<_>>(), [two, one]);
    let loaded = told.loaded(Some(start()));
    let settled = start() + DAY + CLOCKS;
    assert_eq!(loaded.settles(), Some(settled));
    assert_eq!(loaded.may(settled).collect::<Vec<_>>(), [two]);
    assert_eq!(loaded.tell(one, settled).former().collect::<Vec<_>>(), [two]);
    assert_eq!(loaded.tell(one, start()).former().collect::<Vec<_>>(), [two]);
}

#[test]
fn a_member_that_was_told_the_goal_and_loads_late_is_told_on_the_way_back_what_it_can_load() {
    let mut world = world(Way::BundleFirst, &[Live]);
    world.members[0].anchors =
        Held::new(root(2).into(), [[root(1), root(2)].into_iter().collect()], DAY);
    world.members[0].chain = Held::new(Chain::new(root(2)), [], DAY);
    world.goal = Position::alone(root(1));
    world.way = Way::Back;
    assert_eq!(plan(&world)[0].told.anchors.to_string(), "R1+R2");
}

#[test]
fn a_mesh_that_changes_its_anchors_while_it_runs_loads_both_roots_before_it_is_told_one() {
    let mut world = world(Way::Back, &[Live]);
    let both = [root(1), root(2)].into_iter().collect();
    world.members[0].chain = Held::new(Chain::new(root(2)), [], DAY);
    world.members[0].anchors = Held::new(both, [root(1).into()], DAY);
    let mesh = Key::new("meshroot-cluster-east", "a");
    assert_eq!(plan(&world)[0].waits, Some((Change::Distrust, Blocked::Loads { mesh })));
}

#[test]
fn a_root_that_a_mesh_was_left_alone_with_is_in_use() {
    let mut world = world(Way::BundleFirst, &[Live, Live]);
    let excluded = world.members.pop().unwrap();
    while !is_complete(&world) {
        tell(&mut world);
        settle(&mut world);
    }
    assert!(is_out_of_use(&world.members, root(1), world.now));
    assert!(!is_out_of_use(world.members.iter().chain([&excluded]), root(1), world.now));
}

#[test]
fn a_step_that_nobody_has_confirmed_is_not_planned_once_the_rule_allows_it() {
    let mut world = world(Way::CrossSigned, &[Restart]);
    world.gated = vec![Step::Trusting, Step::Distrusting];
    let gate = |step| Blocked::Gate { step };
    let bridged = "I(R2)·X(R1) trusting R1";
    assert_eq!(tell(&mut world)[0].told.to_string(), bridged, "what is confirmed is told");
    let waits = plan(&world)[0].waits.clone().unwrap();
    assert!(matches!(waits, (Change::Trust, Blocked::Sends { .. })), "the rule first: {waits:?}");
    settle(&mut world);
    let waits = Some((Change::Trust, gate(Step::Trusting)));
    assert_eq!(plan(&world)[0], Next { told: world.members[0].told(), waits });
    world.gated = vec![Step::Distrusting];
    tell(&mut world);
    settle(&mut world);
    let waits = Some((Change::Unbridge, gate(Step::Distrusting)));
    assert_eq!(plan(&world)[0], Next { told: world.members[0].told(), waits });
    world.gated.clear();
    tell(&mut world);
    settle(&mut world);
    assert!(is_complete(&world));
}

#[test]
fn without_a_cross_certificate_trusting_is_the_first_step() {
    use Step::{Distrusting, Reissuing, Trusting};
    let mut world = world(Way::CrossSigned, &[Live]);
    assert_eq!(world.steps(), [Reissuing, Trusting, Distrusting]);
    world.crosses.clear();
    assert_eq!(world.steps(), [Trusting, Reissuing, Distrusting]);
}

#[test]
fn a_root_whose_key_was_stolen_is_not_kept_for_libraries_that_take_the_chain_for_the_path() {
    let stages = |tainted| {
        let told = told(World { tainted, ..world(Way::CrossSigned, &[Live, Live]) });
        let first: Vec<String> =
            told.iter().map(|line| line.split(" | ").next().unwrap().to_owned()).collect();
        first
    };
    assert_eq!(stages(None).len(), 3);
    assert_eq!(
        stages(Some(root(1))),
        ["I(R2)·X(R1) trusting R1+R2", "I(R2) trusting R2"],
        "a wait less"
    );
}

/// All are told and load it, until nobody is to be told anything else: what they are told, and whether every workload has
/// gone on by then.
fn hurried(way: Way, capabilities: &[AnchorChange]) -> (Vec<String>, World) {
    let hurried =
        World { tainted: Some(root(1)), accepts_refusals: true, ..world(way, capabilities) };
    let (mut world, mut told) = (hurried, Vec::new());
    loop {
        let before: Vec<Position> = world.members.iter().map(Member::told).collect();
        tell(&mut world);
        if world.members.iter().map(Member::told).eq(before) {
            return (told, world);
        }
        told.push(world.members[0].told().to_string());
        for member in &mut world.members {
            member.chain = member.chain.clone().loaded(Some(world.now));
            member.anchors = member.anchors.clone().loaded(Some(world.now));
        }
    }
}

#[test]
fn who_accepts_refusals_waits_for_control_planes_and_for_no_workload() {
    for (way, capability, stages) in [
        (Way::CrossSigned, Live, vec!["I(R2)·X(R1) trusting R1+R2", "I(R2)·X(R1) trusting R2"]),
        (Way::CrossSigned, Restart, vec!["I(R2)·X(R1) trusting R1", "I(R2)·X(R1) trusting R2"]),
        (
            Way::BundleFirst,
            Live,
            vec!["I(R1) trusting R1+R2", "I(R2) trusting R1+R2", "I(R2) trusting R2"],
        ),
    ] {
        let (told, mut world) = hurried(way, &[capability, capability]);
        assert_eq!(told, stages, "{way:?} {capability:?}");
        assert!(!is_complete(&world), "workloads have what was before");
        settle(&mut world);
        tell(&mut world);
        settle(&mut world);
        assert!(is_complete(&world));
    }
}

#[test]
fn who_accepts_refusals_waits_for_a_control_plane_that_has_not_loaded_what_it_was_told() {
    let hurried = World {
        tainted: Some(root(1)),
        accepts_refusals: true,
        ..world(Way::CrossSigned, &[Live, Live])
    };
    let mut world = hurried;
    tell(&mut world);
    world.members[0].chain = world.members[0].chain.clone().loaded(Some(world.now));
    world.members[0].anchors = world.members[0].anchors.clone().loaded(Some(world.now));
    tell(&mut world);
    assert!(world.members[0].told().anchors.contains(root(1)), "b may still send what R1 signed");
}
