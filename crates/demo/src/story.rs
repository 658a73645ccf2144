//! The demo, step by step: what is done, what is waited for, and what is said.

mod members;
mod proof;
mod rotation;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use kube::{Api, Client};
use meshroot_api::TrustPolicy;
use meshroot_api::names::SYSTEM_NAMESPACE;
use meshroot_api::policy::ApprovalMode;
use meshroot_runtime::kube::apply::apply_all;
use meshroot_runtime::kube::call::CallError;
use meshroot_runtime::process::shutdown::Shutdown;
use serde_json::{Value, json};

use super::Options;
use super::clusters::RunningApi;
use super::home::Home;
use super::limit::Limit;
use super::member::Member;
use super::outro;
use super::processes::Processes;
use super::report::{Report, Step, root};
use super::screen::Screen;
use super::watching::Watching;
use super::{Join, VIRTUAL_MESH, install};
use crate::DemoError;
use members::member_line;

/// The demo as it goes.
pub(super) struct Story<'a> {
    pub(super) hub: &'a RunningApi,
    pub(super) clusters: &'a [RunningApi],
    pub(super) options: &'a Options,
    pub(super) home: &'a Home,
    pub(super) kubeconfig: &'a Path,
    pub(super) screen: &'a mut dyn Screen,
    pub(super) join: &'a dyn Join,
    pub(super) approval: ApprovalMode,
    pub(super) limit: Limit,
    pub(super) report: Report,
}

impl Story<'_> {
    /// Everything up to the table; then, unless asked to end, until the shutdown.
    pub(super) async fn run(
        &mut self,
        processes: &mut Processes,
        shutdown: &Shutdown,
    ) -> Result<(), DemoError> {
        let admin = self.hub.admin()?;
        self.start_hub(&admin, processes).await?;
        let mut members: Vec<Member> =
            self.clusters.iter().map(|api| Member::new(&api.name)).collect();
        let (mut watching, control_planes) =
            self.start_clusters(&admin, &members, processes).await?;
        let prometheus = self.home.write_prometheus(processes.scraped())?;
        self.make_virtual_mesh(&admin, &members, &mut watching).await?;
        self.follow_members(&mut members, &mut watching).await?;
        self.shake_hands(&control_planes).await?;
        let rotates = self.options.rotate;
        let shown_last = rotates && self.screen.is_document();
        if !shown_last {
            self.show_trust(&members, &watching)?;
        }
        if rotates {
            self.rotate(&admin, &control_planes).await?;
            // What is in use by now was not asked for by anybody who looks on.
            for member in &mut members {
                member.update(watching.facts(member), Instant::now());
            }
        }
        if shown_last {
            self.show_trust(&members, &watching)?;
        }
        if self.options.once {
            return Ok(());
        }
        self.screen.settle(&outro::next_steps(self.kubeconfig, &prometheus, &members))?;
        self.stay(&mut members, &mut watching, shutdown).await
    }

    async fn start_hub(
        &mut self,
        admin: &Client,
        processes: &mut Processes,
    ) -> Result<(), DemoError> {
        let begun = self.begin("hub", "starts")?;
        let work = async {
            install::hub(admin).await?;
            processes.start_hub(self.hub).await
        };
        self.limit.within("the hub does not start", work).await?;
        self.done("hub", &format!("ready: API on {}", self.hub.address()), begun.elapsed())
    }

    async fn start_clusters(
        &mut self,
        admin: &Client,
        members: &[Member],
        processes: &mut Processes,
    ) -> Result<(Watching, Vec<SocketAddr>), DemoError> {
        let names: Vec<&str> = self.clusters.iter().map(|api| api.name.as_str()).collect();
        let about = names.join(", ");
        let begun = self.begin(&about, "start")?;
        let (clusters, kubeconfig, join) = (self.clusters, self.kubeconfig, self.join);
        let work = async {
            try_join_all(clusters.iter().map(|api| async {
                install::mesh(&api.admin()?, &api.name).await?;
                join.join(kubeconfig, &api.name).await.map_err(DemoError::Join)
            }))
            .await?;
            let mut addresses = Vec::new();
            for api in clusters {
                addresses.push(processes.start_cluster(api).await?);
            }
            let mut watching = Watching::start(admin).await;
            while !members.iter().all(|member| watching.works(member)) {
                watching.changed().await;
            }
            Ok((watching, addresses))
        };
        let started = self.limit.within("the hub and the agents are not at work", work).await?;
        let text = format!(
            "ready: {} clusters, an agent and a stand-in for istiod in each",
            count(names.len())
        );
        self.done(&about, &text, begun.elapsed())?;
        Ok(started)
    }

    async fn make_virtual_mesh(
        &mut self,
        admin: &Client,
        members: &[Member],
        watching: &mut Watching,
    ) -> Result<(), DemoError> {
        let about = format!("virtual mesh {VIRTUAL_MESH}");
        let begun = self.begin(&about, "the hub makes its root")?;
        let known = |watching: &Watching| {
            members.iter().find_map(|one| root(watching.trust(one)?.as_ref()))
        };
        let found = known(watching).is_some();
        self.limit
            .within("the virtual mesh was not written", async {
                self.approval = approval(admin, self.options).await?;
                write_virtual_mesh(admin, members, self.options, self.approval).await
            })
            .await?;
        let root = loop {
            if let Some(root) = known(watching) {
                break root;
            }
            self.wait(watching, members).await?;
            let waited = begun.elapsed().as_secs_f64();
            self.screen
                .changing(vec![line(&about, &format!("the hub makes its root   {waited:.1} s"))])?;
        };
        let deed = if found { "kept" } else { "made" };
        self.done(
            &about,
            &format!("{} root {deed}", root.public_key().kind_name()),
            begun.elapsed(),
        )
    }

    /// Tells of every certificate that comes to be used from now on.
    async fn stay(
        &mut self,
        members: &mut [Member],
        watching: &mut Watching,
        shutdown: &Shutdown,
    ) -> Result<(), DemoError> {
        let mut shown: Vec<String> =
            members.iter().map(|member| member.facts.request.clone()).collect();
        loop {
            tokio::select! {
                () = watching.changed() => {}
                () = shutdown.wait() => return Ok(()),
            }
            let now = Instant::now();
            for (member, shown) in members.iter_mut().zip(&mut shown) {
                let facts = watching.facts(member);
                if facts.request != member.facts.request {
                    *member = Member::renewing(&member.cluster, now);
                }
                member.update(facts, now);
                if member.is_loaded() && member.facts.request != *shown {
                    shown.clone_from(&member.facts.request);
                    self.done(
                        &member.facts.request,
                        &member.text(),
                        member.took(now).unwrap_or_default(),
                    )?;
                }
            }
            let under_way = members.iter().filter(|member| !member.is_loaded());
            self.screen.changing(under_way.map(|member| member_line(member, now)).collect())?;
        }
    }

    fn begin(&mut self, about: &str, text: &str) -> Result<Instant, DemoError> {
        self.screen.changing(vec![line(about, text)])?;
        Ok(Instant::now())
    }

    fn done(&mut self, about: &str, text: &str, took: Duration) -> Result<(), DemoError> {
        self.screen.settle(&[format!("{}   {:.1} s", line(about, text), took.as_secs_f64())])?;
        self.report.steps.push(Step { about: about.to_owned(), text: text.to_owned(), took });
        Ok(())
    }
}

/// Who approves. A demo that goes on does not approve by itself what waits for a person, unless it is told to.
async fn approval(admin: &Client, options: &Options) -> Result<ApprovalMode, DemoError> {
    if let Some(approval) = options.approval {
        return Ok(approval);
    }
    let policies: Api<TrustPolicy> = Api::namespaced(admin.clone(), SYSTEM_NAMESPACE);
    let found = policies.get_opt(VIRTUAL_MESH).await;
    let found = found.map_err(|error| {
        CallError::new(format!("read TrustPolicy {SYSTEM_NAMESPACE}/{VIRTUAL_MESH}"), error)
    })?;
    Ok(found.map(|policy| policy.spec.approval.mode).unwrap_or_default())
}

/// What `kubectl apply` would be given.
async fn write_virtual_mesh(
    admin: &Client,
    members: &[Member],
    options: &Options,
    approval: ApprovalMode,
) -> Result<(), DemoError> {
    let meshes: Vec<Value> = members
        .iter()
        .map(|member| json!({ "name": member.mesh, "namespace": member.namespace() }))
        .collect();
    let metadata = json!({ "name": VIRTUAL_MESH, "namespace": SYSTEM_NAMESPACE });
    let mut policy = json!({
        "apiVersion": "meshroot.dev/v1alpha1", "kind": "TrustPolicy", "metadata": metadata,
        "spec": {
            "virtualMeshRef": { "name": VIRTUAL_MESH, "namespace": SYSTEM_NAMESPACE },
            "approval": { "mode": approval },
        },
    });
    if let Some(key) = options.root_key {
        policy["spec"]["root"]["key"] = json!(key);
    }
    let virtual_mesh = json!({
        "apiVersion": "networking.zephyr.solo.io/v1alpha1", "kind": "VirtualMesh", "metadata": metadata,
        "spec": { "meshes": meshes },
    });
    // The policy first: a default one would approve what is to wait for a person.
    apply_all(admin, vec![policy]).await?;
    Ok(apply_all(admin, vec![virtual_mesh]).await?)
}

fn line(about: &str, text: &str) -> String {
    format!("  {about:<ABOUT$}   {text}")
}

fn count(number: usize) -> String {
    let words = ["no", "one", "two", "three", "four", "five"];
    words.get(number).map_or_else(|| number.to_string(), |word| (*word).to_owned())
}

/// As wide as the name of a mesh in the demo.
const ABOUT: usize = 26;
