//! Kubernetes events: what happened to an object, where people look for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::{Event, EventSeries};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::kube::write::FIELD_MANAGER;
use crate::process::clock;

/// How an event is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// As it should be.
    Normal,
    /// Somebody may have to look at it.
    Warning,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// Publishes events. Clones share what has been published.
///
/// Best effort: a call never fails and takes at most a few seconds. The same event (object, kind, reason, action and
/// note) again within 6 minutes is counted in the first one, and that count is written at most every 30 s; a
/// different note is a new event, so that an old text never stands for a new fact. (kube's `Recorder` leaves the
/// note out of the comparison.)
#[derive(Clone)]
pub struct Reporter {
    client: Client,
    component: String,
    instance: String,
    published: Arc<Mutex<HashMap<Key, Published>>>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    /// Kind, namespace, name and uid of the object.
    regarding: [Option<String>; 4],
    kind: Kind,
    reason: String,
    action: String,
    note: String,
}

struct Published {
    name: String,
    count: i32,
    seen: Instant,
    written: Instant,
}

impl Reporter {
    /// `component` is the reporting controller (`meshroot-hub`), `instance` this process (its pod).
    #[must_use]
    pub fn new(client: Client, component: impl Into<String>, instance: impl Into<String>) -> Self {
        Self {
            client,
            component: cut(component.into(), LONGEST_WORD),
            instance: cut(instance.into(), LONGEST_WORD),
            published: Arc::default(),
        }
    }

    /// Says that `action` on `regarding` had the outcome `reason` (both CamelCase words of at most 128 bytes), with a
    /// `note` for people, which is cut at 1 KiB as the API demands.
    pub async fn publish(
        &self,
        regarding: &ObjectReference,
        kind: Kind,
        reason: &str,
        action: &str,
        note: impl Into<String>,
    ) {
        let key = Key {
            regarding: [&regarding.kind, &regarding.namespace, &regarding.name, &regarding.uid]
                .map(Clone::clone),
            kind,
            reason: cut(reason.to_owned(), LONGEST_WORD),
            action: cut(action.to_owned(), LONGEST_WORD),
            note: cut(note.into(), LONGEST_NOTE),
        };
        match timeout(LONGEST_WRITE, self.write(regarding, key)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, reason, "event not published"),
            Err(_) => tracing::debug!(reason, "event not published in time"),
        }
    }

    async fn write(&self, regarding: &ObjectReference, key: Key) -> Result<(), kube::Error> {
        let events = Api::namespaced(self.client.clone(), namespace(regarding));
        match self.repetition(&key).await {
            Repetition::Counted => Ok(()),
            Repetition::Count(name, count) => self.write_count(&events, &name, count).await,
            Repetition::New => {
                let event = self.event(regarding, &key, clock::now());
                let name = event.metadata.name.clone().unwrap_or_default();
                let now = Instant::now();
                self.published
                    .lock()
                    .await
                    .insert(key, Published { name, count: 1, seen: now, written: now });
                let parameters = PostParams {
                    field_manager: Some(FIELD_MANAGER.to_owned()),
                    ..Default::default()
                };
                events.create(&parameters, &event).await.map(|_| ())
            }
        }
    }

    async fn repetition(&self, key: &Key) -> Repetition {
        let mut published = self.published.lock().await;
        published.retain(|_, earlier| earlier.seen.elapsed() < SAME_SERIES);
        let Some(earlier) = published.get_mut(key) else { return Repetition::New };
        earlier.count = earlier.count.saturating_add(1);
        earlier.seen = Instant::now();
        if earlier.written.elapsed() < BETWEEN_COUNTS {
            return Repetition::Counted;
        }
        earlier.written = earlier.seen;
        Repetition::Count(earlier.name.clone(), earlier.count)
    }

    async fn write_count(
        &self,
        events: &Api<Event>,
        name: &str,
        count: i32,
    ) -> Result<(), kube::Error> {
        let series = EventSeries { count, last_observed_time: MicroTime(clock::now()) };
        let patch = Patch::Merge(serde_json::json!({ "series": series }));
        let parameters =
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..Default::default() };
        events.patch(name, &parameters, &patch).await.map(|_| ())
    }

    fn event(&self, regarding: &ObjectReference, key: &Key, now: Timestamp) -> Event {
        let subject = regarding.name.as_deref().unwrap_or(&self.component);
        Event {
            metadata: ObjectMeta {
                // 253 is the limit of a name; the rest is the time in hexadecimal.
                name: Some(format!("{}.{:x}", cut(subject.to_owned(), 220), now.as_nanosecond())),
                namespace: Some(namespace(regarding).to_owned()),
                ..Default::default()
            },
            event_time: Some(MicroTime(now)),
            regarding: Some(regarding.clone()),
            type_: Some(key.kind.as_str().to_owned()),
            reason: Some(key.reason.clone()),
            action: Some(key.action.clone()),
            note: Some(key.note.clone()),
            reporting_controller: Some(self.component.clone()),
            reporting_instance: Some(self.instance.clone()),
            ..Default::default()
        }
    }
}

enum Repetition {
    New,
    Counted,
    Count(String, i32),
}

/// Events on cluster-scoped objects live in `default`, where kubectl looks for them.
fn namespace(regarding: &ObjectReference) -> &str {
    regarding.namespace.as_deref().unwrap_or("default")
}

/// The longest beginning of `text` of at most `bytes` bytes.
fn cut(mut text: String, bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(bytes));
    text
}

const SAME_SERIES: Duration = Duration::from_mins(6);
const BETWEEN_COUNTS: Duration = Duration::from_secs(30);
const LONGEST_WRITE: Duration = Duration::from_secs(5);
const LONGEST_WORD: usize = 128;
const LONGEST_NOTE: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("aäb".to_owned(), 2), "a");
        assert_eq!(cut("aäb".to_owned(), 3), "aä");
        assert_eq!(cut("ab".to_owned(), 9), "ab");
    }
}
