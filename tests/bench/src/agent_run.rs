//! With key and Secret: a real agent, from the virtual mesh to the last `cacerts`.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::PostParams;
use kube::{Api, Client};
use meshroot_testkit::fleet::{SYSTEM_NAMESPACE, cluster_namespace};
use meshroot_testkit::{Binary, ports, wait};

use crate::account::{Cost, Reading};
use crate::clusters::{Scene, WORKLOAD, create_meshes};
use crate::installed::Installed;
use crate::objects::{self, Member, POLICY, VIRTUAL_MESH};
use crate::requests::LIMIT;
use crate::stand_in::StandIns;

/// A real agent with stand-ins for its control planes.
pub(crate) struct AgentRun {
    pub(crate) local: Client,
    installed: Installed,
    _stand_ins: StandIns,
    meshes: Vec<Member>,
    used: usize,
}

/// What one virtual mesh came to.
pub(crate) struct Installs {
    pub(crate) per_second: f64,
    pub(crate) on_hub: Cost,
    pub(crate) local: Cost,
}

impl AgentRun {
    /// Namespaces, Meshes and stand-ins for `count` meshes, then the agent. It reads and writes its cluster as
    /// administrator: hundreds of namespaces with a Role each say nothing about the agent. On the hub it has its
    /// own account.
    pub(crate) async fn start(scene: &mut Scene, count: usize) -> Result<Self> {
        let local = scene.fleet.cluster(WORKLOAD)?.api.admin_client().await?;
        let meshes: Vec<Member> = (0..count).map(member).collect();
        create_namespaces(&local, &meshes).await?;
        create_meshes(&scene.admin, &meshes).await?;
        let mut stand_ins = StandIns::new();
        // Nobody listens here: the CA service refuses, and the metrics speak.
        let closed = format!("127.0.0.1:{}", ports::free()?);
        let kubeconfig =
            scene.fleet.cluster(WORKLOAD)?.api.kubeconfig_path().to_string_lossy().into_owned();
        let mut arguments: Vec<String> =
            ["--kubeconfig", &kubeconfig, "--cluster", WORKLOAD, "--listen", "127.0.0.1:0"]
                .map(str::to_owned)
                .into();
        for mesh in &meshes {
            let metrics = stand_ins.serve(&mesh.installation).await?;
            arguments.extend(["--istiod".to_owned(), format!("{}={closed},{metrics}", mesh.name)]);
        }
        let installed = Installed::follow(local.clone(), stand_ins.loaded.clone());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let agent = Binary::start("meshroot-agent", &arguments, &[])?;
        agent.wait_for_log(" leads fence=", wait::LIMIT).await?;
        scene.fleet.cluster_mut(WORKLOAD)?.agent = Some(agent);
        Ok(Self { local, installed, _stand_ins: stand_ins, meshes, used: 0 })
    }

    /// A virtual mesh of the next `count` meshes: from its creation until each has its `cacerts`. The cost runs on
    /// until every pickup is confirmed and summed up.
    pub(crate) async fn install(
        &mut self,
        scene: &Scene,
        name: &str,
        count: usize,
    ) -> Result<Installs> {
        let members =
            self.meshes.get(self.used..self.used + count).context("too few meshes were made")?;
        self.used += count;
        let (parameters, processes) = (PostParams::default(), scene.processes().await?);
        POLICY
            .api(&scene.admin, SYSTEM_NAMESPACE)
            .create(&parameters, &objects::policy(name))
            .await?;
        let before = (
            Reading::take(&scene.admin, &processes).await?,
            Reading::take(&self.local, &processes).await?,
        );
        let started = Instant::now();
        let virtual_mesh = objects::virtual_mesh(name, members);
        VIRTUAL_MESH.api(&scene.admin, SYSTEM_NAMESPACE).create(&parameters, &virtual_mesh).await?;
        let last = self.installed.until(self.used).await?;
        confirmed(scene, name, count).await?;
        let after = (
            Reading::take(&scene.admin, &processes).await?,
            Reading::take(&self.local, &processes).await?,
        );
        #[allow(clippy::cast_precision_loss)] // far below 2^52
        let per_second = count as f64 / last.duration_since(started).as_secs_f64();
        Ok(Installs {
            per_second,
            on_hub: before.0.until(&after.0),
            local: before.1.until(&after.1),
        })
    }
}

fn member(number: usize) -> Member {
    let installation = format!("site-{number:04}");
    let name = format!("istio-{installation}-{WORKLOAD}");
    Member { namespace: cluster_namespace(WORKLOAD), name, installation }
}

async fn create_namespaces(local: &Client, meshes: &[Member]) -> Result<()> {
    let api: Api<Namespace> = Api::all(local.clone());
    let work = stream::iter(meshes.to_vec()).map(|mesh| {
        let api = api.clone();
        async move {
            let mut namespace = Namespace::default();
            namespace.metadata.name = Some(mesh.installation);
            api.create(&PostParams::default(), &namespace).await
        }
    });
    work.buffer_unordered(16).try_for_each(|_| async { Ok(()) }).await?;
    Ok(())
}

async fn confirmed(scene: &Scene, name: &str, count: usize) -> Result<()> {
    let policies = POLICY.api(&scene.admin, SYSTEM_NAMESPACE);
    let attempt = async || {
        let policy = policies.get(name).await?;
        ensure!(policy.data["status"]["loaded"] == count, "loaded: {}", policy.data["status"]);
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        Ok(())
    };
    wait::until("every mesh has loaded its certificate", LIMIT, attempt).await
}
