//! GET with `watch=true`: changes of a collection as they become durable.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use apiserver_object::{Fault, FieldError};
use apiserver_store::{self as store, EventKind};
use bytes::Bytes;
use http::StatusCode;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::answer::{Accepted, Answer, Form};
use crate::api::Api;
use crate::catalog::Served;
use crate::parameters::Parameters;
use crate::read::{self, Selection};
use crate::request::ResourcePath;
use crate::shares::Share;
use crate::status::Failure;
use crate::{encode, form, present};

/// How often a quiet watch tells the revision that it has come to.
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);
/// The longest that a client may ask for: what it may see is looked at when a watch begins.
const LONGEST_ASKED: Duration = Duration::from_hours(24);
/// A watch without `timeoutSeconds` ends after this long.
const LONGEST: Duration = Duration::from_mins(45);

/// Starts a watch.
pub(crate) fn watch(
    api: &Arc<Api>,
    served: &Arc<Served>,
    path: &ResourcePath,
    parameters: Parameters,
    accepted: Accepted,
    place: Share,
) -> Result<Answer, Failure> {
    check(&parameters)?;
    read::unless_no_number(&parameters.resource_version)?;
    let selection = Selection::read(served, path, &parameters)?;
    let mut asked = read::revision(&parameters.resource_version)?;
    let initial = parameters.send_initial_events == Some(true)
        || parameters.send_initial_events.is_none() && asked == 0;
    let mut ready = VecDeque::new();
    if asked == 0 && !initial {
        // Only what comes from now on.
        asked = api.store.revision();
    }
    if initial {
        let listing = api.store.list(
            &served.kind.storage_collection,
            selection.namespace.as_deref(),
            None,
            0,
            None,
        );
        let listing = listing.map_err(|expired| Failure::too_old(asked, expired.oldest))?;
        asked = listing.revision;
        ready.extend(
            listing
                .objects
                .into_iter()
                .filter(|object| selection.matches(&served.kind, object))
                .map(Ready::Added),
        );
        if parameters.send_initial_events == Some(true) {
            ready.push_back(Ready::InitialEnd(asked));
        }
    }
    // A revision from the future is one of another history: the client must list again.
    let source = if asked > api.store.revision() {
        Err(api.store.revision())
    } else if asked < api.floor {
        Err(api.floor)
    } else {
        api.store
            .watch(&served.kind.storage_collection, selection.namespace.as_deref(), asked)
            .map_err(|expired| expired.oldest)
    };
    let source = match source {
        Ok(source) => Source::Live(source),
        Err(oldest) => Source::Failed(Failure::too_old(asked, oldest)),
    };
    let ends = Instant::now()
        + parameters
            .timeout
            .filter(|seconds| *seconds > 0)
            .map_or(LONGEST, Duration::from_secs)
            .min(LONGEST_ASKED);
    let stream = Stream {
        served: served.clone(),
        selection,
        form: accepted.form,
        ready,
        source,
        ends,
        bookmark: Instant::now() + BOOKMARK_EVERY,
        stop: api.stop.clone(),
        first: true,
        parameters,
        _place: place,
    };
    let frames = futures::stream::unfold(stream, |mut stream| async move {
        let line = stream.next().await?;
        Some((Ok(Frame::data(line)), stream))
    });
    let body = StreamBody::new(frames).boxed_unsync();
    Ok(Answer::streaming(StatusCode::OK, "application/json", body))
}

fn check(parameters: &Parameters) -> Result<(), Failure> {
    let matched = parameters.resource_version_match.as_str();
    let forbidden = |field: &str, detail: &str| FieldError::new(Fault::Forbidden, field, detail);
    let mut errors = Vec::new();
    match parameters.send_initial_events {
        Some(_) if matched != "NotOlderThan" => {
            let detail = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            errors.push(forbidden("resourceVersionMatch", detail));
            if !matched.is_empty() {
                let detail = "supported values: \"NotOlderThan\"";
                let error = FieldError::new(Fault::NotSupported, "resourceVersionMatch", detail);
                errors.push(error.with_value(matched.into()));
            }
        }
        None if !matched.is_empty() => {
            let detail =
                "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            errors.push(forbidden("resourceVersionMatch", detail));
        }
        _ => {}
    }
    if errors.is_empty() {
        Ok(())
    } else {
        Err(Failure::invalid_as("ListOptions", "meta.k8s.io", "", &errors))
    }
}

/// Something to say at once.
enum Ready {
    Added(Arc<store::Object>),
    /// All objects that were there were sent.
    InitialEnd(u64),
}

enum Source {
    Live(store::Watch),
    /// Say this and end.
    Failed(Failure),
    Ended,
}

struct Stream {
    served: Arc<Served>,
    selection: Selection,
    form: Form,
    ready: VecDeque<Ready>,
    source: Source,
    ends: Instant,
    bookmark: Instant,
    stop: CancellationToken,
    /// A Table names its columns in the first event only.
    first: bool,
    parameters: Parameters,
    _place: Share,
}

/// What woke a watch up.
enum Woken {
    Event(Result<Arc<store::Event>, store::Lost>),
    Bookmark,
    End,
}

impl Stream {
    /// The next line; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(ready) = self.ready.pop_front() {
            return Some(match ready {
                Ready::Added(object) => self.line("ADDED", &object),
                Ready::InitialEnd(revision) => self.bookmark_line(revision, true),
            });
        }
        loop {
            match std::mem::replace(&mut self.source, Source::Ended) {
                Source::Ended => return None,
                Source::Failed(failure) => return Some(error_line(&failure)),
                Source::Live(mut source) => {
                    let woken = self.wait(&mut source).await;
                    let line = self.wake(woken, &mut source);
                    match line {
                        Some(Err(failure)) => return Some(error_line(&failure)),
                        Some(Ok(line)) => {
                            self.source = Source::Live(source);
                            return Some(line);
                        }
                        None if Instant::now() >= self.ends || self.stop.is_cancelled() => {
                            return None;
                        }
                        None => self.source = Source::Live(source),
                    }
                }
            }
        }
    }

    async fn wait(&self, source: &mut store::Watch) -> Woken {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Woken::End,
            () = sleep_until(self.ends) => Woken::End,
            event = source.next() => Woken::Event(event),
            () = sleep_until(self.bookmark), if self.parameters.allow_watch_bookmarks => Woken::Bookmark,
        }
    }

    fn wake(&mut self, woken: Woken, source: &mut store::Watch) -> Option<Result<Bytes, Failure>> {
        match woken {
            Woken::End => None,
            Woken::Bookmark => {
                self.bookmark = Instant::now() + BOOKMARK_EVERY;
                Some(Ok(self.bookmark_line(source.revision(), false)))
            }
            Woken::Event(Ok(event)) => self.event_line(&event).map(Ok),
            Woken::Event(Err(store::Lost::Behind { oldest })) => {
                Some(Err(Failure::too_old(source.revision(), oldest)))
            }
            Woken::Event(Err(store::Lost::Closed)) => {
                Some(Err(Failure::unavailable("the server is going down")))
            }
        }
    }

    /// What the event is to this watcher: an object that begins or ceases to match comes or goes.
    fn event_line(&mut self, event: &Arc<store::Event>) -> Option<Bytes> {
        if self.selection.is_everything() {
            return Some(self.plain_line(event));
        }
        let kind = self.served.kind.clone();
        let now = event.kind != EventKind::Deleted && self.selection.matches(&kind, &event.object);
        let before =
            event.previous.as_ref().is_some_and(|previous| self.selection.matches(&kind, previous));
        match (before, now) {
            (false, true) => Some(self.line("ADDED", &event.object)),
            (true, true) => Some(self.line("MODIFIED", &event.object)),
            (true, false) if event.kind == EventKind::Deleted => {
                Some(self.line("DELETED", &event.object))
            }
            (true, false) => event
                .previous
                .clone()
                .map(|previous| self.gone_line(&previous, event.object.revision)),
            (false, false) => None,
        }
    }

    fn plain_line(&mut self, event: &Arc<store::Event>) -> Bytes {
        if self.form == Form::Object && form::is_served_as_stored(&self.served.kind, &event.object)
        {
            return event.cached(|event| raw_line(word(event.kind), &event.object.json));
        }
        self.line(word(event.kind), &event.object)
    }

    fn line(&mut self, word: &str, object: &store::Object) -> Bytes {
        let kind = self.served.kind.clone();
        if self.form == Form::Object && form::is_served_as_stored(&kind, object) {
            return raw_line(word, &object.json);
        }
        self.value_line(word, form::served(&kind, object).unwrap_or_default())
    }

    fn gone_line(&mut self, previous: &store::Object, revision: u64) -> Bytes {
        let mut value = form::served(&self.served.kind, previous).unwrap_or_default();
        crate::metadata::set(&mut value, "resourceVersion", revision.to_string());
        self.value_line("DELETED", value)
    }

    fn value_line(&mut self, word: &str, value: Value) -> Bytes {
        let first = std::mem::replace(&mut self.first, false);
        let shown = present::event(&self.served.kind, value, self.form, first, &self.parameters);
        raw_line(word, &encode::json(&shown))
    }

    fn bookmark_line(&mut self, revision: u64, initial_end: bool) -> Bytes {
        let kind = &self.served.kind;
        let mut object = json!({
            "kind": kind.kind.as_ref(),
            "apiVersion": encode::api_version(kind),
            "metadata": { "resourceVersion": revision.to_string() },
        });
        if initial_end {
            object["metadata"]["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let shown = present::bookmark(kind, object, self.form, &self.parameters);
        raw_line("BOOKMARK", &encode::json(&shown))
    }
}

const fn word(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Added => "ADDED",
        EventKind::Modified => "MODIFIED",
        EventKind::Deleted => "DELETED",
    }
}

fn raw_line(word: &str, object: &[u8]) -> Bytes {
    let mut line = Vec::with_capacity(object.len() + 32);
    line.extend_from_slice(b"{\"type\":\"");
    line.extend_from_slice(word.as_bytes());
    line.extend_from_slice(b"\",\"object\":");
    line.extend_from_slice(object);
    line.extend_from_slice(b"}\n");
    line.into()
}

fn error_line(failure: &Failure) -> Bytes {
    raw_line("ERROR", &encode::json(&failure.to_json()))
}
