//! Cells of events.

use serde_json::Value;

use super::row::Row;
use crate::reading::Reading;

impl Row<'_> {
    pub(super) fn event(&self) -> Vec<Value> {
        let event = self.object;
        let first = match event.at(&["firstTimestamp"]) {
            Some(_) => self.since(&["firstTimestamp"]),
            None => self.since(&["eventTime"]),
        };
        let series = event.at(&["series"]);
        let last = match (series, event.at(&["lastTimestamp"])) {
            (Some(_), _) => self.since(&["series", "lastObservedTime"]),
            (None, Some(_)) => self.since(&["lastTimestamp"]),
            (None, None) => first.clone(),
        };
        let seen = series.map_or(event, |series| series).integer(&["count"]).unwrap_or(0);
        let count = if series.is_none() { seen.max(1) } else { seen };
        let kind = event.text(&["involvedObject", "kind"]).to_lowercase();
        let name = event.text(&["involvedObject", "name"]);
        let target = if name.is_empty() { kind } else { format!("{kind}/{name}") };
        let either = |one: &[&str], other: &str| {
            let text = event.text(one);
            if text.is_empty() { event.text(&[other]).to_owned() } else { text.to_owned() }
        };
        let component = either(&["source", "component"], "reportingComponent");
        let instance = either(&["source", "host"], "reportingInstance");
        let source =
            if instance.is_empty() { component } else { format!("{component}, {instance}") };
        vec![
            last.into(),
            self.cell(&["type"]),
            self.cell(&["reason"]),
            target.into(),
            self.cell(&["involvedObject", "fieldPath"]),
            source.into(),
            event.text(&["message"]).trim().into(),
            first.into(),
            count.into(),
            self.name(),
        ]
    }
}
