//! Hubs that end in the middle of a rotation, at each of its writes.

use anyhow::ensure;
use meshroot_api::rotation::{Step, Strategy};
use meshroot_testkit::fleet::SYSTEM_NAMESPACE;
use rstest::rstest;

use crate::common::all;
use crate::{all_are_at, ask, comes_to, run_alone, settled};

#[rstest]
#[case("root-before-secret")]
#[case("root-after-secret")]
#[case("cross-before-record")]
#[case("hub-after-claim")]
#[case("cross-after-record")]
#[case("cross-before-secret")]
#[case("cross-after-secret")]
fn a_hub_that_crashes_while_it_prepares_makes_one_root_with_one_cross_certificate(
    #[case] point: &'static str,
) {
    run_alone(async |scene, fleet| {
        let mesh = format!("{point}-one");
        let mut members = settled(scene, point, &[&mesh], false).await?;
        scene.start_hub(fleet, Some(point)).await?;
        let rotation = ask(scene, point, 2, Strategy::CrossSigned).await?;
        scene.hub_crashes_at(fleet, point).await?;
        comes_to(scene, &mut members, &rotation, Step::Complete).await?;
        all_are_at(scene, &[&mesh], 2).await?;
        let secrets = all(&scene.hub_secrets(SYSTEM_NAMESPACE)).await?;
        let mut names: Vec<String> =
            secrets.into_iter().filter_map(|one| one.metadata.name).collect();
        names.retain(|name| name.starts_with(&format!("{point}-ca-certs")));
        names.sort();
        let wanted = ["", ".2", ".2.cross"].map(|end| format!("{point}-ca-certs{end}"));
        ensure!(names == wanted, "{names:?}");
        Ok(())
    });
}

/// Each rotation crashes the hub one write to a member later than the one before it.
#[rstest]
#[case::cross_signed("told-cross", Strategy::CrossSigned, [1, 3, 6])]
#[case::bundle_first("told-bundle", Strategy::BundleFirst, [2, 4, 5])]
fn a_hub_that_crashes_after_any_of_its_writes_to_members_cuts_nobody_off(
    #[case] name: &'static str,
    #[case] strategy: Strategy,
    #[case] writes: [u32; 3],
) {
    run_alone(async |scene, fleet| {
        let (one, two) = (format!("{name}-one"), format!("{name}-two"));
        let meshes = [one.as_str(), two.as_str()];
        let mut members = settled(scene, name, &meshes, false).await?;
        for (number, nth) in (2..).zip(writes) {
            let point = format!("hub-after-tell:{nth}");
            scene.start_hub(fleet, Some(&point)).await?;
            let rotation = ask(scene, name, number, strategy).await?;
            let crash = scene.hub_crashes_at(fleet, &point);
            members.live_while(crash).await?;
            comes_to(scene, &mut members, &rotation, Step::Complete).await?;
            all_are_at(scene, &meshes, number).await?;
        }
        Ok(())
    });
}
