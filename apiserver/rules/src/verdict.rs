//! What all policies together say about a request.

use apiserver_object::Authorizer;

use crate::admission::Admission;
use crate::binding::{Action, Binding};
use crate::denial::Denial;
use crate::policy::Policy;

/// What all policies say about a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The first denial, [bound](Denial::bound); the request is refused with it.
    pub denial: Option<Denial>,
    /// Texts of `Warning` headers.
    pub warnings: Vec<String>,
}

/// Asks each policy that is in force by a binding.
pub fn admit<'a>(
    policies: impl IntoIterator<Item = (&'a Policy, &'a Binding)>,
    request: &Admission<'_>,
    authorizer: &dyn Authorizer,
) -> Verdict {
    let mut verdict = Verdict::default();
    for (policy, binding) in policies {
        if !policy.matches(request) || !binding.matches(request) {
            continue;
        }
        for denial in policy.evaluate(request, authorizer) {
            if binding.actions().contains(&Action::Warn) {
                verdict.warnings.push(denial.warning(binding.name()));
            }
            if binding.actions().contains(&Action::Deny) && verdict.denial.is_none() {
                verdict.denial = Some(denial.bound(binding.name()));
            }
        }
    }
    verdict
}
