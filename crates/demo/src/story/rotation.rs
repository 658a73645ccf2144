//! A whole rotation of the root, while workloads shake hands without a pause.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use kube::{Api, Client};
use meshroot_api::RootRotation;
use meshroot_api::names::{self, SYSTEM_NAMESPACE};
use meshroot_api::rotation::{RootRotationSpec, Step};
use meshroot_api::shared::ResourceRef;
use meshroot_runtime::kube::call::CallError;
use meshroot_runtime::kube::write::create_if_absent;

use super::{Story, line};
use crate::clusters::RunningApi;
use crate::control_plane::LEAF_LIFETIME;
use crate::report::Rotated;
use crate::workload::{self, Workload};
use crate::{DemoError, VIRTUAL_MESH, handshake};

impl Story<'_> {
    /// Asks for another root and follows it, under handshakes of all with all.
    pub(super) async fn rotate(
        &mut self,
        admin: &Client,
        control_planes: &[SocketAddr],
    ) -> Result<(), DemoError> {
        let begun = self.begin("rotation", "workloads ask for certificates")?;
        let mut fleet = Fleet::start(self.clusters, control_planes).await?;
        let api: Api<RootRotation> = Api::namespaced(admin.clone(), SYSTEM_NAMESPACE);
        let name = ask(&api).await?;
        let (mut step, mut since) = (None, Instant::now());
        loop {
            fleet.turn().await?;
            let found = api.get(&name).await;
            let status = found
                .map_err(|error| CallError::new(format!("read RootRotation {name}"), error))?
                .status
                .unwrap_or_default();
            let counted = fleet.text();
            if let Some(before) = step.filter(|before| *before != status.step) {
                self.done("rotation", &format!("{before:?}, {counted}"), since.elapsed())?;
                since = Instant::now();
            }
            step = Some(status.step);
            if let Some(refused) = fleet.refused.first() {
                return Err(DemoError::Untrusted(refused.clone()));
            }
            if status.step == Step::Complete {
                break;
            }
            if begun.elapsed() > LIMIT {
                return Err(DemoError::Rotation { limit: LIMIT, waiting_for: status.waiting_for });
            }
            self.screen
                .changing(vec![line("rotation", &format!("{:?}, {counted}", status.step))])?;
        }
        let took = begun.elapsed();
        let text = format!("root replaced, {}, nobody was cut off", fleet.text());
        self.done("rotation", &text, took)?;
        self.report.rotation =
            Some(Rotated { handshakes: fleet.handshakes, refused: fleet.refused, took });
        Ok(())
    }
}

/// The next root: of a number that nobody has asked for.
async fn ask(api: &Api<RootRotation>) -> Result<String, DemoError> {
    for number in 2.. {
        let name = names::rotation(VIRTUAL_MESH, number);
        let spec = RootRotationSpec {
            virtual_mesh_ref: ResourceRef::new(VIRTUAL_MESH, SYSTEM_NAMESPACE),
            ..RootRotationSpec::default()
        };
        let mut rotation = RootRotation::new(&name, spec);
        rotation.metadata.namespace = Some(SYSTEM_NAMESPACE.to_owned());
        let written = create_if_absent(api, &rotation).await;
        let written = written.map_err(|error| DemoError::Ended(error.to_string()))?;
        let is_over = written.into_object().status.is_some_and(|status| status.step.is_final());
        if !is_over {
            return Ok(name);
        }
    }
    Err(DemoError::Ended("there is no number left for a root".to_owned()))
}

/// Two workloads in each cluster, which renew at different times: what one still has, the other may have lost.
struct Fleet<'a> {
    places: Vec<(&'a RunningApi, SocketAddr)>,
    workloads: Vec<(Workload, Instant)>,
    handshakes: usize,
    refused: Vec<String>,
}

const IN_EACH: usize = 2;
/// How long a rotation may take.
const LIMIT: Duration = Duration::from_mins(4);
/// Between two rounds: hub and agents run in this process too.
const PAUSE: Duration = Duration::from_millis(20);

impl<'a> Fleet<'a> {
    async fn start(
        clusters: &'a [RunningApi],
        control_planes: &[SocketAddr],
    ) -> Result<Self, DemoError> {
        let each = clusters.iter().zip(control_planes.iter().copied());
        let places: Vec<_> = each.flat_map(|place| [place; IN_EACH]).collect();
        let mut fleet = Self { places, workloads: Vec::new(), handshakes: 0, refused: Vec::new() };
        let asked = fleet.places.iter().map(certificate);
        let now = Instant::now();
        let ages =
            (0..).map(|number| if number % IN_EACH == 0 { Duration::ZERO } else { turn() / 2 });
        let certificates = try_join_all(asked).await?;
        let aged = certificates.into_iter().zip(ages);
        fleet.workloads =
            aged.map(|(one, age)| (one, now.checked_sub(age).unwrap_or(now))).collect();
        Ok(fleet)
    }

    /// Renews what is due, as sidecars do; then each connects to each.
    async fn turn(&mut self) -> Result<(), DemoError> {
        for (place, (workload, since)) in self.places.iter().zip(&mut self.workloads) {
            if since.elapsed() >= turn() {
                *workload = certificate(place).await?;
                *since = Instant::now();
            }
        }
        for (number, (one, _)) in self.workloads.iter().enumerate() {
            for (_, (other, _)) in
                self.workloads.iter().enumerate().filter(|(place, _)| *place != number)
            {
                let handshake = handshake::between(one, other).await;
                self.handshakes += 1;
                if handshake.refused.is_some() {
                    self.refused.push(handshake.text());
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    fn text(&self) -> String {
        format!("{} handshakes, {} refused", self.handshakes, self.refused.len())
    }
}

async fn certificate((api, address): &(&RunningApi, SocketAddr)) -> Result<Workload, DemoError> {
    workload::certificate(&api.admin()?, &api.name, *address).await
}

/// When half of its life is over a workload asks for the next certificate.
fn turn() -> Duration {
    Duration::try_from(LEAF_LIFETIME).unwrap_or_default() / 2
}
