//! Carries out a plan, and takes all of it back.

pub(crate) mod objects;
pub(crate) mod processes;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::people;
use super::plan::{CLUSTERS, Disturbance, Kind};
use super::wanted::{DEMO, SECOND, Wanted};
use super::world::World;
use meshroot_api::policy::KeyAlgorithm;
use objects::RootKept;

const MINUTE: Duration = Duration::from_mins(1);

/// Carries out a round. What a disturbance could not do is found: it is the soak's own mistake, or a fault.
pub(crate) async fn round(world: &Arc<World>, plan: &[Disturbance]) {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for disturbance in plan.iter().cloned() {
        let world = Arc::clone(world);
        tasks.spawn(async move {
            sleep_until(begun + disturbance.at).await;
            let (kind, lasts) = (disturbance.kind, disturbance.lasts);
            world.diary.say(&format!("{kind:?} for {} s", lasts.as_secs()));
            world.diary.count(&format!("{kind:?}").replace(['(', ')', '"'], " "));
            if let Err(error) = disturb(&world, kind, lasts).await {
                world.diary.found(&format!("{kind:?} could not be carried out: {error:#}"));
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}

async fn disturb(world: &World, kind: Kind, lasts: Duration) -> Result<()> {
    match kind {
        Kind::HubKilled => world.processes.hub_away(lasts).await,
        Kind::AgentKilled(cluster) => world.processes.agent_away(cluster, lasts).await,
        Kind::ClockWrong(cluster, by) => world.processes.agent_wrong(cluster, by, lasts).await,
        Kind::KeyLost(cluster) => objects::lose_key(world, cluster).await,
        Kind::CacertsDeleted(cluster) => objects::delete_cacerts(world, cluster).await,
        Kind::CacertsSpoiled(cluster) => objects::spoil_cacerts(world, cluster).await,
        Kind::RequestDeleted(cluster) => objects::delete_request(world, cluster).await,
        Kind::MeshDeleted(cluster) => objects::delete_mesh(world, cluster).await,
        Kind::Renewal(cluster) => {
            people::ask(world, cluster).await;
            Ok(())
        }
        Kind::ThirdParty => let_people_decide(world, lasts).await,
        Kind::RootTaken => take_root(world, lasts).await,
        Kind::Usurp(cluster) => usurp(world, cluster, lasts).await,
        Kind::PolicyDoubled => double_policy(world, lasts).await,
        _ => {
            let (there, back) = changes(kind);
            change(world, there).await?;
            sleep(lasts).await;
            change(world, back).await
        }
    }
}

async fn let_people_decide(world: &World, lasts: Duration) -> Result<()> {
    change(world, |it| it.people_decide = true).await?;
    // Or nobody might be asked anything: what is in use may be young.
    for cluster in CLUSTERS {
        people::ask(world, cluster).await;
    }
    sleep(lasts).await;
    change(world, |it| it.people_decide = false).await
}

async fn take_root(world: &World, lasts: Duration) -> Result<()> {
    let root = RootKept::take(world).await?;
    sleep(lasts).await;
    root.put_back(world).await
}

type Change = Box<dyn FnOnce(&mut Wanted) + Send>;

/// A change of what is wanted, and its opposite.
fn changes(kind: Kind) -> (Change, Change) {
    fn pair(
        there: impl FnOnce(&mut Wanted) + Send + 'static,
        back: impl FnOnce(&mut Wanted) + Send + 'static,
    ) -> (Change, Change) {
        (Box::new(there), Box::new(back))
    }
    match kind {
        Kind::Claim(cluster) => pair(move |it| it.claimed = Some(cluster), |it| it.claimed = None),
        Kind::VirtualMeshRemade => pair(|it| it.demo = false, |it| it.demo = true),
        Kind::Limited => pair(|it| it.limited = true, |it| it.limited = false),
        Kind::PolicyRemade => pair(|it| it.has_policy(DEMO, false), |it| it.has_policy(DEMO, true)),
        Kind::PolicyRenamed => {
            pair(|it| it.policies = [SECOND].into(), |it| it.policies = [DEMO].into())
        }
        Kind::PathLen => pair(|it| it.path_len = 1, |it| it.path_len = 0),
        Kind::Lifetime => pair(|it| it.lifetime += MINUTE, |it| it.lifetime -= MINUTE),
        Kind::KeyAlgorithm => {
            pair(|it| it.key = KeyAlgorithm::EcdsaP384, |it| it.key = KeyAlgorithm::EcdsaP256)
        }
        Kind::RenewAt(percent) => pair(move |it| it.renew_at = percent, |it| it.renew_at = 20),
        _ => pair(|_| (), |_| ()),
    }
}

async fn change(world: &World, change: impl FnOnce(&mut Wanted)) -> Result<()> {
    world.wanted.lock().await.change(change).await
}

/// Whoever comes first while the virtual mesh is away has the mesh, and keeps it until it lets go.
async fn usurp(world: &World, cluster: &'static str, lasts: Duration) -> Result<()> {
    change(world, |it| it.demo = false).await?;
    change(world, |it| it.claimed = Some(cluster)).await?;
    sleep(lasts / 2).await;
    change(world, |it| it.demo = true).await?;
    sleep(lasts / 2).await;
    change(world, |it| it.claimed = None).await
}

/// Two at once; then the first is away; then two again; then the first alone.
async fn double_policy(world: &World, lasts: Duration) -> Result<()> {
    change(world, |it| it.has_policy(SECOND, true)).await?;
    sleep(lasts / 3).await;
    change(world, |it| it.has_policy(DEMO, false)).await?;
    sleep(lasts / 3).await;
    change(world, |it| it.has_policy(DEMO, true)).await?;
    sleep(lasts / 3).await;
    change(world, |it| it.has_policy(SECOND, false)).await
}
