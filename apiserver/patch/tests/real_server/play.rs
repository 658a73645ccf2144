//! One object, written step by step on both sides.

use apiserver_patch::{
    ApplyError, Operation, PatchError, Writer, apply, json_patch, merge_patch, restore_times,
    strategic_merge_patch, track,
};
use kube::core::Status;
use serde_json::{Value, json};

use crate::rig::{Kind, Rig};

pub(crate) struct Play<'r> {
    rig: &'r Rig,
    kind: &'r Kind,
    name: String,
    live: Option<Value>,
    subresource: &'static str,
    step: usize,
}

impl<'r> Play<'r> {
    pub(crate) fn new(rig: &'r Rig, kind: &'r Kind, name: &str) -> Self {
        Self { rig, kind, name: name.to_owned(), live: None, subresource: "", step: 0 }
    }

    /// The next writes go to a subresource (`status`), or, with "", to the object.
    pub(crate) fn on(&mut self, subresource: &'static str) -> &mut Self {
        self.subresource = subresource;
        self
    }

    pub(crate) fn live(&self) -> &Value {
        self.live.as_ref().expect("an object that was created")
    }

    fn path(&self) -> String {
        let below = if self.subresource.is_empty() {
            String::new()
        } else {
            format!("/{}", self.subresource)
        };
        format!("{}/{}{below}", self.kind.collection, self.name)
    }

    fn excluded(&self) -> &'static [&'static [&'static str]] {
        match (self.subresource, self.kind.has_status, self.kind.is_custom) {
            ("status", _, true) => &[&["metadata"], &["spec"]],
            ("status", _, false) => &[&["metadata", "labels"], &["spec"]],
            (_, true, _) => &[&["status"]],
            (_, false, _) => &[],
        }
    }

    fn whole(&self, mut body: Value) -> Value {
        body["apiVersion"] = json!(self.kind.api_version);
        body["kind"] = json!(self.kind.name);
        body["metadata"]["name"] = json!(self.name);
        body
    }

    fn writer<'w>(
        &'w self,
        manager: &'w str,
        operation: Operation,
        real: Option<&Value>,
    ) -> Writer<'w> {
        let time = real.or(self.live.as_ref()).and_then(latest);
        let now = time.unwrap_or_else(|| "2020-01-01T00:00:00Z".to_owned()).parse().unwrap();
        Writer {
            manager,
            operation,
            subresource: self.subresource,
            api_version: &self.kind.api_version,
            now,
        }
    }

    pub(crate) async fn create(&mut self, manager: &str, body: Value) -> &mut Self {
        let body = self.whole(body);
        let path = format!("{}?fieldManager={manager}", self.kind.collection);
        let real = self.rig.send("POST", &path, "application/json", &body).await.unwrap();
        self.owned(manager, &body, real)
    }

    /// PUT of the live object with a change.
    pub(crate) async fn update(
        &mut self,
        manager: &str,
        change: impl FnOnce(&mut Value),
    ) -> &mut Self {
        let mut body = self.live().clone();
        change(&mut body);
        let path = format!("{}?fieldManager={manager}", self.path());
        let real = self.rig.send("PUT", &path, "application/json", &body).await.unwrap();
        self.owned(manager, &body, real)
    }

    /// Compares ownership after a write that left `real`, when the client sent `sent`.
    fn owned(&mut self, manager: &str, sent: &Value, real: Value) -> &mut Self {
        let mut mine = real.clone();
        mine["metadata"]["managedFields"] = sent["metadata"]["managedFields"].clone();
        let writer = self.writer(manager, Operation::Update, Some(&real));
        track(&self.kind.schema, self.live.as_ref(), &mut mine, &writer, self.excluded());
        if let Some(live) = &self.live {
            restore_times(live, &mut mine);
        }
        self.agree(&mine, real)
    }

    fn agree(&mut self, mine: &Value, real: Value) -> &mut Self {
        let show = |value: &Value| serde_json::to_string_pretty(value).unwrap();
        let place = format!(
            "{} {} step {} on {:?}",
            self.kind.name, self.name, self.step, self.subresource
        );
        assert_eq!(
            show(mine),
            show(&real),
            "{place}: this crate's on the left, the real server's on the right"
        );
        self.live = Some(real);
        self.step += 1;
        self
    }

    pub(crate) async fn json(&mut self, manager: &str, patch: Value) -> &mut Self {
        let mine = |object: &mut Value| json_patch(object, patch.to_string().as_bytes());
        self.patch(manager, "application/json-patch+json", &patch, mine).await
    }

    pub(crate) async fn merge(&mut self, manager: &str, patch: Value) -> &mut Self {
        let mine = |object: &mut Value| {
            merge_patch(object, &patch);
            Ok(())
        };
        self.patch(manager, "application/merge-patch+json", &patch, mine).await
    }

    pub(crate) async fn strategic(&mut self, manager: &str, patch: Value) -> &mut Self {
        let schema = &self.kind.schema;
        let mine = |object: &mut Value| strategic_merge_patch(schema, object, &patch);
        self.patch(manager, "application/strategic-merge-patch+json", &patch, mine).await
    }

    async fn patch(
        &mut self,
        manager: &str,
        content: &str,
        patch: &Value,
        mine: impl FnOnce(&mut Value) -> Result<(), PatchError>,
    ) -> &mut Self {
        let path = format!("{}?fieldManager={manager}", self.path());
        let real = self.rig.send("PATCH", &path, content, patch).await;
        let mut object = self.live().clone();
        match (mine(&mut object), real) {
            (Ok(()), Ok(real)) => {
                if self.subresource.is_empty() {
                    assert_eq!(
                        self.plain(&object),
                        self.plain(&real),
                        "{} {} step {}",
                        self.kind.name,
                        self.name,
                        self.step
                    );
                }
                self.owned(manager, &object, real)
            }
            (Err(error), Err(status)) => {
                let told = (error.code(), error.reason().to_owned(), error.to_string());
                assert_eq!(
                    told,
                    (status.code, status.reason, status.message),
                    "{} {patch}",
                    self.name
                );
                self
            }
            (mine, real) => {
                panic!("{} {patch}: this crate {mine:?}, the real server {real:?}", self.name)
            }
        }
    }

    pub(crate) async fn apply(&mut self, manager: &str, config: Value) -> &mut Self {
        self.apply_with(manager, config, false).await
    }

    pub(crate) async fn force(&mut self, manager: &str, config: Value) -> &mut Self {
        self.apply_with(manager, config, true).await
    }

    async fn apply_with(&mut self, manager: &str, config: Value, force: bool) -> &mut Self {
        let config = self.whole(config);
        let path = format!("{}?fieldManager={manager}&force={force}", self.path());
        let real = self.rig.send("PATCH", &path, "application/apply-patch+yaml", &config).await;
        let writer = self.writer(manager, Operation::Apply, real.as_ref().ok());
        let mine =
            apply(&self.kind.schema, self.live.as_ref(), &config, &writer, force, self.excluded());
        match (mine, real) {
            (Ok(mine), Ok(real)) => {
                let mine = self.as_stored(mine, &real);
                self.agree(&mine, real)
            }
            (Err(error), Err(status)) => {
                assert_eq!(
                    sorted_lines(&error.to_string()),
                    sorted_lines(&status.message),
                    "{}",
                    self.name
                );
                assert_eq!(error.code(), status.code, "{}", self.name);
                assert_same_causes(&error, &status);
                self
            }
            // What is left empty becomes null, in both, and a custom resource may not hold it.
            (Ok(mine), Err(status)) if status.code == 422 && self.kind.is_custom => {
                assert!(mine.to_string().contains("null"), "{}: {status:?}", self.name);
                self
            }
            (mine, real) => panic!(
                "{} step {}: this crate {mine:?}, the real server {real:?}",
                self.name, self.step
            ),
        }
    }

    /// Without what the server counts and what is compared elsewhere.
    fn plain(&self, object: &Value) -> Value {
        let mut object = object.clone();
        for name in ["resourceVersion", "generation", "managedFields"] {
            object["metadata"].as_object_mut().unwrap().remove(name);
        }
        if !self.kind.is_custom {
            without_empty(&mut object);
        }
        object
    }

    /// With what the server fills in.
    fn as_stored(&self, mut mine: Value, real: &Value) -> Value {
        for name in ["uid", "resourceVersion", "generation", "creationTimestamp", "namespace"] {
            if let Some(value) = real["metadata"].get(name) {
                mine["metadata"][name] = value.clone();
            }
        }
        // The one default of the custom kind.
        for entry in
            mine.pointer_mut("/spec/list").and_then(Value::as_array_mut).into_iter().flatten()
        {
            entry.as_object_mut().unwrap().entry("protocol").or_insert_with(|| json!("TCP"));
        }
        if !self.kind.is_custom {
            // Go's types decide which empty fields are written.
            assert_eq!(self.plain(&mine), self.plain(real), "{} step {}", self.name, self.step);
            let list = mine["metadata"]["managedFields"].take();
            mine = real.clone();
            mine["metadata"]["managedFields"] = list;
        }
        if let Some(live) = &self.live {
            if !self.subresource.is_empty() {
                let list = mine["metadata"]["managedFields"].take();
                mine["metadata"] = real["metadata"].clone();
                mine["metadata"]["managedFields"] = list;
            }
            restore_times(live, &mut mine);
        }
        mine
    }
}

/// The real server lists what is wrong in a random order.
fn sorted_lines(text: &str) -> Vec<&str> {
    let mut lines: Vec<_> = text.lines().collect();
    lines.sort_unstable();
    lines
}

fn assert_same_causes(error: &ApplyError, status: &Status) {
    let ApplyError::Conflicts(conflicts) = error else { return };
    let details = serde_json::to_value(&status.details).unwrap();
    let sorted = |causes: &[Value]| {
        let mut causes: Vec<_> = causes.iter().map(ToString::to_string).collect();
        causes.sort();
        causes
    };
    assert_eq!(sorted(&conflicts.causes()), sorted(details["causes"].as_array().unwrap()));
}

/// Without what a Go type does not tell from an absent field.
fn without_empty(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(without_empty);
            map.retain(|_, value| !value.is_null() && value != &json!({}) && value != &json!([]));
        }
        Value::Array(items) => items.iter_mut().for_each(without_empty),
        _ => {}
    }
}

fn latest(object: &Value) -> Option<String> {
    let list = object["metadata"]["managedFields"].as_array()?;
    list.iter().filter_map(|entry| entry["time"].as_str()).max().map(str::to_owned)
}
