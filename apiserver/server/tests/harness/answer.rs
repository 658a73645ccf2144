//! An answer of the server.

use serde_json::Value;

/// An HTTP answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub code: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {self}"))
    }

    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap_or_default().to_owned()
    }

    /// The answer is the `Status` of a failure with this code and reason, and says something.
    #[track_caller]
    pub fn assert_failure(&self, what: &str, code: u16, reason: &str) {
        let problem = self.differs(code, reason);
        assert!(problem.is_none(), "{what}: {}", problem.unwrap_or_default());
    }

    /// How the answer differs from the `Status` that was expected.
    pub fn differs(&self, code: u16, reason: &str) -> Option<String> {
        let Ok(status) = serde_json::from_slice::<Value>(&self.body) else {
            return Some(format!(
                "expected a Status {code} {reason}, the answer is no JSON: {self}"
            ));
        };
        let fits = self.code == code
            && status["kind"] == "Status"
            && status["status"] == "Failure"
            && status["code"] == code
            && status["reason"] == reason
            && status["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty() && message.len() <= 17 * 1024);
        (!fits).then(|| format!("expected a Status {code} {reason}, got {self}"))
    }

    #[track_caller]
    pub fn assert_code(&self, what: &str, code: u16) {
        assert_eq!(self.code, code, "{what}: {self}");
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = String::from_utf8_lossy(&self.body);
        let start: String = text.chars().take(600).collect();
        write!(formatter, "{} ({} bytes): {start}", self.code, self.body.len())
    }
}
