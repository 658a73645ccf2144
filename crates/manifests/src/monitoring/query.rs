//! Pieces of PromQL. A metric is named by its definition only.

use meshroot_api::metrics::{BUILD, LEADER, Metric, label};

/// The samples of a metric with these labels.
pub(super) fn select(metric: &Metric, labels: &[(&str, &str)]) -> String {
    let matchers: Vec<String> =
        labels.iter().map(|(name, value)| format!(r#"{name}="{value}""#)).collect();
    if matchers.is_empty() {
        return metric.series();
    }
    format!("{}{{{}}}", metric.series(), matchers.join(","))
}

/// Only what the process says that leads: others keep what they said when they led.
pub(super) fn led(query: &str) -> String {
    format!("{query} and on (job, instance) {} == 1", LEADER.series())
}

/// Only what processes of this component say.
pub(super) fn of_component(query: &str, component: &str) -> String {
    let build = select(&BUILD, &[(label::COMPONENT, component)]);
    format!("{query} and on (job, instance) {build}")
}
