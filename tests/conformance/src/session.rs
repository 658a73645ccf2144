//! One run of one case against one server: fills in names, asks, records.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use http::{HeaderMap, Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Map, Value, json};

use super::call::{Call, Caller, Content, Record, Until};
use super::normal::Normal;
use super::target::Target;
use super::transcript::{Step, Transcript};
use meshroot_testkit::{Directory, wait};

/// How long a single answer, or a condition, may take.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Headers that clients act on.
const HEADERS: &[&str] = &["content-type", "warning", "www-authenticate", "retry-after"];

/// Names for paths, beside those that differ from case to case.
const PATHS: &[(&str, &str)] = &[
    ("namespaces", "/api/v1/namespaces"),
    ("configmaps", "/api/v1/namespaces/$ns/configmaps"),
    ("secrets", "/api/v1/namespaces/$ns/secrets"),
    ("serviceaccounts", "/api/v1/namespaces/$ns/serviceaccounts"),
    ("core_events", "/api/v1/namespaces/$ns/events"),
    ("events", "/apis/events.k8s.io/v1/namespaces/$ns/events"),
    ("quotas", "/api/v1/namespaces/$ns/resourcequotas"),
    ("leases", "/apis/coordination.k8s.io/v1/namespaces/$ns/leases"),
    ("deployments", "/apis/apps/v1/namespaces/$ns/deployments"),
    ("rbac", "/apis/rbac.authorization.k8s.io/v1"),
    ("roles", "/apis/rbac.authorization.k8s.io/v1/namespaces/$ns/roles"),
    ("rolebindings", "/apis/rbac.authorization.k8s.io/v1/namespaces/$ns/rolebindings"),
    ("crds", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"),
    ("authentication", "/apis/authentication.k8s.io/v1"),
    ("authorization", "/apis/authorization.k8s.io/v1"),
    ("admission", "/apis/admissionregistration.k8s.io/v1"),
    ("widgets", "/apis/$shared/v1/namespaces/$ns/widgets"),
];

/// What a case asks through.
pub(crate) struct Session {
    pub(super) target: Arc<Target>,
    bare: Client,
    variables: BTreeMap<String, String>,
    pub(super) normal: Normal,
    pub(super) directory: Directory,
    transcript: Transcript,
}

/// What came, as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// JSON, or the text as a string.
    pub(crate) body: Value,
}

/// The API group that all cases of a run may use, with the kind `Widget`.
fn shared_group(run: &str) -> String {
    format!("{run}.conformance.example.com")
}

impl Session {
    /// A session whose names end in `id`; `run` is common to all cases of a run.
    pub(super) fn new(target: Arc<Target>, bare: Client, run: &str, id: &str) -> Result<Self> {
        let mut normal = Normal::new()?;
        normal.hide(id, "<id>");
        normal.hide(run, "<run>");
        normal.hide(&target.url, "<server>");
        normal.hide(target.url.trim_start_matches("https://"), "<host>");
        let directory = Directory::create("conformance-case")?;
        let mut session = Self {
            target,
            bare,
            variables: BTreeMap::new(),
            normal,
            directory,
            transcript: Transcript::default(),
        };
        session.set("id", id);
        session.set("ns", &format!("n-{id}"));
        session.set("group", &format!("x{id}.example.com"));
        session.set("shared", &shared_group(run));
        for (name, path) in PATHS {
            let path = session.fill(path);
            session.set(name, &path);
        }
        Ok(session)
    }

    /// Gives a text a name.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    /// The text with each `$name` that is known filled in.
    pub(crate) fn fill(&self, text: &str) -> String {
        let mut parts = text.split('$');
        let mut filled = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end =
                part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
            match self.variables.get(&part[..end]) {
                Some(value) => filled.extend([value, &part[end..]]),
                None => filled.extend(["$", part]),
            }
        }
        filled
    }

    /// Asks and records.
    pub(crate) async fn call(&mut self, call: Call) -> Result<Answer> {
        let answer = self.ask(&call).await?;
        for (name, pointer) in &call.saves {
            let value = answer.body.pointer(pointer).and_then(Value::as_str);
            let value = value
                .with_context(|| format!("the answer has nothing at {pointer}: {}", answer.body))?;
            self.set(name, value);
        }
        match call.record {
            Record::Ignored => {}
            Record::Nothing if answer.status < 400 => {}
            Record::Nothing => bail!(
                "{} {}: {}: {}",
                call.method,
                self.fill(&call.path),
                answer.status,
                answer.body
            ),
            Record::Whole | Record::Only(_) => self.record(&call, &answer),
        }
        Ok(answer)
    }

    /// Asks one after the other.
    pub(crate) async fn calls(&mut self, calls: Vec<Call>) -> Result<()> {
        for call in calls {
            self.call(call).await?;
        }
        Ok(())
    }

    /// Records what was seen otherwise.
    pub(crate) fn note(&mut self, asked: &str, came: &Value) {
        let asked = self.normal.text(asked);
        let came = self.normal.value(came);
        self.transcript.steps.push(Step { asked, came });
    }

    /// A client of kube-rs with the administrator's rights.
    pub(crate) async fn client(&self) -> Result<Client> {
        self.target.client(&self.target.admin_token).await
    }

    pub(super) fn into_transcript(self) -> Transcript {
        self.transcript
    }

    /// Asks, again and again if the call says so, without recording.
    ///
    /// As client-go does, it asks again what was turned away: kube-apiserver answers `apiserver is shutting down` while
    /// it replaces the storage of one kind, which is seen at a definition's first objects on a busy machine.
    pub(crate) async fn ask(&self, call: &Call) -> Result<Answer> {
        let Some(until) = call.until else {
            let what = format!("{} {} is taken", call.method, self.fill(&call.path));
            return wait::until(&what, LIMIT, async || {
                let answer = self.ask_once(call).await?;
                let turned_away = matches!(answer.status, 429 | 503)
                    && answer.headers.contains_key(http::header::RETRY_AFTER);
                anyhow::ensure!(!turned_away, "turned away: {} {}", answer.status, answer.body);
                Ok(answer)
            })
            .await;
        };
        let what = format!("{} {} is answered with {until:?}", call.method, self.fill(&call.path));
        wait::until(&what, LIMIT, async || {
            let answer = self.ask_once(call).await?;
            let reached = match until {
                Until::Status(status) => answer.status == status,
                Until::Value(pointer, value) => {
                    answer.body.pointer(pointer).and_then(Value::as_str) == Some(value)
                }
                Until::Header(name) => answer.headers.contains_key(name),
            };
            anyhow::ensure!(reached, "it is answered with {} {}", answer.status, answer.body);
            Ok(answer)
        })
        .await
    }

    async fn ask_once(&self, call: &Call) -> Result<Answer> {
        let exchange = async {
            let response = self.send(call).await?;
            let (parts, body) = response.into_parts();
            let bytes = body.collect_bytes().await?;
            let body = serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
            Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
        };
        let limited = tokio::time::timeout(LIMIT, exchange).await;
        limited.with_context(|| {
            format!("{} {}: no answer within {LIMIT:?}", call.method, self.fill(&call.path))
        })?
    }

    /// Sends a call once and returns as soon as the status is there.
    pub(super) async fn send(&self, call: &Call) -> Result<Response<Body>> {
        let path = self.fill(&call.path).replace(' ', "%20");
        let mut request =
            Request::builder().method(call.method).uri(&path).header("user-agent", "conformance/1");
        for (name, value) in &call.headers {
            request = request.header(*name, self.fill(value));
        }
        let token = match call.caller {
            Caller::Administrator => Some(self.target.admin_token.clone()),
            Caller::Token(token) => Some(self.fill(token)),
            Caller::Nobody => None,
        };
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request
            .body(Body::from(self.body(&call.body)?))
            .with_context(|| format!("request for {path}"))?;
        self.bare.send(request).await.with_context(|| format!("{} {path}", call.method))
    }

    fn body(&self, content: &Content) -> Result<Vec<u8>> {
        Ok(match content {
            Content::Nothing => Vec::new(),
            Content::Text(text) => self.fill(text).into_bytes(),
            Content::Json(value) => serde_json::to_vec(value)?,
            Content::Yaml(text) => serde_json::to_vec(&self.yaml(text)?)?,
        })
    }

    /// YAML with names filled in, as JSON.
    pub(crate) fn yaml(&self, text: &str) -> Result<Value> {
        let text = self.fill(text);
        // `y` and `on` are words.
        let options = serde_saphyr::options! { strict_booleans: true };
        serde_saphyr::from_str_with_options(&text, options)
            .with_context(|| format!("the case's own YAML: {text}"))
    }

    fn record(&mut self, call: &Call, answer: &Answer) {
        let mut answered = answer.body.clone();
        order_causes(&mut answered);
        let mut body = match call.record {
            Record::Only(pointers) => {
                let at = |pointer: &&str| {
                    ((*pointer).to_owned(), answered.pointer(pointer).cloned().into())
                };
                Value::Object(pointers.iter().map(at).collect::<Map<_, _>>())
            }
            Record::Whole | Record::Nothing | Record::Ignored => answered,
        };
        if call.wordless {
            drop_words(&mut body);
        }
        let came =
            json!({ "status": answer.status, "headers": headers(&answer.headers), "body": body });
        let asked = format!("{} {}", call.method, self.fill(&call.path));
        self.note(&asked, &came);
    }
}

/// Several causes come in no certain order, in the list and in the message.
fn order_causes(status: &mut Value) {
    let causes = status.pointer_mut("/details/causes").and_then(Value::as_array_mut);
    let Some(causes) = causes.filter(|causes| causes.len() > 1) else {
        return;
    };
    causes.sort_by_key(|cause| {
        ["field", "message"].map(|key| cause[key].as_str().map(str::to_owned))
    });
    let start = status["message"]
        .as_str()
        .and_then(|message| message.split_once(": ["))
        .map(|(start, _)| start.to_owned());
    if let Some(start) = start {
        status["message"] = Value::String(format!("{start}: [<causes>]"));
    }
}

fn drop_words(status: &mut Value) {
    let Some(fields) = status.as_object_mut() else {
        return;
    };
    fields.remove("message");
    let causes = fields.get_mut("details").and_then(|details| details.get_mut("causes"));
    for cause in
        causes.and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
    {
        cause.remove("message");
    }
}

fn headers(headers: &HeaderMap) -> Value {
    let all = |name: &&str| {
        let values: Vec<_> = headers
            .get_all(*name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        (!values.is_empty()).then(|| ((*name).to_owned(), json!(values.join(" | "))))
    };
    Value::Object(HEADERS.iter().filter_map(all).collect())
}
