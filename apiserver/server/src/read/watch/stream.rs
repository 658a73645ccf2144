//! A watch that is open.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use apiserver_store::{self as store, EventKind};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Watch;
use super::line::{error_line, raw_line, word};
use super::start::{Ready, Source, Start};
use crate::access::standing::Standing;
use crate::answer::presentation;
use crate::failure::Failure;
use crate::limits::budget::Permit;
use crate::object::{encoding, metadata, version};
use crate::read::selection::Selection;
use crate::request::accept::Form;
use crate::request::parameters::Parameters;
use crate::state::served::Served;

/// How often a quiet watch sends the revision that it has come to.
const BOOKMARK_EVERY: Duration = Duration::from_mins(1);

/// The longest that a client may ask for: what it may see is looked at when a watch begins.
const LONGEST_ASKED: Duration = Duration::from_hours(24);

/// A watch without `timeoutSeconds` ends after this long.
const LONGEST: Duration = Duration::from_mins(45);

pub(super) struct Stream {
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
    standing: Standing,
    _permit: Permit,
}

/// What woke a watch up.
enum Woken {
    Event(Result<Arc<store::Event>, store::Lost>),
    Bookmark,
    /// The user may have lost the right to go on.
    Unsettled,
    End,
}

impl Stream {
    pub(super) fn new(watch: Watch<'_>, selection: Selection, start: Start) -> Self {
        let asked = watch.parameters.timeout.filter(|seconds| *seconds > 0);
        let lifetime = asked.map_or(LONGEST, Duration::from_secs).min(LONGEST_ASKED);
        let lifetime = watch.standing.left().map_or(lifetime, |left| lifetime.min(left));
        Self {
            served: watch.served.clone(),
            selection,
            form: watch.accepted.form,
            ready: start.ready,
            source: start.source,
            ends: Instant::now() + lifetime,
            bookmark: Instant::now() + BOOKMARK_EVERY,
            stop: watch.stop,
            first: true,
            parameters: watch.parameters.clone(),
            standing: watch.standing,
            _permit: watch.permit,
        }
    }

    /// The next line; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        loop {
            if !self.standing.holds() {
                return None;
            }
            if let Some(ready) = self.ready.pop_front() {
                return Some(self.ready_line(ready));
            }
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

    fn ready_line(&mut self, ready: Ready) -> Bytes {
        match ready {
            Ready::Added(object) => self.line("ADDED", &object),
            Ready::InitialEnd(revision) => self.bookmark_line(revision, true),
        }
    }

    async fn wait(&mut self, source: &mut store::Watch) -> Woken {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Woken::End,
            () = sleep_until(self.ends) => Woken::End,
            () = self.standing.unsettled() => Woken::Unsettled,
            event = source.next() => Woken::Event(event),
            () = sleep_until(self.bookmark), if self.parameters.allow_watch_bookmarks => Woken::Bookmark,
        }
    }

    fn wake(&mut self, woken: Woken, source: &mut store::Watch) -> Option<Result<Bytes, Failure>> {
        match woken {
            Woken::End | Woken::Unsettled => None,
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
        if self.form == Form::Object
            && version::is_served_as_stored(&self.served.kind, &event.object)
        {
            return event.cached(|event| raw_line(word(event.kind), &event.object.json));
        }
        self.line(word(event.kind), &event.object)
    }

    fn line(&mut self, word: &str, object: &store::Object) -> Bytes {
        let kind = self.served.kind.clone();
        if self.form == Form::Object && version::is_served_as_stored(&kind, object) {
            return raw_line(word, &object.json);
        }
        self.value_line(word, version::served(&kind, object).unwrap_or_default())
    }

    fn gone_line(&mut self, previous: &store::Object, revision: u64) -> Bytes {
        let mut value = version::served(&self.served.kind, previous).unwrap_or_default();
        metadata::set(&mut value, "resourceVersion", revision.to_string());
        self.value_line("DELETED", value)
    }

    fn value_line(&mut self, word: &str, value: Value) -> Bytes {
        let first = std::mem::replace(&mut self.first, false);
        let shown =
            presentation::event(&self.served.kind, value, self.form, first, &self.parameters);
        raw_line(word, &encoding::json(&shown))
    }

    fn bookmark_line(&mut self, revision: u64, initial_end: bool) -> Bytes {
        let kind = &self.served.kind;
        let mut object = json!({
            "kind": kind.kind.as_ref(),
            "apiVersion": kind.api_version(),
            "metadata": { "resourceVersion": revision.to_string() },
        });
        if initial_end {
            object["metadata"]["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
        }
        let shown = presentation::bookmark(kind, object, self.form, &self.parameters);
        raw_line("BOOKMARK", &encoding::json(&shown))
    }
}
