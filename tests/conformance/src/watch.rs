//! A watch, event by event.

use anyhow::{Context, Result, bail};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};

use super::call::{Call, get};
use super::session::{LIMIT, Session};

/// A watch that was opened.
#[derive(Debug)]
pub(crate) struct Watch {
    asked: String,
    body: Body,
    unread: Vec<u8>,
}

impl Session {
    /// Opens a watch; the answer must be 200, else it is recorded and an error.
    pub(crate) async fn watch(&mut self, path: &str) -> Result<Watch> {
        self.watch_call(get(path)).await
    }

    /// Opens a watch with headers of the case's own.
    pub(crate) async fn watch_call(&mut self, call: Call) -> Result<Watch> {
        let asked = format!("WATCH {}", self.fill(&call.path));
        let response = tokio::time::timeout(LIMIT, self.send(&call))
            .await
            .context("the watch does not start")??;
        if response.status() != 200 {
            let status = response.status();
            let text =
                String::from_utf8_lossy(&response.into_body().collect_bytes().await?).into_owned();
            bail!("{asked}: {status}: {text}");
        }
        let kind = response
            .headers()
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        self.note(&asked, &json!({ "status": 200, "headers": { "content-type": kind } }));
        Ok(Watch { asked, body: response.into_body(), unread: Vec::new() })
    }

    /// Records the next events, bookmarks left out.
    pub(crate) async fn events(&mut self, watch: &mut Watch, count: usize) -> Result<()> {
        for _ in 0..count {
            let event = watch.next_change().await?;
            self.note_event(watch, &event);
        }
        Ok(())
    }

    /// Records the next events, bookmarks too.
    pub(crate) async fn all_events(&mut self, watch: &mut Watch, count: usize) -> Result<()> {
        for _ in 0..count {
            let event = watch.next().await?.context("the watch ended")?;
            self.note_event(watch, &event);
        }
        Ok(())
    }

    /// Records that the server ends the watch, after what events it sends before.
    pub(crate) async fn end(&mut self, watch: &mut Watch) -> Result<()> {
        while let Some(event) = watch.next().await? {
            // Whether a last bookmark comes depends on the moment.
            if event["type"] != "BOOKMARK" {
                self.note_event(watch, &event);
            }
        }
        self.note(&watch.asked, &json!({ "event": "end" }));
        Ok(())
    }

    /// Records an event as the step of a watch.
    pub(crate) fn note_event(&mut self, watch: &Watch, event: &Value) {
        let mut object = event["object"].clone();
        let kind = event["type"].as_str().unwrap_or("no type");
        if kind == "BOOKMARK"
            && object.pointer("/metadata/resourceVersion").is_some_and(|version| version != "")
        {
            object["metadata"]["resourceVersion"] = "<list-rv>".into();
            let object = json!({ "event": kind, "object": object });
            return self.note_raw(&watch.asked, object);
        }
        self.note(&watch.asked, &json!({ "event": kind, "object": object }));
    }

    fn note_raw(&mut self, asked: &str, mut came: Value) {
        // The placeholder must not count as a version of an object.
        let version = came["object"]["metadata"]["resourceVersion"].take();
        came["object"]["metadata"]["version"] = version;
        self.note(asked, &came);
    }
}

impl Watch {
    /// The next event, or `None` where the server ended the watch.
    pub(crate) async fn next(&mut self) -> Result<Option<Value>> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                let text = || {
                    format!(
                        "{}: an event that is no JSON: {}",
                        self.asked,
                        String::from_utf8_lossy(&line)
                    )
                };
                return Ok(Some(serde_json::from_slice(&line).with_context(text)?));
            }
            let frame = tokio::time::timeout(LIMIT, self.body.frame()).await;
            let frame =
                frame.with_context(|| format!("{}: no event within {LIMIT:?}", self.asked))?;
            let Some(frame) = frame else {
                return Ok(None);
            };
            let frame = frame.with_context(|| format!("{}: the connection broke", self.asked))?;
            self.unread.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
        }
    }

    /// The next event that is no bookmark.
    pub(crate) async fn next_change(&mut self) -> Result<Value> {
        loop {
            let event =
                self.next().await?.with_context(|| format!("{}: the watch ended", self.asked))?;
            if event["type"] != "BOOKMARK" {
                return Ok(event);
            }
        }
    }
}
