//! Figures for Prometheus.

use std::fmt::Write as _;

use http::StatusCode;

use crate::answer::Answer;
use crate::api::Api;

/// The figures in Prometheus' text format.
pub(super) fn answer(api: &Api) -> Answer {
    let objects: Vec<(String, u64)> = api
        .objects
        .collections()
        .map(|(collection, count)| (format!("{{resource=\"{collection}\"}}"), count as u64))
        .collect();
    let alone = |value: u64| vec![(String::new(), value)];
    let gauges = [
        ("apiserver_storage_objects", "Objects stored, by group and resource.", objects),
        ("apiserver_storage_revision", "Newest revision.", alone(api.objects.revision())),
        (
            "apiserver_current_inflight_requests",
            "Requests that are being answered.",
            alone(api.limits.requests.held() as u64),
        ),
        (
            "apiserver_longrunning_requests",
            "Watches that are open.",
            alone(api.limits.watches.held() as u64),
        ),
    ];
    let mut text = String::new();
    for (name, help, values) in gauges {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    }
    Answer::text(StatusCode::OK, text)
}
