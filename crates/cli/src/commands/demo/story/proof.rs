//! The proof: handshakes between workloads, and the table of what they trust.

use std::net::SocketAddr;

use futures::future::try_join_all;

use super::{Story, line};
use crate::commands::demo::handshake::{self, UNKNOWN_AUTHORITY};
use crate::commands::demo::member::Member;
use crate::commands::demo::report::{Row, Step};
use crate::commands::demo::screen::Style;
use crate::commands::demo::watching::Watching;
use crate::commands::demo::workload;
use crate::failure::Failure;

impl Story<'_, '_> {
    /// Each workload with each other, both ways; and one that nobody knows.
    pub(super) async fn shake_hands(
        &mut self,
        control_planes: &[SocketAddr],
    ) -> Result<(), Failure> {
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

    fn judge_handshakes(&self) -> Result<(), Failure> {
        for handshake in &self.report.handshakes {
            let expected = (handshake.from == "stranger").then(|| UNKNOWN_AUTHORITY.to_owned());
            if handshake.refused != expected {
                return Err(Failure::no(format!(
                    "trust is not what it should be: {}",
                    handshake.text()
                )));
            }
        }
        Ok(())
    }

    pub(super) fn show_trust(
        &mut self,
        members: &[Member],
        watching: &Watching,
    ) -> Result<(), Failure> {
        let rows = members
            .iter()
            .filter_map(|member| Some(Row::read(member, watching.trust(member)?.as_ref())));
        self.report.trust = rows.collect();
        let took = self.options.began.elapsed();
        self.report.established = Some(took);
        let now = meshroot_runtime::process::clock::now();
        let mut lines = vec![String::new()];
        lines.extend(self.report.table(now).lines().map(|line| format!("  {line}")));
        lines.extend([
            String::new(),
            format!("  trust established {:.1} s after the start", took.as_secs_f64()),
        ]);
        self.screen.settle(&lines)?;
        if self.screen.style() == Style::Document {
            let kubeconfig = self.kubeconfig.to_string_lossy();
            let stays = !self.options.once || self.options.kept;
            let document = self.report.document(stays.then_some(kubeconfig.as_ref()));
            self.screen.document(&self.options.format.text(&document)?)?;
        }
        Ok(())
    }
}

/// Handshakes in a line.
const A_LINE: usize = 4;
