//! The proof: handshakes between workloads, and the table of what they trust.

use std::net::SocketAddr;

use futures::future::try_join_all;

use super::{Story, line};
use crate::DemoError;
use crate::handshake::{self, UNKNOWN_AUTHORITY};
use crate::member::Member;
use crate::report::{Row, Step};
use crate::watching::Watching;
use crate::workload;

impl Story<'_> {
    /// Each workload with each other, both ways; and one that nobody knows.
    pub(super) async fn shake_hands(
        &mut self,
        control_planes: &[SocketAddr],
    ) -> Result<(), DemoError> {
        let begun = self.begin("handshakes", "workloads ask their meshes for certificates")?;
        let asked = self.clusters.iter().zip(control_planes).map(|(api, address)| async move {
            workload::certificate(&api.admin()?, &api.name, *address).await
        });
        let workloads =
            self.limit.within("the workloads got no certificates", try_join_all(asked)).await?;
        for (place, one) in workloads.iter().enumerate() {
            for other in &workloads[place + 1..] {
                self.report.handshakes.push(handshake::between(one, other).await);
                self.report.handshakes.push(handshake::between(other, one).await);
            }
        }
        if let Some(first) = workloads.first() {
            let stranger = workload::stranger(first)?;
            self.report.handshakes.push(handshake::between(&stranger, first).await);
        }
        let texts: Vec<String> =
            self.report.handshakes.iter().map(handshake::Handshake::text).collect();
        let took = begun.elapsed();
        for (place, texts) in texts.chunks(A_LINE).enumerate() {
            let about = if place == 0 { "handshakes" } else { "" };
            self.screen.settle(&[line(about, &texts.join("   "))])?;
        }
        self.report.steps.push(Step {
            about: "handshakes".to_owned(),
            text: texts.join(", "),
            took,
        });
        self.judge_handshakes()
    }

    fn judge_handshakes(&self) -> Result<(), DemoError> {
        for handshake in &self.report.handshakes {
            let expected = (handshake.from == "stranger").then(|| UNKNOWN_AUTHORITY.to_owned());
            if handshake.refused != expected {
                return Err(DemoError::Untrusted(handshake.text()));
            }
        }
        Ok(())
    }

    pub(super) fn show_trust(
        &mut self,
        members: &[Member],
        watching: &Watching,
    ) -> Result<(), DemoError> {
        let rows = members
            .iter()
            .filter_map(|member| Some(Row::read(member, watching.trust(member)?.as_ref())));
        self.report.trust = rows.collect();
        self.report.established = Some(self.options.began.elapsed());
        let kubeconfig = self.kubeconfig.to_string_lossy();
        let stays = !self.options.once || self.options.kept;
        self.screen.established(&self.report, stays.then_some(kubeconfig.as_ref()))?;
        Ok(())
    }
}

/// Handshakes in a line.
const A_LINE: usize = 4;
