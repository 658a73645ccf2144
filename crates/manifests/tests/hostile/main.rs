//! What hostile agents, tenants and users of the hub try, each with real credentials, with everything installed: on
//! kube-apiserver and on the embedded API server, which must refuse for the same reason.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod administrators;
mod agents_reach;
mod agents_requests;
mod agents_share;
mod agents_values;
mod approvers;
mod attempt;
mod call;
mod mighty_agents;
mod objects;
mod operators;
mod setup;
mod tenants;
mod tenants_approvals;
mod tenants_rotations;

use std::collections::BTreeSet;

use attempt::Attempt;

fn groups() -> Vec<Vec<Attempt>> {
    vec![
        agents_requests::attempts(),
        agents_reach::attempts(),
        agents_share::attempts(),
        agents_values::attempts(),
        mighty_agents::attempts(),
        tenants::attempts(),
        tenants_approvals::attempts(),
        tenants_rotations::attempts(),
        operators::attempts(),
        approvers::attempts(),
        administrators::attempts(),
    ]
}

#[test]
fn each_group_tries_much_that_is_refused_and_does_something_that_is_allowed() {
    for group in groups() {
        let refused = group.iter().filter(|attempt| attempt.is_refused()).count();
        assert!(refused >= 8, "{refused} from {}", group[0].name);
        assert!(refused < group.len(), "nothing is allowed from {}", group[0].name);
    }
    let refused = groups().iter().flatten().filter(|attempt| attempt.is_refused()).count();
    assert!(refused >= 250, "{refused}");
}

#[test]
fn no_two_attempts_have_one_name() {
    let groups = groups();
    let names: Vec<&str> = groups.iter().flatten().map(|one| one.name.as_str()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
}
