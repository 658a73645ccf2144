//! Hubs that end in the middle of a rotation, after each of its writes, and two hubs that take its Lease from each other
//! before each: all comes to the end that it comes to where nothing happens.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use meshroot_api::rotation::Strategy;
use meshroot_testkit::crash::{CRASH_VARIABLE, CrashPoint, crashed};
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use meshroot_testkit::process::STOP_VARIABLE;
use meshroot_testkit::{Binary, Fleet};
use rstest::rstest;
use serde_json::Value;
use tokio::sync::Mutex;

use crate::common::{LIMIT, Scene};
use crate::course::{self, Course};
use crate::members::Members;
use crate::{all_are_at, ask, run_alone, settled};

/// A rotation of two members, under way.
struct Turn<'a> {
    scene: &'a Scene,
    name: &'static str,
    rotation: String,
    members: Members<'a>,
    course: Course,
}

impl<'a> Turn<'a> {
    async fn settle(scene: &'a Scene, name: &'static str) -> Result<Self> {
        let course = Course::follow(scene);
        let meshes = meshes(name);
        let members = settled(scene, name, &meshes.each_ref().map(String::as_str), false).await?;
        Ok(Self { scene, name, rotation: format!("{name}.2"), members, course })
    }

    async fn ask(&self, strategy: Strategy) -> Result<()> {
        ask(self.scene, self.name, 2, strategy).await?;
        Ok(())
    }

    async fn is_over(&self) -> Result<bool> {
        course::is_over(self.scene, self.name, &self.rotation).await
    }

    /// Lets the members live until something happens to a hub, or the rotation is over; whether that is so.
    async fn until(
        &mut self,
        what: &str,
        hub: &Binary,
        happens: fn(&Binary) -> bool,
    ) -> Result<bool> {
        let (scene, name, rotation) = (self.scene, self.name, self.rotation.clone());
        let is_over = async || course::is_over(scene, name, &rotation).await;
        let is_so = async || Ok(happens(hub) || is_over().await?);
        self.members.live_until(what, is_so).await.with_context(|| hub.logs())?;
        is_over().await
    }

    /// Lets the members live until it is over, and says what it came to.
    async fn end(mut self) -> Result<Value> {
        let (scene, name, rotation) = (self.scene, self.name, self.rotation.clone());
        let is_over = async || course::is_over(scene, name, &rotation).await;
        self.members.live_until("the rotation is over", is_over).await?;
        let meshes = meshes(name);
        let meshes = meshes.each_ref().map(String::as_str);
        all_are_at(scene, &meshes, 2).await?;
        self.course.always_verified(scene, &meshes).await?;
        course::end(scene, name, &rotation, &meshes).await
    }
}

fn meshes(name: &str) -> [String; 2] {
    ["one", "two"].map(|mesh| format!("{name}-{mesh}"))
}

/// What a rotation comes to where nothing happens to the hub.
async fn undisturbed(scene: &'static Scene, strategy: Strategy) -> Result<Value> {
    static KNOWN: Mutex<BTreeMap<&str, Value>> = Mutex::const_new(BTreeMap::new());
    let name = match strategy {
        Strategy::BundleFirst => "calm-bundle",
        _ => "calm-cross",
    };
    let mut known = KNOWN.lock().await;
    if let Some(end) = known.get(name) {
        return Ok(end.clone());
    }
    let turn = Turn::settle(scene, name).await?;
    turn.ask(strategy).await?;
    let end = turn.end().await?;
    known.insert(name, end.clone());
    Ok(end)
}

fn is_the_same(end: &Value, undisturbed: &Value) -> Result<()> {
    ensure!(end == undisturbed, "it came to\n{end:#}\nand not to\n{undisturbed:#}");
    Ok(())
}

#[rstest]
#[case::cross_signed("died-cross", Strategy::CrossSigned, 18)]
#[case::bundle_first("died-bundle", Strategy::BundleFirst, 14)]
fn hubs_that_die_after_each_write_of_a_rotation_come_to_the_same_end_with_no_certificate_twice(
    #[case] name: &'static str,
    #[case] strategy: Strategy,
    #[case] least: usize,
) {
    run_alone(async |scene, fleet| {
        let undisturbed = undisturbed(scene, strategy).await?;
        let mut turn = Turn::settle(scene, name).await?;
        let mut deaths = 0;
        end_hub(scene, fleet).await?;
        turn.ask(strategy).await?;
        while !turn.is_over().await? {
            let hub =
                fleet.another_hub("meshroot-hub-0", &[(CRASH_VARIABLE, "after-write")]).await?;
            let has_died = |hub: &Binary| hub.process().exit_status().is_some();
            if !turn.until("the hub dies", &hub, has_died).await? || has_died(&hub) {
                crashed(&hub, &CrashPoint::first("after-write"), LIMIT).await?;
                deaths += 1;
            }
            hub.kill_hard();
            scene.free_lease(SYSTEM_NAMESPACE, "meshroot-hub").await?;
        }
        fleet.start_hub(&[]).await?;
        println!("{name}: {deaths} deaths");
        ensure!(deaths >= least, "{deaths} deaths: not after each write");
        is_the_same(&turn.end().await?, &undisturbed)
    });
}

/// Each of two hubs halts before every one of its writes. While it is away the other one takes the Lease and goes on by some
/// writes; then the first one comes back with the write that it had under way.
#[rstest]
#[case::cross_signed("stolen-cross", Strategy::CrossSigned, 10)]
#[case::bundle_first("stolen-bundle", Strategy::BundleFirst, 10)]
fn two_hubs_that_lose_the_lease_with_each_write_under_way_come_to_the_same_end(
    #[case] name: &'static str,
    #[case] strategy: Strategy,
    #[case] least: usize,
) {
    run_alone(async |scene, fleet| {
        let undisturbed = undisturbed(scene, strategy).await?;
        let mut turn = Turn::settle(scene, name).await?;
        end_hub(scene, fleet).await?;
        let halts = [(STOP_VARIABLE, "before-write")];
        let mut away = fleet.another_hub("meshroot-hub-0", &halts).await?;
        turn.ask(strategy).await?;
        turn.until("the first hub halts", &away, is_halted).await?;
        let mut leads = fleet.another_hub("meshroot-hub-1", &halts).await?;
        let mut thefts = 0;
        'over: for writes in [1, 2, 4].into_iter().cycle() {
            scene.free_lease(SYSTEM_NAMESPACE, "meshroot-hub").await?;
            thefts += 1;
            for _ in 0..writes {
                leads.process().go_on()?;
                if turn.until("the hub that leads halts", &leads, is_halted).await? {
                    break 'over;
                }
            }
            std::mem::swap(&mut away, &mut leads);
        }
        for hub in [away, leads] {
            hub.kill_hard();
        }
        scene.free_lease(SYSTEM_NAMESPACE, "meshroot-hub").await?;
        fleet.start_hub(&[]).await?;
        println!("{name}: {thefts} thefts");
        ensure!(thefts >= least, "{thefts} thefts: not at several points");
        is_the_same(&turn.end().await?, &undisturbed)
    });
}

fn is_halted(hub: &Binary) -> bool {
    hub.process().is_halted()
}

/// Ends the hub that runs, and leaves its Lease to the next one.
pub(crate) async fn end_hub(scene: &Scene, fleet: &mut Fleet) -> Result<()> {
    fleet.hub_process.take().context("the hub runs")?.kill_hard();
    scene.free_lease(SYSTEM_NAMESPACE, "meshroot-hub").await
}
