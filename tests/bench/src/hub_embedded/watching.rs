//! Requests as the agents of all clusters see them: one watch a cluster, and no more read of an event than counts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use meshroot_testkit::wait;
use serde::Deserialize;
use tokio::task::JoinSet;

use crate::connection::{Call, Connection, Endpoint};
use crate::objects::REQUEST;
use crate::requests::LIMIT;

/// What is known of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct State {
    /// The hub has said that it waits for the agent.
    pub(crate) waits: bool,
    /// When the certificate was seen.
    pub(crate) answered: Option<Instant>,
}

/// The watches.
pub(crate) struct Watching {
    seen: Arc<Mutex<HashMap<String, State>>>,
    _reading: JoinSet<()>,
}

impl Watching {
    pub(crate) async fn follow(agents: &[(String, Endpoint)]) -> Result<Self> {
        let seen: Arc<Mutex<HashMap<String, State>>> = Arc::default();
        let mut reading = JoinSet::new();
        for (namespace, endpoint) in agents {
            let mut connection = endpoint.connect().await?;
            let list =
                connection.json(Call::get(format!("{}?limit=1", REQUEST.path(namespace)))).await?;
            let revision =
                list["metadata"]["resourceVersion"].as_str().context("the list has no revision")?;
            let path = format!("{}?watch=1&resourceVersion={revision}", REQUEST.path(namespace));
            let body = connection.begin(Call::get(path)).await?.into_body();
            let seen = Arc::clone(&seen);
            reading.spawn(async move {
                match read(connection, body, &seen).await {
                    Ok(()) => println!("    a watch of the benchmark ended"),
                    Err(error) => println!("    a watch of the benchmark ended: {error:#}"),
                }
            });
        }
        Ok(Self { seen, _reading: reading })
    }

    /// When a request was answered, once it is.
    pub(crate) async fn answered(&self, request: &str) -> Result<Instant> {
        let attempt = async || {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.get(request).and_then(|state| state.answered).context("it is not answered yet")
        };
        wait::until(&format!("{request} is answered"), LIMIT, attempt).await
    }

    /// Waits until so many requests of a generation satisfy `test`; when the last of them was answered.
    pub(crate) async fn until(
        &self,
        what: &str,
        (count, ending): (usize, &str),
        test: impl Fn(&State) -> bool,
    ) -> Result<Option<Instant>> {
        let attempt = async || {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let ours = seen.iter().filter(|(name, state)| name.ends_with(ending) && test(state));
            let (found, last) = ours
                .fold((0, None), |(found, last), (_, state)| (found + 1, last.max(state.answered)));
            ensure!(found >= count, "{found} of {count}");
            Ok(last)
        };
        wait::until(what, LIMIT, attempt).await
    }
}

async fn read(
    _connection: Connection,
    mut body: Incoming,
    seen: &Mutex<HashMap<String, State>>,
) -> Result<()> {
    let mut rest: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        let Some(data) = frame.data_ref() else { continue };
        rest.extend_from_slice(data);
        let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') else { continue };
        let now = Instant::now();
        for line in rest[..end].split(|byte| *byte == b'\n') {
            let event: Event = serde_json::from_slice(line).with_context(|| {
                format!("an event: {}", String::from_utf8_lossy(&line[..line.len().min(300)]))
            })?;
            ensure!(event.kind != "ERROR", "the watch says {}", String::from_utf8_lossy(line));
            learn(&mut seen.lock().unwrap_or_else(PoisonError::into_inner), event.object, now);
        }
        rest.drain(..=end);
    }
    Ok(())
}

fn learn(seen: &mut HashMap<String, State>, object: Object, now: Instant) {
    let state = seen.entry(object.metadata.name).or_default();
    let waits = |message: &String| message.starts_with("WaitingForAgent");
    state.waits |= object.status.computed_status.message.as_ref().is_some_and(waits);
    if !object.status.response.ca_certificate.is_empty() {
        state.answered.get_or_insert(now);
    }
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    computed_status: ComputedStatus,
    response: Response,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ComputedStatus {
    message: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Response {
    ca_certificate: String,
}
