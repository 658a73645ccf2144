//! From requests to certificates in use.

use std::time::{Duration, Instant};

use meshroot_api::policy::ApprovalMode;

use super::{Story, line};
use crate::DemoError;
use crate::member::Member;
use crate::outro;
use crate::watching::Watching;

impl Story<'_> {
    /// Until every member uses its certificate.
    pub(super) async fn follow_members(
        &mut self,
        members: &mut [Member],
        watching: &mut Watching,
    ) -> Result<(), DemoError> {
        let mut settled = vec![false; members.len()];
        let mut asked = false;
        loop {
            let now = Instant::now();
            for member in members.iter_mut() {
                member.update(watching.facts(member), now);
            }
            self.screen
                .changing(members.iter().map(|member| member_line(member, now)).collect())?;
            self.settle_loaded(members, &mut settled, now)?;
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
    fn settle_loaded(
        &mut self,
        members: &[Member],
        settled: &mut [bool],
        now: Instant,
    ) -> Result<(), DemoError> {
        let all = members.iter().all(Member::is_loaded);
        for (member, settled) in members.iter().zip(settled) {
            if *settled || !member.is_loaded() || (self.screen.is_live() && !all) {
                continue;
            }
            *settled = true;
            self.done(&member.mesh, &member.text(), member.took(now).unwrap_or_default())?;
        }
        Ok(())
    }

    /// Says once what to type, as soon as every member has something to decide on.
    fn ask_for_approval(&mut self, members: &[Member], asked: bool) -> Result<bool, DemoError> {
        let waiting: Vec<&Member> =
            members.iter().filter(|member| member.facts.is_undecided()).collect();
        let all = members.iter().all(|member| member.facts.is_undecided() || member.is_loaded());
        if asked || waiting.is_empty() || !all || self.approval == ApprovalMode::Automatic {
            return Ok(asked);
        }
        self.screen.ask(&outro::approval(self.kubeconfig, &waiting))?;
        Ok(true)
    }

    /// Until something changed or a moment has passed; an error once the time is over, unless a person is waited for.
    pub(super) async fn wait(
        &mut self,
        watching: &mut Watching,
        members: &[Member],
    ) -> Result<(), DemoError> {
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

    fn too_late(&self, watching: &Watching, members: &[Member]) -> DemoError {
        let missing = members.iter().filter(|member| !member.is_loaded());
        let missing = missing.map(|member| {
            let facts = &member.facts;
            if facts.request.is_empty() {
                format!("no certificate for {} was asked for", member.mesh)
            } else {
                format!("{} {}", facts.request, facts.missing())
            }
        });
        let missing = missing.collect::<Vec<_>>().join("; ");
        self.limit.too_late(missing, watching.waiting_for())
    }
}

/// A denial is final; with nobody there to ask again, so is this run.
fn refuse_denied(members: &[Member], once: bool) -> Result<(), DemoError> {
    let denied = members.iter().find_map(|member| Some((member, member.facts.denial()?)));
    match denied {
        Some((member, why)) if once => Err(DemoError::Denied {
            request: member.facts.request.clone(),
            message: why.to_owned(),
        }),
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
