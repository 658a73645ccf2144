//! Cells of pods and of what makes them.

use serde_json::Value;

use super::form::{NONE, containers, labels, or_none, selector_text};
use super::row::Row;
use crate::reading::Reading;
use crate::time;

const POD_TEMPLATE: [&str; 4] = ["spec", "template", "spec", "containers"];

/// The cells of a workload; `None` for other kinds.
pub(super) fn cells(kind: &str, row: &Row<'_>) -> Option<Vec<Value>> {
    Some(match kind {
        "Pod" => row.pod(),
        "Deployment" => row.deployment(),
        "ReplicaSet" => row.replica_set(),
        "StatefulSet" => row.stateful_set(),
        "DaemonSet" => row.daemon_set(),
        "Job" => row.job(),
        "CronJob" => row.cron_job(),
        _ => return None,
    })
}

impl Row<'_> {
    fn number(&self, path: &[&str]) -> i64 {
        self.object.integer(path).unwrap_or(0)
    }

    fn template(&self, path: &[&str]) -> [Value; 2] {
        let (names, images) = containers(self.object.entries(path));
        [names.into(), images.into()]
    }

    fn deployment(&self) -> Vec<Value> {
        let ready = self.number(&["status", "readyReplicas"]);
        let [names, images] = self.template(&POD_TEMPLATE);
        vec![
            self.name(),
            format!("{ready}/{}", self.number(&["spec", "replicas"])).into(),
            self.number(&["status", "updatedReplicas"]).into(),
            self.number(&["status", "availableReplicas"]).into(),
            self.age(),
            names,
            images,
            selector_text(self.object.at(&["spec", "selector"])).into(),
        ]
    }

    fn replica_set(&self) -> Vec<Value> {
        let [names, images] = self.template(&POD_TEMPLATE);
        vec![
            self.name(),
            self.number(&["spec", "replicas"]).into(),
            self.number(&["status", "replicas"]).into(),
            self.number(&["status", "readyReplicas"]).into(),
            self.age(),
            names,
            images,
            or_none(&selector_text(self.object.at(&["spec", "selector"]))).into(),
        ]
    }

    fn stateful_set(&self) -> Vec<Value> {
        let ready = self.number(&["status", "readyReplicas"]);
        let [names, images] = self.template(&POD_TEMPLATE);
        vec![
            self.name(),
            format!("{ready}/{}", self.number(&["spec", "replicas"])).into(),
            self.age(),
            names,
            images,
        ]
    }

    fn daemon_set(&self) -> Vec<Value> {
        let [names, images] = self.template(&POD_TEMPLATE);
        let counts = [
            "desiredNumberScheduled",
            "currentNumberScheduled",
            "numberReady",
            "updatedNumberScheduled",
            "numberAvailable",
        ];
        let mut cells = vec![self.name()];
        cells.extend(counts.map(|field| Value::from(self.number(&["status", field]))));
        cells.push(labels(self.object.at(&["spec", "template", "spec", "nodeSelector"])).into());
        cells.extend([self.age(), names, images]);
        cells.push(or_none(&selector_text(self.object.at(&["spec", "selector"]))).into());
        cells
    }

    fn job(&self) -> Vec<Value> {
        let succeeded = self.number(&["status", "succeeded"]);
        let parallel = self.number(&["spec", "parallelism"]);
        let completions = match self.object.integer(&["spec", "completions"]) {
            Some(wanted) => format!("{succeeded}/{wanted}"),
            None if parallel > 1 => format!("{succeeded}/1 of {parallel}"),
            None => format!("{succeeded}/1"),
        };
        let [names, images] = self.template(&POD_TEMPLATE);
        vec![
            self.name(),
            self.job_status().into(),
            completions.into(),
            self.job_duration().into(),
            self.age(),
            names,
            images,
            or_none(&selector_text(self.object.at(&["spec", "selector"]))).into(),
        ]
    }

    fn job_status(&self) -> &'static str {
        let has = |kind: &str| {
            let conditions = self.object.entries(&["status", "conditions"]).iter();
            conditions
                .filter(|entry| entry.text(&["type"]) == kind)
                .any(|entry| entry.text(&["status"]) == "True")
        };
        let deleted = self.object.at(&["metadata", "deletionTimestamp"]).is_some();
        match () {
            () if has("Complete") => "Complete",
            () if has("Failed") => "Failed",
            () if deleted => "Terminating",
            () if has("Suspended") => "Suspended",
            () if has("FailureTarget") => "FailureTarget",
            () if has("SuccessCriteriaMet") => "SuccessCriteriaMet",
            () => "Running",
        }
    }

    fn job_duration(&self) -> String {
        let second = |field: &str| {
            self.object
                .text(&["status", field])
                .parse::<jiff::Timestamp>()
                .ok()
                .map(jiff::Timestamp::as_second)
        };
        let Some(start) = second("startTime") else { return String::new() };
        time::elapsed(second("completionTime").unwrap_or(self.now.as_second()) - start)
    }

    fn cron_job(&self) -> Vec<Value> {
        let last = match self.object.at(&["status", "lastScheduleTime"]) {
            Some(_) => self.since(&["status", "lastScheduleTime"]),
            None => NONE.to_owned(),
        };
        let suspend = self.object.at(&["spec", "suspend"]).and_then(Value::as_bool);
        let [names, images] =
            self.template(&["spec", "jobTemplate", "spec", "template", "spec", "containers"]);
        vec![
            self.name(),
            self.cell(&["spec", "schedule"]),
            or_none(self.object.text(&["spec", "timeZone"])).into(),
            suspend.map_or("<unset>", |suspend| if suspend { "True" } else { "False" }).into(),
            self.object.entries(&["status", "active"]).len().into(),
            last.into(),
            self.age(),
            names,
            images,
            or_none(&selector_text(self.object.at(&["spec", "jobTemplate", "spec", "selector"])))
                .into(),
        ]
    }

    fn pod(&self) -> Vec<Value> {
        let pod = self.object;
        let statuses = pod.entries(&["status", "containerStatuses"]);
        let running =
            |status: &&Value| status.flag(&["ready"]) && status.at(&["state", "running"]).is_some();
        let ready = statuses.iter().filter(running).count();
        let restarts: i64 =
            statuses.iter().filter_map(|status| status.integer(&["restartCount"])).sum();
        let addresses = pod.entries(&["status", "podIPs"]);
        vec![
            self.name(),
            format!("{ready}/{}", pod.entries(&["spec", "containers"]).len()).into(),
            pod_status(pod).into(),
            restarts.to_string().into(),
            self.age(),
            or_none(addresses.first().map_or("", |address| address.text(&["ip"]))).into(),
            or_none(pod.text(&["spec", "nodeName"])).into(),
            or_none(pod.text(&["status", "nominatedNodeName"])).into(),
            readiness_gates(pod).into(),
        ]
    }
}

/// One word for the state of a pod: the first container that waits or has ended says more than the phase.
fn pod_status(pod: &Value) -> String {
    let phase = pod.text(&["status", "phase"]);
    if pod.at(&["metadata", "deletionTimestamp"]).is_some()
        && !matches!(phase, "Succeeded" | "Failed")
    {
        return "Terminating".to_owned();
    }
    let state = |status: &Value| {
        let said = |state: &str| match status.text(&["state", state, "reason"]) {
            "" => None,
            reason => Some(reason.to_owned()),
        };
        let code = || {
            status
                .integer(&["state", "terminated", "exitCode"])
                .map(|code| format!("ExitCode:{code}"))
        };
        said("waiting").or_else(|| said("terminated")).or_else(code)
    };
    let found = pod.entries(&["status", "containerStatuses"]).iter().find_map(state);
    let own = pod.text(&["status", "reason"]);
    found.unwrap_or_else(|| if own.is_empty() { phase.to_owned() } else { own.to_owned() })
}

fn readiness_gates(pod: &Value) -> String {
    let gates = pod.entries(&["spec", "readinessGates"]);
    if gates.is_empty() {
        return NONE.to_owned();
    }
    let conditions = pod.entries(&["status", "conditions"]);
    let holds = |gate: &&Value| {
        let kind = gate.text(&["conditionType"]);
        conditions
            .iter()
            .any(|entry| entry.text(&["type"]) == kind && entry.text(&["status"]) == "True")
    };
    format!("{}/{}", gates.iter().filter(holds).count(), gates.len())
}
