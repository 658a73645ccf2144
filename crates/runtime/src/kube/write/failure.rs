//! What a failed call to a Kubernetes API means, and what to do about it.

use std::fmt;
use std::time::Duration;

use kube::core::Status;

/// What the caller should do about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Read again and decide again: what was read is out of date.
    Now,
    /// The same call may succeed after at least this long.
    Later(Duration),
    /// The same call fails until a person changes something.
    UserMustAct,
}

/// Why a call to a Kubernetes API failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Another write came first (409 Conflict).
    Conflict,
    /// The object is not there (404); `resource_unknown` when the server does not serve that kind at all.
    NotFound {
        /// The server knows no such resource: a CustomResourceDefinition is missing.
        resource_unknown: bool,
    },
    /// An object of that name exists (409 AlreadyExists).
    AlreadyExists,
    /// The version or continuation that was asked for is gone (410): list again.
    Expired,
    /// The credentials were not accepted (401).
    Unauthorized,
    /// The namespace may hold no more objects of the kind (403); carries the server's message, which names the quota.
    QuotaFull(String),
    /// A quota is new and the server does not know yet what is used of it (403); carries the server's message.
    QuotaNotCounted(String),
    /// The credentials do not allow this (403); carries the server's message.
    Forbidden(String),
    /// The server refuses the content (400, 422: schema, CEL rule, admission policy); carries the server's message.
    Invalid(String),
    /// The server asks for a pause (429).
    TooManyRequests {
        /// As the server asked, else a default.
        retry_after: Duration,
    },
    /// The server or its storage cannot answer now (5xx).
    Unavailable {
        /// As the server asked, else a default.
        retry_after: Duration,
    },
    /// No answer: name resolution, connection, TLS, time-out, or a body that broke off.
    Network(String),
    /// Anything else.
    Other(String),
}

impl Failure {
    /// What the caller should do about it.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Conflict
            | Self::AlreadyExists
            | Self::Expired
            | Self::NotFound { resource_unknown: false } => Retry::Now,
            Self::TooManyRequests { retry_after } | Self::Unavailable { retry_after } => {
                Retry::Later(*retry_after)
            }
            // The controller that counts is about to.
            Self::Network(_) | Self::QuotaNotCounted(_) => Retry::Later(PAUSE),
            // A token that has just been replaced is refused until the new one is in use.
            Self::Unauthorized => Retry::Later(PAUSE_FOR_CREDENTIALS),
            Self::NotFound { resource_unknown: true }
            | Self::QuotaFull(_)
            | Self::Forbidden(_)
            | Self::Invalid(_)
            | Self::Other(_) => Retry::UserMustAct,
        }
    }

    /// The same of a call about a Secret: what may quote its content is left out.
    #[must_use]
    pub fn without_content(self) -> Self {
        match self {
            Self::Invalid(_) => {
                Self::Invalid("(its message may quote the Secret, not shown)".to_owned())
            }
            Self::Other(_) => Self::Other("the answer cannot be read".to_owned()),
            other => other,
        }
    }

    /// The word for it in metrics and logs.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Conflict => "Conflict",
            Self::NotFound { .. } => "NotFound",
            Self::AlreadyExists => "AlreadyExists",
            Self::Expired => "Expired",
            Self::Unauthorized => "Unauthorized",
            Self::QuotaFull(_) => "QuotaFull",
            Self::QuotaNotCounted(_) => "QuotaNotCounted",
            Self::Forbidden(_) => "Forbidden",
            Self::Invalid(_) => "Invalid",
            Self::TooManyRequests { .. } => "TooManyRequests",
            Self::Unavailable { .. } => "Unavailable",
            Self::Network(_) => "Network",
            Self::Other(_) => "Other",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict => formatter.write_str("it was changed by another since it was read"),
            Self::NotFound { resource_unknown: false } => formatter.write_str("it does not exist"),
            Self::NotFound { resource_unknown: true } => formatter.write_str(
                "the server knows no such resource: are the CustomResourceDefinitions installed?",
            ),
            Self::AlreadyExists => formatter.write_str("it already exists"),
            Self::Expired => formatter.write_str("the version asked for is gone from the server"),
            Self::Unauthorized => formatter.write_str("the server does not accept the credentials"),
            Self::QuotaFull(message) => {
                write!(
                    formatter,
                    "the quota of its namespace is full: {message}; have an administrator raise spec.hard of that \
                     ResourceQuota"
                )
            }
            Self::QuotaNotCounted(message) => {
                write!(formatter, "the server does not know yet what is used of a quota: {message}")
            }
            Self::Forbidden(message) => {
                write!(formatter, "the credentials do not allow it: {message}")
            }
            Self::Invalid(message) => {
                write!(formatter, "the server refuses the content: {message}")
            }
            Self::TooManyRequests { retry_after } => {
                write!(formatter, "the server asks for a pause of {} s", retry_after.as_secs())
            }
            Self::Unavailable { retry_after } => {
                write!(
                    formatter,
                    "the server cannot answer now, retrying after {} s",
                    retry_after.as_secs()
                )
            }
            Self::Network(message) => write!(formatter, "no answer from the server: {message}"),
            Self::Other(message) => formatter.write_str(message),
        }
    }
}

/// What `error` means.
#[must_use]
pub fn classify(error: &kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) => from_status(status),
        kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => {
            Failure::Network(with_causes(error))
        }
        // The answer broke off or a proxy answered in the server's place: its text may quote the body, so it stays out.
        kube::Error::SerdeError(parse) if parse.is_eof() || parse.is_syntax() => Failure::Network(
            format!("the answer is not JSON (line {}, column {})", parse.line(), parse.column()),
        ),
        other => Failure::Other(with_causes(other)),
    }
}

fn from_status(status: &Status) -> Failure {
    if status.is_already_exists() {
        return Failure::AlreadyExists;
    }
    let retry_after = || asked_pause(status).unwrap_or(PAUSE);
    match status.code {
        409 => Failure::Conflict,
        404 => Failure::NotFound { resource_unknown: is_unknown_resource(status) },
        410 => Failure::Expired,
        401 => Failure::Unauthorized,
        403 => forbidden(&status.message),
        400 | 405 | 413 | 415 | 422 => Failure::Invalid(status.message.clone()),
        429 => Failure::TooManyRequests { retry_after: retry_after() },
        500..=599 => Failure::Unavailable { retry_after: retry_after() },
        _ => Failure::Other(status.to_string()),
    }
}

/// A quota is told by kube-apiserver's words alone.
fn forbidden(message: &str) -> Failure {
    let message = message.to_owned();
    if message.contains("is forbidden: exceeded quota: ") {
        Failure::QuotaFull(message)
    } else if message.contains("is forbidden: status unknown for quota: ") {
        Failure::QuotaNotCounted(message)
    } else {
        Failure::Forbidden(message)
    }
}

/// A missing object is named in the details; a missing resource is answered with "page not found" and names none.
fn is_unknown_resource(status: &Status) -> bool {
    status.details.as_ref().is_none_or(|details| details.name.is_empty())
}

fn asked_pause(status: &Status) -> Option<Duration> {
    let seconds = status.details.as_ref()?.retry_after_seconds;
    (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)).min(LONGEST_PAUSE))
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let message = inner.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = inner.source();
    }
    text
}

/// Pause before repeating a call where the server did not say how long.
const PAUSE: Duration = Duration::from_secs(2);
const PAUSE_FOR_CREDENTIALS: Duration = Duration::from_secs(10);
/// A server may not park us for longer than this.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn api(json: &str) -> kube::Error {
        kube::Error::Api(Box::new(serde_json::from_str(json).expect("a Status")))
    }

    #[test]
    fn each_answer_of_a_server_has_one_meaning() {
        let second = Duration::from_secs(1);
        let cases = [
            (r#"{"code":409,"reason":"Conflict"}"#, Failure::Conflict, Retry::Now),
            (r#"{"code":409,"reason":"AlreadyExists"}"#, Failure::AlreadyExists, Retry::Now),
            (
                r#"{"code":404,"reason":"NotFound","details":{"name":"a","kind":"leases"}}"#,
                Failure::NotFound { resource_unknown: false },
                Retry::Now,
            ),
            (
                r#"{"code":404,"reason":"NotFound","message":"page not found"}"#,
                Failure::NotFound { resource_unknown: true },
                Retry::UserMustAct,
            ),
            (r#"{"code":410,"reason":"Expired"}"#, Failure::Expired, Retry::Now),
            (
                r#"{"code":401,"reason":"Unauthorized"}"#,
                Failure::Unauthorized,
                Retry::Later(PAUSE_FOR_CREDENTIALS),
            ),
            (
                r#"{"code":403,"reason":"Forbidden","message":"no"}"#,
                Failure::Forbidden("no".into()),
                Retry::UserMustAct,
            ),
            (
                r#"{"code":422,"reason":"Invalid","message":"bad"}"#,
                Failure::Invalid("bad".into()),
                Retry::UserMustAct,
            ),
            (
                r#"{"code":429,"reason":"TooManyRequests","details":{"retryAfterSeconds":1}}"#,
                Failure::TooManyRequests { retry_after: second },
                Retry::Later(second),
            ),
            (
                r#"{"code":429,"details":{"retryAfterSeconds":4000000}}"#,
                Failure::TooManyRequests { retry_after: LONGEST_PAUSE },
                Retry::Later(LONGEST_PAUSE),
            ),
            (
                r#"{"code":500,"reason":"InternalError"}"#,
                Failure::Unavailable { retry_after: PAUSE },
                Retry::Later(PAUSE),
            ),
            (r#"{"code":503}"#, Failure::Unavailable { retry_after: PAUSE }, Retry::Later(PAUSE)),
        ];
        for (json, failure, retry) in cases {
            assert_eq!(classify(&api(json)), failure, "{json}");
            assert_eq!(failure.retry(), retry, "{json}");
        }
    }

    #[test]
    fn a_full_quota_is_told_from_missing_rights_and_says_what_to_do() {
        let refused = |why: &str| {
            let message = format!(r#"meshes \"a\" is forbidden: {why}"#);
            classify(&api(&format!(r#"{{"code":403,"reason":"Forbidden","message":"{message}"}}"#)))
        };
        let full =
            refused("exceeded quota: q, requested: count/m=1, used: count/m=9, limited: count/m=9");
        assert_eq!((full.reason(), full.retry()), ("QuotaFull", Retry::UserMustAct));
        let text = full.to_string();
        for part in [
            "quota of its namespace is full",
            "exceeded quota: q",
            "used: count/m=9",
            "raise spec.hard",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let unknown = refused("status unknown for quota: q, resources: count/m");
        assert_eq!((unknown.reason(), unknown.retry()), ("QuotaNotCounted", Retry::Later(PAUSE)));
        let other = refused("user \\\"exceeded quota: x\\\" may not");
        assert_eq!(other.reason(), "Forbidden");
    }

    #[test]
    fn a_broken_connection_is_worth_a_retry_and_says_why() {
        let error = kube::Error::Service("connection refused".into());
        let failure = classify(&error);
        assert!(
            matches!(&failure, Failure::Network(why) if why.contains("connection refused")),
            "{failure:?}"
        );
        assert_eq!(failure.retry(), Retry::Later(PAUSE));
    }

    #[test]
    fn an_answer_that_broke_off_is_not_quoted() {
        let parse = serde_json::from_str::<serde_json::Value>(r#"{"data":{"key.pem":"c2VjcmV0"#)
            .unwrap_err();
        let failure = classify(&kube::Error::SerdeError(parse));
        assert!(matches!(&failure, Failure::Network(_)), "{failure:?}");
        assert!(!failure.to_string().contains("c2VjcmV0"));
    }
}
