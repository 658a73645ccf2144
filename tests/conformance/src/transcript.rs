//! What was asked and what came.

use serde::Serialize;
use serde_json::Value;

/// One question and its answer, with placeholders for what no two servers share.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Step {
    /// Method and path, a command line, or what was observed.
    pub(crate) asked: String,
    /// Status, headers and body, an event, or output.
    pub(crate) came: Value,
}

/// Everything that one run of a case showed.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Transcript {
    /// In the order of asking.
    pub(crate) steps: Vec<Step>,
}

impl Transcript {
    /// The answers in a few words: `201, 409 AlreadyExists`.
    pub(crate) fn summary(&self) -> String {
        let mut words: Vec<(String, usize)> = Vec::new();
        for step in &self.steps {
            let word = step.summary();
            match words.last_mut() {
                Some((last, times)) if *last == word => *times += 1,
                _ => words.push((word, 1)),
            }
        }
        let times = |(word, times): (String, usize)| match times {
            1 => word,
            times => format!("{times} × {word}"),
        };
        words.into_iter().map(times).collect::<Vec<_>>().join(", ")
    }
}

impl Step {
    fn summary(&self) -> String {
        let text = |pointer: &str| self.came.pointer(pointer).and_then(Value::as_str);
        if let Some(status) = self.came.get("status").and_then(Value::as_u64) {
            // Where only places of the body are compared, they are the keys.
            let reason = text("/body/reason").or(text("/body/~1reason")).filter(|_| status >= 400);
            return reason
                .map_or_else(|| status.to_string(), |reason| format!("{status} {reason}"));
        }
        if let Some(kind) = text("/event") {
            return kind.to_owned();
        }
        if let Some(code) = self.came.get("exit").and_then(Value::as_i64) {
            return format!("exit {code}");
        }
        self.asked.clone()
    }
}
