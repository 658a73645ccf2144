//! From requests to certificates in use.

use std::time::{Duration, Instant};

use meshroot_api::names::SYSTEM_NAMESPACE;
use meshroot_api::policy::ApprovalMode;

use super::{Story, line};
use crate::commands::demo::member::Member;
use crate::commands::demo::screen::Style;
use crate::commands::demo::watching::Watching;
use crate::commands::demo::{VIRTUAL_MESH, outro};
use crate::failure::Failure;

impl Story<'_, '_> {
    /// Until every member uses its certificate.
    pub(super) async fn follow_members(
        &mut self,
        members: &mut [Member],
        watching: &mut Watching,
    ) -> Result<(), Failure> {
        let mut told = vec![false; members.len()];
        let mut asked = false;
        loop {
            let now = Instant::now();
            for member in members.iter_mut() {
                member.update(watching.facts(member), now);
            }
            self.screen
                .changing(members.iter().map(|member| member_line(member, now)).collect())?;
            self.tell_loaded(members, &mut told, now)?;
            if members.iter().all(Member::is_loaded) {
                break;
            }
            refuse_denied(members, self.options.once)?;
            asked = self.ask_for_approval(members, asked)?;
            self.wait(watching, members).await?;
        }
        Ok(())
    }

    /// On a terminal all of them when all are loaded, elsewhere each as soon as it is.
    fn tell_loaded(
        &mut self,
        members: &[Member],
        told: &mut [bool],
        now: Instant,
    ) -> Result<(), Failure> {
        let all = members.iter().all(Member::is_loaded);
        for (member, told) in members.iter().zip(told) {
            if *told || !member.is_loaded() || (self.screen.style() == Style::Live && !all) {
                continue;
            }
            *told = true;
            self.done(&member.mesh, &member.text(), member.took(now).unwrap_or_default())?;
        }
        Ok(())
    }

    /// Says once what to type, as soon as every member has something to decide on.
    fn ask_for_approval(&mut self, members: &[Member], asked: bool) -> Result<bool, Failure> {
        let waiting: Vec<&Member> =
            members.iter().filter(|member| member.facts.is_undecided()).collect();
        let all = members.iter().all(|member| member.facts.is_undecided() || member.is_loaded());
        if asked || waiting.is_empty() || !all || self.options.approval == ApprovalMode::Automatic {
            return Ok(asked);
        }
        let lines = outro::approval(self.kubeconfig, &waiting);
        if self.screen.style() == Style::Document {
            eprintln!("{}", lines.join("\n"));
        }
        self.screen.settle(&lines)?;
        Ok(true)
    }

    /// Until something changed or a moment has passed; an error once the time is over, unless a person is waited for.
    pub(super) async fn wait(
        &mut self,
        watching: &mut Watching,
        members: &[Member],
    ) -> Result<(), Failure> {
        let by_person = !self.options.once
            && members
                .iter()
                .any(|member| member.facts.is_undecided() || member.facts.denial().is_some());
        if by_person {
            self.limit.begin_again();
        } else if self.limit.is_over() {
            return Err(self.too_late(watching, members));
        }
        // What cannot be waited for is not an error.
        let _ = tokio::time::timeout(MOMENT, watching.changed()).await;
        Ok(())
    }

    fn too_late(&self, watching: &Watching, members: &[Member]) -> Failure {
        let missing = members.iter().filter(|member| !member.is_loaded());
        let missing = missing.map(|member| {
            let facts = &member.facts;
            if facts.request.is_empty() {
                format!("no certificate for {} was asked for", member.mesh)
            } else {
                format!("{} {}", facts.request, facts.missing())
            }
        });
        let mut failure = self.limit.failure(&missing.collect::<Vec<_>>().join("; "));
        let said = watching.waiting_for();
        if !said.is_empty() {
            failure = failure.see(format!("TrustPolicy {SYSTEM_NAMESPACE}/{VIRTUAL_MESH}: {said}"));
        }
        failure
    }
}

/// A denial is final; with nobody there to ask again, so is this run.
fn refuse_denied(members: &[Member], once: bool) -> Result<(), Failure> {
    let denied = members.iter().find_map(|member| Some((member, member.facts.denial()?)));
    match denied {
        Some((member, why)) if once => Err(Failure::no(format!(
            "trust was not established: request {} was denied: {why}",
            member.facts.request
        ))),
        _ => Ok(()),
    }
}

pub(super) fn member_line(member: &Member, now: Instant) -> String {
    let took =
        member.took(now).map_or_else(String::new, |took| format!("   {:.1} s", took.as_secs_f64()));
    line(&member.mesh, &format!("{}{took}", member.text()))
}

/// How often the time that is shown moves on.
const MOMENT: Duration = Duration::from_millis(100);
