//! Lists that are put together while they are sent.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;

use apiserver_kinds::Kind;
use apiserver_store as store;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::object::{encoding, version};

/// Bytes of a frame of a list that is sent while it is put together.
const FRAME_BYTES: usize = 64 * 1024;

/// A list whose items are copied into frames as the client takes them: a big list needs no second copy in memory.
pub(super) fn streamed(
    kind: Arc<Kind>,
    objects: Vec<Arc<store::Object>>,
    metadata: &Value,
) -> Answer {
    let head = format!(
        "{{\"kind\":{},\"apiVersion\":{},\"metadata\":{metadata},\"items\":[",
        json!(kind.list_kind.as_ref()),
        json!(kind.api_version()),
    );
    let items = Items { kind, objects: objects.into(), head: Some(head) };
    let frames = futures::stream::unfold(Some(items), |items| async move {
        let (frame, items) = items?.frame();
        Some((Ok::<_, Infallible>(Frame::data(frame)), items))
    });
    Answer::streaming(StatusCode::OK, "application/json", StreamBody::new(frames).boxed_unsync())
}

/// What is still to be sent of a list.
struct Items {
    kind: Arc<Kind>,
    objects: VecDeque<Arc<store::Object>>,
    /// What the list begins with, until it is sent.
    head: Option<String>,
}

impl Items {
    /// The next frame, and what is left after it.
    fn frame(mut self) -> (Bytes, Option<Self>) {
        let mut buffer = match self.head.take() {
            Some(head) => BytesMut::from(head.as_bytes()),
            None => BytesMut::with_capacity(FRAME_BYTES + 8192),
        };
        while buffer.len() < FRAME_BYTES {
            let Some(object) = self.objects.pop_front() else {
                buffer.extend_from_slice(b"]}\n");
                return (buffer.freeze(), None);
            };
            item(&self.kind, &object, &mut buffer);
            if !self.objects.is_empty() {
                buffer.extend_from_slice(b",");
            }
        }
        (buffer.freeze(), Some(self))
    }
}

/// Items of built-in kinds do not repeat the type that the list has.
fn item(kind: &Kind, object: &store::Object, buffer: &mut BytesMut) {
    if !version::is_served_as_stored(kind, object) {
        match version::served(kind, object) {
            Ok(mut value) => {
                if let (Value::Object(fields), false) = (&mut value, kind.custom) {
                    fields.retain(|key, _| key != "apiVersion" && key != "kind");
                }
                buffer.extend_from_slice(&encoding::json(&value));
            }
            // It is logged; a list with a hole is better than none, and JSON stays JSON.
            Err(_) => buffer.extend_from_slice(b"null"),
        }
    } else if kind.custom {
        buffer.extend_from_slice(&object.json);
    } else {
        buffer.extend_from_slice(b"{");
        buffer.extend_from_slice(encoding::without_type(kind, &object.json));
    }
}
