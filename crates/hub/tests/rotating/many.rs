//! A virtual mesh of many members: what is done for it is done once, and not once for each member.

use anyhow::{Context as _, ensure};
use meshroot_api::rotation::{Step, Strategy};
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;

use crate::crashes::end_hub;
use crate::{all_are_at, ask, comes_to, run_alone, settled};

/// Each plan is as much work as there are members.
#[test]
fn what_members_are_told_is_planned_when_their_virtual_mesh_is_looked_at_and_not_by_each_of_them() {
    run_alone(async |scene, fleet| {
        let name = "crowd";
        let meshes: Vec<String> = (0..12).map(|number| format!("{name}-{number}")).collect();
        let meshes: Vec<&str> = meshes.iter().map(String::as_str).collect();
        let mut members = settled(scene, name, &meshes, false).await?;
        end_hub(scene, fleet).await?;
        let log = "info,meshroot_runtime::process::service=trace,meshroot_hub::rotation=debug";
        fleet.start_hub(&[("MESHROOT_LOG", log)]).await?;
        let rotation = ask(scene, name, 2, Strategy::CrossSigned).await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        all_are_at(scene, &meshes, 2).await?;
        let log = fleet.hub_process.as_ref().context("the hub runs")?.logs();
        let key = format!("{SYSTEM_NAMESPACE}/{name}");
        let lines = |words: [&str; 2]| {
            let has_all = |line: &&str| words.iter().all(|word| line.contains(word));
            log.lines().filter(has_all).count()
        };
        let planned = lines([" planned ", &format!("virtual_mesh={key}")]);
        let looked = lines(["reconciled controller=\"virtual-mesh\"", &format!("key={key} ")]);
        ensure!(looked > 0 && planned > 0, "the log has {looked} and {planned} lines of it");
        // A member that comes before the first look under a new leader plans by itself.
        ensure!(planned <= looked + 2, "planned {planned} times in {looked} looks");
        Ok(())
    });
}
