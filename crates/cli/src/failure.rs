//! What is said when the answer is no: one sentence, where to look, what to do, and an exit code.

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;

use kube::runtime::watcher;
use meshroot_runtime::kube::apply::ApplyError;
use meshroot_runtime::kube::call::CallError;
use meshroot_runtime::kube::connect::ConnectError;
use meshroot_runtime::kube::write::{Failure as ApiFailure, WriteError, classify};

use crate::plain::plain;

/// Exit codes, the same for every subcommand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 1: the answer is no: not found, refused, denied, does not verify, not in time.
    No,
    /// 2: the command line makes no sense.
    Usage,
    /// 3: no answer: the API cannot be reached, or does not allow the question.
    Unanswered,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::No => 1,
            Exit::Usage => 2,
            Exit::Unanswered => 3,
        })
    }
}

/// A failure for people. Never carries a secret.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    see: Vec<String>,
    fix: Vec<String>,
    causes: Vec<String>,
    closed_pipe: bool,
}

impl Failure {
    /// The answer is no.
    pub(crate) fn no(message: impl Into<String>) -> Self {
        Self::new(Exit::No, message.into())
    }

    /// The command line makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message.into())
    }

    /// There is no answer.
    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self::new(Exit::Unanswered, message.into())
    }

    /// What an API answered to `doing` (`list vmcsr in namespace shop`).
    pub(crate) fn api(doing: &str, error: &kube::Error) -> Self {
        Self::answered(doing, &classify(error)).caused_by(error)
    }

    /// What `doing` (`watch vmcsr shop/a`) met: a watch that breaks is resumed by itself; one that is not allowed never
    /// begins, which is the failure.
    pub(crate) fn unless_resumed(doing: &str, error: &watcher::Error) -> Result<(), Self> {
        match error {
            watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error)
                if matches!(
                    classify(error),
                    ApiFailure::Forbidden(_) | ApiFailure::Unauthorized
                ) =>
            {
                Err(Self::api(doing, error))
            }
            _ => Ok(()),
        }
    }

    /// As [`Failure::api`] for calls about Secrets: the server's words and the causes may quote content, so
    /// they are left out.
    pub(crate) fn api_about_secret(doing: &str, error: &kube::Error) -> Self {
        Self::answered(doing, &classify(error).without_content())
    }

    /// Where to look: an object and its field.
    #[must_use]
    pub(crate) fn see(mut self, object: impl Into<String>) -> Self {
        self.see.push(object.into());
        self
    }

    /// What to do.
    #[must_use]
    pub(crate) fn fix(mut self, deed: impl Into<String>) -> Self {
        self.fix.push(deed.into());
        self
    }

    /// Keeps the chain of causes for `-v`.
    #[must_use]
    pub(crate) fn caused_by(mut self, error: &(dyn Error + 'static)) -> Self {
        let mut cause = Some(error);
        while let Some(error) = cause {
            self.causes.push(error.to_string());
            cause = error.source();
        }
        self
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether the reader of our output went away (`meshroot get … | head`): no failure.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        self.closed_pipe
    }

    /// The text for standard error; with the causes if `verbose`.
    pub(crate) fn text(&self, verbose: bool) -> String {
        let mut text = String::new();
        section(&mut text, "error: ", &self.message);
        self.see.iter().for_each(|see| section(&mut text, "  see: ", see));
        self.fix.iter().for_each(|fix| section(&mut text, "  fix: ", fix));
        if verbose {
            self.causes.iter().for_each(|cause| section(&mut text, "  cause: ", cause));
        }
        text
    }

    fn new(exit: Exit, message: String) -> Self {
        Self {
            exit,
            message,
            see: Vec::new(),
            fix: Vec::new(),
            causes: Vec::new(),
            closed_pipe: false,
        }
    }

    fn answered(doing: &str, failure: &ApiFailure) -> Self {
        let message = format!("could not {doing}: {failure}");
        match failure {
            ApiFailure::NotFound { resource_unknown: true } => Self::unreachable(message)
                .fix("install Meshroot there (meshroot install | kubectl apply -f -), or name another --context"),
            ApiFailure::Unauthorized => Self::unreachable(message).fix("log in again, or name another --context"),
            ApiFailure::Forbidden(refusal) => Self::forbidden(message, refusal),
            ApiFailure::Network(why) => Self::unreachable(message).fix(reach(why)),
            ApiFailure::Unavailable { .. } | ApiFailure::TooManyRequests { .. } => {
                Self::unreachable(message).fix("check --kubeconfig and --context, and that the API server is up")
            }
            ApiFailure::Other(_) => Self::unreachable(message),
            ApiFailure::Conflict => Self::no(message).fix("look at it again, then repeat the command"),
            ApiFailure::NotFound { .. }
            | ApiFailure::AlreadyExists
            | ApiFailure::Expired
            | ApiFailure::QuotaFull(_)
            | ApiFailure::QuotaNotCounted(_)
            | ApiFailure::Invalid(_) => Self::no(message),
        }
    }

    /// What an admission policy or webhook refused, no role would allow, but for the right to approve.
    fn forbidden(message: String, refusal: &str) -> Self {
        let admission =
            ["denied request", "denied the request"].iter().any(|words| refusal.contains(words));
        match (admission, grant_for(refusal)) {
            (true, grant) if grant != APPROVER => Self::unreachable(message),
            (_, grant) => Self::unreachable(message).fix(grant),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for Failure {}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::unreachable(error.to_string())
            .fix("check --kubeconfig and --context")
            .caused_by(&error)
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let failure = Self::answered(error.doing(), error.failure());
        match error.source() {
            Some(source) => failure.caused_by(source),
            None => failure,
        }
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::Call(error) => error.into(),
            ApplyError::Nameless => Self::no(error.to_string()),
            ApplyError::NotServed { ref source, .. } => {
                Self::unreachable(error.to_string()).caused_by(source)
            }
        }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Api { operation, kind, name, failure, source } => {
                Self::answered(&format!("{operation} {kind} {name}"), &failure).caused_by(&*source)
            }
            other => Self::no(other.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let closed_pipe = error.kind() == std::io::ErrorKind::BrokenPipe;
        Self { closed_pipe, ..Self::no(format!("cannot write the output: {error}")) }
    }
}

const APPROVER: &str = "ask for ClusterRole meshroot-approver (verb approve on the VirtualMesh), or let an approver do it";

/// What to do where no answer came, by the words of rustls and the system.
fn reach(why: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| why.contains(word));
    if says(&["alert: BadCertificate", "alert: Certificate", "alert: UnknownCA"]) {
        "the server does not accept the client certificate: correct client-certificate(-data) of the user in the kubeconfig, or log in again"
    } else if says(&["UnknownIssuer", "BadSignature"]) {
        "the CA of the kubeconfig did not issue the server's certificate: correct certificate-authority(-data) of the cluster, or name another --context"
    } else if says(&["certificate expired", "Expired"]) {
        "the server's certificate has expired: have it renewed, and check the clock of this machine"
    } else if says(&["not valid yet", "NotValidYet"]) {
        "the server's certificate is not valid yet: check the clocks of this machine and of the server"
    } else if says(&["not valid for name", "NotValidForName"]) {
        "the server's certificate is for other names: use one of them in server of the cluster, or set its tls-server-name"
    } else if says(&["Connection refused"]) {
        "nothing listens at that address: check --kubeconfig and --context, and that the API server is up"
    } else {
        "check --kubeconfig and --context, and that the API server is up"
    }
}

/// Which role lets a person do what the server refused.
fn grant_for(refusal: &str) -> &'static str {
    if refusal.contains("\"system:anonymous\"") {
        "the call had no credentials: give the context's user in the kubeconfig a token, client-certificate-data or exec"
    } else if refusal.contains("thirdPartyApproval")
        || refusal.contains("signingrequests/status")
        || refusal.contains("equestapproval")
    {
        APPROVER
    } else {
        "ask for ClusterRole meshroot-viewer to read, meshroot-operator to change, or give -n NAMESPACE"
    }
}

/// Writes `head` and the text; further lines stand under the first.
fn section(text: &mut String, head: &str, body: &str) {
    let indent = " ".repeat(head.len());
    for (number, line) in body.lines().enumerate() {
        let head = if number == 0 { head } else { indent.as_str() };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{head}{}", plain(line));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(json: &str) -> kube::Error {
        kube::Error::Api(Box::new(serde_json::from_str(json).unwrap()))
    }

    #[test]
    fn a_failure_says_what_where_to_look_and_what_to_do_in_this_order() {
        let failure = Failure::no("request a.demo.1 is INVALID:\nthe CSR asks too much")
            .see("Mesh x/a, field spec")
            .fix("correct it");
        assert_eq!(
            failure.text(false),
            "error: request a.demo.1 is INVALID:\n       the CSR asks too much\n  see: Mesh x/a, field spec\n  fix: correct it\n"
        );
    }

    #[test]
    fn causes_are_told_only_when_asked_for() {
        let cause = std::io::Error::other("socket gone");
        let failure = Failure::unreachable("no answer").caused_by(&cause);
        assert!(!failure.text(false).contains("socket gone"));
        assert!(failure.text(true).contains("  cause: socket gone\n"));
    }

    #[test]
    fn a_refusal_and_an_absence_of_an_answer_have_different_exit_codes() {
        let cases = [
            (r#"{"code":404,"reason":"NotFound","details":{"name":"a","kind":"vmcsr"}}"#, Exit::No),
            (r#"{"code":404,"reason":"NotFound","message":"page not found"}"#, Exit::Unanswered),
            (r#"{"code":403,"reason":"Forbidden","message":"no"}"#, Exit::Unanswered),
            (r#"{"code":401,"reason":"Unauthorized"}"#, Exit::Unanswered),
            (r#"{"code":503}"#, Exit::Unanswered),
            (r#"{"code":409,"reason":"Conflict"}"#, Exit::No),
            (r#"{"code":422,"reason":"Invalid","message":"bad"}"#, Exit::No),
        ];
        for (json, exit) in cases {
            assert_eq!(Failure::api("read it", &api(json)).exit(), exit, "{json}");
        }
    }

    #[test]
    fn what_a_policy_or_webhook_refused_comes_without_advice_on_roles() {
        for words in [
            "'p' with binding 'p' denied request: no",
            "admission webhook \\\"w\\\" denied the request: no",
        ] {
            let json = format!(
                r#"{{"code":403,"reason":"Forbidden","message":"x is forbidden: {words}"}}"#
            );
            let failure = Failure::api("write x", &api(&json));
            assert_eq!(failure.exit(), Exit::Unanswered, "{words}");
            assert!(!failure.text(false).contains("meshroot-operator"), "{words}");
        }
    }

    #[test]
    fn each_way_not_to_reach_a_server_has_advice_of_its_own() {
        use rustls::pki_types::{ServerName, UnixTime};
        use rustls::{AlertDescription as Alert, CertificateError as Fault};

        let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1));
        let expected = ServerName::try_from("api.demo").unwrap();
        let faults = [
            (Fault::UnknownIssuer, "certificate-authority"),
            (Fault::Expired, "has expired"),
            (Fault::ExpiredContext { time, not_after: time }, "has expired"),
            (Fault::NotValidYetContext { time, not_before: time }, "not valid yet"),
            (Fault::NotValidForName, "tls-server-name"),
            (Fault::NotValidForNameContext { expected, presented: Vec::new() }, "tls-server-name"),
        ];
        for (fault, advice) in faults {
            let why = rustls::Error::from(fault).to_string();
            assert!(reach(&why).contains(advice), "{why}");
        }
        for alert in [Alert::CertificateExpired, Alert::BadCertificate, Alert::UnknownCA] {
            let why = rustls::Error::AlertReceived(alert).to_string();
            assert!(reach(&why).contains("client-certificate"), "{why}");
        }
        let refused = std::io::Error::from_raw_os_error(111).to_string();
        assert!(reach(&refused).contains("nothing listens"), "{refused}");
        assert!(reach("operation timed out").contains("is up"));
    }

    #[test]
    fn who_called_without_credentials_is_told_so_and_not_to_ask_for_a_role() {
        let error = api(
            r#"{"code":403,"reason":"Forbidden","message":"x is forbidden: User \"system:anonymous\" cannot list"}"#,
        );
        let text = Failure::api("list x", &error).text(false);
        assert!(text.contains("no credentials") && !text.contains("ClusterRole"), "{text}");
    }

    #[test]
    fn what_the_server_says_about_a_secret_is_not_repeated() {
        let error = api(r#"{"code":422,"reason":"Invalid","message":"data[token]: eyJhbGciOi"}"#);
        assert!(!Failure::api_about_secret("write the Secret", &error).text(true).contains("eyJ"));
    }

    #[test]
    fn a_closed_pipe_is_recognised() {
        let error = std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        assert!(Failure::from(error).is_closed_pipe());
    }
}
