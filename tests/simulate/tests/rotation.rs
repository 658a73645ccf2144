//! Every state of the small scenarios, in every run.

use meshroot_simulate::{MUTANTS, SMALL, explore};

#[test]
fn no_state_of_a_rotation_has_two_workloads_that_fail_to_trust_each_other_and_each_leads_to_the_goal()
 {
    for scenario in SMALL {
        let outcome = explore(scenario, None);
        assert!(outcome.states > 100, "{}: {} states", scenario.name, outcome.states);
        if let Some(fault) = outcome.fault {
            panic!("{}: after\n{fault}", scenario.name);
        }
    }
}

#[test]
fn a_planner_that_is_wrong_in_one_place_is_found() {
    for mutant in MUTANTS {
        let found = SMALL.iter().any(|scenario| explore(scenario, Some(*mutant)).fault.is_some());
        assert!(found, "{mutant:?}");
    }
}
